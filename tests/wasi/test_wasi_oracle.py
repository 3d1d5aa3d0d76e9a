"""The same calls to wasmtime 46 and to us, over equal directories: equal answers, equal memory.

Where we answer otherwise on purpose stands in ``DIFFERENT``, with the reason.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wasi.two_guests import OracleGuest, OurGuest
from wasmarium.wasi.filesystem import host_directory

pytestmark = pytest.mark.cpython("wasmtime, the oracle, is a native library")

PATH, NEW, OUT, VECTOR, BUFFER, STAT = 1000, 500, 8000, 256, 4096, 600

_SLASH = "wasmtime forgets a slash at the end here; POSIX asks for a directory (or follows the link)"
DIFFERENT: dict[tuple[str, str], str] = {
    ("path_filestat_get", "f/"): _SLASH,
    ("path_filestat_get", "l/"): _SLASH,
    ("path_filestat_get", "ld/"): _SLASH,
    ("path_filestat_get", "dang/"): _SLASH,
    ("path_filestat_get", "d/g/"): _SLASH,
    ("path_filestat_set_times", "f/"): _SLASH,
    ("path_filestat_set_times", "l/"): _SLASH,
    ("path_filestat_set_times", "ld/"): _SLASH,
    ("path_filestat_set_times", "dang/"): _SLASH,
    ("path_filestat_set_times", "d/g/"): _SLASH,
    ("path_filestat_get", "f/."): _SLASH,
    ("path_filestat_set_times", "f/."): _SLASH,
    ("path_rename", "to new/"): _SLASH,
    ("path_remove_directory", "d/"): _SLASH,
    ("path_remove_directory", "e/"): _SLASH,
    ("path_remove_directory", "ld/"): _SLASH,
    ("path_remove_directory", "dang/"): _SLASH,
    ("path_unlink_file", "ld/"): _SLASH,
    ("path_unlink_file", "dang/"): _SLASH,
    ("path_open", "./ exclusive"): "both refuse: Linux says ISDIR for a slash at the end of a new file's name",
    ("path_link", "two mistakes"): "both refuse: which of two wrong paths is reported first",
}
"""(function, path or case) -> why our answer differs."""

PATHS = [
    *("f", "f/", "d", "d/", ".", "./", "..", "../x", "d/..", "d/../f", "d/../..", "/f", "", "l", "l/", "ld", "ld/"),
    *("ld/g", "dang", "dang/", "abs", "up", "loop", "loop/x", "nope", "nope/", "nope/x", "f/x", "f/..", "f/.", "e"),
    *("e/", "x" * 256, "d//g", "//f", "f\0", "é", "d/./g", "d/g/", "e/../e"),
]
TARGETS = ["new", "f", "d", "d/", "e", "ld", "dang", "..", "nope/x", "d/new", "f/x"]

Operation = tuple[Any, ...]


def lay_out(folder: Path) -> Path:
    (folder / "d").mkdir(parents=True)
    (folder / "e").mkdir()
    (folder / "f").write_text("hello world")
    (folder / "d" / "g").write_text("x" * 100)
    for name, target in {
        "l": "f",
        "ld": "d",
        "dang": "nope",
        "abs": "/etc/passwd",
        "up": "../x",
        "loop": "loop",
    }.items():
        (folder / name).symlink_to(target)
    return folder


class Pair:
    """Both guests, each with a directory of its own."""

    def __init__(self, scratch: Path) -> None:
        self.oracle = OracleGuest({"/": lay_out(scratch / "theirs")}, scratch / "in", scratch / "out")
        self.ours = OurGuest({"/": host_directory(lay_out(scratch / "ours"))})

    def put(self, address: int, content: bytes) -> None:
        for guest in (self.oracle, self.ours):
            guest.put(address, content)

    def call(self, name: str, *arguments: int) -> tuple[str, str]:
        return self.oracle.call(name, *arguments), self.ours.call(name, *arguments)

    def get(self, address: int, count: int) -> tuple[bytes, bytes]:
        return self.oracle.get(address, count), self.ours.get(address, count)


@pytest.fixture
def pairs(tmp_path: Path) -> Iterator[Any]:
    pytest.importorskip("wasmtime")
    made: list[Pair] = []

    def make() -> Pair:
        if made:
            made[-1].ours.wasi.close()
        made.append(Pair(tmp_path / str(len(made))))
        return made[-1]

    yield make
    if made:
        made[-1].ours.wasi.close()


def agree(pair: Pair, *operations: Operation) -> None:
    for operation in operations:
        if isinstance(operation[0], int):
            theirs, ours = pair.get(*operation)
        else:
            theirs, ours = pair.call(*operation)  # type: ignore[assignment]
        assert (operation, ours) == (operation, theirs)


@pytest.mark.parametrize("path", PATHS)
def test_looking(path: str, pairs: Any) -> None:
    pair = pairs()
    raw = path.encode()
    pair.put(PATH, raw)
    for follow in (0, 1):
        if ("path_filestat_get", path) not in DIFFERENT:
            agree(pair, ("path_filestat_get", 3, follow, PATH, len(raw), STAT), (STAT + 16, 1))
        if ("path_filestat_set_times", path) not in DIFFERENT:
            agree(pair, ("path_filestat_set_times", 3, follow, PATH, len(raw), 5000, 6000, 5))
            agree(pair, ("path_filestat_get", 3, follow, PATH, len(raw), STAT), (STAT + 40, 16))
    agree(pair, ("path_readlink", 3, PATH, len(raw), OUT, 100, OUT + 200), (OUT, 20))


@pytest.mark.parametrize("path", PATHS)
def test_opening(path: str, pairs: Any) -> None:
    raw = path.encode()
    for follow in (0, 1):
        for flags in (0, 1, 2, 3, 5, 8) if follow else (0, 1, 5):
            if path == "./" and flags == 5:
                assert ("path_open", "./ exclusive") in DIFFERENT
                continue
            for rights in (2, 66) if flags == 0 else (66,):
                pair = pairs()
                pair.put(PATH, raw)
                agree(pair, ("path_open", 3, follow, PATH, len(raw), flags, rights, 0, 0, OUT), (OUT, 4))
                agree(pair, ("fd_fdstat_get", 4, STAT), (STAT, 1), (STAT + 2, 2), (STAT + 8, 16))


@pytest.mark.parametrize("path", PATHS)
def test_making_and_removing(path: str, pairs: Any) -> None:
    raw = path.encode()
    for name in ("path_create_directory", "path_unlink_file", "path_remove_directory"):
        if (name, path) not in DIFFERENT:
            pair = pairs()
            pair.put(PATH, raw)
            agree(pair, (name, 3, PATH, len(raw)))
    pair = pairs()
    pair.put(PATH, raw)
    pair.put(NEW, b"new")
    agree(pair, ("path_symlink", PATH, len(raw), 3, NEW, 3), ("path_filestat_get", 3, 0, NEW, 3, STAT))
    pair.put(NEW, b"f")
    agree(pair, ("path_symlink", NEW, 1, 3, PATH, len(raw)))


def two_mistakes(path: str, target: str) -> bool:
    wrong = path in ("x" * 256, "f\0", "nope", "nope/", "é")
    return wrong and target in ("..", "nope/x", "new/", "f/x", "")


@pytest.mark.parametrize("path", PATHS)
def test_linking_and_renaming(path: str, pairs: Any) -> None:
    raw = path.encode()
    for target in TARGETS:
        new = target.encode()
        for operation in (
            ("path_link", 3, 0, PATH, len(raw), 3, NEW, len(new)),
            ("path_rename", 3, PATH, len(raw), 3, NEW, len(new)),
        ):
            if two_mistakes(path, target):
                assert ("path_link", "two mistakes") in DIFFERENT
                continue
            if operation[0] == "path_rename" and target.endswith("/"):
                assert ("path_rename", "to new/") in DIFFERENT
                continue
            pair = pairs()
            pair.put(PATH, raw)
            pair.put(NEW, new)
            agree(pair, operation)
            for name, address in ((path, PATH), (target, NEW)):
                if ("path_filestat_get", name) not in DIFFERENT and not name.endswith("/"):
                    length = len(name.encode())
                    agree(pair, ("path_filestat_get", 3, 0, address, length, STAT), (STAT + 16, 1))


def sequence(seed: int) -> Iterator[Operation]:
    """Random calls that mostly work, each with what it leaves in memory."""
    draw = random.Random(seed)

    def descriptor() -> int:
        return draw.choice([0, 1, 3, 4, 4, 4, 5, 5, 6, 99])

    for _ in range(60):
        names = [draw.choice(["f", "d", "d/g", "l", "e", "new", "d/n", "nope/x", ".."]).encode() for _ in range(2)]
        yield ("put", PATH, names[0].ljust(16, b"\0"))
        yield ("put", NEW, names[1].ljust(16, b"\0"))
        length, new_length = len(names[0]), len(names[1])
        first, second = draw.choice([1, 3, 7, 20]).to_bytes(4, "little"), draw.choice([0, 4, 9]).to_bytes(4, "little")
        yield ("put", VECTOR, BUFFER.to_bytes(4, "little") + first + (BUFFER + 100).to_bytes(4, "little") + second)
        size = draw.choice([0, 3, 50])
        moved = draw.choice([0, 1, 5, -1, -5, 100])
        flags = draw.choice([0, 0, 1, 4, 5])
        rights = draw.choice([2, 64, 66, 66])
        times = (draw.choice([0, 5, 10**18]), draw.choice([0, 7 * 10**9]), draw.choice([0, 1, 4, 5, 2, 3, 8, 12]))
        choices: list[tuple[Operation, list[Operation]]] = [
            (("path_open", 3, 1, PATH, length, draw.choice([0, 1, 9]), rights, 0, flags, OUT), [(OUT, 4)]),
            (("path_open", 3, 1, PATH, length, draw.choice([0, 1]), 66, 66, 0, OUT), [(OUT, 4)]),
            (("fd_close", draw.choice([4, 5, 6, 99])), []),
            (("fd_read", draw.choice([4, 5, 1, 3]), VECTOR, 1, OUT), [(OUT, 4), (BUFFER, 20)]),
            (("fd_write", draw.choice([4, 5, 0, 3]), VECTOR, 1, OUT), [(OUT, 4)]),
            (("fd_pread", descriptor(), VECTOR, 1, size, OUT), [(OUT, 4), (BUFFER, 20)]),
            (("fd_pwrite", descriptor(), VECTOR, 1, size, OUT), [(OUT, 4)]),
            (("fd_seek", descriptor(), moved, draw.randrange(3), OUT), [(OUT, 8)]),
            (("fd_tell", descriptor(), OUT), [(OUT, 8)]),
            (("fd_filestat_get", descriptor(), STAT), [(STAT + 16, 1), (STAT + 32, 8)]),
            (("fd_fdstat_get", descriptor(), STAT), [(STAT, 1), (STAT + 2, 2), (STAT + 8, 16)]),
            (("fd_filestat_set_size", descriptor(), size), []),
            (("fd_filestat_set_times", draw.choice([1, 4, 5, 99]), *times), []),
            (("fd_fdstat_set_flags", descriptor(), flags), []),
            (("fd_fdstat_set_rights", descriptor(), rights, rights), []),
            (("fd_sync", descriptor()), []),
            (("fd_datasync", descriptor()), []),
            (("fd_advise", descriptor(), size & 0xFF, moved, draw.randrange(6)), []),
            (("fd_renumber", draw.choice([4, 5, 6]), draw.choice([4, 5, 6, 99])), []),
            (("fd_prestat_get", descriptor(), STAT), [(STAT, 8)]),
            (("fd_prestat_dir_name", descriptor(), STAT, draw.choice([0, 1, 5])), [(STAT, 4)]),
            (("fd_readdir", descriptor(), BUFFER, draw.choice([0, 10, 24]), 0, OUT), [(OUT, 4)]),
            (("path_filestat_get", 3, 1, PATH, length, STAT), [(STAT + 16, 1), (STAT + 32, 8)]),
            (("path_unlink_file", 3, PATH, length), []),
            (("path_create_directory", 3, PATH, length), []),
            (("path_rename", 3, PATH, length, 3, NEW, new_length), []),
            (("sock_shutdown", descriptor(), draw.choice([0, 1, 3])), []),
            (("sock_recv", descriptor(), VECTOR, 1, 0, OUT, OUT + 4), []),
            (("sock_send", descriptor(), VECTOR, 1, 0, OUT), []),
            (("sock_accept", descriptor(), flags, OUT), []),
            (("clock_res_get", draw.choice([2, 3]), OUT), []),
            (("proc_raise", 6), []),
            (("random_get", 20_000, draw.choice([0, 5, 200_000])), []),
            (("args_sizes_get", OUT, OUT + 4), [(OUT, 8)]),
            (("environ_get", OUT, BUFFER), [(OUT, 8), (BUFFER, 8)]),
        ]
        operation, looks = draw.choice(choices)
        # device and inode numbers of earlier answers differ
        yield ("put", STAT, bytes(64))
        yield ("put", BUFFER, bytes(64))
        yield operation
        yield from looks


@pytest.mark.parametrize("seed", range(40))
def test_random_sequences(seed: int, pairs: Any) -> None:
    pair = pairs()
    for operation in sequence(seed):
        if operation[0] == "put":
            pair.put(*operation[1:])
        else:
            agree(pair, operation)
