"""Executing a module in all of our modes and in wasmtime: the same results, traps, memories, counts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import wasmtime

from engines.running import MODES, Modes
from fuzzing.case import Finding, Report
from fuzzing.driver import DUMP, MODULE, OUT, Driver, build_driver
from fuzzing.oracles import engine
from fuzzing.world import ENDS, Event, Refused, digest, end_of, hexadecimal, our_host
from wasmarium.binary.code import instructions, read_locals
from wasmarium.binary.decoder import decode_module
from wasmarium.engines.base import Finished, Raised
from wasmarium.engines.interpreter import Interpreter, machine
from wasmarium.errors import Exhausted, GuestException, Trap, TrapCode
from wasmarium.features import ALL
from wasmarium.instructions.table import INSTRUCTIONS
from wasmarium.module import Module
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.linking import instantiate, start_function
from wasmarium.runtime.memory import WATCH_SHIFT, MemoryInstance
from wasmarium.runtime.store import Store
from wasmarium.validation import validate_module

FUEL = 400_000

OTHERWISE_PRICED = frozenset(
    row.mnemonic
    for row in INSTRUCTIONS
    if row.mnemonic in ("memory.fill", "memory.copy", "memory.init", "call_ref", "return_call_ref", "try_table")
    or row.mnemonic == "atomic.fence"
    or row.mnemonic.startswith(("table.", "array.new", "array.fill", "array.copy", "array.init"))
)
"""Instructions for which wasmtime asks other fuel than one: by length, or nothing, or for the handler."""


@dataclass(slots=True)
class Run:
    """All events of one run; ``problems`` are what is wrong with it by itself."""

    events: list[Event] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return bool(self.events) and self.events[-1].end in ENDS


# ---- ours ----


class _Ours:
    def __init__(self, module: Module, driver: Driver, modes: Modes, *, watch: bool) -> None:
        self.modes = modes
        self.run = Run()
        self.store = Store(ResourceLimits(memory_bytes=1 << 26, table_elements=100_000), FUEL, watch)
        self.instance: ModuleInstance | None = None
        self.before: list[bytes] = []
        self.driver = driver
        host = our_host(Interpreter(), self.store)
        end = self._attempt(lambda: self._instantiate(module, host))
        exports: dict[str, ExternalValue] = {} if self.instance is None else self.instance.exports
        self.memories = [value for value in exports.values() if isinstance(value, MemoryInstance)]
        self.run.events.append(Event("instantiate", end, "", self._state(), FUEL - (self.store.fuel or 0)))

    def _instantiate(self, module: Module, host: dict[str, ExternalValue]) -> None:
        imports = [host[item.name] for item in module.imports]
        # In two steps, so that the instance is there even when its start function traps.
        self.instance = instantiate(self.store, module, imports, None)
        start = start_function(self.instance)
        if start is not None:
            self._call(start)

    def _call(self, function: FunctionInstance) -> None:
        execution = Interpreter().start(function, ())
        assert isinstance(execution, machine.Machine)
        before = self.store.fuel
        outcome = self.modes.finish(execution)
        assert before is not None
        assert self.store.fuel is not None
        if execution.executed != before - self.store.fuel:
            self.run.problems.append(
                Finding("executed and fuel differ", f"{execution.executed}, {before} - {self.store.fuel}")
            )
        if isinstance(outcome, Raised):
            raise outcome.error
        if not isinstance(outcome, Finished):
            raise Trap("", TrapCode.OUT_OF_FUEL)

    def _attempt(self, action: Callable[[], None]) -> str:
        try:
            action()
        except (Trap, GuestException, Refused, Exhausted) as error:
            return end_of(error)
        return "ok"

    def _state(self) -> str:
        for memory, before in zip(self.memories, self.before, strict=False):
            self._check_watch(memory, before)
        self.before = [bytes(memory.data) for memory in self.memories] if self.store.watch else []
        return " ".join(f"{len(memory.data):x}:{digest(memory.data)}" for memory in self.memories)

    def _check_watch(self, memory: MemoryInstance, before: bytes) -> None:
        """That every page which changed was noted."""
        assert memory.written is not None
        for start in range(0, len(before), 1 << WATCH_SHIFT):
            stop = start + (1 << WATCH_SHIFT)
            changed = before[start:stop] != memory.data[start : min(stop, len(before))]
            if changed and not memory.written[start >> WATCH_SHIFT]:
                self.run.problems.append(Finding("a write was not noted", f"at {start:#x}"))
        memory.written[:] = bytes(len(memory.written))

    def calls(self) -> Run:
        """Everything after the instantiation."""
        run = self.run
        if run.over or run.events[0].end != "ok" or self.instance is None:
            return run
        module = decode_module(self.driver.data, ALL)
        driven = instantiate(self.store, module, [self.instance.exports[name] for name in self.driver.imports], None)
        out = driven.exports[OUT]
        assert isinstance(out, MemoryInstance)
        for name in self.driver.calls:
            for part in (name, DUMP):
                function = driven.exports[part]
                assert isinstance(function, FunctionInstance)
                before = self.store.fuel
                out.data[:] = bytes(len(out.data))
                end = self._attempt(lambda function=function: self._call(function))  # type: ignore[misc]
                assert before is not None
                shown = hexadecimal(out.data) if end == "ok" else ""
                run.events.append(Event(part, end, shown, self._state(), before - (self.store.fuel or 0)))
                if run.over:
                    return run
        return run


def run_ours(module: Module, driver: Driver, mode: str) -> Run:
    """Instantiate and call in one of ``engines.running.MODES``."""
    with pytest.MonkeyPatch.context() as patch:
        return _Ours(module, driver, Modes(mode, patch), watch=mode == "mixed").calls()


# ---- wasmtime ----


def _their_end(error: Exception) -> str:
    code = error.trap_code if isinstance(error, wasmtime.Trap) else None
    if code is not None:
        return code.name
    if isinstance(error, Refused):
        return "refused"
    text = str(error)
    if "thrown" in text and "exception" in text:
        return "exception"
    if "GC heap" in text or "failed to allocate" in text or "out of memory" in text:
        return "resources"
    for words, end in (("all fuel", "OUT_OF_FUEL"), ("call stack", "STACK_OVERFLOW")):
        if words in text:
            return end
    return f"error: {text}"


def _their_host(store: wasmtime.Store) -> dict[str, Any]:
    i32, i64, f32, f64 = (getattr(wasmtime.ValType, name)() for name in ("i32", "i64", "f32", "f64"))
    func, extern = wasmtime.ValType.funcref(), wasmtime.ValType.externref()

    def function(parameters: list[Any], results: list[Any], code: Callable[..., Any]) -> wasmtime.Func:
        return wasmtime.Func(store, wasmtime.FuncType(parameters, results), code)

    def refuse(value: int) -> None:
        if value & 1:
            raise Refused

    def signed(value: int, bits: int) -> int:
        value &= (1 << bits) - 1
        return value - ((value >> bits - 1) << bits)

    def table(value: Any, minimum: int, maximum: int) -> wasmtime.Table:
        return wasmtime.Table(store, wasmtime.TableType(value, wasmtime.Limits(minimum, maximum)), None)

    def variable(value: Any, mutable: bool, initial: Any) -> wasmtime.Global:
        return wasmtime.Global(store, wasmtime.GlobalType(value, mutable), initial)

    return {
        "count": function([i32], [i32], lambda a: signed(a * 3 + 1, 32)),
        "mix": function([i64, f64, f32], [f32, i64], lambda a, b, c: [2.5, signed(a ^ 0x123456789, 64)]),
        "nothing": function([], [], lambda: None),
        "refuse": function([i32], [], refuse),
        "give": function([extern], [extern], lambda a: None),
        "memory": wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(1, 3))),
        "table": table(func, 5, 20),
        "externs": table(extern, 3, 9),
        "constant": variable(i32, False, 7),
        "variable": variable(i64, True, 1 << 40),
        "number": variable(f64, True, 0.5),
        "nobody": variable(extern, False, None),
        "tag": wasmtime.Tag(store, wasmtime.TagType(wasmtime.FuncType([i32], []))),
    }


def run_theirs(data: bytes, driver: Driver) -> Run:
    """The same in wasmtime."""
    run = Run()
    store = wasmtime.Store(engine())
    store.set_fuel(FUEL)
    # as ours: what a module of four gigabytes holds cannot be compared
    store.set_limits(memory_size=1 << 26, table_elements=100_000)
    host = _their_host(store)
    module = wasmtime.Module(engine(), data)
    try:
        imports = [host[str(item.name)] for item in module.imports]
        instance = wasmtime.Instance(store, module, imports)
    except (wasmtime.WasmtimeError, wasmtime.Trap, Refused) as error:
        run.events.append(Event("instantiate", _their_end(error)))
        return run
    exports = instance.exports(store)
    memories = [value for value in exports.values() if isinstance(value, wasmtime.Memory)]

    def state() -> str:
        found = []
        for memory in memories:
            content = bytes(memory.read(store))
            found.append(f"{len(content):x}:{digest(content)}")
        return " ".join(found)

    run.events.append(Event("instantiate", "ok", "", state(), FUEL - store.get_fuel()))
    driven = wasmtime.Instance(
        store, wasmtime.Module(engine(), driver.data), [exports[name] for name in driver.imports]
    ).exports(store)
    out = driven[OUT]
    assert isinstance(out, wasmtime.Memory)
    for name in driver.calls:
        for part in (name, DUMP):
            function = driven[part]
            assert isinstance(function, wasmtime.Func)
            before, end = store.get_fuel(), "ok"
            out.write(store, bytes(out.data_len(store)), 0)
            try:
                function(store)
            except (wasmtime.WasmtimeError, wasmtime.Trap, Refused) as error:
                end = _their_end(error)
            shown = hexadecimal(out.read(store)) if end == "ok" else ""
            run.events.append(Event(part, end, shown, state(), before - store.get_fuel()))
            if run.over:
                return run
    return run


# ---- together ----


def has_shared_memory(module: Module) -> bool:
    """Whether the module may wait for ever, on a memory that nobody else has."""
    return any(memory.shared for memory in module.all_memories)


def mnemonics(module: Module) -> Iterator[str]:
    """The mnemonics of all instructions in the code of a module."""
    for code in module.codes:
        _, start = read_locals(module.data, code.start, code.end)
        for _, row, _ in instructions(module.data, start, code.end):
            yield row.mnemonic


def _difference(ours: Run, theirs: Run, *, fuel: bool, after_traps: bool = True) -> str:
    """The first event in which two runs differ; "" where they do not, as far as both can be compared."""
    for a, b in zip(ours.events, theirs.events, strict=False):
        if a.end in ENDS or b.end in ENDS:
            return ""
        same = (a.end, a.shown) == (b.end, b.shown) and (a.state == b.state or a.name == "instantiate" != a.end)
        if same and fuel and (after_traps or (a.end == "ok" and a.name != "instantiate")):
            same = a.fuel == b.fuel
        if not same:
            return f"{a}\n{b}"
    return "" if len(ours.events) == len(theirs.events) or ours.over or theirs.over else "one run ended earlier"


def check_execution(data: bytes, random_: random.Random, modes: Sequence[str] = MODES) -> Report:
    """Run a valid module everywhere. ``random_`` chooses the arguments."""
    module = decode_module(data, ALL)
    if has_shared_memory(module) or any(item.module != "host" for item in module.imports):
        return Report(counts=(("not run", 1),))
    driver = build_driver(module, random_)
    validate_module(decode_module(driver.data, ALL), ALL)
    findings: list[Finding] = []
    first: Run | None = None
    for mode in modes:
        run = run_ours(module, driver, mode)
        findings += run.problems
        if first is None:
            first = run
        elif difference := _difference(first, run, fuel=True):
            findings.append(Finding(f"modes differ: {modes[0]} and {mode}", difference))
    assert first is not None
    theirs = run_theirs(data, driver)
    if difference := _difference(first, theirs, fuel=False):
        lines = difference.splitlines()
        findings.append(Finding("wasmtime does something else", "\n".join(line[:3000] for line in lines)))
    elif not ({*mnemonics(module), *mnemonics(decode_module(driver.data, ALL))} & OTHERWISE_PRICED) and (
        difference := _difference(first, theirs, fuel=True, after_traps=False)
    ):
        findings.append(Finding("wasmtime takes other fuel", "\n".join(line[:300] for line in difference.splitlines())))
    counts: dict[str, int] = {"run": 1}
    for event in first.events:
        if event.name != DUMP:
            counts[event.end] = counts.get(event.end, 0) + 1
    return Report(tuple(findings), tuple(counts.items()))


assert MODULE
