#!/usr/bin/env node
/**
 * Fetches the official test suites that some tests run, at the commits they were checked with, for those who do not
 * have the folder of shared test data. They go where the tests look for them (see tests/shared_data.py).
 *
 *   npm run fetch-suites
 */
import fs from "node:fs";
import path from "node:path";
import { at, cache } from "./lib/paths.mjs";
import { Problem, main, must, say } from "./lib/run.mjs";

const SUITES = {
  core: {
    what: "the core suite of the specification",
    repository: "https://github.com/WebAssembly/testsuite.git",
    commit: "193e551ff22663995b1ac95dc62344133669e14b",
  },
};

/** The same place as shared_root() of tests/shared_data.py. */
function sharedRoot() {
  if (process.env.WASMARIUM_SHARED) return path.resolve(process.env.WASMARIUM_SHARED);
  const beside = at("..", "shared");
  return fs.existsSync(beside) ? beside : cache("shared");
}

/** The files of one commit, without its history. */
async function fetchCommit(name, { repository, commit }, folder) {
  const fresh = `${folder}.${process.pid}`;
  const git = (...args) =>
    must(`Fetching ${name}`, "git", ["-C", fresh, ...args], {
      hint: `This needs git and a way to ${repository}.`,
    });
  fs.mkdirSync(fresh, { recursive: true });
  try {
    await git("init", "--quiet");
    await git("fetch", "--quiet", "--depth", "1", repository, commit);
    await git("checkout", "--quiet", "--detach", commit);
    fs.rmSync(path.join(fresh, ".git"), { recursive: true });
    fs.writeFileSync(path.join(fresh, "COMMIT"), `${commit}\n`);
    fs.renameSync(fresh, folder);
  } finally {
    fs.rmSync(fresh, { recursive: true, force: true });
  }
}

await main(async () => {
  if (process.argv.length > 2) throw new Problem("npm run fetch-suites takes no arguments.");
  for (const [name, suite] of Object.entries(SUITES)) {
    const folder = path.join(sharedRoot(), name);
    const file = path.join(folder, "COMMIT");
    const present = fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim() : undefined;
    if (present === suite.commit) {
      say(`${name}: ${folder} has ${suite.what} already`);
    } else if (fs.existsSync(folder)) {
      throw new Problem(`${folder} is there, but not of commit ${suite.commit}: move it away and try again.`);
    } else {
      await fetchCommit(name, suite, folder);
      say(`${name}: ${suite.what} is in ${folder}`);
    }
  }
});
