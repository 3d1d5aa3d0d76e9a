#!/usr/bin/env node
/**
 * `npx wasmarium ...`: the command line of the Python package, run inside Pyodide on Node. Arguments, files, standard
 * streams and exit code are those of `wasmarium` on CPython.
 *
 *   npx wasmarium run hello.wasm
 *   node scripts/run-in-node.mjs --python MODULE ...     another Python module instead, or a file.py
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { ensureNode, hasJspi, newNode } from "./lib/node.mjs";
import { at } from "./lib/paths.mjs";
import { main } from "./lib/run.mjs";

/** Starts this script again on another Node, and ends as that ends. */
function again(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  // the terminal sends these to both; others reach only this process and are passed on
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

await main(async () => {
  if (!fs.existsSync(at("node_modules", "pyodide", "pyodide.mjs"))) {
    const { setUp } = await import("./setup.mjs");
    await setUp(["node", "packages"]);
  }
  if (!hasJspi()) return again(fs.existsSync(newNode()) ? newNode() : await ensureNode());
  const { runProgram } = await import("./lib/pyodide-on-node.mjs");
  const args = process.argv.slice(2);
  const program = args[0] === "--python" ? args.splice(0, 2)[1] : "wasmarium";
  // exit at once: Pyodide may keep handles open, and all output has been written synchronously
  process.exit(await runProgram(program, args));
});
