import { expect, test } from "vitest";
import { readLink, writeLink } from "../../../web/src/lib/link";

test.each([
  { sample: "hello", args: "Ada Lovelace & co", invoke: null },
  { sample: "numbers", args: "10", invoke: "fibonacci" },
  { sample: "endless", args: null, invoke: null },
])("a link to $sample is read back", (run) => {
  expect(readLink(writeLink(run))).toEqual(run);
});

test.each(["", "#", "#sample=", "#other=1", "#sample=../x", "#sample=%00"])("%j names no sample", (hash) => {
  expect(readLink(hash)).toBeNull();
});
