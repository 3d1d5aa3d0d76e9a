/**
 * Tells the worker which runtime files the page serves.
 *
 * `npm run build` and `npm start` lay Pyodide and the wheels into `web/public`; this plugin looks
 * what is there and offers it as `virtual:wasmarium-runtime`.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { Plugin } from "vite";

const ID = "virtual:wasmarium-runtime";
const FETCHED = /^(pyodide\.asm\.wasm|python_stdlib\.zip|micropip-.*\.whl)$/;

interface Found {
  readonly path: string;
  readonly size: number;
}

function list(directory: string, folder: string, wanted: RegExp): Found[] {
  const full = path.join(directory, folder);
  if (!fs.existsSync(full)) return [];
  return fs
    .readdirSync(full)
    .filter((name) => wanted.test(name))
    .map((name) => ({ path: `${folder}/${name}`, size: fs.statSync(path.join(full, name)).size }));
}

export function runtimePlugin(publicDirectory: string): Plugin {
  return {
    name: "wasmarium-runtime",
    resolveId: (id) => (id === ID ? `\0${ID}` : null),
    load(id) {
      if (id !== `\0${ID}`) return null;
      const runtime = list(publicDirectory, "pyodide", FETCHED);
      const wheels = list(publicDirectory, "wheels", /^wasmarium-.*\.whl$/);
      const [wheel] = wheels;
      if (!wheel || wheels.length > 1 || runtime.length < 3) {
        this.error(
          `web/public must hold Pyodide with micropip and one wasmarium wheel (there are ${String(wheels.length)}); ` +
            "`npm run build` lays them there.",
        );
      }
      // The wheel's name says only its version; its digest keeps browsers from using an old one.
      const bytes = fs.readFileSync(path.join(publicDirectory, wheel.path));
      const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
      return [
        `export const files = ${JSON.stringify([...runtime, wheel])};`,
        `export const wheel = ${JSON.stringify(`${wheel.path}?${digest}`)};`,
      ].join("\n");
    },
  };
}
