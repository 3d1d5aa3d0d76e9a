import { useModel } from "../model/model";
import type { Engine } from "../protocol";
import { Icon } from "./Icon";
import { SHORTCUTS } from "./Shortcuts";

const ENGINES = [
  ["steps", "Watch every step"],
  ["speed", "Full speed"],
] as const;

const HINTS: Record<Engine, string> = {
  steps: "wasmarium executes each instruction itself: pause anywhere, step, see locals and operands.",
  speed:
    "Your browser’s own WebAssembly runs it. No stepping; memory, globals, tables, output and calls stay live.",
};

/** Which engine runs the guest, in words that need no knowledge of engines. */
export function EngineChoice() {
  const model = useModel();
  const { engine } = model.settings.value;
  const fallback = model.parts.fallback.value;
  const { keys } = SHORTCUTS.engine;
  return (
    <div class="engine">
      <div
        class="segments"
        role="radiogroup"
        aria-label="How it is run"
        aria-keyshortcuts={keys}
        title={`How it is run (${keys} changes it)`}
      >
        {ENGINES.map(([id, label]) => (
          <label key={id} class={engine === id ? "segment chosen" : "segment"}>
            <input
              type="radio"
              name="engine"
              checked={engine === id}
              disabled={model.live.value}
              onChange={() => {
                model.change({ engine: id });
              }}
            />
            <Icon name={id === "steps" ? "step" : "speed"} size={13} />
            {label}
          </label>
        ))}
      </div>
      <p class={fallback === null ? "hint" : "hint warn"} data-testid="engine-hint">
        {fallback === null ? HINTS[engine] : `It runs step by step here: ${fallback}.`}
      </p>
    </div>
  );
}
