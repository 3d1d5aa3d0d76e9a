/** What a guest wants of the network: the person is asked, and nothing leaves before they say yes. */
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import { ENGINES, button, chooseEngine, drop, expect, expectOnScreen, run, state, test } from "./site";

/** A server on another origin, which any page may read; `hits` are the paths that were asked for. */
async function elsewhere() {
  const hits: string[] = [];
  const server = http.createServer((request, response) => {
    hits.push(`${request.method ?? ""} ${request.url ?? ""}`);
    response.writeHead(200, { "access-control-allow-origin": "*", "content-type": "text/plain" });
    response.end(`you asked for ${request.url ?? ""}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { hits, url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

/** A program that fetches each address in turn and prints what came, or the number of the error. */
function fetcher(urls: readonly string[]): Buffer {
  const place = (index: number): number => 1024 + 256 * index;
  const calls = urls.map((url, index) => `(call $get (i32.const ${place(index)}) (i32.const ${url.length}))`);
  const texts = urls.map((url, index) => `(data (i32.const ${place(index)}) "${url}")`);
  return Buffer.from(`(module
    (import "wasmarium" "http_open"
      (func $open (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasmarium" "http_response" (func $response (param i32 i32 i32) (result i32)))
    (import "wasmarium" "http_read" (func $read (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "GET") (data (i32.const 16) "error   \\0a") ${texts.join(" ")}
    (func $print (param i32 i32)
      (i32.store (i32.const 40) (local.get 0)) (i32.store (i32.const 44) (local.get 1))
      (drop (call $write (i32.const 1) (i32.const 40) (i32.const 1) (i32.const 48))))
    (func $check (param i32)
      (if (local.get 0) (then
        (i32.store8 (i32.const 22) (i32.add (i32.const 48) (i32.div_u (local.get 0) (i32.const 10))))
        (i32.store8 (i32.const 23) (i32.add (i32.const 48) (i32.rem_u (local.get 0) (i32.const 10))))
        (call $print (i32.const 16) (i32.const 9)))))
    (func $get (param i32 i32) (local $error i32)
      (local.set $error (call $open (i32.const 0) (i32.const 3) (local.get 0) (local.get 1)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 60)))
      (if (i32.eqz (local.get $error)) (then
        (local.set $error (call $response (i32.load (i32.const 60)) (i32.const 0) (i32.const 64)))))
      (if (i32.eqz (local.get $error)) (then
        (local.set $error (call $read (i32.load (i32.const 60)) (i32.const 8192) (i32.const 4096)
          (i32.const 0) (i32.const 64)))))
      (if (local.get $error) (then (call $check (local.get $error)))
        (else (call $print (i32.const 8192) (i32.load (i32.const 64))))))
    (func (export "_start") ${calls.join(" ")}))`);
}

const question = (page: Page) => page.getByTestId("question");

for (const engine of ENGINES) {
  test(`a guest waits for the person’s yes (${engine})`, async ({ vivarium: page }) => {
    const there = await elsewhere();
    await drop(page, "fetch.wat", fetcher([`${there.url}/a`, `${there.url}/b`, `${there.url}/c`]));
    await chooseEngine(page, engine);
    await run(page);
    await expect(question(page)).toContainText("wants to fetch");
    await expect(question(page)).toContainText(`GET ${there.url}/a`);
    // An Enter too many must not be a yes.
    await expect(button(page, "Never")).toBeFocused();
    expect(there.hits).toEqual([]);
    await button(page, "Once").click();
    await expectOnScreen(page, "you asked for /a");
    await expect(question(page)).toContainText(`GET ${there.url}/b`);
    expect(there.hits).toEqual(["GET /a"]);
    await button(page, "Always").click();
    await expectOnScreen(page, "you asked for /c");
    await expect(state(page)).toHaveText("Exited with 0");
    await expect(question(page)).toBeHidden();
    expect(there.hits).toEqual(["GET /a", "GET /b", "GET /c"]);
    there.close();
  });

  test(`a no is EACCES, is not asked again, and nothing leaves the page (${engine})`, async ({
    vivarium: page,
  }) => {
    const there = await elsewhere();
    await drop(page, "fetch.wat", fetcher([`${there.url}/a`, `${there.url}/b`]));
    await chooseEngine(page, engine);
    await run(page);
    await button(page, "Never").click();
    await expect(state(page)).toHaveText("Exited with 0");
    // errno 2 of WASI is acces
    await expectOnScreen(page, /error 02[^]*error 02/);
    await expectOnScreen(page, `[denied] fetch GET ${there.url}/b`);
    expect(there.hits).toEqual([]);
    there.close();
  });

  test(`Stop answers for the person: no (${engine})`, async ({ vivarium: page }) => {
    const there = await elsewhere();
    await drop(page, "fetch.wat", fetcher([`${there.url}/a`]));
    await chooseEngine(page, engine);
    await run(page);
    await expect(question(page)).toBeVisible();
    await button(page, "Stop").click();
    await expect(state(page)).toHaveText("Stopped");
    await expect(question(page)).toBeHidden();
    expect(there.hits).toEqual([]);
    there.close();
  });
}
