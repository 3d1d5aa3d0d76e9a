#!/usr/bin/env node
/** Mends and formats what tools can by themselves (`npm run format`): ruff for Python, ESLint and Prettier for the rest. */
import { FIXES } from "./lib/lint.mjs";
import { main, run } from "./lib/run.mjs";
import { setUp } from "./setup.mjs";

await main(async () => {
  await setUp(["node", "packages", "venv"]);
  const codes = [];
  for (const [command, args] of Object.values(FIXES))
    codes.push((await run(command, args, { show: true })).code);
  return codes.every((code) => code === 0) ? 0 : 1;
});
