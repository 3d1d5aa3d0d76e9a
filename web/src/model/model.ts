/** The page's one model: what is open, how it is run, what it did. Views read signals and call methods. */
import { batch, computed, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { fromBase64, recognise } from "../lib/bytes";
import { Heat } from "../lib/heat";
import { lastLine } from "../lib/format";
import { readLink, type SharedRun } from "../lib/link";
import type {
  Answer,
  BootStage,
  Diagnostic,
  ModuleSummary,
  ToPage,
  ToWorker,
  Update,
  Versions,
} from "../protocol";
import { fetchSample, findSample, type Sample } from "./guests";
import { applyUpdate, IDLE, isLive, partsOf } from "./run-state";
import { DEFAULT_SETTINGS, mistakeIn, planOf, settingsFor, type Settings } from "./settings";

export type Boot =
  | { readonly kind: "loading"; readonly stage: BootStage; readonly done: number; readonly total: number }
  | { readonly kind: "ready"; readonly versions: Versions; readonly seconds: number }
  | { readonly kind: "failed"; readonly message: string };

export interface Guest {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly sample: Sample | null;
}

export type Verdict =
  | { readonly kind: "checking" }
  | { readonly kind: "valid"; readonly module: ModuleSummary }
  | { readonly kind: "refused"; readonly diagnostic: Diagnostic; readonly looksLike: string | null };

/** Where output goes; the terminal registers itself. */
export interface Screen {
  write(data: Uint8Array, stream: "stdout" | "stderr"): void;
  note(text: string, tone: "quiet" | "good" | "bad"): void;
  clear(): void;
  focus(): void;
  /** All that stands on the terminal, as text. */
  text(): string;
  /** Resolves when what was written has been taken in. */
  settled(): Promise<void>;
}

const BIGGEST_FILE = 512 * 2 ** 20;

export class Model {
  readonly boot = signal<Boot>({ kind: "loading", stage: "download", done: 0, total: 1 });
  readonly guest = signal<Guest | null>(null);
  readonly verdict = signal<Verdict | null>(null);
  readonly settings = signal<Settings>(DEFAULT_SETTINGS);
  readonly run = signal(IDLE);
  readonly parts = partsOf(this.run);
  /** Something went wrong outside the guest: a file that cannot be read, a crash of ours. */
  readonly notice = signal<string | null>(null);

  readonly memoryIndex = signal(0);
  readonly hexAddress = signal(0);
  readonly hexLength = signal(1024);
  readonly tableIndex = signal(0);
  readonly tableFirst = signal(0);
  readonly tableCount = signal(64);
  readonly frameIndex = signal(0);

  /** Grows with every update that touched a memory; the map redraws on it. */
  readonly memoryPulse = signal(0);
  heats: Heat[] = [];
  screen: Screen | null = null;

  readonly module = computed(() => {
    const verdict = this.verdict.value;
    return verdict?.kind === "valid" ? verdict.module : null;
  });
  readonly state = this.parts.state;
  readonly live = computed(() => isLive(this.state.value));
  /** Whether what runs, or would be run, can be stepped through. */
  readonly steps = computed(
    () => (this.live.value ? this.parts.engine.value : this.settings.value.engine) === "steps",
  );
  readonly ready = computed(() => this.boot.value.kind === "ready");
  /** Why Run is not possible; null when it is. */
  readonly obstacle = computed(() => {
    const module = this.module.value;
    if (!module) return "The module is not checked yet.";
    return mistakeIn(this.settings.value, module);
  });

  private ticket = 0;
  private readonly waiting: ToWorker[] = [];
  private readonly downloads = new Set<string>();

  constructor(
    private readonly worker: Pick<Worker, "postMessage" | "addEventListener">,
    base: string,
  ) {
    worker.addEventListener("message", (event) => {
      this.receive(event.data as ToPage);
    });
    worker.addEventListener("error", (event) => {
      this.boot.value = {
        kind: "failed",
        message: event.message || "the worker did not start",
      };
    });
    worker.postMessage({ kind: "boot", base } satisfies ToWorker);
  }

  // -------------------------------------------------------------------------- opening guests

  async openFile(file: File): Promise<void> {
    if (file.size > BIGGEST_FILE) {
      this.notice.value = `${file.name} is larger than 512 MiB.`;
      return;
    }
    try {
      this.open(file.name, new Uint8Array(await file.arrayBuffer()), null, null);
    } catch {
      this.notice.value = `${file.name} could not be read. Is it a folder?`;
    }
  }

  async openSample(sample: Sample, link: SharedRun | null = null): Promise<void> {
    try {
      this.open(`${sample.id}.wasm`, await fetchSample(sample), sample, link);
    } catch (error) {
      this.notice.value = error instanceof Error ? error.message : String(error);
    }
  }

  /** Opens what the address names, if it names a sample. */
  openLink(hash: string): void {
    const link = readLink(hash);
    if (!link) return;
    const sample = findSample(link.sample);
    if (sample) void this.openSample(sample, link);
    else this.notice.value = `There is no sample called ${link.sample}.`;
  }

  private open(name: string, bytes: Uint8Array, sample: Sample | null, link: SharedRun | null): void {
    this.ticket++;
    this.pendingLink = link;
    batch(() => {
      this.notice.value = null;
      this.guest.value = { name, bytes, sample };
      this.resetRun();
      this.verdict.value = { kind: "checking" };
      this.send({ kind: "load", ticket: this.ticket, bytes });
    });
    this.screen?.clear();
  }

  private pendingLink: SharedRun | null = null;
  /** A guest that was open is loaded again; it keeps its settings. */
  private restoring = false;

  close(): void {
    this.ticket++;
    if (this.live.value) this.send({ kind: "stop" });
    batch(() => {
      this.guest.value = null;
      this.verdict.value = null;
      this.resetRun();
    });
  }

  private resetRun(): void {
    this.run.value = IDLE;
    this.heats = [];
    this.memoryIndex.value = 0;
    this.hexAddress.value = 0;
    this.tableIndex.value = 0;
    this.tableFirst.value = 0;
    this.frameIndex.value = 0;
    this.memoryPulse.value++;
  }

  // -------------------------------------------------------------------------- running

  start(paused = false): void {
    if (!this.ready.value || this.obstacle.value !== null || this.live.value) return;
    const settings = this.settings.value;
    const keep = {
      memory: this.memoryIndex.value,
      address: this.hexAddress.value,
      table: this.tableIndex.value,
    };
    batch(() => {
      this.resetRun();
      this.run.value = { ...IDLE, state: "starting", engine: settings.engine };
      this.memoryIndex.value = keep.memory;
      this.hexAddress.value = keep.address;
      this.tableIndex.value = keep.table;
    });
    this.screen?.clear();
    this.sendWatch();
    this.send({ kind: "start", plan: planOf(settings, this.guest.value?.name ?? "guest.wasm", paused) });
    this.focusTerminal();
  }

  /** Typing goes to a guest that may read what is typed, wherever the focus was before it ran. */
  private focusTerminal(): void {
    const { invoke, input } = this.settings.value;
    if (invoke === null && input === "terminal") this.screen?.focus();
  }

  /** The one button and key for going on: Run, Pause or Resume, whatever fits. */
  toggle(): void {
    const state = this.state.value;
    if (state === "paused") {
      this.send({ kind: "resume" });
      this.focusTerminal();
    } else if (this.live.value) this.send({ kind: "pause" });
    else this.start();
  }

  step(): void {
    if (!this.steps.value) return;
    // What comes next is in the innermost frame, whichever one was looked at.
    if (this.live.value && this.frameIndex.value !== 0) this.lookAtFrame(0);
    if (this.live.value) this.send({ kind: "step" });
    else this.start(true);
  }

  stepOut(): void {
    if (this.live.value && this.steps.value) this.send({ kind: "step-out" });
  }

  stop(): void {
    if (this.live.value) this.send({ kind: "stop" });
  }

  type(text: string): void {
    if (this.live.value) this.send({ kind: "stdin", data: new TextEncoder().encode(text) });
  }

  endInput(): void {
    if (this.live.value) this.send({ kind: "stdin-end" });
  }

  /** What the person says to something that the guest wants. */
  answer(question: number, answer: Answer): void {
    this.send({ kind: "answer", question, answer });
    this.focusTerminal();
  }

  /** The other way to run it, from the next run on. */
  changeEngine(): void {
    if (!this.live.value) this.change({ engine: this.settings.value.engine === "steps" ? "speed" : "steps" });
  }

  change(settings: Partial<Settings>): void {
    this.settings.value = { ...this.settings.value, ...settings };
  }

  // -------------------------------------------------------------------------- looking

  lookAt(memory: number, address: number, length = this.hexLength.value): void {
    batch(() => {
      this.memoryIndex.value = memory;
      this.hexAddress.value = address;
      this.hexLength.value = length;
    });
    this.sendWatch();
  }

  lookAtTable(table: number, first: number, count = this.tableCount.value): void {
    batch(() => {
      this.tableIndex.value = table;
      this.tableFirst.value = first;
      this.tableCount.value = count;
    });
    this.sendWatch();
  }

  lookAtFrame(index: number): void {
    this.frameIndex.value = index;
    this.sendWatch();
  }

  private sendWatch(): void {
    const memory = {
      index: this.memoryIndex.value,
      address: this.hexAddress.value,
      length: this.hexLength.value,
    };
    const table = {
      index: this.tableIndex.value,
      first: this.tableFirst.value,
      count: this.tableCount.value,
    };
    this.send({ kind: "watch", watch: { memory, table, frame: this.frameIndex.value } });
  }

  /** Asks for a file that the guest left in /data, to be saved by the browser. */
  download(path: string): void {
    this.downloads.add(path);
    this.send({ kind: "read-file", path });
  }

  // -------------------------------------------------------------------------- the worker's side

  private send(message: ToWorker): void {
    if (this.ready.value) this.worker.postMessage(message);
    else if (message.kind === "load") {
      // Only the newest guest matters once Python is there.
      this.waiting.splice(0, this.waiting.length, message);
    }
  }

  private receive(message: ToPage): void {
    switch (message.kind) {
      case "progress":
        this.boot.value = { ...message, kind: "loading" };
        return;
      case "ready":
        this.boot.value = { kind: "ready", versions: message.versions, seconds: message.seconds };
        for (const waiting of this.waiting.splice(0)) this.worker.postMessage(waiting);
        return;
      case "boot-failed":
        this.boot.value = { kind: "failed", message: message.message };
        return;
      case "loaded":
        if (message.ticket === this.ticket) this.welcome(message.module);
        return;
      case "refused":
        if (message.ticket === this.ticket) {
          const looksLike = recognise(this.guest.peek()?.bytes ?? new Uint8Array());
          this.verdict.value = { kind: "refused", diagnostic: message.diagnostic, looksLike };
        }
        return;
      case "update":
        this.take(message.update);
        return;
      case "file":
        if (this.downloads.delete(message.path)) save(message.path, message.data);
        return;
      case "crashed":
        this.recover(lastLine(message.message), message.fatal);
        return;
      default:
        message satisfies never;
    }
  }

  private welcome(module: ModuleSummary): void {
    const restored = this.restoring;
    this.restoring = false;
    batch(() => {
      this.verdict.value = { kind: "valid", module };
      if (restored) return;
      this.settings.value = settingsFor(module, this.guest.peek()?.sample ?? null, this.pendingLink);
    });
    this.sendWatch();
  }

  /** After a fault of ours: say so, and hand the guest to the new session, if there is one. */
  private recover(message: string, fatal: boolean): void {
    const guest = this.guest.peek();
    const valid = this.verdict.peek()?.kind === "valid";
    batch(() => {
      this.notice.value = `wasmarium failed; the fault is ours, not the guest’s. ${message}`;
      if (this.run.value.state !== "idle") this.run.value = { ...this.run.value, state: "failed", speed: 0 };
      if (fatal) this.boot.value = { kind: "failed", message: "Python itself failed. Reload the page." };
      else if (guest && !valid) {
        this.verdict.value = { kind: "refused", diagnostic: { ...NOWHERE, message }, looksLike: null };
      }
    });
    if (guest && valid && !fatal) {
      this.restoring = true;
      this.send({ kind: "load", ticket: ++this.ticket, bytes: guest.bytes });
    }
  }

  private take(update: Update): void {
    // The first news of a run says what runs it; until then it is of the run before.
    const late = update.engine === undefined && update.problem === undefined;
    if (late && this.state.peek() === "starting") {
      void this.acknowledge();
      return;
    }
    batch(() => {
      this.run.value = applyUpdate(this.run.value, update);
      for (const row of update.memories ?? []) {
        const heat = (this.heats[row.index] ??= new Heat());
        heat.resize(row.size);
        heat.write(row.written);
      }
      if (update.memories) this.memoryPulse.value++;
    });
    if (update.skipped) {
      this.screen?.note(`… ${String(update.skipped)} bytes of output skipped …`, "quiet");
    }
    for (const piece of update.output ?? []) this.screen?.write(fromBase64(piece.data), piece.stream);
    if (update.ended) this.sayHowItEnded(update);
    void this.acknowledge();
  }

  private sayHowItEnded(update: Update): void {
    const note = this.screen?.note.bind(this.screen);
    if (!note) return;
    if (update.exitCode !== undefined) {
      note(`exit code ${String(update.exitCode)}`, update.exitCode === 0 ? "good" : "bad");
    } else if (update.results) {
      const values = update.results.map((value) => `${value.type} ${value.text}`).join(", ");
      note(values ? `returned ${values}` : "returned nothing", "good");
    } else if (update.trap) note(`trap: ${update.trap.message}`, "bad");
    else if (update.problem) note(update.problem.message, "bad");
    else note("stopped", "quiet");
  }

  /** Tells the worker that this update is on the screen and the next one may come. */
  private async acknowledge(): Promise<void> {
    await this.screen?.settled();
    const shown = (): void => {
      this.worker.postMessage({ kind: "shown" } satisfies ToWorker);
    };
    // A hidden page draws no frames, and must not lose output for that.
    if (document.hidden) shown();
    else requestAnimationFrame(shown);
  }
}

const NOWHERE: Diagnostic = {
  code: "crash",
  message: "",
  section: null,
  function: null,
  functionName: null,
  instruction: null,
  mnemonic: null,
  offset: null,
  line: null,
  column: null,
};

function save(path: string, data: Uint8Array): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([data as Uint8Array<ArrayBuffer>]));
  link.download = path.split("/").pop() ?? "file";
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 10_000);
}

export const ModelContext = createContext<Model | null>(null);

export function useModel(): Model {
  const model = useContext(ModelContext);
  if (!model) throw new Error("there is no model above this component");
  return model;
}
