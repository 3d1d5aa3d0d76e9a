"""The host engine beside the same modules run by JavaScript alone.

Arguments: folder of kernels, rounds, sizes, kernels.

Runs inside Pyodide. Prints JSON: ``kernels``: kernel -> milliseconds of JavaScript and of the host engine, and the
median of the rounds' ratios; ``calls``: what -> nanoseconds of a bare Pyodide call and of the public API, and the
ratio. The two take turns within a round. Every result is compared with the recorded one.
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

CALLS = 10_000

MODULE = """(module
  (import "" "g" (func $g (param i32) (result i32))) (import "" "h" (func $h (param i64) (result i64)))
  (func (export "callbacks i32") (param i32)
    (loop (drop (call $g (local.get 0))) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "callbacks i64") (param i32)
    (loop (drop (call $h (i64.extend_i32_s (local.get 0))))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"""

FUNCTIONS = """(module
  (func (export "call i32") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "call i64") (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1))))"""


def seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    start = perf_counter()
    result = run()
    return perf_counter() - start, result


def turns(rounds: int, bare: Callable[[], Any], ours: Callable[[], Any]) -> dict[str, float]:
    """Both, in turns; medians in seconds, and the median of the ratios."""
    pairs = []
    for _ in range(rounds):
        first, second = seconds(bare)[0], seconds(ours)[0]
        pairs.append((first, second))
    return {
        "bare": statistics.median(first for first, _ in pairs),
        "ours": statistics.median(second for _, second in pairs),
        "ratio": statistics.median(second / first for first, second in pairs),
    }


def main() -> None:
    import js
    from pyodide.code import run_js
    from pyodide.ffi import create_proxy

    from wasmarium import Config, Engine, Func, FuncType, Instance, Module, Store, ValType, wat2wasm

    folder, given, sizes, chosen = sys.argv[1:]
    rounds = int(given)
    config = Config()
    config.strategy = "host"
    engine = Engine(config)
    store = Store(engine)
    link = run_js("(bytes, g) => new WebAssembly.Instance(new WebAssembly.Module(bytes), {'': {g, h: g}}).exports")

    def raw(data: bytes, callback: Any = None) -> Any:
        array = js.Uint8Array.new(len(data))
        array.assign(data)
        return link(array, callback)

    kernels: dict[str, dict[str, float]] = {}
    manifest = json.loads(Path(folder, "manifest.json").read_text())
    for name, kernel in manifest.items():
        if "sizes" not in kernel or (chosen and name not in chosen.split(",")):
            continue
        data = Path(folder, kernel["file"]).read_bytes()
        run: Any = Instance(store, Module(engine, data), []).exports(store)["run"]
        bare = raw(data).run
        for size in sizes.split(","):
            case = kernel["sizes"].get(size)
            if case is None:
                continue
            argument = case["arg"]
            found, expected = run(store, argument), case["expected"]
            if isinstance(expected, int):
                found, expected = found % (1 << 32), expected % (1 << 32)
            if found != expected:
                raise SystemExit(f"{name} {size}: {found} is not {expected}")
            bare(argument)
            kernels[f"{name} {size}"] = turns(rounds, partial(bare, argument), partial(run, store, argument))

    calls: dict[str, dict[str, float]] = {}
    exports: Any = Instance(store, Module(engine, FUNCTIONS), []).exports(store)
    bare_exports = raw(bytes(wat2wasm(FUNCTIONS)))
    big = run_js("(f) => (a, b) => f(BigInt(a), BigInt(b))")
    for name, function in (
        ("call i32", getattr(bare_exports, "call i32")),
        ("call i64", big(getattr(bare_exports, "call i64"))),
    ):
        mine = exports[name]

        def many(call: Callable[..., Any], *first: Any) -> Callable[[], None]:
            def repeat() -> None:
                for _ in range(CALLS):
                    call(*first, 3, 4)

            return repeat

        calls[name] = turns(rounds, many(function), many(mine, store))

    def identity(value: int) -> int:
        return value

    proxy = create_proxy(identity)
    bare_exports = raw(bytes(wat2wasm(MODULE)), proxy)
    imports = [Func(store, FuncType([kind], [kind]), identity) for kind in (ValType.i32(), ValType.i64())]
    exports = Instance(store, Module(engine, MODULE), imports).exports(store)
    for name in ("callbacks i32", "callbacks i64"):
        calls[name] = turns(rounds, partial(getattr(bare_exports, name), CALLS), partial(exports[name], store, CALLS))
    proxy.destroy()
    for row in calls.values():
        row["bare"] /= CALLS
        row["ours"] /= CALLS
    print(json.dumps({"kernels": kernels, "calls": calls}))


if __name__ == "__main__":
    main()
