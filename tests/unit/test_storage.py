"""Files that are still there next time."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from wasmarium import Config, Engine, Linker, Module, Store, WasiConfig, WasmtimeError, open_storage
from wasmarium.bridge.fake import FakePlatform

INSIDE = sys.platform == "emscripten"
WRITER = """(module
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 100) "notekept")
  (data (i32.const 200) "\\68\\00\\00\\00\\04\\00\\00\\00")
  (func (export "f") (result i32)
    (i32.add
      (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 4) (i32.const 1)
                  (i64.const 66) (i64.const 66) (i32.const 0) (i32.const 0))
      (call $write (i32.load (i32.const 0)) (i32.const 200) (i32.const 1) (i32.const 0)))))"""


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    if not INSIDE:
        return asyncio.run(coroutine)
    from pyodide.ffi import run_sync

    return run_sync(coroutine)


def has_storage() -> bool:
    if not INSIDE:
        return True
    from wasmarium.bridge.browser.network import on_node

    return not on_node()


@pytest.mark.parametrize("strategy", ["interpreter", "host"])
def test_what_a_guest_wrote_is_there_next_time(strategy: str, tmp_path: Path, monkeypatch: Any) -> None:
    if strategy == "host" and not INSIDE:
        pytest.skip("the host engine runs in Pyodide only")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    name = f"test-{strategy}"
    if not has_storage():
        with pytest.raises(WasmtimeError, match="needs a browser"):
            run(open_storage(name))
        return
    storage = run(open_storage(name))
    for left in os.listdir(storage.path):
        os.remove(os.path.join(storage.path, left))
    run(storage.save())
    config = Config()
    config.strategy = strategy
    engine = Engine(config)
    linker = Linker(engine)
    linker.define_wasi()
    wasi = WasiConfig()
    wasi.preopen_dir(storage.path, "/")
    with Store(engine) as store:
        store.set_wasi(wasi)
        function: Any = linker.instantiate(store, Module(engine, WRITER)).exports(store)["f"]
        assert function(store) == 0
    run(storage.save())
    # what was not saved is not there: this removes it from memory only
    if INSIDE:
        os.remove(os.path.join(storage.path, "note"))
    again = run(open_storage(name))
    assert Path(again.path, "note").read_bytes() == b"kept"
    other = run(open_storage(f"{name}-other"))
    assert os.listdir(other.path) == []


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "ü", "x" * 65])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(WasmtimeError):
        run(open_storage(name))


def test_the_fake_world_keeps_nothing() -> None:
    with pytest.raises(WasmtimeError, match="nothing is kept here"):
        run(open_storage("a", platform=FakePlatform()))
