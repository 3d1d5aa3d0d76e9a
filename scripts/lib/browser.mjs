/** A Chromium for the browser tests: one that is there, else Playwright's, else Debian's package. */
import fs from "node:fs";
import path from "node:path";
import { at, cache } from "./paths.mjs";
import { Problem, run, say, seconds } from "./run.mjs";

// JSPI is on by default from 137.
const OLDEST = 137;
const RECORD = cache("stamps", "browser");

const COMMANDS = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];
const PLACES = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  ...["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"]
    .filter((name) => process.env[name])
    .map((name) => path.join(process.env[name], "Google", "Chrome", "Application", "chrome.exe")),
];

const onPath = (name) =>
  (process.env.PATH ?? "")
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find((file) => fs.existsSync(file));

/** Resolves to why a browser cannot be used, or to "" when it can. */
async function trouble(file) {
  if (!file || !fs.existsSync(file)) return "not there";
  const { code, output } = await run(file, ["--version"], { timeout: 60 });
  const major = Number(/(\d+)\.\d+\.\d+\.\d+/.exec(output)?.[1]);
  if (code !== 0 || !major) return "does not run";
  return major < OLDEST ? `is version ${major}, older than ${OLDEST}` : "";
}

/** Playwright's own Chromium: where it would be, or undefined. */
async function playwrights() {
  const cli = at("node_modules", "playwright-core", "cli.js");
  const { output } = await run("node", [cli, "install", "--dry-run", "--only-shell", "chromium"]);
  const names = /^(chrome-headless-shell|headless_shell|chrome|Chromium)(\.exe)?$/;
  for (const [, folder] of output.matchAll(/Install location:\s+(.+)/g)) {
    if (!fs.existsSync(folder)) continue;
    const found = fs
      .readdirSync(folder, { recursive: true, withFileTypes: true })
      .find((entry) => entry.isFile() && names.test(entry.name));
    if (found) return path.join(found.parentPath ?? found.path, found.name);
  }
  return undefined;
}

/** The line of a failed program's output that says why. */
function reason(output) {
  const lines = output.trim().split("\n");
  return (lines.find((line) => /^(E: |(\w*Error: ))/.test(line)) ?? lines.at(-1)).trim();
}

async function installPlaywrights() {
  const cli = at("node_modules", "playwright-core", "cli.js");
  const { code, output } = await run("node", [cli, "install", "--only-shell", "chromium"], { timeout: 600 });
  return code === 0 ? "" : reason(output);
}

async function installDebians() {
  if (process.platform !== "linux" || !onPath("apt-get")) return "no apt-get here";
  if (process.getuid() !== 0) return "apt-get needs root";
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const packages = ["chromium", "fonts-dejavu-core"];
  await run("apt-get", ["update", "-qq"], { env, timeout: 300 });
  const { code, output } = await run(
    "apt-get",
    ["install", "-qq", "-y", "--no-install-recommends", ...packages],
    { env, timeout: 900 },
  );
  return code === 0 ? "" : reason(output);
}

/** Resolves to the path of a Chromium that runs; it is also put into the environment as CHROMIUM. */
export async function ensureBrowser() {
  const file = await find();
  process.env.CHROMIUM = file;
  return file;
}

async function find() {
  if (process.env.CHROMIUM) {
    const why = await trouble(process.env.CHROMIUM);
    if (why) throw new Problem(`CHROMIUM is set to ${process.env.CHROMIUM}, which ${why}.`);
    return process.env.CHROMIUM;
  }
  const tried = [];
  const good = async (file) => {
    const why = await trouble(file);
    if (why && file) tried.push(`${file}: ${why}`);
    if (!why) {
      fs.mkdirSync(path.dirname(RECORD), { recursive: true });
      fs.writeFileSync(RECORD, file);
    }
    return !why;
  };
  const recorded = fs.existsSync(RECORD) ? fs.readFileSync(RECORD, "utf8") : undefined;
  for (const file of [recorded, ...COMMANDS.map(onPath), ...PLACES]) {
    if (file && fs.existsSync(file) && (await good(file))) return file;
  }
  const own = await playwrights();
  if (own && (await good(own))) return own;

  const start = performance.now();
  say("• a browser: Playwright's Chromium …");
  let why = await installPlaywrights();
  if (why) {
    say(`  not to be had: ${why}\n• a browser: Debian's package chromium …`);
    tried.push(`Playwright's Chromium: ${why}`);
    why = await installDebians();
    if (why) tried.push(`Debian's chromium: ${why}`);
  }
  say(`  ${why ? `not to be had: ${why}` : "done"} in ${seconds(start)}`);
  for (const file of [onPath("chromium"), await playwrights()]) {
    if (file && (await good(file))) return file;
  }
  throw new Problem(
    `The browser tests need Chromium ${OLDEST} or newer. Tried:\n  ${tried.join("\n  ")}\n\n` +
      "Install Chromium or Chrome, or set CHROMIUM to the path of one.",
  );
}
