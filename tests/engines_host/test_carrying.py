"""WASI calls for which JavaScript carries what pointers lead to: as on the interpreter, with good arguments and bad."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from wasmarium import Config, Engine, Instance, Linker, Memory, Module, Store, Trap, WasiConfig
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.wasi.descriptor import FileDescriptor
from wasmarium.wasi.filesystem.base import OpenMode

SIZE = 65_536
CALLS = {
    "fd_write": "i32 i32 i32 i32",
    "fd_read": "i32 i32 i32 i32",
    "fd_pread": "i32 i32 i32 i64 i32",
    "fd_pwrite": "i32 i32 i32 i64 i32",
    "fd_seek": "i32 i64 i32 i32",
    "fd_tell": "i32 i32",
    "environ_sizes_get": "i32 i32",
    "fd_close": "i32",
    "fd_fdstat_get": "i32 i32",
    "fd_filestat_get": "i32 i32",
    "fd_readdir": "i32 i32 i32 i64 i32",
    "clock_time_get": "i32 i64 i32",
    "path_create_directory": "i32 i32 i32",
    "path_filestat_get": "i32 i32 i32 i32 i32",
    "path_open": "i32 i32 i32 i32 i32 i64 i64 i32 i32",
    "path_unlink_file": "i32 i32 i32",
}


def guest(more: str = "", start: str = "") -> str:
    """Exports every call under its name."""
    imports = "".join(
        f'(import "wasi_snapshot_preview1" "{name}" (func $i{name} (param {types}) (result i32)))'
        for name, types in CALLS.items()
    )
    functions = "".join(
        f'(func (export "{name}") (param {types}) (result i32)'
        f" (call $i{name} {' '.join(f'(local.get {i})' for i in range(len(types.split())))}))"
        for name, types in CALLS.items()
    )
    return f'(module {imports} (memory (export "memory") 1) {functions} {more} {start})'


class Program:
    """A guest on one engine, with a directory 3 in which there is ``f``."""

    def __init__(self, strategy: str, wat: str = "", **streams: Any) -> None:
        config = Config()
        config.strategy = strategy
        engine = Engine(config)
        linker = Linker(engine)
        linker.define_wasi()
        self.store = Store(engine)
        self.wasi = self.world(**streams)
        self.instance: Instance = linker.instantiate(self.store, Module(engine, wat or guest()))
        assert self.instance.fallback is None
        self.exports = self.instance.exports(self.store)
        memory = self.exports["memory"]
        assert isinstance(memory, Memory)
        self.memory = memory

    def world(self, **streams: Any) -> WasiConfig:
        wasi = WasiConfig()
        self.volume = wasi.preopen_memory({"f": bytes(range(100)), "d": {}}, "/")
        for name, value in streams.items():
            setattr(wasi, name, value)
        self.store.set_wasi(wasi)
        return wasi

    def put(self, address: int, *content: bytes | int) -> None:
        for each in content:
            data = each if isinstance(each, bytes) else each.to_bytes(4, "little")
            self.memory.write(self.store, data, address)
            address += len(data)

    def __call__(self, name: str, *arguments: int) -> int | str:
        function: Any = self.exports[name]
        try:
            result: int = function(self.store, *arguments)
            return result
        except Trap as trap:
            return trap.message

    def content(self) -> bytes:
        return bytes(self.memory.read(self.store, 0, SIZE))

    def open(self, rights: int = 0x42, flags: int = 0, name: bytes = b"f") -> int:
        self.put(8, name)
        assert self("path_open", 3, 0, 8, len(name), flags, rights, 0, 0, 0) == 0
        return int.from_bytes(self.memory.read(self.store, 0, 4), "little")


VECTORS = {
    "none": [],
    "one": [(1000, 10)],
    "three, one empty": [(1000, 10), (SIZE, 0), (2000, 7)],
    "at the end": [(SIZE - 5, 5)],
    "beyond the end": [(1000, 10), (SIZE - 5, 6)],
    "far beyond": [(0xFFFF_FFFF, 0xFFFF_FFFF)],
    "many": [(1000 + i, 1) for i in range(90)],
    "over their own list": [(512, 8), (520, 8), (512, 16), (3000, 50)],
    "much": [(0, SIZE), (0, SIZE)],
}


PLACES = [(vectors, 512, 64) for vectors in VECTORS]
PLACES += [("one", 514, 64), ("one", 512, 66), ("one", 512, SIZE - 2), ("one", SIZE - 4, 64)]


@pytest.mark.parametrize(("vectors", "at", "done"), PLACES)
@pytest.mark.parametrize("name", ["fd_write", "fd_read", "fd_pread", "fd_pwrite"])
def test_vectors(name: str, vectors: str, at: int, done: int) -> None:
    """What is read and written, and every wrong pointer, as on the interpreter."""
    seen = []
    for strategy in ("interpreter", "host"):
        program = Program(strategy)
        fd = program.open()
        program.put(900, b"\xaa" * 200)
        if at != SIZE - 4:
            program.put(at, *(number for vector in VECTORS[vectors] for number in vector))
        count = len(VECTORS[vectors])
        more = [7] if name.startswith("fd_p") else []
        results = [program(name, fd, at, count, *more, done), program("fd_tell", fd, 72)]
        memory = program.content()
        assert program("fd_filestat_get", fd, 40_000) == 0
        size = program.content()[40_032:40_040]
        seen.append((results, memory, size))
    assert seen[0] == seen[1]


NUMBERS = [0, 1, 3, 4, 8, 65_535, 65_536, 0x7FFF_FFFF, -1]


@pytest.mark.parametrize("name", CALLS)
def test_odd_arguments(name: str) -> None:
    """Each argument in turn something odd, and the others fine."""
    fine = {
        "fd_write": (4, 512, 1, 64),
        "fd_read": (4, 512, 1, 64),
        "fd_pread": (4, 512, 1, 0, 64),
        "fd_pwrite": (4, 512, 1, 0, 64),
        "fd_seek": (4, 1, 1, 64),
        "fd_tell": (4, 64),
        "environ_sizes_get": (64, 68),
        "fd_close": (4,),
        "fd_fdstat_get": (4, 64),
        "fd_filestat_get": (4, 64),
        "fd_readdir": (3, 2000, 100, 0, 64),
        "clock_time_get": (1, 0, 64),
        "path_create_directory": (3, 16, 3),
        "path_filestat_get": (3, 0, 16, 1, 64),
        "path_open": (3, 0, 16, 1, 0, 2, 0, 0, 64),
        "path_unlink_file": (3, 16, 1),
    }[name]
    programs = [Program(strategy) for strategy in ("interpreter", "host")]
    for position in range(len(fine)):
        for odd in NUMBERS:
            results = []
            for program in programs:
                program.world()
                program.open()
                program.put(16, b"f/../f")
                program.put(512, 1000, 10)
                results.append(program(name, *fine[:position], odd, *fine[position + 1 :]))
            assert results[0] == results[1], (position, odd)


@pytest.mark.parametrize("seed", range(12))
def test_small_reads_in_a_row(seed: int) -> None:
    """After some of them Python is not asked for each; nobody can tell, whatever else happens to the file."""
    chance = random.Random(seed)
    programs = [Program(strategy) for strategy in ("interpreter", "host")]
    steps: list[Any] = []

    def read(program: Program) -> Any:
        program.put(512, 2000, size)
        return program("fd_read", fd, 512, 1, 64), program.content()[2000 : 2000 + size], program.content()[64:68]

    def write(program: Program) -> Any:
        program.put(512, 3000, 5)
        return program("fd_write", fd, 512, 1, 64), program("fd_tell", fd, 72), program.content()[72:80]

    def seek(program: Program) -> Any:
        return program("fd_seek", fd, size - 20, chosen % 3, 80), program.content()[80:88]

    def tell(program: Program) -> Any:
        return program("fd_tell", fd, 80), program.content()[80:88]

    def again(program: Program) -> Any:
        return program("fd_close", fd), program.open(2 if chosen % 2 else 0x42)

    def from_outside(program: Program) -> None:
        file = program.volume.root().open_file("f", OpenMode(write=True, truncate=chosen % 4 == 0))
        file.write_at(chosen % 90, b"outside!")
        file.close()

    for program in programs:
        assert [program.open(), program.open()] == [4, 5]
        program.put(3000, b"guest")
    for _ in range(400):
        step = chance.choices([read, write, seek, tell, again, from_outside], [30, 1, 2, 2, 1, 1])[0]
        fd, size, chosen = chance.choice([4, 4, 4, 5]), chance.choice([1, 1, 1, 2, 5, 40]), chance.randrange(1000)
        steps.append((step.__name__, fd, size, chosen))
        results = [step(program) for program in programs]
        assert results[0] == results[1], steps[-20:]


def test_small_reads_do_not_ask_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    read = FileDescriptor.read
    monkeypatch.setattr(FileDescriptor, "read", lambda self, count: asked.append(count) or read(self, count))
    program = Program("host")
    fd = program.open()
    program.put(512, 2000, 1)
    got = [(program("fd_read", fd, 512, 1, 64), program.content()[2000]) for _ in range(100)]
    assert got == [(0, byte) for byte in range(100)]
    assert len(asked) < 10


def test_large_and_small_pieces() -> None:
    """What does not fit into the area goes the long way, and comes out the same."""
    program = Program("host", guest('(func (export "grow") (drop (memory.grow (i32.const 8))))'))
    fd = program.open()
    program.exports["grow"](program.store)  # type: ignore[operator]
    content = bytes(i * 7 % 251 for i in range(200_000))
    program.put(70_000, content)
    program.put(512, 70_000, 200_000)
    assert program("fd_write", fd, 512, 1, 64) == 0
    assert program("fd_seek", fd, 0, 0, 80) == 0
    program.put(512, 300_000, 60_000, 360_000, 100_000)
    for start, count in ((300_000, 60_000), (360_000, 100_000)):
        program.put(512, start, count)
        assert program("fd_read", fd, 512, 1, 64) == 0
        assert program.memory.read(program.store, 64, 68) == count.to_bytes(4, "little")
    assert bytes(program.memory.read(program.store, 300_000, 460_000)) == content[:160_000]


def test_a_stream_that_calls_the_guest_and_makes_its_memory_larger() -> None:
    told: list[bytes] = []
    program: Program

    def stdout(content: bytes) -> None:
        told.append(bytes(content))
        if len(told) < 4:
            program.exports["grow"](program.store)  # type: ignore[operator]
            program.put(1000, b"again")
            program.put(528, 1000, 5)
            assert program("fd_write", 1, 528, 1, 68) == 0

    wat = guest('(func (export "grow") (drop (memory.grow (i32.const 1))))')
    program = Program("host", wat, stdout_custom=stdout)
    program.put(512, 2000, 3)
    program.put(2000, b"abc")
    for _ in range(2):
        assert program("fd_write", 1, 512, 1, 64) == 0
    assert program.memory.read(program.store, 64, 72) == (3).to_bytes(4, "little") + (5).to_bytes(4, "little")
    assert told == [b"abc", b"again", b"again", b"again", b"abc"]


def test_output_that_waits() -> None:
    told: list[bytes] = []

    async def stdout(content: bytes) -> None:
        await asyncio.sleep(0)
        told.append(bytes(content))

    program = Program("host", stdout_custom=stdout)
    program.put(512, 1000, 3)
    for text in (b"abc", b"def"):
        program.put(1000, text)
        program.put(64, 99)
        assert program("fd_write", 1, 512, 1, 64) == 0
        assert program.memory.read(program.store, 64, 68) == (3).to_bytes(4, "little")
    assert told == [b"abc", b"def"]


def test_output_that_fails() -> None:
    error = ZeroDivisionError("a stream's own")

    def stdout(content: bytes) -> None:
        raise error

    program = Program("host", stdout_custom=stdout)
    program.put(512, 1000, 3)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError) as raised:
            program("fd_write", 1, 512, 1, 64)
        assert raised.value is error


def test_input_that_waits() -> None:
    async def pieces() -> Any:
        for each in (b"ab", b"cd"):
            await asyncio.sleep(0)
            yield each

    program = Program("host", stdin_custom=pieces())
    program.put(512, 1000, 10)
    got = []
    for _ in range(3):
        assert program("fd_read", 0, 512, 1, 64) == 0
        count = int.from_bytes(program.memory.read(program.store, 64, 68), "little")
        got.append(bytes(program.memory.read(program.store, 1000, 1000 + count)))
    assert got == [b"ab", b"cd", b""]


def test_another_world() -> None:
    """A store may be given another WASI; calls reach the one that it has."""
    program = Program("host")
    program.open()
    assert program("fd_tell", 4, 64) == 0
    program.world()
    assert program("fd_tell", 4, 64) == 8  # EBADF
    assert program.open() == 4
    assert program("fd_tell", 4, 64) == 0


def test_the_size_of_the_environment() -> None:
    """C libraries ask for it again and again: it is known until the world is another."""
    for strategy in ("interpreter", "host"):
        program = Program(strategy)
        for env in ({}, {"A": "1", "LONG": "x" * 300}, {"B": ""}):
            program.world(env=list(env.items()))
            size = sum(len(name) + len(value) + 2 for name, value in env.items())
            for at in (64, 72, SIZE - 4, 80):
                assert program("environ_sizes_get", 16, at) == 0
                found = (program.memory.read(program.store, place, place + 4) for place in (16, at))
                assert [int.from_bytes(each, "little") for each in found] == [len(env), size]
            assert program("environ_sizes_get", 16, SIZE - 3) == "out of bounds memory access"
            assert program("environ_sizes_get", SIZE, 16) == "out of bounds memory access"


def test_calls_of_a_start_function() -> None:
    start = """(global $g (export "g") (mut i32) (i32.const -1))
      (func $s (global.set $g (call $ifd_close (i32.const 9)))) (start $s)"""
    for strategy in ("interpreter", "host"):
        program = Program(strategy, guest(start=start))
        result: Any = program.exports["g"]
        assert result.value(program.store) == 8  # EBADF


def test_a_memory_that_is_watched() -> None:
    """Who asks which pages were written hears of those that WASI writes, whenever it began to ask."""
    program = Program("host")
    fd = program.open()
    program.put(512, 20_000, 10)
    assert program("fd_read", fd, 512, 1, 64) == 0
    memory = program.instance._instance.exports["memory"]
    assert isinstance(memory, MemoryInstance)
    written = memory.watch()
    for place in (30_000, 50_000):
        program.put(512, place, 10)
        memory.written[:] = bytes(len(written))  # type: ignore[index]
        assert program("fd_read", fd, 512, 1, 64) == 0
        assert [page for page, byte in enumerate(memory.written or b"") if byte] == [0, place >> 12]
