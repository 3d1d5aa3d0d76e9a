"""Guests of the host engine and of the interpreter in one store: each imports what the other exports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from wasmarium import bridge
from wasmarium.binary.decoder import decode_module
from wasmarium.engines.base import Finished, OutOfFuel, Raised, Suspended
from wasmarium.engines.host import HostEngine
from wasmarium.errors import GuestException, Trap, TrapCode, trap
from wasmarium.features import ALL
from wasmarium.instructions.numeric import f32_bits, f32_from_bits
from wasmarium.runtime.function import HostFunction, Pending
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.linking import instantiate
from wasmarium.runtime.store import Store
from wasmarium.text.parser import parse_module
from wasmarium.types import EXTERNREF, I32, FunctionType, define_function
from wasmarium.validation import validate_module

HOST, INTERPRETER = "host", "interpreter"
BOTH_WAYS = pytest.mark.parametrize(("exporter", "importer"), [(HOST, INTERPRETER), (INTERPRETER, HOST)])


class World:
    """A store of the host engine, in which some instances are interpreted all the same."""

    def __init__(self, fuel: int | None = None) -> None:
        self.engine = HostEngine(bridge.platform().webassembly())
        self.store = Store(fuel=fuel)

    def instance(self, kind: str, wat: str, *imports: ExternalValue) -> ModuleInstance:
        module = decode_module(parse_module(wat, features=ALL), ALL)
        validate_module(module, ALL)
        if kind == INTERPRETER:
            return instantiate(self.store, module, imports, None, kind)
        made = self.engine.instantiate(self.store, module, imports, kind)
        self.reason = self.engine.fallback(module)
        return made

    def export(self, kind: str, wat: str, *imports: ExternalValue, name: str = "f") -> Any:
        return self.instance(kind, wat, *imports).exports[name]

    def call(self, function: Any, *arguments: Any) -> Any:
        execution = self.engine.start(function, arguments)
        while isinstance(outcome := execution.run(), Suspended):
            from pyodide.ffi import run_sync

            try:
                values: Any = outcome.pending.finish(run_sync(outcome.pending.awaitable))
            except BaseException as error:
                values = error
            execution.resume(values)
        if isinstance(outcome, Raised):
            raise outcome.error
        if isinstance(outcome, OutOfFuel):
            raise trap(TrapCode.OUT_OF_FUEL)
        assert isinstance(outcome, Finished)
        return outcome.values[0] if len(outcome.values) == 1 else tuple(outcome.values)


@pytest.fixture
def world() -> World:
    return World()


def function(parameters: Any, results: Any, code: Callable[..., Any]) -> HostFunction:
    return HostFunction(define_function(FunctionType(tuple(parameters), tuple(results))), lambda _, a: code(*a), "code")


# ---- functions ----


@BOTH_WAYS
def test_functions(world: World, exporter: str, importer: str) -> None:
    types = "i32 i64 f32 f64 v128 externref funcref"
    swapped = " ".join(reversed(types.split()))
    gets = " ".join(f"(local.get {i})" for i in reversed(range(7)))
    wat = f'(module (func (export "f") (param {types}) (result {swapped}) {gets}))'
    inner = world.export(exporter, wat)
    outer = world.export(
        importer,
        f"""(module (import "" "f" (func $f (param {types}) (result {swapped})))
          (func (export "f") (param {types}) (result {swapped})
            {" ".join(f"(local.get {i})" for i in range(7))} call $f))""",
        inner,
    )
    thing = object()
    given = (2**32 - 1, 2**63, f32_from_bits(0x7FA00001), -0.0, 1 << 127 | 1, thing, inner)
    found = world.call(outer, *given)
    assert found[0] is inner
    assert found[1] is thing
    assert found[2:4] == (1 << 127 | 1, -0.0)
    assert (f32_bits(found[4]), found[5], found[6]) == (0x7FA00001, 2**63, 2**32 - 1)


MUTUAL = """(module (import "" "g" (func $g (param i32) (result i32)))
  (func (export "f") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
      (else (i32.add (i32.const 1) (call $g (i32.sub (local.get 0) (i32.const 1))))))))"""


@BOTH_WAYS
def test_engines_call_each_other(world: World, exporter: str, importer: str) -> None:
    functions: list[Any] = []
    back = function([I32], [I32], lambda n: [world.call(functions[0], n)])
    first = world.export(exporter, MUTUAL, back)
    functions.append(world.export(importer, MUTUAL, first))
    assert world.call(functions[0], 40) == 40
    for _ in range(2):
        with pytest.raises(Trap) as caught:
            world.call(functions[0], -1 & 0xFFFFFFFF)
        assert caught.value.code is TrapCode.STACK_OVERFLOW
    assert world.call(functions[0], 3) == 3


@BOTH_WAYS
def test_a_recursion_without_end_through_a_table(world: World, exporter: str, importer: str) -> None:
    wat = """(module (import "" "t" (table $t 2 funcref)) (func (export "f") (result i32)
      (i32.add (i32.const 1) (call_indirect $t (result i32) (i32.const {0})))))"""
    table = world.export(HOST, '(module (table (export "f") 2 funcref))')
    functions = [world.export(kind, wat.format(other), table) for kind, other in ((exporter, 1), (importer, 0))]
    table.set(0, functions[0])
    table.set(1, functions[1])
    with pytest.raises(Trap) as caught:
        world.call(functions[0])
    assert caught.value.code is TrapCode.STACK_OVERFLOW
    table.set(1, world.export(exporter, '(module (func (export "f") (result i32) (i32.const 5)))'))
    assert world.call(functions[0]) == 6


LOOPS = """(module (import "" "g" (func $g (param i32) (result i32)))
  (func (export "f") (param $n i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (call $g (local.get $n))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))"""


def test_both_pay_with_the_same_fuel() -> None:
    spent = []
    for kinds in ((INTERPRETER,) * 3, (HOST, INTERPRETER, HOST), (INTERPRETER, HOST, INTERPRETER), (HOST,) * 3):
        world = World(fuel=100_000)
        function_ = world.export(kinds[0], '(module (func (export "f") (param i32) (result i32) (local.get 0)))')
        for kind in kinds[1:]:
            function_ = world.export(kind, LOOPS, function_)
        assert world.call(function_, 20) == sum(sum(range(n + 1)) for n in range(21))
        spent.append(100_000 - (world.store.fuel or 0))
        world.store.fuel = 500
        with pytest.raises(Trap) as caught:
            world.call(function_, 20)
        assert caught.value.code is TrapCode.OUT_OF_FUEL
        assert 0 <= (world.store.fuel or 0) < 50
    assert spent[1:] == spent[:1] * 3


# ---- memories ----

MEMORY = """(module (memory (export "f") 1 4) (data (i32.const 65530) "abcdef")
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "load") (param i32) (result i64) (i64.load (local.get 0)))
  (func (export "store") (param i32 i64) (i64.store (local.get 0) (local.get 1))))"""

USES = """(module (import "" "m" (memory $m 1 4)) (data $d "segment")
  (func (export "size") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "store") (param i32)
    (i32.store8 (local.get 0) (i32.const 0x101)) (i32.store16 offset=1 (local.get 0) (i32.const 0x10203))
    (i32.store offset=3 (local.get 0) (i32.const 0x04050607)) (i64.store offset=7 (local.get 0) (i64.const -2))
    (f32.store offset=15 (local.get 0) (f32.const nan:0x200001)) (f64.store offset=19 (local.get 0) (f64.const 0.5))
    (v128.store offset=27 (local.get 0) (v128.const i64x2 8 9))
    (i64.store32 offset=43 (local.get 0) (i64.const -3)) (i64.store16 offset=47 (local.get 0) (i64.const -4)))
  (func (export "load") (param i32) (result i32 i32 i32 i32 i32 i64 i64 f32 f64 v128)
    (i32.load8_s (local.get 0)) (i32.load8_u offset=2 (local.get 0)) (i32.load16_s offset=47 (local.get 0))
    (i32.load16_u offset=1 (local.get 0)) (i32.load offset=3 (local.get 0))
    (i64.load offset=7 (local.get 0)) (i64.load32_s offset=43 (local.get 0))
    (f32.load offset=15 (local.get 0)) (f64.load offset=19 (local.get 0)) (v128.load offset=27 (local.get 0)))
  (func (export "bulk")
    (memory.fill (i32.const 100) (i32.const 7) (i32.const 5))
    (memory.copy (i32.const 102) (i32.const 65530) (i32.const 2))
    (memory.init $d (i32.const 105) (i32.const 1) (i32.const 3)))
  (func (export "atomic") (param i32) (result i32 i32)
    (i32.atomic.rmw.add (local.get 0) (i32.const 5))
    (i32.atomic.rmw16.cmpxchg_u (local.get 0) (i32.const 5) (i32.const 0x1ffff)))
  (func (export "lane") (param i32) (result v128)
    (v128.store16_lane 1 (local.get 0) (v128.const i16x8 1 2 3 4 5 6 7 8))
    (v128.load16_lane 3 (local.get 0) (v128.const i64x2 0 0))))"""

EXPECTED = (1, 2, 0xFFFFFFFC, 0x0203, 0x04050607, 2**64 - 2, 2**64 - 3)


@BOTH_WAYS
def test_memories(world: World, exporter: str, importer: str) -> None:
    owner = world.instance(exporter, MEMORY).exports
    user = world.instance(importer, USES, owner["f"]).exports
    if importer == HOST:
        assert world.reason == "a memory of the interpreter cannot be used by a guest of the host engine"
    memory: Any = owner["f"]
    call = world.call
    call(user["store"], 1000)
    found = call(user["load"], 1000)
    assert found[:7] == EXPECTED
    assert (f32_bits(found[7]), *found[8:]) == (0x7FA00001, 0.5, 9 << 64 | 8)
    assert memory.read(1000, 9) == b"\x01\x03\x02\x07\x06\x05\x04\xfe\xff"
    call(user["bulk"])
    assert memory.read(99, 10) == b"\0\7\7ab\7egm\0"
    assert call(user["atomic"], 2000) == (0, 5)
    assert memory.read(2000, 4) == b"\xff\xff\0\0"
    assert call(user["lane"], 3001) == 2 << 48
    # growth is seen by both
    assert call(owner["grow"]) == 1
    assert call(user["size"]) == 2
    call(owner["store"], 131_064, 77)
    assert call(owner["load"], 131_064) == 77
    assert call(user["grow"], 2) == 2
    assert memory.pages == 4
    call(owner["store"], 4 * 65_536 - 8, 78)
    assert memory.read(4 * 65_536 - 8, 1) == b"\x4e"
    assert call(user["grow"], 1) == 0xFFFFFFFF
    for name, *arguments in (("load", 4 * 65_536 - 43), ("store", 0xFFFFFFFF)):
        with pytest.raises(Trap) as caught:
            call(user[name], *arguments)
        assert caught.value.code is TrapCode.MEMORY_OUT_OF_BOUNDS
    assert memory.read(4 * 65_536 - 43, 1) == b"\0"


# ---- tables ----

TABLE = """(module (table (export "f") 3 6 funcref) (table (export "x") 2 5 externref) (elem (i32.const 1) $one)
  (func $one (export "one") (result i32) (i32.const 1))
  (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0)))
  (func (export "extern") (param i32) (result externref) (table.get 1 (local.get 0)))
  (func (export "grow") (result i32) (table.grow 0 (ref.func $one) (i32.const 1))))"""

USES_TABLE = """(module (import "" "t" (table $t 3 6 funcref)) (import "" "x" (table $x 2 5 externref))
  (elem $e func $two $two) (elem declare func $two)
  (func $two (export "two") (result i32) (i32.const 2)) (func $other)
  (func (export "call") (param i32) (result i32) (call_indirect $t (result i32) (local.get 0)))
  (func (export "wrong") (call_indirect $t (param i32) (i32.const 0) (i32.const 1)))
  (func (export "get") (param i32) (result funcref) (table.get $t (local.get 0)))
  (func (export "set") (param i32 externref) (table.set $x (local.get 0) (local.get 1)))
  (func (export "size") (result i32) (table.size $t))
  (func (export "grow") (param externref) (result i32) (table.grow $x (local.get 0) (i32.const 2)))
  (func (export "bulk") (table.init $t $e (i32.const 0) (i32.const 1) (i32.const 1))
    (table.copy $t $t (i32.const 2) (i32.const 0) (i32.const 1))
    (table.fill $x (i32.const 0) (table.get $x (i32.const 1)) (i32.const 2))))"""


@BOTH_WAYS
def test_tables(world: World, exporter: str, importer: str) -> None:
    owner = world.instance(exporter, TABLE).exports
    user = world.instance(importer, USES_TABLE, owner["f"], owner["x"]).exports
    call, thing = world.call, object()
    assert call(user["call"], 1) == 1
    assert call(user["get"], 1) is owner["one"]
    assert call(user["get"], 0) is None
    call(user["set"], 1, thing)
    assert call(owner["extern"], 1) is thing
    call(user["bulk"])
    assert [call(owner["call"], i) for i in range(3)] == [2, 1, 2]
    assert call(user["get"], 2) is user["two"]
    assert call(owner["extern"], 0) is thing
    assert call(owner["grow"]) == 3
    assert (call(user["size"]), call(user["call"], 3)) == (4, 1)
    assert call(user["grow"], "new") == 2
    assert call(owner["extern"], 3) == "new"
    assert call(user["grow"], None) == 0xFFFFFFFF
    for name, arguments, code in (
        ("call", (9,), TrapCode.UNDEFINED_ELEMENT),
        ("get", (9,), TrapCode.TABLE_OUT_OF_BOUNDS),
        ("set", (2**31, None), TrapCode.TABLE_OUT_OF_BOUNDS),
        ("wrong", (), TrapCode.BAD_SIGNATURE),
    ):
        with pytest.raises(Trap) as caught:
            call(user[name], *arguments)
        assert caught.value.code is code


# ---- globals ----


@BOTH_WAYS
def test_globals(world: World, exporter: str, importer: str) -> None:
    owner = world.instance(
        exporter,
        """(module (global (export "n") (mut i64) (i64.const 5)) (global (export "v") (mut v128) (v128.const i64x2 1 2))
          (global (export "x") (mut externref) (ref.null extern)) (global (export "c") f32 (f32.const nan:0x200001))
          (func (export "n+") (result i64) (i64.add (global.get 0) (i64.const 1)))
          (func (export "get") (result externref) (global.get 2)))""",
    ).exports
    user = world.instance(
        importer,
        """(module (import "" "n" (global (mut i64))) (import "" "v" (global (mut v128)))
          (import "" "x" (global (mut externref))) (import "" "c" (global f32))
          (func (export "set") (param externref) (global.set 0 (i64.const -2)) (global.set 2 (local.get 0))
            (global.set 1 (i64x2.replace_lane 0 (global.get 1) (i64.const 9))))
          (func (export "get") (result i64 v128 externref f32)
            (global.get 0) (global.get 1) (global.get 2) (global.get 3)))""",
        *(owner[name] for name in "nvxc"),
    ).exports
    thing = object()
    world.call(user["set"], thing)
    assert world.call(owner["n+"]) == 2**64 - 1
    assert world.call(owner["get"]) is thing
    n: Any = owner["n"]
    n.value = 77
    found = world.call(user["get"])
    assert found[:3] == (77, 2 << 64 | 9, thing)
    assert f32_bits(found[3]) == 0x7FA00001


# ---- tags, exceptions, traps ----

THROWS = """(module (tag $t (export "t") (param i64 externref))
  (func (export "throw") (param i64 externref) (throw $t (local.get 0) (local.get 1)))
  (func (export "catch") (param funcref) (result i64) (local $r i64) (i64.const 0)))"""
CATCHES = """(module (import "" "t" (tag $t (param i64 externref)))
  (import "" "throw" (func $throw (param i64 externref)))
  (func (export "catch") (param externref) (result i64 externref)
    (block $h (result i64 externref) (try_table (catch $t $h) (call $throw (i64.const -5) (local.get 0)))
      (unreachable)))
  (func (export "again") (param externref) (local $e exnref)
    (block $h (result exnref) (try_table (catch_all_ref $h) (call $throw (i64.const 6) (local.get 0))) (unreachable))
    (local.set $e) (throw_ref (local.get $e)))
  (func (export "keep") (result exnref)
    (block $h (result exnref) (try_table (catch_all_ref $h) (call $throw (i64.const 7) (ref.null extern)))
      (unreachable)))
  (func (export "throw") (param i64 externref) (throw $t (local.get 0) (local.get 1)))
  (func (export "pass") (param exnref) (throw_ref (local.get 0))))"""


@BOTH_WAYS
def test_exceptions(world: World, exporter: str, importer: str) -> None:
    owner = world.instance(exporter, THROWS).exports
    user = world.instance(importer, CATCHES, owner["t"], owner["throw"]).exports
    call, thing = world.call, object()
    assert call(user["catch"], thing) == (2**64 - 5, thing)
    with pytest.raises(GuestException) as caught:
        call(user["again"], thing)
    exception = caught.value.exception
    assert exception.fields == (6, thing)
    assert exception.tag is owner["t"]
    # thrown by the one that imports the tag, caught by a third in the other engine, and the same one goes on
    third = world.instance(exporter, CATCHES, owner["t"], user["throw"]).exports
    assert call(third["catch"], thing) == (2**64 - 5, thing)
    kept = call(user["keep"])
    for instance in (user, third):
        with pytest.raises(GuestException) as caught:
            call(instance["pass"], kept)
        assert caught.value.exception is kept


TRAPS = """(module (func (export "f") (param i32) (result i32) (call $inner (local.get 0)))
  (func $inner (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0))))"""
PASSES = """(module (import "" "g" (func $g (param i32) (result i32)))
  (func $outer (export "f") (param i32) (result i32) (block $h (try_table (catch_all $h) (return (call $g
    (local.get 0)))))
    (i32.const 9)))"""


@BOTH_WAYS
def test_traps(world: World, exporter: str, importer: str) -> None:
    first = world.export(exporter, TRAPS)
    second = world.export(importer, PASSES, first)
    third = world.export(exporter, PASSES, second)
    assert world.call(third, 1) == 1
    with pytest.raises(Trap, match="integer divide by zero") as caught:
        world.call(third, 0)
    assert [(frame.module_name, frame.function_name, frame.mnemonic) for frame in caught.value.frames] == [
        (exporter, "inner", "i32.div_u"),
        (exporter, None, "call"),
        (importer, "outer", "call"),
        (exporter, "outer", "call"),
    ]


@BOTH_WAYS
@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()])
def test_exceptions_of_python(world: World, exporter: str, importer: str, error: BaseException) -> None:
    def fail(x: int) -> Any:
        raise error

    inner = world.export(exporter, PASSES, function([I32], [I32], fail))
    outer = world.export(importer, PASSES, inner)
    with pytest.raises(type(error)) as caught:
        world.call(outer, 0)
    assert caught.value is error


@BOTH_WAYS
def test_waiting(world: World, exporter: str, importer: str) -> None:
    async def later(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    inner = world.export(exporter, PASSES, function([I32], [I32], lambda x: Pending(later(x), lambda result: [result])))
    outer = world.export(importer, PASSES, inner)

    async def run(x: int) -> Any:
        execution = world.engine.start(outer, [x])
        while isinstance(outcome := execution.run(1_000_000), Suspended):
            execution.resume(outcome.pending.finish(await outcome.pending.awaitable))
        assert isinstance(outcome, Finished)
        return outcome.values[0]

    async def together() -> Any:
        return await asyncio.gather(*map(run, range(4)))

    from pyodide.ffi import run_sync

    assert run_sync(together()) == [1, 2, 3, 4]


# ---- objects ----


@BOTH_WAYS
def test_structs(world: World, exporter: str, importer: str) -> None:
    types = "(type $s (struct (field (mut i32)))) (type $a (array (mut i16)))"
    owner = world.instance(
        exporter,
        f"""(module {types}
          (func (export "struct") (result anyref) (struct.new $s (i32.const 5)))
          (func (export "array") (result anyref) (array.new $a (i32.const -7) (i32.const 3)))
          (func (export "same") (param anyref) (result anyref) (local.get 0))
          (func (export "get") (param anyref) (result i32) (struct.get $s 0 (ref.cast (ref $s) (local.get 0)))))""",
    ).exports
    user = world.instance(
        importer,
        f"""(module {types} (import "" "struct" (func $struct (result anyref)))
          (import "" "array" (func $array (result anyref))) (import "" "same" (func $same (param anyref)
            (result anyref)))
          (import "" "get" (func $get (param anyref) (result i32)))
          (func (export "same") (result i32) (local $x anyref) (local.set $x (call $struct))
            (ref.eq (ref.cast eqref (local.get $x)) (ref.cast eqref (call $same (local.get $x)))))
          (func (export "known") (result i32) (ref.test (ref $s) (call $struct)))
          (func (export "set") (result i32) (local $x (ref null $s)) (local.set $x (ref.cast (ref $s) (call $struct)))
            (struct.set $s 0 (local.get $x) (i32.add (i32.const 1) (struct.get $s 0 (local.get $x))))
            (call $get (local.get $x)))
          (func (export "array") (result i32 i32) (local $x (ref null $a)) (local.set $x (ref.cast (ref $a)
            (call $array)))
            (array.set $a (local.get $x) (i32.const 1) (i32.const 0x18000))
            (array.get_s $a (local.get $x) (i32.const 1)) (array.len (local.get $x)))
          (func (export "beyond") (result i32) (array.get_u $a (ref.cast (ref $a) (call $array)) (i32.const 3))))""",
        *(owner[name] for name in ("struct", "array", "same", "get")),
    ).exports
    if importer == HOST:
        # JavaScript cannot make what is inside: there it is an object of the outside, kept and handed back
        assert world.call(user["known"]) == 0
        struct = world.call(owner["struct"])
        assert world.call(owner["same"], struct) is struct
        return
    assert [world.call(user[name]) for name in ("same", "known", "set")] == [1, 1, 6]
    assert world.call(user["array"]) == (0xFFFF8000, 3)
    with pytest.raises(Trap) as caught:
        world.call(user["beyond"])
    assert caught.value.code is TrapCode.ARRAY_OUT_OF_BOUNDS


def test_references_keep_no_more_than_one_callback(world: World) -> None:
    same = world.export(HOST, '(module (func (export "f") (param funcref externref) (result funcref) (local.get 0)))')
    python = function([EXTERNREF], [], lambda x: [])
    assert world.call(same, python, None) is python
    alive = same.realm.glue.alive()
    assert [world.call(same, python, None) is python for _ in range(3)] == [True] * 3
    assert same.realm.glue.alive() == alive
