"""Guests on the host can be stopped, whatever they do, and Python goes on."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest

from engines_host.stores import new_store
from wasmarium import Func, FuncType, Instance, Module, Store, Trap, TrapCode, ValType, WasmtimeError
from wasmarium.instrument.monitors import CallCounts
from wasmarium.policy import Policy

I32 = ValType.i32()

LOOPS = """(module $m (import "" "" (func $step (param i32))) (memory 1)
  (func (export "nothing"))
  (func $spin (export "spin") (loop (br 0)))
  (func $heavy (export "heavy") (loop (memory.fill (i32.const 0) (i32.const 7) (i32.const 65536)) (br 0)))
  (func $recurse (export "recurse") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
      (else (i32.add (call $recurse (i32.sub (local.get 0) (i32.const 1)))
                     (call $recurse (i32.sub (local.get 0) (i32.const 1)))))))
  (func $tails (export "tails") (return_call $tails))
  (func (export "steps") (param i32) (local i32)
    (loop (call $step (local.get 1)) (local.set 1 (i32.add (local.get 1) (i32.const 1)))
      (br_if 0 (i32.lt_u (local.get 1) (local.get 0))))))"""


def interruptible(*, fuel: bool = False) -> Store:
    store = new_store(1 << 62 if fuel else None, epoch_interruption=True)
    assert (store.engine.strategy, store.engine.fallback) == ("host", None)
    return store


def exports(store: Store, step: Any = lambda i: None) -> Any:
    instance = Instance(store, Module(store.engine, LOOPS), [Func(store, FuncType([I32], []), step)])
    assert instance.fallback is None
    return instance.exports(store)


def test_a_deadline_must_be_set() -> None:
    store = interruptible()
    found = exports(store)
    with pytest.raises(Trap) as caught:
        found["nothing"](store)
    assert caught.value.code is TrapCode.INTERRUPT
    store.set_epoch_deadline(1)
    found["nothing"](store)


@pytest.mark.parametrize("fuel", [False, True])
@pytest.mark.parametrize(
    ("name", "arguments"), [("spin", ()), ("heavy", ()), ("recurse", (60,)), ("tails", ()), ("steps", (1 << 31,))]
)
def test_time_is_up(name: str, arguments: Any, fuel: bool) -> None:
    store = interruptible(fuel=fuel)
    store.set_policy(Policy(wall_time=50_000_000))
    found = exports(store)
    start = perf_counter()
    with pytest.raises(Trap) as caught:
        found[name](store, *arguments)
    assert caught.value.code is TrapCode.INTERRUPT
    # left alone it would take minutes; how soon it stops is measured by scripts/bench engines
    assert perf_counter() - start < 10
    assert {frame.func_name for frame in caught.value.frames} <= {name, None}
    # a new store has its own time
    other = interruptible()
    other.set_epoch_deadline(1)
    exports(other)["nothing"](other)


@pytest.mark.parametrize("at", [0, 3])
def test_a_host_function_moves_the_epoch(at: int) -> None:
    store = interruptible()
    store.set_epoch_deadline(1)
    seen: list[int] = []

    def step(i: int) -> None:
        seen.append(i)
        if i == at:
            store.engine.increment_epoch()

    found = exports(store, step)
    with pytest.raises(Trap) as caught:
        found["steps"](store, 100)
    assert caught.value.code is TrapCode.INTERRUPT
    assert seen == list(range(at + 1))
    store.set_epoch_deadline(1)
    found["steps"](store, at)
    assert len(seen) == at + 1 + max(at, 1)


def test_epochs_that_do_not_matter() -> None:
    store = interruptible()
    store.set_epoch_deadline(1000)
    found = exports(store, lambda i: store.engine.increment_epoch())
    found["steps"](store, 999)
    with pytest.raises(Trap):
        found["steps"](store, 2)


def test_what_python_is_interrupted_by_reaches_a_guest() -> None:
    """The flag of ``pyodide.setInterruptBuffer``: Python raises KeyboardInterrupt when asked. It would be in shared
    memory, which a page may not have; here the same thread sets it."""
    import js
    import pyodide_js

    store = interruptible()
    store.set_epoch_deadline(1)
    flag = js.Uint8Array.new(1)

    def step(i: int) -> None:
        if i == 3:
            flag[0] = 2

    found = exports(store, step)
    pyodide_js.setInterruptBuffer(flag)
    try:
        start = perf_counter()
        with pytest.raises(KeyboardInterrupt):
            found["steps"](store, 1 << 31)
        assert perf_counter() - start < 10
    finally:
        pyodide_js.setInterruptBuffer(js.undefined)
    store.set_epoch_deadline(1)
    found["nothing"](store)


# ---- depth ----------------------------------------------------------------------------------------------------------

DEEP = """(module $m (import "" "" (func $again (param i32))) (global (export "g") (mut i32) (i32.const 0)) (tag $e)
  (func $down (export "down") (param i32)
    (global.set 0 (i32.add (global.get 0) (i32.const 1)))
    (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))))))
  (func $tails (export "tails") (param i32)
    (if (local.get 0) (then (return_call $tails (i32.sub (local.get 0) (i32.const 1))))))
  (func $throws (param i32)
    (if (local.get 0) (then (call $throws (i32.sub (local.get 0) (i32.const 1)))) (else (throw $e))))
  (func (export "catches") (param i32) (local i32) (local.set 1 (local.get 0))
    (loop (block (try_table (catch_all 0) (call $throws (i32.const 5))))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (call $down (i32.const 7)))
  (func (export "out") (param i32) (call $again (local.get 0)) (call $down (i32.const 7))))"""


def deep(limit: int) -> tuple[Store, Any]:
    store = new_store(1_000_000)
    store._runtime.limits.call_depth = limit
    found: Any = None

    def again(count: int) -> None:
        for _ in range(count):
            with pytest.raises(Trap):
                found["down"](store, 50)
            found["down"](store, 5)

    instance = Instance(store, Module(store.engine, DEEP), [Func(store, FuncType([I32], []), again)])
    assert instance.fallback is None
    found = instance.exports(store)
    return store, found


def test_depth_is_bounded() -> None:
    store, found = deep(10)
    for _ in range(30):
        found["down"](store, 9)
    before = store.get_fuel()
    with pytest.raises(Trap) as caught:
        found["down"](store, 10)
    assert caught.value.code is TrapCode.STACK_OVERFLOW
    assert [frame.func_name for frame in caught.value.frames] == ["down"] * 11
    # what was not entered was not paid
    assert found["g"].value(store) == 310
    assert before - store.get_fuel() == 10 * 11
    found["down"](store, 9)
    found["tails"](store, 1000)
    found["catches"](store, 1000)
    found["out"](store, 20)


def test_depth_of_the_host() -> None:
    store = new_store()
    found: Any = Instance(store, Module(store.engine, '(module (func $f (export "f") (call $f)))'), []).exports(store)
    for _ in range(3):
        with pytest.raises(Trap) as caught:
            found["f"](store)
        assert caught.value.code is TrapCode.STACK_OVERFLOW


def test_long_instructions_in_a_row_are_interrupted() -> None:
    """No loop, no call: 2,000 fills of 256 MB, which take a minute."""
    store = interruptible()
    fill = "(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x10000000))"
    wat = f"""(module (memory (export "m") 4096) (func (export "f") {fill * 2000})
      (func (export "small") (memory.copy (i32.const 0) (i32.const 8) (i32.const 8))))"""
    instance = Instance(store, Module(store.engine, wat), [])
    assert instance.fallback is None
    found: Any = instance.exports(store)
    store.set_epoch_deadline(1)
    found["small"](store)
    # now only: to be compiled takes its time too
    store.set_policy(Policy(wall_time=50_000_000))
    start = perf_counter()
    with pytest.raises(Trap) as caught:
        found["f"](store)
    assert caught.value.code is TrapCode.INTERRUPT
    assert perf_counter() - start < 10


def test_who_did_not_come_is_not_watched() -> None:
    store = interruptible()
    store.set_epoch_deadline(1)
    counts = CallCounts()
    store.attach(counts)
    with pytest.raises(WasmtimeError, match="no instance 0 is watched"):
        counts.by_name()
    with pytest.raises(TypeError, match="Monitor"):
        store.attach(5)  # type: ignore[arg-type]
