"""The host engine beside the same modules run by JavaScript alone.

Arguments: folder of kernels, rounds, sizes, kernels, a big module.

Runs inside Pyodide. Prints JSON, times in seconds: ``kernels``: kernel -> the time of JavaScript (``bare``), and
for the host engine with different things put into the kernel (see PREPARED) the median of the rounds'
ratios to it; ``calls``: what -> the times of a bare Pyodide call and of the public API, and the ratio;
``stops``: endless loop -> how late it stopped; ``rewriting``: what is put into the big module -> the time that takes,
and the sizes before and after.
All take turns within a round. Every result is compared with the recorded one.
"""

from __future__ import annotations

import asyncio
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


PREPARED = ("host", "fuel", "epochs", "fuel + coverage + call counts + dirty pages")
"""The first is the kernel as it is."""


def prepared(what: str) -> Any:
    """A store whose guests are prepared for ``what``."""
    from wasmarium import Config, Engine, Store
    from wasmarium.instrument.monitors import CallCounts, Coverage

    config = Config()
    config.strategy = "host"
    config.consume_fuel = "fuel" in what
    config.epoch_interruption = "epochs" in what
    store = Store(Engine(config))
    if config.consume_fuel:
        store.set_fuel(1 << 62)
    store.set_epoch_deadline(1)
    if "coverage" in what:
        store.attach(Coverage())
        store.attach(CallCounts())
        store._runtime.watch = True
    return store


def instrumented(module: Any, makers: list[Any]) -> Any:
    from wasmarium.instrument import instrument

    return instrument(module, [make() for make in makers])


def rewriting(data: bytes) -> dict[str, dict[str, float]]:
    """How long passes take on a module."""
    from wasmarium.binary.decoder import decode_module
    from wasmarium.features import ALL
    from wasmarium.instrument.calls import CountedCalls
    from wasmarium.instrument.coverage import CoveredBlocks
    from wasmarium.instrument.dirty import DirtyPages
    from wasmarium.instrument.fuel import Fuel
    from wasmarium.instrument.safepoints import Safepoints

    module = decode_module(data, ALL)
    found: dict[str, dict[str, float]] = {}
    kinds: list[tuple[str, int, list[Any]]] = [
        ("fuel", 5, [Fuel]),
        ("epochs", 1, [Safepoints]),
        (PREPARED[-1], 1, [Fuel, CoveredBlocks, CountedCalls, partial(DirtyPages, 1 << 32)]),
    ]
    for name, times, makers in kinds:
        spent = [seconds(partial(instrumented, module, makers)) for _ in range(times)]
        size = len(spent[0][1].data)
        found[name] = {"time": statistics.median(time for time, _ in spent), "before": len(data), "after": size}
    return found


LOOPS = {
    "empty loop": "(loop (br 0))",
    "loop of stores": "(loop (i32.store8 (i32.and (i32.load (i32.const 0)) (i32.const 65535)) (i32.const 7)) (br 0))",
    "loop of calls": "(loop (call $f) (br 0))",
    "loop of 1 MB fills": "(loop (memory.fill (i32.const 0) (i32.const 0) (i32.const 1048576)) (br 0))",
}
BEFORE = 0.05
"""Seconds that a guest runs before it is asked to stop."""


def stops(times: int) -> dict[str, dict[str, float]]:
    """How late guests that never end stop: after a request while they are awaited, and after a deadline while
    the caller is held. Median and worst, in seconds."""
    from pyodide.ffi import run_sync

    from wasmarium import Instance, Module, Store, Trap

    found: dict[str, dict[str, float]] = {}
    for name, loop in LOOPS.items():
        epochs = prepared("epochs").engine
        store = Store(epochs)
        module = Module(epochs, f'(module (memory 17) (func $f) (func (export "f") {loop}))')
        run: Any = Instance(store, module, []).exports(store)["f"]

        async def requested(run: Any = run, store: Any = store, engine: Any = epochs) -> float:
            store.set_epoch_deadline(1)
            task = asyncio.ensure_future(run.call_async(store))
            await asyncio.sleep(BEFORE)
            asked = perf_counter()
            engine.increment_epoch()
            try:
                await task
            except Trap:
                return perf_counter() - asked
            raise SystemExit("an endless loop has ended")

        def at_a_deadline(run: Any = run, store: Any = store, engine: Any = epochs) -> float:
            store.set_epoch_deadline(1)
            engine.increment_epoch_after(BEFORE)
            begun = perf_counter()
            try:
                run(store)
            except Trap:
                return perf_counter() - begun - BEFORE
            raise SystemExit("an endless loop has ended")

        for how, late in (
            ("requested", [run_sync(requested()) for _ in range(times)]),
            ("deadline", [at_a_deadline() for _ in range(times)]),
        ):
            found[f"{name}, {how}"] = {"median": statistics.median(late), "worst": max(late)}
    return found


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

    from wasmarium import Func, FuncType, Instance, Module, ValType, wat2wasm

    folder, given, sizes, chosen, big_module = sys.argv[1:]
    rounds = int(given)
    stores = {what: prepared(what) for what in PREPARED}
    store = stores["host"]
    engine = store.engine
    link = run_js("(bytes, g) => new WebAssembly.Instance(new WebAssembly.Module(bytes), {'': {g, h: g}}).exports")

    def raw(data: bytes, callback: Any = None) -> Any:
        array = js.Uint8Array.new(len(data))
        array.assign(data)
        return link(array, callback)

    kernels: dict[str, dict[str, Any]] = {}
    manifest = json.loads(Path(folder, "manifest.json").read_text())
    for name, kernel in manifest.items():
        if "sizes" not in kernel or (chosen and name not in chosen.split(",")):
            continue
        data = Path(folder, kernel["file"]).read_bytes()
        runs: dict[str, Callable[[int], Any]] = {}
        for what, each in stores.items():
            exported: Any = Instance(each, Module(each.engine, data), []).exports(each)
            runs[what] = partial(exported["run"], each)
        bare = raw(data).run
        for size in sizes.split(","):
            case = kernel["sizes"].get(size)
            if case is None:
                continue
            argument = case["arg"]
            for what, run in runs.items():
                found, expected = run(argument), case["expected"]
                if isinstance(expected, int):
                    found, expected = found % (1 << 32), expected % (1 << 32)
                if found != expected:
                    raise SystemExit(f"{name} {size}, {what}: {found} is not {expected}")
            times: dict[str, list[float]] = {}
            for turn in range(rounds + 1):
                for what, run in {"bare": bare, **runs}.items():
                    spent = seconds(partial(run, argument))[0]
                    # the first turn is for the host to compile
                    times.setdefault(what, []).extend([spent] if turn else [])
            kernels[f"{name} {size}"] = {
                "bare": statistics.median(times["bare"]),
                "ratios": {
                    what: statistics.median(ours / bare for ours, bare in zip(times[what], times["bare"], strict=True))
                    for what in PREPARED
                },
            }

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
    big_data = Path(big_module).read_bytes() if big_module else b""
    rewritten = rewriting(big_data) if big_data else {}
    print(json.dumps({"kernels": kernels, "calls": calls, "stops": stops(rounds), "rewriting": rewritten}))


if __name__ == "__main__":
    main()
