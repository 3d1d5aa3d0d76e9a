import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { formatBytes, formatOffset } from "../lib/format";
import { CELL, cellAt, Heat, layOut, placeOf, type MapLayout } from "../lib/heat";
import { useModel } from "../model/model";

interface Palette {
  readonly empty: string;
  readonly used: readonly [number, number, number];
  readonly hot: readonly [number, number, number];
  readonly white: readonly [number, number, number];
  readonly ring: string;
}

function readPalette(element: HTMLElement): Palette {
  const style = getComputedStyle(element);
  const triple = (name: string): readonly [number, number, number] => {
    const [r = 0, g = 0, b = 0] = style.getPropertyValue(name).trim().split(/\s+/).map(Number);
    return [r, g, b];
  };
  const dark = style.getPropertyValue("--is-dark").trim() === "1";
  return {
    empty: style.getPropertyValue(dark ? "--cell-empty-dark" : "--cell-empty-light").trim(),
    used: triple(dark ? "--cell-used-dark" : "--cell-used-light"),
    hot: triple(dark ? "--cell-hot-dark" : "--cell-hot-light"),
    white: triple(dark ? "--cell-peak-dark" : "--cell-peak-light"),
    ring: style.getPropertyValue(dark ? "--cell-ring-dark" : "--cell-ring-light").trim(),
  };
}

const mix = (a: number, b: number, share: number): number => Math.round(a + (b - a) * share);

function colourOf(palette: Palette, used: boolean, warmth: number): string {
  if (!used && warmth === 0) return palette.empty;
  const { used: calm, hot, white } = palette;
  const channel = (i: 0 | 1 | 2): number =>
    warmth > 0.75
      ? mix(hot[i], white[i], (warmth - 0.75) * 4)
      : mix(calm[i], hot[i], Math.sqrt(warmth / 0.75));
  return `rgb(${String(channel(0))} ${String(channel(1))} ${String(channel(2))})`;
}

/** Draws a memory's cells, and only those that changed from frame to frame. */
class Painter {
  private readonly context: CanvasRenderingContext2D;
  private palette: Palette;
  private layout: MapLayout = layOut(0, 1, 1);
  private cells = -1;
  private width = 0;
  private height = 0;

  constructor(private readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser cannot draw");
    this.context = context;
    this.palette = readPalette(canvas);
  }

  get mapLayout(): MapLayout {
    return this.layout;
  }

  /** Lays out anew when the memory or the box has another size. */
  fit(heat: Heat, width: number, height: number): void {
    if (heat.cells === this.cells && width === this.width && height === this.height) return;
    this.cells = heat.cells;
    this.width = width;
    this.height = height;
    this.layout = layOut(heat.cells, width, height);
    const ratio = Math.min(2, devicePixelRatio || 1);
    this.canvas.width = Math.ceil(width * ratio);
    this.canvas.height = Math.ceil(Math.max(this.layout.height, 1) * ratio);
    this.canvas.style.height = `${String(this.layout.height)}px`;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.all(heat);
  }

  recolour(heat: Heat): void {
    this.palette = readPalette(this.canvas);
    this.all(heat);
  }

  all(heat: Heat): void {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (let cell = 0; cell < heat.cells; cell += this.layout.cellsPerSquare) this.draw(heat, cell);
  }

  draw(heat: Heat, cell: number): void {
    const { layout, context } = this;
    let used = heat.used[cell] === 1;
    let warmth = heat.warmth[cell] ?? 0;
    const first = cell - (cell % layout.cellsPerSquare);
    for (let i = first; layout.cellsPerSquare > 1 && i < first + layout.cellsPerSquare; i++) {
      used ||= heat.used[i] === 1;
      warmth = Math.max(warmth, heat.warmth[i] ?? 0);
    }
    const { x, y } = placeOf(layout, cell);
    context.fillStyle = colourOf(this.palette, used, warmth);
    if (layout.square >= 6) {
      context.clearRect(x, y, layout.square, layout.square);
      context.beginPath();
      context.roundRect(x, y, layout.square, layout.square, layout.square / 5);
      context.fill();
    } else {
      // Transparent colours would add up where they are painted again.
      context.clearRect(x, y, layout.square, layout.square);
      context.fillRect(x, y, layout.square, layout.square);
    }
  }
}

const EMPTY = new Heat();
/** The share of the panel that the map may take. */
const MAP_SHARE = 0.52;

export function MemoryMap() {
  const model = useModel();
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const pointed = useSignal<number | null>(null);
  const index = model.memoryIndex.value;

  useEffect(() => {
    const surface = canvas.current;
    const frame = box.current;
    if (!surface || !frame) return;
    const draw = new Painter(surface);
    painter.current = draw;
    const heat = (): Heat => model.heats[model.memoryIndex.peek()] ?? EMPTY;
    let request = 0;
    let before = 0;
    const paint = (now: number): void => {
      const current = heat();
      // The map takes what it needs, the bytes below it the rest.
      const room = Math.max(60, (frame.closest(".memory-body")?.clientHeight ?? 400) * MAP_SHARE);
      draw.fit(current, frame.clientWidth, room);
      frame.style.height = `${String(Math.min(room, draw.mapLayout.height))}px`;
      const changed = new Set<number>();
      current.fade(before ? Math.min(now - before, 250) : 16, (cell) => changed.add(cell));
      for (const cell of changed) draw.draw(current, cell);
      before = current.anyWarm ? now : 0;
      request = current.anyWarm ? requestAnimationFrame(paint) : 0;
    };
    const wake = (): void => {
      if (!request) request = requestAnimationFrame(paint);
    };
    const stopPulse = model.memoryPulse.subscribe(wake);
    const stopIndex = model.memoryIndex.subscribe(() => {
      draw.fit(heat(), 0, 0);
      wake();
    });
    const sizes = new ResizeObserver(wake);
    sizes.observe(frame);
    const recolour = (): void => {
      draw.recolour(heat());
    };
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", recolour);
    const chosen = new MutationObserver(recolour);
    chosen.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      cancelAnimationFrame(request);
      stopPulse();
      stopIndex();
      sizes.disconnect();
      system.removeEventListener("change", recolour);
      chosen.disconnect();
      painter.current = null;
    };
  }, [model]);

  const cellUnder = (event: MouseEvent): number | null => {
    const layout = painter.current?.mapLayout;
    const heat = model.heats[index];
    if (!layout || !heat) return null;
    return cellAt(layout, heat.cells, event.offsetX, event.offsetY);
  };

  const memory = model.run.value.memories.find((row) => row.index === index);
  const cell = pointed.value;
  const layout = painter.current?.mapLayout;
  const ringAt = (at: number | null) => (at === null || !layout ? null : placeOf(layout, at));
  const shown = memory && memory.size > 0 ? Math.floor(model.hexAddress.value / CELL) : null;
  const ring = ringAt(shown);
  const span = layout?.cellsPerSquare === 16 ? "64 KiB page" : "4 KiB";
  return (
    <div class="map">
      <div class="map-box" ref={box}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={memory ? `Map of ${formatBytes(memory.size)} of memory` : "Map of the memory"}
          data-testid="memory-map"
          onMouseMove={(event) => (pointed.value = cellUnder(event))}
          onMouseLeave={() => (pointed.value = null)}
          onClick={(event) => {
            const target = cellUnder(event);
            if (target !== null) model.lookAt(index, target * CELL);
          }}
        />
        {ring && layout && (
          <i
            class="map-ring"
            style={{
              transform: `translate(${String(ring.x - 2)}px, ${String(ring.y - 2)}px)`,
              width: `${String(layout.square + 4)}px`,
              height: `${String(layout.square + 4)}px`,
            }}
          />
        )}
      </div>
      <p class="map-legend">
        {cell === null ? (
          <>
            <i class="legend-empty" /> untouched <i class="legend-used" /> holds data <i class="legend-hot" />{" "}
            just written
          </>
        ) : (
          <>
            {formatOffset(cell * CELL)}, the {span} in page {Math.floor(cell / 16)}
          </>
        )}
      </p>
    </div>
  );
}
