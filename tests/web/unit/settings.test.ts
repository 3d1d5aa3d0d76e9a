import { describe, expect, test } from "vitest";
import { DEFAULT_SETTINGS, mistakeIn, planOf, settingsFor } from "../../../web/src/model/settings";
import type { ModuleSummary } from "../../../web/src/protocol";

const MODULE: ModuleSummary = {
  name: null,
  size: 8,
  command: true,
  sections: [],
  imports: [],
  exports: [],
  types: [],
  functions: [],
  features: [],
  scanned: true,
  producers: [],
  callable: [{ name: "add", params: ["i32", "f64"], results: ["f64"] }],
  decodeMs: 0,
  validateMs: 0,
};
const LIBRARY = { ...MODULE, command: false };

describe("settingsFor", () => {
  test("a command is run, a library's first function is called", () => {
    expect(settingsFor(MODULE, null, null).invoke).toBeNull();
    expect(settingsFor(LIBRARY, null, null).invoke).toBe("add");
  });

  test("a link goes before the sample's own wishes, but cannot name what is not there", () => {
    const sample = { id: "s", title: "S", blurb: "", shows: "", args: "one", invoke: "add" };
    expect(settingsFor(MODULE, sample, null)).toMatchObject({ invoke: "add", args: "one" });
    const link = { sample: "s", args: "two", invoke: "gone", engine: null };
    expect(settingsFor(MODULE, sample, link)).toMatchObject({ invoke: null, args: "two" });
  });

  test("a program of some size runs at full speed, unless the link says how", () => {
    const link = { sample: "s", args: null, invoke: null };
    const big = { ...MODULE, size: 1 << 20 };
    expect(settingsFor(MODULE, null, null).engine).toBe("steps");
    expect(settingsFor(big, null, null).engine).toBe("speed");
    expect(settingsFor(MODULE, null, { ...link, engine: "speed" }).engine).toBe("speed");
    expect(settingsFor(big, null, { ...link, engine: "steps" }).engine).toBe("steps");
    expect(planOf({ ...DEFAULT_SETTINGS, engine: "speed" }, "g", false).engine).toBe("speed");
  });
});

describe("mistakeIn", () => {
  test.each([
    ["1 2.5", null],
    ["1", /takes i32 f64/],
    ["1 x", /Argument 2 \(f64\)/],
    ["1.5 1", /Argument 1 \(i32\)/],
  ])("values %j", (args, expected) => {
    const found = mistakeIn({ ...DEFAULT_SETTINGS, invoke: "add", args }, MODULE);
    if (expected === null) expect(found).toBeNull();
    else expect(found).toMatch(expected);
  });

  test("a library without functions cannot be run", () => {
    expect(mistakeIn(DEFAULT_SETTINGS, { ...LIBRARY, callable: [] })).toMatch(/exports no function/);
  });

  test("the environment is checked", () => {
    expect(mistakeIn({ ...DEFAULT_SETTINGS, env: "A=1\nB" }, MODULE)).toMatch(/“B”/);
  });
});

test("the plan splits arguments and gives text as input only when asked", () => {
  const settings = { ...DEFAULT_SETTINGS, args: `a "b c"`, env: "X=1", inputText: "typed" };
  expect(planOf(settings, "g.wasm", true)).toMatchObject({
    name: "g.wasm",
    args: ["a", "b c"],
    env: [["X", "1"]],
    stdin: null,
    paused: true,
  });
  expect(planOf({ ...settings, input: "text" }, "g.wasm", false).stdin).toBe("typed");
});
