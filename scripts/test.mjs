#!/usr/bin/env node
/**
 * Every check and every test; sets up what they need first.
 *
 *   npm test
 *   npm test -- --only unit,lint        some stages (see --help)
 *   npm test -- --only chrome -- tests/unit/test_x.py -k name      what follows goes to the stage's test runner
 *   npm test -- --all           inside Pyodide the long tests too
 */
import fs from "node:fs";
import os from "node:os";
import { parseArgs } from "node:util";
import { cache } from "./lib/paths.mjs";
import { countTests, failedTests, reportFile } from "./lib/reports.mjs";
import { Problem, main, run, say, seconds } from "./lib/run.mjs";
import { GROUPS, STAGES } from "./lib/stages.mjs";
import { setUp } from "./setup.mjs";

// A program that takes longer than this hangs, in seconds.
const TIMEOUT = 900;
// More would only wait for the cores: a stage inside Pyodide keeps one busy.
const MOST_AT_A_TIME = 3;
// Lines of a failure that the summary repeats.
const LINES_OF_FAILURE = 25;

const HELP = `npm test                       everything
npm test -- --only a,b         some stages:
${Object.entries(STAGES)
  .map(([name, stage]) => `    ${name.padEnd(10)} ${stage.what ?? `(one of ${stage.group})`}`)
  .join("\n")}
npm test -- --all              also those that are left out inside Pyodide because they take long
npm test -- --jobs N           so many stages at a time (their output comes when they end); 1 shows it as it comes
npm test -- --only unit -- -k trap tests/unit     what follows the second -- goes to pytest, vitest or Playwright
`;

function chosen(only) {
  if (only === undefined) return Object.keys(STAGES);
  const names = only.split(",").filter(Boolean);
  const unknown = names.filter((name) => !(name in STAGES) && !GROUPS.includes(name));
  if (unknown.length) throw new Problem(`There is no stage ${unknown.join(", ")}.\n\n${HELP}`);
  return Object.keys(STAGES).filter((name) => names.includes(name) || names.includes(STAGES[name].group));
}

const line = (text) => `\n━━ ${text} ${"━".repeat(Math.max(3, 76 - text.length))}`;

const headline = (name) => line(STAGES[name].what ? `${name}: ${STAGES[name].what}` : name);

/** Runs one stage, its output into `log` (a file) or through to the terminal; resolves to its result. */
async function runStage(name, extra, log) {
  const stage = STAGES[name];
  const start = performance.now();
  const show = log === undefined ? true : fs.openSync(log, "w");
  const tool = async (command, args, env = {}) => {
    const { code } = await run(command, args, { show, env, timeout: TIMEOUT });
    if (code === null) throw new Problem(`${command} could not be started`);
    if (code !== 0) throw new Problem(`it ended with status ${code}`);
  };
  fs.rmSync(reportFile(name), { force: true });
  let trouble = "";
  try {
    await stage.run({ tool, extra });
  } catch (error) {
    trouble = error instanceof Problem ? error.message : error.stack;
  }
  if (log !== undefined) fs.closeSync(show);
  const counts = stage.tests ? countTests(name) : { passed: 0, failed: 0, skipped: 0 };
  if (stage.tests && !trouble && counts.passed === 0) trouble = "it ran no test";
  if (trouble && counts.failed === 0) counts.failed = 1;
  return { name, trouble, counts, tests: stage.tests, time: seconds(start) };
}

/** Runs stages by themselves, one after the other, with their output as it comes. */
async function oneByOne(names, extra) {
  const results = [];
  for (const name of names) {
    say(headline(name));
    const result = await runStage(name, extra);
    if (result.trouble) say(`${name} failed: ${result.trouble}`);
    results.push(result);
  }
  return results;
}

/** Runs several stages at a time; the output of each is shown when it has ended. */
async function sideBySide(names, jobs) {
  const waiting = [...names];
  const results = [];
  async function lane() {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const log = cache("reports", `${name}.log`);
      say(`▸ ${name} has started`);
      const result = await runStage(name, [], log);
      say(`${headline(name)}\n${fs.readFileSync(log, "utf8").trim()}`);
      say(
        result.trouble
          ? `✘ ${name} failed after ${result.time}: ${result.trouble}`
          : `✔ ${name} in ${result.time}`,
      );
      results.push(result);
    }
  }
  await Promise.all(Array.from({ length: jobs }, lane));
  return results;
}

/** What failed, once more at the end: the whole of the output is too long to look for it there. */
function failures(results) {
  for (const { name: stage } of results.filter((result) => result.trouble && result.tests)) {
    for (const { name, text } of failedTests(stage)) {
      say(line(`failed in ${stage}`));
      const lines = text.split("\n");
      // pytest tells the reason last, Playwright first
      const last = stage !== "page" && stage !== "vitest";
      const shown = last ? lines.slice(-LINES_OF_FAILURE) : lines.slice(0, LINES_OF_FAILURE);
      say(`${name}\n${shown.join("\n")}`);
    }
  }
}

function summary(results, start) {
  failures(results);
  say(line("summary"));
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, trouble, counts, tests, time } of results) {
    for (const key of Object.keys(total)) total[key] += counts[key];
    const numbers = tests
      ? `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`
      : "";
    const why = trouble ? `   ${trouble.split("\n")[0]}` : "";
    say(`${trouble ? "✘" : "✔"} ${name.padEnd(10)}${time.padStart(9)}   ${numbers}${why}`);
  }
  say(`in ${seconds(start)}\n`);
  console.log(`total: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed ? 1 : 0;
}

await main(async () => {
  const { values, positionals: extra } = parseArgs({
    options: {
      only: { type: "string" },
      all: { type: "boolean" },
      jobs: { type: "string", default: String(Math.min(MOST_AT_A_TIME, os.availableParallelism())) },
      help: { type: "boolean", short: "h" },
    },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (values.all) process.env.WASMARIUM_TESTS = "all";
  const names = chosen(values.only);
  const jobs = Number(values.jobs);
  if (!(jobs >= 1)) throw new Problem(`--jobs needs a number from 1 up.\n\n${HELP}`);
  if (extra.length && names.length !== 1) {
    throw new Problem(`Arguments for a test runner need --only STAGE.\n\n${HELP}`);
  }
  const start = performance.now();
  say(line("set-up"));
  await setUp(["node", ...new Set(names.flatMap((name) => STAGES[name].needs))]);
  say(`ready in ${seconds(start)}`);
  fs.mkdirSync(cache("reports"), { recursive: true });
  const first = names.filter((name) => STAGES[name].first);
  const others = names.filter((name) => !STAGES[name].first);
  const results = await oneByOne(jobs === 1 || names.length === 1 ? names : first, extra);
  if (jobs > 1 && names.length > 1) results.push(...(await sideBySide(others, jobs)));
  return summary(results, start);
});
