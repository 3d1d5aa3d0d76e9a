/**
 * A Node with JSPI (WebAssembly.Suspending), without which Python inside Pyodide cannot wait for a promise,
 * and with all of WebAssembly 3.0. Where the installed Node lacks it (20 and 22 do), npm has one.
 */
import fs from "node:fs";
import path from "node:path";
import { cache, windows } from "./paths.mjs";
import { must, npm, preferFolder } from "./run.mjs";
import { once } from "./stamps.mjs";

const VERSION = "26.10.0";

export const hasJspi = () => typeof WebAssembly.Suspending === "function";

// The npm package `node` is an install script around these; taking them directly needs no script.
function packageName() {
  const { platform, arch } = process;
  const prefix = platform === "darwin" && arch === "arm64" ? "node-bin" : "node";
  return `${prefix}-${windows ? "win" : platform}-${arch}`;
}

export const newNode = () =>
  cache("node", "node_modules", packageName(), "bin", windows ? "node.exe" : "node");

/** Resolves to the Node to use, which is then also first on PATH for child processes. */
export async function ensureNode() {
  if (hasJspi()) {
    preferFolder(path.dirname(process.execPath));
    return process.execPath;
  }
  const node = newNode();
  await once(
    "node",
    `${packageName()} ${VERSION}`,
    () => fs.existsSync(node),
    `Node ${VERSION} from npm, because ${process.version} has no JSPI`,
    async () => {
      const folder = cache("node");
      fs.rmSync(folder, { recursive: true, force: true });
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(path.join(folder, "package.json"), '{"private":true}\n');
      const [command, args, options] = npm([
        "install",
        "--no-save",
        "--ignore-scripts",
        `${packageName()}@${VERSION}`,
      ]);
      await must("Installing Node", command, args, {
        ...options,
        cwd: folder,
        hint: "Set-up fetches this Node from npm. Check the connection, or install Node 24 or newer yourself.",
      });
    },
  );
  preferFolder(path.dirname(node));
  return node;
}
