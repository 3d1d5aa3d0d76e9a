/**
 * How recently each 4 KiB cell of a memory was written.
 *
 * The worker reports runs of written cells; warmth then fades by itself, on the page's clock. Only
 * cells that are warm are visited by a frame, so an idle 64 MiB memory costs nothing.
 */

export const CELL = 4096;
export const CELLS_PER_PAGE = 16;
/** Milliseconds until warmth has fallen to a half. */
export const HALF_LIFE = 450;
/** Below this a cell counts as cold. */
const COLD = 0.02;

export class Heat {
  /** 0 (cold) to 1 (written just now). */
  warmth = new Float32Array(0);
  /** 1 where the cell holds, or once held, something else than zeros. */
  used = new Uint8Array(0);
  private warm = new Set<number>();

  get cells(): number {
    return this.warmth.length;
  }

  get anyWarm(): boolean {
    return this.warm.size > 0;
  }

  /** Follows the memory's size; what it knew of the cells that remain is kept. */
  resize(bytes: number): void {
    const cells = Math.ceil(bytes / CELL);
    if (cells === this.cells) return;
    const warmth = new Float32Array(cells);
    const used = new Uint8Array(cells);
    warmth.set(this.warmth.subarray(0, cells));
    used.set(this.used.subarray(0, cells));
    this.warmth = warmth;
    this.used = used;
    for (const cell of this.warm) if (cell >= cells) this.warm.delete(cell);
  }

  /** Takes in runs of cells that were written: first, count, first, count, … */
  write(runs: readonly number[]): void {
    this.each(runs, (cell) => {
      this.used[cell] = 1;
      this.warmth[cell] = 1;
      this.warm.add(cell);
    });
  }

  /** Lets `milliseconds` pass; calls `changed` for every cell whose warmth changed. */
  fade(milliseconds: number, changed: (cell: number) => void): void {
    const factor = 2 ** (-milliseconds / HALF_LIFE);
    for (const cell of this.warm) {
      let next = (this.warmth[cell] ?? 0) * factor;
      if (next < COLD) {
        next = 0;
        this.warm.delete(cell);
      }
      this.warmth[cell] = next;
      changed(cell);
    }
  }

  private each(runs: readonly number[], visit: (cell: number) => void): void {
    for (let i = 0; i + 1 < runs.length; i += 2) {
      const first = runs[i] ?? 0;
      const end = Math.min(this.cells, first + (runs[i + 1] ?? 0));
      for (let cell = first; cell < end; cell++) visit(cell);
    }
  }
}

/** How a memory of so many cells is laid out. All sizes are whole device pixels. */
export interface MapLayout {
  /** Cells of 4 KiB per drawn square: 1, or 16 where one square stands for a 64 KiB page. */
  readonly cellsPerSquare: 1 | 16;
  /** Side of a square, and the distance between the starts of two neighbours. */
  readonly square: number;
  readonly pitch: number;
  /** Pages of 64 KiB in a row; a page is 4 × 4 squares, or one. */
  readonly pagesPerRow: number;
  readonly pagePitch: number;
  readonly rows: number;
  readonly height: number;
}

const SQUARES: readonly number[] = [24, 20, 16, 14, 12, 10, 8, 7, 6, 5, 4, 3, 2];

/**
 * The largest squares with which the whole memory fits into `width` × `height`; when even the
 * smallest do not fit, the height grows (the map then scrolls). `ratio` is device pixels per CSS pixel.
 */
export function layOut(cells: number, width: number, height: number, ratio = 1): MapLayout {
  const pages = Math.max(1, Math.ceil(cells / CELLS_PER_PAGE));
  const scaled = (size: number): number => Math.max(1, Math.round(size * ratio));
  const make = (side: number, perSide: 1 | 4): MapLayout => {
    const square = scaled(side);
    // Small squares of a page stand close together, so that more of them are seen.
    const small = side <= 3 && perSide === 4;
    const gap = small ? 0 : scaled(1);
    const pitch = square + gap;
    const pageGap = perSide === 1 ? gap : scaled(small ? 2 : 3);
    const pagePitch = perSide * pitch - gap + pageGap;
    const pagesPerRow = Math.max(1, Math.floor((width + pageGap) / pagePitch));
    const rows = Math.ceil(pages / pagesPerRow);
    const cellsPerSquare = perSide === 4 ? 1 : 16;
    return { cellsPerSquare, square, pitch, pagesPerRow, pagePitch, rows, height: rows * pagePitch };
  };
  for (const side of SQUARES) {
    const layout = make(side, 4);
    if (layout.height <= height) return layout;
  }
  const fine = make(2, 4);
  return fine.height <= 3 * height ? fine : make(4, 1);
}

/** Where the square of a cell stands. */
export function placeOf(layout: MapLayout, cell: number): { readonly x: number; readonly y: number } {
  const page = Math.floor(cell / CELLS_PER_PAGE);
  const x = (page % layout.pagesPerRow) * layout.pagePitch;
  const y = Math.floor(page / layout.pagesPerRow) * layout.pagePitch;
  if (layout.cellsPerSquare === 16) return { x, y };
  const within = cell % CELLS_PER_PAGE;
  return { x: x + (within % 4) * layout.pitch, y: y + Math.floor(within / 4) * layout.pitch };
}

/** The cell at a point of the map (for a page-sized square, its first cell); null beside the memory. */
export function cellAt(layout: MapLayout, cells: number, x: number, y: number): number | null {
  const column = Math.floor(x / layout.pagePitch);
  if (x < 0 || y < 0 || column >= layout.pagesPerRow) return null;
  const page = Math.floor(y / layout.pagePitch) * layout.pagesPerRow + column;
  let cell = page * CELLS_PER_PAGE;
  if (layout.cellsPerSquare === 1) {
    const within = (value: number): number =>
      Math.min(3, Math.floor((value % layout.pagePitch) / layout.pitch));
    cell += within(y) * 4 + within(x);
  }
  return cell < cells ? cell : null;
}
