/** Running guests: output, input, files, endings, control. */
import fs from "node:fs";
import {
  button,
  drop,
  expect,
  expectOnScreen,
  global,
  instructions,
  openSample,
  recorded,
  run,
  screen,
  sharedGuest,
  state,
  tab,
  test,
  type,
} from "./site";

test("output comes to the terminal, and how it ended", async ({ vivarium: page }) => {
  await openSample(page, "Hello");
  await page.getByLabel("Arguments").fill('"Ada Lovelace"');
  await run(page);
  await expect(state(page)).toHaveText("Exited with 0");
  await expectOnScreen(page, "Hello, Ada Lovelace!\nThis line was written by WebAssembly");
  await expectOnScreen(page, /exit code 0$/);
});

test("the C program that works on files gives what was recorded", async ({ vivarium: page }) => {
  const { wasm, args, expect: wanted } = recorded("c/fileio.wasm");
  // High enough for all of its output to be seen at once.
  await page.setViewportSize({ width: 1440, height: 1300 });
  await drop(page, "fileio.wasm", fs.readFileSync(sharedGuest(wasm)));
  await page.getByLabel("Arguments").fill(args.join(" "));
  await run(page);
  await expect(state(page)).toHaveText(`Exited with ${wanted.exit ?? 0}`);
  await expect.poll(() => screen(page)).toBe(`${wanted.stdout}exit code 0`);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await button(page, "Copy").click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(wanted.stdout.trimEnd());
  await page.setViewportSize({ width: 1440, height: 900 });
});

test("a program of Go for JavaScript reads what is typed, and sleeps in between", async ({
  vivarium: page,
}) => {
  const file = sharedGuest("go-js/main.wasm");
  test.skip(!fs.existsSync(file), "needs the shared test data, see tests/shared_data.py");
  await drop(page, "main.wasm", fs.readFileSync(file));
  await page.getByLabel("Arguments").fill("/data");
  await run(page);
  await expect.poll(() => screen(page), { timeout: 100_000 }).toContain("args [/data]");
  await type(page, "ab\ncd\n");
  await expectOnScreen(page, "2 CD");
  await page.keyboard.press("Control+d");
  await expect(state(page)).toHaveText("Exited with 5", { timeout: 100_000 });
  await expectOnScreen(page, /0 1 4 9 16 *\n[^]*recovered runtime error/);
});

test("arguments, environment and input text reach a C program", async ({ vivarium: page }) => {
  const { wasm, args, env, stdin, expect: wanted } = recorded("c/env.wasm");
  await drop(page, "env.wasm", fs.readFileSync(sharedGuest(wasm)));
  await page.getByLabel("Arguments").fill(args.map((arg) => `"${arg}"`).join(" "));
  await button(page, "Environment").click();
  await page.locator("textarea[name=environment]").fill(
    Object.entries(env ?? {})
      .map((pair) => pair.join("="))
      .join("\n"),
  );
  await button(page, "Input: typed").click();
  await page.getByLabel("This text, then the end of input").check();
  await page.getByLabel("Text for standard input").fill(stdin ?? "");
  await run(page);
  await expect(state(page)).toHaveText(`Exited with ${wanted.exit ?? 0}`);
  await expect.poll(() => screen(page)).toBe(`${wanted.stdout}exit code ${wanted.exit ?? 0}`);
});

test("what is typed in the terminal reaches a guest that waits", async ({ vivarium: page }) => {
  await openSample(page, "Guess");
  await run(page);
  const answers = async () => (await screen(page)).match(/Too small|Too big|That is it/g) ?? [];
  let [low, high] = [1, 100];
  for (let turn = 0; turn < 8; turn++) {
    await expect(state(page)).toHaveText("Waits for input");
    const guess = Math.floor((low + high) / 2);
    // The first try is corrected before it goes out.
    await type(page, turn === 0 ? `9\u0008${guess}` : String(guess));
    if (turn === 0) await page.keyboard.press("Backspace");
    if (turn === 0) await page.keyboard.type(String(guess).slice(-1));
    await page.keyboard.press("Enter");
    // The terminal shows it later than the state says it.
    await expect.poll(async () => (await answers()).length).toBe(turn + 1);
    const answer = (await answers()).at(-1);
    if (answer === "That is it") break;
    if (answer === "Too small") low = guess + 1;
    else high = guess - 1;
  }
  await expect(state(page)).toHaveText("Exited with 0");
  await expectOnScreen(page, /That is it! Tries: \d\./);
});

/** Writes how many bytes each read gave, until one begins with "q". */
const KEYS = `(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\20\\00\\00\\00\\10\\00\\00\\00") ;; reads 16 bytes at 32
  (data (i32.const 8) "\\40\\00\\00\\00\\01\\00\\00\\00") ;; writes 1 byte at 64
  (func (export "_start")
    (loop $next
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
      (i32.store8 (i32.const 64) (i32.add (i32.const 48) (i32.load (i32.const 16))))
      (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))
      (br_if $next (i32.ne (i32.load8_u (i32.const 32)) (i32.const 113))))))`;

test("in raw mode every key reaches the guest at once, and nothing is echoed", async ({ vivarium: page }) => {
  await drop(page, "keys.wat", Buffer.from(KEYS));
  await expect(page.getByTestId("verdict")).toContainText("Valid");
  await button(page, "Input: typed").click();
  await page.getByLabel("Each key I press there").check();
  await run(page);
  let shown = "";
  for (const [key, bytes] of [
    ["x", 1],
    ["é", 2],
    ["ArrowUp", 3],
    ["Tab", 1],
    ["Enter", 1],
    ["Control+c", 1],
    ["Control+d", 1],
    ["q", 1],
  ] as const) {
    await expect(state(page)).toHaveText("Waits for input");
    await page.getByTestId("terminal").locator("textarea").focus();
    if (key === "é") await page.keyboard.insertText(key);
    else await page.keyboard.press(key);
    shown += String(bytes);
    await expect.poll(async () => (await screen(page)).split("\n")[0]).toBe(shown);
  }
  await expect(state(page)).toHaveText("Exited with 0");
});

test("Ctrl D ends the input", async ({ vivarium: page }) => {
  await openSample(page, "Guess");
  await run(page);
  await expect(state(page)).toHaveText("Waits for input");
  await type(page, "");
  await page.keyboard.press("Control+d");
  await expect(state(page)).toHaveText("Exited with 0");
  await expectOnScreen(page, "End of input. Goodbye.");
});

test("files go into /data and come out", async ({ vivarium: page }) => {
  await openSample(page, "Shout");
  await page.getByRole("button", { name: "1 file in /data" }).click();
  await page
    .getByTestId("pick-data")
    .setInputFiles({ name: "poem.txt", mimeType: "text/plain", buffer: Buffer.from("soft words\n") });
  await run(page);
  await expectOnScreen(page, "SOFT WORDS");
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: /^POEM.txt/ }).click();
  const download = await saved;
  expect(download.suggestedFilename()).toBe("POEM.txt");
  expect(fs.readFileSync(await download.path(), "utf8")).toBe("SOFT WORDS\n");
  await page.getByRole("button", { name: "Take poem.txt out" }).click();
  await run(page);
  await expect(state(page)).toHaveText("Exited with 1");
});

test("an exported function is called with values", async ({ vivarium: page }) => {
  await openSample(page, "Numbers");
  await page.getByLabel("Values").fill("12");
  await run(page);
  await expect(state(page)).toHaveText("Returned");
  await expectOnScreen(page, "returned i64 144");
  await page.getByRole("combobox").selectOption("divide");
  await expect(button(page, "Run")).toBeDisabled();
  await expect(page.getByText("divide takes i32 i32.")).toBeVisible();
  await page.getByLabel("Values").fill("-7 2");
  await run(page);
  await expectOnScreen(page, "returned i32 -3, i32 -1");
});

test("an endless guest is paused, stepped, resumed and stopped", async ({ vivarium: page }) => {
  await openSample(page, "Endless");
  await run(page);
  await expect(state(page)).toHaveText("Running");
  await expect.poll(() => instructions(page)).toBeGreaterThan(10_000);

  await button(page, "Pause").click();
  await expect(state(page)).toHaveText("Paused");
  const paused = await instructions(page);
  const frames = page.getByTestId("frames").getByRole("listitem");
  await expect(frames.last()).toContainText("main");
  await expect(page.getByTestId("listing").locator(".current")).toHaveCount(1);
  await expect(page.getByRole("heading", { name: "Locals" })).toBeVisible();

  // A step counts none for block and end, one for most, two for the first of a function: entering costs one.
  for (let i = 0; i < 5; i++) await button(page, "Step").click();
  await expect.poll(() => instructions(page)).toBeGreaterThan(paused);
  expect(await instructions(page)).toBeLessThanOrEqual(paused + 2 * 5);

  await button(page, "Resume").click();
  await expect(state(page)).toHaveText("Running");
  await expect.poll(() => instructions(page)).toBeGreaterThan(paused + 1000);
  await button(page, "Stop").click();
  await expect(state(page)).toHaveText("Stopped");
  const stopped = await instructions(page);
  await page.waitForTimeout(300);
  expect(await instructions(page)).toBe(stopped);
});

test("stepping walks through a function and out of it", async ({ vivarium: page }) => {
  await openSample(page, "Numbers");
  await page.getByLabel("Values").fill("3");
  // Step on a guest that does not run starts it, paused before its first instruction.
  await button(page, "Step").click();
  await expect(state(page)).toHaveText("Paused");
  const frames = page.getByTestId("frames").getByRole("listitem");
  await expect(frames).toHaveCount(1);
  await expect(page.locator(".values").first()).toContainText("n");
  const here = page.getByTestId("listing").locator(".current");
  for (let i = 0; i < 20 && (await frames.count()) === 1; i++) {
    const before = await here.innerText();
    await button(page, "Step").click();
    await expect(here).not.toHaveText(before);
  }
  await expect(frames).toHaveCount(2);
  await button(page, "Step out").click();
  await expect(frames).toHaveCount(1);
  // The result of the inner call lies on the operand stack.
  await expect(page.locator(".values").last()).toContainText("1");
  await button(page, "Resume").click();
  await expectOnScreen(page, "returned i64 2");
});

test("the keyboard does all of it", async ({ vivarium: page }) => {
  await openSample(page, "Endless");
  await page.keyboard.press("Control+Enter");
  await expect(state(page)).toHaveText("Running");
  await page.keyboard.press("F8");
  await expect(state(page)).toHaveText("Paused");
  const before = await instructions(page);
  for (let i = 0; i < 4; i++) await page.keyboard.press("F9");
  await expect.poll(() => instructions(page)).toBeGreaterThan(before);
  await page.keyboard.press("F8");
  await expect(state(page)).toHaveText("Running");
  await page.keyboard.press("Control+.");
  await expect(state(page)).toHaveText("Stopped");
  await expect(button(page, "Run")).toHaveAttribute("title", /Ctrl Enter/);
});

test("a guest that prints for ever does not hold the page", async ({ vivarium: page }) => {
  await openSample(page, "Flood");
  await run(page);
  await expectOnScreen(page, /line \d{8}/);
  // However busy the machine is, the page goes on drawing: a guest that held it would leave it one frame.
  const frames = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const end = performance.now() + 3000;
        let drawn = 0;
        const tick = (now: number): void => {
          drawn++;
          if (now < end) requestAnimationFrame(tick);
          else resolve(drawn);
        };
        requestAnimationFrame(tick);
      }),
  );
  expect(frames).toBeGreaterThan(5);
  await button(page, "Stop").click();
  await expect(state(page)).toHaveText("Stopped");
  await expectOnScreen(page, /stopped$/);
});

test("a run can be started again, and starts from scratch", async ({ vivarium: page }) => {
  await openSample(page, "Endless");
  await tab(page, "Globals");
  await run(page);
  const longest = global(page, "longest");
  await expect.poll(async () => Number(await longest.innerText())).toBeGreaterThan(50);
  await button(page, "Stop").click();
  await expect(state(page)).toHaveText("Stopped");
  await button(page, "Step").click();
  await expect(state(page)).toHaveText("Paused");
  await tab(page, "Globals");
  await expect(longest).toHaveText("0");
});
