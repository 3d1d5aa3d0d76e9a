import { describe, expect, test } from "vitest";
import { CellPixels, coverage } from "../../../web/src/lib/cell-pixels";
import { cellAt, Heat, HALF_LIFE, layOut, placeOf } from "../../../web/src/lib/heat";

const MIB = 2 ** 20;

describe("Heat", () => {
  test("halves in its half-life and then goes out, but what was used stays used", () => {
    const heat = new Heat();
    heat.resize(64 * 1024);
    heat.write([3, 2]);
    const changed: number[] = [];
    heat.fade(HALF_LIFE, (cell) => changed.push(cell));
    expect(changed).toEqual([3, 4]);
    expect(heat.warmth[3]).toBeCloseTo(0.5);
    for (let i = 0; i < 10; i++) heat.fade(HALF_LIFE, () => undefined);
    expect(heat.anyWarm).toBe(false);
    expect(heat.warmth[3]).toBe(0);
    expect([...heat.used.subarray(2, 6)]).toEqual([0, 1, 1, 0]);
  });

  test("keeps what it knows when the memory grows", () => {
    const heat = new Heat();
    heat.resize(64 * 1024);
    heat.write([15, 1]);
    heat.resize(128 * 1024);
    expect([heat.cells, heat.used[15], heat.warmth[15]]).toEqual([32, 1, 1]);
  });

  test("a run beyond the end is cut", () => {
    const heat = new Heat();
    heat.resize(64 * 1024);
    heat.write([14, 1000, 2000, 5]);
    expect(heat.used.reduce((sum, value) => sum + value)).toBe(2);
  });
});

describe("layOut", () => {
  test.each([
    ["one page", 16],
    ["1 MiB", 256],
    ["64 MiB", 16384],
    ["4 GiB", 2 ** 20],
  ])("%s: squares do not overlap and stay inside the width", (_, cells) => {
    const layout = layOut(cells, 430, 260);
    const seen = new Set<number>();
    let right = 0;
    let bottom = 0;
    let count = 0;
    for (let cell = 0; cell < cells; cell += layout.cellsPerSquare) {
      const { x, y } = placeOf(layout, cell);
      right = Math.max(right, x + layout.square);
      bottom = Math.max(bottom, y + layout.square);
      seen.add(y * 430 + x);
      count++;
    }
    expect(right).toBeLessThanOrEqual(430);
    expect(bottom).toBeLessThanOrEqual(layout.height);
    expect(seen.size).toBe(count);
    expect(layout.pitch).toBeGreaterThanOrEqual(layout.square);
  });

  test("64 MiB fits, cell by cell; 4 GiB is shown page by page", () => {
    const fine = layOut((64 * MIB) / 4096, 430, 260);
    expect([fine.cellsPerSquare, fine.height <= 260]).toEqual([1, true]);
    expect(layOut((4096 * MIB) / 4096, 430, 260).cellsPerSquare).toBe(16);
  });

  test.each([1, 1.5, 2])("a point of a square gives its cell at ratio %d", (ratio) => {
    const cells = 100;
    const layout = layOut(cells, 400 * ratio, 200 * ratio, ratio);
    for (let cell = 0; cell < cells; cell++) {
      const { x, y } = placeOf(layout, cell);
      expect(cellAt(layout, cells, x, y)).toBe(cell);
      expect(cellAt(layout, cells, x + layout.square - 1, y + layout.square - 1)).toBe(cell);
    }
    expect(cellAt(layout, cells, -1, 0)).toBeNull();
    expect(cellAt(layout, cells, 0, layout.height + 1)).toBeNull();
  });
});

describe("CellPixels", () => {
  const colours = {
    empty: [1, 1, 1, 0.5],
    used: [0, 100, 0],
    hot: [200, 100, 0],
    peak: [255, 255, 255],
  } as const;
  const make = (bytes: number) => {
    const heat = new Heat();
    heat.resize(bytes);
    const layout = layOut(heat.cells, 200, 200);
    const pixels = new CellPixels(layout, 200, heat.cells, colours);
    pixels.drawAll(heat);
    pixels.takeDirty();
    const colourAt = (cell: number): number[] => {
      const { x, y } = placeOf(layout, cell);
      const middle = Math.floor(layout.square / 2);
      const at = 4 * ((y + middle) * 200 + x + middle);
      return [...pixels.data.subarray(at, at + 4)];
    };
    return { heat, layout, pixels, colourAt };
  };

  test("a cell goes from empty to bright when it is written, and to calm when it has faded", () => {
    const { heat, pixels, colourAt } = make(128 * 1024);
    expect(colourAt(5)).toEqual([1, 1, 1, 128]);
    heat.write([5, 1]);
    pixels.draw(heat, 5);
    expect(colourAt(5)).toEqual([255, 255, 255, 255]);
    expect(colourAt(6)).toEqual([1, 1, 1, 128]);
    heat.fade(100 * HALF_LIFE, () => undefined);
    pixels.draw(heat, 5);
    expect(colourAt(5)).toEqual([0, 100, 0, 255]);
  });

  test("only rows that changed are dirty, and only once", () => {
    const { heat, layout, pixels } = make(128 * 1024);
    expect(pixels.takeDirty()).toBeNull();
    pixels.draw(heat, 3);
    expect(pixels.takeDirty()).toBeNull();
    heat.write([3, 1]);
    pixels.draw(heat, 3);
    const { y } = placeOf(layout, 3);
    expect(pixels.takeDirty()).toEqual({ from: y, to: y + layout.square });
    expect(pixels.takeDirty()).toBeNull();
  });

  test("corners of large squares are rounded, small squares are whole", () => {
    const large = coverage(20);
    expect(large[0]).toBeLessThan(0.2);
    expect(large[10 * 20 + 10]).toBe(1);
    expect([...coverage(3)]).toEqual(Array(9).fill(1));
  });
});
