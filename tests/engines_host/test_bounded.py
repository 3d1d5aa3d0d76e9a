"""Hostile guests on the host: each is stopped by a limit, with a typed error, and Python goes on."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest

from engines_host.stores import hostile, new_store
from wasmarium import (
    Instance,
    Limits,
    Memory,
    MemoryType,
    Module,
    Store,
    Trap,
    TrapCode,
    WasmtimeError,
)
from wasmarium.policy import Policy


def bounded(**bounds: Any) -> tuple[Store, Any]:
    store = new_store(1 << 62, epoch_interruption=True)
    store.set_policy(Policy(wall_time=60_000_000_000, memory=64 << 20))
    for name, bound in bounds.items():
        setattr(store._runtime.limits, name, bound)
    instance = Instance(store, Module(store.engine, hostile()), [])
    assert instance.fallback is None
    return store, instance.exports(store)


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("spin", (), TrapCode.INTERRUPT),
        ("recurse", (1, 2, 3), TrapCode.STACK_OVERFLOW),
        ("grow for ever", (), TrapCode.INTERRUPT),
        ("fill", (), TrapCode.MEMORY_OUT_OF_BOUNDS),
    ],
)
def test_is_stopped_and_others_go_on(name: str, arguments: Any, code: TrapCode) -> None:
    for bounds in ({}, {"call_depth": 1000}):
        store, found = bounded(**bounds)
        if code is TrapCode.INTERRUPT:
            # from now on: a busy machine needs time to compile
            store.set_policy(Policy(wall_time=200_000_000))
        start = perf_counter()
        with pytest.raises(Trap) as caught:
            found[name](store, *arguments)
        assert caught.value.code is code
        assert perf_counter() - start < 10
        if code is not TrapCode.INTERRUPT:
            assert found["fine"](store) == 42
        other, its = bounded()
        assert its["fine"](other) == 42


def test_memory_ends_where_the_store_says() -> None:
    store, found = bounded()
    assert found["grow"](store) * 65536 <= 64 << 20
    assert found["fine"](store) == 42


def test_out_of_fuel_ends_it_too() -> None:
    store, found = bounded()
    store.set_fuel(1_000_000)
    with pytest.raises(Trap) as caught:
        found["spin"](store)
    assert caught.value.code is TrapCode.OUT_OF_FUEL
    store.set_fuel(100)
    assert found["fine"](store) == 42


MANY = """(module (memory $a 1) (memory $b 1) (memory $c 1)
  (func (export "grow") (param i32) (result i32)
    (memory.grow $a (local.get 0)) (memory.grow $b (local.get 0)) (memory.grow $c (local.get 0)) i32.add i32.add))"""


def test_memories_are_bounded_together() -> None:
    """Each of three gets a third of what the store may take; a store that has taken it makes no further ones."""
    store = new_store()
    limits = store._runtime.limits
    limits.total_bytes = 30 * 65536
    instance = Instance(store, Module(store.engine, MANY), [])
    assert instance.fallback is None
    grow = instance.exports(store)["grow"]
    assert grow(store, 9) == 3
    assert grow(store, 1) == -3
    limits.total_bytes = 4 * 65536
    with pytest.raises(WasmtimeError, match="all held would be more than 262144 bytes"):
        Instance(store, Module(store.engine, MANY), [])
    Memory(store, MemoryType(Limits(1, None)))
    with pytest.raises(WasmtimeError, match="all held"):
        Memory(store, MemoryType(Limits(1, None)))
