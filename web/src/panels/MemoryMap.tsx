import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { formatBytes, formatOffset } from "../lib/format";
import { CellPixels, type CellColours, type Colour } from "../lib/cell-pixels";
import { CELL, cellAt, Heat, layOut, placeOf } from "../lib/heat";
import { useModel } from "../model/model";

function readColours(element: HTMLElement): CellColours {
  const style = getComputedStyle(element);
  const theme = style.getPropertyValue("--is-dark").trim() === "1" ? "dark" : "light";
  const colour = (name: string): Colour => {
    const [r = 0, g = 0, b = 0, a = 1] = style
      .getPropertyValue(`--cell-${name}-${theme}`)
      .split(/[\s/]+/)
      .filter(Boolean)
      .map(Number);
    return [r, g, b, a];
  };
  return { empty: colour("empty"), used: colour("used"), hot: colour("hot"), peak: colour("peak") };
}

/** Keeps the canvas in step with a memory's heat. */
class Painter {
  private readonly context: CanvasRenderingContext2D;
  private colours: CellColours;
  private pixels: CellPixels | null = null;
  private ratio = 1;
  private fitted = "";

  constructor(private readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser cannot draw");
    this.context = context;
    this.colours = readColours(canvas);
  }

  /** Where a cell's square stands and how wide it is, in CSS pixels. */
  squareOf(cell: number): { readonly x: number; readonly y: number; readonly side: number } | null {
    if (!this.pixels) return null;
    const { x, y } = placeOf(this.pixels.layout, cell);
    return { x: x / this.ratio, y: y / this.ratio, side: this.pixels.layout.square / this.ratio };
  }

  cellUnder(heat: Heat, x: number, y: number): number | null {
    return this.pixels && cellAt(this.pixels.layout, heat.cells, x * this.ratio, y * this.ratio);
  }

  get cellsPerSquare(): number {
    return this.pixels?.layout.cellsPerSquare ?? 1;
  }

  /** Lays out anew when the memory, the box or the screen has another size; gives the map's height. */
  fit(heat: Heat, width: number, height: number): number {
    this.ratio = Math.min(2, devicePixelRatio || 1);
    const wanted = [heat.cells, width, height, this.ratio].join();
    if (wanted !== this.fitted || !this.pixels) {
      this.fitted = wanted;
      const across = Math.max(1, Math.floor(width * this.ratio));
      const layout = layOut(heat.cells, across, height * this.ratio, this.ratio);
      this.pixels = new CellPixels(layout, across, heat.cells, this.colours);
      this.canvas.width = across;
      this.canvas.height = layout.height;
      this.canvas.style.width = `${String(across / this.ratio)}px`;
      this.canvas.style.height = `${String(layout.height / this.ratio)}px`;
      this.pixels.drawAll(heat);
    }
    return this.pixels.layout.height / this.ratio;
  }

  recolour(heat: Heat): void {
    this.colours = readColours(this.canvas);
    this.fitted = "";
    if (this.pixels) {
      this.pixels = new CellPixels(this.pixels.layout, this.pixels.width, heat.cells, this.colours);
      this.pixels.drawAll(heat);
      this.show();
    }
  }

  draw(heat: Heat, cell: number): void {
    this.pixels?.draw(heat, cell);
  }

  /** Brings what changed to the screen. */
  show(): void {
    const dirty = this.pixels?.takeDirty();
    if (!dirty || !this.pixels) return;
    const { data, width, layout } = this.pixels;
    const image = new ImageData(data, width, layout.height);
    this.context.putImageData(image, 0, 0, 0, dirty.from, width, dirty.to - dirty.from);
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
      const height = draw.fit(current, frame.clientWidth, room);
      frame.style.height = `${String(Math.min(room, height))}px`;
      current.fade(before ? Math.min(now - before, 250) : 16, (cell) => {
        draw.draw(current, cell);
      });
      draw.show();
      before = current.anyWarm ? now : 0;
      request = current.anyWarm ? requestAnimationFrame(paint) : 0;
    };
    const wake = (): void => {
      if (!request) request = requestAnimationFrame(paint);
    };
    const stopPulse = model.memoryPulse.subscribe(wake);
    const stopIndex = model.memoryIndex.subscribe(() => {
      draw.recolour(heat());
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
    const heat = model.heats[index];
    return heat && painter.current ? painter.current.cellUnder(heat, event.offsetX, event.offsetY) : null;
  };

  const memory = model.parts.memories.value.find((row) => row.index === index);
  const cell = pointed.value;
  const shown = memory && memory.size > 0 ? Math.floor(model.hexAddress.value / CELL) : null;
  const ring = shown === null ? null : (painter.current?.squareOf(shown) ?? null);
  const span = painter.current?.cellsPerSquare === 16 ? "64 KiB" : "4 KiB";
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
        {ring && (
          <i
            class="map-ring"
            style={{
              transform: `translate(${String(ring.x)}px, ${String(ring.y)}px)`,
              width: `${String(ring.side)}px`,
              height: `${String(ring.side)}px`,
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
            {formatOffset(cell * CELL)}: {span} in page {Math.floor(cell / 16)}
          </>
        )}
      </p>
    </div>
  );
}
