"""Values cross between Python and the host's WebAssembly bit for bit, references by identity."""

from __future__ import annotations

import math
from typing import Any

import pytest

from wasmarium import (
    Config,
    Engine,
    Func,
    FuncType,
    Global,
    GlobalType,
    Instance,
    Limits,
    Module,
    Store,
    Table,
    TableType,
    Trap,
    ValType,
)
from wasmarium.engines.host.functions import HostedFunction

IDENTITY = """(module (import "" "g" (func $g (param {0}) (result {0})))
  (func (export "f") (param {0}) (result {0}) local.get 0 call $g))"""

I32, I64, F32, F64 = ValType.i32(), ValType.i64(), ValType.f32(), ValType.f64()


@pytest.mark.parametrize("value", [True, 1.0, 2**31, 2**32 - 1, 2**32, 2**63, 2**64, -(2**80), None, "1"], ids=repr)
@pytest.mark.parametrize("kind", ["i32", "i64", "f64"])
def test_what_a_function_gives_is_taken_as_the_interpreter_takes_it(kind: str, value: Any) -> None:
    def outcome(strategy: str) -> Any:
        config = Config()
        config.strategy = strategy
        store = Store(Engine(config))
        type_ = getattr(ValType, kind)()
        function = Func(store, FuncType([type_], [type_]), lambda given: value)
        instance = Instance(store, Module(store.engine, IDENTITY.format(kind)), [function])
        assert instance.fallback is None
        try:
            return repr(instance.exports(store)["f"](store, 0))
        except Exception as error:
            return type(error), str(error)

    assert outcome("host") == outcome("interpreter")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(("i32", v) for v in (0, -1, 2**31 - 1, -(2**31))),
        *(("i64", v) for v in (0, 5, -1, 2**53 + 1, 2**63 - 1, -(2**63))),
        *(("f64", v) for v in (0.0, -0.0, 2.0, 1e300, math.inf, 5e-324)),
        *(("f32", v) for v in (0.0, -0.0, 1.5, -math.inf)),
        ("v128", 0x0F0E0D0C0B0A09080706050403020100),
    ],
)
def test_numbers_both_ways(host: Any, kind: str, value: Any) -> None:
    seen: list[Any] = []

    def g(given: Any) -> Any:
        seen.append(given)
        return given

    type_ = ValType.v128() if kind == "v128" else getattr(ValType, kind)()
    f = host.export(IDENTITY.format(kind), Func(host.store, FuncType([type_], [type_]), g))
    result = f(host.store, value)
    assert (type(result), repr(result), repr(seen[0])) == (type(value), repr(value), repr(value))


@pytest.mark.parametrize("bits", [0x7FA00001, 0xFFC12345])
def test_the_bits_of_nans_survive(host: Any, bits: int) -> None:
    signed = bits - (1 << 32) if bits >> 31 else bits
    wat = (
        '(module (import "" "g" (func $g (param f32) (result f32)))'
        ' (func (export "f") (param i32) (result i32) local.get 0 f32.reinterpret_i32 call $g i32.reinterpret_f32))'
    )
    f = host.export(wat, Func(host.store, FuncType([F32], [F32]), lambda x: x))
    assert f(host.store, signed) in (signed, signed | 0x00400000)


def test_many_results(host: Any) -> None:
    wat = (
        '(module (import "" "g" (func $g (param i64 f32) (result f32 i64 i32)))'
        ' (func (export "f") (param i64 f32) (result f32 i64 i32) local.get 0 local.get 1 call $g))'
    )
    f = host.export(wat, Func(host.store, FuncType([I64, F32], [F32, I64, I32]), lambda a, b: [b, a, -7]))
    assert f(host.store, -3, 0.5) == [0.5, -3, -7]


def test_objects_keep_their_identity(host: Any) -> None:
    f = host.export('(module (func (export "f") (param externref externref) (result externref) local.get 1))')
    thing = ["mutable"]
    assert f(host.store, None, thing) is thing
    assert f(host.store, thing, None) is None
    assert f(host.store, 1, host) is host


def test_functions_keep_their_identity(host: Any) -> None:
    called: list[int] = []
    python = Func(host.store, FuncType([I32], []), called.append)
    wat = """(module
      (table (export "t") 3 funcref) (elem (i32.const 0) $hidden) (type $v (func (param i32)))
      (func $hidden (result i32) i32.const 42)
      (func (export "same") (param funcref) (result funcref) local.get 0)
      (func (export "call") (param i32) i32.const 9 local.get 0 call_indirect (type $v)))"""
    exports = host.instance(wat).exports(host.store)
    table = exports["t"]
    hidden = table.get(host.store, 0)
    assert hidden(host.store) == 42
    assert exports["same"](host.store, hidden)._external is hidden._external
    assert exports["same"](host.store, None) is None
    table.set(host.store, 2, python)
    assert table.get(host.store, 2)._external is python._external
    exports["call"](host.store, 2)
    assert called == [9]
    assert isinstance(hidden._external, HostedFunction)


def test_tables_and_globals_are_shared(host: Any) -> None:
    store = host.store
    table = Table(store, TableType(ValType.externref(), Limits(2, 4)), None)
    counter = Global(store, GlobalType(I64, mutable=True), 2**40)
    constant = Global(store, GlobalType(F64, mutable=False), -0.0)
    wat = """(module
      (import "" "t" (table 2 externref)) (import "" "g" (global $g (mut i64))) (import "" "c" (global $c f64))
      (func (export "f") (param externref) (result f64)
        (table.set (i32.const 1) (local.get 0))
        (global.set $g (i64.add (global.get $g) (i64.const 1)))
        (global.get $c)))"""
    f = host.export(wat, table, counter, constant)
    assert repr(f(store, "object")) == "-0.0"
    assert table.get(store, 1) == "object"
    assert counter.value(store) == 2**40 + 1
    counter.set_value(store, -1)
    f(store, None)
    assert counter.value(store) == 0
    assert table.grow(store, 2, "new") == 2
    assert [table.get(store, 3), table.size(store)] == ["new", 4]


def test_instances_call_each_other_without_python(host: Any) -> None:
    first = host.instance('(module (func (export "v") (result v128) v128.const i64x2 5 7))')
    wat = (
        '(module (import "" "v" (func $v (result v128))) (func (export "f") (result i64) call $v i64x2.extract_lane 1))'
    )
    assert host.export(wat, first.exports(host.store)["v"])(host.store) == 7


def test_an_interpreted_instance_uses_one_of_the_host_and_the_reverse(host: Any) -> None:
    from wasmarium.runtime.linking import instantiate

    hosted: Any = host.instance('(module (func (export "f") (param i32) (result i32) local.get 0 i32.const 1 i32.add))')
    module = Module(
        host.engine,
        '(module (import "" "f" (func $f (param i32) (result i32)))'
        ' (func (export "g") (param i32) (result i32) local.get 0 call $f i32.const 10 i32.mul))',
    )
    inner = hosted._instance.exports["f"]
    interpreted = instantiate(host.store._runtime, module._module, [inner], None)
    g = Func._of(host.store, interpreted.functions[1])
    assert g(host.store, 4) == 50
    again: Any = Instance(host.store, module, [g])
    assert again.exports(host.store)["g"](host.store, 4) == 500


def test_wrong_arguments_are_refused(host: Any) -> None:
    f = host.export('(module (func (export "f") (param i32)))')
    with pytest.raises(TypeError):
        f(host.store, "no number")


def test_start_functions_see_their_own_memory(host: Any) -> None:
    store = host.store
    seen: list[bytes] = []

    def look(caller: Any) -> None:
        seen.append(bytes(caller["memory"].read(caller, 0, 3)))

    wat = """(module (import "" "g" (func $g)) (memory (export "memory") 1) (data (i32.const 0) "abc")
      (start $s) (func $s call $g))"""
    host.instance(wat, Func(store, FuncType([], []), look, access_caller=True))
    assert seen == [b"abc"]


def test_segments_that_do_not_fit(host: Any) -> None:
    with pytest.raises(Trap, match="out of bounds memory access"):
        host.instance('(module (memory 1) (data (i32.const 65536) "x"))')
    with pytest.raises(Trap, match="out of bounds table access"):
        host.instance("(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))")
