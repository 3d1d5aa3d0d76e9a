"""Waiting: async host functions, calls on the event loop, slices."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

import pytest

import guest_modules as guests
from wasmarium import (
    Config,
    Engine,
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
from wasmarium.bridge import platform
from wasmarium.bridge.fake import FakePlatform
from wasmarium.errors import Unsupported

NOTHING = FuncType([], [])
PAIR = FuncType([], [ValType.i32(), ValType.i64()])


def drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine; inside Pyodide, whose event loop runs already, that needs JSPI."""
    if sys.platform != "emscripten":
        return asyncio.run(coroutine)
    try:
        return platform().block_on(coroutine)
    except Unsupported as error:
        coroutine.close()
        pytest.skip(error.message)


def callbacks(none: Any = lambda: None, two: Any = lambda: (1, 2), access_caller: bool = False) -> Any:
    store = Store()
    imports = [Func(store, NOTHING, none, access_caller), Func(store, PAIR, two)]
    return store, Instance(store, Module(store.engine, guests.CALLBACKS.wasm), imports).exports(store)


def loops(**options: Any) -> Any:
    config = Config()
    for name, value in options.items():
        setattr(config, name, value)
    store = Store(Engine(config))
    return store, Instance(store, Module(store.engine, guests.LOOPS.wasm), []).exports(store)


# ---- host functions that wait ---------------------------------------------------------------------------------------


async def later() -> tuple[int, int]:
    await asyncio.sleep(0.001)
    return -5, 2**40


def test_awaited_call_waits_for_the_host() -> None:
    store, exported = callbacks(two=later)
    assert drive(exported["two"].call_async(store)) == [-5, 2**40]


def test_plain_call_blocks_for_the_host() -> None:
    store, exported = callbacks(two=later)
    assert exported["two"](store) == [-5, 2**40]


def test_any_awaitable_will_do() -> None:
    class Ready:
        def __await__(self) -> Any:
            yield from asyncio.sleep(0).__await__()
            return 7, 8

    store, exported = callbacks(two=Ready)
    assert exported["two"](store) == [7, 8]


@pytest.mark.cpython("with JSPI the plain call just works")
def test_plain_call_inside_a_running_loop_says_what_to_do() -> None:
    store, exported = callbacks(two=later)

    async def run() -> None:
        with pytest.raises(WasmtimeError, match=r"await func\.call_async"):
            exported["two"](store)
        # which then works
        assert await exported["two"].call_async(store) == [-5, 2**40]

    drive(run())


@pytest.mark.parametrize("blocking", [True, False])
def test_exception_while_waiting_is_the_same_object(blocking) -> None:
    raised = LookupError("after a while")

    async def fail() -> None:
        await asyncio.sleep(0)
        raise raised

    store, exported = callbacks(none=fail)
    with pytest.raises(LookupError) as caught:
        exported["nested"](store) if blocking else drive(exported["nested"].call_async(store))
    assert caught.value is raised


@pytest.mark.parametrize("blocking", [True, False])
def test_wrong_result_after_waiting_is_a_type_error(blocking) -> None:
    async def wrong() -> tuple[str, str]:
        return "a", "b"

    store, exported = callbacks(two=wrong)
    with pytest.raises(TypeError, match="don't know how to convert 'a' to i32"):
        exported["two"](store) if blocking else drive(exported["two"].call_async(store))


def test_exception_that_is_a_result_is_no_failure() -> None:
    store = Store()
    thing = ValueError("only data")

    async def give() -> Any:
        return (thing,)

    echo = Func(store, FuncType([], [ValType.externref()]), give)
    assert echo(store) == (thing,)


def test_caller_is_valid_while_the_host_waits() -> None:
    seen = []

    async def look(caller: Any) -> None:
        await asyncio.sleep(0)
        seen.append(bytes(caller["memory"].read(caller, 8, 14)))
        seen.append(caller)

    store, exported = callbacks(none=look, access_caller=True)
    exported["nested"](store)
    assert seen[0] == b"caller"
    assert seen[1].get("memory") is None


def test_promise_as_an_externref_is_not_awaited() -> None:
    store = Store()

    class Thing:
        def __await__(self) -> Any:
            raise AssertionError("nobody asked for it")
            yield

    thing = Thing()
    assert Func(store, FuncType([], [ValType.externref()]), lambda: thing)(store) is thing


def test_guests_wait_side_by_side() -> None:
    log = []

    async def slow() -> None:
        log.append("begins")
        await asyncio.sleep(0.01)
        log.append("ends")

    async def run() -> None:
        pairs = [callbacks(none=slow) for _ in range(3)]
        await asyncio.gather(*(exported["nested"].call_async(store) for store, exported in pairs))

    drive(run())
    assert log == ["begins"] * 3 + ["ends"] * 3


def test_start_function_that_waits() -> None:
    ran = []

    async def hello() -> None:
        await asyncio.sleep(0)
        ran.append(True)

    engine = Engine()
    linker = Linker(engine)
    linker.define_func("env", "hello", NOTHING, hello)
    module = Module(engine, guests.STARTED.wasm)

    async def run() -> None:
        store = Store(engine)
        instance = await linker.instantiate_async(store, module)
        assert instance.exports(store)["ran"].value(store) == 1
        await linker.instantiate_pre(module).instantiate_async(store)
        await Instance.instantiate_async(store, module, [Func(store, NOTHING, hello)])

    drive(run())
    assert len(ran) == 3


def test_command_that_waits_inside_a_guest() -> None:
    finished = []

    async def hello() -> None:
        await asyncio.sleep(0)
        finished.append(True)

    engine = Engine()
    linker = Linker(engine)
    linker.define_func("env", "hello", NOTHING, hello)
    store = Store(engine)
    linker.define_module(store, "command", Module(engine, guests.COMMAND_CALLS.wasm))
    start = linker.get(store, "command", "_start")
    linker.define(store, "env", "none", start)
    linker.define_func("env", "two", PAIR, lambda: (1, 2))
    exported = linker.instantiate(store, Module(engine, guests.CALLBACKS.wasm)).exports(store)
    drive(exported["nested"].call_async(store))
    exported["nested"](store)
    assert finished == [True, True]


def test_platform_that_cannot_block_says_what_to_do() -> None:
    store = Store(Engine(platform=FakePlatform()))
    function = Func(store, PAIR, later)
    with pytest.raises(WasmtimeError, match=r"await func\.call_async"):
        function(store)
    assert drive(function.call_async(store)) == [-5, 2**40]


# ---- slices ---------------------------------------------------------------------------------------------------------
# (the host engine runs a guest in one piece)


def test_event_loop_breathes_while_a_guest_runs() -> None:
    store, exported = loops(strategy="interpreter")
    breaths = []

    async def breathe() -> None:
        while True:
            breaths.append(True)
            await asyncio.sleep(0)

    async def run() -> int:
        other = asyncio.ensure_future(breathe())
        result: int = await exported["count"].call_async(store, 200_000)
        other.cancel()
        return result

    assert drive(run()) == 7
    assert len(breaths) > 5


def test_endless_guest_can_be_cancelled() -> None:
    store, exported = loops(strategy="interpreter")

    async def run() -> None:
        task = asyncio.ensure_future(exported["forever"].call_async(store))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    drive(run())
    assert exported["n"].value(store) > 0
    assert exported["count"](store, 5) == 7


def test_waiting_guest_can_be_cancelled() -> None:
    async def never() -> None:
        await asyncio.get_running_loop().create_future()

    store, exported = callbacks(none=never)

    async def run() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(exported["nested"].call_async(store), 0.02)

    drive(run())


def test_epoch_interrupts_an_awaited_call() -> None:
    store, exported = loops(epoch_interruption=True)
    store.set_epoch_deadline(1)

    async def run() -> None:
        asyncio.get_running_loop().call_later(0.02, store.engine.increment_epoch)
        with pytest.raises(Trap) as caught:
            await exported["forever"].call_async(store)
        assert caught.value.trap_code is TrapCode.INTERRUPT

    drive(run())


def test_fuel_bounds_an_awaited_call() -> None:
    store, exported = loops(consume_fuel=True)
    store.set_fuel(200_000)
    with pytest.raises(Trap) as caught:
        drive(exported["forever"].call_async(store))
    assert caught.value.trap_code is TrapCode.OUT_OF_FUEL
