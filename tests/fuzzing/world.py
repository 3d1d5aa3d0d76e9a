"""What generated modules may import, as wasmarium provides it, and how their calls are noted. ``smith.HOST`` has the
types. This file also runs inside Pyodide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wasmarium.engines.base import Engine
from wasmarium.errors import Exhausted, GuestException, Trap
from wasmarium.runtime.function import HostFunction
from wasmarium.runtime.instance import ExternalValue
from wasmarium.runtime.store import Store
from wasmarium.runtime.tag import TagInstance
from wasmarium.types import (
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    TagType,
    define_function,
)

ENDS = frozenset({"STACK_OVERFLOW", "OUT_OF_FUEL", "ALLOCATION_TOO_LARGE", "resources"})
"""What happens at bounds of the host, which are not the same everywhere: nothing behind it is compared."""


class Refused(Exception):
    """What our host function ``refuse`` raises."""


@dataclass(slots=True)
class Event:
    """One call: how it ended, what was written about results and state, and what it cost."""

    name: str
    end: str
    shown: str = ""
    state: str = ""
    fuel: int | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.end} {self.shown} {self.state} fuel {self.fuel}"


def digest(data: bytes | bytearray) -> str:
    """A short name for these bytes."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def hexadecimal(data: bytes | bytearray) -> str:
    """The bytes in hexadecimal, without the zeros at their end."""
    return bytes(data).rstrip(b"\0").hex() or "0"


def _count(instance: object, arguments: Sequence[Any]) -> Sequence[Any]:
    return [arguments[0] * 3 + 1 & 0xFFFFFFFF]


def _mix(instance: object, arguments: Sequence[Any]) -> Sequence[Any]:
    return [2.5, arguments[0] ^ 0x123456789]


def _refuse(instance: object, arguments: Sequence[Any]) -> Sequence[Any]:
    if arguments[0] & 1:
        raise Refused
    return []


def our_host(engine: Engine, store: Store) -> dict[str, ExternalValue]:
    """What can be imported from ``host``, made in ``store``."""

    def function(parameters: Sequence[Any], results: Sequence[Any], code: Callable[..., Any]) -> HostFunction:
        return HostFunction(define_function(FunctionType(tuple(parameters), tuple(results))), code)

    return {
        "count": function([I32], [I32], _count),
        "mix": function([I64, F64, F32], [F32, I64], _mix),
        "nothing": function([], [], lambda instance, arguments: []),
        "refuse": function([I32], [], _refuse),
        "give": function([EXTERNREF], [EXTERNREF], lambda instance, arguments: [None]),
        "memory": engine.memory(store, MemoryType(Limits(1, 3), I32, False, 16)),
        "table": engine.table(store, TableType(FUNCREF, Limits(5, 20), I32), None),
        "externs": engine.table(store, TableType(EXTERNREF, Limits(3, 9), I32), None),
        "constant": engine.global_variable(store, GlobalType(I32, False), 7),
        "variable": engine.global_variable(store, GlobalType(I64, True), 1 << 40),
        "number": engine.global_variable(store, GlobalType(F64, True), 0.5),
        "nobody": engine.global_variable(store, GlobalType(EXTERNREF, False), None),
        "tag": TagInstance(TagType(define_function(FunctionType((I32,), ())))),
    }


def end_of(error: BaseException) -> str:
    """How a call ended that raised this. Raises what no guest may cause."""
    if isinstance(error, Trap):
        return "trap" if error.trap_code is None else error.trap_code.name
    if isinstance(error, GuestException):
        return "exception"
    if isinstance(error, Refused):
        return "refused"
    if isinstance(error, Exhausted):
        return "resources"
    raise error
