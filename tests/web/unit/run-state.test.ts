import { describe, expect, test } from "vitest";
import { applyUpdate, IDLE, partsOf } from "../../../web/src/model/run-state";
import { signal } from "@preact/signals";
import type { Update } from "../../../web/src/protocol";

const QUIET: Update = { state: "running", instructions: 0, seconds: 0, depth: 1 };
const GLOBAL = { index: 1, name: null, mutable: true, type: "i32", text: "5" };

describe("applyUpdate", () => {
  test("rows that changed replace their own, the others stay", () => {
    const first = applyUpdate(IDLE, { ...QUIET, globals: [GLOBAL, { ...GLOBAL, index: 0 }] });
    expect(first.globals.map((row) => row.index)).toEqual([0, 1]);
    const second = applyUpdate(first, { ...QUIET, globals: [{ ...GLOBAL, text: "6" }] });
    expect(second.globals.map((row) => row.text)).toEqual(["5", "6"]);
    expect([...second.freshGlobals]).toEqual([1]);
    expect(applyUpdate(second, QUIET).freshGlobals.size).toBe(0);
  });

  test("what is absent stays, also the trap behind it", () => {
    const trap = { code: "UNREACHABLE", message: "unreachable", frames: [], omitted: 0 };
    const trapped = applyUpdate(IDLE, { ...QUIET, state: "trapped", trap });
    expect(applyUpdate(trapped, { ...QUIET, state: "trapped" }).trap).toBe(trap);
  });

  test("what runs it is told once, and calls stay until there is news of them", () => {
    const called = [{ function: 3, name: "f", calls: 2 }];
    const first = applyUpdate(IDLE, { ...QUIET, engine: "speed", called, calledFunctions: 1 });
    expect(applyUpdate(first, QUIET)).toMatchObject({
      engine: "speed",
      fallback: null,
      called,
      calledFunctions: 1,
    });
    const second = applyUpdate(IDLE, { ...QUIET, engine: "steps", fallback: "no JSPI" });
    expect(applyUpdate(second, QUIET)).toMatchObject({ engine: "steps", fallback: "no JSPI", called: [] });
  });

  test("the code of a guest that stands still stays, that of one that runs goes", () => {
    const listing = { function: 1, name: "f", length: 1, lines: [] };
    const paused = applyUpdate(IDLE, { ...QUIET, state: "paused", listing });
    expect(applyUpdate(paused, { ...QUIET, state: "paused" }).listing).toBe(listing);
    expect(applyUpdate(paused, { ...QUIET, state: "trapped" }).listing).toBe(listing);
    expect(applyUpdate(paused, QUIET).listing).toBeNull();
  });

  test("speed is a moving average of running time only", () => {
    let state = applyUpdate(IDLE, { ...QUIET, instructions: 1000, seconds: 0.01 });
    expect(state.speed).toBeCloseTo(100_000);
    state = applyUpdate(state, { ...QUIET, instructions: 1000, seconds: 0.01 });
    expect(state.speed).toBeCloseTo(100_000);
    expect(applyUpdate(state, { ...QUIET, state: "paused" }).speed).toBe(0);
  });
});

test("a part's signal moves only when the part does", () => {
  const run = signal(IDLE);
  const parts = partsOf(run);
  let draws = 0;
  parts.globals.subscribe(() => draws++);
  run.value = applyUpdate(run.value, { ...QUIET, instructions: 7 });
  expect(draws).toBe(1);
  run.value = applyUpdate(run.value, { ...QUIET, globals: [GLOBAL] });
  expect(draws).toBe(2);
});
