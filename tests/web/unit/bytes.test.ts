import { expect, test } from "vitest";
import {
  around,
  fromBase64,
  hasWasmMagic,
  linesAround,
  printable,
  recognise,
} from "../../../web/src/lib/bytes";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

test("every byte survives base64", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  expect(fromBase64(Buffer.from(bytes).toString("base64"))).toEqual(bytes);
});

test.each([
  [[0x89, 0x50, 0x4e, 0x47, 0x0d], "a PNG image"],
  [[], "an empty file"],
  [[0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00], "a WebAssembly component"],
  [[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], null],
  [[0x00, 0x61, 0x73], null],
  [[...ascii("hello")], null],
])("%j looks like %s", (bytes, what) => {
  expect(recognise(Uint8Array.from(bytes))).toBe(what);
});

test("the magic is four bytes", () => {
  expect(hasWasmMagic(ascii("\0asm"))).toBe(true);
  expect(hasWasmMagic(ascii("\0as"))).toBe(false);
});

test("control characters and bytes beyond ASCII are drawn as a dot, zero as nothing", () => {
  expect([0, 7, 0x20, 0x41, 0x7e, 0x7f, 0xff].map(printable).join("|")).toBe(" |·| |A|~|·|·");
});

test("the context of an offset is whole rows, also at both ends", () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  expect(around(bytes, 40)).toMatchObject({ start: 16, at: 24 });
  expect(around(bytes, 0)).toMatchObject({ start: 0, at: 0 });
  const end = around(bytes, 100);
  expect(end.start + end.bytes.length).toBe(100);
  expect(end.at).toBe(end.bytes.length);
  expect(around(bytes, 1000).at).toBe(end.at);
  expect(around(new Uint8Array(), 0)).toEqual({ start: 0, bytes: [], at: 0 });
});

test("the context of a line is its neighbours, also at both ends", () => {
  const text = ascii("one\ntwo\nthree\nfour\nfive");
  expect(linesAround(text, 3)).toEqual({ first: 1, lines: ["one", "two", "three", "four", "five"] });
  expect(linesAround(text, 1)).toEqual({ first: 1, lines: ["one", "two", "three"] });
  expect(linesAround(text, 5)).toEqual({ first: 3, lines: ["three", "four", "five"] });
});
