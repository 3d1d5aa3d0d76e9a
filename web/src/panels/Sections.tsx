import { useSignal } from "@preact/signals";
import { formatBytes, formatCount, formatOffset } from "../lib/format";
import type { SectionRow } from "../protocol";

const hueClass = (row: SectionRow): string => `section-${String(row.id)}`;

const describe = (row: SectionRow): string =>
  `${row.name}: ${formatBytes(row.size)} at ${formatOffset(row.offset)}` +
  (row.count === null ? "" : `, ${formatCount(row.count)} entries`);

/** The file as one bar, every section in proportion, and the list of sections under it. */
export function Sections({ rows, size }: { readonly rows: readonly SectionRow[]; readonly size: number }) {
  const pointed = useSignal<number | null>(null);
  const biggest = Math.max(1, ...rows.map((row) => row.size));
  return (
    <div class="sections" onMouseLeave={() => (pointed.value = null)}>
      <div
        class="section-bar"
        role="img"
        aria-label={`${String(rows.length)} sections, ${formatBytes(size)}`}
      >
        {rows.map((row, i) => (
          <span
            key={i}
            class={`${hueClass(row)}${pointed.value === i ? " pointed" : ""}`}
            style={{ flexGrow: Math.max(row.size, size / 400) }}
            title={describe(row)}
            onMouseEnter={() => (pointed.value = i)}
          />
        ))}
      </div>
      <ul class="rows section-rows">
        {rows.map((row, i) => (
          <li
            key={i}
            class={pointed.value === i ? "pointed" : ""}
            title={describe(row)}
            onMouseEnter={() => (pointed.value = i)}
          >
            <i class={`chip ${hueClass(row)}`} />
            <span class="row-name">
              {row.id === 0 && <span class="faint">custom </span>}
              {row.name}
              {row.count !== null && <span class="faint"> × {formatCount(row.count)}</span>}
            </span>
            <span class="row-size">{formatBytes(row.size)}</span>
            <span class="row-meter" aria-hidden="true">
              <i class={hueClass(row)} style={{ width: `${String((100 * row.size) / biggest)}%` }} />
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
