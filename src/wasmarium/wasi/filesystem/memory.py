"""A file system in memory: directories, files, hard and symbolic links, times, and a bound.

A guest is hostile: what it stores is counted, names and bookkeeping included, and beyond the volume's
``capacity`` it gets NOSPC. A file that is removed while open lives until it is closed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakMethod

from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import (
    LONGEST_PATH,
    Directory,
    Entry,
    File,
    FileType,
    OpenMode,
    Stat,
    fail,
    is_plain,
)

NODE_COST = 512
"""Bytes that a node counts for, beside its content."""

NAME_COST = 512
"""Bytes that a name counts for."""

Tree = Mapping[str, "bytes | str | Tree"]
"""Names to contents: bytes (or text, as UTF-8) for a file, a mapping for a directory."""


class Inode:
    """What names and open files share."""

    __slots__ = (
        "accessed",
        "changed",
        "content",
        "entries",
        "kind",
        "lent",
        "links",
        "modified",
        "number",
        "opened",
        "parent",
        "target",
    )

    def __init__(self, kind: FileType, number: int, now: int) -> None:
        self.kind = kind
        self.number = number
        self.links = 0
        self.opened = 0
        self.accessed = self.modified = self.changed = now
        self.content = bytearray()
        self.entries: dict[str, Inode] = {}
        self.target = ""
        self.parent: Inode | None = None
        self.lent: list[WeakMethod[Callable[[], None]]] = []

    @property
    def size(self) -> int:
        """As ``stat`` tells it."""
        if self.kind is FileType.SYMBOLIC_LINK:
            return len(self.target.encode())
        return len(self.content)

    @property
    def held(self) -> int:
        """Bytes of content that count against the volume's capacity."""
        return 0 if self.kind is FileType.DIRECTORY else self.size

    def read(self, offset: int, count: int) -> bytes:
        """At most ``count`` bytes of a file's content."""
        return bytes(self.content[offset : offset + count])

    def before_change(self) -> None:
        """To be called before the content changes: others may hold a part of it."""
        while self.lent:
            take_back = self.lent.pop()()
            if take_back is not None:
                take_back()

    def clear(self) -> None:
        """Make a file empty."""
        self.content = bytearray()


class MemoryFileSystem:
    """A volume. ``capacity`` bounds what it holds, in bytes; ``now`` gives nanoseconds since 1970.

    Raises TypeError for a tree of anything but names, contents and mappings, ValueError for names that no path
    can have, WasiError (NOSPC) where ``tree`` is larger than ``capacity``.
    """

    def __init__(
        self,
        tree: Tree | None = None,
        capacity: int = 256 << 20,
        now: Callable[[], int] = time.time_ns,
        device: int = 1,
    ) -> None:
        self.capacity = capacity
        self.used = 0
        self.now = now
        self.device = device
        self._numbers = 0
        self.root_inode = self.new_inode(FileType.DIRECTORY, 0)
        self.root_inode.links = 1
        if tree:
            self._fill(self.root(), tree)

    def root(self) -> Directory:
        """The root directory, opened anew."""
        return MemoryDirectory(self, self.root_inode)

    def _fill(self, directory: Directory, tree: Tree) -> None:
        for name, content in tree.items():
            _check_name(name)
            if isinstance(content, Mapping):
                directory.make_directory(name)
                self._fill(directory.open_directory(name), content)
            else:
                file = directory.open_file(name, OpenMode(write=True, create=True, exclusive=True))
                file.write_at(0, content.encode() if isinstance(content, str) else bytes(memoryview(content)))
                file.close()

    def tree(self) -> dict[str, Any]:
        """What is in it now: names to contents, files as bytes, directories as mappings. Symbolic links
        are left out."""
        return _tree(self.root_inode)

    def take(self, count: int) -> None:
        """Count ``count`` more bytes; NOSPC beyond the capacity."""
        if self.used + count > self.capacity:
            fail(Errno.NOSPC)
        self.used += count

    def new_inode(self, kind: FileType, size: int) -> Inode:
        """A node that no name leads to yet, with room for ``size`` bytes."""
        self.take(NODE_COST + size)
        self._numbers += 1
        return self._make(kind, self._numbers)

    def _make(self, kind: FileType, number: int) -> Inode:
        return Inode(kind, number, self.now())

    def drop(self, inode: Inode) -> None:
        """Forget a node that has neither names nor open files."""
        if not inode.links and not inode.opened:
            self.used -= NODE_COST + inode.held
            inode.clear()


class _Handle:
    """An open inode, with what files and directories have in common."""

    def __init__(self, volume: MemoryFileSystem, inode: Inode) -> None:
        self.volume = volume
        self.inode = inode
        self._open = True
        inode.opened += 1

    def stat(self) -> Stat:
        return _stat(self.volume, self.inode)

    def set_times(self, accessed: int | None, modified: int | None) -> None:
        _set_times(self.volume, self.inode, accessed, modified)

    def sync(self, data_only: bool = False) -> None:
        # memory is all the storage there is
        return

    def close(self) -> None:
        if self._open:
            self._open = False
            self.inode.opened -= 1
            self.volume.drop(self.inode)


class MemoryFile(_Handle, File):
    """An open file in memory."""

    def read_at(self, offset: int, count: int) -> bytes:
        inode = self.inode
        inode.accessed = self.volume.now()
        return inode.read(offset, count)

    def lend(self, take_back: Callable[[], None]) -> bool:
        if type(self.inode) is not Inode:
            return False
        self.inode.lent.append(WeakMethod(take_back))
        return True

    def returned(self, take_back: Callable[[], None]) -> None:
        self.inode.lent = [each for each in self.inode.lent if each() not in (None, take_back)]

    def write_at(self, offset: int, content: bytes) -> int:
        if not content:
            return 0
        if self.inode.lent:
            self.inode.before_change()
        data = self.inode.content
        end = offset + len(content)
        if end > len(data):
            self.volume.take(end - len(data))
            if offset > len(data):
                data.extend(bytes(offset - len(data)))
        data[offset:end] = content
        self._touch()
        return len(content)

    def append(self, content: bytes) -> int:
        return self.write_at(len(self.inode.content), content)

    def set_size(self, size: int) -> None:
        self.inode.before_change()
        if not size:
            self.volume.used -= self.inode.held
            self.inode.clear()
            self._touch()
            return
        data = self.inode.content
        if size < len(data):
            self.volume.used -= len(data) - size
            del data[size:]
        else:
            self._extend(size)
        self._touch()

    def allocate(self, offset: int, length: int) -> None:
        self._extend(offset + length)

    def _extend(self, size: int) -> None:
        self.inode.before_change()
        missing = size - len(self.inode.content)
        if missing > 0:
            self.volume.take(missing)
            self.inode.content.extend(bytes(missing))

    def _touch(self) -> None:
        self.inode.modified = self.inode.changed = self.volume.now()


class MemoryDirectory(_Handle, Directory):
    """An open directory in memory."""

    def reopen(self) -> Directory:
        return MemoryDirectory(self.volume, self.inode)

    def _look_up(self, path: str) -> Inode | None:
        """What a path leads to, or None where it has to be walked. NOENT where that is sure."""
        inode = self.inode
        for name in path.split("/"):
            found = inode.entries.get(name)
            if found is None:
                if inode.kind is FileType.DIRECTORY and is_plain(path):
                    fail(Errno.NOENT)
                return None
            if found.kind is FileType.SYMBOLIC_LINK:
                return None
            inode = found
        return inode

    def stat_path(self, path: str) -> Stat | None:
        inode = self._look_up(path)
        return None if inode is None else _stat(self.volume, inode)

    def open_path(self, path: str) -> File | Directory | None:
        inode = self._look_up(path)
        if inode is None:
            return None
        if inode.kind is FileType.DIRECTORY:
            return MemoryDirectory(self.volume, inode)
        return MemoryFile(self.volume, inode)

    def _find(self, name: str) -> Inode:
        inode = self.inode.entries.get(name)
        if inode is None:
            fail(Errno.NOENT)
        return inode

    def _add(self, name: str, inode: Inode) -> None:
        inode.links += 1
        if inode.kind is FileType.DIRECTORY:
            inode.parent = self.inode
        self.inode.entries[name] = inode
        self._touch(inode)

    def _remove(self, name: str) -> None:
        inode = self.inode.entries.pop(name)
        inode.links -= 1
        self.volume.used -= NAME_COST
        self._touch(inode)
        self.volume.drop(inode)

    def _create(self, name: str, kind: FileType, size: int = 0) -> Inode:
        self._check_new(name)
        inode = self.volume.new_inode(kind, NAME_COST + size)
        self._add(name, inode)
        return inode

    def _touch(self, inode: Inode) -> None:
        now = self.volume.now()
        self.inode.modified = self.inode.changed = inode.changed = now

    def _check_new(self, name: str) -> None:
        if name in self.inode.entries:
            fail(Errno.EXIST)
        if not self.inode.links:
            # the directory itself was removed while open
            fail(Errno.NOENT)

    def stat_at(self, name: str) -> Stat:
        return _stat(self.volume, self._find(name))

    def set_times_at(self, name: str, accessed: int | None, modified: int | None) -> None:
        _set_times(self.volume, self._find(name), accessed, modified)

    def open_directory(self, name: str) -> Directory:
        inode = self._find(name)
        if inode.kind is not FileType.DIRECTORY:
            fail(Errno.NOTDIR)
        return MemoryDirectory(self.volume, inode)

    def open_file(self, name: str, mode: OpenMode) -> File:
        inode = self.inode.entries.get(name)
        if inode is None:
            if not mode.create:
                fail(Errno.NOENT)
            inode = self._create(name, FileType.REGULAR_FILE)
        elif mode.create and mode.exclusive:
            fail(Errno.EXIST)
        elif inode.kind is FileType.DIRECTORY:
            fail(Errno.ISDIR)
        elif inode.kind is FileType.SYMBOLIC_LINK:
            fail(Errno.LOOP)
        file = MemoryFile(self.volume, inode)
        if mode.truncate:
            file.set_size(0)
        return file

    def read_link(self, name: str) -> str:
        inode = self._find(name)
        if inode.kind is not FileType.SYMBOLIC_LINK:
            fail(Errno.INVAL)
        return inode.target

    def make_directory(self, name: str) -> None:
        self._create(name, FileType.DIRECTORY)

    def make_link(self, name: str, target: str) -> None:
        size = len(target.encode())
        if size > LONGEST_PATH:
            fail(Errno.NAMETOOLONG)
        self._create(name, FileType.SYMBOLIC_LINK, size).target = target

    def link(self, name: str, directory: Directory, new_name: str) -> None:
        other = self._same(directory)
        inode = self._find(name)
        if inode.kind is FileType.DIRECTORY:
            fail(Errno.PERM)
        other._check_new(new_name)
        self.volume.take(NAME_COST)
        other._add(new_name, inode)

    def rename(self, name: str, directory: Directory, new_name: str) -> None:
        other = self._same(directory)
        inode = self._find(name)
        old = other.inode.entries.get(new_name)
        if old is inode:
            # two names of one file, or twice the same name: nothing happens (POSIX, rename)
            return
        moves_directory = inode.kind is FileType.DIRECTORY
        if moves_directory and _contains(inode, other.inode):
            fail(Errno.INVAL)
        if old is not None and _contains(old, self.inode):
            fail(Errno.NOTEMPTY)
        if old is None:
            if not other.inode.links:
                fail(Errno.NOENT)
        elif moves_directory:
            if old.kind is not FileType.DIRECTORY:
                fail(Errno.NOTDIR)
            if old.entries:
                fail(Errno.NOTEMPTY)
            other._remove(new_name)
        else:
            if old.kind is FileType.DIRECTORY:
                fail(Errno.ISDIR)
            other._remove(new_name)
        del self.inode.entries[name]
        inode.links -= 1
        self._touch(inode)
        other._add(new_name, inode)

    def remove_file(self, name: str) -> None:
        if self._find(name).kind is FileType.DIRECTORY:
            fail(Errno.ISDIR)
        self._remove(name)

    def remove_directory(self, name: str) -> None:
        inode = self._find(name)
        if inode.kind is not FileType.DIRECTORY:
            fail(Errno.NOTDIR)
        if inode.entries:
            fail(Errno.NOTEMPTY)
        self._remove(name)

    def entries(self) -> list[Entry]:
        return [Entry(name, inode.kind, inode.number) for name, inode in self.inode.entries.items()]

    def _same(self, directory: Directory) -> MemoryDirectory:
        if not isinstance(directory, MemoryDirectory) or directory.volume is not self.volume:
            fail(Errno.XDEV)
        return directory


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"expected a str for a name in a directory, not {name!r}")
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} cannot be a name in a directory")


def _tree(inode: Inode) -> dict[str, Any]:
    # not by recursion: guests make directories within directories as deep as they like
    whole: dict[str, Any] = {}
    left = [(inode, whole)]
    while left:
        directory, found = left.pop()
        for name, each in directory.entries.items():
            if each.kind is FileType.DIRECTORY:
                found[name] = {}
                left.append((each, found[name]))
            elif each.kind is not FileType.SYMBOLIC_LINK:
                found[name] = each.read(0, each.size)
    return whole


def _stat(volume: MemoryFileSystem, inode: Inode) -> Stat:
    return Stat(
        inode.kind,
        volume.device,
        inode.number,
        inode.links,
        inode.size,
        inode.accessed,
        inode.modified,
        inode.changed,
    )


def _set_times(volume: MemoryFileSystem, inode: Inode, accessed: int | None, modified: int | None) -> None:
    if accessed is not None:
        inode.accessed = accessed
    if modified is not None:
        inode.modified = modified
    inode.changed = volume.now()


def _contains(outer: Inode, inner: Inode) -> bool:
    """Whether ``inner`` is the directory ``outer`` or one below it."""
    at: Inode | None = inner
    while at is not None:
        if at is outer:
            return True
        at = at.parent
    return False
