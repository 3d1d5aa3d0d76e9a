#!/usr/bin/env node
/**
 * Builds the package and the page and serves them on this machine.
 *
 *   npm start
 *   npm start -- --port 8080
 *   npm start -- --dev      the page's development server: changes in web/src show at once
 */
import { parseArgs } from "node:util";
import { buildPage, pageAssets } from "./lib/build.mjs";
import { at } from "./lib/paths.mjs";
import { Problem, main, say } from "./lib/run.mjs";
import { setUp } from "./setup.mjs";

const PORT = 4173;

await main(async () => {
  const { values } = parseArgs({ options: { port: { type: "string" }, dev: { type: "boolean" } } });
  const port = values.port === undefined ? PORT : Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new Problem(`${values.port} is not a port number.`);
  await setUp(["node", "packages", "venv"]);
  await (values.dev ? pageAssets() : buildPage());
  const { createServer, preview } = await import("vite");
  // another port is taken when this one is in use, unless it was asked for
  const server = { host: "127.0.0.1", port, strictPort: values.port !== undefined };
  const config = {
    root: at("web"),
    configFile: at("web", "vite.config.ts"),
    logLevel: values.dev ? "info" : "error",
  };
  let serving;
  try {
    serving = values.dev
      ? await (await createServer({ ...config, server })).listen()
      : await preview({ ...config, preview: server });
  } catch (error) {
    throw new Problem(`Could not serve on port ${port}: ${error.message}`);
  }
  say("\nwasmarium is at");
  console.log(serving.resolvedUrls.local[0]);
  say("\nCtrl-C ends it.");
});
