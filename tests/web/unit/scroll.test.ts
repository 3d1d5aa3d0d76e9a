import { describe, expect, test } from "vitest";
import { makeScale, MAX_HEIGHT, positionOf, rowAt, visibleRows } from "../../../web/src/lib/scroll";

describe.each([
  ["one screen", 5],
  ["a small memory", 4096],
  ["64 MiB", (64 * 2 ** 20) / 16],
  ["4 GiB", 2 ** 32 / 16],
])("%s", (_, rows) => {
  const scale = makeScale(rows, 18, 300);

  test("is never higher than a browser can lay out", () => {
    expect(scale.height).toBeLessThanOrEqual(MAX_HEIGHT);
  });

  test("the ends of the scroll bar are the ends of the rows", () => {
    expect(rowAt(scale, 0)).toBe(0);
    expect(rowAt(scale, scale.height)).toBe(Math.max(0, rows - visibleRows(scale)));
  });

  test("a row that was jumped to is where the scroll bar says it is, as exactly as pixels allow", () => {
    const last = Math.max(0, rows - visibleRows(scale));
    const rowsPerPixel = Math.max(1, last / Math.max(1, scale.height - scale.viewport));
    for (const row of [0, 1, Math.floor(last / 3), last]) {
      const found = rowAt(scale, Math.round(positionOf(scale, row)));
      expect(Math.abs(found - Math.min(row, last))).toBeLessThanOrEqual(rowsPerPixel);
    }
  });
});
