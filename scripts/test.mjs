#!/usr/bin/env node
/**
 * Every check and every test; sets up what they need first.
 *
 *   npm test
 *   npm test -- --only unit,lint        some stages (see --help)
 *   npm test -- --only chrome -- tests/unit/test_x.py -k name      what follows goes to the stage's test runner
 */
import fs from "node:fs";
import { parseArgs } from "node:util";
import { buildPage, buildWheel, pyodideForTests } from "./lib/build.mjs";
import { CHECKS } from "./lib/lint.mjs";
import { at, cache, venvProgram } from "./lib/paths.mjs";
import { Problem, main, run, say, seconds } from "./lib/run.mjs";
import { countTests, reportFile } from "./lib/reports.mjs";
import { setUp } from "./setup.mjs";

// A stage that takes longer than this hangs, in seconds.
const TIMEOUT = 900;
const CANARY = "tests/pyodide/test_canary.py";

let extra = [];

/** Runs a tool; its output is shown as it comes. */
async function tool(command, args, env = {}) {
  const { code } = await run(command, args, { show: true, env, timeout: TIMEOUT });
  if (code !== 0)
    throw new Problem(code === null ? `${command} could not be started` : `it ended with status ${code}`);
}

const node = (file, ...args) => tool("node", [at("node_modules", ...file.split("/")), ...args]);

async function pytest(name, args, env = {}) {
  const file = reportFile(name);
  await tool(
    venvProgram("pytest"),
    [`--junitxml=${file}`, `-ojunit_suite_name=${name}`, ...args, ...extra],
    env,
  );
}

async function insidePyodide(name, runtime) {
  const folder = await pyodideForTests();
  await buildWheel();
  const record = cache("reports", `${name}-canary.json`);
  fs.rmSync(record, { force: true });
  // with arguments of the user's the canary still goes along
  const where = extra.length ? [CANARY] : [];
  await pytest(
    name,
    ["--run-in-pyodide", "--runtime", runtime, "--runner", "playwright", "--dist-dir", folder, ...where],
    { WASMARIUM_CANARY: record },
  );
  if (extra.length === 0) checkCanary(record);
}

/** That the tests which must fail inside Pyodide were run there and did fail: else a green run says nothing. */
function checkCanary(record) {
  const verdicts = fs.existsSync(record) ? Object.values(JSON.parse(fs.readFileSync(record, "utf8"))) : [];
  const written = fs.readFileSync(at(CANARY), "utf8").match(/^ *(async )?def test_/gm).length;
  const failed = verdicts.filter((verdict) => verdict === "failed").length;
  if (failed !== verdicts.length || failed < written) {
    throw new Problem(
      `only ${failed} tests of ${CANARY} were seen to fail inside Pyodide; ${written} or more must`,
    );
  }
}

const lint = (name, needs) => ({ group: "lint", needs, run: () => tool(...CHECKS[name]) });

const STAGES = {
  ruff: lint("ruff", ["venv"]),
  mypy: lint("mypy", ["venv"]),
  eslint: lint("eslint", ["packages"]),
  prettier: lint("prettier", ["packages"]),
  tsc: lint("tsc", ["packages"]),
  unit: {
    tests: true,
    needs: ["packages", "venv"],
    what: "pytest on CPython",
    run: () => pytest("unit", []),
  },
  wheel: {
    needs: ["packages", "venv"],
    what: "the wheel, and that pyodide-build gives the same",
    async run() {
      const wheel = await buildWheel();
      if (!wheel.endsWith("-py3-none-any.whl")) throw new Problem(`${wheel} is not pure Python`);
      await tool(venvProgram("python"), [at("scripts", "pyodide_build_check.py")]);
    },
  },
  node: {
    tests: true,
    needs: ["packages", "venv"],
    what: "pytest inside Pyodide on Node",
    run: () => insidePyodide("node", "node"),
  },
  chrome: {
    tests: true,
    needs: ["packages", "venv", "browser"],
    what: "pytest inside Pyodide in headless Chromium",
    run: () => insidePyodide("chrome", "chrome"),
  },
  vitest: {
    tests: true,
    needs: ["packages"],
    what: "unit tests of the page's TypeScript",
    run: () =>
      node(
        ...["vitest/vitest.mjs", "run", "--root", "web", "--reporter=default", "--reporter=junit"],
        ...[`--outputFile.junit=${reportFile("vitest")}`, ...extra],
      ),
  },
  page: {
    tests: true,
    needs: ["packages", "venv", "browser"],
    what: "the page in headless Chromium",
    async run() {
      await buildPage();
      const args = ["test", "--config", "web/playwright.config.ts", "--reporter=list,junit", ...extra];
      await tool("node", [at("node_modules", "@playwright", "test", "cli.js"), ...args], {
        PLAYWRIGHT_JUNIT_OUTPUT_FILE: reportFile("page"),
      });
    },
  },
};

const GROUPS = [...new Set(Object.values(STAGES).flatMap((stage) => stage.group ?? []))];

const HELP = `npm test                       everything
npm test -- --only a,b         some stages:
${Object.entries(STAGES)
  .map(
    ([name, stage]) =>
      `    ${name.padEnd(10)} ${stage.what ?? ""}${stage.group ? `(in ${stage.group})` : ""}`,
  )
  .join("\n")}
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

async function runStage(name) {
  const stage = STAGES[name];
  const start = performance.now();
  say(line(stage.what ? `${name}: ${stage.what}` : name));
  fs.rmSync(reportFile(name), { force: true });
  let trouble = "";
  try {
    await stage.run();
  } catch (error) {
    trouble = error instanceof Problem ? error.message : error.stack;
    say(`${name} failed: ${trouble}`);
  }
  const counts = stage.tests ? countTests(name) : { passed: 0, failed: 0, skipped: 0 };
  if (stage.tests && !trouble && counts.passed === 0) trouble = "it ran no test";
  if (trouble && counts.failed === 0) counts.failed = 1;
  return { name, trouble, counts, tests: stage.tests, time: seconds(start) };
}

function summary(results, start) {
  say(line("summary"));
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, trouble, counts, tests, time } of results) {
    for (const key of Object.keys(total)) total[key] += counts[key];
    const numbers = tests
      ? `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`
      : "";
    say(
      `${trouble ? "✘" : "✔"} ${name.padEnd(10)}${time.padStart(9)}   ${numbers}${trouble ? `   ${trouble.split("\n")[0]}` : ""}`,
    );
  }
  say(`in ${seconds(start)}\n`);
  console.log(`total: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed ? 1 : 0;
}

await main(async () => {
  const { values, positionals } = parseArgs({
    options: { only: { type: "string" }, help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  extra = positionals;
  const names = chosen(values.only);
  if (extra.length && names.length !== 1)
    throw new Problem(`Arguments for a test runner need --only STAGE.\n\n${HELP}`);
  const start = performance.now();
  say(line("set-up"));
  await setUp(["node", ...new Set(names.flatMap((name) => STAGES[name].needs))]);
  say(`ready in ${seconds(start)}`);
  fs.mkdirSync(cache("reports"), { recursive: true });
  const results = [];
  for (const name of names) results.push(await runStage(name));
  return summary(results, start);
});
