import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { fromBase64, printable } from "../lib/bytes";
import { formatHex, formatOffset, parseAddress } from "../lib/format";
import { makeScale, positionOf, rowAt, visibleRows } from "../lib/scroll";
import { useModel } from "../model/model";
import type { MemoryWindow } from "../protocol";

const ROW = 16;
const ROW_HEIGHT = 18;

/** Which bytes differ from those shown before, for as long as they stand at the same place. */
function useFreshBytes(window: MemoryWindow | null, bytes: Uint8Array): ReadonlySet<number> {
  const before = useRef<{ memory: number; address: number; bytes: Uint8Array } | null>(null);
  const fresh = useMemo(() => {
    const changed = new Set<number>();
    const last = before.current;
    if (window && last?.memory === window.memory && last.address === window.address) {
      for (let i = 0; i < Math.min(bytes.length, last.bytes.length); i++) {
        if (bytes[i] !== last.bytes[i]) changed.add(i);
      }
    }
    return changed;
  }, [window, bytes]);
  useEffect(() => {
    before.current = window ? { memory: window.memory, address: window.address, bytes } : null;
  }, [window, bytes]);
  return fresh;
}

type Look = "fresh" | "zero" | undefined;

/** Neighbours that look the same are one element: a row is a few of them, not sixteen. */
function segmentsOf(bytes: Uint8Array, fresh: ReadonlySet<number>, at: number) {
  const segments: { readonly look: Look; text: string }[] = [];
  bytes.forEach((byte, i) => {
    const look: Look = fresh.has(at + i) ? "fresh" : byte === 0 ? "zero" : undefined;
    const gap = i === 0 ? "" : i === ROW / 2 ? "  " : " ";
    const last = segments.at(-1);
    if (last !== undefined && look !== "fresh" && last.look === look) {
      last.text += gap + formatHex(byte, 2);
      return;
    }
    if (last !== undefined) last.text += gap;
    segments.push({ look, text: formatHex(byte, 2) });
  });
  return segments;
}

function Row(props: {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly fresh: ReadonlySet<number>;
  readonly at: number;
  readonly digits: number;
}) {
  const { address, bytes, fresh, at, digits } = props;
  return (
    <div class="hex-row">
      <span class="hex-address">{formatHex(address, digits)}</span>
      <span class="hex-bytes">
        {segmentsOf(bytes, fresh, at).map(({ look, text }, i) => (
          <span key={i} class={look}>
            {text}
          </span>
        ))}
      </span>
      <span class="hex-text">{Array.from(bytes, printable).join("")}</span>
    </div>
  );
}

function Jump({ size }: { readonly size: number }) {
  const model = useModel();
  const text = useSignal("");
  const address = parseAddress(text.value);
  const wrong = text.value.trim() !== "" && (address === null || address >= size);
  return (
    <form
      class="jump"
      onSubmit={(event) => {
        event.preventDefault();
        if (address !== null && address < size)
          model.lookAt(model.memoryIndex.value, address - (address % ROW));
      }}
    >
      <input
        type="text"
        name="address"
        spellcheck={false}
        autocomplete="off"
        placeholder="Jump to 0x…"
        aria-label="Jump to address"
        aria-invalid={wrong}
        title={
          wrong
            ? `An address from 0x0 to ${formatOffset(Math.max(0, size - 1))}`
            : "Hexadecimal with 0x, decimal, or 64K, 2M"
        }
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
    </form>
  );
}

/** The bytes of the memory. Only what is seen is ever fetched, so the memory may be of any size. */
export function HexView() {
  const model = useModel();
  const index = model.memoryIndex.value;
  const memory = model.parts.memories.value.find((row) => row.index === index);
  const size = memory?.size ?? 0;
  const scroller = useRef<HTMLDivElement>(null);
  const viewport = useSignal(240);
  const scale = makeScale(Math.ceil(size / ROW), ROW_HEIGHT, viewport.value);
  const address = model.hexAddress.value;
  const sent = model.parts.window.value;
  const window = sent?.memory === index ? sent : null;
  const bytes = useMemo(() => (window ? fromBase64(window.data) : new Uint8Array()), [window]);
  const fresh = useFreshBytes(window, bytes);
  /** Scroll positions that the view set by itself, not to be taken for the user's. */
  const ownPosition = useRef(-1);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const sizes = new ResizeObserver(() => {
      viewport.value = element.clientHeight;
    });
    sizes.observe(element);
    return () => {
      sizes.disconnect();
    };
  }, [viewport]);

  const rows = visibleRows(scale);
  useEffect(() => {
    if (model.hexLength.peek() !== rows * ROW)
      model.lookAt(model.memoryIndex.peek(), model.hexAddress.peek(), rows * ROW);
  }, [model, rows]);

  // Jumps and clicks on the map move the scroll bar.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || rowAt(scale, element.scrollTop) * ROW === address) return;
    element.scrollTop = positionOf(scale, address / ROW);
    ownPosition.current = element.scrollTop;
  }, [address, size, viewport.value]);

  const go = (row: number): void => {
    const last = Math.max(0, scale.rows - visibleRows(scale));
    model.lookAt(index, Math.min(last, Math.max(0, row)) * ROW);
  };
  const onScroll = (): void => {
    const element = scroller.current;
    if (!element || element.scrollTop === ownPosition.current) return;
    ownPosition.current = -1;
    const next = rowAt(scale, element.scrollTop) * ROW;
    if (next !== model.hexAddress.peek()) model.lookAt(index, next);
  };
  const onKey = (event: KeyboardEvent): void => {
    const page = visibleRows(scale);
    const row = address / ROW;
    const target = {
      ArrowDown: row + 1,
      ArrowUp: row - 1,
      PageDown: row + page,
      PageUp: row - page,
      Home: 0,
      End: scale.rows,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    go(target);
  };
  const onWheel = (event: WheelEvent): void => {
    // Where the scroll bar stands for thousands of rows a pixel, the wheel still moves by rows.
    if (scale.rows * ROW_HEIGHT === scale.height) return;
    event.preventDefault();
    go(
      address / ROW + Math.sign(event.deltaY) * Math.max(1, Math.round(Math.abs(event.deltaY) / ROW_HEIGHT)),
    );
  };

  const digits = Math.max(6, formatHex(Math.max(0, size - 1)).length);
  const offset = window ? address - window.address : 0;
  const lines = [];
  for (let i = 0; window && i < rows; i++) {
    const start = offset + i * ROW;
    if (start < 0 || start >= bytes.length) continue;
    lines.push(
      <Row
        key={i}
        address={address + i * ROW}
        bytes={bytes.subarray(start, start + ROW)}
        fresh={fresh}
        at={start}
        digits={digits}
      />,
    );
  }
  return (
    <div class="hex">
      <div class="hex-tools">
        <span class="hex-title">Bytes</span>
        <Jump size={size} />
      </div>
      <div
        class="hex-scroller"
        ref={scroller}
        tabIndex={0}
        role="group"
        aria-label="Memory in hexadecimal"
        data-testid="hex"
        onScroll={onScroll}
        onKeyDown={onKey}
        onWheel={onWheel}
      >
        <div class="hex-track" style={{ height: `${String(scale.height)}px` }}>
          <div class="hex-lines">{lines}</div>
        </div>
      </div>
    </div>
  );
}
