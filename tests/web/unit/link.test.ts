import { expect, test } from "vitest";
import { readLink, writeLink } from "../../../web/src/lib/link";

test.each([
  { sample: "hello", args: "Ada Lovelace & co", invoke: null, engine: null },
  { sample: "numbers", args: "10", invoke: "fibonacci", engine: "speed" as const },
  { sample: "endless", args: null, invoke: null, engine: null },
])("a link to $sample is read back", (run) => {
  expect(readLink(writeLink(run))).toEqual(run);
});

test.each(["warp", ""])("the engine %j is none", (engine) => {
  expect(readLink(`#sample=hello&engine=${engine}`)?.engine).toBeNull();
});

test.each(["", "#", "#sample=", "#other=1", "#sample=../x", "#sample=%00"])("%j names no sample", (hash) => {
  expect(readLink(hash)).toBeNull();
});
