import { formatBytes, formatCount, plural } from "../lib/format";
import { useModel } from "../model/model";
import { HexView } from "./HexView";
import { MemoryMap } from "./MemoryMap";

export function MemoryPanel() {
  const model = useModel();
  const memories = model.parts.memories.value;
  const index = model.memoryIndex.value;
  const memory = memories.find((row) => row.index === index);
  const started = model.state.value !== "idle";
  return (
    <section class="panel glass memory-panel" aria-label="Memory">
      <div class="panel-head">
        <h2>Memory</h2>
        {memories.length > 1 && (
          <select
            aria-label="Which memory"
            value={index}
            onChange={(event) => {
              model.lookAt(Number(event.currentTarget.value), 0);
            }}
          >
            {memories.map((row) => (
              <option key={row.index} value={row.index}>
                {row.index} {row.name ?? ""}
              </option>
            ))}
          </select>
        )}
        {memory && (
          <span class="panel-note" data-testid="memory-size">
            {formatBytes(memory.size)} · {plural(memory.size / 65536, "page")}
            {memory.limit !== null && ` of at most ${formatCount(memory.limit / 65536)}`}
          </span>
        )}
      </div>
      <div class={memory ? "memory-body" : "memory-body hidden"}>
        <MemoryMap />
        <HexView />
      </div>
      {!memory && (
        <p class="empty">
          {started
            ? "This guest has no memory."
            : "Its memory appears here when it starts: every page, and what is written to it."}
        </p>
      )}
    </section>
  );
}
