import type { Engine } from "../protocol";

/** The shareable part of the address: which sample is open and how it is run. */

export interface SharedRun {
  readonly sample: string;
  readonly args: string | null;
  readonly invoke: string | null;
  readonly engine: Engine | null;
}

/** Reads "#sample=hello&args=Ada"; null when no sample is named. */
export function readLink(hash: string): SharedRun | null {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const sample = fields.get("sample");
  if (sample === null || !/^[\w-]+$/.test(sample)) return null;
  const engine = fields.get("engine");
  return {
    sample,
    args: fields.get("args"),
    invoke: fields.get("invoke"),
    engine: engine === "steps" || engine === "speed" ? engine : null,
  };
}

export function writeLink(run: SharedRun): string {
  const fields = new URLSearchParams({ sample: run.sample });
  if (run.args) fields.set("args", run.args);
  if (run.invoke) fields.set("invoke", run.invoke);
  if (run.engine) fields.set("engine", run.engine);
  return `#${fields.toString()}`;
}
