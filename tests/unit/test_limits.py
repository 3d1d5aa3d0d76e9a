"""Bounds of a store that hold for everything in it together."""

from __future__ import annotations

import pytest

from wasmarium.binary.decoder import decode_module
from wasmarium.engines.base import Finished, Raised
from wasmarium.engines.interpreter import Interpreter
from wasmarium.errors import Exhausted, Trap, TrapCode
from wasmarium.features import ALL
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.heap import LONG
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.linking import instantiate
from wasmarium.runtime.store import Store
from wasmarium.text.parser import parse_module
from wasmarium.validation import validate_module

PAGE = 65536


def make(text: str, limits: ResourceLimits) -> ModuleInstance:
    module = decode_module(parse_module(text, features=ALL), ALL)
    validate_module(module, ALL)
    return instantiate(Store(limits), module, [], None)


def call(instance: ModuleInstance, name: str, *arguments: int) -> object:
    function = instance.exports[name]
    assert isinstance(function, FunctionInstance)
    outcome = Interpreter().start(function, arguments).run()
    if isinstance(outcome, Raised):
        raise outcome.error
    assert isinstance(outcome, Finished)
    return outcome.values[0] if outcome.values else None


@pytest.mark.parametrize(
    "text",
    [
        "(memory 2) (memory 2)",
        "(memory i64 2) (table 20000 externref)",
        "(table 20000 externref) (table 20000 funcref)",
        "(table 0x7fffffff externref)",
        "(memory 65536)",
    ],
)
def test_memories_and_tables_are_counted_together(text: str) -> None:
    limits = ResourceLimits(total_bytes=3 * PAGE)
    with pytest.raises(Exhausted, match=r"all held would be more than|more than the limit"):
        make(text, limits)


def test_growing_is_counted() -> None:
    limits = ResourceLimits(total_bytes=4 * PAGE)
    instance = make(
        """(memory $a 1) (memory $b 1) (table $t 0 externref)
           (func (export "a") (param i32) (result i32) (memory.grow $a (local.get 0)))
           (func (export "b") (param i32) (result i32) (memory.grow $b (local.get 0)))
           (func (export "t") (param i32) (result i32) (table.grow $t (ref.null extern) (local.get 0)))""",
        limits,
    )
    assert call(instance, "a", 3) == 0xFFFFFFFF
    assert call(instance, "a", 1) == 1
    assert call(instance, "b", 2) == 0xFFFFFFFF
    assert call(instance, "t", PAGE // 8 + 1) == 0xFFFFFFFF
    assert call(instance, "t", PAGE // 8) == 0
    assert call(instance, "b", 1) == 0xFFFFFFFF
    assert limits.taken == limits.total_bytes


ARRAYS = """
  (type $a (array (mut i32))) (type $b (array (mut i8))) (type $r (array (mut anyref)))
  (global $kept (mut anyref) (ref.null any))
  (func (export "keep") (param i32) (global.set $kept (array.new_default $a (local.get 0))))
  (func (export "forget") (global.set $kept (ref.null any)))
  (func (export "drop") (param i32) (drop (array.new $a (i32.const 7) (local.get 0))))
  (func (export "data") (param i32) (drop (array.new_data $b $d (i32.const 0) (local.get 0))))
  (data $d "abc")
"""


def test_long_arrays_are_counted_while_they_live() -> None:
    limits = ResourceLimits(total_bytes=30 * LONG)
    instance = make(ARRAYS, limits)
    for _ in range(20):
        call(instance, "drop", 2 * LONG)
    assert limits.taken == 0
    call(instance, "keep", 2 * LONG)
    assert limits.taken == 16 * LONG
    with pytest.raises(Trap) as caught:
        call(instance, "drop", 2 * LONG)
    assert caught.value.code is TrapCode.ALLOCATION_TOO_LARGE
    # Short ones are always there to be had.
    call(instance, "drop", LONG - 1)
    call(instance, "forget")
    assert limits.taken == 0


def test_an_array_beyond_its_segment_is_out_of_bounds_first() -> None:
    instance = make(ARRAYS, ResourceLimits(total_bytes=PAGE))
    with pytest.raises(Trap) as caught:
        call(instance, "data", 0xFFFFFFFF)
    assert caught.value.code is TrapCode.MEMORY_OUT_OF_BOUNDS


def test_arrays_of_constants_are_counted() -> None:
    limits = ResourceLimits(total_bytes=20 * LONG)
    text = "(type $a (array i32)) " + f"(global anyref (array.new_default $a (i32.const {LONG})))" * 3
    with pytest.raises(Trap) as caught:
        make(text, limits)
    assert caught.value.code is TrapCode.ALLOCATION_TOO_LARGE


def test_python_out_of_memory_is_a_trap(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("wasmarium.runtime.heap.LongArray", no_room)
    limits = ResourceLimits()
    instance = make(ARRAYS, limits)
    with pytest.raises(Trap) as caught:
        call(instance, "keep", LONG)
    assert caught.value.code is TrapCode.ALLOCATION_TOO_LARGE
    assert limits.taken == 0
