"""Memories of the host, what the platform can do, and which engine is chosen."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path
from typing import Any

import pytest

from engines_host.stores import new_store
from wasi.programs import Task, run
from wasmarium import (
    Config,
    Engine,
    Instance,
    Limits,
    Memory,
    MemoryType,
    Module,
    SharedMemory,
    Store,
    capabilities,
    wat2wasm,
)
from wasmarium.bridge.fake import FakePlatform
from wasmarium.cli import main
from wasmarium.errors import Exhausted, Trap, Unsupported, WasmError
from wasmarium.features import DEFAULT
from wasmarium.leb128 import write_unsigned
from wasmarium.runtime.guest_memory import GuestMemory


def test_memory(host: Any) -> None:
    store = host.store
    memory = Memory(store, MemoryType(Limits(1, 3)))
    wat = """(module (memory (import "" "m") 1) (func (export "f") (param i32) (result i32)
      (i32.store8 (i32.const 7) (local.get 0)) (drop (memory.grow (i32.const 1))) (i32.load (i32.const 100000))))"""
    assert memory.write(store, b"before", 100_000 - 65_536) == 6
    f = host.export(wat, memory)
    assert f(store, 65) == 0
    assert (memory.size(store), memory.data_len(store), memory[7]) == (2, 131_072, 65)
    assert bytes(memory[100_000 - 65_536 : 100_000 - 65_530]) == b"before"
    memory[100_000:100_004] = b"\1\0\0\0"
    assert (f(store, 66), memory.size(store)) == (1, 3)
    assert memory.read(store, -3) == bytearray(3)
    with pytest.raises(Exhausted):
        memory.grow(store, 1)
    with pytest.raises(IndexError):
        memory.write(store, b"xx", 3 * 65_536 - 1)
    large = bytes(range(256)) * 600
    memory.write(store, large, 5)
    assert memory.read(store, 5, 5 + len(large)) == large
    assert memory[5:500:7] == large[:495:7]


def test_what_stands_for_a_pointer(host: Any) -> None:
    memory = Memory(host.store, MemoryType(Limits(1, 1)))
    pointer: Any = memory.data_ptr(host.store)
    for index, byte in enumerate(b"bytes"):
        pointer[10 + index] = byte
    pointer[65_535] = -1
    assert (memory.read(host.store, 10, 15), pointer[10], pointer[65_535]) == (b"bytes", ord("b"), 255)
    assert pointer[10:15] == list(b"bytes")
    for use in (
        lambda: ctypes.cast(pointer, ctypes.c_void_p),
        lambda: ctypes.memmove(pointer, b"abc", 3),
        lambda: memory.get_buffer_ptr(host.store, 4),
        lambda: pointer.contents,
    ):
        with pytest.raises((WasmError, ctypes.ArgumentError), match="no address in Python: use read and write"):
            use()


def test_stores_share_a_memory(host: Any) -> None:
    shared = SharedMemory(host.engine, MemoryType(Limits(1, 3), shared=True))
    wat = """(module (import "" "m" (memory $m 1 3 shared)) (export "m" (memory $m))
      (func (export "put") (param i32) (i32.atomic.store (i32.const 8) (local.get 0)))
      (func (export "get") (result i32) (i32.atomic.load (i32.const 12))))"""
    config = Config()
    config.strategy, config.wasm_threads = "host", True
    module = Module(Engine(config), wat)
    stores = [Store(module.engine) for _ in range(2)]
    made = [Instance(store, module, [shared]) for store in stores]
    assert [each.fallback for each in made] == [None, None]
    first, second = [each.exports(store) for each, store in zip(made, stores, strict=True)]
    first["put"](stores[0], 77)
    pointer: Any = shared.data_ptr()
    pointer[12] = 5
    assert (pointer[8], second["get"](stores[1])) == (77, 5)
    again: Any = first["m"]
    assert (shared.grow(1), shared.size(), again.size(), again.data_len()) == (1, 2, 2, 131_072)
    third: Any = Instance(stores[1], module, [again]).exports(stores[1])
    assert third["get"](stores[1]) == 5


def test_guest_memory(host: Any) -> None:
    memory = Memory(host.store, MemoryType(Limits(1, 1)))
    guest = GuestMemory(memory._external)
    guest.write(10, b"hello, world")
    assert guest.gather([(10, 5), (65_536, 0), (15, 7)]) == b"hello, world"
    assert guest.scatter([(100, 2), (200, 5)], b"abcd") == 4
    assert (guest.read(100, 2), guest.read(200, 3)) == (b"ab", b"cd\0")
    large = bytes(range(256)) * 100
    assert guest.scatter([(300, 12_000), (20_000, 10_000), (40_000, 9_000)], large) == len(large)
    assert guest.gather([(300, 12_000), (20_000, 10_000), (40_000, 3_600)]) == large
    assert guest.scatter([(0, 3), (65_530, 6)], b"\1" * 9) == 9
    with pytest.raises(Trap, match="out of bounds memory access"):
        guest.scatter([(0, 3), (65_530, 7)], b"\1" * 10)
    guest.write_unsigned(300, 1 << 40, 8)
    assert guest.read_unsigned(300, 8) == 1 << 40
    for address, count in ((65_530, 7), (-1, 1), (1 << 70, 1), (0, 65_537)):
        with pytest.raises(Trap, match="out of bounds memory access"):
            guest.read(address, count)
        with pytest.raises(Trap, match="out of bounds memory access"):
            guest.write(address, bytes(count))


def test_a_store_bounds_its_memories(host: Any) -> None:
    store = host.store
    store.set_limits(memory_size=3 * 65_536)
    wat = '(module (memory {0}) (func (export "f") (param i32) (result i32) (memory.grow (local.get 0))))'
    f = host.export(wat.format(1))
    assert [f(store, 2), f(store, 1)] == [1, -1]
    with pytest.raises(Exhausted):
        host.instance(wat.format(4))


def test_a_large_module(host: Any) -> None:
    # Chromium compiles and links no more than 8 MB at once on the thread of a page
    size = 9 << 20
    wat = """(module (memory 1) (data "") (func (export "f") (result i32)
      (memory.init 0 (i32.const 0) (i32.const 9437183) (i32.const 1)) (i32.load8_u (i32.const 0))))"""
    small = bytes(wat2wasm(wat))
    segment = bytearray(b"\x01\x01")
    write_unsigned(size, segment)
    segment += bytes(size - 1) + b"!"
    section = bytearray(b"\x0b")
    write_unsigned(len(segment), section)
    before, empty, after = small.partition(b"\x0b\x03\x01\x01\x00")
    assert (empty, after) == (b"\x0b\x03\x01\x01\x00", b"")
    module = Module(host.engine, before + section + segment)
    instance: Any = Instance(host.store, module, [])
    assert (instance.fallback, instance.exports(host.store)["f"](host.store)) == (None, ord("!"))


def test_capabilities() -> None:
    found = capabilities()
    assert found.engines == ("interpreter", "host")
    # the browsers and the Node that the tests run on have all of 3.0, and JSPI
    assert {name for name, has in found.host_features.items() if has} >= DEFAULT
    assert (found.suspends, found.blocks, found.host_missing) == (True, True, None)
    assert (found.waiting, found.waiting_reason) == ("jspi", "the host suspends WebAssembly (JSPI)")


def test_what_the_host_lacks_is_interpreted(host: Any) -> None:
    lacking = [name for name, has in capabilities().host_features.items() if not has]
    if "custom-page-sizes" not in lacking:
        pytest.skip("this host has pages of one byte")
    store = new_store(wasm_custom_page_sizes=True)
    wat = '(module (memory 3 (pagesize 1)) (func (export "f") (result i32) memory.size))'
    instance: Any = Instance(store, Module(store.engine, wat), [])
    assert instance.exports(store)["f"](store) == 3
    assert "WebAssembly says" in instance.fallback


def test_what_needs_instrumentation_gets_it() -> None:
    engine = new_store(1, epoch_interruption=True).engine
    assert (engine.strategy, engine.fallback) == ("host", None)


def test_the_fastest_is_the_default() -> None:
    assert (Engine().strategy, Engine().fallback) == ("host", None)
    config = Config()
    config.strategy = "cranelift"
    assert Engine(config).strategy == "host"
    config.epoch_interruption = True
    assert Engine(config).strategy == "host"
    # a platform without a WebAssembly of its own
    assert (Engine(platform=FakePlatform()).strategy, Engine(platform=FakePlatform()).fallback) == ("interpreter", None)
    config.strategy = "host"
    with pytest.raises(WasmError, match="host engine runs in Pyodide"):
        Engine(config, platform=FakePlatform())


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMARIUM_ENGINE", "interpreter")
    assert Engine().strategy == "interpreter"
    monkeypatch.setenv("WASMARIUM_ENGINE", "host")
    assert Engine().strategy == "host"
    config = Config()
    config.strategy = "interpreter"
    assert Engine(config).strategy == "interpreter"
    monkeypatch.setenv("WASMARIUM_ENGINE", "fastest")
    with pytest.raises(WasmError, match="WASMARIUM_ENGINE"):
        Engine()


@pytest.mark.shared("bench")
def test_kernels(host: Any, shared: Path) -> None:
    manifest = json.loads((shared / "bench" / "manifest.json").read_text())
    for kernel in manifest.values():
        if "sizes" not in kernel:
            continue
        case = kernel["sizes"]["medium"]
        module = Module(host.engine, (shared / "bench" / kernel["file"]).read_bytes())
        exports: Any = Instance(host.store, module, []).exports(host.store)
        found, expected = exports["run"](host.store, case["arg"]), case["expected"]
        if isinstance(expected, int):
            assert (found - expected) % (1 << (32 if kernel["result"] == "i32" else 64)) == 0
        else:
            assert found == expected


@pytest.mark.shared("guests")
def test_guests(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMARIUM_ENGINE", "host")
    run_guests(shared / "guests", tmp_path, go=False)


@pytest.mark.shared("guests")
@pytest.mark.long("Go's module has 2 MB to be validated")
def test_guest_in_go(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMARIUM_ENGINE", "host")
    run_guests(shared / "guests", tmp_path, go=True)


def run_guests(folder: Path, scratch: Path, go: bool) -> None:
    ran = 0
    for index, case in enumerate(json.loads((folder / "expected.json").read_text())):
        if case["wasm"].startswith("go/") is not go:
            continue
        task = Task(folder / case["wasm"], case["args"], case.get("env", {}), case.get("stdin", "").encode())
        place = scratch / str(index)
        place.mkdir()
        if case.get("dir"):
            task.directory, task.name = place / "dir", case["dir"]
            task.directory.mkdir()
        ended, wanted = run(task, "host", "host", place), case["expect"]
        found = (ended.stdout.decode(), ended.stderr.decode(), ended.code, ended.trap)
        assert found == (wanted["stdout"], wanted["stderr"], wanted.get("exit"), wanted.get("trap")), case["wasm"]
        ran += 1
    assert ran


def test_the_command_tells_what_runs_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "seven.wat"
    file.write_text('(module (func (export "f") (result i32) (i32.const 7)))')
    assert main(["run", "--engine", "host", "--invoke", "f", str(file)]) == 0
    assert capfd.readouterr() == ("7\n", "")

    def refuse(bridge: Any, data: bytes) -> Any:
        raise Unsupported("this platform's WebAssembly says: no")

    monkeypatch.setattr("wasmarium.bridge.browser.webassembly.BrowserWebAssembly.compile", refuse)
    assert main(["run", "--engine", "host", "--invoke", "f", str(file)]) == 0
    said = f"wasmarium: {file} runs on the interpreter: this platform's WebAssembly says: no\n"
    assert capfd.readouterr() == ("7\n", said)
    assert main(["run", "--invoke", "f", str(file)]) == 0
    assert capfd.readouterr() == ("7\n", "")
