"""Interpreters on kernels. Arguments: folder of kernels, folder of peers, rounds, sizes, kernels.

Prints JSON: size -> kernel -> engine -> nanoseconds per executed instruction (median of the rounds,
engines taking turns within a round; null where an engine fails or would take minutes). Every result
is compared with the recorded one. The first engine is wasmarium's.
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

INSIDE_PYODIDE = sys.platform == "emscripten"
clock = perf_counter if INSIDE_PYODIDE else process_time

MOST_INSTRUCTIONS = {"pywasm": 400_000}
"""An engine that is ten times slower is not made to run for minutes."""

Run = Callable[[int], Any]


def wasmarium(data: bytes) -> Run:
    from wasmarium.binary.decoder import decode_module
    from wasmarium.engines.base import Finished
    from wasmarium.engines.interpreter import Interpreter
    from wasmarium.runtime.function import FunctionInstance
    from wasmarium.runtime.linking import instantiate
    from wasmarium.runtime.store import Store
    from wasmarium.validation import validate_module

    module = decode_module(data)
    validate_module(module)
    instance = instantiate(Store(), module, [], None)
    function = instance.exports["run"]
    assert isinstance(function, FunctionInstance)

    def run(argument: int) -> Any:
        outcome = Interpreter().start(function, [argument]).run()
        assert isinstance(outcome, Finished), outcome
        return outcome.values[0]

    return run


def pwasm(data: bytes) -> Run:
    import pwasm as peer  # type: ignore[import-not-found]

    sys.setrecursionlimit(20_000)
    instance = peer.instantiate(peer.decode_module(data), mode="interpret")
    return lambda argument: instance.exports.run(argument)


def pywasm(data: bytes) -> Run:
    with contextlib.redirect_stdout(io.StringIO()):
        import pywasm as peer  # type: ignore[import-not-found]
    import tempfile

    runtime = peer.core.Runtime()
    with tempfile.NamedTemporaryFile(suffix=".wasm") as file:
        file.write(data)
        file.flush()
        instance = runtime.instance_from_file(file.name)
    return lambda argument: runtime.invocate(instance, "run", [argument])[0]


ENGINES: dict[str, Callable[[bytes], Run]] = {"wasmarium": wasmarium, "pwasm": pwasm, "pywasm": pywasm}


def same(found: Any, expected: Any, result: str) -> bool:
    if isinstance(expected, int):
        bits = 32 if result == "i32" else 64
        return (int(found) - expected) % (1 << bits) == 0
    return bool(found == expected)


def main() -> None:
    folder, peers, rounds, sizes, chosen = sys.argv[1:]
    sys.path.append(peers)
    manifest = json.loads(Path(folder, "manifest.json").read_text())
    names = [name for name in manifest if "sizes" in manifest[name] and (not chosen or name in chosen.split(","))]
    found: dict[str, dict[str, dict[str, float | None]]] = {}
    for size in sizes.split(","):
        for name in names:
            kernel = manifest[name]
            case = kernel["sizes"][size]
            data = Path(folder, kernel["file"]).read_bytes()
            times: dict[str, list[float]] = {engine: [] for engine in ENGINES}
            for _ in range(int(rounds)):
                for engine, load in ENGINES.items():
                    if case["instrs"] > MOST_INSTRUCTIONS.get(engine, 1 << 60):
                        continue
                    try:
                        run = load(data)
                        start = clock()
                        result = run(case["arg"])
                        spent = clock() - start
                    except Exception as error:
                        print(f"{engine} on {name}: {type(error).__name__}: {error}", file=sys.stderr)
                        continue
                    if not same(result, case["expected"], kernel["result"]):
                        raise SystemExit(f"{engine} on {name}: {result} is not {case['expected']}")
                    times[engine].append(spent * 1e9 / case["instrs"])
            found.setdefault(size, {})[name] = {
                engine: statistics.median(values) if values else None for engine, values in times.items()
            }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
