import { expect, test } from "vitest";
import { formatBytes, formatSeconds, formatShort, parseAddress, plural } from "../../../web/src/lib/format";

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1536, "1.50 KiB"],
  [11.9 * 2 ** 20, "11.9 MiB"],
  [64 * 2 ** 20, "64 MiB"],
  [2 ** 32, "4 GiB"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0.0004, "0 ms"],
  [0.25, "250 ms"],
  [7.24, "7.2 s"],
  [125, "2 min 5 s"],
])("%d seconds are %s", (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});

test("large figures get a unit", () => {
  expect([999, 1234, 12_345_678, 3e9].map(formatShort)).toEqual(["999", "1.23 k", "12.3 M", "3.00 G"]);
});

test("one is singular", () => {
  expect([plural(0, "frame"), plural(1, "frame"), plural(2000, "frame")]).toEqual([
    "0 frames",
    "1 frame",
    "2,000 frames",
  ]);
});

test.each([
  ["0x1F0", 0x1f0],
  ["1f0h", 0x1f0],
  ["496", 496],
  ["64K", 65536],
  ["63 MiB", 63 * 2 ** 20],
  ["1_000", 1000],
])("%s is an address", (text, address) => {
  expect(parseAddress(text)).toBe(address);
});

test.each(["", "x", "0x", "-1", "1.5", "12KM", "99999999999999999999"])("%j is no address", (text) => {
  expect(parseAddress(text)).toBeNull();
});
