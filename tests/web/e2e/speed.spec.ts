/** Guests at full speed: on the browser's own WebAssembly, behind glass all the same. */
import fs from "node:fs";
import type { Page } from "@playwright/test";
import {
  button,
  chooseEngine,
  drop,
  expect,
  expectOnScreen,
  global,
  instructions,
  openSample,
  ready,
  recorded,
  run,
  screen,
  sharedGuest,
  state,
  tab,
  test,
  type,
} from "./site";

const fullSpeed = (page: Page): Promise<void> => chooseEngine(page, "Full speed");

test("a C program computes at full speed, and says what it gives", async ({ vivarium: page }) => {
  const { wasm, args, expect: wanted } = recorded("c/compute.wasm");
  await drop(page, "compute.wasm", fs.readFileSync(sharedGuest(wasm)));
  await fullSpeed(page);
  await page.getByLabel("Arguments").fill(args.join(" "));
  await run(page);
  await expect(state(page)).toHaveText(`Exited with ${wanted.exit ?? 0}`);
  // The terminal shows no blanks at the ends of lines, and here only the last ones.
  const lines = wanted.stdout.split("\n").map((line) => line.trimEnd());
  await expect.poll(() => screen(page)).toContain([...lines.slice(-8, -1), "exit code 0"].join("\n"));
  expect(await instructions(page)).toBeGreaterThan(1_000_000);
  await expect(page.getByTestId("called").getByRole("listitem").first()).toContainText(/\d/);
});

test("an endless guest is seen, paused and stopped, and the page goes on", async ({ vivarium: page }) => {
  await openSample(page, "Endless");
  await fullSpeed(page);
  await expect(button(page, "Step")).toBeDisabled();
  await expect(button(page, "Step")).toHaveAttribute("title", /Watch every step/);
  await run(page);
  await expect(state(page)).toHaveText("Running");
  await expect(page.getByTestId("called")).toContainText("length_of");
  await tab(page, "Globals");
  const number = async () => Number(await global(page, "number").innerText());
  await expect.poll(number).toBeGreaterThan(1000);

  await button(page, "Pause").click();
  await expect(state(page)).toHaveText("Paused");
  await expect(button(page, "Step out")).toBeDisabled();
  // All that it has can be read, and stays as it is.
  const before = await number();
  await page.getByLabel("Jump to address").fill("0x1000");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("hex").locator(".hex-row").first()).toContainText("001000");
  expect(await number()).toBe(before);
  // Keys for steps do nothing.
  await page.keyboard.press("F9");
  await page.keyboard.press("F10");
  await expect(state(page)).toHaveText("Paused");
  await button(page, "Resume").click();
  await expect.poll(number).toBeGreaterThan(before);

  await button(page, "Stop").click();
  await expect(state(page)).toHaveText("Stopped");
  await openSampleAgain(page);
});

/** Whatever ran before, the next guest runs. */
async function openSampleAgain(page: Page): Promise<void> {
  await button(page, "wasmarium, all guests").click();
  await openSample(page, "Hello");
  await run(page);
  await expect(state(page)).toHaveText("Exited with 0");
}

test("what is typed reaches a guest at full speed", async ({ vivarium: page }) => {
  await openSample(page, "Guess");
  await fullSpeed(page);
  await run(page);
  await expect(state(page)).toHaveText("Waits for input");
  await type(page, "50");
  await page.keyboard.press("Enter");
  await expectOnScreen(page, /small|big|That is it/);
  await page.keyboard.press("Control+d");
  await expect(state(page)).toHaveText(/Exited/);
});

test("files go in and come out at full speed", async ({ vivarium: page }) => {
  await openSample(page, "Shout");
  await fullSpeed(page);
  await run(page);
  await expect(state(page)).toHaveText("Exited with 0");
  await expect(page.locator(".files-left")).toContainText("poem");
});

for (const [argument, code, innermost] of [
  ["z", "INTEGER_DIVISION_BY_ZERO", /^0share\s*i32\.div_s#20x127$/],
  ["i", "INDIRECT_CALL_TO_NULL", /^0edge\s*call_indirect/],
  ["s", "STACK_OVERFLOW", /^0forever_deeper/],
] as const) {
  test(`the trap ${code} is told at full speed as step by step`, async ({ vivarium: page }) => {
    await openSample(page, "Fall");
    await fullSpeed(page);
    await page.getByLabel("Arguments").fill(argument);
    await run(page);
    await expect(page.getByTestId("trap-code")).toHaveText(code);
    await expect(page.getByTestId("trap").getByRole("listitem").first()).toHaveText(innermost);
    await expect(page.getByTestId("listing").locator(".current")).toBeVisible();
  });
}

test("a large program runs at full speed unless one says otherwise, and is prepared first", async ({
  vivarium: page,
}) => {
  const file = sharedGuest("go/main.wasm");
  test.skip(!fs.existsSync(file), "needs the shared test data, see tests/shared_data.py");
  await drop(page, "main.wasm", fs.readFileSync(file));
  await expect(page.getByRole("radio", { name: "Full speed" })).toBeChecked();
  await page.getByLabel("Arguments").fill("/data");
  const begun = performance.now();
  await run(page);
  await expect(state(page)).toHaveText("Starting");
  // What is asked for meanwhile is done as soon as it can be.
  await button(page, "Pause").click();
  await expect(state(page)).toHaveText("Paused", { timeout: 100_000 });
  const prepared = performance.now() - begun;
  await button(page, "Resume").click();
  await expectOnScreen(page, "args [/data]");
  await expect(state(page)).toHaveText("Waits for input");
  await button(page, "Stop").click();
  await expect(state(page)).toHaveText("Stopped");
  // The second time it is there already.
  const again = performance.now();
  await run(page);
  await expect(state(page)).toHaveText("Waits for input");
  expect(performance.now() - again).toBeLessThan(prepared);
  await button(page, "Stop").click();
});

test("what the browser cannot run is run step by step, with the reason", async ({ vivarium: page }) => {
  const text = `(module (memory 1 1 shared)
    (func (export "_start") (drop (memory.atomic.notify (i32.const 0) (i32.const 1)))))`;
  await drop(page, "notify.wat", Buffer.from(text));
  await expect(page.getByTestId("verdict")).toContainText("Valid");
  await fullSpeed(page);
  await run(page);
  await expect(state(page)).toHaveText("Exited with 0");
  await expect(page.getByTestId("engine-hint")).toHaveText(
    /^It runs step by step here: memory\.atomic\.notify/,
  );
});

test("the keyboard changes the engine, and a link keeps it", async ({ vivarium: page, browser, site }) => {
  await openSample(page, "Endless");
  const fast = page.getByRole("radio", { name: "Full speed" });
  await page.keyboard.press("F7");
  await expect(fast).toBeChecked();
  await button(page, "Share").click();
  await expect(page).toHaveURL(/#sample=endless&engine=speed$/);
  await page.keyboard.press("F7");
  await expect(fast).not.toBeChecked();
  await button(page, "Share").click();
  await expect(page).toHaveURL(/#sample=endless$/);

  const other = await browser.newPage();
  await other.goto(`${site}#sample=endless&engine=speed`);
  await ready(other);
  await expect(other.getByRole("radio", { name: "Full speed" })).toBeChecked();
  await button(other, "Run").click();
  await expect(other.getByTestId("called")).toContainText("length_of");
  await other.close();
});
