/** Where things are in the checkout. Everything that set-up makes lies under `.venv`, `node_modules` and `.cache`. */
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const at = (...parts) => path.join(root, ...parts);
export const cache = (...parts) => at(".cache", ...parts);

export const windows = process.platform === "win32";

/** A program inside the virtual environment. */
export const venvProgram = (name) =>
  windows ? at(".venv", "Scripts", `${name}.exe`) : at(".venv", "bin", name);
