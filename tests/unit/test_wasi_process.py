"""args_*, environ_*, clock_*, random_get, proc_*, sched_yield, sock_*, and linking them."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from wasi.two_guests import OurGuest
from wasmarium.bridge.fake import FakeClock, FakeRandom
from wasmarium.errors import GuestExit, Trap
from wasmarium.policy import Policy
from wasmarium.types import I32, I64
from wasmarium.wasi.errno import Errno, errno_of
from wasmarium.wasi.filesystem import MemoryFileSystem
from wasmarium.wasi.preview1 import MODULES, Wasi, host_functions
from wasmarium.wasi.preview1.abi import DIRENT, EVENT, FDSTAT, PRESTAT, PREVIEW1_LAYOUT, UNSTABLE_LAYOUT
from wasmarium.wasi.preview1.linking import implementations
from wasmarium.wasi.preview1.signatures import PREVIEW1, SIGNATURES, UNSTABLE, function_type

POINTERS, BUFFER, OUT = 1024, 2048, 512


def strings(guest: OurGuest, kind: str) -> list[str]:
    assert guest.call(f"{kind}_sizes_get", OUT, OUT + 4) == "SUCCESS"
    count, size = struct.unpack("<LL", guest.get(OUT, 8))
    guest.put(POINTERS, b"\xff" * (4 * count + 4))
    guest.put(BUFFER, b"\xff" * (size + 1))
    assert guest.call(f"{kind}_get", POINTERS, BUFFER) == "SUCCESS"
    assert guest.get(POINTERS + 4 * count, 4) == b"\xff" * 4
    assert guest.get(BUFFER + size, 1) == b"\xff"
    raw = guest.get(BUFFER, size)
    found = []
    for pointer in struct.unpack(f"<{count}L", guest.get(POINTERS, 4 * count)):
        start = pointer - BUFFER
        found.append(raw[start : raw.index(b"\0", start)].decode())
    return found


def test_arguments_and_environment_arrive_in_order() -> None:
    guest = OurGuest(arguments=("program", "", "two words", "ü"), environment=(("B", "1"), ("A", ""), ("É", "=x")))
    assert strings(guest, "args") == ["program", "", "two words", "ü"]
    assert strings(guest, "environ") == ["B=1", "A=", "É==x"]


def test_there_may_be_none() -> None:
    guest = OurGuest(arguments=(), environment=())
    assert strings(guest, "args") == strings(guest, "environ") == []


@pytest.mark.parametrize("given", [{"arguments": ["a\0b"]}, {"environment": {"A": "\0"}}, {"environment": {"A\0": ""}}])
def test_a_zero_character_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="zero character"):
        Wasi(clock=FakeClock(), random=FakeRandom(), policy=Policy.everything_given(), **given)


def test_clocks_tell_what_the_bridge_tells() -> None:
    guest = OurGuest()
    guest.wasi.clock = FakeClock(realtime=1_700_000_000_123_456_789, monotonic=42)
    for clock, wanted in ((0, 1_700_000_000_123_456_789), (1, 42)):
        assert guest.call("clock_time_get", clock, 0, OUT) == "SUCCESS"
        assert guest.get(OUT, 8) == wanted.to_bytes(8, "little")
        assert guest.call("clock_res_get", clock, OUT) == "SUCCESS"
        assert guest.get(OUT, 8) == (1).to_bytes(8, "little")
    for clock in (2, 3):
        assert guest.call("clock_time_get", clock, 0, OUT) == "BADF"
        assert guest.call("clock_res_get", clock, OUT) == "BADF"
    assert guest.call("clock_time_get", 4, 0, OUT) == "INVAL"


def test_random_bytes_fill_exactly_the_buffer() -> None:
    guest = OurGuest()
    assert guest.call("random_get", BUFFER, 100_000) == "SUCCESS"
    drawn = guest.get(BUFFER, 100_000)
    # no long run of zeros: every part was filled
    assert max(map(len, drawn.split(bytes(1)))) < 10_000
    assert bytes(8) not in drawn
    assert guest.get(BUFFER - 8, 8) == guest.get(BUFFER + 100_000, 8) == bytes(8)
    assert guest.call("random_get", BUFFER, 0) == "SUCCESS"
    again = OurGuest()
    assert again.call("random_get", BUFFER, 100_000) == "SUCCESS"
    assert again.get(BUFFER, 100_000) == drawn


@pytest.mark.parametrize("code", [0, 1, 125, 126, 255, 256, 0xFFFF_FFFF])
def test_exit_ends_the_guest_with_its_code(code: int) -> None:
    with pytest.raises(GuestExit) as caught:
        OurGuest().raw("proc_exit", code)
    assert caught.value.code == code


def test_there_are_no_signals_and_yielding_is_fine() -> None:
    guest = OurGuest()
    assert guest.call("proc_raise", 6) == "NOTSUP"
    assert guest.call("sched_yield") == "SUCCESS"


def test_what_is_no_socket_says_so() -> None:
    guest = OurGuest({"/": MemoryFileSystem().root()})
    for fd, wanted in ((0, "NOTSOCK"), (1, "NOTSOCK"), (3, "NOTSOCK"), (99, "BADF")):
        assert guest.call("sock_accept", fd, 0, OUT) == wanted
        assert guest.call("sock_recv", fd, BUFFER, 1, 0, OUT, OUT + 4) == wanted
        assert guest.call("sock_send", fd, BUFFER, 1, 0, OUT) == wanted
        assert guest.call("sock_shutdown", fd, 3) == wanted
    assert guest.call("sock_shutdown", 1, 4) == "INVAL"
    assert guest.call("sock_recv", 1, BUFFER, 1, 4, OUT, OUT + 4) == "INVAL"


# ---- types and linking ----


def test_structures_have_the_sizes_of_the_specification() -> None:
    # https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md and preview0/docs.md
    assert (DIRENT.size, EVENT.size, FDSTAT.size, PRESTAT.size) == (24, 32, 24, 8)
    assert (PREVIEW1_LAYOUT.filestat.size, PREVIEW1_LAYOUT.subscription_size) == (64, 48)
    assert (UNSTABLE_LAYOUT.filestat.size, UNSTABLE_LAYOUT.subscription_size) == (56, 56)


def test_the_table_of_functions_is_whole() -> None:
    assert len(SIGNATURES) == 46
    assert [name for name in SIGNATURES if name.startswith("path_")] == sorted(
        f"path_{name}"
        for name in "create_directory filestat_get filestat_set_times link open readlink remove_directory rename "
        "symlink unlink_file".split()
    )
    path_open = function_type("path_open")
    assert path_open.parameters == (I32, I32, I32, I32, I32, I64, I64, I32, I32)
    assert path_open.results == (I32,)
    assert function_type("fd_seek").parameters == (I32, I64, I32, I32)
    assert function_type("proc_exit").results == ()
    assert function_type("sched_yield").parameters == ()


@pytest.mark.parametrize("module", MODULES)
def test_every_function_is_implemented(module: str) -> None:
    found = implementations(module)
    assert set(SIGNATURES) - set(found) == ({"sock_accept"} if module == UNSTABLE else set())
    assert [name for name, function in found.items() if getattr(function, "__name__", "") == "_missing"] == []


def test_a_host_function_has_its_type_and_name() -> None:
    guest = OurGuest()
    for name, function in guest.functions.items():
        assert function.type == function_type(name)
        assert function.name == name


@pytest.mark.parametrize("instance", [None, type("Instance", (), {"exports": {}})()])
def test_a_caller_without_a_memory_traps(instance: Any) -> None:
    functions = host_functions(OurGuest().wasi, PREVIEW1)
    with pytest.raises(Trap, match="missing required memory export"):
        functions["sched_yield"].code(instance, ())


def test_the_older_interface_counts_whence_and_links_differently() -> None:
    guest = OurGuest({"/": MemoryFileSystem({"f": "hello"}).root()}, module=UNSTABLE)
    guest.put(POINTERS, b"f")
    assert guest.call("path_open", 3, 0, POINTERS, 1, 0, 2, 0, 0, OUT) == "SUCCESS"
    for offset, whence, wanted in ((2, 2, 2), (1, 0, 3), (-1, 1, 4)):
        assert guest.call("fd_seek", 4, offset, whence, OUT) == "SUCCESS"
        assert guest.get(OUT, 8) == wanted.to_bytes(8, "little")
    guest.put(OUT, b"\xff" * 64)
    assert guest.call("fd_filestat_get", 4, OUT) == "SUCCESS"
    _, _, kind, links, size = struct.unpack_from("<QQB3xLQ", guest.get(OUT, 56))
    assert (kind, links, size) == (4, 1, 5)
    assert guest.get(OUT + 56, 8) == b"\xff" * 8


def test_error_numbers() -> None:
    # first, last, and the ones around names that differ from POSIX's
    assert (Errno.SUCCESS, Errno.TOOBIG, Errno.ACCES, Errno.NOENT, Errno.NOSYS, Errno.XDEV, Errno.NOTCAPABLE) == (
        0,
        1,
        2,
        44,
        52,
        75,
        76,
    )
    assert [member.value for member in Errno] == list(range(77))
    import errno

    assert errno_of(OSError(errno.E2BIG, "")) is Errno.TOOBIG
    assert errno_of(OSError(errno.EAGAIN, "")) is Errno.AGAIN
    assert errno_of(OSError(errno.ENOTEMPTY, "")) is Errno.NOTEMPTY
    assert errno_of(OSError(errno.EOPNOTSUPP, "")) is Errno.NOTSUP
    assert errno_of(OSError(987_654, "")) is Errno.IO
    assert errno_of(OSError("no number")) is Errno.IO
