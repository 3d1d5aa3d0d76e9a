/** How the guest is to be run, as it stands in the run panel. */
import { mistakeInValue, parseEnvironment, splitArguments } from "../lib/args";
import type { Engine, GuestFile, ModuleSummary, RunPlan } from "../protocol";
import type { SharedRun } from "../lib/link";
import type { Sample } from "./guests";

/**
 * Where standard input comes from: lines typed in the terminal, every key as it is pressed there, or
 * a text.
 */
export type Input = "terminal" | "keys" | "text";

/** Bytes from which on a module is a program of some size: one wants to use it before one watches its steps. */
export const BIG = 256 * 2 ** 10;

export interface Settings {
  readonly engine: Engine;
  /** The export to call; null for the command. */
  readonly invoke: string | null;
  readonly args: string;
  readonly env: string;
  readonly files: readonly GuestFile[];
  readonly input: Input;
  readonly inputText: string;
}

export const DEFAULT_SETTINGS: Settings = {
  engine: "steps",
  invoke: null,
  args: "",
  env: "",
  files: [],
  input: "terminal",
  inputText: "",
};

/** What a freshly opened guest starts with. */
export function settingsFor(module: ModuleSummary, sample: Sample | null, link: SharedRun | null): Settings {
  const fallback = module.command ? null : (module.callable[0]?.name ?? null);
  const wished = link?.invoke ?? sample?.invoke ?? null;
  const invoke = module.callable.some((item) => item.name === wished) ? wished : fallback;
  const encoder = new TextEncoder();
  return {
    ...DEFAULT_SETTINGS,
    engine: link?.engine ?? (module.size >= BIG ? "speed" : "steps"),
    invoke,
    args: link?.args ?? sample?.args ?? "",
    files: (sample?.files ?? []).map(({ path, text }) => ({ path, data: encoder.encode(text) })),
  };
}

/** What keeps the guest from being run, in a few words; null when all is well. */
export function mistakeIn(settings: Settings, module: ModuleSummary): string | null {
  const { mistake } = parseEnvironment(settings.env);
  if (mistake !== null) return `Environment: “${mistake}” is not NAME=value.`;
  if (settings.invoke === null) {
    return module.command ? null : "This module exports no function to call.";
  }
  const target = module.callable.find((item) => item.name === settings.invoke);
  if (!target) return `There is no exported function ${settings.invoke}.`;
  const given = splitArguments(settings.args);
  if (given.length !== target.params.length) {
    const wanted = target.params.length === 0 ? "no arguments" : target.params.join(" ");
    return `${target.name} takes ${wanted}.`;
  }
  for (const [i, type] of target.params.entries()) {
    const wrong = mistakeInValue(type, given[i] ?? "");
    if (wrong !== null) return `Argument ${String(i + 1)} (${type}): ${wrong}.`;
  }
  return null;
}

export function planOf(settings: Settings, name: string, paused: boolean): RunPlan {
  return {
    engine: settings.engine,
    name,
    invoke: settings.invoke,
    args: splitArguments(settings.args),
    env: parseEnvironment(settings.env).pairs,
    files: settings.files,
    stdin: settings.input === "text" ? settings.inputText : null,
    paused,
  };
}
