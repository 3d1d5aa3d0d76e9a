/**
 * Runs a Python program inside Pyodide in headless Chromium, in a worker as the page has it. Its argument is JSON:
 * `package` (a zip of what is to be importable), `files` (which it finds under the paths that they have here),
 * `program` (one of them) and `options`. What the program prints is printed, and its status is this one's.
 */
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { ensureBrowser } from "../lib/browser.mjs";
import { at } from "../lib/paths.mjs";
import { main } from "../lib/run.mjs";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".json": "application/json",
};

const PAGE = `<!doctype html><link rel="icon" href="data:,"><script type="module">
  window.finished = new Promise((resolve, reject) => {
    const worker = new Worker("/worker.mjs", { type: "module" });
    worker.onmessage = ({ data }) => ("status" in data ? resolve(data.status) : console.log(JSON.stringify(data)));
    worker.onerror = (event) => reject(new Error(event.message));
  });
</script>`;

const WORKER = (order) => `
import { loadPyodide } from "/pyodide/pyodide.mjs";
const order = ${JSON.stringify(order)};
const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());
const python = await loadPyodide({ indexURL: "/pyodide/" });
const say = (stream) => ({ batched: (text) => postMessage({ stream, text }) });
python.setStdout(say("stdout"));
python.setStderr(say("stderr"));
python.unpackArchive(await bytes("/files" + order.package), "zip", { extractDir: "/package" });
for (const file of order.files) {
  python.FS.mkdirTree(file.slice(0, file.lastIndexOf("/")));
  python.FS.writeFile(file, await bytes("/files" + file));
}
const start = python.runPython(\`
def start(program, options):
    import runpy, sys, traceback
    sys.path.insert(0, "/package")
    sys.argv = [program, *options]
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as error:
        if error.code:
            print(error.code, file=sys.stderr)
        return int(bool(error.code))
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
start
\`);
// promising: only so may Python wait for a promise
postMessage({ status: await start.callPromising(order.program, python.toPy(order.options)) });
`;

/** Serves the page, Pyodide, and files below the checkout under /files and their whole path; resolves to the server. */
function serve(order) {
  const fixed = { "/": [".html", PAGE], "/worker.mjs": [".mjs", WORKER(order)] };
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const send = (type, content) =>
      response.writeHead(200, { "content-type": type ?? "text/plain" }).end(content);
    if (fixed[pathname]) {
      send(TYPES[fixed[pathname][0]], fixed[pathname][1]);
      return;
    }
    const [, place, rest] = /^\/(pyodide|files)(\/.*)$/.exec(decodeURI(pathname)) ?? [];
    const file = place === "pyodide" ? at("node_modules", "pyodide", rest) : path.resolve(rest ?? "/");
    if (!place || !file.startsWith(at()) || !fs.existsSync(file)) response.writeHead(404).end();
    else send(TYPES[path.extname(file)], fs.readFileSync(file));
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

await main(async () => {
  const order = JSON.parse(process.argv[2]);
  const { chromium } = await import("playwright-core");
  const server = await serve(order);
  const browser = await chromium.launch({
    executablePath: await ensureBrowser(),
    args: ["--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"],
  });
  try {
    const page = await browser.newPage();
    page.on("console", (message) => {
      const text = message.text();
      const said = text.startsWith("{") ? JSON.parse(text) : { stream: "stderr", text };
      process[said.stream].write(`${said.text}\n`);
    });
    page.setDefaultTimeout(0);
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    return await page.evaluate("window.finished");
  } finally {
    await browser.close();
    server.close();
  }
});
