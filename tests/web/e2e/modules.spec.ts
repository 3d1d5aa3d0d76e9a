/** Opening files: good ones, bad ones, samples, links. */
import fs from "node:fs";
import {
  button,
  drop,
  expect,
  expectOnScreen,
  listen,
  openSample,
  ready,
  run,
  sample,
  sharedGuest,
  state,
  test,
} from "./site";

const PNG = Buffer.from("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489", "hex");
/** (func (param i32) (result i32) local.get 0 i32.add): one operand is missing. */
const TYPE_ERROR = Buffer.from("0061736d0100000001060160017f017f030201000a0701050020006a0b", "hex");
/** Imports env.magic, which nobody provides. */
const STRANGER = Buffer.from(
  "0061736d0100000001090260017f017f600000020d0103656e76056d61676963000003020101070a01065f737461727400010a040102000b",
  "hex",
);

test("the page starts on a plain static host, and asks nobody else", async ({ browser, site }) => {
  const page = await browser.newPage();
  const heard = listen(page);
  const foreign: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(site) && !request.url().startsWith("data:")) foreign.push(request.url());
  });
  await page.goto(site);
  await expect(page.locator(".boot")).toHaveText(/Fetching Python|Starting Python|Installing wasmarium/);
  await ready(page);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
  expect(foreign).toEqual([]);
  expect(heard).toEqual([]);
  await page.close();
});

test("a dropped module is looked into", async ({ vivarium: page }) => {
  await drop(page, "my guest.wasm", sample("fall"));
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("my guest.wasm");
  await expect(page.getByTestId("verdict")).toContainText("Valid. 10 functions");
  const module = page.getByRole("region", { name: "Module" });
  await expect(module.locator(".section-bar span")).toHaveCount(9);
  await expect(module.getByRole("listitem").filter({ hasText: "code" })).toContainText("× 7");
  await page.getByRole("tab", { name: "Imports 3" }).click();
  await expect(module.getByRole("listitem").filter({ hasText: "fd_write" })).toContainText(
    "i32 i32 i32 i32 → i32",
  );
  await page.getByRole("tab", { name: "Exports 2" }).click();
  await expect(module.getByRole("listitem").filter({ hasText: "_start" })).toContainText("() → ()");
  await page.getByRole("tab", { name: "Functions 10" }).click();
  await expect(module.getByRole("listitem").filter({ hasText: "share" })).toBeVisible();
});

test("a real compiled program is dropped and runs", async ({ vivarium: page }) => {
  const file = sharedGuest("c/hello.wasm");
  test.skip(!fs.existsSync(file), "needs the shared test data, see tests/shared_data.py");
  await drop(page, "hello.wasm", fs.readFileSync(file));
  await page.getByLabel("Arguments").fill("a b c");
  await run(page);
  await expect(state(page)).toHaveText("Exited with 3");
});

test("the text format is read too", async ({ vivarium: page }) => {
  const text = '(module (func (export "answer") (result i32) i32.const 42))';
  await drop(page, "answer.wat", Buffer.from(text));
  await expect(page.getByText(/59 B of text, \d+ B assembled/)).toBeVisible();
  await run(page);
  await expectOnScreen(page, "returned i32 42");
});

test("the file picker opens a module too", async ({ vivarium: page }) => {
  await page
    .getByTestId("pick")
    .setInputFiles({ name: "n.wasm", mimeType: "application/wasm", buffer: sample("numbers") });
  await expect(page.getByTestId("verdict")).toContainText("Valid");
  // A library has no command; the first function is offered.
  await expect(page.getByRole("combobox")).toHaveValue("fibonacci");
});

const REFUSED = [
  {
    what: "a PNG",
    name: "photo.png",
    content: PNG,
    message: "magic header not detected",
    places: ["offset0x0"],
    hint: "a PNG image",
  },
  {
    what: "an empty file",
    name: "empty.wasm",
    content: Buffer.alloc(0),
    message: "unexpected end",
    places: ["offset0x0"],
    hint: "an empty file",
  },
  {
    what: "a truncated module",
    name: "half.wasm",
    content: sample("hello").subarray(0, 300),
    message: /unexpected end|length out of bounds/,
    places: ["offset0x"],
  },
  {
    what: "a type error",
    name: "wrong.wasm",
    content: TYPE_ERROR,
    message: "type mismatch",
    places: ["sectioncode", "function0", "instruction1 i32.add", "offset0x1b"],
  },
  {
    what: "text with a type error",
    name: "wrong.wat",
    content: Buffer.from("(module\n  (func (result i32)\n    i64.const 1))"),
    message: "type mismatch",
    places: ["line3:"],
  },
  {
    what: "text that is no module",
    name: "broken.wat",
    content: Buffer.from("(module\n  (fnuc))"),
    message: "",
    places: ["line2:4"],
  },
] as const;

for (const { what, name, content, message, places, ...more } of REFUSED) {
  test(`${what} gets one located message, and nothing else breaks`, async ({ vivarium: page }) => {
    await drop(page, name, content);
    const refusal = page.getByTestId("refusal");
    await expect(refusal).toHaveCount(1);
    await expect(page.getByTestId("refusal-message")).toContainText(message);
    for (const place of places) await expect(refusal.locator(".places")).toContainText(place);
    if ("hint" in more) await expect(refusal).toContainText(more.hint);
    await expect(button(page, "Run")).toHaveCount(0);
    // The next guest is welcome.
    await drop(page, "hello.wasm", sample("hello"));
    await run(page);
    await expect(state(page)).toHaveText("Exited with 0");
  });
}

test("the byte that a message is about is marked", async ({ vivarium: page }) => {
  await drop(page, "wrong.wasm", TYPE_ERROR);
  await expect(page.locator(".byte-context .culprit")).toHaveText("6a");
});

test("an import that nobody provides is told when the guest is started", async ({ vivarium: page }) => {
  await drop(page, "stranger.wasm", STRANGER);
  await page.getByRole("tab", { name: "Imports 1" }).click();
  await expect(page.getByText("not provided here")).toBeVisible();
  await run(page);
  await expect(page.getByTestId("problem")).toContainText("magic");
  await expect(state(page)).toHaveText("Failed");
});

test("a link opens a sample with its arguments, before Python is there", async ({ browser, site }) => {
  const page = await browser.newPage();
  await page.goto(`${site}#sample=hello&args=Grace`);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Hello");
  await expect(page.getByTestId("verdict")).toContainText("Waits for Python");
  await expect(page.getByTestId("verdict")).toContainText("Valid", { timeout: 180_000 });
  await expect(page.getByLabel("Arguments")).toHaveValue("Grace");
  await page.close();
});

test("Share puts sample and arguments into the address", async ({ vivarium: page }) => {
  await openSample(page, "Fall");
  await page.getByLabel("Arguments").fill("u v");
  await button(page, "Share").click();
  expect(new URL(page.url()).hash).toBe("#sample=fall&args=u+v");
});

test("a link to a sample that is not there says so", async ({ vivarium: page }) => {
  await page.evaluate(() => {
    location.hash = "#sample=unicorn";
  });
  await expect(page.getByRole("alert")).toContainText("unicorn");
  await page.getByRole("button", { name: "Dismiss" }).click();
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("colours follow the system, and the choice stays", async ({ browser, site }) => {
  const context = await browser.newContext({ colorScheme: "dark" });
  const page = await context.newPage();
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await page.goto(site);
  const dark = await background();
  await page.getByRole("button", { name: /^Colours/ }).click();
  await expect.poll(background).not.toBe(dark);
  const light = await background();
  await page.reload();
  await expect.poll(background).toBe(light);
  await context.close();
});
