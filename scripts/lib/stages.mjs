/**
 * What `npm test` runs. A stage says what it needs to be set up (`needs`) and does its work in `run`, given
 * `tool(command, args, env)`, which starts a program and fails as it fails, and `extra`, the user's arguments for it.
 */
import fs from "node:fs";
import { buildPage, buildWheel, pyodideForTests } from "./build.mjs";
import { CHECKS } from "./lint.mjs";
import { at, cache, venvProgram } from "./paths.mjs";
import { reportFile } from "./reports.mjs";
import { Problem } from "./run.mjs";

const CANARY = "tests/pyodide/test_canary.py";

function pytest(name, { tool, extra }, args, env) {
  const report = [`--junitxml=${reportFile(name)}`, `-ojunit_suite_name=${name}`];
  return tool(venvProgram("pytest"), [...report, ...args, ...extra], env);
}

async function insidePyodide(runtime, context) {
  const folder = await pyodideForTests();
  await buildWheel();
  const record = cache("reports", `${runtime}-canary.json`);
  fs.rmSync(record, { force: true });
  const args = ["--run-in-pyodide", "--runtime", runtime, "--runner", "playwright", "--dist-dir", folder];
  // where the user names files, the canary still goes along
  if (context.extra.some((text) => fs.existsSync(at(text.split("::")[0])))) args.push(CANARY);
  await pytest(runtime, context, args, { WASMARIUM_CANARY: record });
  if (context.extra.length === 0) checkCanary(record);
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

const lint = (name, needs) => ({
  group: "lint",
  needs: [needs],
  run: ({ tool }) => tool(...CHECKS[name]),
});

// The longest first, as several run at a time; `first` ones run before all others, by themselves.
export const STAGES = {
  wheel: {
    what: "the wheel, and that pyodide-build gives the same",
    first: true,
    needs: ["packages", "venv"],
    async run({ tool }) {
      const wheel = await buildWheel();
      if (!wheel.endsWith("-py3-none-any.whl")) throw new Problem(`${wheel} is not pure Python`);
      await tool(venvProgram("python"), [at("scripts", "pyodide_build_check.py")]);
    },
  },
  chrome: {
    what: "pytest inside Pyodide in headless Chromium",
    tests: true,
    needs: ["packages", "venv", "browser"],
    run: (context) => insidePyodide("chrome", context),
  },
  node: {
    what: "pytest inside Pyodide on Node",
    tests: true,
    needs: ["packages", "venv"],
    run: (context) => insidePyodide("node", context),
  },
  unit: {
    what: "pytest on CPython",
    tests: true,
    needs: ["packages", "venv"],
    run: (context) => pytest("unit", context, []),
  },
  page: {
    what: "the page in headless Chromium",
    tests: true,
    needs: ["packages", "venv", "browser"],
    async run({ tool, extra }) {
      await buildPage();
      const playwright = at("node_modules", "@playwright", "test", "cli.js");
      const args = ["test", "--config", "web/playwright.config.ts", "--reporter=list,junit"];
      const env = { PLAYWRIGHT_JUNIT_OUTPUT_FILE: reportFile("page") };
      await tool("node", [playwright, ...args, ...extra], env);
    },
  },
  eslint: lint("eslint", "packages"),
  mypy: lint("mypy", "venv"),
  tsc: lint("tsc", "packages"),
  prettier: lint("prettier", "packages"),
  ruff: lint("ruff", "venv"),
  vitest: {
    what: "unit tests of the page's TypeScript",
    tests: true,
    needs: ["packages"],
    run: ({ tool, extra }) =>
      tool("node", [
        at("node_modules", "vitest", "vitest.mjs"),
        ...["run", "--config", "web/vite.config.ts", "--reporter=default", "--reporter=junit"],
        ...[`--outputFile.junit=${reportFile("vitest")}`, ...extra],
      ]),
  },
};

export const GROUPS = [...new Set(Object.values(STAGES).flatMap((stage) => stage.group ?? []))];
