"""A directory whose changes stay in memory: the guest writes as it likes, what is below stays as it was.

It is a file system in memory whose inodes know where in the lower directory they came from. A directory
is listed when it is first looked into, a file is read from below until something of it is changed, and
then copied. So renaming, linking and removing are those of ``memory``, and nothing special.

What changes below after a directory was listed is not seen there, but the content of files that are not
copied yet is. Names of one file below are files of their own here.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import Directory, File, FileType, OpenMode, fail
from wasmarium.wasi.filesystem.memory import NAME_COST, Inode, MemoryFileSystem

_PIECE = 1 << 20

_KINDS = (FileType.REGULAR_FILE, FileType.DIRECTORY, FileType.SYMBOLIC_LINK)


class OverlayInode(Inode):
    """``origin`` is the way to it from the lower root, None for what was made here or is copied."""

    __slots__ = ("_content", "_entries", "lower_size", "origin", "volume")

    def __init__(self, kind: FileType, number: int, volume: OverlayFileSystem) -> None:
        self.origin: tuple[str, ...] | None = None
        self.lower_size = 0
        self.volume = volume
        super().__init__(kind, number, volume.now())

    @property
    def content(self) -> bytearray:
        """A file's content, copied from below if it is still there."""
        if self._lower:
            self.volume.copy(self)
        return self._content

    @content.setter
    def content(self, content: bytearray) -> None:
        self._content = content

    @property
    def entries(self) -> dict[str, Inode]:
        """A directory's names, listed from below the first time."""
        if self.origin is not None and self.kind is FileType.DIRECTORY:
            self.volume.list(self)
        return self._entries

    @entries.setter
    def entries(self, entries: dict[str, Inode]) -> None:
        self._entries = entries

    @property
    def _lower(self) -> bool:
        return self.origin is not None and self.kind is FileType.REGULAR_FILE

    @property
    def size(self) -> int:
        return self.lower_size if self._lower else super().size

    @property
    def held(self) -> int:
        return 0 if self._lower else super().held

    def read(self, offset: int, count: int) -> bytes:
        return self.volume.read(self, offset, count) if self._lower else super().read(offset, count)

    def clear(self) -> None:
        self.origin = None
        self._content = bytearray()


class OverlayFileSystem(MemoryFileSystem):
    """What is in the directory that ``lower`` opens (it is asked each time something is needed from there),
    and what the guest makes of it. ``capacity`` bounds the changes, in bytes, with the names that were listed."""

    def __init__(
        self,
        lower: Callable[[], Directory],
        capacity: int = 256 << 20,
        now: Callable[[], int] = time.time_ns,
        device: int = 1,
    ) -> None:
        self._lower = lower
        super().__init__(None, capacity, now, device)
        root = self.root_inode
        assert isinstance(root, OverlayInode)
        root.origin = ()

    def _make(self, kind: FileType, number: int) -> Inode:
        return OverlayInode(kind, number, self)

    def _directory(self, way: tuple[str, ...]) -> Directory:
        """The lower directory, opened; to be closed."""
        directory = self._lower()
        for name in way:
            try:
                inner = directory.open_directory(name)
            finally:
                directory.close()
            directory = inner
        return directory

    def list(self, inode: OverlayInode) -> None:
        """Make inodes for what is in the lower directory. NOSPC where it is too much."""
        way = inode.origin
        assert way is not None
        directory = self._directory(way)
        before = self.used
        try:
            found: dict[str, Inode] = {}
            for entry in directory.entries():
                stat = directory.stat_at(entry.name)
                if stat.kind not in _KINDS:
                    # a device or a socket is not a thing to copy
                    continue
                made = self.new_inode(stat.kind, NAME_COST)
                assert isinstance(made, OverlayInode)
                made.links = 1
                made.accessed, made.modified, made.changed = stat.accessed, stat.modified, stat.changed
                if stat.kind is FileType.SYMBOLIC_LINK:
                    made.target = directory.read_link(entry.name)
                    self.take(made.size)
                else:
                    made.origin, made.lower_size = (*way, entry.name), stat.size
                if stat.kind is FileType.DIRECTORY:
                    made.parent = inode
                found[entry.name] = made
        except BaseException:
            self.used = before
            raise
        finally:
            directory.close()
        inode.origin = None
        inode.entries = found

    def copy(self, inode: OverlayInode) -> None:
        """Take a file's content over. NOSPC where it is too large."""
        with _Opened(self, inode) as file:
            size = file.stat().size
            self.take(size)
            content = bytearray()
            while len(content) < size and (piece := file.read_at(len(content), min(_PIECE, size - len(content)))):
                content += piece
        # it may have become shorter meanwhile
        self.used -= size - len(content)
        inode.origin = None
        inode.content = content

    def read(self, inode: OverlayInode, offset: int, count: int) -> bytes:
        """Content of a file that is still below."""
        with _Opened(self, inode) as file:
            return file.read_at(offset, count)

    def open_lower(self, way: tuple[str, ...]) -> File:
        """A lower file, for reading; to be closed."""
        directory = self._directory(way[:-1])
        try:
            return directory.open_file(way[-1], OpenMode())
        finally:
            directory.close()


class _Opened:
    """A lower file for a while."""

    def __init__(self, volume: OverlayFileSystem, inode: OverlayInode) -> None:
        if inode.origin is None or inode.kind is not FileType.REGULAR_FILE:
            fail(Errno.IO)
        self._file = volume.open_lower(inode.origin)

    def __enter__(self) -> File:
        return self._file

    def __exit__(self, *error: object) -> None:
        self._file.close()
