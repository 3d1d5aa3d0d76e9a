"""How preview 1 lays out its types in memory, and reading and writing them there.

A value that is no member of its enumeration, or flags with unknown bits, give INVAL.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from wasmarium.errors import Trap
from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.wasi.errno import Errno, WasiError
from wasmarium.wasi.filesystem.base import LONGEST_PATH, FileType, Stat, fail
from wasmarium.wasi.rights import FdFlags, Rights

MOST_VECTORS = 1024
"""Pieces that one read or write looks at (POSIX's IOV_MAX on Linux); more make it a short one."""

MOST_BYTES = 4 << 20
"""Bytes that one read or write moves at most: pieces may overlap, so their sum has no other bound."""


class LookupFlags(enum.IntFlag):
    """The witx type ``lookupflags``."""

    SYMLINK_FOLLOW = 1


class OFlags(enum.IntFlag):
    """The witx type ``oflags``."""

    CREAT = 1
    DIRECTORY = 2
    EXCL = 4
    TRUNC = 8


class FstFlags(enum.IntFlag):
    """The witx type ``fstflags``."""

    ATIM = 1
    ATIM_NOW = 2
    MTIM = 4
    MTIM_NOW = 8


class ClockId(enum.IntEnum):
    """The witx type ``clockid``."""

    REALTIME = 0
    MONOTONIC = 1
    PROCESS_CPUTIME_ID = 2
    THREAD_CPUTIME_ID = 3


class Advice(enum.IntEnum):
    """The witx type ``advice``."""

    NORMAL = 0
    SEQUENTIAL = 1
    RANDOM = 2
    WILLNEED = 3
    DONTNEED = 4
    NOREUSE = 5


class EventType(enum.IntEnum):
    """The witx type ``eventtype``."""

    CLOCK = 0
    FD_READ = 1
    FD_WRITE = 2


class RiFlags(enum.IntFlag):
    """The witx type ``riflags``."""

    RECV_PEEK = 1
    RECV_WAITALL = 2


class SdFlags(enum.IntFlag):
    """The witx type ``sdflags``."""

    RD = 1
    WR = 2


_MASKS: dict[type[enum.IntFlag], int] = {
    kind: sum(kind) for kind in (LookupFlags, OFlags, FstFlags, RiFlags, SdFlags, FdFlags, Rights)
}

FlagsT = TypeVar("FlagsT", bound=enum.IntFlag)
EnumT = TypeVar("EnumT", bound=enum.IntEnum)


def flags(kind: type[FlagsT], value: int) -> FlagsT:
    """``value`` as flags; INVAL for unknown bits."""
    allow(kind, value)
    return kind(value)


def allow(kind: type[FlagsT], value: int) -> None:
    """INVAL for unknown bits. Making flags takes longer than most functions do."""
    if value & ~_MASKS[kind]:
        fail(Errno.INVAL)


def member(kind: type[EnumT], value: int) -> EnumT:
    """``value`` as a member; INVAL for none."""
    try:
        return kind(value)
    except ValueError:
        raise WasiError(Errno.INVAL) from None


def rights(value: int) -> Rights:
    """``value`` as rights; INVAL for unknown bits."""
    return flags(Rights, value)


@dataclass(frozen=True, slots=True)
class Layout:
    """What differs between preview 1 and ``wasi_unstable``.

    ``filestat`` and ``subscription_clock`` are struct formats; the latter gives clock, timeout,
    precision and flags at ``clock_offset`` in a subscription of ``subscription_size`` bytes.
    """

    whence: tuple[str, str, str]
    filestat: struct.Struct
    subscription_size: int
    clock_offset: int


PREVIEW1_LAYOUT = Layout(("set", "current", "end"), struct.Struct("<QQB7xQQQQQ"), 48, 16)
UNSTABLE_LAYOUT = Layout(("current", "end", "set"), struct.Struct("<QQB3xLQQQQ"), 56, 24)

SUBSCRIPTION_CLOCK = struct.Struct("<L4xQQH")
EVENT = struct.Struct("<QHB5xQH6x")
DIRENT = struct.Struct("<QQLB3x")
FDSTAT = struct.Struct("<BxH4xQQ")
PRESTAT = struct.Struct("<B3xL")


def store(memory: GuestMemory, pointer: int, value: int, size: int) -> None:
    """Write an integer of ``size`` bytes; traps where it would not be aligned."""
    check_aligned(pointer, size)
    memory.write_unsigned(pointer, value, size)


def store_struct(memory: GuestMemory, pointer: int, content: bytes, alignment: int) -> None:
    """Write a structure; traps where it would not be aligned."""
    check_aligned(pointer, alignment)
    memory.write(pointer, content)


def check_out(memory: GuestMemory, pointer: int, size: int) -> None:
    """Trap unless an integer of ``size`` bytes can be written there. Functions ask before they do
    anything, so that a call which traps has done nothing."""
    check_aligned(pointer, size)
    memory.memory.check(pointer, size)


def check_aligned(pointer: int, alignment: int) -> None:
    """Trap for a pointer that is not a multiple of ``alignment`` (witx: a misaligned pointer traps)."""
    if pointer % alignment:
        raise Trap(f"pointer 0x{pointer:x} is not aligned to {alignment}")


def string(memory: GuestMemory, pointer: int, length: int) -> str:
    """A string of the guest; traps outside memory. NAMETOOLONG before anything long is copied,
    ILSEQ for what is not UTF-8."""
    if length > LONGEST_PATH:
        memory.memory.check(pointer, length)
        fail(Errno.NAMETOOLONG)
    return decoded(memory.read(pointer, length))


def decoded(content: bytes) -> str:
    """A string of the guest from its bytes; NAMETOOLONG and ILSEQ as for :func:`string`."""
    if len(content) > LONGEST_PATH:
        fail(Errno.NAMETOOLONG)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise WasiError(Errno.ILSEQ) from None


def vectors(memory: GuestMemory, pointer: int, count: int) -> list[tuple[int, int]]:
    """The pieces of a read or a write, with room for MOST_BYTES at most."""
    check_aligned(pointer, 4)
    memory.memory.check(pointer, 8 * count)
    pieces = []
    room = MOST_BYTES
    for start, length in memory.read_vectors(pointer, min(count, MOST_VECTORS)):
        if not length:
            continue
        pieces.append((start, min(length, room)))
        room -= length
        if room <= 0:
            break
    return pieces


def total(pieces: Sequence[tuple[int, int]]) -> int:
    """Bytes that the pieces hold together."""
    return sum(length for _, length in pieces)


def pack_stat(layout: Layout, stat: Stat) -> bytes:
    """The witx type ``filestat``."""
    try:
        return layout.filestat.pack(stat.device, stat.inode, stat.kind, *stat[3:])
    except struct.error:
        links = stat.links & (0xFFFFFFFF if layout is UNSTABLE_LAYOUT else _U64)
        rest = (each & _U64 for each in stat[4:])
        return layout.filestat.pack(stat.device & _U64, stat.inode & _U64, stat.kind, links, *rest)


def pack_fdstat(kind: FileType, fdflags: FdFlags, base: Rights, inheriting: Rights) -> bytes:
    """The witx type ``fdstat``."""
    return FDSTAT.pack(kind, fdflags, base, inheriting)


_U64 = (1 << 64) - 1
