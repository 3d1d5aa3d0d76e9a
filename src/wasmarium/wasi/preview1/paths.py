"""path_*."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.wasi.descriptor import Descriptor, DirectoryDescriptor, FileDescriptor
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem import paths
from wasmarium.wasi.filesystem.base import Directory, OpenMode, fail
from wasmarium.wasi.preview1.abi import (
    PREVIEW1_LAYOUT,
    Layout,
    LookupFlags,
    OFlags,
    allow,
    check_out,
    flags,
    pack_stat,
    store,
    store_struct,
    string,
)
from wasmarium.wasi.preview1.context import Wasi
from wasmarium.wasi.preview1.descriptors import new_times
from wasmarium.wasi.rights import FdFlags, Rights

_CREAT, _DIRECTORY, _EXCL, _TRUNC = (flag.value for flag in (OFlags.CREAT, OFlags.DIRECTORY, OFlags.EXCL, OFlags.TRUNC))
_READ, _WRITE = Rights.FD_READ.value, Rights.FD_WRITE.value


def _follows(lookup: int) -> bool:
    return bool(flags(LookupFlags, lookup))


def path_create_directory(wasi: Wasi, memory: GuestMemory, fd: int, path: int, length: int) -> None:
    """Make a directory."""
    base = wasi.descriptors[fd].directory
    paths.make_directory(base, string(memory, path, length))


def path_filestat_get(
    wasi: Wasi,
    memory: GuestMemory,
    fd: int,
    lookup: int,
    path: int,
    length: int,
    stat: int,
    layout: Layout = PREVIEW1_LAYOUT,
) -> None:
    """Facts about what has a path."""
    follow = _follows(lookup)
    base = wasi.descriptors[fd].directory
    store_struct(memory, stat, pack_stat(layout, paths.stat(base, string(memory, path, length), follow)), 8)


def path_filestat_set_times(
    wasi: Wasi,
    memory: GuestMemory,
    fd: int,
    lookup: int,
    path: int,
    length: int,
    accessed: int,
    modified: int,
    fstflags: int,
) -> None:
    """Set the times of what has a path."""
    follow = _follows(lookup)
    times = new_times(wasi, accessed, modified, fstflags)
    base = wasi.descriptors[fd].directory
    paths.set_times(base, string(memory, path, length), follow, *times)


def path_link(
    wasi: Wasi,
    memory: GuestMemory,
    fd: int,
    lookup: int,
    path: int,
    length: int,
    new_fd: int,
    new_path: int,
    new_length: int,
) -> None:
    """Give a file a second name. Following symbolic links is not offered: INVAL, as in wasmtime."""
    follow = _follows(lookup)
    base, new_base = wasi.descriptors[fd].directory, wasi.descriptors[new_fd].directory
    name, new_name = string(memory, path, length), string(memory, new_path, new_length)
    if follow:
        fail(Errno.INVAL)
    paths.link(base, name, new_base, new_name)


def path_open(
    wasi: Wasi,
    memory: GuestMemory,
    fd: int,
    lookup: int,
    path: int,
    length: int,
    oflags: int,
    base: int,
    inheriting: int,
    fdflags: int,
    result: int,
) -> None:
    """Open a file or a directory. The rights asked for say whether to read, to write, or both."""
    how = how_to_open(lookup, oflags, base, inheriting, fdflags)
    name = string(memory, path, length)
    start = wasi.descriptors[fd].base_directory
    check_out(memory, result, 4)
    store(memory, result, opened(wasi, start, name, how), 4)


class HowToOpen(NamedTuple):
    """What the flags and rights of ``path_open`` ask for."""

    follow: bool
    mode: OpenMode
    directory: bool
    writable: bool
    flags: FdFlags


@lru_cache(256)
def how_to_open(lookup: int, oflags: int, base: int, inheriting: int, fdflags: int) -> HowToOpen:
    """The same as one thing. INVAL for unknown bits."""
    follow = _follows(lookup)
    allow(OFlags, oflags)
    allow(Rights, base)
    allow(Rights, inheriting)
    given = flags(FdFlags, fdflags)
    creates, truncates, writes = bool(oflags & _CREAT), bool(oflags & _TRUNC), bool(base & _WRITE)
    mode = OpenMode(
        read=bool(base & _READ) or not writes,
        write=writes,
        create=creates,
        exclusive=bool(oflags & _EXCL),
        truncate=truncates,
    )
    return HowToOpen(follow, mode, bool(oflags & _DIRECTORY), writes or creates or truncates, given)


def opened(wasi: Wasi, start: Directory, name: str, how: HowToOpen) -> int:
    """The number of a new descriptor."""
    node = paths.open_node(start, name, how.follow, how.mode, how.directory)
    descriptor: Descriptor
    if isinstance(node, Directory):
        descriptor = DirectoryDescriptor(node)
    else:
        descriptor = FileDescriptor(node, how.mode.read, how.writable, how.flags)
    return wasi.descriptors.add(descriptor)


def path_readlink(
    wasi: Wasi, memory: GuestMemory, fd: int, path: int, length: int, buffer: int, size: int, used: int
) -> None:
    """The target of a symbolic link, cut to the buffer."""
    base = wasi.descriptors[fd].directory
    target = paths.read_link(base, string(memory, path, length)).encode()[:size]
    check_out(memory, used, 4)
    memory.write(buffer, target)
    store(memory, used, len(target), 4)


def path_remove_directory(wasi: Wasi, memory: GuestMemory, fd: int, path: int, length: int) -> None:
    """Remove an empty directory."""
    base = wasi.descriptors[fd].directory
    paths.remove_directory(base, string(memory, path, length))


def path_rename(
    wasi: Wasi, memory: GuestMemory, fd: int, path: int, length: int, new_fd: int, new_path: int, new_length: int
) -> None:
    """Move to another name."""
    base, new_base = wasi.descriptors[fd].directory, wasi.descriptors[new_fd].directory
    name, new_name = string(memory, path, length), string(memory, new_path, new_length)
    paths.rename(base, name, new_base, new_name)


def path_symlink(
    wasi: Wasi, memory: GuestMemory, target: int, target_length: int, fd: int, path: int, length: int
) -> None:
    """Make a symbolic link."""
    base = wasi.descriptors[fd].directory
    text, name = string(memory, target, target_length), string(memory, path, length)
    paths.make_link(base, name, text)


def path_unlink_file(wasi: Wasi, memory: GuestMemory, fd: int, path: int, length: int) -> None:
    """Remove the name of a file."""
    base = wasi.descriptors[fd].directory
    paths.remove_file(base, string(memory, path, length))
