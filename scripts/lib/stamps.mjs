/** Doing a piece of set-up once for as long as what it was made from stays the same. */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { cache } from "./paths.mjs";
import { say, seconds } from "./run.mjs";

/** A digest of texts and of the contents of files (`{ file }`). */
export function digest(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) {
    hash.update(typeof part === "string" ? part : fs.readFileSync(part.file)).update("\0");
  }
  return hash.digest("hex");
}

/** Every file below a folder, as sorted paths; caches of the tools are left out. */
export function filesBelow(folder) {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    .filter((file) => !/__pycache__|node_modules/.test(path.relative(folder, file)))
    .sort();
}

const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
};

/** Holds `.cache/NAME.lock` while `action` runs: two runs in one checkout wait for each other. */
export async function exclusively(name, action) {
  const file = cache(`${name}.lock`);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  for (let told = false; ;) {
    try {
      fs.writeFileSync(file, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const owner = Number(fs.readFileSync(file, { encoding: "utf8", flag: "a+" }));
    if (!owner || !alive(owner)) {
      fs.rmSync(file, { force: true });
      continue;
    }
    if (!told) say(`• waiting for process ${owner}, which does the same (${name})`);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  try {
    return await action();
  } finally {
    fs.rmSync(file, { force: true });
  }
}

/**
 * Runs `action` unless `key` is what the stamp `name` recorded last time and `present()` holds.
 * The stamp is taken away first, so an action that was cut short runs again; two runs of the same wait for each other.
 */
export async function once(name, key, present, what, action) {
  const stamp = cache("stamps", name);
  const done = () => fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === key && present();
  if (done()) return;
  await exclusively(`once-${name}`, async () => {
    if (done()) return;
    const start = performance.now();
    say(`• ${what} …`);
    fs.rmSync(stamp, { force: true });
    await action();
    fs.mkdirSync(path.dirname(stamp), { recursive: true });
    fs.writeFileSync(stamp, key);
    say(`  ${what}: done in ${seconds(start)}`);
  });
}
