/** The linters and formatters as [command, arguments], for checking (npm test) and for mending (npm run format). */
import fs from "node:fs";
import { at, venvProgram } from "./paths.mjs";

const module = (...file) => at("node_modules", ...file);
const javascript = ["scripts", "web", "tests/web"].filter((folder) => fs.existsSync(at(folder)));

const eslint = [module("eslint", "bin", "eslint.js"), "--config", "web/eslint.config.js", ...javascript];
const prettier = [module("prettier", "bin", "prettier.cjs"), "--log-level=warn", ...javascript, "*.json"];
const ruff = ["check", "src", "tests", "scripts"];

export const CHECKS = {
  ruff: [venvProgram("ruff"), ruff],
  mypy: [venvProgram("mypy"), []],
  eslint: ["node", eslint],
  prettier: ["node", [...prettier, "--check"]],
  tsc: ["node", [module("typescript", "bin", "tsc"), "--project", "web"]],
};

export const FIXES = {
  ruff: [venvProgram("ruff"), [...ruff, "--fix"]],
  eslint: ["node", [...eslint, "--fix"]],
  prettier: ["node", [...prettier, "--write"]],
};
