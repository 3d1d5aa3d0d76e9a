import { describe, expect, test } from "vitest";
import type { Diagnostic, ModuleSummary, RunPlan, ToPage, Update } from "../../../web/src/protocol";
import { Driver, FRAME_MS, type SessionPort, type Surroundings } from "../../../web/src/worker/driver";

/** A guest that runs `slices` slices, each of them 10 ms long. */
class FakeSession implements SessionPort {
  state: Update["state"] = "idle";
  slices = 0;
  updates = 0;
  more = 0;
  pauseSeconds: number | null = 0;
  explode = false;

  constructor(private readonly world: FakeWorld) {}

  load(): { module: ModuleSummary } | { diagnostic: Diagnostic } {
    if (this.explode) throw new Error("boom");
    return { module: {} as ModuleSummary };
  }
  start(): void {
    this.state = "running";
  }
  advance(): number | null {
    if (this.explode) throw new Error("boom");
    if (this.state !== "running") return null;
    this.slices++;
    this.world.time += 10;
    return this.pauseSeconds;
  }
  pause(): void {
    this.state = "paused";
  }
  resume(): void {
    this.state = "running";
  }
  step(): void {}
  stepOut(): void {}
  stop(): void {
    this.state = "stopped";
  }
  feed(): void {}
  endInput(): void {}
  answer(): void {}
  watch(): void {}
  update(): Update {
    this.updates++;
    const update = { state: this.state, instructions: this.slices, seconds: 0, depth: 0 };
    return this.more-- > 0 ? { ...update, more: true } : update;
  }
  readFile(): null {
    return null;
  }
}

/** Time that moves only when told, tasks in order. */
class FakeWorld implements Surroundings {
  time = 0;
  posted: ToPage[] = [];
  tasks: { at: number; run: () => void }[] = [];

  now(): number {
    return this.time;
  }
  post(message: ToPage): void {
    this.posted.push(message);
  }
  later(milliseconds: number, callback: () => void): () => void {
    const task = { at: this.time + milliseconds, run: callback };
    this.tasks.push(task);
    return () => {
      this.tasks = this.tasks.filter((other) => other !== task);
    };
  }
  /** Runs `count` tasks, the earliest first; gives how many there were. */
  run(count: number): number {
    for (let i = 0; i < count; i++) {
      const next = this.tasks.sort((a, b) => a.at - b.at)[0];
      if (!next) return i;
      this.tasks = this.tasks.filter((task) => task !== next);
      this.time = Math.max(this.time, next.at);
      next.run();
    }
    return count;
  }
  get updates(): Update[] {
    return this.posted.flatMap((message) => (message.kind === "update" ? [message.update] : []));
  }
}

const PLAN: RunPlan = {
  engine: "steps",
  name: "g",
  invoke: null,
  args: [],
  env: [],
  files: [],
  stdin: null,
  paused: false,
};

function setUp() {
  const world = new FakeWorld();
  const sessions: FakeSession[] = [];
  const driver = new Driver(() => {
    const session = new FakeSession(world);
    sessions.push(session);
    return session;
  }, world);
  return { world, driver, sessions, session: sessions[0] ?? new FakeSession(world) };
}

describe("Driver", () => {
  test("an endless guest leaves a task's room between slices, so that Stop arrives", () => {
    const { world, driver, session } = setUp();
    driver.handle({ kind: "start", plan: PLAN });
    expect(world.run(50)).toBe(50);
    expect(session.slices).toBeGreaterThan(20);
    driver.handle({ kind: "stop" });
    const slices = session.slices;
    driver.handle({ kind: "shown" });
    world.run(50);
    expect(world.tasks).toHaveLength(0);
    expect(session.slices).toBe(slices);
    expect(world.updates.at(-1)?.state).toBe("stopped");
  });

  test("a page that shows nothing gets one update, and the guest goes on all the same", () => {
    const { world, driver, session } = setUp();
    driver.handle({ kind: "start", plan: PLAN });
    world.run(100);
    expect(world.updates).toHaveLength(1);
    expect(session.slices).toBeGreaterThan(50);
  });

  test("a page that shows at once gets at most sixty updates a second", () => {
    const { world, driver } = setUp();
    const times: number[] = [];
    const post = world.post.bind(world);
    world.post = (message) => {
      post(message);
      if (message.kind === "update") {
        times.push(world.time);
        world.later(0, () => {
          driver.handle({ kind: "shown" });
        });
      }
    };
    driver.handle({ kind: "start", plan: PLAN });
    world.run(400);
    expect(times.length).toBeGreaterThan(20);
    for (let i = 1; i < times.length; i++) {
      expect((times[i] ?? 0) - (times[i - 1] ?? 0)).toBeGreaterThanOrEqual(FRAME_MS - 1e-6);
    }
  });

  test("a guest that sleeps is not asked before its time", () => {
    const { world, driver, session } = setUp();
    session.pauseSeconds = 5;
    driver.handle({ kind: "start", plan: PLAN });
    world.run(2);
    expect(session.slices).toBe(2);
    expect(world.time).toBeGreaterThanOrEqual(5000);
  });

  test("output that does not fit one update follows in the next, after the guest's end as well", () => {
    const { world, driver, session } = setUp();
    driver.handle({ kind: "start", plan: PLAN });
    session.state = "exited";
    session.more = 3;
    for (let i = 0; i < 10; i++) {
      driver.handle({ kind: "shown" });
      world.run(5);
    }
    const [, ...after] = world.updates;
    expect(after.map((update) => update.more === true)).toEqual([true, true, true, false]);
  });

  test("what Python must not raise is told, and the next guest gets a new session", () => {
    const { world, driver, sessions, session } = setUp();
    session.explode = true;
    driver.handle({ kind: "load", ticket: 1, bytes: new Uint8Array() });
    expect(world.posted).toEqual([{ kind: "crashed", message: "boom", fatal: false }]);
    driver.handle({ kind: "load", ticket: 2, bytes: new Uint8Array() });
    expect(world.posted.at(-1)).toMatchObject({ kind: "loaded", ticket: 2 });
    expect(sessions).toHaveLength(2);
  });

  test("a Python that cannot even make a session is told as fatal", () => {
    const world = new FakeWorld();
    let broken = false;
    const driver = new Driver(() => {
      if (broken) throw new Error("out of memory");
      const session = new FakeSession(world);
      session.explode = true;
      return session;
    }, world);
    broken = true;
    driver.handle({ kind: "load", ticket: 1, bytes: new Uint8Array() });
    expect(world.posted).toEqual([{ kind: "crashed", message: "boom", fatal: true }]);
  });

  test("a crash while it runs ends the run", () => {
    const { world, driver, session } = setUp();
    driver.handle({ kind: "start", plan: PLAN });
    session.explode = true;
    world.run(10);
    expect(world.posted.at(-1)).toMatchObject({ kind: "crashed" });
    expect(world.tasks).toHaveLength(0);
  });
});
