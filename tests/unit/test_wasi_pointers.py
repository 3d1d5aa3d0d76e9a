"""Whatever a guest passes, a WASI function answers with an error number or traps; and a call that
does not succeed leaves memory alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wasi.two_guests import PAGES, OurGuest
from wasmarium.errors import GuestExit, Trap
from wasmarium.runtime.function import Pending
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem import MemoryFileSystem, host_directory
from wasmarium.wasi.filesystem.memory import Tree
from wasmarium.wasi.preview1.signatures import MODULES, SIGNATURES, UNSTABLE

SIZE = PAGES * 65_536
PATH, VECTORS = 1024, 2048
TREE: Tree = {"f": "hello world", "d": {"g": b"x" * 100}}

# a call of each function that succeeds, or would on a socket; 4 is an open file
GOOD: dict[str, int] = {
    "fd": 4,
    "to": 4,
    "new_fd": 3,
    "path": PATH,
    "path_length": 1,
    "new_path": PATH + 8,
    "new_path_length": 3,
    "target": PATH,
    "target_length": 1,
    "vectors": VECTORS,
    "count": 1,
    "length": 16,
    "subscriptions": 4096,
    "base": 66,
    "lookup": 0,
    "oflags": 0,
    "how": 1,
}
SPECIAL: dict[tuple[str, str], int] = {
    ("fd_allocate", "length"): 20,
    ("path_readlink", "path"): PATH + 16,
    ("path_symlink", "path"): PATH + 8,
    ("path_symlink", "path_length"): 3,
    ("path_create_directory", "path"): PATH + 8,
    ("path_create_directory", "path_length"): 3,
    ("path_remove_directory", "path"): PATH + 24,
    ("fd_prestat_get", "fd"): 3,
    ("fd_prestat_dir_name", "fd"): 3,
    ("fd_readdir", "fd"): 3,
}
NEVER = {"proc_raise": "NOTSUP", "fd_fdstat_set_rights": "NOTSUP", "proc_exit": "exit 0"}


def fresh() -> OurGuest:
    volume = MemoryFileSystem(TREE)
    root = volume.root()
    root.make_link("l", "f")
    root.make_directory("e")
    guest = OurGuest({"/": root})
    guest.put(PATH, b"f\0\0\0\0\0\0\0new\0\0\0\0\0l\0\0\0\0\0\0\0e")
    guest.put(VECTORS, (3000).to_bytes(4, "little") + (5).to_bytes(4, "little"))
    # a subscription to a clock that has passed already
    guest.put(4096, bytes(48))
    assert guest.call("path_open", 3, 0, PATH, 1, 0, 66, 66, 0, 8192) == "SUCCESS"
    return guest


def good_arguments(name: str) -> list[int]:
    arguments = []
    out = 16_384
    for parameter, kind in SIGNATURES[name]:
        if kind == "out":
            arguments.append(out)
            out += 1024
        elif (name, parameter) in SPECIAL:
            arguments.append(SPECIAL[name, parameter])
        elif name.startswith("path_") and parameter == "fd":
            arguments.append(3)
        else:
            arguments.append(GOOD.get(parameter, 0))
    return arguments


BYTES = ("path", "new_path", "target", "buffer", "argv_buf", "environ_buf")
"""Pointers to bytes; the others are to integers and structures."""

POINTERS = [
    (name, position)
    for name, parameters in SIGNATURES.items()
    for position, (_, kind) in enumerate(parameters)
    if kind in ("out", "pointer")
]


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_good_call_of_each_function_gets_through(name: str) -> None:
    # else the tests below would try nothing
    wanted = NEVER.get(name, "NOTSOCK" if name.startswith("sock_") else "SUCCESS")
    assert fresh().call(name, *good_arguments(name)) == wanted


@pytest.mark.parametrize("address", [0xFFFF_FFFF, 0xFFFF_FFF8, SIZE, SIZE - 1, 0x8000_0000])
@pytest.mark.parametrize(("name", "position"), POINTERS)
def test_a_pointer_outside_memory_traps(name: str, position: int, address: int) -> None:
    guest = fresh()
    arguments = good_arguments(name)
    arguments[position] = address
    before = bytes(guest.memory.data)
    answer = guest.call(name, *arguments)
    if address == SIZE - 1 and SIGNATURES[name][position][0] in BYTES:
        # one byte is there, and that may be enough
        return
    assert answer == "trap"
    assert bytes(guest.memory.data) == before


ALIGNED = [(name, position) for name, position in POINTERS if SIGNATURES[name][position][0] not in BYTES]


@pytest.mark.parametrize(("name", "position"), ALIGNED)
def test_a_misaligned_pointer_traps(name: str, position: int) -> None:
    guest = fresh()
    arguments = good_arguments(name)
    arguments[position] += 1
    assert guest.call(name, *arguments) == "trap"


def length_positions() -> Iterator[tuple[str, int]]:
    for name, parameters in SIGNATURES.items():
        for position, (_, kind) in enumerate(parameters):
            if kind == "size":
                yield name, position


@pytest.mark.parametrize("length", [0xFFFF_FFFF, SIZE, SIZE + 1, 0x2000_0000])
@pytest.mark.parametrize(("name", "position"), list(length_positions()))
def test_a_length_beyond_memory_is_refused(name: str, position: int, length: int) -> None:
    guest = fresh()
    arguments = good_arguments(name)
    arguments[position] = length
    before = bytes(guest.memory.data)
    answer = guest.call(name, *arguments)
    if answer == "SUCCESS":
        # a buffer said to be larger than it need be
        assert name in ("fd_prestat_dir_name", "path_readlink", "fd_readdir")
    else:
        assert answer == "trap"
        assert bytes(guest.memory.data) == before


def test_a_vector_that_points_outside_traps_and_reads_nothing() -> None:
    guest = fresh()
    guest.put(VECTORS, (3000).to_bytes(4, "little") + (5).to_bytes(4, "little"))
    guest.put(VECTORS + 8, (SIZE - 2).to_bytes(4, "little") + (5).to_bytes(4, "little"))
    before = bytes(guest.memory.data)
    assert guest.call("fd_read", 4, VECTORS, 2, 16_384) == "trap"
    assert bytes(guest.memory.data) == before
    assert guest.call("fd_tell", 4, 16_384) == "SUCCESS"
    assert guest.get(16_384, 8) == bytes(8)


def test_overlapping_vectors_cannot_exhaust_the_host() -> None:
    guest = fresh()
    # 8192 pieces of 100 KB each: 800 MB if they were all gathered
    guest.put(0, ((0).to_bytes(4, "little") + (100_000).to_bytes(4, "little")) * 8192)
    assert guest.call("fd_write", 1, 0, 8192, 70_000) == "SUCCESS"
    written = int.from_bytes(guest.get(70_000, 4), "little")
    assert 0 < written <= 4 << 20
    assert len(guest.stdout.content) == written


def test_too_many_subscriptions_are_refused() -> None:
    guest = fresh()
    guest.put(0, bytes(SIZE))
    count = SIZE // 48
    assert guest.call("poll_oneoff", 0, 0, count, 16) == "SUCCESS"  # 2730 clocks that have passed
    assert guest.call("poll_oneoff", 0, 0, count + 1, 16) == "trap"


numbers = st.one_of(
    st.integers(0, 8),
    st.sampled_from(
        [PATH, VECTORS, 4096, 16_384, SIZE - 8, SIZE, (1 << 32) - 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
    ),
    st.integers(0, (1 << 64) - 1),
)
calls = st.lists(
    st.sampled_from(sorted(SIGNATURES)).flatmap(
        lambda name: st.tuples(
            st.just(name), st.lists(numbers, min_size=len(SIGNATURES[name]), max_size=len(SIGNATURES[name]))
        )
    ),
    max_size=12,
)


@pytest.mark.parametrize("module", MODULES)
@given(sequence=calls, rubbish=st.binary(max_size=64))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_calls_ends_in_an_errno_or_a_trap(
    module: str, sequence: list[tuple[str, list[int]]], rubbish: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder: Path = tmp_path_factory.mktemp("guest")
    (folder / "f").write_text("hello world")
    guest = OurGuest(
        {"/": MemoryFileSystem(TREE, capacity=1 << 20).root(), "/h": host_directory(folder)}, module=module
    )
    guest.put(PATH, b"f\0\0\0\0\0\0\0new")
    guest.put(VECTORS, rubbish)
    guest.put(4096, rubbish)
    for name, arguments in sequence:
        if module == UNSTABLE and name == "sock_accept":
            continue
        if name.startswith("fd_") and arguments:
            arguments[0] %= 8
        # a real directory must not be made to hold gigabytes
        if name in ("fd_filestat_set_size", "fd_allocate", "fd_pwrite") and arguments[0] > 3:
            continue
        check(guest, name, arguments)
    guest.wasi.close()


def check(guest: OurGuest, name: str, arguments: list[int]) -> None:
    size = len(guest.memory.data)
    try:
        answer: Any = guest.raw(name, *arguments)
    except (Trap, GuestExit):
        pass
    else:
        assert not isinstance(answer, Pending)
        assert len(answer) == 1
        Errno(answer[0])
    assert len(guest.memory.data) == size
