/**
 * What runs in the worker of guests that wait where the host cannot suspend them. Exactly one of the two threads has
 * the turn at any time: Python asks, and waits; or the worker does, in Atomics.wait, until Python has answered. So what
 * is called is a stack on both sides, and calls of guests in one another work like any other call.
 *
 * Values cross as they do on Python's own thread: shims (engines/host/shims.py) load and store them in an area, which is
 * copied to and from the mailbox that both threads see. The words of the mailbox are those of mailbox.js.
 */
"use strict";
{
  const port = globalThis.WorkerGlobalScope ? globalThis : require("node:worker_threads").parentPort;
  const { Atomics, Error, Int32Array, Object, SharedArrayBuffer, Uint8Array, WebAssembly } = globalThis;

  // prettier-ignore
  const TURN = 0, UP = 1, WANTED = 2, STOP = 3, KIND = 4, NUMBER = 5, SIZE = 6, SLOTS = 7, LEVEL = 8;
  const PYTHON = 0;
  // what Python asks
  // prettier-ignore
  const CALL = 1, ANSWER = 2, LISTEN = 3, DO = 4, ENTER = 5, SET = 6, COUNT = 7, GROW = 8, HAS_NULL = 9;
  // what it is told
  // prettier-ignore
  const RETURNED = 1, FAILED = 2, IMPORTED = 3, DONE = 4, FAULT = 5;
  // as in engines/host/shims.py
  // prettier-ignore
  const THROW = -2, FAIL = -1, REFERENCES = 1024;
  const CONTENT = 64;
  // as in mailbox.js
  const SPINS = 1000;
  const FRAMES = 128;
  const NESTED = 200;
  // Frames of stack that a conversation with Python may take.
  const ROOM = 100;
  // Looks for a place for a memory, each 50 ms behind the one before.
  const PATIENCE = 40;

  let words, content, references, text; // of the mailbox
  let level = 0; // how many calls there are in one another
  let thrown;
  let why; // what a guest is made to trap for
  const room = (frames) => frames && room(frames - 1);
  // Memories of workers that have just ended still take up addresses, of which the host has not many.
  const patiently = (make) => {
    const cell = new Int32Array(new SharedArrayBuffer(4));
    for (let left = PATIENCE; ; left -= 1) {
      try {
        return make();
      } catch (error) {
        if (!left) throw error;
        Atomics.wait(cell, 0, 0, 50);
      }
    }
  };
  const memory = patiently(() => new WebAssembly.Memory({ initial: 1, maximum: 1 }));
  const area = new Uint8Array(memory.buffer);
  const externs = new WebAssembly.Table({ element: "externref", initial: REFERENCES });
  const functions = new WebAssembly.Table({ element: "anyfunc", initial: REFERENCES });

  const shims = [];
  const things = new Map(); // functions, tables, globals and tags, by number
  const instances = []; // what they export
  const numbers = new WeakMap(); // of functions
  const callers = new Map(); // by the number of the function
  const accessors = new Map(); // by that of the table or global
  const tags = []; // number, tag, and what opens its exceptions
  const exceptions = new WeakMap(); // the numbers of those that Python made
  const counters = []; // of safepoints
  const depths = [];

  const globals = {
    memory,
    externs,
    functions,
    area: new WebAssembly.Global({ value: "i32" }, 0),
    throw: () => {
      throw thrown;
    },
    wait: () => FAIL,
    resumed: () => {},
    ended: () => {},
  };
  const shim = (number, more) =>
    new WebAssembly.Instance(shims[number], { "": { ...globals, ...more } }).exports;

  // ---- values ----

  const take = (slots) => {
    area.set(content.subarray(0, words[SIZE]));
    for (const slot of slots) functions.set(slot, references[slot] < 0 ? null : things.get(references[slot]));
  };
  /** `size` bytes of the area, and the references in these slots, to the mailbox. */
  const put = (size, slots) => {
    content.set(area.subarray(0, size));
    for (const slot of slots) {
      const found = functions.get(slot);
      references[slot] = found === null ? -1 : (numbers.get(found) ?? -2);
    }
    words[SIZE] = size;
    words[SLOTS] = slots.length ? slots.at(-1) + 1 : 0;
  };
  const putText = (value) => {
    const bytes = text.encode(JSON.stringify(value)).subarray(0, references.byteOffset - CONTENT);
    content.set(bytes);
    words[SIZE] = bytes.length;
    words[SLOTS] = 0;
  };
  const describe = (error) => {
    const is = Object.prototype.toString.call(error);
    if (is === "[object WebAssembly.Exception]") {
      const number = exceptions.get(error);
      if (number !== undefined) return ["exception", number, "", -1];
      const tag = tags.find((each) => error.is(each.tag));
      if (tag === undefined) return ["exception", -1, "", -1];
      thrown = error;
      tag.open();
      return ["exception", -1, Array.from(area.subarray(0, tag.size)), tag.number];
    }
    const said = why;
    why = undefined;
    const kinds = {
      RuntimeError: "trap",
      RangeError: "overflow",
      InternalError: "overflow",
      LinkError: "link",
    };
    const stack = String(error?.stack ?? "").slice(0, 40000);
    return [said ?? kinds[error?.name] ?? "other", String(error?.message ?? error).slice(0, 2000), stack, -1];
  };

  // ---- turns ----

  /**
   * Gives Python the turn, and serves it until it answers (the status of the answer) or wants to post something.
   */
  const converse = (kind, number) => {
    words[KIND] = kind;
    words[NUMBER] = number;
    words[LEVEL] = level;
    for (;;) {
      Atomics.store(words, TURN, PYTHON);
      Atomics.notify(words, TURN);
      if (Atomics.exchange(words, WANTED, 0)) port.postMessage(0);
      for (let i = 0; i < SPINS && Atomics.load(words, TURN) === PYTHON; i += 1);
      while (Atomics.load(words, TURN) === PYTHON) Atomics.wait(words, TURN, PYTHON);
      const asked = words[KIND];
      if (asked === ANSWER || asked === LISTEN) return words[NUMBER];
      try {
        serve(asked, words[NUMBER]);
      } catch (error) {
        words[KIND] = FAULT;
        putText(describe(error));
      }
      words[LEVEL] = level;
    }
  };

  const serve = (asked, number) => {
    if (asked === CALL) return serveCall(number);
    if (asked === DO) return carryOut();
    if (asked === HAS_NULL) return done(hasNull(instances[number][words[LEVEL]]) ? 1 : 0);
    const { exports, size, slots } = accessors.get(number);
    const argument = words[LEVEL];
    let result = 0;
    if (asked === COUNT) result = exports.size();
    else if (asked === ENTER) exports.enter(argument);
    else {
      take(slots);
      result = asked === SET ? exports.set(argument) : exports.grow(argument);
    }
    if (asked === ENTER) put(size, slots);
    else words[SIZE] = words[SLOTS] = 0;
    return done(result ?? 0);
  };

  const done = (result) => {
    words[KIND] = DONE;
    words[NUMBER] = Number(result);
  };

  const hasNull = (table) => {
    const index = typeof table.length === "bigint" ? BigInt : Number;
    for (let i = 0; i < table.length; i += 1) if (table.get(index(i)) === null) return true;
    return false;
  };

  const serveCall = (number) => {
    const { enter, size, slots, results } = callers.get(number);
    take(slots);
    const before = depths.map((depth) => (level ? depth.value : 0));
    depths.forEach((depth, i) => {
      depth.value = before[i];
    });
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = FRAMES;
    level += 1;
    try {
      if (level > NESTED) throw new RangeError("calls are nested too deeply");
      hurry();
      enter();
      put(size, results);
      words[KIND] = RETURNED;
    } catch (error) {
      putText(describe(error));
      words[KIND] = FAILED;
    } finally {
      level -= 1;
      Error.stackTraceLimit = limit;
      before.forEach((value, i) => {
        if (depths[i]) depths[i].value = value;
      });
    }
    words[NUMBER] = number;
  };

  /** Guests that are to stop shall notice at their next safepoint. */
  const hurry = () => {
    if (Atomics.load(words, STOP) <= level) for (const counter of counters) counter.value = 0;
  };

  const stop = () => {
    if (Atomics.load(words, STOP) > level) return 0;
    why = "stopped";
    return FAIL;
  };

  /** What a guest calls instead of function `number` of Python. */
  const imported = (number, size, slots, results) => () => {
    try {
      room(ROOM);
    } catch {
      why = "overflow";
      return FAIL;
    }
    put(size, slots);
    const status = converse(IMPORTED, number);
    if (status === 0) take(results);
    else if (status === THROW) throwNext();
    hurry();
    return status;
  };

  const throwNext = () => {
    const [number, tag, bytes] = JSON.parse(new TextDecoder().decode(content.slice(0, words[SIZE])));
    const found = tags.find((each) => each.number === tag);
    area.set(bytes);
    try {
      found.make();
    } catch (exception) {
      thrown = exception;
      exceptions.set(exception, number);
    }
  };

  // ---- what is made ----

  const know = (number, thing) => {
    things.set(number, thing);
    if (typeof thing === "function" && !numbers.has(thing)) numbers.set(thing, number);
  };
  const makers = {
    caller: ([number, made, size, slots, results]) => {
      callers.set(number, { enter: shim(made, { call: things.get(number) }).enter, size, slots, results });
    },
    callee: ([number, made, size, slots, results]) => {
      know(number, shim(made, { plain: imported(number, size, slots, results) }).f);
    },
    watchman: ([number, made]) => {
      know(number, shim(made, { plain: stop }).f);
    },
    accessor: ([number, made, size, slots]) => {
      accessors.set(number, { exports: shim(made, { it: things.get(number) }), size, slots });
    },
    define: ([number, made]) => know(number, shim(made).it),
    constant: ([number, made]) => know(number, shim(made)[0]),
    tag: ([number, made, size]) => {
      const tag = things.get(number);
      const { open, make } = shim(made, { it: tag });
      tags.push({ number, tag, open, make, size });
    },
    fill: ([table, number]) => things.get(table).set(0, things.get(number)),
    counter: ([number]) => counters.push(things.get(number)),
    depth: ([number]) => depths.push(things.get(number)),
  };

  /** A list of what is to be done, and, behind it, the bytes of the shims in it. */
  const carryOut = () => {
    const all = content.slice(0, words[SIZE]);
    const [start] = new Uint32Array(all.buffer, 0, 1);
    let at = start;
    for (const [what, ...rest] of JSON.parse(new TextDecoder().decode(all.subarray(4, start)))) {
      if (what === "shim") {
        const [number, size] = rest;
        shims[number] = new WebAssembly.Module(all.subarray(at, at + size));
        at += size;
      } else makers[what](rest);
    }
    words[SIZE] = words[SLOTS] = 0;
    done(0);
  };

  /** Makes an instance: imports are numbers, or memories; `made` says which number each export has, or -1. */
  const link = ({ module, imports, made }) => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = FRAMES;
    words[SIZE] = words[SLOTS] = 0;
    try {
      const given = imports.map((each) => (typeof each === "number" ? things.get(each) : each));
      const { exports } = new WebAssembly.Instance(module, { "": { ...given } });
      instances.push(exports);
      made.forEach((number, position) => {
        if (number >= 0) know(number, exports[position]);
      });
      return DONE;
    } catch (error) {
      instances.push(undefined);
      putText(describe(error));
      return FAULT;
    } finally {
      Error.stackTraceLimit = limit;
    }
  };

  port.onmessage = ({ data }) => {
    if (words) {
      converse(link(data), 0);
      return;
    }
    words = new Int32Array(data, 0, CONTENT / 4);
    content = new Uint8Array(data, CONTENT);
    references = new Int32Array(data, data.byteLength - 4 * REFERENCES, REFERENCES);
    text = new TextEncoder();
    Atomics.store(words, UP, 1);
    converse(DONE, 0);
  };
}
