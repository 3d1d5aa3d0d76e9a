/** Test counts and what failed, from the JUnit files that pytest, vitest and Playwright write. */
import fs from "node:fs";
import { cache } from "./paths.mjs";

export const reportFile = (stage) => cache("reports", `${stage}.xml`);

const attributes = (tag) =>
  Object.fromEntries([...tag.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));

/** `{ passed, failed, skipped }` of a stage; all zero when it left no report. */
export function countTests(stage) {
  const file = reportFile(stage);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  if (!fs.existsSync(file)) return counts;
  for (const [tag] of fs.readFileSync(file, "utf8").matchAll(/<testsuite\s[^>]*>/g)) {
    const { tests = 0, failures = 0, errors = 0, skipped = 0 } = attributes(tag);
    const failed = Number(failures) + Number(errors);
    counts.failed += failed;
    counts.skipped += Number(skipped);
    counts.passed += Number(tests) - failed - Number(skipped);
  }
  return counts;
}

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Text of an XML document: its CDATA sections as they are, everything else without entities. */
const plain = (text) =>
  text.replaceAll(
    /<!\[CDATA\[([^]*?)\]\]>|&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi,
    (all, raw, hex, decimal, name) => {
      if (raw !== undefined) return raw;
      if (name !== undefined) return ENTITIES[name] ?? all;
      return String.fromCodePoint(hex === undefined ? Number(decimal) : parseInt(hex, 16));
    },
  );

/** The tests of a stage that failed: `{ name, text }` of each, where `text` is what its runner wrote about it. */
export function failedTests(stage) {
  const file = reportFile(stage);
  if (!fs.existsSync(file)) return [];
  const found = [];
  const cases = /<testcase\s([^>]*[^/])>([^]*?)<\/testcase>/g;
  for (const [, head, body] of fs.readFileSync(file, "utf8").matchAll(cases)) {
    const failure = /<(failure|error)\b([^>]*)>([^]*?)<\/\1>/.exec(body);
    if (!failure) continue;
    const { classname, name } = attributes(head);
    found.push({ name: plain([classname, name].filter(Boolean).join(" ")), text: plain(failure[3]).trim() });
  }
  return found;
}
