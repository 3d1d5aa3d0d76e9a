"""fd_*."""

from __future__ import annotations

from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.wasi.descriptor import Descriptor, FileDescriptor
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import fail
from wasmarium.wasi.preview1.abi import (
    DIRENT,
    PRESTAT,
    PREVIEW1_LAYOUT,
    Advice,
    FstFlags,
    Layout,
    check_out,
    flags,
    member,
    pack_fdstat,
    pack_stat,
    rights,
    store,
    store_struct,
    total,
    vectors,
)
from wasmarium.wasi.preview1.context import Wasi
from wasmarium.wasi.preview1.waiting import Wait, then
from wasmarium.wasi.rights import FdFlags

_LARGEST = (1 << 63) - 1


def fd_advise(wasi: Wasi, memory: GuestMemory, fd: int, offset: int, length: int, advice: int) -> None:
    """Say how a file will be used. It is advice: no file system here uses it."""
    member(Advice, advice)
    _ = wasi.descriptors[fd].file
    if length > _LARGEST:
        fail(Errno.INVAL)


def fd_allocate(wasi: Wasi, memory: GuestMemory, fd: int, offset: int, length: int) -> None:
    """Make room in a file, extending it where it is shorter."""
    descriptor = _file(wasi, fd)
    if not length:
        fail(Errno.INVAL)
    if offset + length > _LARGEST:
        fail(Errno.FBIG)
    descriptor.allocate(offset, length)


def fd_close(wasi: Wasi, memory: GuestMemory, fd: int) -> None:
    """Close a descriptor."""
    wasi.descriptors.close(fd)


def fd_datasync(wasi: Wasi, memory: GuestMemory, fd: int) -> None:
    """Return when the content of a file is on the storage."""
    wasi.descriptors[fd].file.sync(data_only=True)


def fd_sync(wasi: Wasi, memory: GuestMemory, fd: int) -> None:
    """Return when a file is on the storage."""
    wasi.descriptors[fd].file.sync()


def fd_fdstat_get(wasi: Wasi, memory: GuestMemory, fd: int, stat: int) -> None:
    """Kind, flags and rights of a descriptor."""
    store_struct(memory, stat, fdstat(wasi.descriptors[fd]), 8)


def fdstat(descriptor: Descriptor) -> bytes:
    """The witx type ``fdstat`` of a descriptor."""
    return pack_fdstat(descriptor.kind, descriptor.flags, *descriptor.rights)


def fd_fdstat_set_flags(wasi: Wasi, memory: GuestMemory, fd: int, fdflags: int) -> None:
    """Change the flags of a descriptor."""
    asked = flags(FdFlags, fdflags)
    wasi.descriptors[fd].set_flags(asked)


def fd_fdstat_set_rights(wasi: Wasi, memory: GuestMemory, fd: int, base: int, inheriting: int) -> None:
    """Rights cannot be changed: NOTSUP, as in wasmtime."""
    asked = rights(base), rights(inheriting)
    wasi.descriptors[fd].set_rights(*asked)


def fd_filestat_get(wasi: Wasi, memory: GuestMemory, fd: int, stat: int, layout: Layout = PREVIEW1_LAYOUT) -> None:
    """Facts about what is open."""
    store_struct(memory, stat, pack_stat(layout, wasi.descriptors[fd].stat()), 8)


def fd_filestat_set_size(wasi: Wasi, memory: GuestMemory, fd: int, size: int) -> None:
    """Cut a file, or extend it with zeros."""
    descriptor = _file(wasi, fd)
    if size > _LARGEST:
        fail(Errno.INVAL)
    descriptor.set_size(size)


def fd_filestat_set_times(
    wasi: Wasi, memory: GuestMemory, fd: int, accessed: int, modified: int, fstflags: int
) -> None:
    """Set the times of what is open."""
    times = new_times(wasi, accessed, modified, fstflags)
    wasi.descriptors[fd].set_times(*times)


def new_times(wasi: Wasi, accessed: int, modified: int, fstflags: int) -> tuple[int | None, int | None]:
    """The times to set (None: leave alone); INVAL for a time that is to be both given and now."""
    asked = flags(FstFlags, fstflags)
    now = wasi.clock.realtime() if asked & (FstFlags.ATIM_NOW | FstFlags.MTIM_NOW) else 0
    times: list[int | None] = []
    for given, is_now, value in (
        (FstFlags.ATIM, FstFlags.ATIM_NOW, accessed),
        (FstFlags.MTIM, FstFlags.MTIM_NOW, modified),
    ):
        if given in asked and is_now in asked:
            fail(Errno.INVAL)
        times.append(value if given in asked else now if is_now in asked else None)
    return times[0], times[1]


def fd_read(wasi: Wasi, memory: GuestMemory, fd: int, pointer: int, count: int, done: int) -> Wait | None:
    """Read from the current place."""
    pieces = vectors(memory, pointer, count)
    descriptor = wasi.descriptors[fd]
    check_out(memory, done, 4)

    def finish(content: bytes) -> None:
        memory.scatter(pieces, content)
        store(memory, done, len(content), 4)

    return then(descriptor.read(total(pieces)), finish)


def fd_pread(wasi: Wasi, memory: GuestMemory, fd: int, pointer: int, count: int, offset: int, done: int) -> None:
    """Read from ``offset``."""
    pieces = vectors(memory, pointer, count)
    descriptor = wasi.descriptors[fd]
    check_out(memory, done, 4)
    content = descriptor.read_at(offset, total(pieces))
    memory.scatter(pieces, content)
    store(memory, done, len(content), 4)


def fd_write(wasi: Wasi, memory: GuestMemory, fd: int, pointer: int, count: int, done: int) -> Wait | None:
    """Write at the current place."""
    content = memory.gather(vectors(memory, pointer, count))
    descriptor = wasi.descriptors[fd]
    check_out(memory, done, 4)

    def finish(written: int) -> None:
        store(memory, done, written, 4)

    return then(descriptor.write(content), finish)


def fd_pwrite(wasi: Wasi, memory: GuestMemory, fd: int, pointer: int, count: int, offset: int, done: int) -> None:
    """Write at ``offset``."""
    content = memory.gather(vectors(memory, pointer, count))
    descriptor = wasi.descriptors[fd]
    check_out(memory, done, 4)
    store(memory, done, descriptor.write_at(offset, content), 4)


def fd_prestat_get(wasi: Wasi, memory: GuestMemory, fd: int, prestat: int) -> None:
    """That a descriptor is a preopened directory, and how long its path is."""
    name = wasi.descriptors[fd].preopen
    if name is None:
        fail(Errno.BADF)
    store_struct(memory, prestat, PRESTAT.pack(0, len(name.encode())), 4)


def fd_prestat_dir_name(wasi: Wasi, memory: GuestMemory, fd: int, path: int, length: int) -> None:
    """The path of a preopened directory."""
    name = wasi.descriptors[fd].preopen
    if name is None:
        fail(Errno.NOTDIR)
    content = name.encode()
    if len(content) > length:
        fail(Errno.NAMETOOLONG)
    memory.write(path, content)


def fd_readdir(wasi: Wasi, memory: GuestMemory, fd: int, buffer: int, length: int, cookie: int, used: int) -> None:
    """Names in a directory, from ``cookie`` on, as many bytes as fit (the last one may be cut)."""
    descriptor = wasi.descriptors[fd]
    check_out(memory, used, 4)
    content = listing(descriptor, cookie, length)
    memory.write(buffer, content)
    store(memory, used, len(content), 4)


def listing(descriptor: Descriptor, cookie: int, length: int) -> bytes:
    """At most ``length`` bytes of a directory's names, from ``cookie`` on."""
    entries = descriptor.entries(anew=cookie == 0)
    content = bytearray()
    for index in range(cookie, len(entries)):
        if len(content) >= length:
            break
        entry = entries[index]
        name = entry.name.encode()
        content += DIRENT.pack(index + 1, entry.inode & ((1 << 64) - 1), len(name), entry.kind) + name
    return bytes(content[:length])


def fd_renumber(wasi: Wasi, memory: GuestMemory, fd: int, to: int) -> None:
    """Move a descriptor to another number that is in use, closing what was there."""
    wasi.descriptors.renumber(fd, to)


def fd_seek(
    wasi: Wasi,
    memory: GuestMemory,
    fd: int,
    offset: int,
    whence: int,
    place: int,
    layout: Layout = PREVIEW1_LAYOUT,
) -> None:
    """Move the current place."""
    if whence >= len(layout.whence):
        fail(Errno.INVAL)
    descriptor = wasi.descriptors[fd]
    check_out(memory, place, 8)
    store(memory, place, descriptor.seek(signed(offset), layout.whence[whence]), 8)


def signed(offset: int) -> int:
    """The witx type ``filedelta``."""
    return offset - (1 << 64) if offset > _LARGEST else offset


def fd_tell(wasi: Wasi, memory: GuestMemory, fd: int, place: int) -> None:
    """The current place."""
    store(memory, place, wasi.descriptors[fd].seek(0, "current"), 8)


def _file(wasi: Wasi, fd: int) -> FileDescriptor:
    descriptor = wasi.descriptors[fd]
    if not isinstance(descriptor, FileDescriptor):
        fail(Errno.BADF)
    return descriptor
