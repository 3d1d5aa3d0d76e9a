#!/usr/bin/env node
/** Builds the package and the page and serves them on this machine. HELP tells how it is called. */
import { parseArgs } from "node:util";
import { buildPage, pageAssets } from "./lib/build.mjs";
import { at } from "./lib/paths.mjs";
import { Problem, main, say } from "./lib/run.mjs";
import { setUp } from "./setup.mjs";

const PORT = 4173;

const HELP = `npm start                       builds the page and serves it at port ${PORT}, or another one that is free
npm start -- --port 8080        at this port
npm start -- --dev              the page's development server: changes in web/ show at once`;

await main(async () => {
  const { values } = parseArgs({
    options: { port: { type: "string" }, dev: { type: "boolean" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
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
