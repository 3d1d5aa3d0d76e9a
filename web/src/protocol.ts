/**
 * What the page and the worker say to each other.
 *
 * The worker owns Pyodide and the one debugging session; the page owns the screen. Both directions
 * are discriminated unions on `kind`. Everything that the Python session hands out
 * (`src/wasmarium/debug/session.py`) is plain JSON; its shapes are the interfaces below.
 */

// ---------------------------------------------------------------------------- what a module is

export interface SectionRow {
  readonly id: number;
  readonly name: string;
  /** Byte offset of the section's contents in the file, and their length. */
  readonly offset: number;
  readonly size: number;
  /** How many entries it has; null where that has no meaning (custom sections, start). */
  readonly count: number | null;
}

export type ExternKind = "func" | "table" | "memory" | "global" | "tag";

export interface ImportRow {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
  readonly type: string;
  /** Does the playground provide it? */
  readonly provided: boolean;
}

export interface ExportRow {
  readonly name: string;
  readonly kind: ExternKind;
  readonly index: number;
  readonly type: string;
}

export interface FunctionRow {
  readonly index: number;
  readonly name: string | null;
  readonly type: string;
  readonly imported: boolean;
  readonly offset: number;
  readonly size: number;
}

/** A function that can be called by hand. */
export interface CallableExport {
  readonly name: string;
  readonly params: readonly string[];
  readonly results: readonly string[];
}

export interface ModuleSummary {
  readonly name: string | null;
  readonly size: number;
  /** A WASI command has `_start`; a library has only functions to call. */
  readonly command: boolean;
  readonly sections: readonly SectionRow[];
  readonly imports: readonly ImportRow[];
  readonly exports: readonly ExportRow[];
  readonly types: readonly string[];
  readonly functions: readonly FunctionRow[];
  readonly features: readonly string[];
  /** Was all code read for them? Of a large module only what its sections say is known. */
  readonly scanned: boolean;
  readonly producers: readonly (readonly [field: string, value: string])[];
  readonly callable: readonly CallableExport[];
  /** Milliseconds spent on decoding and on validation. */
  readonly decodeMs: number;
  readonly validateMs: number;
}

/** One problem with one place. */
export interface Diagnostic {
  /** malformed, invalid, unsupported, unlinkable, exhausted, denied, crash. */
  readonly code: string;
  readonly message: string;
  readonly section: string | null;
  readonly function: number | null;
  readonly functionName: string | null;
  readonly instruction: number | null;
  readonly mnemonic: string | null;
  readonly offset: number | null;
  /** Where the source was text; both count from 1. */
  readonly line: number | null;
  readonly column: number | null;
}

// ---------------------------------------------------------------------------- how to run it

export interface GuestFile {
  /** Relative to the preopened directory /data, with "/" between its parts. */
  readonly path: string;
  readonly data: Uint8Array;
}

/** `steps`: wasmarium's interpreter, instruction by instruction; `speed`: the browser's own WebAssembly. */
export type Engine = "steps" | "speed";

export interface RunPlan {
  readonly engine: Engine;
  /** The guest's argument 0. */
  readonly name: string;
  /** The export to call; null runs the command (`_start`). */
  readonly invoke: string | null;
  /** The guest's arguments without its own name, or the values for an invoked export. */
  readonly args: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly files: readonly GuestFile[];
  /** Text to feed, then the end of input; null means that standard input is typed live. */
  readonly stdin: string | null;
  /** Stop before the first instruction. */
  readonly paused: boolean;
}

// ---------------------------------------------------------------------------- what it does

/** The page itself says `starting`: what is to run at full speed is prepared first. */
export type GuestState =
  | "idle"
  | "starting"
  | "running"
  | "paused"
  | "waiting"
  | "sleeping"
  | "finished"
  | "exited"
  | "trapped"
  | "stopped"
  | "failed";

/** A value as text: integers signed and decimal, floats shortest, references by what they refer to. */
export interface ValueText {
  readonly type: string;
  readonly text: string;
}

export interface FrameRow {
  readonly function: number | null;
  readonly name: string;
  readonly instruction: number | null;
  readonly mnemonic: string | null;
  readonly offset: number | null;
  /** Present only while paused or trapped. */
  readonly locals?: readonly (ValueText & { readonly name: string | null })[];
  readonly operands?: readonly ValueText[];
}

/** How often a function was called. */
export interface CalledRow {
  readonly function: number;
  readonly name: string;
  readonly calls: number;
}

export interface MemoryRow {
  readonly index: number;
  readonly name: string | null;
  /** Sizes in bytes; the limit is null where the module states none. */
  readonly size: number;
  readonly limit: number | null;
  /** Runs of 4 KiB cells written since the last update: first, count, first, count, … */
  readonly written: readonly number[];
}

export interface MemoryWindow {
  readonly memory: number;
  readonly address: number;
  /** Base64; shorter than asked for at the end of the memory. */
  readonly data: string;
}

export interface TableRow {
  readonly index: number;
  readonly name: string | null;
  readonly type: string;
  readonly size: number;
  readonly limit: number | null;
}

export interface TableEntry {
  /** What the entry refers to; null for the null reference. */
  readonly name: string;
  readonly type: string;
  readonly function: number | null;
}

export interface TableWindow {
  readonly table: number;
  readonly first: number;
  readonly entries: readonly (TableEntry | null)[];
}

export interface GlobalRow extends ValueText {
  readonly index: number;
  readonly name: string | null;
  readonly mutable: boolean;
}

export interface ListingLine {
  readonly instruction: number;
  readonly offset: number;
  readonly depth: number;
  readonly text: string;
}

/** A stretch of a function's code around the instruction that comes next. */
export interface Listing {
  readonly function: number;
  readonly name: string;
  /** How many instructions the function has. */
  readonly length: number;
  readonly lines: readonly ListingLine[];
}

export interface TrapReport {
  readonly code: string | null;
  readonly message: string;
  readonly frames: readonly FrameRow[];
  /** Frames that were left out of the middle of a very deep backtrace. */
  readonly omitted: number;
}

export interface OutputPiece {
  readonly stream: "stdout" | "stderr";
  /** Base64. */
  readonly data: string;
}

/** Something that the guest wants and was not granted; it may wait for the answer. */
export interface Question {
  readonly id: number;
  /** fetch or websocket. */
  readonly capability: string;
  /** What it wants: a method and an address, or an address. */
  readonly subject: string;
}

export type Answer = "once" | "always" | "never";

/** Everything that changed since the last update; absent parts did not change. */
export interface Update {
  readonly state: GuestState;
  /** Instructions executed so far; null where nobody counts them. */
  readonly instructions: number | null;
  /** Seconds that the guest has run (not waited). */
  readonly seconds: number;
  readonly depth: number;
  /** What runs it; told once, when it starts. */
  readonly engine?: Engine;
  /** Why it does not run at full speed, as was asked for. */
  readonly fallback?: string;
  readonly output?: readonly OutputPiece[];
  /** More output is there than one update carries; how the run ended is told after it. */
  readonly more?: boolean;
  /** Bytes of output that were skipped because the guest prints faster than can be shown. */
  readonly skipped?: number;
  readonly memories?: readonly MemoryRow[];
  readonly windows?: readonly MemoryWindow[];
  readonly tables?: readonly TableRow[];
  readonly entries?: readonly TableWindow[];
  readonly globals?: readonly GlobalRow[];
  readonly frames?: readonly FrameRow[];
  readonly framesOmitted?: number;
  readonly listing?: Listing;
  /** The functions that were called most, at full speed, and how many were called at all. */
  readonly called?: readonly CalledRow[];
  readonly calledFunctions?: number;
  /** All that nobody has answered yet. */
  readonly questions?: readonly Question[];
  /** The run is over, and so is its output; what it came to stands beside. */
  readonly ended?: boolean;
  readonly exitCode?: number;
  readonly results?: readonly ValueText[];
  readonly trap?: TrapReport;
  readonly problem?: Diagnostic;
  /** The files below /data after the run: path and size. */
  readonly files?: readonly (readonly [path: string, size: number])[];
}

/** What the page looks at, so that nothing else needs to be sent. */
export interface Watch {
  readonly memory: { readonly index: number; readonly address: number; readonly length: number } | null;
  readonly table: { readonly index: number; readonly first: number; readonly count: number } | null;
  /** The frame whose code is shown, 0 for the innermost. */
  readonly frame: number;
}

// ---------------------------------------------------------------------------- the messages

export type ToWorker =
  | { readonly kind: "boot"; readonly base: string }
  | { readonly kind: "load"; readonly ticket: number; readonly bytes: Uint8Array }
  | { readonly kind: "start"; readonly plan: RunPlan }
  | { readonly kind: "pause" }
  | { readonly kind: "resume" }
  | { readonly kind: "step" }
  | { readonly kind: "step-out" }
  | { readonly kind: "stop" }
  | { readonly kind: "stdin"; readonly data: Uint8Array }
  | { readonly kind: "stdin-end" }
  | { readonly kind: "answer"; readonly question: number; readonly answer: Answer }
  | { readonly kind: "watch"; readonly watch: Watch }
  | { readonly kind: "read-file"; readonly path: string }
  /** The last update is on the screen; the worker holds the next one back until then. */
  | { readonly kind: "shown" };

export type BootStage = "download" | "python" | "wasmarium";

export interface Versions {
  readonly wasmarium: string;
  readonly python: string;
  readonly pyodide: string;
}

export type ToPage =
  | { readonly kind: "progress"; readonly stage: BootStage; readonly done: number; readonly total: number }
  | { readonly kind: "ready"; readonly versions: Versions; readonly seconds: number }
  | { readonly kind: "boot-failed"; readonly message: string }
  | { readonly kind: "loaded"; readonly ticket: number; readonly module: ModuleSummary }
  | { readonly kind: "refused"; readonly ticket: number; readonly diagnostic: Diagnostic }
  | { readonly kind: "update"; readonly update: Update }
  | { readonly kind: "file"; readonly path: string; readonly data: Uint8Array }
  /**
   * The Python side raised what it must not raise. The session was replaced by a new, empty one;
   * `fatal` says that not even that was possible.
   */
  | { readonly kind: "crashed"; readonly message: string; readonly fatal: boolean };
