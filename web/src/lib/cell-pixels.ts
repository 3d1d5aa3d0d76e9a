/**
 * The picture of a memory as pixels.
 *
 * A memory of 64 MiB has 16,384 cells, and a guest may keep all of them warm. Drawing shapes would
 * take most of a frame; writing pixels that changed takes a small part of one.
 */
import { type Heat, type MapLayout, placeOf } from "./heat";

export type Colour = readonly [red: number, green: number, blue: number, alpha?: number];

export interface CellColours {
  readonly empty: Colour;
  readonly used: Colour;
  readonly hot: Colour;
  readonly peak: Colour;
}

/** Steps of warmth that can be told apart. */
const STEPS = 64;
const EMPTY = 0;
/** Warmth at which the colour is `hot`; above, it goes to `peak`. */
const HOT = 0.75;

const mix = (a: Colour, b: Colour, share: number): Colour => {
  const channel = (i: 0 | 1 | 2): number => a[i] + (b[i] - a[i]) * share;
  return [channel(0), channel(1), channel(2)];
};

function colourOf(colours: CellColours, warmth: number): Colour {
  if (warmth > HOT) return mix(colours.hot, colours.peak, (warmth - HOT) / (1 - HOT));
  return mix(colours.used, colours.hot, Math.sqrt(warmth / HOT));
}

/** How much of each pixel of a square lies inside its rounded corners, 0 to 1, row by row. */
export function coverage(side: number): Float32Array {
  const radius = side < 5 ? 0 : side / 5;
  const covered = new Float32Array(side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const dx = Math.max(radius - (x + 0.5), x + 0.5 - (side - radius), 0);
      const dy = Math.max(radius - (y + 0.5), y + 0.5 - (side - radius), 0);
      covered[y * side + x] = Math.min(1, Math.max(0, radius - Math.hypot(dx, dy) + 0.5));
      if (radius === 0) covered[y * side + x] = 1;
    }
  }
  return covered;
}

/** Rows of pixels that were written since the last look, from first to before last. */
export interface Dirty {
  readonly from: number;
  readonly to: number;
}

export class CellPixels {
  readonly data: Uint8ClampedArray<ArrayBuffer>;
  private readonly words: Uint32Array;
  /** What each square shows: 0 empty, else 1 + its step of warmth. */
  private readonly shown: Uint8Array;
  /** For each thing to show, the pixels of a square. */
  private readonly stamps: Uint32Array[];
  private from = 0;
  private to = 0;

  constructor(
    readonly layout: MapLayout,
    readonly width: number,
    cells: number,
    colours: CellColours,
  ) {
    this.data = new Uint8ClampedArray(4 * width * layout.height);
    this.words = new Uint32Array(this.data.buffer);
    this.shown = new Uint8Array(Math.ceil(cells / layout.cellsPerSquare)).fill(255);
    const covered = coverage(layout.square);
    const looks = [
      colours.empty,
      ...Array.from({ length: STEPS + 1 }, (_, i) => colourOf(colours, i / STEPS)),
    ];
    this.stamps = looks.map((colour) => stamp(colour, covered));
  }

  drawAll(heat: Heat): void {
    for (let cell = 0; cell < heat.cells; cell += this.layout.cellsPerSquare) this.draw(heat, cell);
  }

  draw(heat: Heat, cell: number): void {
    const { layout, width, words } = this;
    const square = Math.floor(cell / layout.cellsPerSquare);
    const look = this.lookOf(heat, square * layout.cellsPerSquare);
    const pixels = this.stamps[look];
    if (this.shown[square] === look || !pixels) return;
    this.shown[square] = look;
    const { x, y } = placeOf(layout, square * layout.cellsPerSquare);
    const side = layout.square;
    for (let row = 0; row < side; row++) {
      const at = (y + row) * width + x;
      for (let column = 0; column < side; column++) words[at + column] = pixels[row * side + column] ?? 0;
    }
    if (this.from === this.to) this.from = y;
    this.from = Math.min(this.from, y);
    this.to = Math.max(this.to, y + side);
  }

  /** What has to be brought to the screen; null when nothing. */
  takeDirty(): Dirty | null {
    if (this.from === this.to) return null;
    const dirty = { from: this.from, to: this.to };
    this.from = this.to = 0;
    return dirty;
  }

  private lookOf(heat: Heat, first: number): number {
    let used = 0;
    let warmth = 0;
    for (let cell = first; cell < first + this.layout.cellsPerSquare; cell++) {
      used |= heat.used[cell] ?? 0;
      warmth = Math.max(warmth, heat.warmth[cell] ?? 0);
    }
    return used === 0 ? EMPTY : 1 + Math.round(warmth * STEPS);
  }
}

/** The pixels of a square, as the little-endian words of an ImageData. */
function stamp(colour: Colour, covered: Float32Array): Uint32Array {
  const [red, green, blue, alpha = 1] = colour;
  const rgb = (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red);
  return Uint32Array.from(covered, (share) => ((Math.round(255 * alpha * share) << 24) | rgb) >>> 0);
}
