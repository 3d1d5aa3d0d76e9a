#!/usr/bin/env node
/**
 * Rewrites requirements.lock from pyproject.toml (`npm run lock`), keeping pins that still fit.
 * The lock holds for every Python from 3.11 and every platform; uv is used for this only and lives in .cache.
 */
import { at, cache, windows } from "./lib/paths.mjs";
import { ensureVenv } from "./lib/python.mjs";
import { main, must } from "./lib/run.mjs";
import path from "node:path";

await main(async () => {
  const python = await ensureVenv();
  const folder = cache("uv");
  await must("Fetching uv", python, ["-m", "pip", "install", "-q", "--upgrade", "--target", folder, "uv"]);
  const uv = path.join(folder, "bin", windows ? "uv.exe" : "uv");
  const what = ["pyproject.toml", "--group", "dev", "--extra", "test", "--extra", "native"];
  const how = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "-q"];
  await must(
    "Locking",
    uv,
    ["pip", "compile", ...what, ...how, "-o", at("requirements.lock"), ...process.argv.slice(2)],
    {
      show: true,
    },
  );
});
