/** The Python class `wasmarium.debug.session.Session` behind the driver's interface. */
import type { PyodideAPI } from "pyodide";
import type { PyCallable, PyProxy } from "pyodide/ffi";
import type { Answer, RunPlan, Update, Watch } from "../protocol";
import type { SessionPort } from "./driver";

type Loaded = ReturnType<SessionPort["load"]>;

interface SessionProxy extends PyProxy {
  load(data: PyProxy): PyProxy;
  start(plan: PyProxy, files: PyProxy): void;
  advance(seconds: number): number | undefined;
  pause(): void;
  resume(): void;
  step(): void;
  step_out(): void;
  stop(): void;
  feed(data: PyProxy): void;
  end_input(): void;
  answer(question: number, answer: string): void;
  watch(watch: PyProxy): void;
  update(): PyProxy;
  read_file(path: string): PyProxy | undefined;
}

export class PythonSession implements SessionPort {
  private readonly session: SessionProxy;
  private readonly json: PyProxy & { dumps: PyCallable; loads: PyCallable };

  constructor(private readonly python: PyodideAPI) {
    const module = python.pyimport("wasmarium.debug.session") as PyProxy & { Session: () => SessionProxy };
    this.session = module.Session();
    this.json = python.pyimport("json") as PythonSession["json"];
    module.destroy();
  }

  load(bytes: Uint8Array): Loaded {
    return this.lend(bytes, (data) => this.take(this.session.load(data))) as Loaded;
  }

  start(plan: RunPlan): void {
    const { files, ...settings } = plan;
    const given = this.give(settings);
    this.lend(new Map(files.map((file) => [file.path, file.data])), (contents) => {
      this.session.start(given, contents);
    });
    given.destroy();
  }

  advance(seconds: number): number | null {
    return this.session.advance(seconds) ?? null;
  }

  pause(): void {
    this.session.pause();
  }

  resume(): void {
    this.session.resume();
  }

  step(): void {
    this.session.step();
  }

  stepOut(): void {
    this.session.step_out();
  }

  stop(): void {
    this.session.stop();
  }

  feed(data: Uint8Array): void {
    this.lend(data, (bytes) => {
      this.session.feed(bytes);
    });
  }

  endInput(): void {
    this.session.end_input();
  }

  answer(question: number, answer: Answer): void {
    this.session.answer(question, answer);
  }

  watch(watch: Watch): void {
    const given = this.give(watch);
    this.session.watch(given);
    given.destroy();
  }

  update(): Update {
    return this.take(this.session.update()) as Update;
  }

  readFile(path: string): Uint8Array | null {
    const data = this.session.read_file(path);
    if (!data) return null;
    const bytes = data.toJs() as Uint8Array;
    data.destroy();
    return bytes;
  }

  /** Hands a copy of a JavaScript value to Python for the time of one call. */
  private lend<Result>(value: unknown, use: (proxy: PyProxy) => Result): Result {
    const proxy = this.python.toPy(value) as PyProxy;
    try {
      return use(proxy);
    } finally {
      proxy.destroy();
    }
  }

  /** Plain data as Python sees it; JSON, because JavaScript's null is not Python's None. */
  private give(value: unknown): PyProxy {
    return this.json.loads(JSON.stringify(value)) as PyProxy;
  }

  /** One string crosses the border faster than a tree of proxies. */
  private take(proxy: PyProxy): unknown {
    const text = this.json.dumps(proxy) as string;
    proxy.destroy();
    return JSON.parse(text) as unknown;
  }
}
