"""Open descriptions: what stands behind a guest's file descriptor, and the table of them.

A descriptor raises by default what wasmtime answers for an operation that its kind does not have
(BADF for most), so each kind writes only what it can do. Methods that may wait return an awaitable
instead of their result.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass

from wasmarium.bridge.base import InputStream, OutputStream, Waiting
from wasmarium.runtime.function import Lent
from wasmarium.wasi.errno import Errno, WasiError
from wasmarium.wasi.filesystem.base import Directory, Entry, File, FileType, Stat, fail
from wasmarium.wasi.rights import (
    ALL,
    FILE_ONLY,
    NO_FLAGS,
    PREOPEN_BASE,
    PREOPEN_INHERITING,
    FdFlags,
    Rights,
)

MOST_DESCRIPTORS = 4096
"""Descriptors that a guest may have open at once; beyond it gets MFILE."""


_FILE_RIGHTS = {
    (readable, writable): ALL
    & ~(Rights(0) if readable else Rights.FD_READ | Rights.FD_READDIR)
    & ~(Rights(0) if writable else Rights.FD_WRITE)
    for readable in (False, True)
    for writable in (False, True)
}
"""By whether a file was opened for reading, and for writing."""

_DIRECTORY_RIGHTS = ALL & ~FILE_ONLY & ~Rights.FD_WRITE


SMALL_READS = 4
"""Small reads, one after the other, after which a program is lent what follows."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Answer to a poll: bytes that can be read or written at least, and whether the end is near."""

    count: int = 1
    hangup: bool = False


class Descriptor:
    """An open description. ``flags`` are the witx type ``fdflags``."""

    flags = NO_FLAGS
    preopen: str | None = None

    @property
    def kind(self) -> FileType:
        """What it is."""
        return FileType.UNKNOWN

    @property
    def rights(self) -> tuple[Rights, Rights]:
        """Its rights, and those that what is opened through it may have."""
        return Rights(0), Rights(0)

    def read(self, count: int) -> bytes | Awaitable[bytes]:
        """At most ``count`` bytes from the current place; empty at the end."""
        fail(Errno.BADF)

    def read_at(self, offset: int, count: int) -> bytes:
        """At most ``count`` bytes from ``offset``; the current place stays."""
        fail(Errno.BADF)

    def write(self, content: bytes) -> int | Awaitable[int]:
        """Write at the current place; returns how many bytes."""
        fail(Errno.BADF)

    def write_at(self, offset: int, content: bytes) -> int:
        """Write at ``offset``; the current place stays."""
        fail(Errno.BADF)

    def seek(self, offset: int, whence: str) -> int:
        """Move the current place by ``offset`` from ``whence`` (set, current, end); returns it."""
        fail(Errno.BADF)

    @property
    def file(self) -> File:
        """The regular file behind it."""
        fail(Errno.BADF)

    @property
    def directory(self) -> Directory:
        """The directory behind it."""
        fail(Errno.BADF)

    @property
    def base_directory(self) -> Directory:
        """The directory to open a path from: like ``directory``, but NOTDIR for a file."""
        return self.directory

    def stat(self) -> Stat:
        """Facts about what is behind it."""
        return Stat(self.kind)

    def set_times(self, accessed: int | None, modified: int | None) -> None:
        """Set times, in nanoseconds since 1970; None leaves one alone."""
        fail(Errno.BADF)

    def set_flags(self, flags: FdFlags) -> None:
        """Change ``flags``."""
        fail(Errno.BADF)

    def set_rights(self, base: Rights, inheriting: Rights) -> None:
        """Change rights: nothing can since wasmtime dropped them."""
        fail(Errno.BADF)

    def entries(self, anew: bool) -> list[Entry]:
        """The names in the directory, as they were when the listing was begun (``anew`` begins)."""
        fail(Errno.BADF)

    def poll_read(self) -> Readiness | InputStream:
        """Whether reading would not wait, or else the stream to wait for."""
        fail(Errno.BADF)

    def poll_write(self) -> Readiness | InputStream:
        """Whether writing would not wait, or else what to wait for."""
        fail(Errno.BADF)

    def accept(self, flags: FdFlags) -> Descriptor | Awaitable[Descriptor]:
        """A connection to a listening socket."""
        fail(Errno.NOTSOCK)

    def receive(self, count: int, peek: bool, wait_all: bool) -> bytes | Awaitable[bytes]:
        """At most ``count`` bytes from a socket."""
        fail(Errno.NOTSOCK)

    def send(self, content: bytes) -> int | Awaitable[int]:
        """Send to a socket; returns how many bytes."""
        fail(Errno.NOTSOCK)

    def shutdown(self, reading: bool, writing: bool) -> None:
        """Close one or both ways of a socket."""
        fail(Errno.NOTSOCK)

    def take_back(self) -> None:
        """End that somebody has bytes from it without asking."""
        return

    def close(self) -> None:
        """Give back what belongs to the host."""
        return


class InputDescriptor(Descriptor):
    """Standard input."""

    def __init__(self, stream: InputStream) -> None:
        self.stream = stream

    @property
    def kind(self) -> FileType:
        return FileType.CHARACTER_DEVICE if self.stream.terminal else FileType.UNKNOWN

    @property
    def rights(self) -> tuple[Rights, Rights]:
        return Rights.FD_READ, Rights.FD_READ

    def read(self, count: int) -> bytes | Awaitable[bytes]:
        return self.stream.read(count) if count else b""

    def read_at(self, offset: int, count: int) -> bytes:
        fail(Errno.SPIPE)

    def seek(self, offset: int, whence: str) -> int:
        fail(Errno.SPIPE)

    def poll_read(self) -> Readiness | InputStream:
        return Readiness() if self.stream.readable() else self.stream


class OutputDescriptor(Descriptor):
    """Standard output or standard error."""

    def __init__(self, stream: OutputStream) -> None:
        self.stream = stream

    @property
    def kind(self) -> FileType:
        return FileType.CHARACTER_DEVICE if self.stream.terminal else FileType.UNKNOWN

    @property
    def rights(self) -> tuple[Rights, Rights]:
        return Rights.FD_WRITE, Rights.FD_WRITE

    def write(self, content: bytes) -> int | Awaitable[int]:
        waiting = self.stream.write(content)
        if waiting is None:
            return len(content)
        hold = waiting.block if isinstance(waiting, Waiting) else None
        if hold is None:
            return Waiting(lambda: _then(waiting, len(content)))

        def block() -> int:
            hold()
            return len(content)

        return Waiting(lambda: _then(waiting, len(content)), block)

    def write_at(self, offset: int, content: bytes) -> int:
        fail(Errno.SPIPE)

    def seek(self, offset: int, whence: str) -> int:
        fail(Errno.SPIPE)

    def poll_write(self) -> Readiness:
        return Readiness()


async def _then(waiting: Awaitable[None], result: int) -> int:
    await waiting
    return result


class FileDescriptor(Descriptor):
    """A file, with a place in it. ``readable`` and ``writable`` are what it was opened for."""

    def __init__(self, file: File, readable: bool, writable: bool, flags: FdFlags = NO_FLAGS) -> None:
        self._file = file
        self._readable = readable
        self._writable = writable
        self._offset = 0
        self._small_reads = 0
        self._lent: Lent | None = None
        self._take_flags(flags)

    def _take_flags(self, flags: FdFlags) -> None:
        self.flags = flags
        # set operations of flags take a microsecond each, and nearly all files have none
        self._appends = bool(flags) and FdFlags.APPEND in flags
        self._syncs = bool(flags) and bool(flags & (FdFlags.DSYNC | FdFlags.SYNC))

    @property
    def kind(self) -> FileType:
        return self._file.kind

    @property
    def rights(self) -> tuple[Rights, Rights]:
        rights = _FILE_RIGHTS[self._readable, self._writable]
        return rights, rights

    @property
    def file(self) -> File:
        return self._file

    @property
    def base_directory(self) -> Directory:
        fail(Errno.NOTDIR)

    def read(self, count: int) -> bytes:
        if self._lent is not None:
            self.take_back()
        content = self.read_at(self._offset, count)
        self._offset += len(content)
        return content

    def lend(self, number: int, lent: Lent) -> None:
        """After a small read: let ``lent`` give out what follows, if there were several in a row. ``number`` is that of
        the descriptor. Until it is taken back, the current place is that many bytes further on as were taken."""
        self._small_reads += 1
        if self._small_reads < SMALL_READS:
            return
        lent.take_back()
        content = self._file.read_at(self._offset, len(lent.buffer) - lent.HEAD)
        if content and self._file.lend(self.take_back):
            self._lent = lent
            lent.give(number, content, self.take_back)

    def take_back(self) -> None:
        lent, self._lent = self._lent, None
        if lent is not None:
            self._offset += lent.end()
            self._file.returned(self.take_back)

    def read_at(self, offset: int, count: int) -> bytes:
        if not self._readable:
            fail(Errno.BADF)
        return self._file.read_at(offset, count)

    def write(self, content: bytes) -> int:
        self.take_back()
        count = self.write_at(self._offset, content)
        if self._appends:
            self._offset = self._file.stat().size
        else:
            self._offset += count
        return count

    def write_at(self, offset: int, content: bytes) -> int:
        if not self._writable:
            fail(Errno.BADF)
        # Linux: a file opened for appending appends whatever the offset says
        if self._appends:
            count = self._file.append(content)
        else:
            count = self._file.write_at(offset, content)
        if self._syncs:
            self._file.sync(FdFlags.SYNC not in self.flags)
        return count

    def seek(self, offset: int, whence: str) -> int:
        self.take_back()
        if offset or whence != "current":
            self._small_reads = 0
        if whence == "current":
            offset += self._offset
        elif whence == "end":
            offset += self._file.stat().size
        if not 0 <= offset < 1 << 63:
            fail(Errno.INVAL)
        self._offset = offset
        return offset

    def stat(self) -> Stat:
        return self._file.stat()

    def set_times(self, accessed: int | None, modified: int | None) -> None:
        self._file.set_times(accessed, modified)

    def set_flags(self, flags: FdFlags) -> None:
        if flags & (FdFlags.DSYNC | FdFlags.SYNC | FdFlags.RSYNC):
            fail(Errno.INVAL)
        self._take_flags(flags)

    def set_rights(self, base: Rights, inheriting: Rights) -> None:
        fail(Errno.NOTSUP)

    def set_size(self, size: int) -> None:
        """Cut or extend the file; INVAL where it was not opened for writing, as on Linux."""
        if not self._writable:
            fail(Errno.INVAL)
        self._file.set_size(size)

    def allocate(self, offset: int, length: int) -> None:
        """Make room in the file; BADF where it was not opened for writing."""
        if not self._writable:
            fail(Errno.BADF)
        self._file.allocate(offset, length)

    def poll_read(self) -> Readiness:
        self.take_back()
        left = self._file.stat().size - self._offset
        return Readiness(max(left, 0), hangup=left <= 0)

    def poll_write(self) -> Readiness:
        return Readiness()

    def close(self) -> None:
        self.take_back()
        self._file.close()


class DirectoryDescriptor(Descriptor):
    """A directory. ``preopen`` is the guest's path of one that it was given."""

    def __init__(self, directory: Directory, preopen: str | None = None) -> None:
        self._directory = directory
        self._entries: list[Entry] | None = None
        self.preopen = preopen

    @property
    def kind(self) -> FileType:
        return FileType.DIRECTORY

    @property
    def rights(self) -> tuple[Rights, Rights]:
        if self.preopen is not None:
            return PREOPEN_BASE, PREOPEN_INHERITING
        return _DIRECTORY_RIGHTS, _DIRECTORY_RIGHTS

    @property
    def directory(self) -> Directory:
        return self._directory

    def stat(self) -> Stat:
        return self._directory.stat()

    def set_times(self, accessed: int | None, modified: int | None) -> None:
        self._directory.set_times(accessed, modified)

    def set_rights(self, base: Rights, inheriting: Rights) -> None:
        fail(Errno.NOTSUP)

    def entries(self, anew: bool) -> list[Entry]:
        # kept between calls, so that a guest may remove names while it lists them
        if anew or self._entries is None:
            inode = self._directory.stat().inode
            own = [Entry(name, FileType.DIRECTORY, inode) for name in (".", "..")]
            self._entries = own + self._directory.entries()
        return self._entries

    def close(self) -> None:
        self._directory.close()


class DescriptorTable:
    """A guest's descriptors, by number. ``find`` gives None where indexing raises BADF."""

    def __init__(self) -> None:
        self._used: dict[int, Descriptor] = {}
        self.find = self._used.get
        self._free: list[int] = []

    def __getitem__(self, number: int) -> Descriptor:
        descriptor = self._used.get(number)
        if descriptor is None:
            raise WasiError(Errno.BADF)
        return descriptor

    def __iter__(self) -> Iterator[Descriptor]:
        return iter(self._used.values())

    def __len__(self) -> int:
        return len(self._used)

    def add(self, descriptor: Descriptor) -> int:
        """Give it a number: the largest that was closed, else a new one. MFILE when too many."""
        if len(self._used) >= MOST_DESCRIPTORS:
            descriptor.close()
            fail(Errno.MFILE)
        number = self._free.pop() if self._free else len(self._used)
        self._used[number] = descriptor
        return number

    def close(self, number: int) -> None:
        """Close it and free its number."""
        descriptor = self[number]
        del self._used[number]
        insort(self._free, number)
        descriptor.close()

    def renumber(self, number: int, to: int) -> None:
        """Move to a number that is in use, closing what was there."""
        old, descriptor = self[to], self[number]
        if number != to:
            descriptor.take_back()
            del self._used[number]
            insort(self._free, number)
            self._used[to] = descriptor
            old.close()

    def close_all(self) -> None:
        """Close everything."""
        while self._used:
            self._used.popitem()[1].close()
        self._free.clear()
