/**
 * What the host engine needs of JavaScript. The value of this file is a function that is given Pyodide's memory and
 * makes one realm: the shared ground of everything that lives in one store. `waits`: whether guests may be suspended.
 *
 * Values never pass through JavaScript's own conversions. Generated shims (engines/host/shims.py) load and store them in
 * an area of Pyodide's memory that Python packs and unpacks; references go through two tables.
 */
(pyodideMemory, area, areaSize, waits) => {
  "use strict";

  // in an embedder's own context a global is far slower to reach than a variable
  const { Error, Object, Uint8Array, WebAssembly, performance } = globalThis;

  // What a callback into Python answers instead of an address, as in engines/host/shims.py.
  const THROW = -2;
  const REFERENCES = 1024;
  const FRAMES = 128;
  // Calls of guests in one another, through Python, which would not survive running out of native stack.
  const NESTED = 200;
  // what a run is doing
  const ENDED = 1;
  const FAILED = 2;

  let python = new Uint8Array(pyodideMemory.buffer);
  const inPython = () =>
    python.buffer === pyodideMemory.buffer ? python : (python = new Uint8Array(pyodideMemory.buffer));

  const externs = new WebAssembly.Table({ element: "externref", initial: REFERENCES });
  const functions = new WebAssembly.Table({ element: "anyfunc", initial: REFERENCES });

  let current = 0; // the area of the run that is executing, or 0: it cannot be suspended
  let nested = 0; // how many calls there are in one another
  let failure; // what the last call ended with
  let askAt = 0; // when a guest's safepoints are to ask Python again
  const depths = []; // how deep calls are in one another, in guests for which that is bounded
  let thrown; // what the guest shall be given as an exception
  let exceptionTable; // the shim that keeps references to exceptions
  let kind; // tells structs and arrays
  const runs = new Map(); // by area
  const proxies = [];

  // ---- identities: objects of JavaScript that Python knows by number ----

  const numbers = new WeakMap();
  /** Stands for an object of Python; Python forgets the object when no guest has the token any more. */
  class Token {
    constructor(number) {
      this.number = number;
    }
  }
  const tokens = new Map();
  let forgotten = [];
  // Objects of guests, so that Python knows one again.
  const objects = new WeakMap();
  let objectCount = 0;
  const objectNumber = (object) => {
    let number = objects.get(object);
    if (number === undefined) objects.set(object, (number = objectCount += 1));
    return number;
  };
  const registry = new FinalizationRegistry((number) => {
    if (!tokens.get(number)?.deref()) {
      tokens.delete(number);
      forgotten.push(number);
    }
  });
  const tokenOf = (number) => {
    let token = tokens.get(number)?.deref();
    if (!token) {
      token = new Token(number);
      tokens.set(number, new WeakRef(token));
      registry.register(token, number);
    }
    return token;
  };

  // ---- calls ----

  const setDepths = (values) =>
    depths.forEach((depth, i) => {
      depth.value = values[i] ?? 0;
    });

  /** Runs `call` with a long backtrace at hand; true when it failed. */
  const attempt = (call, address, mode) => {
    if (nested >= NESTED) {
      failure = new RangeError("calls are nested too deeply");
      return true;
    }
    const before = current;
    const limit = Error.stackTraceLimit;
    let depthsBefore;
    if (depths.length) {
      depthsBefore = depths.map((depth) => (nested ? depth.value : 0));
      setDepths(depthsBefore);
    }
    nested += 1;
    current = mode;
    Error.stackTraceLimit = FRAMES;
    try {
      call(address);
      return undefined;
    } catch (error) {
      failure = error;
      return true;
    } finally {
      nested -= 1;
      if (depthsBefore) setDepths(depthsBefore);
      current = before;
      Error.stackTraceLimit = limit;
    }
  };

  /** The same function, which answers true where it traps. */
  const guarded = (call) => (argument) => {
    try {
      return call(argument);
    } catch (error) {
      failure = error;
      return true;
    }
  };

  const tell = (run) => {
    const { notify } = run;
    run.spent += performance.now() - run.since;
    run.notify = undefined;
    notify?.();
  };

  const describe = (error) => {
    let kind = "other";
    // by name, as errors may come from another realm
    const kinds = {
      RuntimeError: "trap",
      RangeError: "overflow",
      InternalError: "overflow",
      LinkError: "link",
    };
    if (Object.prototype.toString.call(error) === "[object WebAssembly.Exception]") kind = "exception";
    // it may come before Python can answer anything
    else if (error?.name === "PythonError" && error.type === "KeyboardInterrupt") kind = "interrupt";
    else kind = kinds[error?.name] ?? kind;
    // on the thread of a page Chromium compiles and links no more than 8 MB while Python holds it
    if (kind === "overflow" && /main thread/.test(error.message)) kind = "size";
    return [kind, String(error?.message ?? error), String(error?.stack ?? "")];
  };

  const globals = {
    memory: pyodideMemory,
    externs,
    functions,
    area,
    throw: () => {
      throw thrown;
    },
    resumed: (address) => {
      current = address;
      const run = runs.get(address);
      if (run) run.since = performance.now();
    },
    ended: (address) => {
      runs.get(address).state = ENDED;
    },
    // reached only where Python has answered that the run is to wait
    wait: waits
      ? new WebAssembly.Suspending(() => {
          const run = runs.get(current);
          const answer = new Promise((resolve) => {
            run.answer = resolve;
          });
          tell(run);
          return answer;
        })
      : () => THROW,
  };

  const compile = (bytes) => {
    try {
      return new WebAssembly.Module(bytes);
    } catch (error) {
      failure = error;
      return undefined;
    }
  };
  const link = (module, imports) => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = FRAMES;
    try {
      return new WebAssembly.Instance(module, { "": imports }).exports;
    } catch (error) {
      failure = error;
      return undefined;
    } finally {
      Error.stackTraceLimit = limit;
    }
  };

  const linkLater = async (module, imports) => {
    try {
      return (await WebAssembly.instantiate(module, { "": imports })).exports;
    } catch (error) {
      failure = error;
      return undefined;
    }
  };

  return {
    waits,
    compile,
    link: (module, handles) => link(module, Object.fromEntries([...handles].entries())),
    linkLater: (module, handles) => linkLater(module, Object.fromEntries([...handles].entries())),
    exports: (exported, count) => Array.from({ length: count }, (_, index) => exported[index]),
    define: (module) => link(module, globals)?.it,

    // ---- Python calls a guest ----
    caller: (module, call) => {
      const { enter } = new WebAssembly.Instance(module, { "": { ...globals, call } }).exports;
      return () => attempt(enter, undefined, 0);
    },
    suspendable: (module, call) => {
      const { enterAt } = new WebAssembly.Instance(module, { "": { ...globals, call } }).exports;
      const promising = WebAssembly.promising(enterAt);
      return (address) => {
        const run = { state: 0, answer: undefined, notify: undefined, failure: undefined, spent: 0 };
        run.since = performance.now();
        runs.set(address, run);
        attempt(
          () => {
            promising(address).then(
              () => {
                run.state = ENDED;
                tell(run);
              },
              (error) => {
                run.state = FAILED;
                run.failure = error;
                tell(run);
              },
            );
          },
          address,
          address,
        );
        return run.state;
      };
    },
    state: (address) => {
      const run = runs.get(address);
      failure = run.failure;
      return run.state;
    },
    progress: (address) => {
      const run = runs.get(address);
      if (run.state) return Promise.resolve();
      return new Promise((resolve) => {
        run.notify = resolve;
      });
    },
    resume: (address, answer) => {
      runs.get(address).answer(answer);
    },
    /** For how many milliseconds the guest itself has run. */
    spent: (address) => runs.get(address).spent,
    release: (address) => runs.delete(address),
    current: () => current,
    failed: () => describe(failure),

    // ---- a guest calls Python ----
    callee: (module, callback) => {
      proxies.push(callback);
      return new WebAssembly.Instance(module, { "": { ...globals, plain: callback } }).exports.f;
    },
    /** Likewise, but while `pause` milliseconds have not passed the guest just goes on. */
    watchman: (module, callback, pause) => {
      proxies.push(callback);
      const plain = () => {
        const now = performance.now();
        if (now < askAt) return undefined;
        askAt = now + pause;
        return callback();
      };
      return new WebAssembly.Instance(module, { "": { ...globals, plain } }).exports.f;
    },
    /** What guests call at safepoints is asked at the next one. */
    hurry: (counters) => {
      askAt = 0;
      for (const counter of counters) counter.value = 0;
    },
    beginsAtZero: (depth) => depths.push(depth),
    fillTable: (table, index, handle) => table.set(index, handle),
    destroy: () => {
      for (const proxy of proxies.splice(0)) proxy.destroy();
    },
    alive: () => proxies.length,

    // ---- exceptions ----
    thrownBy: (tags) => [...tags].findIndex((tag) => failure.is(tag)),
    exception: () => failure,
    throwNext: (exception) => {
      thrown = exception;
    },
    exceptionAccessor: (module, it) => {
      const { open, make } = new WebAssembly.Instance(module, { "": { ...globals, it } }).exports;
      return {
        open: (exception) => {
          thrown = exception;
          open();
        },
        make: () => {
          try {
            return make();
          } catch (exception) {
            return exception;
          }
        },
      };
    },
    useExceptions: (module) => {
      exceptionTable = new WebAssembly.Instance(module, { "": globals }).exports;
      globals.exceptions = exceptionTable.it;
    },
    putException: (slot, exception) => {
      thrown = exception;
      exceptionTable.put(slot);
    },
    clearException: (slot) => exceptionTable.clear(slot),
    /** True for null; else `exception` is what is there. */
    takeException: (slot) => {
      try {
        return Boolean(exceptionTable.take(slot));
      } catch (exception) {
        failure = exception;
        return false;
      }
    },

    // ---- objects of guests ----
    number: (slot) => externs.get(slot),
    setNumber: (slot, number) => externs.set(slot, number),
    useKinds: (module) => {
      ({ kind } = new WebAssembly.Instance(module, { "": globals }).exports);
    },
    tester: (module) => new WebAssembly.Instance(module, { "": globals }).exports.is,
    aggregateAccessor: (module) =>
      Object.fromEntries(
        Object.entries(new WebAssembly.Instance(module, { "": globals }).exports).map(([name, call]) => [
          name,
          guarded(call),
        ]),
      ),

    // ---- identities ----
    register: (object, number) => numbers.set(object, number),
    numberOf: (object) => numbers.get(object) ?? -1,
    forget: () => forgotten.splice(0),
    setNull: (slot, isFunction) => (isFunction ? functions : externs).set(slot, null),
    setFunction: (slot, handle) => functions.set(slot, handle),
    setToken: (slot, number) => externs.set(slot, tokenOf(number)),
    /** Objects of a guest travel in a box: Python cannot hold them themselves. */
    setOther: (slot, box) => externs.set(slot, box.it),
    /** Of a function: undefined for null, the number that Python knows it by, or -1: `functionItself` is it. */
    functionAt: (slot) => {
      const found = functions.get(slot);
      return found === null ? undefined : (numbers.get(found) ?? -1);
    },
    functionItself: (slot) => functions.get(slot),
    /**
     * Of another reference: undefined for null, the number of an object of Python, -2 for an i31 (`number` is it), or for
     * what is the guest's own, negative, three times its number, three and its kind: `other` is it.
     */
    externAt: (slot) => {
      const found = externs.get(slot);
      if (found === null) return undefined;
      if (found instanceof Token) return found.number;
      if (typeof found === "number") return -2;
      return -3 * objectNumber(found) - 3 - (kind?.(slot) ?? 0);
    },
    other: (slot) => ({ it: externs.get(slot) }),
    externItself: (slot) => externs.get(slot),
    same: (a, b) => a === b,

    // ---- memories ----
    memory: (memory) => {
      let view = new Uint8Array(memory.buffer);
      const bytes = () => (view.buffer === memory.buffer ? view : (view = new Uint8Array(memory.buffer)));
      return {
        size: () => bytes().length,
        read: (address, count) => {
          const from = bytes();
          if (address + count > from.length) return true;
          inPython().set(from.subarray(address, address + count), area);
          return undefined;
        },
        write: (address, count) => {
          const to = bytes();
          if (address + count > to.length) return true;
          to.set(inPython().subarray(area, area + count), address);
          return undefined;
        },
        fill: (address, byte, count) => {
          bytes().fill(byte, address, address + count);
        },
        slice: (address, count) => bytes().subarray(address, address + count),
        /** Pieces that the area lists as pairs of numbers, one after the other, to the area. */
        gather: (pieces) => {
          const from = bytes();
          const to = inPython();
          const list = new Uint32Array(to.slice(area, area + 8 * pieces).buffer);
          let at = area;
          for (let i = 0; i < list.length; i += 2) {
            const piece = from.subarray(list[i], list[i] + list[i + 1]);
            to.set(piece, at);
            at += piece.length;
          }
        },
        /** What follows the same list in the area, to these pieces. */
        scatter: (pieces) => {
          const to = bytes();
          const from = inPython();
          const list = new Uint32Array(from.slice(area, area + 8 * pieces).buffer);
          let at = area + 8 * pieces;
          for (let i = 0; i < list.length; i += 2) {
            if (list[i] + list[i + 1] > to.length) return true;
            to.set(from.subarray(at, at + list[i + 1]), list[i]);
            at += list[i + 1];
          }
          return undefined;
        },
        grow: (delta) => {
          try {
            return Number(memory.grow(delta));
          } catch {
            return -1;
          }
        },
        growLong: (delta) => {
          try {
            return Number(memory.grow(BigInt(delta)));
          } catch {
            return -1;
          }
        },
      };
    },
    /** What the host says when `f` of a module fails. */
    complaint: (module) => {
      try {
        new WebAssembly.Instance(module).exports.f();
      } catch (error) {
        return String(error.message);
      }
      return "";
    },
    hasNull: (table) => {
      const index = typeof table.length === "bigint" ? BigInt : Number;
      for (let i = 0; i < table.length; i += 1) if (table.get(index(i)) === null) return true;
      return false;
    },
    accessor: (module, external) => {
      const { enter, set, size, grow } = new WebAssembly.Instance(module, {
        "": { ...globals, it: external },
      }).exports;
      return { enter, size, set: guarded(set), grow: guarded(grow) };
    },
    areaSize,
  };
};
