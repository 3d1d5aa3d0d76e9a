"""A store's policy: what of a WasiConfig reaches the guest, what bounds it, and what it needs of the engine."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from wasmarium import Config, Engine, Linker, Module, Policy, Store, Trap, TrapCode, WasiConfig, WasmtimeError
from wasmarium.bridge import platform
from wasmarium.policy import Decision

WASI = "wasi_snapshot_preview1"
GUEST = f"""(module
  (import "{WASI}" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
  (import "{WASI}" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
  (import "{WASI}" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasmarium" "http_open" (func $http (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 100) "newGEThttp://127.0.0.1:1/")
  (func (export "variables") (result i32) (drop (call $environ (i32.const 0) (i32.const 4))) (i32.load (i32.const 0)))
  (func (export "prestat") (param i32) (result i32) (call $prestat (local.get 0) (i32.const 0)))
  (func (export "create") (param i32) (result i32)
    (call $open (local.get 0) (i32.const 0) (i32.const 100) (i32.const 3) (i32.const 1)
                (i64.const 66) (i64.const 66) (i32.const 0) (i32.const 0)))
  (func (export "fetch") (result i32)
    (call $http (i32.const 103) (i32.const 3) (i32.const 106) (i32.const 19)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "forever") (loop (br 0))))"""
BADF, PERM, ACCES = 8, 63, 2


def guest(store: Store) -> Any:
    linker = Linker(store.engine)
    linker.define_wasi()
    linker.define_wasmarium()
    exports = linker.instantiate(store, Module(store.engine, GUEST)).exports(store)

    def call(name: str, *arguments: int) -> Any:
        function: Any = exports[name]
        return function(store, *arguments)

    return call


def test_a_policy_grants_less_than_the_world_has(tmp_path: Path) -> None:
    log: list[Decision] = []
    for name in ("read", "write", "none"):
        (tmp_path / name).mkdir()
    wasi = WasiConfig()
    wasi.env = [("SEEN", "1"), ("HIDDEN", "2")]
    for name in ("read", "write", "none"):
        wasi.preopen_dir(tmp_path / name, f"/{name}")
    with Store() as store:
        store.set_policy(
            Policy(environment=frozenset({"SEEN"}), directories={"/read": False, "/write": True}, audit=log.append)
        )
        store.set_wasi(wasi)
        call = guest(store)
        assert call("variables") == 1
        assert [call("prestat", fd) for fd in (3, 4, 5)] == [0, 0, BADF]
        assert [call("create", fd) for fd in (3, 4)] == [PERM, 0]
        assert call("fetch") == ACCES
    assert [path.name for path in tmp_path.rglob("new")] == ["new"]
    assert [str(decision) for decision in log if not decision.granted] == [
        "denied environment HIDDEN: needs environment HIDDEN",
        "denied directory:write /read: needs directory /read for writing",
        "denied directory:read /none: needs directory /none for reading",
        "denied fetch GET http://127.0.0.1:1/: needs fetch http://127.0.0.1:1 for GET",
    ]


def test_without_a_policy_what_was_named_is_given_and_no_network(tmp_path: Path) -> None:
    wasi = WasiConfig()
    wasi.env = [("A", "1"), ("B", "2")]
    wasi.preopen_dir(tmp_path, "/")
    with Store() as store:
        store.set_wasi(wasi)
        call = guest(store)
        assert (call("variables"), call("create", 3), call("fetch")) == (2, 0, ACCES)


def test_bounds() -> None:
    config = Config()
    config.consume_fuel = True
    with Store(Engine(config)) as store:
        store.set_policy(Policy(memory=3 << 16, fuel=10_000))
        store.set_wasi(WasiConfig())
        call = guest(store)
        assert (call("grow", 2), call("grow", 1)) == (1, -1)
        with pytest.raises(Exception, match="fuel"):
            call("forever")


def test_time() -> None:
    config = Config()
    config.epoch_interruption = True
    with Store(Engine(config)) as store:
        store.set_policy(Policy(wall_time=200_000_000))
        store.set_wasi(WasiConfig())
        with pytest.raises(Exception, match="interrupt"):
            guest(store)("forever")


def test_what_a_policy_needs() -> None:
    with Store() as store:
        with pytest.raises(WasmtimeError, match="fuel is not configured"):
            store.set_policy(Policy(fuel=1))
        with pytest.raises(WasmtimeError, match=r"needs Config\.epoch_interruption"):
            store.set_policy(Policy(wall_time=1))
        store.set_wasi(WasiConfig())
        with pytest.raises(WasmtimeError, match="comes before set_wasi"):
            store.set_policy(Policy())


@pytest.mark.cpython("elsewhere the network is the browser's")
def test_without_the_extra_the_network_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "wasmarium.bridge.native.network", raising=False)
    with Store() as store:
        store.set_policy(Policy(fetch={"*": None}))
        with pytest.raises(WasmtimeError, match=r'needs the package aiohttp.*pip install "wasmarium\[native\]"'):
            guest(store)("fetch")
    with Store() as store:
        # who may not use it needs nothing
        assert guest(store)("fetch") == ACCES


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("environment", "PATH"),
        ("directories", ["/"]),
        ("fetch", "https://api.example"),
        ("fetch", ["https://api.example"]),
        ("fetch", {"https://api.example": "GET"}),
        ("websockets", "wss://api.example/x"),
        ("memory", 1.5),
        ("requests", True),
    ],
)
def test_what_is_of_another_kind_is_refused(field: str, value: Any) -> None:
    """A string is a collection of its letters to Python, and no grant."""
    with pytest.raises(TypeError):
        Policy(**{field: value})


SLEEPER = f"""(module
  (import "{WASI}" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "sleep") (param $nanoseconds i64) (result i32)
    (i32.store8 (i32.const 8) (i32.const 0)) (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (local.get $nanoseconds))
    (call $poll (i32.const 0) (i32.const 96) (i32.const 1) (i32.const 200))))"""
LONG = 60_000_000_000


def sleeper(wall_time: int | None = None) -> tuple[Store, Any]:
    config = Config()
    config.epoch_interruption = wall_time is not None
    store = Store(Engine(config))
    if wall_time is not None:
        store.set_policy(Policy(wall_time=wall_time))
    store.set_wasi(WasiConfig())
    linker = Linker(store.engine)
    linker.define_wasi()
    instance = linker.instantiate(store, Module(store.engine, SLEEPER))
    return store, instance.exports(store)["sleep"]


def test_time_is_up_for_a_guest_that_sleeps() -> None:
    store, sleep = sleeper(wall_time=1_000_000_000)
    assert sleep(store, 1_000_000) == 0
    with pytest.raises(Trap) as caught:
        sleep(store, LONG)
    assert caught.value.trap_code is TrapCode.INTERRUPT


def test_the_event_loop_goes_on_while_a_guest_sleeps() -> None:
    store, sleep = sleeper()

    async def run() -> int:
        turns = 0
        sleeping = asyncio.ensure_future(sleep.call_async(store, 100_000_000))
        while not sleeping.done():
            await asyncio.sleep(0.001)
            turns += 1
        assert await sleeping == 0
        return turns

    assert platform().block_on(run()) > 3
