#!/usr/bin/env node
/**
 * Builds the wheel (dist/) and the page (web/dist, ready for any static host).
 *
 *   npm run build
 *   npm run build -- wheel
 *   npm run build -- tests     a Pyodide with pytest in it, for `pytest --run-in-pyodide`
 *   npm run build -- assets    lays Pyodide and the wheel into web/public, for the page's development server
 */
import { buildPage, buildWheel, pageAssets, pyodideForTests } from "./lib/build.mjs";
import { Problem, main, say } from "./lib/run.mjs";
import { setUp } from "./setup.mjs";

const PARTS = { wheel: buildWheel, tests: pyodideForTests, assets: pageAssets, page: buildPage };

await main(async () => {
  const [part = "page"] = process.argv.slice(2);
  if (!(part in PARTS))
    throw new Problem(`Unknown part ${part}; there are ${Object.keys(PARTS).join(", ")}.`);
  await setUp(["node", "packages", "venv"]);
  say(`built: ${(await PARTS[part]()) ?? "web/public"}`);
});
