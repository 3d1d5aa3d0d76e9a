"""Guests that wait in a worker, because there is no JSPI."""

from __future__ import annotations

import asyncio
import gc
import math
import weakref
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import pytest

from engines_host.stores import hostile, new_store
from engines_host.workers import F32, F64, I32, I64, Away, run
from wasmarium import (
    Func,
    FuncType,
    Global,
    GlobalType,
    Instance,
    Limits,
    Memory,
    MemoryType,
    Module,
    Table,
    TableType,
    Trap,
    TrapCode,
    Val,
    ValType,
    WasmtimeError,
    capabilities,
)
from wasmarium.engines.base import Finished
from wasmarium.errors import GuestExit, Unsupported, WasmError
from wasmarium.instructions.numeric import f32_from_bits
from wasmarium.runtime.function import HostFunction

pytestmark = pytest.mark.usefixtures("without_jspi")

WAITS = """(module (import "" "g" (func $g (param i32) (result i32)))
  (func (export "f") (param i32) (result i32) (i32.add (call $g (local.get 0)) (call $g (i32.const 100)))))"""


@pytest.fixture
def away() -> Iterator[Away]:
    made = Away()
    with made.store:
        yield made


def waiting(away: Away, turns: int = 2) -> Func:
    async def g(x: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return 2 * x

    return Func(away.store, FuncType([I32], [I32]), g)


# ---- waiting --------------------------------------------------------------------------------------------------------


def test_a_call_waits(away: Away) -> None:
    f = away.exports(WAITS, waiting(away))["f"]
    assert run(f.call_async(away.store, 5)) == 210


def test_the_event_loop_goes_on(away: Away) -> None:
    asked, ticked = asyncio.Event(), asyncio.Event()

    async def g(x: int) -> int:
        asked.set()
        await ticked.wait()
        return x

    async def other() -> None:
        await asked.wait()
        for _ in range(5):
            await asyncio.sleep(0.002)
        ticked.set()

    f = away.exports(WAITS, Func(away.store, FuncType([I32], [I32]), g))["f"]

    async def both() -> int:
        result, _ = await asyncio.gather(f.call_async(away.store, 1), other())
        return int(result)

    assert run(both()) == 101


def test_another_guest_goes_on(away: Away) -> None:
    other = Away()
    ended: list[str] = []
    gate = asyncio.Event()

    async def shut(x: int) -> int:
        await gate.wait()
        return x

    first = away.exports(WAITS, Func(away.store, FuncType([I32], [I32]), shut))["f"]
    second = other.exports(WAITS, waiting(other))["f"]
    plain = Instance(away.store, Module(away.engine, '(module (func (export "f") (result i32) (i32.const 7)))'), [])

    async def blocked() -> None:
        assert await first.call_async(away.store, 1) == 101
        ended.append("first")

    async def open_later() -> None:
        await asyncio.sleep(0.01)
        assert await second.call_async(other.store, 1) == 202
        # one of the same store, on Python's own thread
        exports: Any = plain.exports(away.store)
        assert exports["f"](away.store) == 7
        ended.append("second")
        gate.set()

    async def both() -> None:
        await asyncio.gather(blocked(), open_later())

    run(both())
    assert ended == ["second", "first"]


def test_calls_may_overlap(away: Away) -> None:
    f = away.exports(WAITS, waiting(away, 3))["f"]

    async def all_of_them() -> Any:
        return await asyncio.gather(*(f.call_async(away.store, i) for i in range(5)))

    assert run(all_of_them()) == [200 + 2 * i for i in range(5)]


def test_a_plain_call_holds_its_caller(away: Away) -> None:
    f = away.exports(WAITS, away.function([I32], [I32], lambda x: 2 * x))["f"]
    assert [f(away.store, i) for i in range(3)] == [200, 202, 204]


def test_a_plain_call_cannot_wait_for_an_async_function(away: Away) -> None:
    f = away.exports(WAITS, waiting(away))["f"]
    with pytest.raises(Unsupported, match="call_async"):
        f(away.store, 5)
    assert run(f.call_async(away.store, 5)) == 210


def test_calls_in_one_another(away: Away) -> None:
    depth = 0

    def again(x: int) -> int:
        nonlocal depth
        depth = max(depth, x)
        return x if x == 0 else f(away.store, x - 1)

    wat = """(module (import "" "g" (func $g (param i32) (result i32)))
      (func (export "f") (param i32) (result i32) (i32.add (i32.const 1) (call $g (local.get 0)))))"""
    f = away.exports(wat, away.function([I32], [I32], again))["f"]
    assert (f(away.store, 20), depth) == (21, 20)
    assert run(f.call_async(away.store, 20)) == 21


def test_a_guest_within_a_guest_waits(away: Away) -> None:
    store = away.store
    inner = away.exports(WAITS, waiting(away))["f"]
    outer = away.exports(WAITS, inner)["f"]
    assert run(outer.call_async(store, 1)) == 202 + 400
    through_python = Func(store, FuncType([I32], [I32]), lambda x: inner.call_async(store, x))
    through_python._external.waits = True  # type: ignore[attr-defined]
    outer = away.exports(WAITS, through_python)["f"]
    assert run(outer.call_async(store, 1)) == 202 + 400


def test_a_call_that_is_given_up(away: Away) -> None:
    async def never(x: int) -> int:
        await asyncio.Event().wait()
        return x

    f = away.exports(WAITS, Func(away.store, FuncType([I32], [I32]), never))["f"]
    g = away.exports(WAITS, waiting(away))["f"]

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await f.call_async(away.store, 1)

    run(give_up())
    gc.collect()
    assert run(g.call_async(away.store, 1)) == 202
    # nothing is left of it: an instance needs the worker for itself
    assert run(away.exports(WAITS, waiting(away))["f"].call_async(away.store, 2)) == 204


def test_a_guest_that_nothing_interrupts_goes_with_its_worker(away: Away) -> None:
    wat = """(module (import "" "g" (func $g (param i32) (result i32))) (func (export "spin") (loop (br 0)))
      (func (export "f")))"""
    exports = away.exports(wat, waiting(away))

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await exports["spin"].call_async(away.store)

    run(give_up())
    start = perf_counter()
    with pytest.raises(WasmError, match="worker of this guest was ended"):
        run(exports["f"].call_async(away.store))
    assert perf_counter() - start < 20
    fine = Away()
    assert run(fine.exports(WAITS, waiting(fine))["f"].call_async(fine.store, 1)) == 202


def test_a_guest_that_was_given_up_and_ends(away: Away) -> None:
    wat = """(module (import "" "g" (func $g (param i32) (result i32)))
      (func (export "long") (local i32) (loop (local.set 0 (i32.add (local.get 0) (i32.const 1)))
        (br_if 0 (i32.lt_u (local.get 0) (i32.const 100000000)))))
      (func (export "f") (result i32) (i32.const 3)))"""
    exports = away.exports(wat, waiting(away))

    async def give_up() -> int:
        task = asyncio.ensure_future(exports["long"].call_async(away.store))
        await asyncio.sleep(0.002)
        task.cancel()
        return await exports["f"].call_async(away.store)

    assert run(give_up()) == 3


def test_those_below_a_call_that_is_given_up_go_on() -> None:
    away = Away(epoch_interruption=True)
    away.store.set_epoch_deadline(1 << 40)
    gates = {number: asyncio.Event() for number in range(3)}

    async def g(x: int) -> int:
        if x < 100:
            await gates[x].wait()
        return x

    f = away.exports(WAITS, Func(away.store, FuncType([I32], [I32]), g))["f"]

    async def all_of_them() -> Any:
        tasks = []
        for number in range(3):
            tasks.append(asyncio.ensure_future(f.call_async(away.store, number)))
            await asyncio.sleep(0.005)
        gates[0].set()
        tasks[1].cancel()
        await asyncio.sleep(0.005)
        gates[2].set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = run(all_of_them())
    assert (first, third) == (100, 102)
    assert isinstance(second, asyncio.CancelledError)


# ---- values ---------------------------------------------------------------------------------------------------------


def test_values_cross_by_their_bits(away: Away) -> None:
    wat = """(module (import "" "g" (func $g (param i32 i64 f32 f64) (result i32 i64 f32 f64)))
      (func (export "f") (param i32 i64 f32 f64) (result i32 i64 f32 f64)
        (call $g (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
      (func (export "bits") (param f32) (result i32) (i32.reinterpret_f32 (local.get 0))))"""
    seen: list[Any] = []

    def g(*given: Any) -> list[Any]:
        seen.append(given)
        return list(given)

    exports = away.exports(wat, away.function([I32, I64, F32, F64], [I32, I64, F32, F64], g))
    given = [-(1 << 31), -(1 << 63) + 1, 1.5, -0.0]
    assert exports["f"](away.store, *given) == given
    assert seen == [tuple(given)]
    assert math.copysign(1, seen[0][3]) == -1
    signalling = [f32_from_bits(0x7FA00001)]
    assert away.engine._execution.start(exports["bits"]._external, signalling).run() == Finished((0x7FA00001,))


def test_vectors_cross(away: Away) -> None:
    wat = """(module (import "" "g" (func $g (param v128) (result v128)))
      (func (export "f") (param v128) (result v128) (i64x2.add (call $g (local.get 0)) (v128.const i64x2 1 2))))"""
    seen: list[int] = []
    defined = Module(away.engine, wat)._module.defined_types[0]

    def code(instance: Any, arguments: Any) -> Any:
        seen.append(arguments[0])
        return arguments

    function = Func._of(away.store, HostFunction(defined, code, waits=True))
    f: Any = away.exports(wat, function)["f"]
    value = (5 << 64) | 7
    assert away.engine._execution.start(f._external, [value]).run() == Finished(((7 << 64) | 8,))
    assert seen == [value]


def test_functions_keep_their_identity(away: Away) -> None:
    wat = """(module (import "" "g" (func $g (param funcref) (result funcref)))
      (table (export "t") 4 funcref) (elem (i32.const 1) $own $g)
      (func $own (result i32) (i32.const 42))
      (func (export "f") (param funcref) (result funcref) (call $g (local.get 0)))
      (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))"""
    funcref = ValType.funcref()
    seen: list[Any] = []

    def g(function: Any) -> Any:
        seen.append(function)
        return function

    import_ = away.function([funcref], [funcref], g)
    exports = away.exports(wat, import_)
    table: Any = exports["t"]
    assert table.size(away.store) == 4
    own = table.get(away.store, 1)
    assert (own(away.store), table.get(away.store, 0)) == (42, None)
    assert table.get(away.store, 2)._external is import_._external
    back = exports["f"](away.store, own)
    assert back._external is own._external is seen[0]._external
    assert exports["f"](away.store, None) is None
    mine = Func(away.store, FuncType([], [I32]), lambda: 7)
    table.set(away.store, 3, mine)
    assert (exports["call"](away.store, 3), exports["call"](away.store, 1)) == (7, 42)
    assert table.get(away.store, 3)._external is mine._external
    assert (table.grow(away.store, 2, own), table.size(away.store)) == (4, 6)
    assert exports["call"](away.store, 5) == 42
    with pytest.raises((Trap, WasmError)):
        table.set(away.store, 100, None)


def test_globals(away: Away) -> None:
    wat = """(module (import "" "g" (func $g (param i32) (result i32))) (import "" "c" (global $c i64))
      (global (export "a") (mut i64) (i64.const -5)) (global (export "b") f32 (f32.const 1.5))
      (func (export "f") (result i64) (i64.add (global.get 1) (global.get $c))))"""
    constant = Global(away.store, GlobalType(I64, False), Val.i64(100))
    exports = away.exports(wat, waiting(away), constant)
    a: Any = exports["a"]
    assert (a.value(away.store), exports["b"].value(away.store)) == (-5, 1.5)
    a.set_value(away.store, Val.i64(1 << 40))
    assert exports["f"](away.store) == (1 << 40) + 100


def test_memory_is_seen_on_both_sides(away: Away) -> None:
    wat = """(module (import "" "g" (func $g (param i32) (result i32))) (memory (export "m") 1 4)
      (data (i32.const 8) "hello")
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
      (func (export "put") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
      (func (export "get") (param i32) (result i32) (drop (call $g (local.get 0))) (i32.load (local.get 0))))"""
    store = away.store

    def g(address: int) -> int:
        memory.write(store, b"\x09\x00\x00\x00", address)
        return 0

    exports = away.exports(wat, away.function([I32], [I32], g))
    memory: Any = exports["m"]
    assert bytes(memory.read(store, 8, 13)) == b"hello"
    assert (exports["grow"](store, 1), memory.size(store), memory.data_len(store)) == (1, 2, 131_072)
    exports["put"](store, 131_000, 77)
    assert memory.read(store, 131_000, 131_004) == bytearray(b"M\0\0\0")
    assert (memory.grow(store, 1), exports["grow"](store, 0)) == (2, 3)
    assert exports["get"](store, 150_000) == 9
    assert exports["grow"](store, 2) == -1


def test_memories_of_python(away: Away) -> None:
    """Those that Python makes, and those of guests on its own thread, are for all guests of the store."""
    store = away.store
    memory = Memory(store, MemoryType(Limits(1, 3)))
    plain = """(module (import "" "m" (memory 1)) (memory $own (export "own") 1)
      (func (export "get") (result i32) (i32.load (i32.const 8)))
      (func (export "put") (i32.store $own (i32.const 4) (i32.const 99))))"""
    here: Any = Instance(store, Module(away.engine, plain), [memory]).exports(store)
    wat = """(module (import "" "g" (func $g (param i32) (result i32))) (import "" "m" (memory 1))
      (import "" "n" (memory $n 1))
      (func (export "f") (param i32) (result i32)
        (i32.store (i32.const 8) (call $g (local.get 0))) (i32.load $n (i32.const 4))))"""
    f = away.exports(wat, waiting(away), memory, here["own"])["f"]
    here["put"](store)
    assert run(f.call_async(store, 21)) == 99
    assert (here["get"](store), memory.read(store, 8, 9)) == (42, bytearray([42]))


def test_a_caller_is_known(away: Away) -> None:
    seen: list[Any] = []

    async def g(caller: Any, address: int) -> int:
        await asyncio.sleep(0)
        return address

    def h(caller: Any, address: int) -> int:
        memory = caller["m"]
        seen.append(bytes(memory.read(caller, address, address + 3)))
        memory.write(caller, b"abc", address)
        return address

    wat = """(module (import "" "g" (func $g (param i32) (result i32)))
      (import "" "h" (func $h (param i32) (result i32)))
      (memory (export "m") 1) (data (i32.const 8) "xyz")
      (func (export "f") (result i32) (i32.load8_u (call $h (call $g (i32.const 8))))))"""
    exports = away.exports(wat, away.function([I32], [I32], g, True), away.function([I32], [I32], h, True))
    assert run(exports["f"].call_async(away.store)) == ord("a")
    assert seen == [b"xyz"]


def test_guests_of_the_interpreter_call_those_in_the_worker(away: Away) -> None:
    inner = away.exports(WAITS, waiting(away))["f"]
    wat = """(module (import "" "f" (func $f (param i32) (result i32))) (func (export "x") (param externref))
      (func (export "outer") (param i32) (result i32) (i32.add (i32.const 1) (call $f (local.get 0)))))"""
    made: Any = Instance(away.store, Module(away.engine, wat), [inner])
    assert "externref" in made.fallback
    assert run(made.exports(away.store)["outer"].call_async(away.store, 5)) == 211
    ready = away.exports(WAITS, away.function([I32], [I32], lambda x: x))["f"]
    made = Instance(away.store, Module(away.engine, wat), [ready])
    assert made.exports(away.store)["outer"](away.store, 5) == 106


def test_guests_on_the_thread_of_python_call_those_in_the_worker(away: Away) -> None:
    """Only by reference: what imports such a function is in the worker itself."""
    ready = away.exports(WAITS, away.function([I32], [I32], lambda x: x))["f"]
    wat = """(module (table (export "t") 1 funcref)
      (func (export "f") (param i32) (result i32)
        (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0))))"""
    made: Any = Instance(away.store, Module(away.engine, wat), [])
    exports = made.exports(away.store)
    exports["t"].set(away.store, 0, ready)
    assert (made.fallback, exports["f"](away.store, 5)) == (None, 105)
    assert exports["t"].get(away.store, 0)._external is ready._external


# ---- what goes wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [False, True])
def test_an_exception_is_the_same_object(away: Away, late: bool) -> None:
    class Odd(BaseException):
        pass

    for error in (ValueError("one"), Odd("two"), GuestExit(3)):

        async def later(x: int, error: BaseException = error) -> int:
            await asyncio.sleep(0)
            raise error

        def at_once(x: int, error: BaseException = error) -> int:
            raise error

        f = away.exports(WAITS, away.function([I32], [I32], later if late else at_once))["f"]
        with pytest.raises(BaseException) as caught:
            run(f.call_async(away.store, 1))
        assert caught.value is error
        if not late:
            with pytest.raises(BaseException) as caught:
                f(away.store, 1)
            assert caught.value is error


def test_an_exception_through_guests_in_one_another(away: Away) -> None:
    error = KeyError("deep")

    def g(x: int) -> int:
        if x == 0:
            raise error
        return f(away.store, x - 1)

    f = away.exports(WAITS, away.function([I32], [I32], g))["f"]
    with pytest.raises(KeyError) as caught:
        f(away.store, 5)
    assert caught.value is error
    fine = away.exports(WAITS, waiting(away))["f"]
    assert run(fine.call_async(away.store, 5)) == 210


def test_a_trap_is_located(away: Away) -> None:
    wat = """(module $m (import "" "g" (func $g (param i32) (result i32)))
      (func $inner (param i32) (result i32) nop (i32.div_u (i32.const 1) (call $g (local.get 0))))
      (func $outer (export "f") (param i32) (result i32) (call $inner (local.get 0))))"""

    async def zero(x: int) -> int:
        await asyncio.sleep(0)
        return 0

    f = away.exports(wat, Func(away.store, FuncType([I32], [I32]), zero))["f"]
    with pytest.raises(Trap) as caught:
        run(f.call_async(away.store, 3))
    trap = caught.value
    assert trap.code is TrapCode.INTEGER_DIVISION_BY_ZERO
    there = [(frame.function_name, frame.mnemonic, frame.module_offset, frame.func_offset) for frame in trap.frames]
    interpreted = new_store(strategy="interpreter")
    same: Any = Instance(
        interpreted,
        Module(interpreted.engine, wat),
        [Func(interpreted, FuncType([I32], [I32]), lambda x: 0)],
    ).exports(interpreted)
    with pytest.raises(Trap) as caught:
        same["f"](interpreted, 3)
    assert there == [
        (frame.function_name, frame.mnemonic, frame.module_offset, frame.func_offset) for frame in caught.value.frames
    ]


def test_a_host_function_traps(away: Away) -> None:
    from wasmarium.errors import trap

    def g(x: int) -> int:
        raise trap(TrapCode.UNREACHABLE)

    f = away.exports(WAITS.replace("(func (export", "(func $f (export"), away.function([I32], [I32], g))["f"]
    with pytest.raises(Trap) as caught:
        f(away.store, 1)
    assert caught.value.code is TrapCode.UNREACHABLE
    assert [frame.function_name for frame in caught.value.frames] == ["g", "f"]


def test_the_stack_is_used_up(away: Away) -> None:
    wat = """(module (import "" "g" (func $g (param i32) (result i32))) (func $f (export "f") (call $f))
      (func $h (export "h") (param i32) (result i32) (drop (call $g (local.get 0)))
        (i32.add (i32.const 1) (call $h (local.get 0)))))"""
    exports = away.exports(wat, away.function([I32], [I32], lambda x: x))
    for _ in range(2):
        with pytest.raises(Trap) as caught:
            exports["f"](away.store)
        assert caught.value.code is TrapCode.STACK_OVERFLOW

    def again(x: int) -> int:
        return f(away.store, x)

    f = away.exports(WAITS, away.function([I32], [I32], again))["f"]
    with pytest.raises(Trap) as caught:
        f(away.store, 1)
    assert caught.value.code is TrapCode.STACK_OVERFLOW


def test_exceptions_of_guests(away: Away) -> None:
    from wasmarium import Tag, TagType
    from wasmarium.errors import GuestException

    wat = """(module (import "" "g" (func $g (param i32) (result i32))) (tag $t (export "t") (param i32 f64))
      (func (export "throws") (param i32) (throw $t (local.get 0) (f64.const 2.5)))
      (func (export "catches") (param i32) (result i32)
        (block $h (result i32 f64) (try_table (result i32 f64) (catch $t $h) (call $g (local.get 0)) (f64.const 0)))
        drop))"""
    thrown: list[Any] = []

    def g(x: int) -> int:
        if x == 1:
            raise thrown[0]
        if x == 2:
            raise foreign
        return x

    exports = away.exports(wat, away.function([I32], [I32], g))
    with pytest.raises(GuestException) as caught:
        exports["throws"](away.store, 7)
    thrown.append(caught.value)
    instance: Any = caught.value.exception
    assert (instance.fields, instance.tag) == ((7, 2.5), exports["t"]._external)
    assert exports["catches"](away.store, 1) == 7
    assert exports["catches"](away.store, 5) == 5
    from wasmarium.runtime.tag import ExceptionInstance

    tag: Any = Tag(away.store, TagType(FuncType([I32], [])))
    foreign = GuestException(ExceptionInstance(tag._external, (3,)))
    with pytest.raises(GuestException) as caught:
        exports["catches"](away.store, 2)
    assert caught.value.exception is foreign.exception


def test_segments_that_do_not_fit(away: Away) -> None:
    module = Module(
        away.engine,
        '(module (import "" "g" (func (param i32) (result i32))) (memory 1) (data (i32.const 65536) "x"))',
    )
    with pytest.raises(Trap) as caught:
        run(Instance.instantiate_async(away.store, module, [waiting(away)]))
    assert caught.value.code is TrapCode.MEMORY_OUT_OF_BOUNDS


def test_a_start_function_waits(away: Away) -> None:
    wat = """(module (import "" "g" (func $g (param i32) (result i32))) (global (export "x") (mut i32) (i32.const 0))
      (func $s (global.set 0 (call $g (i32.const 4)))) (start $s))"""
    assert away.exports(wat, waiting(away))["x"].value(away.store) == 8


# ---- bounds ---------------------------------------------------------------------------------------------------------

CALLS = """(import "" "g" (func $g (param i32) (result i32)))
  (func (export "calls") (loop (drop (call $g (i32.const 1))) (br 0)))"""


def bounded(**settings: Any) -> tuple[Away, Any]:
    from wasmarium.policy import Policy

    away = Away(consume_fuel=True, epoch_interruption=True, **settings)
    away.store.set_fuel(1 << 62)
    away.store.set_policy(Policy(wall_time=60_000_000_000, memory=64 << 20))
    exports = away.exports(hostile(CALLS), away.function([I32], [I32], lambda x: x))
    return away, exports


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("spin", (), TrapCode.INTERRUPT),
        ("calls", (), TrapCode.INTERRUPT),
        ("recurse", (1, 2, 3), TrapCode.STACK_OVERFLOW),
        ("fill", (), TrapCode.MEMORY_OUT_OF_BOUNDS),
    ],
)
def test_is_stopped(name: str, arguments: Any, code: TrapCode, awaited: bool) -> None:
    away, exports = bounded()
    if code is TrapCode.INTERRUPT:
        away.store._until = away.engine._platform.clock.monotonic() + 100_000_000
    start = perf_counter()
    with pytest.raises(Trap) as caught:
        if awaited:
            run(exports[name].call_async(away.store, *arguments))
        else:
            exports[name](away.store, *arguments)
    assert caught.value.code is code
    assert perf_counter() - start < 10
    if name == "spin":
        assert [frame.function_name for frame in caught.value.frames] == ["spin"]
    # it has more time
    away.store._until = None
    assert exports["fine"](away.store) == 42


def test_memory_ends_where_the_store_says() -> None:
    away, exports = bounded()
    assert exports["grow"](away.store) * 65536 <= 64 << 20
    assert exports["fine"](away.store) == 42


def test_fuel_is_that_of_the_interpreter() -> None:
    wat = """(module (import "" "g" (func $g (param i32) (result i32)))
      (func (export "f") (param i32) (result i32) (local i32)
        (loop (local.set 1 (i32.add (local.get 1) (call $g (local.get 0))))
          (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1))
      (func (export "trap") (param i32) nop nop (drop (i32.div_u (i32.const 1) (local.get 0)))))"""
    left = []
    for made in (Away(consume_fuel=True), Away(consume_fuel=True, strategy="interpreter")):
        store = made.store
        store.set_fuel(100_000)
        exports = made.exports(wat, made.function([I32], [I32], lambda x: x))
        assert exports["f"](store, 10) == 55
        counts = [store.get_fuel()]
        with pytest.raises(Trap):
            exports["trap"](store, 0)
        counts.append(store.get_fuel())
        store.set_fuel(20)
        with pytest.raises(Trap) as caught:
            exports["f"](store, 100)
        assert caught.value.code is TrapCode.OUT_OF_FUEL
        left.append(counts)
    assert left[0] == left[1]


def test_depth_is_bounded() -> None:
    away = Away()
    away.store._runtime.limits.call_depth = 10
    wat = """(module (import "" "g" (func $g (param i32) (result i32))) (func $down (export "down") (param i32)
      (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)))))))"""
    down = away.exports(wat, waiting(away))["down"]
    for _ in range(3):
        down(away.store, 9)
        with pytest.raises(Trap) as caught:
            down(away.store, 10)
        assert caught.value.code is TrapCode.STACK_OVERFLOW


def test_the_epoch_moves() -> None:
    away = Away(epoch_interruption=True)
    away.store.set_epoch_deadline(1)
    seen: list[int] = []

    def step(x: int) -> int:
        seen.append(x)
        if len(seen) == 3:
            away.engine.increment_epoch()
        return x

    wat = """(module (import "" "g" (func $g (param i32) (result i32)))
      (func (export "f") (loop (drop (call $g (i32.const 1))) (br 0))))"""
    f = away.exports(wat, away.function([I32], [I32], step))["f"]
    with pytest.raises(Trap) as caught:
        f(away.store)
    assert (caught.value.code, len(seen)) == (TrapCode.INTERRUPT, 3)

    async def from_outside() -> None:
        away.store.set_epoch_deadline(1)
        task = asyncio.ensure_future(f.call_async(away.store))
        await asyncio.sleep(0.02)
        away.engine.increment_epoch()
        with pytest.raises(Trap):
            await task

    run(from_outside())


# ---- what cannot be there -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wat", "extra", "why"),
    [
        (
            '(module (import "" "g" (func (param i32) (result i32))) (func (export "f") (param externref)))',
            None,
            "externref cannot cross to a worker",
        ),
        (
            '(module (import "" "g" (func (param i32) (result i32))) (import "" "t" (table 1 funcref)))',
            "table",
            "a table of Python's own thread",
        ),
        (
            '(module (import "" "g" (func (param i32) (result i32))) (import "" "v" (global (mut i32))))',
            "global",
            "a variable of Python's own thread",
        ),
    ],
)
def test_fallback(away: Away, wat: str, extra: str | None, why: str) -> None:
    store = away.store
    more: list[Any] = []
    if extra == "table":
        more = [Table(store, TableType(ValType.funcref(), Limits(1, None)), None)]
    if extra == "global":
        more = [Global(store, GlobalType(I32, True), Val.i32(1))]
    made: Any = run(Instance.instantiate_async(store, Module(away.engine, wat), [waiting(away), *more]))
    assert why in made.fallback


def test_no_instance_while_the_worker_is_busy(away: Away) -> None:
    found: list[Any] = []

    def g(x: int) -> int:
        made: Any = Instance(away.store, Module(away.engine, WAITS), [waiting(away)])
        found.append(made.fallback)
        return x

    f = away.exports(WAITS, away.function([I32], [I32], g))["f"]
    assert f(away.store, 1) == 101
    assert "is busy" in found[0]


def test_the_platform_says_how_guests_wait() -> None:
    from wasmarium.bridge.browser import BrowserPlatform

    found = capabilities()
    assert (found.waiting, found.suspends, found.blocks) == ("worker", True, found.blocks)
    assert "JSPI" in found.waiting_reason
    chosen = capabilities(platform=BrowserPlatform("interpreter"))
    assert (chosen.waiting, chosen.suspends) == ("interpreter", False)
    assert "workers are not to be used" in chosen.waiting_reason
    with pytest.raises(Unsupported, match="lacks JSPI"):
        BrowserPlatform("jspi").webassembly()
    with pytest.raises(WasmError, match="can be auto, jspi"):
        BrowserPlatform("hope").webassembly()


def test_a_worker_that_does_not_start(away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    from wasmarium.bridge.browser import webassembly

    source = webassembly._source

    def broken(name: str) -> str:
        return "throw new Error('no worker today')" if name == "worker.js" else source(name)

    monkeypatch.setattr(webassembly, "_source", broken)
    sad = Away()
    made: Any = run(Instance.instantiate_async(sad.store, Module(sad.engine, WAITS), [waiting(sad)]))
    assert "no worker today" in made.fallback
    exports: Any = made.exports(sad.store)
    assert run(exports["f"].call_async(sad.store, 5)) == 210


def test_what_is_held_is_counted_once(away: Away) -> None:
    """Wherever an instance ends up, and not at all where there is none."""
    store: Any = away.store._runtime
    limits = store.limits

    def make(extra: str) -> Any:
        wat = f'(module (import "" "g" (func (param i32) (result i32))) (memory 2) {extra})'
        return run(Instance.instantiate_async(away.store, Module(away.engine, wat), [waiting(away)]))

    def held() -> tuple[int, int, int]:
        return limits.taken // 65536, len(store.instances), store.memories

    assert make("").fallback is None
    assert held() == (2, 1, 1)
    assert "cannot cross" in make('(global (export "x") externref (ref.null extern))').fallback
    assert held() == (4, 2, 2)
    for count in (3, 4):
        assert "cannot cross" in make('(tag (export "t") (param externref))').fallback
        assert held() == (2 * count, count, count)
    with pytest.raises(Trap):
        make('(data (i32.const 200000) "x")')
    assert limits.taken == 8 * 65536
    limits.total_bytes = limits.taken
    with pytest.raises(WasmtimeError, match="all held would be more than 524288 bytes"):
        make("")
    assert limits.taken == 8 * 65536


# ---- ends -----------------------------------------------------------------------------------------------------------


def test_a_store_that_is_closed_ends_what_runs() -> None:
    made = Away()
    wat = """(module (import "" "g" (func (param i32) (result i32))) (func (export "spin") (loop (br 0))))"""
    spin = made.exports(wat, waiting(made))["spin"]
    worker = made.worker

    async def close() -> None:
        task = asyncio.ensure_future(spin.call_async(made.store))
        await asyncio.sleep(0.01)
        made.store.close()
        with pytest.raises(WasmError, match="the store of this guest was closed"):
            await task

    run(close())
    assert worker.mailbox.failure() == "it was ended"
    made.store.close()


def test_a_worker_goes_with_its_store() -> None:
    made = Away()
    f = made.exports(WAITS, waiting(made))["f"]
    assert run(f.call_async(made.store, 1)) == 202
    worker = made.worker
    mailbox = worker.mailbox
    references = weakref.ref(worker), weakref.ref(made.store)
    del made, f, worker
    gc.collect()
    gc.collect()
    assert [reference() for reference in references] == [None, None]
    assert mailbox.failure() == "it was ended"
