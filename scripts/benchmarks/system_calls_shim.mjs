/**
 * The calls of system_calls.py with a WASI in JavaScript (@bjorn3/browser_wasi_shim) and nothing of ours.
 * Arguments: rounds, the module, the folder of the shim. Prints JSON as that does.
 */
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [, , rounds, module, folder] = process.argv;
const shim = await import(pathToFileURL(path.join(folder, "dist", "index.js")).href);
const { WASI, File, OpenFile, ConsoleStdout, PreopenDirectory } = shim;
const SECONDS = 0.3;

const silent = () => new ConsoleStdout(() => {});
const wasi = new WASI(
  [],
  [],
  [new OpenFile(new File([])), silent(), silent(), new PreopenDirectory("/", new Map())],
  { debug: false },
);
const { instance } = await WebAssembly.instantiate(fs.readFileSync(module), {
  wasi_snapshot_preview1: wasi.wasiImport,
});
wasi.inst = instance;

/** Calls per second: the best of the rounds. */
function rate(call) {
  let best = 0;
  for (let count = 500, left = Number(rounds); left > 0;) {
    const start = performance.now();
    if (call(count)) throw new Error("a call failed");
    const took = (performance.now() - start) / 1000;
    if (took < SECONDS) count *= 2;
    else {
      best = Math.max(best, count / took);
      left -= 1;
    }
  }
  return best;
}

const found = {};
for (const [name, call] of Object.entries(instance.exports)) {
  if (typeof call === "function") found[name] = rate(call);
}
console.log(JSON.stringify({ browser_wasi_shim: found }));
