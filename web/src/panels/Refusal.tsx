import { Fragment } from "preact";
import { around, linesAround, printable } from "../lib/bytes";
import { formatHex, formatOffset } from "../lib/format";
import { useModel, type Verdict } from "../model/model";
import type { Diagnostic } from "../protocol";
import { PickButton } from "./Drop";

const HEADLINES: Record<string, string> = {
  malformed: "This module is malformed",
  invalid: "This module is not valid",
  unsupported: "This is not supported yet",
};

export function placesOf(diagnostic: Diagnostic): readonly (readonly [label: string, value: string])[] {
  const places: (readonly [string, string])[] = [];
  if (diagnostic.line !== null) {
    places.push(["line", `${String(diagnostic.line)}:${String(diagnostic.column ?? 1)}`]);
  }
  if (diagnostic.section !== null) places.push(["section", diagnostic.section]);
  if (diagnostic.function !== null) {
    const name = diagnostic.functionName === null ? "" : ` ${diagnostic.functionName}`;
    places.push(["function", `${String(diagnostic.function)}${name}`]);
  }
  if (diagnostic.instruction !== null) {
    const mnemonic = diagnostic.mnemonic === null ? "" : ` ${diagnostic.mnemonic}`;
    places.push(["instruction", `${String(diagnostic.instruction)}${mnemonic}`]);
  }
  // In text, the line says where; the offset would be that of bytes which nobody has seen.
  if (diagnostic.offset !== null && diagnostic.line === null)
    places.push(["offset", formatOffset(diagnostic.offset)]);
  return places;
}

export const Places = ({ diagnostic }: { readonly diagnostic: Diagnostic }) => (
  <dl class="places">
    {placesOf(diagnostic).map(([label, value]) => (
      <div key={label}>
        <dt>{label}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);

function ByteContext({ bytes, offset }: { readonly bytes: Uint8Array; readonly offset: number }) {
  const context = around(bytes, offset);
  const rows = Array.from({ length: Math.ceil((context.bytes.length + 1) / 16) }, (_, i) => i * 16);
  return (
    <pre class="byte-context" aria-label={`The bytes around ${formatOffset(offset)}`}>
      {rows.map((first) => {
        const row = context.bytes.slice(first, first + 16);
        const hasEnd = context.at === context.bytes.length && context.at >= first && context.at <= first + 16;
        if (row.length === 0 && !hasEnd) return null;
        return (
          <div key={first}>
            <span class="faint">{formatHex(context.start + first, 8)} </span>
            {row.map((byte, i) => (
              <Fragment key={i}>
                <span class={first + i === context.at ? "culprit" : undefined}>
                  {formatHex(byte, 2)}
                </span>{" "}
              </Fragment>
            ))}
            {hasEnd && <span class="culprit">end</span>}
            <span class="ascii"> {row.map(printable).join("")}</span>
          </div>
        );
      })}
    </pre>
  );
}

function TextContext(props: { readonly bytes: Uint8Array; readonly line: number; readonly column: number }) {
  const context = linesAround(props.bytes, props.line);
  const width = String(context.first + context.lines.length).length;
  return (
    <pre class="byte-context" aria-label={`The text around line ${String(props.line)}`}>
      {context.lines.map((text, i) => {
        const number = context.first + i;
        const at = number === props.line ? props.column - 1 : -1;
        return (
          <div key={number}>
            <span class="faint">{String(number).padStart(width)} </span>
            {at < 0 ? (
              text
            ) : (
              <>
                {text.slice(0, at)}
                <span class="culprit">{text.slice(at, at + 1) || " "}</span>
                {text.slice(at + 1)}
              </>
            )}
          </div>
        );
      })}
    </pre>
  );
}

/** The one thing that is wrong with a file, and where. */
export function Refusal({ verdict }: { readonly verdict: Extract<Verdict, { kind: "refused" }> }) {
  const guest = useModel().guest.value;
  const { diagnostic, looksLike } = verdict;
  return (
    <section class="panel glass refusal" aria-label="Diagnostic" data-testid="refusal">
      <h2>
        {looksLike === null
          ? (HEADLINES[diagnostic.code] ?? "This cannot be run")
          : "This is not a WebAssembly module"}
      </h2>
      <p class="message" data-testid="refusal-message">
        {diagnostic.message}
      </p>
      <Places diagnostic={diagnostic} />
      {guest && diagnostic.line !== null && (
        <TextContext bytes={guest.bytes} line={diagnostic.line} column={diagnostic.column ?? 1} />
      )}
      {guest && diagnostic.offset !== null && diagnostic.line === null && (
        <ByteContext bytes={guest.bytes} offset={diagnostic.offset} />
      )}
      {looksLike !== null && (
        <p class="hint">
          By its first bytes, {guest?.name ?? "the file"} looks like {looksLike}.
        </p>
      )}
      <PickButton class="solid">Open another file</PickButton>
    </section>
  );
}
