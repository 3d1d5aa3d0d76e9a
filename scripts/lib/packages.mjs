/** `node_modules`, as package-lock.json says. */
import fs from "node:fs";
import { at } from "./paths.mjs";
import { must, npm, say, seconds } from "./run.mjs";

const packagesOf = (file) => JSON.parse(fs.readFileSync(file, "utf8")).packages;

/** True when every package of the lock is installed in its version (npm records what it installed). */
function upToDate() {
  const record = at("node_modules", ".package-lock.json");
  if (!fs.existsSync(record)) return false;
  const [wanted, have] = [packagesOf(at("package-lock.json")), packagesOf(record)];
  return Object.entries(wanted).every(
    ([name, entry]) => name === "" || entry.optional || have[name]?.version === entry.version,
  );
}

export async function ensurePackages() {
  if (upToDate()) return;
  const start = performance.now();
  say("• npm packages (node_modules) …");
  const [command, args, options] = npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  await must("npm ci", command, args, {
    ...options,
    hint: "Set-up fetches the packages of package-lock.json from npm; check the connection and run it again.",
  });
  say(`  done in ${seconds(start)}`);
}
