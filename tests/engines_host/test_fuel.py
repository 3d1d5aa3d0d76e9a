"""Fuel on the host: guests pay for themselves, and the books are those of the interpreter."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from engines_host.stores import new_store
from wasmarium import (
    Func,
    FuncType,
    Instance,
    Linker,
    Module,
    Store,
    Trap,
    TrapCode,
    ValType,
    WasmtimeError,
)

I32 = ValType.i32()

BODIES = {
    "plain": "(drop (i32.add (i32.const 1) (i32.const 2)))",
    "loop": "(loop (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))",
    "calls": "(call $g) (if (local.get $n) (then (call $g)) (else (nop))) (call_indirect (type $t) (i32.const 0))",
    "tail": "(return_call $g)",
    "trap in a block": "(drop (i32.load (i32.const -1))) (drop (i32.const 1)) (drop (i32.const 2))",
    "trap at the end": "(drop (i32.const 1)) (unreachable)",
    "trap in a callee": "(drop (i32.const 1)) (call $bad) (drop (i32.const 1))",
    "no callee": "(i32.const 3) (call_indirect (type $t) (i32.const 1)) (drop) (drop (i32.const 2))",
    "division": "(if (i32.div_u (i32.const 7) (local.tee $n (i32.const 0))) (then (drop (i32.const 3))))",
    "an exception": "(block $h (try_table (catch_all $h) (call $g) (throw $e)) (drop (i32.const 1))) (call $g)",
    "bulk": "(memory.fill (i32.const 0) (i32.const 1) (i32.const 9)) "
    "(memory.fill (i32.const -1) (i32.const 1) (i32.const 2)) (nop)",
}

FRAME = """(module $m (memory 1) (type $t (func)) (table 2 funcref) (elem (i32.const 0) $g) (tag $e)
  (global (mut i32) (i32.const 5))
  (func $g (global.set 0 (i32.const 1)) (block (drop (i32.const 2))))
  (func $bad (drop (i32.const 7)) (drop (i64.load (i32.const 65529))) (drop (i32.const 7)))
  (func (export "f") (local $n i32) (local.set $n (i32.const 9)) %s))"""


def fuelled(strategy: str, fuel: int = 10_000) -> Store:
    store = new_store(fuel, strategy=strategy)
    assert (store.engine.strategy, store.engine.fallback) == (strategy, None)
    return store


def export(store: Store, wat: str, *imports: Any) -> Any:
    instance = Instance(store, Module(store.engine, wat), imports)
    assert instance.fallback is None
    return instance.exports(store)["f"]


@pytest.mark.parametrize("body", BODIES)
def test_costs_what_it_costs_the_interpreter(body: str) -> None:
    ends = []
    for strategy in ("interpreter", "host"):
        store = fuelled(strategy)
        f = export(store, FRAME % BODIES[body])
        how: Any = None
        try:
            f(store)
        except Trap as error:
            how = error.code, [(frame.func_name, frame.module_offset) for frame in error.frames]
        first = store.get_fuel()
        # the second call costs the same, so nothing was left behind
        try:
            f(store)
        except Trap:
            pass
        ends.append((how, first, store.get_fuel()))
        assert first - store.get_fuel() == 10_000 - first > 0
    assert ends[0] == ends[1]


@pytest.mark.parametrize("fuel", [0, 1, 5, 47, 48, 49, 1 << 63, (1 << 64) - 1])
def test_runs_out_when_the_interpreter_does(fuel: int) -> None:
    # The entry, two instructions, and five in each of nine turns: 48.
    ends = []
    for strategy in ("interpreter", "host"):
        store = fuelled(strategy, fuel)
        f = export(store, FRAME % BODIES["loop"])
        how = None
        try:
            f(store)
        except Trap as error:
            how = error.code, error.frames[0].func_index
        ends.append((how, store.get_fuel()))
    assert ends[0] == ends[1]
    assert (ends[1][0] is None) == (fuel >= 48)


def test_an_endless_loop_ends() -> None:
    store = fuelled("host", 50_000_000)
    f = export(store, '(module (func $spin (export "f") (loop (br 0))))')
    with pytest.raises(Trap) as caught:
        f(store)
    assert caught.value.code is TrapCode.OUT_OF_FUEL
    assert caught.value.frames[0].func_name == "spin"
    assert store.get_fuel() == 0
    store.set_fuel(10)
    with pytest.raises(Trap):
        f(store)


def test_host_functions_see_and_change_fuel() -> None:
    seen = []
    for strategy in ("interpreter", "host"):
        store = fuelled(strategy, 50)
        left: list[int] = []

        def look(store: Store = store, left: list[int] = left) -> None:
            left.append(store.get_fuel())
            if len(left) == 2:
                store.set_fuel(1000)

        callback = Func(store, FuncType([], []), look)
        f = export(
            store,
            """(module (import "" "" (func $look)) (func (export "f") (local i32)
              (call $look) (drop (i32.const 1)) (call $look) (local.set 0 (i32.const 100))
              (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (call $look)))""",
            callback,
        )
        f(store)
        seen.append((left, store.get_fuel()))
    assert seen[0] == seen[1]
    assert len(seen[0][0]) == 3


def test_instances_of_a_store_pay_from_one() -> None:
    one = """(module $one (global (export "g") (mut i32) (i32.const 41)) (func (export "f") (param i32) (result i32)
      (i32.add (global.get 0) (local.get 0))))"""
    two = """(module $two (import "" "f" (func $f (param i32) (result i32))) (import "" "g" (global $g (mut i32)))
      (global $own (export "own") (mut i32) (i32.const 5)) (global $at i32 (i32.const 7))
      (memory 1) (data (offset (global.get $at)) "x")
      (func (export "f") (result i32)
        (global.set $g (i32.const 2)) (global.set $own (call $f (global.get $own))) (global.get $own)))"""
    ends = []
    for strategy in ("interpreter", "host"):
        store = fuelled(strategy)
        linker = Linker(store.engine)
        first = linker.instantiate(store, Module(store.engine, one))
        linker.define_instance(store, "", first)
        for expected in ((7, 7), (7, 7)):
            second = linker.instantiate(store, Module(store.engine, two))
            assert second.fallback is None
            call: Any = second.exports(store)["f"]
            own: Any = second.exports(store)["own"]
            assert (call(store), own.value(store)) == expected
        ends.append(store.get_fuel())
    assert ends[0] == ends[1] < 10_000


def test_start_functions_pay() -> None:
    wat = "(module (func $s (loop (br 0))) (start $s))"
    for strategy in ("interpreter", "host"):
        store = fuelled(strategy, 100)
        with pytest.raises((Trap, WasmtimeError)) as caught:
            Instance(store, Module(store.engine, wat), [])
        assert "fuel" in str(caught.value)
        assert store.get_fuel() == 0


def test_a_module_that_pays_is_forgotten() -> None:
    store = fuelled("host")
    module = Module(store.engine, "(module (func))")
    Instance(store, module, [])
    engine: Any = store.engine._execution
    assert len(engine._compiled) == 1
    store.close()
    del module, store
    gc.collect()
    assert len(engine._compiled) == 0
