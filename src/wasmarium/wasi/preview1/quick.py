"""The functions that programs call most, for engines that carry what pointers lead to (see ``Carried``).

They are those of the other files but for the pointers: what is unusual, they leave to them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from wasmarium.runtime.function import Carried, Lent
from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.wasi.descriptor import FileDescriptor
from wasmarium.wasi.errno import WasiError, errno_of
from wasmarium.wasi.filesystem import paths as walks
from wasmarium.wasi.preview1.abi import PREVIEW1_LAYOUT as LAYOUT
from wasmarium.wasi.preview1.abi import LookupFlags, allow, decoded, pack_stat, store
from wasmarium.wasi.preview1.arguments import sizes
from wasmarium.wasi.preview1.clocks import now
from wasmarium.wasi.preview1.context import Wasi
from wasmarium.wasi.preview1.descriptors import fdstat, listing, signed
from wasmarium.wasi.preview1.paths import how_to_open, opened
from wasmarium.wasi.preview1.waiting import Wait, pending

_ROLES = """
args_sizes_get        out4 more
environ_sizes_get     out4 more
clock_time_get        number skip out8
fd_close              number
fd_fdstat_get         number out24
fd_filestat_get       number out64
fd_pread              number scatter count number out4
fd_pwrite             number gather count number out4
fd_read               stream scatter count out4
fd_readdir            number buffer length number out4
fd_seek               number number number out8
fd_tell               number out8
fd_write              number gather count put4
path_create_directory number string length
path_filestat_get     number number string length out64
path_open             number number string length number number number number out4
path_unlink_file      number string length
"""

SMALL = 256
"""Bytes of a read after which a program is lent what follows: it may well go on like that."""

Make = Callable[[Wasi, MemoryInstance, Lent], Callable[..., Any]]


def failure(error: BaseException) -> int | None:
    """The error number of what a function here raises."""
    if isinstance(error, WasiError):
        # `value` looks the same up in a slow way
        return error.errno._value_
    return errno_of(error).value if isinstance(error, OSError) else None


def _sizes_of(strings: Sequence[bytes]) -> Callable[..., Any]:
    known = struct.pack("<II", *sizes(strings))
    return lambda: known


def args_sizes_get(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    return _sizes_of(wasi.arguments)


def environ_sizes_get(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    return _sizes_of(wasi.environment)


def clock_time_get(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    def call(clock: int) -> int:
        return now(wasi, clock)

    return call


def fd_close(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    return wasi.descriptors.close


def fd_fdstat_get(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    descriptors = wasi.descriptors

    def call(fd: int) -> bytes:
        return fdstat(descriptors[fd])

    return call


def fd_filestat_get(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    descriptors = wasi.descriptors

    def call(fd: int) -> bytes:
        return pack_stat(LAYOUT, descriptors[fd].stat())

    return call


def fd_pread(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    descriptors = wasi.descriptors

    def call(fd: int, room: int, offset: int) -> bytes:
        return descriptors[fd].read_at(offset, room)

    return call


def fd_pwrite(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    descriptors = wasi.descriptors

    def call(content: bytes, fd: int, count: int, offset: int) -> int:
        return descriptors[fd].write_at(offset, content)

    return call


def fd_read(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    find = wasi.descriptors.find

    def call(fd: int, room: int) -> Any:
        descriptor = find(fd)
        # others may have to wait
        if type(descriptor) is not FileDescriptor:
            return NotImplemented
        content = descriptor.read(room)
        if room <= SMALL and len(content) == room:
            descriptor.lend(fd, lent)
        return content

    return call


def fd_readdir(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    descriptors = wasi.descriptors

    def call(fd: int, length: int, cookie: int) -> bytes:
        return listing(descriptors[fd], cookie, length)

    return call


def fd_seek(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    descriptors = wasi.descriptors
    whences = LAYOUT.whence

    def call(fd: int, offset: int, whence: int) -> Any:
        if whence >= len(whences):
            return NotImplemented
        return descriptors[fd].seek(signed(offset), whences[whence])

    return call


def fd_tell(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    descriptors = wasi.descriptors

    def call(fd: int) -> int:
        return descriptors[fd].seek(0, "current")

    return call


def fd_write(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    descriptors = wasi.descriptors

    def call(content: bytes, fd: int, count: int, done: int) -> Any:
        written = descriptors[fd].write(content)
        if isinstance(written, int):
            return written
        return pending(Wait(written, lambda count: store(GuestMemory(memory), done, count, 4)))

    return call


def path_create_directory(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    descriptors = wasi.descriptors

    def call(path: bytes, fd: int, length: int) -> None:
        walks.make_directory(descriptors[fd].directory, decoded(path))

    return call


def path_filestat_get(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    descriptors = wasi.descriptors

    def call(path: bytes, fd: int, lookup: int, length: int) -> bytes:
        allow(LookupFlags, lookup)
        return pack_stat(LAYOUT, walks.stat(descriptors[fd].directory, decoded(path), bool(lookup)))

    return call


def path_open(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    descriptors = wasi.descriptors

    def call(
        path: bytes, fd: int, lookup: int, length: int, oflags: int, base: int, inheriting: int, fdflags: int
    ) -> int:
        how = how_to_open(lookup, oflags, base, inheriting, fdflags)
        name = decoded(path)
        return opened(wasi, descriptors[fd].base_directory, name, how)

    return call


def path_unlink_file(wasi: Wasi, memory: MemoryInstance, lent: Lent) -> Callable[..., Any]:
    descriptors = wasi.descriptors

    def call(path: bytes, fd: int, length: int) -> None:
        walks.remove_file(descriptors[fd].directory, decoded(path))

    return call


_MAKERS: tuple[Make, ...] = (
    args_sizes_get,
    environ_sizes_get,
    clock_time_get,
    fd_close,
    fd_fdstat_get,
    fd_filestat_get,
    fd_pread,
    fd_pwrite,
    fd_read,
    fd_readdir,
    fd_seek,
    fd_tell,
    fd_write,
    path_create_directory,
    path_filestat_get,
    path_open,
    path_unlink_file,
)

ROLES: dict[str, tuple[str, ...]] = {name: tuple(roles) for name, *roles in map(str.split, _ROLES.strip().splitlines())}
"""What the parameters of each function here are, see ``Carried``."""


CONSTANT = frozenset({"args_sizes_get", "environ_sizes_get"})
"""Functions that give the same at every call. C libraries ask for the size of the environment again and again."""

MAKERS: dict[str, Make] = {make.__name__: make for make in _MAKERS}


def carried(wasi: Wasi) -> dict[str, Carried]:
    """The functions of ``wasi_snapshot_preview1`` that are here, for one guest, by name."""

    def binding(make: Make) -> Callable[[MemoryInstance, Callable[[], None], Lent], Callable[..., Any]]:
        return lambda memory, again, lent: make(wasi, memory, lent)

    return {name: Carried(ROLES[name], binding(make), failure, name in CONSTANT) for name, make in MAKERS.items()}
