import { useSignal } from "@preact/signals";
import { formatBytes, formatCount, formatOffset, plural } from "../lib/format";
import { useModel } from "../model/model";
import type { ExportRow, FunctionRow, ImportRow, ModuleSummary } from "../protocol";
import { Sections } from "./Sections";
import { Tabs } from "./Tabs";

type View = "sections" | "imports" | "exports" | "functions";

/** Long lists are cut; the rest is found by searching. */
const SHOWN = 400;

function Filtered<Row>(props: {
  readonly rows: readonly Row[];
  readonly what: string;
  readonly textOf: (row: Row) => string;
  readonly render: (row: Row) => preact.ComponentChild;
  readonly empty: string;
}) {
  const query = useSignal("");
  if (props.rows.length === 0) return <p class="empty">{props.empty}</p>;
  const wanted = query.value.trim().toLowerCase();
  const found = wanted
    ? props.rows.filter((row) => props.textOf(row).toLowerCase().includes(wanted))
    : props.rows;
  return (
    <>
      {props.rows.length > 12 && (
        <input
          type="search"
          class="filter"
          placeholder={`Search ${formatCount(props.rows.length)} ${props.what}`}
          aria-label={`Search ${props.what}`}
          value={query.value}
          onInput={(event) => (query.value = event.currentTarget.value)}
        />
      )}
      <ul class="rows">{found.slice(0, SHOWN).map(props.render)}</ul>
      {found.length > SHOWN && (
        <p class="hint">{formatCount(found.length - SHOWN)} more; search to narrow the list.</p>
      )}
      {found.length === 0 && <p class="empty">Nothing matches.</p>}
    </>
  );
}

const Kind = ({ kind }: { readonly kind: string }) => <span class={`kind kind-${kind}`}>{kind}</span>;

const Imports = ({ rows }: { readonly rows: readonly ImportRow[] }) => (
  <Filtered
    rows={rows}
    what="imports"
    empty="It imports nothing: it can only compute."
    textOf={(row) => `${row.module} ${row.name} ${row.type}`}
    render={(row) => (
      <li key={`${row.module} ${row.name} ${row.type}`} class={row.provided ? "" : "missing"}>
        <Kind kind={row.kind} />
        <span class="row-name" title={`${row.module} ${row.name}`}>
          <span class="faint">{row.module === "wasi_snapshot_preview1" ? "wasi" : row.module} </span>
          {row.name}
        </span>
        <code class="row-type">{row.provided ? row.type : "not provided here"}</code>
      </li>
    )}
  />
);

const Exports = ({ rows }: { readonly rows: readonly ExportRow[] }) => (
  <Filtered
    rows={rows}
    what="exports"
    empty="It exports nothing, so nothing in it can be called."
    textOf={(row) => `${row.name} ${row.type}`}
    render={(row) => (
      <li key={row.name}>
        <Kind kind={row.kind} />
        <span class="row-name" title={row.name}>
          {row.name}
        </span>
        <code class="row-type">{row.type}</code>
      </li>
    )}
  />
);

const Functions = ({ rows }: { readonly rows: readonly FunctionRow[] }) => (
  <Filtered
    rows={rows}
    what="functions"
    empty="It has no functions."
    textOf={(row) => `${String(row.index)} ${row.name ?? ""} ${row.type}`}
    render={(row) => (
      <li key={row.index} title={row.imported ? "imported" : `code at ${formatOffset(row.offset)}`}>
        <span class="row-index">{row.index}</span>
        <span class={row.name === null ? "row-name faint" : "row-name"}>
          {row.name ?? `$${String(row.index)}`}
        </span>
        <code class="row-type">{row.imported ? "imported" : formatBytes(row.size)}</code>
      </li>
    )}
  />
);

const Types = ({ rows }: { readonly rows: readonly string[] }) => (
  <Filtered
    rows={rows.map((text, index) => ({ text, index }))}
    what="types"
    empty="It declares no types."
    textOf={(row) => row.text}
    render={(row) => (
      <li key={row.index}>
        <span class="row-index">{row.index}</span>
        <code class="row-name">{row.text}</code>
      </li>
    )}
  />
);

function usesOf({ features, scanned }: ModuleSummary): string {
  const known = features.join(", ");
  if (scanned) return known || "only WebAssembly 1.0";
  return known ? `${known}, perhaps more` : "not known: its code is too large to look through";
}

function Facts({ module }: { readonly module: ModuleSummary }) {
  return (
    <dl class="facts">
      {module.name !== null && (
        <>
          <dt>Named</dt>
          <dd>{module.name}</dd>
        </>
      )}
      <dt>Uses</dt>
      <dd>{usesOf(module)}</dd>
      {module.producers.map(([field, value]) => (
        <>
          <dt key={field}>{field}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  );
}

export function Inspector() {
  const module = useModel().module.value;
  const view = useSignal<View>("sections");
  if (!module) return null;
  const tabs = [
    { id: "sections", label: "Sections" },
    { id: "imports", label: "Imports", badge: module.imports.length },
    { id: "exports", label: "Exports", badge: module.exports.length },
    { id: "functions", label: "Functions", badge: module.functions.length },
  ] as const;
  return (
    <section class="panel glass inspector" aria-label="Module">
      <Tabs label="Module" tabs={tabs} current={view.value} onChange={(id) => (view.value = id)}>
        {view.value === "sections" && (
          <>
            <Sections rows={module.sections} size={module.size} />
            <Facts module={module} />
          </>
        )}
        {view.value === "imports" && <Imports rows={module.imports} />}
        {view.value === "exports" && <Exports rows={module.exports} />}
        {view.value === "functions" && (
          <>
            <Functions rows={module.functions} />
            <h3>Types</h3>
            <Types rows={module.types} />
          </>
        )}
      </Tabs>
    </section>
  );
}

export const verdictLine = (module: ModuleSummary): string =>
  `${plural(module.functions.length, "function")}, checked in ${formatMs(module.decodeMs + module.validateMs)}`;

const formatMs = (ms: number): string =>
  ms < 10 ? `${ms.toFixed(1)} ms` : `${formatCount(Math.round(ms))} ms`;
