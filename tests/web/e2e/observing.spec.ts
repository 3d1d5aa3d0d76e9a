/** Looking into guests: memory, tables, globals, traps. */
import fs from "node:fs";
import type { Page } from "@playwright/test";
import {
  button,
  drop,
  expect,
  expectOnScreen,
  global,
  openSample,
  recorded,
  run,
  sample,
  sharedGuest,
  state,
  tab,
  test,
} from "./site";

/** How many pixels of the memory map are as warm as what was just written. */
const warmPixels = (page: Page): Promise<number> =>
  page.getByTestId("memory-map").evaluate((canvas: HTMLCanvasElement) => {
    const data = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let warm = 0;
    for (let i = 0; i < data.length; i += 4) {
      const [red = 0, , blue = 0, alpha = 0] = data.slice(i, i + 4);
      if (alpha > 200 && red > blue + 80) warm++;
    }
    return warm;
  });

test("memory shows where the guest writes, grows with it, and cools when it stops", async ({
  vivarium: page,
}) => {
  await openSample(page, "Painter");
  await run(page);
  await expect(page.getByTestId("memory-size")).toHaveText(/^2 MiB · 32 pages/);
  await expect.poll(() => warmPixels(page)).toBeGreaterThan(200);
  await expect(page.getByTestId("memory-size")).toHaveText(/^4 MiB · 64 pages/);
  await button(page, "Stop").click();
  await expect.poll(() => warmPixels(page)).toBe(0);
});

test("bytes are read where one jumps to, while the guest runs", async ({ vivarium: page }) => {
  await openSample(page, "Dispatch");
  await run(page);
  const hex = page.getByTestId("hex");
  await expect(hex).toContainText("000000");
  await page.getByLabel("Jump to address").fill("1064");
  await page.keyboard.press("Enter");
  // 1064 is 0x428; rows start at multiples of sixteen.
  await expect(hex.locator(".hex-row").first()).toContainText("000420");
  await expect(hex.locator(".hex-text").first()).toContainText("operatio");
  // The number is printed digit by digit into 0x800, so this byte changes.
  await page.getByLabel("Jump to address").fill("0x800");
  await page.keyboard.press("Enter");
  await expect(hex.locator(".hex-row").first()).toContainText("000800");
  const digit = () => hex.locator(".hex-text").first().innerText();
  await expect.poll(digit).toMatch(/^\d/);
  await page.getByLabel("Jump to address").fill("0x20000");
  await expect(page.getByLabel("Jump to address")).toHaveAttribute("aria-invalid", "true");
});

test("the whole of a memory can be reached by keyboard, scroll bar and map", async ({ vivarium: page }) => {
  await openSample(page, "Painter");
  await run(page);
  await expect(page.getByTestId("memory-size")).toHaveText(/^2 MiB/);
  await button(page, "Pause").click();
  const hex = page.getByTestId("hex");
  const first = hex.locator(".hex-address").first();
  await hex.focus();
  await page.keyboard.press("PageDown");
  await expect(first).not.toHaveText("000000");
  await page.keyboard.press("End");
  await expect(hex.locator(".hex-address").last()).toHaveText(/f0$/);
  await page.keyboard.press("Home");
  await expect(first).toHaveText("000000");
  await hex.evaluate((element) => (element.scrollTop = element.scrollHeight / 2));
  await expect(first).toHaveText(/^(0f|10)/);
  // The second page of 64 KiB stands right of the first.
  const map = page.getByTestId("memory-map");
  await map.hover({ position: { x: 45, y: 5 } });
  const place = await page.locator(".map-legend").innerText();
  await map.click({ position: { x: 45, y: 5 } });
  await expect(first).toHaveText(/0x([0-9a-f]+)/.exec(place)?.[1]?.padStart(6, "0") ?? "?");
});

test("tables show which function an index means, while that changes", async ({ vivarium: page }) => {
  await openSample(page, "Dispatch");
  // Paused before its first instruction, so that the first look is the first.
  await button(page, "Step").click();
  await tab(page, "Tables");
  const entries = page.getByTestId("table").getByRole("listitem");
  await expect(entries).toHaveCount(6);
  await expect(entries.nth(0)).toHaveText(/^0add\s*i32 i32 → i32$/);
  await expect(entries.nth(4)).toContainText("null");
  await button(page, "Resume").click();
  await expect(entries.nth(0)).not.toContainText("add");
  await expect(entries.nth(5)).toHaveText(/^5answer\s*\(\) → i32$/);
  await expect(page.getByRole("region", { name: "State" })).toContainText("6 × funcref of at most 16");
});

test("globals and calls are live", async ({ vivarium: page }) => {
  await openSample(page, "Endless");
  await run(page);
  await expect(page.getByTestId("frames")).toContainText("main");
  await tab(page, "Globals");
  const number = global(page, "number");
  const read = async () => Number(await number.innerText());
  await expect.poll(read).toBeGreaterThan(10);
  const before = await read();
  await expect.poll(read).toBeGreaterThan(before);
  await button(page, "Stop").click();
});

const TRAPS = [
  ["z", "INTEGER_DIVISION_BY_ZERO", "integer divide by zero", /^0share\s*i32\.div_s#20x127$/],
  ["u", "UNREACHABLE", "unreachable", /^0edge\s*unreachable/],
  ["m", "MEMORY_OUT_OF_BOUNDS", "out of bounds memory access", /^0edge\s*i64\.store/],
  ["i", "INDIRECT_CALL_TO_NULL", "uninitialized element", /^0edge\s*call_indirect/],
  ["s", "STACK_OVERFLOW", "call stack exhausted", /^0forever_deeper\s*call/],
] as const;

for (const [argument, code, message, innermost] of TRAPS) {
  test(`the trap ${code} is told with its backtrace`, async ({ vivarium: page }) => {
    await openSample(page, "Fall");
    await page.getByLabel("Arguments").fill(argument);
    await run(page);
    const trap = page.getByTestId("trap");
    await expect(page.getByTestId("trap-code")).toHaveText(code);
    await expect(page.getByTestId("trap-message")).toContainText(message);
    await expect(trap.getByRole("listitem").first()).toHaveText(innermost);
    await expect(state(page)).toHaveText("Trapped");
    await expectOnScreen(page, `Stepping towards the edge.\ntrap: ${message}`);
  });
}

test("a frame of a trap leads to its code", async ({ vivarium: page }) => {
  await openSample(page, "Fall");
  await run(page);
  const frames = page.getByTestId("trap").getByRole("listitem");
  await expect(frames).toHaveCount(7);
  await expect(page.getByTestId("listing").locator(".current")).toHaveText(/0x127\s*i32\.div_s/);
  await frames.nth(1).getByRole("button").click();
  await expect(page.getByTestId("listing").locator(".current")).toHaveText(/call \$share/);
});

for (const args of [[], ["u"], ["a"]]) {
  test(`the compiled C program traps as recorded, arguments ${JSON.stringify(args)}`, async ({
    vivarium: page,
  }) => {
    const { wasm, expect: wanted } = recorded("c/trap.wasm", args);
    await drop(page, "trap.wasm", fs.readFileSync(sharedGuest(wasm)));
    await page.getByLabel("Arguments").fill(args.join(" "));
    await run(page);
    await expect(page.getByTestId("trap-code")).toHaveText(wanted.trap ?? "?");
    const innermost = page.getByTestId("trap").getByRole("listitem").first();
    await expect(innermost).toContainText(/0x[0-9a-f]+$/);
    await expectOnScreen(page, wanted.stdout.trimEnd());
  });
}

test("a second guest shows nothing of the first", async ({ vivarium: page }) => {
  await openSample(page, "Fall");
  await run(page);
  await expect(page.getByTestId("trap")).toBeVisible();
  await drop(page, "numbers.wasm", sample("numbers"));
  await expect(page.getByTestId("trap")).toHaveCount(0);
  await expect(page.getByText("Its memory appears here")).toBeVisible();
  await page.getByLabel("Values").fill("1");
  await run(page);
  await expect(page.getByText("This guest has no memory.")).toBeVisible();
});
