/**
 * Python's side of a worker that guests wait in (worker.js): a function that starts one. Its mailbox is shared memory:
 * some words, then what is sent, at whose end references have room. Whoever does not have the turn touches nothing
 * but WANTED and STOP.
 */
(pyodideMemory, source, head, area, areaSize) => {
  "use strict";
  const { Atomics, Int32Array, Uint8Array, performance } = globalThis;

  // prettier-ignore
  const TURN = 0, UP = 1, WANTED = 2, STOP = 3, KIND = 4, NUMBER = 5, SIZE = 6, SLOTS = 7, LEVEL = 8;
  // prettier-ignore
  const PYTHON = 0, WORKER = 1;
  const CONTENT = 64;
  const REFERENCES = 1024;
  // Looks at the turn before the thread sleeps: being woken costs tens of microseconds.
  const SPINS = 1000;
  const NOWHERE = 0x7fffffff;

  const buffer = new globalThis.SharedArrayBuffer(CONTENT + areaSize);
  const words = new Int32Array(buffer, 0, CONTENT / 4);
  const content = new Uint8Array(buffer, CONTENT);
  const referencesAt = areaSize - 4 * REFERENCES;
  words[TURN] = WORKER;
  words[STOP] = NOWHERE;

  let python = new Uint8Array(pyodideMemory.buffer);
  const inPython = () =>
    python.buffer === pyodideMemory.buffer ? python : (python = new Uint8Array(pyodideMemory.buffer));

  // the thread of a page may not wait, but turn around
  let holds = true;
  try {
    Atomics.wait(new Int32Array(new globalThis.SharedArrayBuffer(4)), 0, 0, 0);
  } catch {
    holds = false;
  }

  let waiting = [];
  let failure = "";
  const wake = () => {
    const all = waiting;
    waiting = [];
    if (all.length) worker?.unref?.();
    for (const resolve of all) resolve();
  };
  const fail = (error) => {
    failure ||= String(error?.message ?? error) || "it did not start";
    wake();
  };

  // Node's has another interface
  const node =
    globalThis.process?.versions?.node && globalThis.process.getBuiltinModule?.("node:worker_threads");
  let worker;
  const start = () => {
    if (node) {
      worker = new node.Worker(source, { eval: true });
      worker.on("message", wake);
      worker.on("error", fail);
      // it does not keep Node alive unless somebody waits for it; listening does, so this comes behind
      worker.unref();
    } else {
      const address = globalThis.URL.createObjectURL(
        new globalThis.Blob([source], { type: "text/javascript" }),
      );
      worker = new globalThis.Worker(address, { name: "wasmarium guest" });
      // not at once: not every browser has fetched it by then
      setTimeout(() => globalThis.URL.revokeObjectURL(address), 60_000);
      worker.onmessage = wake;
      worker.onerror = fail;
    }
    worker.postMessage(buffer);
  };
  try {
    start();
  } catch (error) {
    // a page may forbid workers of this kind
    fail(error);
  }

  /** Copies what was told; its kind, or 0 while the worker has the turn, or -1 when there is no worker any more. */
  const look = () => {
    if (Atomics.load(words, TURN) !== PYTHON) return failure ? -1 : 0;
    const to = inPython();
    to.set(content.subarray(0, words[SIZE]), area);
    const slots = 4 * words[SLOTS];
    if (slots) to.set(content.subarray(referencesAt, referencesAt + slots), area + referencesAt);
    new Int32Array(to.buffer, head, 5).set(words.subarray(KIND, KIND + 5));
    return words[KIND];
  };

  return {
    holds,
    starts: Boolean(node),
    up: () => words[UP] === 1,
    failure: () => failure,
    send: (kind, number, size, slots, argument) => {
      const from = inPython();
      content.set(from.subarray(area, area + size));
      if (slots)
        content.set(from.subarray(area + referencesAt, area + referencesAt + 4 * slots), referencesAt);
      words[KIND] = kind;
      words[NUMBER] = number;
      words[SIZE] = size;
      words[SLOTS] = slots;
      words[LEVEL] = argument;
      Atomics.store(words, TURN, WORKER);
      Atomics.notify(words, TURN);
    },
    look,
    /** Holds the thread until Python has the turn, or so many milliseconds have passed. */
    hold: (milliseconds) => {
      for (let i = 0; i < SPINS; i += 1) if (Atomics.load(words, TURN) === PYTHON) return look();
      if (holds) Atomics.wait(words, TURN, WORKER, milliseconds);
      else {
        const end = performance.now() + milliseconds;
        while (Atomics.load(words, TURN) === WORKER && performance.now() < end);
      }
      return look();
    },
    /** Settles when Python has, or may have, the turn, or after so many milliseconds. */
    later: (milliseconds) =>
      new Promise((resolve) => {
        Atomics.store(words, WANTED, 1);
        if (Atomics.load(words, TURN) === PYTHON || failure) {
          resolve();
          return;
        }
        worker.ref?.();
        let timer;
        waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
        if (milliseconds) timer = setTimeout(wake, milliseconds);
      }),
    stop: (level) => Atomics.store(words, STOP, level < 0 ? NOWHERE : level),
    link: (module, imports, made) =>
      worker.postMessage({ module, imports: Array.from(imports), made: Array.from(made) }),
    end: () => {
      fail("it was ended");
      worker?.terminate();
    },
  };
};
