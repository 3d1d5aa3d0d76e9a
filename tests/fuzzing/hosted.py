"""The other side of ``differential``: runs modules in the interpreter and in the host engine, inside Pyodide, and
writes what differs. The argument is a folder with ``cases.json``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fuzzing.world import ENDS, Event, Refused, digest, end_of, hexadecimal, our_host
from wasmarium import bridge
from wasmarium.binary.decoder import decode_module
from wasmarium.engines.base import Engine, Finished, Raised
from wasmarium.engines.host import HostEngine
from wasmarium.engines.interpreter import Interpreter
from wasmarium.errors import Exhausted, GuestException, Trap, TrapCode
from wasmarium.features import ALL
from wasmarium.module import Module
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.linking import start_function
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.store import Store
from wasmarium.validation import validate_module

FUEL = 100_000
OUT, DUMP = "out", "dump"

SAME = (
    # V8 14 does not tell the two apart, where the table has a null
    frozenset({"INDIRECT_CALL_TO_NULL", "BAD_SIGNATURE"}),
    # V8 looks at the segment before the array
    frozenset({"ARRAY_OUT_OF_BOUNDS", "TABLE_OUT_OF_BOUNDS"}),
)
"""Traps that are known to be one trap on the host; see ``engines_host/known_gaps``."""


class Side:
    """The run of one case in one engine."""

    def __init__(self, engine: Engine, module: Module, driver: Module, case: dict[str, Any]) -> None:
        self.engine = engine
        self.module = module
        self.driver = driver
        self.case = case
        self.events: list[Event] = []
        self.memories: list[MemoryInstance] = []
        self.fallback: str | None = None
        # without fuel, another code runs on the host: the module's own
        self.fuel = FUEL if case["number"] % 2 else None
        self.store = Store(ResourceLimits(memory_bytes=1 << 26, table_elements=100_000), self.fuel)
        self.instance: ModuleInstance | None = None

    def run(self) -> None:
        """All of it."""
        host = our_host(self.engine, self.store)
        end = self._attempt(lambda: self._instantiate(host))
        if self.instance is not None:
            self.memories = [value for value in self.instance.exports.values() if isinstance(value, MemoryInstance)]
        self._note("instantiate", end, "", self.fuel or 0)
        if end != "ok" or self.instance is None or self.fallback is not None:
            return
        exports = self.instance.exports
        driven = self.engine.instantiate(self.store, self.driver, [exports[name] for name in self.case["imports"]])
        self.fallback = self.engine.fallback(self.driver)
        out: Any = driven.exports[OUT]
        for name in self.case["calls"]:
            for part in (name, DUMP):
                function: Any = driven.exports[part]
                before = self.store.fuel or 0
                out.fill(0, 0, len(out.data))
                end = self._attempt(partial(self._call, function))
                self._note(part, end, hexadecimal(out.read(0, len(out.data))) if end == "ok" else "", before)
                if end in ENDS:
                    return

    def _instantiate(self, host: dict[str, ExternalValue]) -> None:
        imports = [host[item.name] for item in self.module.imports]
        self.instance = self.engine.instantiate(self.store, self.module, imports)
        self.fallback = self.engine.fallback(self.module)
        start = start_function(self.instance)
        if start is not None:
            self._call(start)

    def _call(self, function: FunctionInstance) -> None:
        outcome = self.engine.start(function, ()).run()
        if isinstance(outcome, Raised):
            raise outcome.error
        if not isinstance(outcome, Finished):
            raise Trap("", TrapCode.OUT_OF_FUEL)

    @staticmethod
    def _attempt(action: Callable[[], None]) -> str:
        try:
            action()
        except (Trap, GuestException, Refused, Exhausted) as error:
            return end_of(error)
        return "ok"

    def _note(self, name: str, end: str, shown: str, before: int) -> None:
        contents = [memory.read(0, len(memory.data)) for memory in self.memories]
        state = " ".join(f"{len(content):x}:{digest(content)}" for content in contents)
        self.events.append(Event(name, end, shown, state, before - (self.store.fuel or 0)))


def difference(ours: list[Event], theirs: list[Event]) -> str:
    """The first event in which two runs differ; "" where they do not, as far as both can be compared."""
    for a, b in zip(ours, theirs, strict=False):
        if a.end in ENDS or b.end in ENDS:
            return ""
        same_end = a.end == b.end or any({a.end, b.end} <= both for both in SAME)
        # what a failed instantiation left behind cannot be reached on the host
        same_state = a.state == b.state or a.name == "instantiate" != a.end
        if not (same_end and same_state and (a.shown, a.fuel) == (b.shown, b.fuel)):
            return f"{a}\n{b}"
    return "" if len(ours) == len(theirs) else "one run ended earlier"


def check(folder: Path, case: dict[str, Any], host: HostEngine) -> dict[str, Any]:
    """What came of one case."""
    module, driver = (decode_module((folder / case[name]).read_bytes(), ALL) for name in ("module", "driver"))
    validate_module(module, ALL)
    validate_module(driver, ALL)
    counts: dict[str, int] = {"run": 1}
    sides = [Side(engine, module, driver, case) for engine in (Interpreter(), host)]
    for side in sides:
        side.run()
    ours, theirs = sides
    if theirs.fallback is not None:
        return {"number": case["number"], "counts": {"interpreted": 1}, "why": theirs.fallback}
    for event in ours.events:
        if event.name != DUMP:
            counts[event.end] = counts.get(event.end, 0) + 1
    return {"number": case["number"], "counts": counts, "difference": difference(ours.events, theirs.events)}


def main() -> None:
    """Check all cases; one line of JSON for each."""
    folder = Path(sys.argv[1])
    host = HostEngine(bridge.platform().webassembly())
    for case in json.loads((folder / "cases.json").read_text()):
        try:
            found = check(folder, case, host)
        except Exception as error:
            import traceback

            text = "".join(traceback.format_exception(error))
            found = {"number": case["number"], "counts": {"run": 1}, "difference": f"{type(error).__name__}\n{text}"}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
