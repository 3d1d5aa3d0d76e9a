/** The state of a run as the page keeps it: a fold over the worker's updates. */
import { computed, type ReadonlySignal } from "@preact/signals";
import type {
  CalledRow,
  Diagnostic,
  Engine,
  FrameRow,
  GlobalRow,
  GuestState,
  Listing,
  MemoryRow,
  MemoryWindow,
  Question,
  TableRow,
  TableWindow,
  TrapReport,
  Update,
  ValueText,
} from "../protocol";

export interface RunState {
  readonly state: GuestState;
  readonly instructions: number | null;
  readonly seconds: number;
  readonly depth: number;
  /** Instructions a second, smoothed; 0 while nothing runs. */
  readonly speed: number;
  readonly memories: readonly MemoryRow[];
  readonly window: MemoryWindow | null;
  readonly tables: readonly TableRow[];
  readonly entries: TableWindow | null;
  readonly globals: readonly GlobalRow[];
  /** Indices of the globals that the last update changed. */
  readonly freshGlobals: ReadonlySet<number>;
  readonly frames: readonly FrameRow[];
  readonly framesOmitted: number;
  readonly listing: Listing | null;
  readonly engine: Engine;
  /** Why the guest does not run at full speed, as was asked for. */
  readonly fallback: string | null;
  readonly called: readonly CalledRow[];
  readonly calledFunctions: number;
  readonly questions: readonly Question[];
  readonly exitCode: number | null;
  readonly results: readonly ValueText[] | null;
  readonly trap: TrapReport | null;
  readonly problem: Diagnostic | null;
  readonly files: readonly (readonly [path: string, size: number])[] | null;
}

const NONE: ReadonlySet<number> = new Set();

export const IDLE: RunState = {
  state: "idle",
  instructions: 0,
  seconds: 0,
  depth: 0,
  speed: 0,
  memories: [],
  window: null,
  tables: [],
  entries: null,
  globals: [],
  freshGlobals: NONE,
  frames: [],
  framesOmitted: 0,
  listing: null,
  engine: "steps",
  fallback: null,
  called: [],
  calledFunctions: 0,
  questions: [],
  exitCode: null,
  results: null,
  trap: null,
  problem: null,
  files: null,
};

export type RunParts = { readonly [Part in keyof RunState]: ReadonlySignal<RunState[Part]> };

/** One signal for each part, so that a view is drawn again only when what it shows has changed. */
export function partsOf(run: ReadonlySignal<RunState>): RunParts {
  const parts = Object.keys(IDLE).map((key) => [key, computed(() => run.value[key as keyof RunState])]);
  return Object.fromEntries(parts) as RunParts;
}

/** The guest exists and can be paused, stepped, stopped. */
export const isLive = (state: GuestState): boolean =>
  state === "starting" ||
  state === "running" ||
  state === "paused" ||
  state === "waiting" ||
  state === "sleeping";

const standsStill = (state: GuestState): boolean => state === "paused" || state === "trapped";

/** Merges rows that changed into the rows known. */
function merge<Row extends { readonly index: number }>(
  known: readonly Row[],
  news: readonly Row[],
): readonly Row[] {
  const byIndex = new Map(known.map((row) => [row.index, row]));
  for (const row of news) byIndex.set(row.index, row);
  return [...byIndex.values()].sort((a, b) => a.index - b.index);
}

function speedAfter(before: RunState, update: Update): number {
  const seconds = update.seconds - before.seconds;
  if (update.instructions === null) return 0;
  const instructions = update.instructions - (before.instructions ?? 0);
  if (update.state !== "running" && update.state !== "sleeping") return 0;
  // Too short a time says nothing; a new run starts from zero.
  if (seconds < 0.002 || instructions < 0) return before.speed;
  const now = instructions / seconds;
  return before.speed === 0 ? now : 0.85 * before.speed + 0.15 * now;
}

export function applyUpdate(before: RunState, update: Update): RunState {
  return {
    state: update.state,
    instructions: update.instructions,
    seconds: update.seconds,
    depth: update.depth,
    speed: speedAfter(before, update),
    memories: update.memories ? merge(before.memories, update.memories) : before.memories,
    window: update.windows?.[0] ?? before.window,
    tables: update.tables ? merge(before.tables, update.tables) : before.tables,
    entries: update.entries?.[0] ?? before.entries,
    globals: update.globals ? merge(before.globals, update.globals) : before.globals,
    freshGlobals: update.globals ? new Set(update.globals.map((row) => row.index)) : NONE,
    frames: update.frames ?? before.frames,
    framesOmitted: update.frames ? (update.framesOmitted ?? 0) : before.framesOmitted,
    listing: update.listing ?? (standsStill(update.state) ? before.listing : null),
    engine: update.engine ?? before.engine,
    fallback: update.fallback ?? before.fallback,
    called: update.called ?? before.called,
    calledFunctions: update.calledFunctions ?? before.calledFunctions,
    questions: isLive(update.state) ? (update.questions ?? before.questions) : [],
    exitCode: update.exitCode ?? before.exitCode,
    results: update.results ?? before.results,
    trap: update.trap ?? before.trap,
    problem: update.problem ?? before.problem,
    files: update.files ?? before.files,
  };
}
