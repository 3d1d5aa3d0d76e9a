/** Brings up Python in the worker: Pyodide from the page's own files, then our wheel through micropip. */
import { files, wheel } from "virtual:wasmarium-runtime";
import type { PyodideAPI } from "pyodide";
import type { BootStage, Versions } from "../protocol";

type Report = (stage: BootStage, done: number, total: number) => void;

/**
 * Counts the bytes of the runtime as they arrive, by standing in front of `fetch`; gives a function
 * that removes the counter. Sizes are known from the build, as a server may compress.
 */
function countDownloads(base: string, report: Report): () => void {
  const original = globalThis.fetch;
  const wanted = new Set(files.map((file) => new URL(file.path, base).pathname));
  const total = files.reduce((sum, file) => sum + file.size, 0);
  let done = 0;
  report("download", 0, total);
  // A copy is counted: what Pyodide gets stays the browser's own, cached and compiled while it arrives.
  const count = async (copy: Response): Promise<void> => {
    const reader = copy.body?.getReader();
    for (;;) {
      const chunk = await reader?.read();
      if (!chunk?.value) return;
      done += chunk.value.byteLength;
      report("download", Math.min(done, total), total);
    }
  };
  globalThis.fetch = async (...request) => {
    const response = await original(...request);
    if (response.body && wanted.delete(new URL(response.url, base).pathname))
      count(response.clone()).catch(() => undefined);
    return response;
  };
  return () => {
    globalThis.fetch = original;
  };
}

interface Micropip {
  install(requirement: string): Promise<void>;
}

const ORDER: readonly BootStage[] = ["download", "python", "wasmarium"];

export async function boot(base: string, tell: Report): Promise<PyodideAPI> {
  // The wheel arrives when Python runs already; what is told never goes back.
  let reached = 0;
  const report: Report = (stage, done, total) => {
    if (ORDER.indexOf(stage) < reached) return;
    reached = ORDER.indexOf(stage);
    tell(stage, done, total);
  };
  const stopCounting = countDownloads(base, report);
  try {
    const { loadPyodide } = (await import(
      /* @vite-ignore */ new URL("pyodide/pyodide.mjs", base).href
    )) as typeof import("pyodide");
    const python = await loadPyodide({
      indexURL: new URL("pyodide/", base).href,
      packages: ["micropip"],
      env: { PYTHONHASHSEED: "0" },
      fsInit: () => {
        report("python", 0, 1);
        return Promise.resolve();
      },
    });
    report("wasmarium", 0, 1);
    const micropip = python.pyimport("micropip") as unknown as Micropip;
    await micropip.install(new URL(wheel, base).href);
    python.runPython("import wasmarium.debug.session");
    return python;
  } finally {
    stopCounting();
  }
}

export function versionsOf(python: PyodideAPI): Versions {
  const facts = python.runPython(`
import importlib.metadata, json, platform
json.dumps([importlib.metadata.version("wasmarium"), platform.python_version()])
`) as string;
  const [wasmarium, version] = JSON.parse(facts) as [string, string];
  return { wasmarium, python: version, pyodide: python.version };
}
