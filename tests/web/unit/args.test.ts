import { describe, expect, test } from "vitest";
import { joinArguments, mistakeInValue, parseEnvironment, splitArguments } from "../../../web/src/lib/args";

describe("splitArguments", () => {
  test.each([
    ["", []],
    ["  a  b ", ["a", "b"]],
    [`"two words" 'and "three" more'`, ["two words", 'and "three" more']],
    [`a"b c"d`, ["ab cd"]],
    [`"" ''`, ["", ""]],
    [String.raw`a\ b \"q\" "x\"y"`, ["a b", '"q"', 'x"y']],
    [String.raw`'no \escape'`, [String.raw`no \escape`]],
    [`"left open`, ["left open"]],
    ["a\\", ["a\\"]],
  ])("%s", (line, words) => {
    expect(splitArguments(line)).toEqual(words);
  });

  test("is undone by joinArguments", () => {
    const words = ["plain", "two words", "", 'quote"d', "back\\slash", "it's", "tab\there"];
    expect(splitArguments(joinArguments(words))).toEqual(words);
  });
});

describe("parseEnvironment", () => {
  test("takes everything behind the first equals sign", () => {
    expect(parseEnvironment("A=1\n\n# a comment\nB=x = y \r\nC=").pairs).toEqual([
      ["A", "1"],
      ["B", "x = y "],
      ["C", ""],
    ]);
  });

  test.each(["NAME", "=value", " = "])("finds the mistake in %j", (line) => {
    expect(parseEnvironment(`OK=1\n${line}`).mistake).toBe(line.trim());
  });
});

describe("mistakeInValue", () => {
  test.each([
    ["i32", "-2147483648"],
    ["i32", "4294967295"],
    ["i32", "-0x80000000"],
    ["i64", "18446744073709551615"],
    ["f32", "-1.5e3"],
    ["f64", "nan"],
    ["f64", ".5"],
    ["funcref", "null"],
  ])("%s takes %s", (type, text) => {
    expect(mistakeInValue(type, text)).toBeNull();
  });

  test.each([
    ["i32", "4294967296"],
    ["i32", "-2147483649"],
    ["i32", "1.5"],
    ["i32", ""],
    ["i64", "18446744073709551616"],
    ["f64", "one"],
    ["f64", "1e"],
    ["externref", "7"],
    ["v128", "1"],
  ])("%s does not take %j", (type, text) => {
    expect(mistakeInValue(type, text)).not.toBeNull();
  });
});
