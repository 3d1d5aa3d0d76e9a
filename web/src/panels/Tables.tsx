import { useEffect, useRef } from "preact/hooks";
import { formatCount } from "../lib/format";
import { makeScale, rowAt, visibleRows } from "../lib/scroll";
import { useSignal } from "@preact/signals";
import { useModel } from "../model/model";

const ROW_HEIGHT = 24;
const MARGIN = 8;

export function Tables() {
  const model = useModel();
  const tables = model.parts.tables.value;
  const entries = model.parts.entries.value;
  const state = model.state.value;
  const index = model.tableIndex.value;
  const scroller = useRef<HTMLDivElement>(null);
  const viewport = useSignal(200);
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
  }, [viewport, tables.length === 0]);

  const table = tables.find((row) => row.index === index) ?? tables[0];
  if (!table) {
    return (
      <p class="empty">
        {state === "idle"
          ? "Tables and what their entries refer to appear here when the guest starts."
          : "This guest has no table."}
      </p>
    );
  }
  const scale = makeScale(table.size, ROW_HEIGHT, viewport.value);
  const onScroll = (): void => {
    const top = scroller.current?.scrollTop ?? 0;
    const first = Math.max(0, rowAt(scale, top) - MARGIN);
    const count = visibleRows(scale) + 2 * MARGIN + 1;
    if (first !== model.tableFirst.value || count !== model.tableCount.value) {
      model.lookAtTable(table.index, first, count);
    }
  };
  const shown = entries?.table === table.index ? entries : null;
  return (
    <div class="tables">
      <div class="panel-head">
        {tables.length > 1 ? (
          <select
            aria-label="Which table"
            value={table.index}
            onChange={(event) => {
              model.lookAtTable(Number(event.currentTarget.value), 0);
            }}
          >
            {tables.map((row) => (
              <option key={row.index} value={row.index}>
                {row.name ?? `table ${String(row.index)}`}
              </option>
            ))}
          </select>
        ) : (
          <h3>{table.name ?? `table ${String(table.index)}`}</h3>
        )}
        <span class="panel-note">
          {formatCount(table.size)} × {table.type}
          {table.limit !== null && ` of at most ${formatCount(table.limit)}`}
        </span>
      </div>
      <div
        class="table-scroller"
        ref={scroller}
        tabIndex={0}
        role="group"
        aria-label="Table entries"
        onScroll={onScroll}
        data-testid="table"
      >
        <div style={{ height: `${String(scale.height)}px`, position: "relative" }}>
          <ul
            class="rows table-rows"
            style={{ transform: `translateY(${String((shown?.first ?? 0) * ROW_HEIGHT)}px)` }}
          >
            {shown?.entries.map((entry, i) => (
              <li key={shown.first + i} class={entry ? "" : "null"}>
                <span class="row-index">{shown.first + i}</span>
                <span class="row-name">{entry ? entry.name : "null"}</span>
                <code class="row-type">{entry?.type}</code>
              </li>
            ))}
          </ul>
        </div>
      </div>
    </div>
  );
}
