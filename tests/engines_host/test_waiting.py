"""Host functions that wait: the guest is suspended, by the browser (JSPI)."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from wasmarium import Func, FuncType, Instance, Linker, Module, Trap, ValType, WasiConfig, capabilities

I32 = ValType.i32()
WAITS = """(module (import "" "g" (func $g (param i32) (result i32)))
  (func (export "f") (param i32) (result i32) (i32.add (call $g (local.get 0)) (call $g (i32.const 100)))))"""


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    from pyodide.ffi import run_sync

    return run_sync(coroutine)


def waiting(host: Any, turns: int = 2) -> Func:
    async def g(x: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return 2 * x

    return Func(host.store, FuncType([I32], [I32]), g)


def test_a_call_holds_its_caller(host: Any) -> None:
    assert host.export(WAITS, waiting(host))(host.store, 5) == 210


def test_calls_may_overlap(host: Any) -> None:
    f = host.export(WAITS, waiting(host, 3))

    async def all_of_them() -> Any:
        return await asyncio.gather(*(f.call_async(host.store, i) for i in range(5)))

    assert run(all_of_them()) == [200 + 2 * i for i in range(5)]


def test_an_exception_after_a_wait(host: Any) -> None:
    error = ValueError("late")

    async def g(x: int) -> int:
        await asyncio.sleep(0)
        raise error

    f = host.export(WAITS, Func(host.store, FuncType([I32], [I32]), g))
    with pytest.raises(ValueError, match="late") as caught:
        f(host.store, 1)
    assert caught.value is error


def test_a_trap_after_a_wait(host: Any) -> None:
    wat = """(module (import "" "g" (func $g (param i32) (result i32)))
      (func $f (export "f") (result i32) (i32.div_u (i32.const 1) (call $g (i32.const 0)))))"""
    f = host.export(wat, waiting(host))
    with pytest.raises(Trap, match="integer divide by zero") as caught:
        f(host.store)
    assert [(frame.function_name, frame.mnemonic) for frame in caught.value.frames] == [("f", "i32.div_u")]


def test_a_guest_within_a_guest_waits(host: Any) -> None:
    store = host.store
    inner = host.export(WAITS, waiting(host))
    outer = host.export(WAITS, Func(store, FuncType([I32], [I32]), lambda x: inner.call_async(store, x)))
    assert outer(store, 1) == 202 + 400


@pytest.fixture
def without_jspi() -> Iterator[Any]:
    """A platform as a browser that has none, and no workers either: test_worker.py has those."""
    from js import Object, Reflect, WebAssembly

    from wasmarium.bridge.browser import BrowserPlatform

    description = Object.getOwnPropertyDescriptor(WebAssembly, "Suspending")
    Reflect.deleteProperty(WebAssembly, "Suspending")
    yield BrowserPlatform("interpreter")
    Object.defineProperty(WebAssembly, "Suspending", description)


def test_guests_that_may_wait_are_interpreted_where_the_host_cannot_suspend(without_jspi: Any, new_host: Any) -> None:
    made = new_host(without_jspi)
    assert capabilities(platform=without_jspi).suspends is False
    module = Module(made.engine, WAITS)
    instance: Any = Instance(made.store, module, [waiting(made)])
    assert "JSPI" in instance.fallback
    f = instance.exports(made.store)["f"]
    assert run(f.call_async(made.store, 5)) == 210
    # and so are those that import from them
    second: Any = Instance(made.store, Module(made.engine, WAITS), [f])
    assert "JSPI" in second.fallback
    assert run(second.exports(made.store)["f"].call_async(made.store, 1)) == 202 + 400
    # others are not
    plain = Func(made.store, FuncType([I32], [I32]), lambda x: x + 1)
    assert made.export(WAITS, plain)(made.store, 5) == 107


def test_wasi_waits_where_the_host_cannot_suspend(without_jspi: Any, new_host: Any) -> None:
    made = new_host(without_jspi)
    linker = Linker(made.engine)
    linker.define_wasi()
    wasi = WasiConfig()
    wasi.stdin_custom = lambda count: b"hi"
    made.store.set_wasi(wasi)
    wat = """(module (import "wasi_snapshot_preview1" "fd_read" (func $r (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "\\40\\00\\00\\00\\08\\00\\00\\00")
      (func (export "f") (result i32) (drop (call $r (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 100)))
        (i32.load16_u (i32.const 0x40))))"""
    instance: Any = linker.instantiate(made.store, Module(made.engine, wat))
    assert "JSPI" in instance.fallback
    assert instance.exports(made.store)["f"](made.store) == int.from_bytes(b"hi", "little")


def test_callbacks_go_with_their_store(new_host: Callable[[], Any]) -> None:
    made = new_host()
    thing = type("Thing", (), {})()
    f = made.export(WAITS, waiting(made))
    keep = made.export(
        '(module (table 1 externref) (func (export "f") (param externref) (table.set (i32.const 0) (local.get 0))))'
    )
    keep(made.store, thing)
    assert f(made.store, 1) == 202
    realm = f._external.realm
    glue = realm.glue
    assert glue.alive() == 1
    references = weakref.ref(realm), weakref.ref(thing)
    del realm, f, keep, thing, made
    gc.collect()
    gc.collect()
    assert [reference() for reference in references] == [None, None]
    assert glue.alive() == 0
