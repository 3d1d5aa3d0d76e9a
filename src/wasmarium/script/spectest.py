"""The module ``spectest``, which every script may import from (specification, interpreter/script)."""

from __future__ import annotations

from collections.abc import Sequence

from wasmarium.engines.base import Engine
from wasmarium.features import Features
from wasmarium.instructions.numeric import round32
from wasmarium.runtime.function import HostFunction
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.store import Store
from wasmarium.runtime.values import Value
from wasmarium.types import (
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
    define_function,
)

_PRINTERS = {
    "print": (),
    "print_i32": (I32,),
    "print_i64": (I64,),
    "print_f32": (F32,),
    "print_f64": (F64,),
    "print_i32_f32": (I32, F32),
    "print_f64_f64": (F64, F64),
}

_GLOBALS = {
    "global_i32": (I32, 666),
    "global_i64": (I64, 666),
    "global_f32": (F32, round32(666.6)),
    "global_f64": (F64, 666.6),
}


def spectest(engine: Engine, store: Store, features: Features) -> dict[str, ExternalValue]:
    """A new instance's exports. What guests print is nobody's business and goes nowhere."""
    found: dict[str, ExternalValue] = {
        name: HostFunction(define_function(FunctionType(parameters, ())), _ignore, f"spectest.{name}")
        for name, parameters in _PRINTERS.items()
    }
    for name, (type_, value) in _GLOBALS.items():
        found[name] = engine.global_variable(store, GlobalType(type_, False), value)
    found["table"] = engine.table(store, TableType(FUNCREF, Limits(10, 20)), None)
    found["table64"] = engine.table(store, TableType(FUNCREF, Limits(10, 20), I64), None)
    found["memory"] = engine.memory(store, MemoryType(Limits(1, 2)))
    if "threads" in features:
        found["shared_memory"] = engine.memory(store, MemoryType(Limits(1, 2), shared=True))
    return found


def _ignore(instance: ModuleInstance | None, arguments: Sequence[Value]) -> Sequence[Value]:
    return ()
