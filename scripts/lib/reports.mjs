/** Test counts, from the JUnit files that pytest, vitest and Playwright write. */
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
