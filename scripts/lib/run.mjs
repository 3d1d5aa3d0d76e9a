/** Child processes, and how a script of ours tells what it does and why it stopped. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { root, windows } from "./paths.mjs";

/** Something the user can mend: the message says what happened and what to do. */
export class Problem extends Error {}

/** Progress goes to stderr, so that a guest's stdout (npx wasmarium) stays its own. */
export const say = (text) => process.stderr.write(`${text}\n`);

export const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Puts a folder in front of PATH for everything started from here on. */
export function preferFolder(folder) {
  const parts = (process.env.PATH ?? "").split(path.delimiter);
  if (parts[0] !== folder) process.env.PATH = [folder, ...parts].join(path.delimiter);
}

/**
 * Runs a program and resolves to `{ code, output }`, where `code` is null when it could not be started.
 * `show` passes its output through, or into a file when it is a file's descriptor; else it is collected.
 * After `timeout` seconds it and all that it started is ended.
 */
export function run(command, args, { cwd = root, env = {}, show = false, timeout, shell = false } = {}) {
  return new Promise((resolve) => {
    // a group of its own, so that a browser does not outlive the test runner that started it
    const group = timeout !== undefined && !windows;
    const stream = typeof show === "number" ? show : show ? "inherit" : "pipe";
    const stdio = ["ignore", stream, stream];
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio,
      shell,
      detached: group,
    });
    const end = (signal) => {
      try {
        if (group) process.kill(-child.pid, signal);
        else child.kill(signal);
      } catch {
        // it has ended by itself
      }
    };
    const interrupted = (signal) => {
      end(signal);
      process.exit(130);
    };
    if (group) for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, interrupted);
    let output = "";
    const collect = (chunk) => (output += chunk);
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    const late = () => {
      const text = `stopped: it took more than ${timeout} s`;
      output += `\n${text}`;
      if (typeof show === "number") fs.writeSync(show, `${text}\n`);
      else if (show) say(text);
      end("SIGKILL");
    };
    const timer = timeout === undefined ? undefined : setTimeout(late, timeout * 1000);
    const finish = (code) => {
      clearTimeout(timer);
      for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, interrupted);
      resolve({ code, output });
    };
    child.on("error", (error) => {
      output += error.message;
      finish(null);
    });
    child.on("close", (code) => finish(code ?? 1));
  });
}

/** Like `run`, but a failure is a Problem that shows the end of what the program said. */
export async function must(what, command, args, options = {}) {
  const { code, output } = await run(command, args, options);
  if (code !== 0) {
    const tail = output.trimEnd().split("\n").slice(-25).join("\n");
    const status = code === null ? "could not be started" : `ended with status ${code}`;
    throw new Problem(
      `${what}: ${path.basename(command)} ${status}\n${tail}${options.hint ? `\n\n${options.hint}` : ""}`,
    );
  }
  return output;
}

/** npm of the Node that runs this, without relying on a shell. */
export function npm(args) {
  const script = process.env.npm_execpath;
  if (script && /npm-cli\.(c|m)?js$/.test(script)) return ["node", [script, ...args], {}];
  return ["npm", args, { shell: windows }];
}

/** Runs a script's main function; a Problem and a wrong option are printed as they are, anything else with its stack. */
export async function main(body) {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    const expected = error instanceof Problem || String(error?.code).startsWith("ERR_PARSE_ARGS");
    say(expected ? `\n${error.message}` : String(error?.stack ?? error));
    process.exitCode = 1;
  }
}
