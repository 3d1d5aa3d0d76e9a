import { useComputed, useSignal } from "@preact/signals";
import { formatBytes, formatCount, formatSeconds, formatShort, plural } from "../lib/format";
import { useModel } from "../model/model";
import type { GuestState } from "../protocol";
import { EngineChoice } from "./EngineChoice";
import { FilesField } from "./Files";
import { Icon, type IconName } from "./Icon";
import { SHORTCUTS } from "./Shortcuts";

function Control(props: {
  readonly icon: IconName;
  readonly label: string;
  readonly keys: string;
  readonly tip: string;
  readonly disabled: boolean;
  readonly primary?: boolean;
  readonly onClick: () => void;
}) {
  return (
    <button
      class={props.primary ? "control solid" : "control"}
      disabled={props.disabled}
      title={`${props.tip} (${props.keys})`}
      aria-keyshortcuts={props.keys.replace("Ctrl", "Control").replace(" ", "+")}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
      <span>{props.label}</span>
    </button>
  );
}

function Controls() {
  const model = useModel();
  const state = model.state.value;
  const live = model.live.value;
  const obstacle = model.obstacle.value;
  const blocked = obstacle !== null || !model.ready.value;
  const { run, toggle, step, out, stop } = SHORTCUTS;
  const paused = state === "paused";
  const noSteps = model.steps.value ? null : "Not at full speed: choose “Watch every step” for that";
  return (
    <div class="controls" role="toolbar" aria-label="Run the guest">
      {paused ? (
        <Control
          icon="run"
          label="Resume"
          keys={toggle.keys}
          tip="Go on"
          disabled={false}
          primary
          onClick={() => model.toggle()}
        />
      ) : (
        <Control
          icon="run"
          label="Run"
          keys={run.keys}
          tip={obstacle ?? run.label}
          disabled={blocked || live}
          primary
          onClick={() => model.start()}
        />
      )}
      <Control
        icon="pause"
        label="Pause"
        keys={toggle.keys}
        tip="Pause the guest"
        disabled={!live || paused}
        onClick={() => model.toggle()}
      />
      <Control
        icon="step"
        label="Step"
        keys={step.keys}
        tip={noSteps ?? (live ? step.label : "Start, paused before the first instruction")}
        disabled={noSteps !== null || (live ? !paused : blocked)}
        onClick={() => model.step()}
      />
      <Control
        icon="out"
        label="Step out"
        keys={out.keys}
        tip={noSteps ?? out.label}
        disabled={!paused || noSteps !== null}
        onClick={() => model.stepOut()}
      />
      <Control
        icon="stop"
        label="Stop"
        keys={stop.keys}
        tip={stop.label}
        disabled={!live}
        onClick={() => model.stop()}
      />
    </div>
  );
}

const STATES: Record<GuestState, string> = {
  idle: "Not started",
  starting: "Starting",
  running: "Running",
  paused: "Paused",
  waiting: "Waits for input",
  sleeping: "Sleeping",
  finished: "Returned",
  exited: "Exited",
  trapped: "Trapped",
  stopped: "Stopped",
  failed: "Failed",
};

/** The guest's pulse: its state and how much it has done. */
export function Pulse() {
  const run = useModel().run.value;
  const label =
    run.state === "exited"
      ? `Exited with ${String(run.exitCode ?? 0)}`
      : run.questions.length > 0
        ? "Waits for your answer"
        : STATES[run.state];
  return (
    <div class="pulse">
      <span
        class={`state state-${run.state}${run.state === "exited" && run.exitCode ? " unhappy" : ""}`}
        role="status"
        data-testid="state"
      >
        <i class="lamp" />
        {label}
      </span>
      {run.state !== "idle" && run.state !== "starting" && (
        <span class="figures">
          {run.instructions !== null && (
            <span title={`${formatCount(run.instructions)} instructions executed`}>
              <b data-testid="instructions">{formatCount(run.instructions)}</b> instructions
            </span>
          )}
          <span title="Time that the guest itself has run">{formatSeconds(run.seconds)}</span>
          {run.speed > 0 && <span title="Instructions a second">{formatShort(run.speed)}/s</span>}
          {run.depth > 0 && <span>{plural(run.depth, "frame")}</span>}
        </span>
      )}
    </div>
  );
}

function InvokeField() {
  const model = useModel();
  const module = model.module.value;
  if (!module) return null;
  const { invoke } = model.settings.value;
  const target = module.callable.find((item) => item.name === invoke);
  return (
    <>
      {(module.callable.length > 0 || !module.command) && (
        <label class="field">
          <span>Call</span>
          <select
            value={invoke ?? ""}
            disabled={model.live.value}
            onChange={(event) => {
              model.change({ invoke: event.currentTarget.value === "" ? null : event.currentTarget.value });
            }}
          >
            {module.command && <option value="">the command (_start)</option>}
            {module.callable.map((item) => (
              <option key={item.name} value={item.name}>
                {item.name}
              </option>
            ))}
          </select>
        </label>
      )}
      <label class="field grow">
        <span>{target ? "Values" : "Arguments"}</span>
        <input
          type="text"
          spellcheck={false}
          autocomplete="off"
          name="arguments"
          placeholder={target ? target.params.join("  ") || "none" : "none"}
          value={model.settings.value.args}
          disabled={model.live.value}
          onInput={(event) => {
            model.change({ args: event.currentTarget.value });
          }}
        />
      </label>
    </>
  );
}

type Drawer = "env" | "files" | "stdin";

const INPUTS = [
  ["terminal", "I type lines in the terminal"],
  ["keys", "Each key I press there, at once (raw)"],
  ["text", "This text, then the end of input"],
] as const;

/** Environment, files and input: rarely needed, so each is a drawer. */
function Drawers() {
  const model = useModel();
  const open = useSignal<Drawer | null>(null);
  const settings = model.settings.value;
  const labels = useComputed(() => {
    const { env, files, input, inputText } = model.settings.value;
    const variables = env.split("\n").filter((line) => line.trim() !== "").length;
    return {
      env: variables ? plural(variables, "variable") : "Environment",
      files: files.length ? `${plural(files.length, "file")} in /data` : "Files",
      stdin:
        input === "text"
          ? `Input: ${formatBytes(new TextEncoder().encode(inputText).length)}`
          : input === "keys"
            ? "Input: keys"
            : "Input: typed",
    };
  }).value;
  const toggle = (drawer: Drawer): void => {
    open.value = open.value === drawer ? null : drawer;
  };
  const tab = (drawer: Drawer, marked: boolean) => (
    <button
      class={`drawer-tab${marked ? " marked" : ""}`}
      aria-expanded={open.value === drawer}
      onClick={() => {
        toggle(drawer);
      }}
    >
      {labels[drawer]}
      <Icon name="more" size={12} />
    </button>
  );
  return (
    <>
      <div class="drawer-tabs">
        {tab("env", settings.env.trim() !== "")}
        {tab("files", settings.files.length > 0)}
        {tab("stdin", settings.input !== "terminal")}
      </div>
      {open.value === "env" && (
        <label class="drawer">
          <span>One NAME=value on each line</span>
          <textarea
            rows={3}
            spellcheck={false}
            name="environment"
            value={settings.env}
            onInput={(event) => {
              model.change({ env: event.currentTarget.value });
            }}
          />
        </label>
      )}
      {open.value === "files" && <FilesField />}
      {open.value === "stdin" && (
        <div class="drawer">
          <div class="choice" role="radiogroup" aria-label="Standard input">
            {INPUTS.map(([way, label]) => (
              <label key={way}>
                <input
                  type="radio"
                  name="input"
                  checked={settings.input === way}
                  onChange={() => {
                    model.change({ input: way });
                  }}
                />
                {label}
              </label>
            ))}
          </div>
          {settings.input === "text" && (
            <textarea
              rows={3}
              spellcheck={false}
              name="input-text"
              aria-label="Text for standard input"
              value={settings.inputText}
              onInput={(event) => {
                model.change({ inputText: event.currentTarget.value });
              }}
            />
          )}
        </div>
      )}
    </>
  );
}

export function RunPanel() {
  const model = useModel();
  const obstacle = model.obstacle.value;
  return (
    <section class="panel glass run-panel" aria-label="Run">
      <div class="run-row">
        <InvokeField />
      </div>
      <Drawers />
      <EngineChoice />
      <Controls />
      {obstacle !== null && model.module.value && !model.live.value && <p class="hint warn">{obstacle}</p>}
      <Pulse />
    </section>
  );
}
