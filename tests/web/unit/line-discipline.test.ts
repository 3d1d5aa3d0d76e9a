import { beforeEach, describe, expect, test } from "vitest";
import { LineDiscipline } from "../../../web/src/lib/line-discipline";

let echoed: string;
let sent: string[];
let ends: number;
let interrupts: number;
let line: LineDiscipline;

beforeEach(() => {
  echoed = "";
  sent = [];
  ends = interrupts = 0;
  line = new LineDiscipline({
    echo: (text) => (echoed += text),
    send: (text) => sent.push(text),
    end: () => ends++,
    interrupt: () => interrupts++,
  });
});

describe("cooked mode", () => {
  test("a line goes out with Enter, and is echoed as it is typed", () => {
    for (const key of "hi\r") line.feed(key);
    expect(sent).toEqual(["hi\n"]);
    expect(echoed).toBe("hi\r\n");
  });

  test("a paste of several lines goes out line by line; the rest waits", () => {
    line.feed("one\r\ntwo\nthree");
    expect(sent).toEqual(["one\n", "two\n"]);
    expect(line.pending).toBe("three");
  });

  test("backspace takes back one character as it is seen, not one code unit", () => {
    line.feed("ae\u0301👩‍🚀");
    line.feed("\x7f");
    expect(line.pending).toBe("ae\u0301");
    expect(echoed.endsWith("\b \b\b \b")).toBe(true);
    line.feed("\x7f\x7f");
    expect(line.pending).toBe("");
    const before = echoed;
    line.feed("\x7f");
    expect(echoed).toBe(before);
  });

  test("Ctrl U takes back the line, Ctrl W a word", () => {
    line.feed("one two  ");
    line.feed("\x17");
    expect(line.pending).toBe("one ");
    line.feed("\x15");
    expect(line.pending).toBe("");
  });

  test("Ctrl D ends the input on an empty line, and sends what is there on another", () => {
    line.feed("half\x04");
    expect([sent, ends]).toEqual([["half"], 0]);
    line.feed("\x04");
    expect(ends).toBe(1);
  });

  test("Ctrl C interrupts and forgets the line", () => {
    line.feed("abc\x03");
    expect(interrupts).toBe(1);
    line.feed("\r");
    expect(sent).toEqual(["\n"]);
  });

  test("arrows, function keys and other control characters leave no trace", () => {
    line.feed("a\x1b[A\x1b[1;5C\x1bOP\x1b[15~b\x01\x1b");
    expect([line.pending, echoed]).toEqual(["ab", "ab"]);
  });
});
