/** The worker's entry: boots Python, then hands every message to the driver. */
import type { ToPage, ToWorker } from "../protocol";
import { boot, versionsOf } from "./boot";
import { Driver, type Surroundings } from "./driver";
import { PythonSession } from "./python-session";

interface WorkerScope {
  postMessage(message: ToPage, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;
const post: Surroundings["post"] = (message, transfer = []) => {
  scope.postMessage(message, transfer);
};

// A posted message is a task of its own without the 4 ms that nested timers are slowed down to.
const channel = new MessageChannel();
const soon: (() => void)[] = [];
channel.port1.onmessage = () => soon.shift()?.();

const surroundings: Surroundings = {
  now: () => performance.now(),
  post,
  later(milliseconds, callback) {
    let off = false;
    const run = (): void => {
      if (!off) callback();
    };
    if (milliseconds < 1) {
      soon.push(run);
      channel.port2.postMessage(null);
    } else {
      setTimeout(run, milliseconds);
    }
    return () => {
      off = true;
    };
  },
};

let driver: Driver | null = null;

async function start(base: string): Promise<void> {
  const began = performance.now();
  try {
    const python = await boot(base, (stage, done, total) => {
      post({ kind: "progress", stage, done, total });
    });
    driver = new Driver(() => new PythonSession(python), surroundings);
    post({ kind: "ready", versions: versionsOf(python), seconds: (performance.now() - began) / 1000 });
  } catch (error) {
    post({ kind: "boot-failed", message: error instanceof Error ? error.message : String(error) });
  }
}

scope.onmessage = ({ data }) => {
  if (data.kind === "boot") void start(data.base);
  else driver?.handle(data);
};
