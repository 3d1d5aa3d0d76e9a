/**
 * Python as a command on Node: Pyodide with the host's files, streams and exit code.
 *
 * Loading Pyodide takes about two seconds and importing our package another; a snapshot of the memory after both
 * takes a quarter of a second to load. It is made at the first start after a change of the sources and kept in .cache.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { at, cache, windows } from "./paths.mjs";
import { filesBelow } from "./stamps.mjs";

// Pyodide's own Python lies in /lib; the others make no sense there.
const NOT_MOUNTED = new Set(["lib", "dev", "proc", "sys"]);
// What a program may want to know about its terminal; nothing else of the environment goes in.
const ENVIRONMENT = ["TERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TZ", "LANG"];

const METADATA = "/lib/wasmarium";

const directory = (file) => fs.statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Makes the host's files visible under their own paths; returns the working directory inside. */
function mountHost(python) {
  const { FS } = python;
  const mount = (host, inside) => {
    FS.mkdirTree(inside);
    FS.mount(FS.filesystems.NODEFS, { root: host }, inside);
  };
  if (windows) {
    mount(process.cwd(), "/cwd");
    mount(at(), "/wasmarium");
    return "/cwd";
  }
  for (const name of fs.readdirSync("/")) {
    if (!NOT_MOUNTED.has(name) && directory(`/${name}`)) mount(`/${name}`, `/${name}`);
  }
  for (const needed of [process.cwd(), at()]) {
    if (!FS.analyzePath(needed).exists) mount(needed, needed);
  }
  return process.cwd();
}

/** Lets importlib.metadata know the package as if it were installed. */
function describePackage(python) {
  const { name, version } = JSON.parse(fs.readFileSync(at("package.json"), "utf8"));
  const folder = `${METADATA}/${name}-${version}.dist-info`;
  python.FS.mkdirTree(folder);
  python.FS.writeFile(`${folder}/METADATA`, `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`);
}

/** Where Python finds the package: the sources of a checkout, else the wheel that was built. */
function packagePath() {
  if (directory(at("src", "wasmarium"))) return windows ? "/wasmarium/src" : at("src");
  const wheel = fs.readdirSync(at("dist")).find((name) => name.endsWith(".whl"));
  return windows ? `/wasmarium/dist/${wheel}` : at("dist", wheel);
}

const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);

/** Repeats a system call while the other end of a pipe or terminal is not ready. */
function untilReady(python, call) {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (error.code === "EOF") return 0;
      if (error.code !== "EAGAIN")
        throw new python.FS.ErrnoError(python.ERRNO_CODES[error.code] ?? python.ERRNO_CODES.EIO);
      pause();
    }
  }
}

/** Connects the standard streams, byte for byte. */
function connectStreams(python) {
  const tty = (stream) => stream.isTTY === true;
  python.setStdin({
    read: (into) => untilReady(python, () => fs.readSync(0, into)),
    isatty: tty(process.stdin),
  });
  python.setStdout({
    write: (from) => untilReady(python, () => fs.writeSync(1, from)),
    isatty: tty(process.stdout),
  });
  python.setStderr({
    write: (from) => untilReady(python, () => fs.writeSync(2, from)),
    isatty: tty(process.stderr),
  });
}

// An empty command: one function, exported as _start, that does nothing.
const EMPTY_COMMAND =
  "\\0asm\\1\\0\\0\\0" +
  "\\1\\4\\1`\\0\\0" +
  "\\3\\2\\1\\0" +
  "\\7\\n\\1\\6_start\\0\\0" +
  "\\n\\4\\1\\2\\0\\x0b";

// Run once, before the snapshot is taken. Each command is used on an empty module, because what is imported late
// (and the standard library has only sources in Pyodide) is compiled at every start: 45 ms a module. The host engine
// is only imported: a snapshot cannot hold what it makes in JavaScript.
const PREPARE = `
import os, sys
sys.path[:0] = [package_path, metadata_path]
os.environ["WASMARIUM_ENGINE"] = "interpreter"
import contextlib, gc, io, pathlib, random, runpy, traceback
from wasmarium.cli import main
command = pathlib.Path(metadata_path, "empty.wasm")
command.write_bytes(b"${EMPTY_COMMAND}")
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    for arguments in (["--version"], ["--help"], ["run", str(command)], ["validate", str(command)], ["inspect", str(command)]):
        try:
            main(arguments)
        except SystemExit:
            pass
import wasmarium.bridge.browser.webassembly, wasmarium.engines.host
gc.collect()
`;

const START = `
def start(program, arguments, environment, directory, terminals):
    import io, os, random, sys
    random.seed()  # the snapshot's state is the same every time
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    for name, (mode, number) in {"stdin": ("r", 0), "stdout": ("w", 1), "stderr": ("w", 2)}.items():
        line_buffering = mode == "w" and (number == 2 or terminals[number])
        raw = open(number, mode + "b", buffering=-1, closefd=False)
        errors = "backslashreplace" if number == 2 else "strict"
        setattr(sys, name, io.TextIOWrapper(raw, "utf-8", errors, line_buffering=line_buffering))
    sys.argv = [program, *arguments]
    try:
        if program == "wasmarium":
            from wasmarium.cli import main
            sys.exit(main())
        import runpy
        if program.endswith(".py"):
            runpy.run_path(program, run_name="__main__")
        else:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as error:
        status = 0 if error.code is None else error.code
        if not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # the reader has gone
            status = status or 1
    return status & 255
start
`;

async function load(options) {
  const indexURL = at("node_modules", "pyodide");
  const { loadPyodide } = await import(new URL(`file://${indexURL.replaceAll("\\", "/")}/pyodide.mjs`).href);
  return loadPyodide({ indexURL: indexURL + path.sep, env: { PYTHONHASHSEED: "0" }, ...options });
}

async function prepared(options) {
  const python = await load(options);
  mountHost(python);
  describePackage(python);
  const locals = python.toPy({ package_path: packagePath(), metadata_path: METADATA });
  python.runPython(PREPARE, { globals: locals });
  locals.destroy();
  return python;
}

function snapshotKey() {
  const hash = createHash("sha256").update(process.version).update(PREPARE).update(at());
  const files = [at("node_modules", "pyodide", "package.json"), at("src")].flatMap((file) =>
    directory(file) ? filesBelow(file) : [file],
  );
  for (const file of files) hash.update(file).update(fs.readFileSync(file));
  return hash.digest("hex").slice(0, 16);
}

async function snapshot() {
  const folder = cache("cli");
  const file = path.join(folder, `snapshot-${snapshotKey()}.bin`);
  if (fs.existsSync(file)) return fs.readFileSync(file);
  const python = await prepared({ _makeSnapshot: true });
  const memory = python.makeMemorySnapshot();
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(`${file}.${process.pid}`, memory);
  for (const old of fs.readdirSync(folder)) {
    if (/^snapshot-\w+\.bin$/.test(old)) fs.rmSync(path.join(folder, old), { force: true });
  }
  fs.renameSync(`${file}.${process.pid}`, file);
  return memory;
}

/**
 * Does `action`, which instantiates Pyodide, and gives it a memory of at least so many bytes. Pyodide itself asks for
 * the size of its snapshot, but its module has a memory of its own, which is as big as it was built.
 */
async function withMemory(bytes, action) {
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (...given) => {
    const made = await instantiate(...given);
    const memory = (made.instance ?? made).exports?.memory;
    const missing = memory instanceof WebAssembly.Memory ? bytes - memory.buffer.byteLength : 0;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    return made;
  };
  try {
    return await action();
  } finally {
    WebAssembly.instantiate = instantiate;
  }
}

async function loadPrepared() {
  if (process.env.WASMARIUM_SNAPSHOT === "0" || !directory(at("src", "wasmarium"))) return prepared({});
  let memory;
  try {
    memory = await snapshot();
  } catch {
    // a read-only checkout, or a Pyodide that cannot do it: slower, but the same
    return prepared({});
  }
  const python = await withMemory(memory.length, () => load({ _loadSnapshot: memory }));
  mountHost(python);
  describePackage(python);
  return python;
}

/** Runs wasmarium's command line, a module or a `.py` file inside Pyodide and resolves to its exit status. */
export async function runProgram(program, args) {
  const python = await loadPrepared();
  connectStreams(python);
  const environment = { HOME: "/home/pyodide", PATH: "/" };
  for (const name of Object.keys(process.env)) {
    if (ENVIRONMENT.includes(name) || name.startsWith("WASMARIUM_")) environment[name] = process.env[name];
  }
  const directoryInside = windows ? "/cwd" : process.cwd();
  const terminals = [process.stdin, process.stdout, process.stderr].map((stream) => stream.isTTY === true);
  const start = python.runPython(START);
  // promising: only so may Python wait for a promise
  return start.callPromising(
    program,
    python.toPy(args),
    python.toPy(environment),
    directoryInside,
    python.toPy(terminals),
  );
}
