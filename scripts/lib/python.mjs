/** The host's Python and the virtual environment in `.venv`. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { at, venvProgram } from "./paths.mjs";
import { Problem, must, run } from "./run.mjs";
import { digest, once } from "./stamps.mjs";

// Best first: the tools know 3.13 and 3.12 well, and pyodide-build needs 3.12.
const PREFERRED = ["3.13", "3.12", "3.14", "3.11"];

function candidates() {
  const found = [];
  if (process.env.PYTHON) found.push(process.env.PYTHON);
  const pyenv = path.join(os.homedir(), ".pyenv", "versions");
  const versions = fs.existsSync(pyenv) ? fs.readdirSync(pyenv) : [];
  for (const version of PREFERRED) {
    found.push(`python${version}`);
    for (const name of versions.filter((name) => name.startsWith(`${version}.`))) {
      found.push(path.join(pyenv, name, "bin", "python"));
    }
  }
  return [...found, "python3", "python"];
}

// Being on PATH is not enough: a pyenv shim is there for every version and fails when run,
// and Debian's python3 may come without venv.
const PROBE =
  "import ensurepip, venv, sys, sysconfig; print('%d.%d.%d' % sys.version_info[:3], sys.executable, sep='\\n')";

/** Resolves to `{ python, version }` of the best Python that really runs. */
export async function findPython() {
  const seen = [];
  for (const name of candidates()) {
    const { code, output } = await run(name, ["-c", PROBE], { timeout: 30 });
    if (code !== 0) {
      seen.push(`${name}: ${code === null ? "not found" : output.trim().split("\n").at(-1)}`);
      continue;
    }
    const [version, executable] = output.trim().split(/\r?\n/);
    const [major, minor] = version.split(".").map(Number);
    if (major === 3 && minor >= 11) return { python: executable || name, version };
    seen.push(`${name}: ${version} is too old`);
  }
  throw new Problem(
    `No usable Python 3.11 or newer (with venv) was found. Tried:\n  ${[...new Set(seen)].join("\n  ")}\n\n` +
      "Install one (Debian: apt-get install python3 python3-venv), or set PYTHON to its path.",
  );
}

/** Resolves to the virtual environment's python, with the packages of requirements.lock installed. */
export async function ensureVenv() {
  const python = venvProgram("python");
  const key = digest({ file: at("requirements.lock") }, { file: at("pyproject.toml") });
  const { code, output } = await run(python, ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
  const works = code === 0 && output.trim() !== "";
  await once(
    "venv",
    key,
    () => works,
    "Python packages (.venv)",
    async () => {
      if (!works) {
        const best = await findPython();
        fs.rmSync(at(".venv"), { recursive: true, force: true });
        await must("Making .venv", best.python, ["-m", "venv", at(".venv")]);
      }
      // scripts inside Python packages are CommonJS, whatever our package.json says
      fs.writeFileSync(at(".venv", "package.json"), '{"type":"commonjs"}\n');
      const pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--no-deps",
      ];
      await must(
        "Installing Python packages",
        python,
        [...pip, "--require-hashes", "-r", at("requirements.lock")],
        {
          hint: "Set-up fetches the packages of requirements.lock from PyPI; check the connection and run it again.",
        },
      );
      // the console script; the package itself stays in src/
      await must("Installing wasmarium", python, [...pip, "--no-build-isolation", "--editable", at()]);
    },
  );
  return python;
}
