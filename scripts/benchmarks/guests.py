"""Real guests on the host engine, beside the same guests with a WASI in JavaScript and nothing of ours.

Arguments: rounds, the folder of that WASI (@bjorn3/browser_wasi_shim), and CPython for WASI.

Runs inside Pyodide. Prints JSON: case -> seconds from the bytes of the module to the program's end, ``bare`` and
``ours``, and the median of the rounds' ratios. The two take turns within a round, with files in memory, and have to
print the same.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from pyodide.code import run_js
from pyodide.ffi import run_sync, to_js

from wasmarium import Config, Engine, ExitTrap, Linker, Module, Store, WasiConfig

COMPUTE = """
import hashlib, json
total = sum(i * i % 7 for i in range(2_000_000))
digest = b""
for i in range(20_000):
    digest = hashlib.sha256(digest + b"x").digest()
print(total, digest.hex(), len(json.dumps(list(range(100_000)))))
"""
FILES = """
import os
for i in range(400):
    with open(f"/w/{i}.txt", "w") as file:
        file.write("line\\n" * 200)
total = 0
for turn in range(3):
    for name in sorted(os.listdir("/w")):
        total += os.stat(f"/w/{name}").st_size
        with open(f"/w/{name}") as file:
            total += sum(1 for line in file)
for i in range(0, 400, 2):
    os.remove(f"/w/{i}.txt")
print(total, len(os.listdir("/w")))
"""
CASES = {"start only": "print('hello')", "compute": COMPUTE, "files": FILES}

SHIM = """async (folder, bytes, args) => {
  const { WASI, File, OpenFile, ConsoleStdout, PreopenDirectory } = await import(folder + "/dist/index.js");
  let printed = "";
  const decoder = new TextDecoder();
  const stream = new ConsoleStdout((part) => { printed += decoder.decode(part); });
  const wasi = new WASI(args, [], [
    new OpenFile(new File([])), stream, stream,
    new PreopenDirectory("/", new Map()), new PreopenDirectory("/w", new Map()),
  ], { debug: false });
  const { instance } = await WebAssembly.instantiate(bytes, { wasi_snapshot_preview1: wasi.wasiImport });
  const status = wasi.start(instance);
  return [status, printed];
}"""


def ours(data: bytes, arguments: list[str]) -> tuple[int, str]:
    config = Config()
    config.strategy = "host"
    engine = Engine(config)
    linker = Linker(engine)
    linker.define_wasi()
    printed = bytearray()
    wasi = WasiConfig()
    wasi.argv = arguments
    wasi.stdout_custom = wasi.stderr_custom = printed.extend
    wasi.preopen_memory({}, "/")
    wasi.preopen_memory({}, "/w")
    with Store(engine) as store:
        store.set_wasi(wasi)
        instance: Any = linker.instantiate(store, Module(engine, data))
        try:
            instance.exports(store)["_start"](store)
            status = 0
        except ExitTrap as ended:
            status = ended.code
    return status, printed.decode()


def seconds(run: Callable[[], tuple[int, str]]) -> tuple[float, tuple[int, str]]:
    start = perf_counter()
    result = run()
    return perf_counter() - start, result


def main() -> None:
    rounds, folder, python = sys.argv[1:]
    data = Path(python).read_bytes()
    bytes_ = to_js(data)
    start = run_js(SHIM)

    def bare(arguments: list[str]) -> tuple[int, str]:
        status, printed = run_sync(start(f"file://{folder}", bytes_, to_js(arguments)))
        return status, printed

    found = {}
    for name, script in CASES.items():
        arguments = ["python", "-c", script]
        pairs = []
        for _ in range(int(rounds)):
            (first, theirs), (second, mine) = seconds(partial(bare, arguments)), seconds(partial(ours, data, arguments))
            if theirs != mine or mine[0]:
                raise SystemExit(f"{name}: {theirs} and {mine}")
            pairs.append((first, second))
        found[name] = {
            "bare": statistics.median(first for first, _ in pairs),
            "ours": statistics.median(second for _, second in pairs),
            "ratio": statistics.median(second / first for first, second in pairs),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
