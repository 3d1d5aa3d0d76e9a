#!/usr/bin/env node
/**
 * Makes the checkout ready; what is ready already costs a moment only.
 *
 *   npm run setup              everything
 *   npm run setup -- venv      only some of: node packages venv browser
 */
import { pathToFileURL } from "node:url";
import { ensureBrowser } from "./lib/browser.mjs";
import { ensureNode } from "./lib/node.mjs";
import { ensurePackages } from "./lib/packages.mjs";
import { ensureVenv } from "./lib/python.mjs";
import { Problem, main, say, seconds } from "./lib/run.mjs";
import { exclusively } from "./lib/stamps.mjs";

// In this order: npm packages are installed by the new Node, the browser by an npm package.
const PARTS = { node: ensureNode, packages: ensurePackages, venv: ensureVenv, browser: ensureBrowser };

/** Sets up the named parts (all of them when none is named); resolves to what each part gives. */
export async function setUp(names = Object.keys(PARTS)) {
  return exclusively("setup", async () => {
    const made = {};
    for (const [name, ensure] of Object.entries(PARTS)) {
      if (names.includes(name)) made[name] = await ensure();
    }
    return made;
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(async () => {
    const names = process.argv.slice(2);
    const unknown = names.filter((name) => !(name in PARTS));
    if (unknown.length)
      throw new Problem(`Unknown part ${unknown.join(", ")}; there are ${Object.keys(PARTS).join(", ")}.`);
    const start = performance.now();
    const made = await setUp(names.length ? names : undefined);
    for (const [name, value] of Object.entries(made)) if (value) say(`${name}: ${value}`);
    say(`ready in ${seconds(start)}`);
  });
}
