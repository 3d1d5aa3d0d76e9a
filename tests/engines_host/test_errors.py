"""What goes wrong in a guest on the host comes out as with the interpreter."""

from __future__ import annotations

from typing import Any

import pytest

from wasmarium import Func, FuncType, Instance, Module, Store, Tag, TagType, Trap, TrapCode, ValType
from wasmarium.errors import GuestException, GuestExit

I32 = ValType.i32()


@pytest.mark.parametrize(
    ("body", "code", "mnemonic"),
    [
        ("unreachable", TrapCode.UNREACHABLE, "unreachable"),
        ("(drop (i32.div_s (i32.const 1) (i32.const 0)))", TrapCode.INTEGER_DIVISION_BY_ZERO, "i32.div_s"),
        ("(drop (i32.rem_u (i32.const 1) (i32.const 0)))", TrapCode.INTEGER_DIVISION_BY_ZERO, "i32.rem_u"),
        ("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", TrapCode.INTEGER_OVERFLOW, "i32.div_s"),
        ("(drop (i32.trunc_f64_s (f64.const 1e99)))", TrapCode.INTEGER_OVERFLOW, "i32.trunc_f64_s"),
        ("(drop (i32.trunc_f64_s (f64.const nan)))", TrapCode.BAD_CONVERSION_TO_INTEGER, "i32.trunc_f64_s"),
        ("(drop (i64.trunc_f32_u (f32.const nan:0x1)))", TrapCode.BAD_CONVERSION_TO_INTEGER, "i64.trunc_f32_u"),
        ("(drop (i64.trunc_f32_u (f32.const 1e30)))", TrapCode.INTEGER_OVERFLOW, "i64.trunc_f32_u"),
        ("(drop (i64.load (i32.const 65530)))", TrapCode.MEMORY_OUT_OF_BOUNDS, "i64.load"),
        ("(memory.fill (i32.const 1) (i32.const 0) (i32.const 65536))", TrapCode.MEMORY_OUT_OF_BOUNDS, "memory.fill"),
        ("(drop (table.get $t (i32.const 3)))", TrapCode.TABLE_OUT_OF_BOUNDS, "table.get"),
        ("(call_indirect $t (i32.const 3))", TrapCode.UNDEFINED_ELEMENT, "call_indirect"),
        ("(call_indirect $t (i32.const 0))", TrapCode.INDIRECT_CALL_TO_NULL, "call_indirect"),
        ("(call_indirect $full (param i32) (i32.const 0) (i32.const 0))", TrapCode.BAD_SIGNATURE, "call_indirect"),
        ("(call_ref $v (ref.null $v))", TrapCode.NULL_FUNCTION_REFERENCE, "call_ref"),
        ("(drop (ref.as_non_null (ref.null func)))", TrapCode.NULL_REFERENCE, "ref.as_non_null"),
        ("(drop (ref.cast (ref i31) (ref.null any)))", TrapCode.CAST_FAILURE, "ref.cast"),
    ],
)
def test_trap(host: Any, body: str, code: TrapCode, mnemonic: str) -> None:
    wat = f"""(module $m (type $v (func)) (memory 1) (table $t 2 funcref) (elem (i32.const 1) $callee)
      (table $full funcref (elem $callee))
      (func $callee) (elem declare func $inner)
      (func $inner (param i32) {body})
      (func $outer (export "f") nop (call $inner (i32.const 0))))"""
    with pytest.raises(Trap) as caught:
        host.call(wat)
    trap = caught.value
    assert (trap.code, trap.message) == (code, code.message)
    inner, outer = trap.frames
    assert (inner.function_name, inner.mnemonic) == ("inner", mnemonic)
    assert (outer.function_name, outer.mnemonic, outer.instruction) == ("outer", "call", 2)
    assert inner.module_name == "m"


def test_backtrace_is_that_of_the_interpreter(host: Any) -> None:
    from wasmarium import Instance, Module, Store

    wat = """(module (memory 1) (global i32 (i32.const 1))
      (func $a (export "f") (param i32) (result i64) (local f32)
        (if (result i64) (local.get 0) (then (i64.extend_i32_s (call $b (local.get 0)))) (else (i64.const 5))))
      (func $b (param i32) (result i32) (i32.load offset=3 (i32.const -1))))"""
    traps = []
    for store in (host.store, Store()):
        f: Any = Instance(store, Module(store.engine, wat), []).exports(store)["f"]
        with pytest.raises(Trap) as caught:
            f(store, 1)
        traps.append(caught.value)
    assert traps[0].frames == traps[1].frames
    assert str(traps[0]) == str(traps[1])


def test_recursion_without_end(host: Any) -> None:
    f = host.export('(module (func $f (export "f") (param i64 i64 i64) local.get 0 local.get 1 local.get 2 call $f))')
    for _ in range(2):
        with pytest.raises(Trap) as caught:
            f(host.store, 1, 2, 3)
        assert caught.value.code is TrapCode.STACK_OVERFLOW


def test_recursion_without_end_through_python(host: Any) -> None:
    store = host.store
    functions: list[Any] = []
    python = Func(store, FuncType([], []), lambda: functions[0](store))
    functions.append(host.export('(module (import "" "g" (func $g)) (func (export "f") call $g))', python))
    with pytest.raises(Trap) as caught:
        functions[0](store)
    assert caught.value.code is TrapCode.STACK_OVERFLOW


def endless() -> None:
    endless()


def raises() -> None:
    raise RecursionError("mine")


@pytest.mark.parametrize("wrong", [endless, raises])
def test_a_recursion_of_a_host_function_is_its_own(host: Any, wrong: Any) -> None:
    """The error itself comes out, also where the function was called by another host function's guest."""
    for store in (host.store, Store()):
        wat = '(module (import "" "g" (func $g)) (func (export "f") call $g))'
        inner: Any = Instance(store, Module(store.engine, wat), [Func(store, FuncType([], []), wrong)]).exports(store)
        again = Func(store, FuncType([], []), lambda inner=inner, store=store: inner["f"](store))
        outer: Any = Instance(store, Module(store.engine, wat), [again]).exports(store)
        for f in (inner["f"], outer["f"]):
            with pytest.raises(RecursionError):
                f(store)


CALLS = '(module (import "" "g" (func $g)) (func $f (export "f") block $b (try_table (catch_all $b) call $g) end))'


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), GuestExit(3), SystemExit(2)])
def test_python_exceptions_come_out_as_themselves(host: Any, error: BaseException) -> None:
    def g() -> None:
        raise error

    f = host.export(CALLS, Func(host.store, FuncType([], []), g))
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            f(host.store)
        assert caught.value is error


def test_a_trap_of_a_host_function_gets_a_backtrace(host: Any) -> None:
    def failing() -> None:
        raise Trap("no")

    f = host.export(CALLS, Func(host.store, FuncType([], []), failing))
    with pytest.raises(Trap, match="no") as caught:
        f(host.store)
    assert [frame.function_name for frame in caught.value.frames] == ["failing", "f"]


def test_an_exception_passes_through_nested_guests(host: Any) -> None:
    error = ValueError("deep")

    def g() -> None:
        raise error

    store = host.store
    inner = host.export(CALLS, Func(store, FuncType([], []), g))
    outer = host.export(CALLS, Func(store, FuncType([], []), lambda: inner(store)))
    with pytest.raises(ValueError, match="deep") as caught:
        outer(store)
    assert caught.value is error


THROWS = """(module (import "" "g" (func $g (param i32))) (import "" "t" (tag $t (param i32 i64)))
  (func (export "throw") (param i32) local.get 0 i64.const -2 throw $t)
  (func (export "catch") (param i32) (result i32)
    (block $h (result i32 i64) (try_table (catch $t $h) local.get 0 call $g) i32.const 0 return)
    drop))"""


def test_exceptions_of_guests(host: Any) -> None:
    store = host.store
    tag = Tag(store, TagType(FuncType([I32, ValType.i64()], [])))
    exports: Any = {}
    python = Func(store, FuncType([I32], []), lambda x: exports["throw"](store, x))
    exports.update(host.instance(THROWS, python, tag).exports(store))
    with pytest.raises(GuestException) as caught:
        exports["throw"](store, 7)
    thrown = caught.value.exception
    assert thrown.fields == (7, 2**64 - 2)
    assert thrown.tag is tag._external
    # out of one guest, through Python, into a handler of another
    assert exports["catch"](store, 31) == 31
