/** What the browser tests share: a static host, a page that has started, and ways to use it. */
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { type Page, expect, test as base } from "@playwright/test";

const ROOT = path.join(import.meta.dirname, "../../..");
const DIST = path.join(ROOT, "web/dist");
const SHARED = process.env["WASMARIUM_SHARED"] ?? path.join(ROOT, "../shared");

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** Serves the built page below a sub-path, with no header but the type: as simple a host as there is. */
async function host(prefix: string): Promise<{ readonly url: string; readonly close: () => void }> {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://host");
    const file = path.join(
      DIST,
      pathname.startsWith(prefix) ? pathname.slice(prefix.length) || "index.html" : "\0",
    );
    if (!pathname.startsWith(prefix) || !fs.existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": TYPES[path.extname(file)] ?? "application/octet-stream" });
    fs.createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}${prefix}`, close: () => server.close() };
}

interface WorkerFixtures {
  readonly site: string;
  readonly started: Page;
}

/** Everything that went wrong in the page and that nobody expected. */
const complaints = new WeakMap<Page, string[]>();

export function listen(page: Page): string[] {
  const heard: string[] = [];
  complaints.set(page, heard);
  page.on("pageerror", (error) => heard.push(error.message));
  page.on("requestfailed", (request) =>
    heard.push(`${request.url()}: ${request.failure()?.errorText ?? ""}`),
  );
  page.on("console", (message) => {
    if (message.type() === "error") heard.push(message.text());
  });
  return heard;
}

export const test = base.extend<{ readonly vivarium: Page }, WorkerFixtures>({
  site: [
    // eslint-disable-next-line no-empty-pattern -- Playwright wants the pattern
    async ({}, use) => {
      const server = await host("/some/folder/");
      await use(server.url);
      server.close();
    },
    { scope: "worker" },
  ],
  started: [
    async ({ browser, site }, use) => {
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
      listen(page);
      await page.goto(site);
      await ready(page);
      await use(page);
      await page.close();
    },
    { scope: "worker" },
  ],
  /** The page with Python running and no guest; one page serves all tests, as it would a person. */
  vivarium: async ({ started }, use) => {
    await started.getByRole("button", { name: "wasmarium, all guests" }).click();
    await expect(started.getByRole("heading", { level: 1 })).toContainText("behind glass");
    await use(started);
    expect(complaints.get(started)?.splice(0)).toEqual([]);
  },
});

export { expect };

export async function ready(page: Page): Promise<void> {
  await expect(page.locator(".boot")).toHaveText(/wasmarium \d/, { timeout: 180_000 });
}

// ---------------------------------------------------------------------------- guests

export const sample = (name: string): Buffer => fs.readFileSync(path.join(ROOT, `web/samples/${name}.wasm`));

export const sharedGuest = (name: string): string => path.join(SHARED, "guests", name);

export interface Case {
  readonly wasm: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly expect: { readonly exit?: number; readonly trap?: string; readonly stdout: string };
}

/** A recorded run of a real guest; the test is skipped without the shared test data. */
export function recorded(wasm: string, args?: readonly string[]): Case {
  const file = sharedGuest("expected.json");
  test.skip(!fs.existsSync(file), "needs the shared test data, see tests/shared_data.py");
  const cases = JSON.parse(fs.readFileSync(file, "utf8")) as Case[];
  const found = cases.find((item) => item.wasm === wasm && (!args || item.args.join() === args.join()));
  if (!found) throw new Error(`nothing is recorded for ${wasm}`);
  return found;
}

// ---------------------------------------------------------------------------- using the page

/** Drops a file on the page, as the browser's own drag and drop would. */
export async function drop(page: Page, name: string, content: Buffer): Promise<void> {
  const transfer = await page.evaluateHandle(
    ([fileName, text]) => {
      const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], fileName));
      return data;
    },
    [name, content.toString("base64")] as const,
  );
  for (const type of ["dragenter", "dragover", "drop"]) {
    await page.dispatchEvent("body", type, { dataTransfer: transfer });
  }
}

export async function openSample(page: Page, title: string): Promise<void> {
  await page.getByRole("link", { name: new RegExp(`^${title}\\b`) }).click();
  await expect(page.getByTestId("verdict")).toContainText("Valid");
}

export const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
export const state = (page: Page) => page.getByTestId("state");
/** The value of a global variable, where that tab is open. */
export const global = (page: Page, name: string) =>
  page.getByTestId("globals").getByRole("listitem").filter({ hasText: name }).locator("output");
export const ENGINES = ["Watch every step", "Full speed"] as const;
export const chooseEngine = (page: Page, engine: (typeof ENGINES)[number]) =>
  page.getByText(engine, { exact: true }).click();
export const run = (page: Page) => button(page, "Run").click();
export const tab = (page: Page, name: string) =>
  page.getByRole("tab", { name: new RegExp(`^${name}`) }).click();

/** What the terminal shows, line by line, without blanks at the ends. */
export async function screen(page: Page): Promise<string> {
  const lines = await page.locator(".xterm-rows > div").allInnerTexts();
  return lines
    .map((line) => line.replaceAll("\u00a0", " ").trimEnd())
    .join("\n")
    .trimEnd();
}

export async function expectOnScreen(page: Page, text: string | RegExp): Promise<void> {
  await expect
    .poll(() => screen(page), { timeout: 20_000 })
    .toMatch(typeof text === "string" ? escape(text) : text);
}

const escape = (text: string): RegExp => new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));

export async function instructions(page: Page): Promise<number> {
  return Number((await page.getByTestId("instructions").innerText()).replaceAll(",", ""));
}

/** Types into the terminal. */
export async function type(page: Page, text: string): Promise<void> {
  await page.getByTestId("terminal").locator("textarea").focus();
  await page.keyboard.type(text);
}
