"""Calling and being called: arguments, results, traps, exceptions. What takes `api` holds for wasmtime-py too."""

from __future__ import annotations

import math
from typing import Any

import pytest

import guest_modules as guests
import wasmarium


def exports(api: Any, guest: guests.Guest, *functions: Any, store: Any = None) -> tuple[Any, Any]:
    """A store, and the exports of an instance in it; `functions` are (FuncType, Python function) pairs to import."""
    store = store or api.Store()
    module = api.Module(store.engine, guest.wasm)
    imports = [api.Func(store, *function) for function in functions]
    return store, api.Instance(store, module, imports).exports(store)


def values(api: Any, f: Any = lambda number: number) -> tuple[Any, Any]:
    signature = api.FuncType([api.ValType.i32()], [api.ValType.i64()])
    return exports(api, guests.VALUES, (signature, f))


# ---- arguments and results ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given", "result"),
    [
        ("i32", 2**31 - 1, 2**31 - 1),
        ("i32", 2**31, -(2**31)),
        ("i32", -1, -1),
        ("i32", 2**32 + 5, 5),
        ("i32", True, 1),
        ("i64", 2**63, -(2**63)),
        ("i64", -1, -1),
        ("i64", -(2**70), 0),
        ("f32", 0.1, 0.10000000149011612),
        ("f32", 1e300, math.inf),
        ("f64", 0.1, 0.1),
        ("externref", {"any": ["object"]}, {"any": ["object"]}),
        ("externref", 0, 0),
        ("externref", None, None),
        ("funcref", None, None),
    ],
)
def test_values_go_in_and_come_out(api, name, given, result) -> None:
    store, exported = values(api)
    got = exported[name](store, given)
    assert got == result
    assert type(got) is type(result)


def test_nan_and_negative_zero(api) -> None:
    store, exported = values(api)
    assert math.isnan(exported["f32"](store, math.nan))
    assert math.copysign(1, exported["f64"](store, -0.0)) == -1


def test_externref_keeps_identity(api) -> None:
    store, exported = values(api)
    thing = object()
    assert exported["externref"](store, thing) is thing


def test_functions_go_in_and_come_out(api) -> None:
    store, exported = values(api)
    back = exported["funcref"](store, exported["i32"])
    assert isinstance(back, api.Func)
    assert back(store, 7) == 7


@pytest.mark.parametrize(
    ("name", "given"), [("i32", 1.5), ("i32", "1"), ("i32", None), ("f32", 1), ("f64", "x"), ("funcref", 3)]
)
def test_argument_of_another_type_is_a_type_error(api, name, given) -> None:
    store, exported = values(api)
    with pytest.raises(TypeError, match="don't know how to convert"):
        exported[name](store, given)


def test_number_of_arguments_is_checked(api) -> None:
    store, exported = values(api)
    with pytest.raises(api.WasmtimeError, match="too few parameters provided: given 0, expected 1"):
        exported["i32"](store)
    with pytest.raises(api.WasmtimeError, match="too many parameters provided: given 2, expected 1"):
        exported["i32"](store, 1, 2)


def test_none_one_and_several_results(api) -> None:
    store, exported = values(api)
    assert exported["none"](store) is None
    assert exported["i32"](store, 4) == 4
    assert exported["two"](store) == [-1, 0.5]


def test_vals_are_taken_when_their_type_fits(api) -> None:
    store, exported = values(api)
    assert exported["i32"](store, api.Val.i32(3)) == 3
    with pytest.raises(TypeError, match="wrong type of `Val` provided"):
        exported["i32"](store, api.Val.i64(3))


def test_type_of_a_function(api) -> None:
    store, exported = values(api)
    found = exported["two"].type(store)
    assert [str(each) for each in found.results] == ["i32", "f64"]
    assert found.params == []


def test_vectors_are_integers() -> None:
    v128 = wasmarium.ValType.v128()
    store = wasmarium.Store()
    echo = wasmarium.Func(store, wasmarium.FuncType([v128], [v128]), lambda value: value)
    assert echo(store, 2**127 + 1) == 2**127 + 1
    assert echo(store, bytes(15) + b"\1") == 1 << 120
    with pytest.raises(TypeError):
        echo(store, b"short")


# ---- functions of the host ------------------------------------------------------------------------------------------


def test_host_function_gets_signed_values(api) -> None:
    got = []
    store, exported = values(api, lambda number: got.append(number) or -3)
    assert exported["call f"](store, 2**32 - 7) == -3
    assert got == [-7]


@pytest.mark.parametrize("wrong", [None, 1.5, "x", [1]])
def test_wrong_result_of_a_host_function_is_a_type_error(api, wrong) -> None:
    store, exported = values(api, lambda number: wrong)
    with pytest.raises(TypeError, match="don't know how to convert"):
        exported["call f"](store, 1)


def callbacks(api: Any, none: Any = lambda: None, two: Any = lambda: (1, 2), access_caller: bool = False) -> Any:
    types = api.ValType.i32(), api.ValType.i64()
    nothing, pair = api.FuncType([], []), api.FuncType([], list(types))
    return exports(api, guests.CALLBACKS, (nothing, none, access_caller), (pair, two))


def test_several_results_of_a_host_function(api) -> None:
    store, exported = callbacks(api, two=lambda: (-1, 2**40))
    assert exported["two"](store) == [-1, 2**40]


def test_number_of_results_of_a_host_function_is_checked(api) -> None:
    store, exported = callbacks(api, none=lambda: 3, two=lambda: (1, 2, 3))
    with pytest.raises(api.WasmtimeError, match="callback produced results when it shouldn't"):
        exported["none"](store)
    with pytest.raises(api.WasmtimeError, match="callback produced wrong number of results"):
        exported["two"](store)


class Odd(BaseException):
    """Not an Exception."""


@pytest.mark.parametrize("kind", [ValueError, Odd, KeyboardInterrupt, SystemExit, ZeroDivisionError])
@pytest.mark.parametrize("export", ["none", "nested"])
def test_exception_comes_out_as_the_same_object(api, kind, export) -> None:
    raised = kind("from the host")

    def fail() -> None:
        raise raised

    store, exported = callbacks(api, none=fail)
    with pytest.raises(kind) as caught:
        exported[export](store)
    assert caught.value is raised


@pytest.mark.parametrize("kind", ["Trap", "WasmtimeError"])
def test_our_own_errors_come_out_as_the_same_object(api, kind) -> None:
    raised = getattr(api, kind)("made by the host")

    def fail() -> None:
        raise raised

    store, exported = callbacks(api, none=fail)
    with pytest.raises(getattr(api, kind), match="made by the host") as caught:
        exported["nested"](store)
    assert caught.value is raised
    if kind == "Trap":
        assert raised.trap_code is None


def test_store_can_be_used_after_an_exception(api) -> None:
    store, exported = callbacks(api, none=lambda: 1 // 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            exported["nested"](store)
    assert exported["two"](store) == [1, 2]


def test_guest_and_host_may_call_each_other_deeply(api) -> None:
    depth = []
    holder = {}

    def again() -> None:
        depth.append(0)
        if len(depth) < 20:
            holder["exported"]["nested"](holder["store"])

    holder["store"], holder["exported"] = callbacks(api, none=again)
    holder["exported"]["nested"](holder["store"])
    assert len(depth) == 20


def test_caller_gives_exports_and_stands_for_the_store(api) -> None:
    seen: dict[str, Any] = {}

    def look(caller: Any) -> None:
        memory = caller["memory"]
        seen["read"] = bytes(memory.read(caller, 8, 14))
        seen["missing"] = caller.get("no such export")
        seen["function"] = type(caller.get("two"))
        with pytest.raises(KeyError):
            caller["no such export"]
        seen["caller"] = caller
        seen["memory"] = memory

    store, exported = callbacks(api, none=look, access_caller=True)
    exported["none"](store)
    assert seen["read"] == b"caller"
    assert seen["missing"] is None
    assert seen["function"] is api.Func
    # its time is over
    assert seen["caller"].get("memory") is None
    with pytest.raises(KeyError):
        seen["caller"]["memory"]
    with pytest.raises(ValueError, match="no longer valid"):
        seen["memory"].size(seen["caller"])


def test_caller_is_nobody_when_the_host_calls(api) -> None:
    store = api.Store()
    seen = []
    function = api.Func(store, api.FuncType([], []), lambda caller: seen.append(caller.get("memory")), True)
    function(store)
    assert seen == [None]


# ---- traps ----------------------------------------------------------------------------------------------------------


def test_trap_has_code_and_backtrace(api) -> None:
    store, exported = values(api)
    with pytest.raises(api.Trap, match="unreachable") as caught:
        exported["outer"](store)
    trap = caught.value
    assert trap.trap_code is api.TrapCode.UNREACHABLE
    frames = [(frame.func_index, frame.func_name, frame.module_name) for frame in trap.frames]
    assert frames == [(11, "boom", None), (12, "outer", None)]
    start = guests.VALUES.wasm.index(bytes.fromhex("00000b"))
    assert [frame.func_offset for frame in trap.frames] == [1, 2]
    assert trap.frames[0].module_offset == start + 1


def test_trap_is_no_wasmtime_error(api) -> None:
    assert not issubclass(api.Trap, api.WasmtimeError)
    assert issubclass(api.ExitTrap, api.WasmtimeError)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((1, 0), "INTEGER_DIVISION_BY_ZERO", "integer divide by zero"),
        ((-(2**31), -1), "INTEGER_OVERFLOW", "integer overflow"),
    ],
)
def test_arithmetic_traps(api, arguments, code, words) -> None:
    store, exported = exports(api, guests.CALCULATOR)
    with pytest.raises(api.Trap, match=words) as caught:
        exported["div"](store, *arguments)
    assert caught.value.trap_code is getattr(api.TrapCode, code)
    assert caught.value.frames[0].module_name == "calculator"


def test_memory_trap(api) -> None:
    store, exported = values(api)
    with pytest.raises(api.Trap, match="out of bounds memory access") as caught:
        exported["load"](store, 65533)
    assert caught.value.trap_code is api.TrapCode.MEMORY_OUT_OF_BOUNDS


def test_endless_recursion_traps(api) -> None:
    store, exported = values(api)
    with pytest.raises(api.Trap) as caught:
        exported["deep"](store)
    assert caught.value.trap_code is api.TrapCode.STACK_OVERFLOW


def test_trap_made_by_hand(api) -> None:
    trap = api.Trap("my own")
    assert (trap.message, str(trap), list(trap.frames), trap.trap_code) == ("my own", "my own", [], None)


def test_trap_codes_are_those_of_wasmtime() -> None:
    wasmtime = pytest.importorskip("wasmtime")
    ours = {code.name: code.value for code in wasmarium.TrapCode if code.value < 1000}
    # the one that is installed may be older, and lack some
    theirs = {code.name: code.value for code in wasmtime.TrapCode}
    assert {name: ours.get(name) for name in theirs} == theirs


# ---- stores do not mix ----------------------------------------------------------------------------------------------


def test_things_of_another_store_are_refused() -> None:
    store, exported = values(wasmarium)
    other = wasmarium.Store()
    with pytest.raises(wasmarium.WasmtimeError, match="wrong store"):
        exported["none"](other)
    with pytest.raises(wasmarium.WasmtimeError, match="wrong store"):
        exported["mem"].read(other)
    elsewhere = wasmarium.Func(other, wasmarium.FuncType([], []), lambda: None)
    with pytest.raises(wasmarium.WasmtimeError, match="wrong store"):
        exported["funcref"](store, elsewhere)
    with pytest.raises(TypeError, match="expected a Store"):
        exported["none"]("not a store")


def test_import_of_another_store_is_refused(api) -> None:
    store = api.Store()
    function = api.Func(store, api.FuncType([], []), lambda: None)
    other = api.Store(store.engine)
    with pytest.raises(api.WasmtimeError, match="cross-`Store`"):
        api.Instance(other, api.Module(store.engine, guests.STARTED.wasm), [function])


def test_a_module_of_another_engine_is_refused(api) -> None:
    """Its limits may not be those of the store."""
    engine, other = api.Engine(), api.Engine()
    module = api.Module(engine, "(module)")
    for instantiate in (
        lambda: api.Instance(api.Store(other), module, []),
        lambda: api.Linker(engine).instantiate(api.Store(other), module),
        lambda: api.Linker(other).instantiate(api.Store(other), module),
        lambda: api.Linker(engine).instantiate_pre(module).instantiate(api.Store(other)),
    ):
        with pytest.raises(api.WasmtimeError, match="cross-`Engine`"):
            instantiate()
    api.Linker(engine).instantiate(api.Store(engine), module)


def test_a_closed_engine_is_refused(api) -> None:
    engine = api.Engine()
    engine.close()
    for use in (lambda: api.Store(engine), lambda: api.Linker(engine), engine.increment_epoch):
        with pytest.raises(ValueError, match="already closed"):
            use()


def test_a_recursion_error_of_the_host_is_the_hosts(api) -> None:
    """A function that calls itself without end, and one that raises it: no trap, as nothing of a guest is wrong."""

    def endless(number: int) -> int:
        return endless(number)

    raised = RecursionError("mine")

    def raises(number: int) -> int:
        raise raised

    store, exported = values(api, endless)
    with pytest.raises(RecursionError):
        exported["call f"](store, 1)
    store, exported = values(api, raises)
    with pytest.raises(RecursionError) as caught:
        exported["call f"](store, 1)
    assert caught.value is raised
