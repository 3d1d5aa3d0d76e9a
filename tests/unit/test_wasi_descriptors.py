"""fd_*: what open files, directories and streams do, call by call."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wasi.two_guests import OurGuest
from wasmarium.bridge.streams import BytesInput, CaptureOutput
from wasmarium.wasi.descriptor import MOST_DESCRIPTORS
from wasmarium.wasi.filesystem import Directory, MemoryFileSystem, host_directory

READ, WRITE = 1 << 1, 1 << 6
CREAT, DIRECTORY, EXCL, TRUNC = 1, 2, 4, 8
APPEND, DSYNC, NONBLOCK, SYNC = 1, 2, 4, 16
PATH, VECTOR, BUFFER, OUT = 1024, 2048, 4096, 512


class Guest(OurGuest):
    """OurGuest with calls that set up their own memory."""

    def number(self, size: int = 4, at: int = OUT) -> int:
        return int.from_bytes(self.get(at, size), "little")

    def open(self, path: str, rights: int = READ, oflags: int = 0, flags: int = 0) -> int:
        raw = path.encode()
        self.put(PATH, raw)
        assert self.call("path_open", 3, 1, PATH, len(raw), oflags, rights, 0, flags, OUT) == "SUCCESS"
        return self.number()

    def write(self, fd: int, content: bytes, at: int | None = None) -> str:
        self.put(BUFFER, content)
        self.put(VECTOR, struct.pack("<LL", BUFFER, len(content)))
        if at is None:
            return self.call("fd_write", fd, VECTOR, 1, OUT)
        return self.call("fd_pwrite", fd, VECTOR, 1, at, OUT)

    def read(self, fd: int, count: int = 100, at: int | None = None) -> bytes:
        self.put(VECTOR, struct.pack("<LL", BUFFER, count))
        if at is None:
            assert self.call("fd_read", fd, VECTOR, 1, OUT) == "SUCCESS"
        else:
            assert self.call("fd_pread", fd, VECTOR, 1, at, OUT) == "SUCCESS"
        return self.get(BUFFER, self.number())

    def seek(self, fd: int, offset: int, whence: int = 0) -> int:
        assert self.call("fd_seek", fd, offset, whence, OUT) == "SUCCESS"
        return self.number(8)

    def size(self, fd: int) -> int:
        assert self.call("fd_filestat_get", fd, OUT) == "SUCCESS"
        return self.number(8, OUT + 32)

    def names(self, fd: int, room: int = 4096, start: int = 0) -> list[tuple[str, int, int]]:
        """(name, kind, cookie) of the entries in one buffer; a cut one is left out."""
        assert self.call("fd_readdir", fd, BUFFER, room, start, OUT) == "SUCCESS"
        raw = self.get(BUFFER, self.number())
        found = []
        while len(raw) >= 24:
            cookie, _, length, kind = struct.unpack_from("<QQLB", raw)
            if len(raw) < 24 + length:
                break
            found.append((raw[24 : 24 + length].decode(), kind, cookie))
            raw = raw[24 + length :]
        return found


@pytest.fixture(params=["memory", "host"])
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Guest]:
    directory: Directory
    if request.param == "memory":
        directory = MemoryFileSystem({"f": "hello world", "d": {"g": b"x" * 100}}).root()
    else:
        (tmp_path / "d").mkdir()
        (tmp_path / "f").write_text("hello world")
        (tmp_path / "d" / "g").write_bytes(b"x" * 100)
        directory = host_directory(tmp_path)
    made = Guest({"/": directory})
    yield made
    made.wasi.close()


def test_reading_moves_the_place_and_pread_does_not(guest: Guest) -> None:
    fd = guest.open("f")
    assert fd == 4
    assert guest.read(fd, 5) == b"hello"
    assert guest.read(fd, 3, at=6) == b"wor"
    assert guest.read(fd, 2) == b" w"
    assert guest.call("fd_tell", fd, OUT) == "SUCCESS"
    assert guest.number(8) == 7
    assert guest.read(fd) == b"orld"
    assert guest.read(fd) == b""
    assert guest.read(fd, 10, at=1 << 40) == b""


def test_several_vectors_are_filled_one_after_the_other(guest: Guest) -> None:
    fd = guest.open("f")
    guest.put(VECTOR, struct.pack("<LLLLLL", BUFFER, 2, BUFFER + 100, 0, BUFFER + 200, 50))
    assert guest.call("fd_read", fd, VECTOR, 3, OUT) == "SUCCESS"
    assert guest.number() == 11
    assert guest.get(BUFFER, 3) == b"he\0"
    assert guest.get(BUFFER + 200, 10) == b"llo world\0"


def test_seeking(guest: Guest) -> None:
    fd = guest.open("f")
    assert guest.seek(fd, 3) == 3
    assert guest.seek(fd, 2, whence=1) == 5
    assert guest.seek(fd, -1, whence=1) == 4
    assert guest.seek(fd, -1, whence=2) == 10
    assert guest.read(fd) == b"d"
    assert guest.seek(fd, 100) == 100
    for offset, whence in ((-1, 0), (-200, 1), (-200, 2), (1 << 63, 0), (0, 3), (0, 99)):
        assert guest.call("fd_seek", fd, offset, whence, OUT) == "INVAL"
    assert guest.call("fd_seek", 3, 0, 0, OUT) == "BADF"
    assert guest.call("fd_seek", 0, 0, 0, OUT) == "SPIPE"
    assert guest.call("fd_tell", 1, OUT) == "SPIPE"


def test_writing_leaves_a_gap_of_zeros(guest: Guest) -> None:
    fd = guest.open("new", READ | WRITE, CREAT | EXCL)
    assert guest.write(fd, b"ab") == "SUCCESS"
    guest.seek(fd, 5)
    assert guest.write(fd, b"cd") == "SUCCESS"
    assert guest.write(fd, b"Z", at=1) == "SUCCESS"
    assert guest.number() == 1
    assert guest.read(fd, 100, at=0) == b"aZ\0\0\0cd"
    assert guest.call("fd_tell", fd, OUT) == "SUCCESS"
    assert guest.number(8) == 7
    raw = b"new"
    guest.put(PATH, raw)
    assert guest.call("path_open", 3, 0, PATH, 3, CREAT | EXCL, WRITE, 0, 0, OUT) == "EXIST"


def test_appending_ignores_the_place(guest: Guest) -> None:
    fd = guest.open("f", READ | WRITE, flags=APPEND)
    other = guest.open("f", WRITE)
    assert guest.write(fd, b"1") == "SUCCESS"
    guest.seek(fd, 0)
    assert guest.write(fd, b"2") == "SUCCESS"
    assert guest.write(fd, b"3", at=0) == "SUCCESS"
    guest.seek(other, 0, whence=2)
    assert guest.write(other, b"4") == "SUCCESS"
    assert guest.write(fd, b"5") == "SUCCESS"
    assert guest.call("fd_fdstat_set_flags", fd, 0) == "SUCCESS"
    assert guest.write(fd, b"6", at=0) == "SUCCESS"
    assert guest.read(fd, 100, at=0) == b"6ello world12345"


def test_what_a_file_was_opened_for_is_all_it_does(guest: Guest) -> None:
    reading, writing = guest.open("f", READ), guest.open("f", WRITE)
    assert guest.write(reading, b"x") == "BADF"
    assert guest.write(reading, b"x", at=0) == "BADF"
    assert guest.call("fd_filestat_set_size", reading, 0) == "INVAL"
    assert guest.call("fd_allocate", reading, 0, 100) == "BADF"
    guest.put(VECTOR, struct.pack("<LL", BUFFER, 5))
    assert guest.call("fd_read", writing, VECTOR, 1, OUT) == "BADF"
    assert guest.call("fd_pread", writing, VECTOR, 1, 0, OUT) == "BADF"
    assert guest.read(reading) == b"hello world"


def test_truncating_and_resizing(guest: Guest) -> None:
    fd = guest.open("f", READ | WRITE)
    assert guest.call("fd_filestat_set_size", fd, 4) == "SUCCESS"
    assert guest.call("fd_filestat_set_size", fd, 6) == "SUCCESS"
    assert guest.read(fd, 100, at=0) == b"hell\0\0"
    assert guest.call("fd_filestat_set_size", fd, 1 << 63) == "INVAL"
    assert guest.size(fd) == 6
    guest.open("f", WRITE, TRUNC)
    assert guest.size(fd) == 0
    assert guest.call("fd_filestat_set_size", 3, 0) == "BADF"


def test_allocating_extends_and_never_cuts(guest: Guest) -> None:
    fd = guest.open("f", READ | WRITE)
    assert guest.call("fd_allocate", fd, 0, 5) == "SUCCESS"
    assert guest.size(fd) == 11
    assert guest.call("fd_allocate", fd, 10, 10) == "SUCCESS"
    assert guest.size(fd) == 20
    assert guest.read(fd, 100, at=0) == b"hello world" + bytes(9)
    assert guest.call("fd_allocate", fd, 0, 0) == "INVAL"
    assert guest.call("fd_allocate", fd, 1 << 62, 1 << 62) == "FBIG"
    assert guest.call("fd_allocate", 3, 0, 1) == "BADF"
    assert guest.call("fd_allocate", 1, 0, 1) == "BADF"


def test_a_removed_file_lives_while_it_is_open(guest: Guest) -> None:
    fd = guest.open("f", READ | WRITE)
    guest.put(PATH, b"f")
    assert guest.call("path_unlink_file", 3, PATH, 1) == "SUCCESS"
    assert guest.read(fd, 100) == b"hello world"
    assert guest.write(fd, b"!") == "SUCCESS"
    assert guest.size(fd) == 12
    assert guest.call("path_open", 3, 0, PATH, 1, 0, READ, 0, 0, OUT) == "NOENT"
    assert guest.call("fd_close", fd) == "SUCCESS"
    assert guest.call("fd_close", fd) == "BADF"


def test_numbers_of_closed_descriptors_are_used_again(guest: Guest) -> None:
    assert [guest.open("f") for _ in range(3)] == [4, 5, 6]
    assert guest.call("fd_close", 4) == "SUCCESS"
    assert guest.call("fd_close", 5) == "SUCCESS"
    assert [guest.open("f") for _ in range(3)] == [5, 4, 7]


def test_renumbering(guest: Guest) -> None:
    first, second = guest.open("f"), guest.open("d/g")
    assert guest.call("fd_renumber", first, second) == "SUCCESS"
    assert guest.read(second) == b"hello world"
    assert guest.call("fd_tell", first, OUT) == "BADF"
    assert guest.call("fd_renumber", second, first) == "BADF"
    assert guest.call("fd_renumber", 99, second) == "BADF"
    assert guest.call("fd_renumber", second, second) == "SUCCESS"
    # standard output becomes a file
    out = guest.open("out", READ | WRITE, CREAT)
    assert guest.call("fd_renumber", out, 1) == "SUCCESS"
    assert guest.write(1, b"printed") == "SUCCESS"
    assert guest.read(1, 100, at=0) == b"printed"
    assert not guest.stdout.content


def test_only_so_many_descriptors() -> None:
    guest = Guest({"/": MemoryFileSystem({"f": ""}).root()})
    for _ in range(MOST_DESCRIPTORS - 4):
        guest.open("f")
    assert guest.call("path_open", 3, 0, PATH, 1, 0, READ, 0, 0, OUT) == "MFILE"
    assert guest.call("fd_close", 100) == "SUCCESS"
    assert guest.open("f") == 100


def fdstat(guest: Guest, fd: int) -> tuple[int, int, int, int]:
    assert guest.call("fd_fdstat_get", fd, OUT) == "SUCCESS"
    kind, flags, base, inheriting = struct.unpack("<BxH4xQQ", guest.get(OUT, 24))
    return kind, flags, base, inheriting


def test_rights_are_told_as_wasmtime_tells_them(guest: Guest) -> None:
    every = (1 << 30) - 1
    read, write, readdir, seek = READ, WRITE, 1 << 14, 1 << 2
    resize = 1 << 22 | 1 << 19
    assert fdstat(guest, 0) == (0, 0, read, read)
    assert fdstat(guest, 1) == fdstat(guest, 2) == (0, 0, write, write)
    kind, flags, base, inheriting = fdstat(guest, 3)
    assert (kind, flags) == (3, 0)
    # no reading or writing of the directory itself, all of that for what is in it
    assert not base & (read | write | seek)
    assert inheriting & (read | write | seek) == read | write | seek
    assert base & inheriting == base
    rights = every & ~write
    assert fdstat(guest, guest.open("f", READ)) == (4, 0, rights, rights)
    rights = every & ~read & ~readdir
    assert fdstat(guest, guest.open("f", WRITE, flags=APPEND | NONBLOCK)) == (4, APPEND | NONBLOCK, rights, rights)
    rights = every & ~write & ~seek & ~resize
    assert fdstat(guest, guest.open("d", READ, DIRECTORY)) == (3, 0, rights, rights)


def test_rights_cannot_be_changed(guest: Guest) -> None:
    fd = guest.open("f")
    assert guest.call("fd_fdstat_set_rights", fd, 0, 0) == "NOTSUP"
    assert guest.call("fd_fdstat_set_rights", 3, 0, 0) == "NOTSUP"
    assert guest.call("fd_fdstat_set_rights", 1, 0, 0) == "BADF"
    assert guest.call("fd_fdstat_set_rights", 99, 0, 0) == "BADF"


def test_flags(guest: Guest) -> None:
    fd = guest.open("f", READ | WRITE)
    assert guest.call("fd_fdstat_set_flags", fd, APPEND | NONBLOCK) == "SUCCESS"
    assert fdstat(guest, fd)[1] == APPEND | NONBLOCK
    assert guest.call("fd_fdstat_set_flags", fd, SYNC) == "INVAL"
    assert guest.call("fd_fdstat_set_flags", fd, 32) == "INVAL"
    assert guest.call("fd_fdstat_set_flags", 3, 0) == "BADF"
    assert guest.call("fd_fdstat_set_flags", 1, 0) == "BADF"


def test_syncing(guest: Guest) -> None:
    fd = guest.open("f", READ | WRITE, flags=SYNC)
    assert guest.write(fd, b"H") == "SUCCESS"
    assert guest.call("fd_sync", fd) == "SUCCESS"
    assert guest.call("fd_datasync", fd) == "SUCCESS"
    for other in (0, 1, 3, 99):
        assert guest.call("fd_sync", other) == "BADF"
        assert guest.call("fd_datasync", other) == "BADF"


def test_advice_is_checked(guest: Guest) -> None:
    fd = guest.open("f")
    for advice in range(6):
        assert guest.call("fd_advise", fd, 0, 0, advice) == "SUCCESS"
    assert guest.call("fd_advise", fd, 0, 0, 6) == "INVAL"
    assert guest.call("fd_advise", fd, 0, 1 << 63, 0) == "INVAL"
    assert guest.call("fd_advise", 3, 0, 0, 0) == "BADF"


def test_times(guest: Guest) -> None:
    fd = guest.open("f")

    def times() -> tuple[int, int]:
        assert guest.call("fd_filestat_get", fd, OUT) == "SUCCESS"
        return guest.number(8, OUT + 40), guest.number(8, OUT + 48)

    assert guest.call("fd_filestat_set_times", fd, 5_000_000_000, 7_000_000_000, 1 | 4) == "SUCCESS"
    assert times() == (5_000_000_000, 7_000_000_000)
    assert guest.call("fd_filestat_set_times", fd, 9_000_000_000, 9_000_000_000, 4) == "SUCCESS"
    assert times() == (5_000_000_000, 9_000_000_000)
    assert guest.call("fd_filestat_set_times", fd, 0, 0, 2) == "SUCCESS"
    # "now" is the clock that the guest was given
    assert times()[0] // 1_000_000 == guest.clock.realtime() // 1_000_000
    for flags in (1 | 2, 4 | 8, 16):
        assert guest.call("fd_filestat_set_times", fd, 0, 0, flags) == "INVAL"
    assert guest.call("fd_filestat_set_times", 1, 0, 0, 1) == "BADF"
    guest.put(PATH, b"d")
    assert guest.call("path_filestat_set_times", 3, 0, PATH, 1, 3_000_000_000, 4_000_000_000, 5) == "SUCCESS"
    assert guest.call("path_filestat_get", 3, 0, PATH, 1, OUT) == "SUCCESS"
    assert (guest.number(8, OUT + 40), guest.number(8, OUT + 48)) == (3_000_000_000, 4_000_000_000)


def test_filestat(guest: Guest) -> None:
    guest.put(PATH, b"f")
    assert guest.call("path_filestat_get", 3, 0, PATH, 1, OUT) == "SUCCESS"
    by_path = guest.get(OUT, 64)
    assert guest.call("fd_filestat_get", guest.open("f"), OUT) == "SUCCESS"
    by_fd = guest.get(OUT, 64)
    device, inode, kind, links, size = struct.unpack_from("<QQB7xQQ", by_fd)
    assert by_path[:40] == by_fd[:40]
    assert inode
    assert (kind, links, size) == (4, 1, 11)
    assert guest.call("fd_filestat_get", 1, OUT) == "SUCCESS"
    assert guest.get(OUT, 64) == bytes(64)
    assert guest.call("fd_filestat_get", 3, OUT) == "SUCCESS"
    other_device, other_inode, kind = struct.unpack_from("<QQB", guest.get(OUT, 64))
    assert (kind, other_device) == (3, device)
    assert other_inode != inode


def test_preopened_directories_are_announced() -> None:
    guest = Guest({"/": MemoryFileSystem().root(), "/dätä": MemoryFileSystem().root()})
    assert guest.call("fd_prestat_get", 4, OUT) == "SUCCESS"
    assert guest.get(OUT, 8) == struct.pack("<B3xL", 0, 7)
    assert guest.call("fd_prestat_dir_name", 4, BUFFER, 7) == "SUCCESS"
    assert guest.get(BUFFER, 8) == "/dätä".encode() + b"\0"
    assert guest.call("fd_prestat_dir_name", 4, BUFFER, 6) == "NAMETOOLONG"
    for fd in (0, 2, 5, 99):
        assert guest.call("fd_prestat_get", fd, OUT) == "BADF"
    assert guest.call("fd_prestat_dir_name", 0, BUFFER, 7) == "NOTDIR"
    assert guest.call("fd_close", 3) == "SUCCESS"
    assert guest.call("fd_prestat_get", 3, OUT) == "BADF"


def test_listing_a_directory(guest: Guest) -> None:
    found = guest.names(3)
    assert found[:2] == [(".", 3, 1), ("..", 3, 2)]
    assert sorted((name, kind) for name, kind, _ in found[2:]) == [("d", 3), ("f", 4)]
    assert [cookie for _, _, cookie in found] == [1, 2, 3, 4]
    assert guest.names(3, start=2) == found[2:]
    assert guest.names(3, start=4) == []
    assert guest.names(3, start=1 << 63) == []
    guest.put(VECTOR, struct.pack("<LL", BUFFER, 5))
    assert guest.call("fd_readdir", 1, BUFFER, 10, 0, OUT) == "BADF"
    assert guest.call("fd_readdir", guest.open("f"), BUFFER, 10, 0, OUT) == "BADF"


def test_a_buffer_that_is_too_small_is_filled(guest: Guest) -> None:
    for room in (0, 10, 24, 25, 49, 60):
        assert guest.call("fd_readdir", 3, BUFFER, room, 0, OUT) == "SUCCESS"
        assert guest.number() == room
    everything = 4 * 24 + 1 + 2 + 1 + 1
    assert guest.call("fd_readdir", 3, BUFFER, everything, 0, OUT) == "SUCCESS"
    assert guest.number() == everything
    assert guest.call("fd_readdir", 3, BUFFER, everything + 1, 0, OUT) == "SUCCESS"
    assert guest.number() == everything


def test_names_may_be_removed_while_they_are_listed(guest: Guest) -> None:
    for i in range(20):
        guest.open(f"d/n{i:02}", WRITE, CREAT)
    fd = guest.open("d", READ, DIRECTORY)
    seen, cookie = [], 0
    while found := guest.names(fd, 60, cookie):
        name, _, cookie = found[0]
        seen.append(name)
        if name.startswith("n"):
            guest.put(PATH, f"d/{name}".encode())
            assert guest.call("path_unlink_file", 3, PATH, 5) == "SUCCESS"
    assert sorted(seen) == [".", "..", "g", *(f"n{i:02}" for i in range(20))]
    assert {name for name, _, _ in guest.names(fd)} == {".", "..", "g"}


def test_standard_streams() -> None:
    guest = Guest(stdin=b"typed in")
    assert guest.read(0, 5) == b"typed"
    assert guest.read(0) == b" in"
    assert guest.read(0) == b""
    assert guest.write(1, b"out") == guest.write(2, b"err") == "SUCCESS"
    assert bytes(guest.stdout.content + b"|" + guest.stderr.content) == b"out|err"
    assert guest.write(0, b"x") == "BADF"
    assert guest.write(1, b"x", at=0) == "SPIPE"
    guest.put(VECTOR, struct.pack("<LL", BUFFER, 5))
    assert guest.call("fd_read", 1, VECTOR, 1, OUT) == "BADF"
    assert guest.call("fd_pread", 0, VECTOR, 1, 0, OUT) == "SPIPE"
    assert guest.call("fd_close", 0) == "SUCCESS"
    assert guest.call("fd_read", 0, VECTOR, 1, OUT) == "BADF"


def test_a_terminal_is_a_character_device_that_cannot_seek() -> None:
    guest = Guest()
    for fd, stream in enumerate((BytesInput(b"", terminal=True), CaptureOutput(terminal=True))):
        guest.wasi.descriptors[fd].stream = stream  # type: ignore[attr-defined]
        kind, _, rights, _ = fdstat(guest, fd)
        # what the C library's isatty looks at
        assert kind == 2
        assert not rights & (1 << 2 | 1 << 5)


@pytest.mark.parametrize("error", ["EPIPE", "ENOSPC", "EIO"])
def test_an_error_of_the_host_becomes_the_guests(error: str) -> None:
    import errno

    class Broken(CaptureOutput):
        def write(self, content: bytes) -> None:
            raise OSError(getattr(errno, error), "broken")

    guest = Guest()
    guest.wasi.descriptors[1].stream = Broken()  # type: ignore[attr-defined]
    assert guest.write(1, b"x") == error[1:]


@pytest.mark.cpython("Emscripten has no named pipes that wait")
def test_a_pipe_in_a_directory_does_not_hang(tmp_path: Path) -> None:
    mkfifo: Callable[[Path], None] | None = getattr(os, "mkfifo", None)
    if mkfifo is None:
        pytest.skip("this host has no named pipes")
    mkfifo(tmp_path / "pipe")
    guest = Guest({"/": host_directory(tmp_path)})
    fd = guest.open("pipe")
    assert guest.read(fd) == b""
    assert guest.call("fd_close", fd) == "SUCCESS"
    guest.put(PATH, b"pipe")
    assert guest.call("path_open", 3, 0, PATH, 4, 0, WRITE, 0, 0, OUT) == "NXIO"
    guest.wasi.close()


@pytest.mark.cpython("Emscripten decodes names itself")
def test_a_name_of_the_host_that_is_not_utf8_is_an_error_not_a_crash(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"\xff")).write_text("x")
    except OSError:
        pytest.skip("this host has UTF-8 names only")
    guest = Guest({"/": host_directory(tmp_path)})
    assert guest.call("fd_readdir", 3, BUFFER, 100, 0, OUT) == "ILSEQ"
    guest.put(PATH, b"\xff")
    assert guest.call("path_open", 3, 0, PATH, 1, 0, READ, 0, 0, OUT) == "ILSEQ"
    guest.wasi.close()
