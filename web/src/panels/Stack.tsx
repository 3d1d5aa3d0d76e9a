import { formatCount, formatOffset } from "../lib/format";
import { useModel } from "../model/model";
import { Called } from "./Called";
import type { FrameRow, ValueText } from "../protocol";

export function FrameList({
  frames,
  omitted,
}: {
  readonly frames: readonly FrameRow[];
  readonly omitted: number;
}) {
  const model = useModel();
  const selectable = model.state.value === "paused" || model.state.value === "trapped";
  const selected = model.frameIndex.value;
  // The session leaves out the middle of a deep stack: the innermost frames come first.
  const cut = omitted > 0 ? Math.ceil(frames.length / 2) : frames.length;
  return (
    <ol class="frames" data-testid="frames">
      {frames.map((frame, i) => (
        <>
          {i === cut && <li class="frames-cut">{formatCount(omitted)} more frames</li>}
          <li key={i}>
            <button
              class={selectable && i === selected ? "frame selected" : "frame"}
              disabled={!selectable}
              onClick={() => {
                model.lookAtFrame(i);
              }}
            >
              <span class="frame-number">{i < cut ? i : i + omitted}</span>
              <span class="frame-name">{frame.name}</span>
              <span class="frame-place">
                {frame.mnemonic !== null && <code>{frame.mnemonic}</code>}
                {frame.instruction !== null && <span>#{frame.instruction}</span>}
                {frame.offset !== null && <span>{formatOffset(frame.offset)}</span>}
              </span>
            </button>
          </li>
        </>
      ))}
    </ol>
  );
}

const Values = (props: {
  readonly title: string;
  readonly empty: string;
  readonly rows: readonly (ValueText & { readonly label: string })[];
}) => (
  <div class="values">
    <h3>{props.title}</h3>
    {props.rows.length === 0 ? (
      <p class="empty">{props.empty}</p>
    ) : (
      <dl>
        {props.rows.map((row, i) => (
          <div key={i}>
            <dt>{row.label}</dt>
            <dd>
              <span class="faint">{row.type}</span> {row.text}
            </dd>
          </div>
        ))}
      </dl>
    )}
  </div>
);

/** Scrolls the listing, and nothing around it, so that the line stands well inside. */
function bringIntoView(line: HTMLElement | null): void {
  const box = line?.parentElement;
  if (!line || !box) return;
  const top = line.offsetTop - box.offsetTop;
  const margin = Math.min(60, box.clientHeight / 3);
  if (top < box.scrollTop + margin || top > box.scrollTop + box.clientHeight - margin) {
    box.scrollTop = top - box.clientHeight / 2;
  }
}

function Code() {
  const model = useModel();
  const listing = model.parts.listing.value;
  const frames = model.parts.frames.value;
  const frame = frames[model.frameIndex.value];
  if (!listing || !frame || listing.function !== frame.function) return null;
  return (
    <div class="code" data-testid="listing">
      <h3>
        {listing.name}
        <span class="faint"> · {formatCount(listing.length)} instructions</span>
      </h3>
      <ol tabIndex={0} role="group" aria-label="Code">
        {listing.lines.map((line) => (
          <li
            key={line.instruction}
            class={line.instruction === frame.instruction ? "current" : ""}
            ref={(element) => {
              if (line.instruction === frame.instruction) bringIntoView(element);
            }}
          >
            <span class="code-offset">{formatOffset(line.offset)}</span>
            <code style={{ paddingLeft: `${String(Math.min(line.depth, 12) * 1.2)}em` }}>{line.text}</code>
          </li>
        ))}
      </ol>
    </div>
  );
}

export function Stack() {
  const model = useModel();
  const frames = model.parts.frames.value;
  const framesOmitted = model.parts.framesOmitted.value;
  const state = model.state.value;
  if (model.parts.engine.value === "speed" && state !== "idle") {
    return (
      <div class="stack">
        <Called />
        <Code />
      </div>
    );
  }
  if (frames.length === 0) {
    return (
      <p class="empty">
        {state !== "idle"
          ? "No call is under way."
          : model.steps.value
            ? "Calls appear here while the guest runs. Pause it to see locals and operands."
            : "How often each function is called appears here while the guest runs."}
      </p>
    );
  }
  const frame = frames[model.frameIndex.value];
  return (
    <div class="stack">
      {state !== "trapped" && <FrameList frames={frames} omitted={framesOmitted} />}
      {frame?.locals && (
        <div class="frame-detail">
          <Values
            title="Locals"
            empty="none"
            rows={frame.locals.map((local, i) => ({ ...local, label: local.name ?? String(i) }))}
          />
          <Values
            title="Operands"
            empty="empty"
            rows={(frame.operands ?? []).map((operand, i) => ({ ...operand, label: String(i) })).reverse()}
          />
        </div>
      )}
      <Code />
    </div>
  );
}
