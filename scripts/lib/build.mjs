/** What is built from the checkout: the wheel, folders to load Pyodide from, and the page. */
import fs from "node:fs";
import path from "node:path";
import { at, cache, venvProgram } from "./paths.mjs";
import { must } from "./run.mjs";
import { digest, filesBelow, once } from "./stamps.mjs";

/** Digest of everything the wheel is made of. */
const sourcesDigest = () =>
  digest(
    ...["pyproject.toml", "README.md", "LICENSE"].map((name) => ({ file: at(name) })),
    ...filesBelow(at("src")).flatMap((file) => [path.relative(at(), file), { file }]),
  );

const wheelsIn = (folder) =>
  fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => name.endsWith(".whl")) : [];

/** Builds dist/*.whl and resolves to its path. dist/ never holds another one: the tests install what is there. */
export async function buildWheel() {
  const key = sourcesDigest();
  await once(
    "wheel",
    key,
    () => wheelsIn(at("dist")).length === 1,
    "wheel (dist/)",
    async () => {
      const fresh = cache("build", "wheel");
      fs.rmSync(fresh, { recursive: true, force: true });
      const args = ["-m", "build", "--wheel", "--no-isolation", "--outdir", fresh];
      await must("Building the wheel", venvProgram("python"), args);
      fs.mkdirSync(at("dist"), { recursive: true });
      const [name] = wheelsIn(fresh);
      // moved over the old one, so that a test run beside this always finds one
      fs.renameSync(path.join(fresh, name), at("dist", name));
      for (const old of fs.readdirSync(at("dist"))) {
        if (old !== name) fs.rmSync(at("dist", old), { recursive: true });
      }
    },
  );
  return at("dist", wheelsIn(at("dist"))[0]);
}

/** A folder to load Pyodide from that holds these packages and all they need. */
async function pyodideFolder(name, out, packages) {
  const script = at("scripts", "pyodide_dist.py");
  const key = digest(
    { file: script },
    { file: at("requirements.lock") },
    { file: at("package-lock.json") },
    ...packages,
  );
  const present = () => fs.existsSync(path.join(out, "pyodide-lock.json"));
  await once(`pyodide-${name}`, key, present, `Pyodide for the ${name}`, async () => {
    await must("Laying out Pyodide", venvProgram("python"), [script, out, ...packages]);
  });
  return out;
}

export const pyodideForTests = () =>
  pyodideFolder("tests", cache("pyodide", "tests"), ["pytest", "hypothesis", "micropip", "tblib"]);

export const pyodideForPage = () => pyodideFolder("page", at("web", "public", "pyodide"), ["micropip"]);

/** Lays Pyodide and the wheel where the page serves them from. */
export async function pageAssets() {
  await pyodideForPage();
  const wheel = await buildWheel();
  const folder = at("web", "public", "wheels");
  fs.mkdirSync(folder, { recursive: true });
  for (const old of fs.readdirSync(folder)) {
    if (old !== path.basename(wheel)) fs.rmSync(path.join(folder, old));
  }
  fs.copyFileSync(wheel, path.join(folder, path.basename(wheel)));
}

/** Builds the page into web/dist, a folder that any static host can serve. */
export async function buildPage() {
  await pageAssets();
  const key = digest(
    { file: at("package-lock.json") },
    ...filesBelow(at("web"))
      .filter((file) => !file.startsWith(at("web", "dist")))
      .flatMap((file) => [path.relative(at(), file), { file }]),
  );
  await once(
    "page",
    key,
    () => fs.existsSync(at("web", "dist", "index.html")),
    "page (web/dist)",
    async () => {
      const vite = at("node_modules", "vite", "bin", "vite.js");
      await must("Building the page", "node", [vite, "build", at("web"), "--logLevel", "warn"]);
    },
  );
  return at("web", "dist");
}
