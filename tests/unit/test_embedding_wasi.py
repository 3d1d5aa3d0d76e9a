"""WASI as programs are given it. What takes `api` holds for wasmtime-py too.

wasmtime has threads of its own here, and now and then aborts the process at its end; so its turn comes in a process
of its own (the last test), which the environment variable tells which module to test.
"""

from __future__ import annotations

import asyncio
import errno
import importlib
import importlib.util
import io
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import guest_modules as guests
import wasmarium
from wasmarium.bridge import platform


class World:
    """One run of the greeter, which writes its arguments, copies its input, complains, exits with their number."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.engine = api.Engine()
        self.config = api.WasiConfig()
        self.stdout: list[bytes] = []
        self.config.stdout_custom = self.stdout.append

    def start(self) -> tuple[Any, Any]:
        linker = self.api.Linker(self.engine)
        linker.define_wasi()
        store = self.api.Store(self.engine)
        store.set_wasi(self.config)
        instance = linker.instantiate(store, self.api.Module(self.engine, guests.GREETER.wasm))
        return store, instance.exports(store)["_start"]

    def run(self) -> int:
        store, start = self.start()
        with pytest.raises(self.api.ExitTrap) as caught:
            start(store)
        return caught.value.code

    @property
    def output(self) -> bytes:
        return b"".join(self.stdout)


API = "WASMARIUM_TEST_API"


@pytest.fixture
def api() -> Any:
    return importlib.import_module(os.environ.get(API, "wasmarium"))


@pytest.fixture
def world(api) -> World:
    return World(api)


@pytest.fixture
def ours() -> World:
    return World(wasmarium)


def test_arguments_and_exit_code(world) -> None:
    world.config.argv = ["name", "é", ""]
    assert world.run() == 3
    assert world.output == b"name\0\xc3\xa9\0\0"


def test_arguments_set_twice_are_appended(world) -> None:
    world.config.argv = ["a"]
    world.config.argv = ["b", "c"]
    assert world.run() == 3
    assert world.output == b"a\0b\0c\0"


def test_exit_is_an_error(world) -> None:
    store, start = world.start()
    with pytest.raises(world.api.WasmtimeError, match="Exited with i32 exit status 0"):
        start(store)


def test_files_as_streams(world, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"from the file")
    world.config.stdin_file = tmp_path / "in"
    world.config.stdout_file = str(tmp_path / "out")
    world.config.stderr_file = bytes(tmp_path / "err")
    world.run()
    assert (tmp_path / "out").read_bytes() == b"from the file"
    assert (tmp_path / "err").read_bytes() == b"oops\n"


def test_files_and_directories_that_are_not_there(world, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing" / "deeper")
    with pytest.raises(world.api.WasmtimeError, match="failed to set stdin file"):
        world.config.stdin_file = missing
    with pytest.raises(world.api.WasmtimeError, match="failed to set stdout file"):
        world.config.stdout_file = missing
    with pytest.raises(world.api.WasmtimeError, match="failed to set stderr file"):
        world.config.stderr_file = missing
    with pytest.raises(world.api.WasmtimeError, match="failed to add preopen dir"):
        world.config.preopen_dir(missing, "/")


def test_error_output(world) -> None:
    errors: list[bytes] = []
    world.config.stderr_custom = errors.append
    world.run()
    assert b"".join(errors) == b"oops\n"


def test_output_may_be_taken_piece_by_piece() -> None:
    world = World(wasmarium)
    pieces = []
    world.config.argv = ["abc"]
    world.config.stdout_custom = lambda content: pieces.append(content) or 1
    world.run()
    assert pieces == [b"abc\0", b"bc\0", b"c\0", b"\0"]


def test_output_that_fails_is_an_error_for_the_guest(world) -> None:
    world.config.argv = ["a"]
    world.config.stdout_custom = lambda content: -errno.ENOSPC
    assert world.run() == 1


def test_exception_of_an_output_comes_out(ours) -> None:
    raised = ZeroDivisionError()

    def fail(content: bytes) -> None:
        raise raised

    ours.config.argv = ["a"]
    ours.config.stdout_custom = fail
    store, start = ours.start()
    with pytest.raises(ZeroDivisionError) as caught:
        start(store)
    assert caught.value is raised


def test_input_from_a_function(ours) -> None:
    ours.config.stdin_custom = io.BytesIO(b"x" * 2500).read
    ours.run()
    assert ours.output == b"x" * 2500


@pytest.mark.cpython("Pyodide's event loop runs already")
def test_input_that_waits(ours) -> None:
    pieces = [b"first", b"second", b""]

    async def piece(count: int) -> bytes:
        await asyncio.sleep(0)
        return pieces.pop(0)

    ours.config.stdin_custom = piece
    store, start = ours.start()

    async def run() -> int:
        with pytest.raises(wasmarium.ExitTrap) as caught:
            await start.call_async(store)
        return caught.value.code

    assert asyncio.run(run()) == 0
    assert ours.output == b"firstsecond"


def test_input_from_bytes(ours) -> None:
    ours.config.stdin_custom = b"y" * 2500
    ours.run()
    assert ours.output == b"y" * 2500
    with pytest.raises(TypeError, match="asynchronous iterator"):
        ours.config.stdin_custom = 7


def test_input_by_an_iterator_in_a_plain_call(ours) -> None:
    async def typed() -> AsyncIterator[bytes]:
        for piece in (b"ab", b"cd", b"ef"):
            await asyncio.sleep(0.001)
            yield piece

    ours.config.stdin_custom = typed()
    ours.run()
    assert ours.output == b"abcdef"


@pytest.mark.cpython("with JSPI the event loop runs while the caller is held")
def test_nobody_reads_output_while_the_caller_is_held(ours) -> None:
    ours.config.stdin_custom = b"x" * (3 << 20)
    ours.config.stdout_pieces()
    store, start = ours.start()
    with pytest.raises(wasmarium.WasmtimeError, match="call_async"):
        start(store)


def test_input_and_output_by_iterators(ours) -> None:
    async def typed() -> AsyncIterator[bytes]:
        for piece in (b"first", b"second" * 400_000, b"last"):
            await asyncio.sleep(0)
            yield piece

    ours.config.stdin_custom = typed()
    printed = ours.config.stdout_pieces()
    store, start = ours.start()
    most = 0

    async def run() -> bytes:
        nonlocal most

        async def program() -> None:
            with pytest.raises(wasmarium.ExitTrap), store:
                await start.call_async(store)

        running = asyncio.create_task(program())
        found = b""
        async for piece in printed:
            await asyncio.sleep(0)
            most = max(most, len(piece))
            found += piece
        await running
        return found

    assert platform().block_on(run()) == b"first" + b"second" * 400_000 + b"last"
    # the program was held when the reader was too slow
    assert most < 1_200_000


@pytest.mark.cpython("a thread can be blocked there")
def test_input_that_waits_blocks_a_plain_call(ours) -> None:
    pieces = [b"first", b""]

    async def piece(count: int) -> bytes:
        await asyncio.sleep(0)
        return pieces.pop(0)

    ours.config.stdin_custom = piece
    ours.run()
    assert ours.output == b"first"


def test_arguments_and_environment_of_this_process(monkeypatch: pytest.MonkeyPatch, ours) -> None:
    monkeypatch.setattr(sys, "argv", ["me", "mine"])
    monkeypatch.setitem(os.environ, "WASMARIUM_TEST", "1")
    ours.config.inherit_argv()
    ours.config.inherit_env()
    assert ours.config.argv == ["me", "mine"]
    assert ("WASMARIUM_TEST", "1") in ours.config.env
    assert ours.run() == 2


def test_store_without_wasi_says_so(ours) -> None:
    linker = wasmarium.Linker(ours.engine)
    linker.define_wasi()
    store = wasmarium.Store(ours.engine)
    instance = linker.instantiate(store, wasmarium.Module(ours.engine, guests.GREETER.wasm))
    with pytest.raises(wasmarium.WasmtimeError, match="set_wasi"):
        instance.exports(store)["_start"](store)


def test_wasi_may_be_set_again(world) -> None:
    world.config.argv = ["a"]
    linker = world.api.Linker(world.engine)
    linker.define_wasi()
    store = world.api.Store(world.engine)
    store.set_wasi(world.api.WasiConfig())
    store.set_wasi(world.config)
    instance = linker.instantiate(store, world.api.Module(world.engine, guests.GREETER.wasm))
    with pytest.raises(world.api.ExitTrap) as caught:
        instance.exports(store)["_start"](store)
    assert caught.value.code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (wasmarium.DirPerms.READ_ONLY,),
        (wasmarium.DirPerms.READ_ONLY, wasmarium.FilePerms.READ_ONLY),
        (False,),
    ],
)
def test_directories_in_either_generation_of_the_api(arguments, tmp_path: Path, ours) -> None:
    ours.config.preopen_dir(str(tmp_path), "/data", *arguments)
    ours.config.preopen_dir(tmp_path, "/more", fs_mutable=not arguments)
    store, _ = ours.start()
    names = [store._wasi.descriptors[number].preopen for number in (3, 4)]
    assert names == ["/data", "/more"]
    store.close()


def test_permissions(api) -> None:
    assert [(each.name, each.value) for each in api.DirPerms] == [
        ("READ_ONLY", 1),
        ("WRITE_ONLY", 2),
        ("READ_WRITE", 3),
    ]
    assert [each.value for each in api.FilePerms] == [1, 2, 3]


def test_zero_in_an_argument_is_refused(ours) -> None:
    ours.config.argv = ["a\0b"]
    with pytest.raises(wasmarium.WasmtimeError, match="zero character"):
        ours.start()


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({"a": 5}, TypeError),
        ({1: b""}, TypeError),
        ({"in": {"a/b": b""}}, wasmarium.WasmtimeError),
        ({"..": {}}, wasmarium.WasmtimeError),
        ({"": b""}, wasmarium.WasmtimeError),
        ({"a\0": b""}, wasmarium.WasmtimeError),
        ({"a": bytes(10_001)}, wasmarium.WasmtimeError),
    ],
)
def test_files_that_cannot_be(files: Any, error: type[Exception], ours) -> None:
    with pytest.raises(error):
        ours.config.preopen_memory(files, "/", 10_000)
    with pytest.raises(TypeError):
        ours.config.preopen_memory({}, 5)
    with pytest.raises(wasmarium.WasmtimeError, match="capacity of -1"):
        ours.config.preopen_memory({}, "/", -1)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((5,), TypeError),
        (("ws://host", "one"), TypeError),
        (("ws://host", [1]), TypeError),
        (("http://host",), wasmarium.WasmtimeError),
        (("ws://",), wasmarium.WasmtimeError),
        (("ws://host", ["a b"]), wasmarium.WasmtimeError),
        (("ws://host", ["one", "one"]), wasmarium.WasmtimeError),
    ],
)
def test_sockets_that_cannot_be(arguments: Any, error: type[Exception], ours) -> None:
    with pytest.raises(error):
        ours.config.preopen_websocket(*arguments)
    ours.config.preopen_websocket("ws://host/path?query", ["one", "two"])


@pytest.mark.shared("guests")
@pytest.mark.parametrize("path", ["c/hello.wasm", "rust/hello.wasm"])
def test_compiled_program(api, path, shared: Path, tmp_path: Path) -> None:
    world = World(api)
    world.config.argv = [path, "/data"]
    world.config.preopen_dir(str(tmp_path), "/data")
    linker = api.Linker(world.engine)
    linker.define_wasi()
    store = api.Store(world.engine)
    store.set_wasi(world.config)
    instance = linker.instantiate(store, api.Module.from_file(world.engine, shared / "guests" / path))
    start = instance.exports(store)["_start"]
    if path.startswith("c/"):
        start(store)
        assert world.output == b"hello from C, argc=2\n"
    else:
        with pytest.raises(api.ExitTrap) as caught:
            start(store)
        assert caught.value.code == 7
        assert b'"rust wrote\\nthis\\nmore" len 20' in world.output


@pytest.mark.cpython("wasmtime is only there")
@pytest.mark.skipif(importlib.util.find_spec("wasmtime") is None, reason="wasmtime is not installed")
def test_all_this_holds_for_wasmtime() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", "not wasmtime"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, API: "wasmtime"}, timeout=120)
    assert re.search(r"\d\d passed", done.stdout), done.stdout
    assert "failed" not in done.stdout.splitlines()[-1], done.stdout
