/**
 * Runs the guest in slices and tells the page what changed.
 *
 * Between two slices the worker's event loop breathes, so that Pause and Stop arrive even when the
 * guest never waits. Updates go out at most 60 times a second, and only after the page has shown
 * the one before: a slow page makes updates rarer and never makes the guest wait.
 */
import type {
  Answer,
  Diagnostic,
  GuestState,
  ModuleSummary,
  RunPlan,
  ToPage,
  ToWorker,
  Update,
  Watch,
} from "../protocol";

/** The Python session, or a stand-in in tests. */
export interface SessionPort {
  load(bytes: Uint8Array): { readonly module: ModuleSummary } | { readonly diagnostic: Diagnostic };
  start(plan: RunPlan): void;
  /** Runs for about `seconds`; gives the seconds until it wants to go on, or null when it cannot. */
  advance(seconds: number): number | null;
  pause(): void;
  resume(): void;
  step(): void;
  stepOut(): void;
  stop(): void;
  feed(data: Uint8Array): void;
  endInput(): void;
  answer(question: number, answer: Answer): void;
  watch(watch: Watch): void;
  update(): Update;
  readFile(path: string): Uint8Array | null;
}

/** What the driver needs of the worker. */
export interface Surroundings {
  now(): number;
  post(message: ToPage, transfer?: Transferable[]): void;
  /** Calls back as its own task, after `milliseconds`; gives a function that calls it off. */
  later(milliseconds: number, callback: () => void): () => void;
}

export const SLICE_SECONDS = 0.012;
export const FRAME_MS = 1000 / 60;

/** Messages that only make sense once a session is there. */
export type SessionMessage = Exclude<ToWorker, { kind: "boot" }>;

const OVER: ReadonlySet<GuestState> = new Set(["idle", "finished", "exited", "trapped", "stopped", "failed"]);

export class Driver {
  private session: SessionPort;
  private turnPending: (() => void) | null = null;
  private publishPending: (() => void) | null = null;
  private published = Number.NEGATIVE_INFINITY;
  private onScreen = true;
  private changed = false;

  constructor(
    private readonly makeSession: () => SessionPort,
    private readonly around: Surroundings,
  ) {
    this.session = makeSession();
  }

  handle(message: SessionMessage): void {
    try {
      this.dispatch(message);
    } catch (error) {
      this.crash(error);
    }
  }

  private dispatch(message: SessionMessage): void {
    const session = this.session;
    switch (message.kind) {
      case "shown":
        this.onScreen = true;
        if (this.changed) this.publish();
        return;
      case "load": {
        this.rest();
        const outcome = session.load(message.bytes);
        const { ticket } = message;
        if ("module" in outcome) this.around.post({ kind: "loaded", ticket, module: outcome.module });
        else this.around.post({ kind: "refused", ticket, diagnostic: outcome.diagnostic });
        return;
      }
      case "read-file": {
        const data = session.readFile(message.path);
        if (data) this.around.post({ kind: "file", path: message.path, data }, [data.buffer as ArrayBuffer]);
        return;
      }
      case "start":
        session.start(message.plan);
        break;
      case "pause":
        session.pause();
        break;
      case "resume":
        session.resume();
        break;
      case "step":
        session.step();
        break;
      case "step-out":
        session.stepOut();
        break;
      case "stop":
        session.stop();
        break;
      case "stdin":
        session.feed(message.data);
        break;
      case "stdin-end":
        session.endInput();
        break;
      case "answer":
        session.answer(message.question, message.answer);
        break;
      case "watch":
        session.watch(message.watch);
        break;
      default:
        message satisfies never;
    }
    this.changed = true;
    this.publish();
    this.turnSoon(0);
  }

  private turnSoon(milliseconds: number): void {
    this.turnPending?.();
    this.turnPending = this.around.later(milliseconds, () => {
      this.turnPending = null;
      this.turn();
    });
  }

  private turn(): void {
    try {
      const pause = this.session.advance(SLICE_SECONDS);
      this.changed = true;
      this.publish();
      if (pause !== null) this.turnSoon(pause * 1000);
    } catch (error) {
      this.crash(error);
    }
  }

  /** Posts the changes now, or as soon as the page and the frame rate allow. */
  private publish(): void {
    if (!this.onScreen || this.publishPending) return;
    const wait = this.published + FRAME_MS - this.around.now();
    if (wait > 0) {
      this.publishPending = this.around.later(wait, () => {
        this.publishPending = null;
        this.publish();
      });
      return;
    }
    this.publishNow();
  }

  private publishNow(): void {
    if (!this.changed) return;
    try {
      const update = this.session.update();
      this.changed = update.more ?? false;
      this.published = this.around.now();
      this.onScreen = false;
      this.around.post({ kind: "update", update });
      if (OVER.has(update.state)) this.stopTurning();
    } catch (error) {
      this.crash(error);
    }
  }

  private stopTurning(): void {
    this.turnPending?.();
    this.turnPending = null;
  }

  private rest(): void {
    this.stopTurning();
    this.publishPending?.();
    this.publishPending = null;
    this.changed = false;
  }

  private crash(error: unknown): void {
    this.rest();
    this.onScreen = true;
    let fatal = false;
    try {
      this.session = this.makeSession();
    } catch {
      fatal = true;
    }
    const message = error instanceof Error ? error.message : String(error);
    this.around.post({ kind: "crashed", message, fatal });
  }
}
