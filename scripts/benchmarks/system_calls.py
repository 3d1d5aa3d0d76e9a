"""How many calls of WASI a second. Arguments: rounds, and the module.

Prints JSON: engine -> call -> calls per second (the best of the rounds). Files are in memory.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

from wasmarium import Config, Engine, Func, Linker, Module, Store, WasiConfig

CALLS = ("fd_write", "fd_read", "path_open + fd_close", "clock_time_get")
SECONDS = 0.3


def rate(call: Callable[[int], object], rounds: int) -> float:
    """Calls per second; as many at once as take a while."""
    count, best = 500, 0.0
    while True:
        start = perf_counter()
        if call(count):
            raise SystemExit("a call failed")
        took = perf_counter() - start
        if took >= SECONDS:
            best = max(best, count / took)
            rounds -= 1
            if not rounds:
                return best
        else:
            count *= 2


def main() -> None:
    rounds, file = sys.argv[1:]
    data = Path(file).read_bytes()
    found: dict[str, dict[str, float]] = {}
    for strategy in ("interpreter", "host") if sys.platform == "emscripten" else ("interpreter",):
        config = Config()
        config.strategy = strategy
        engine = Engine(config)
        linker = Linker(engine)
        linker.define_wasi()
        store = Store(engine)
        wasi = WasiConfig()
        wasi.preopen_memory({}, "/")
        store.set_wasi(wasi)
        exports = linker.instantiate(store, Module(engine, data)).exports(store)
        found[strategy] = {}
        for name in CALLS:
            function = exports[name]
            assert isinstance(function, Func)
            found[strategy][name] = rate(partial(function, store), int(rounds))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
