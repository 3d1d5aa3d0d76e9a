"""What files and directories can do.

An object here is open: it stands for one file or directory until ``close``, whatever happens to its
name. Every ``name`` is a single path component, never empty, ``.``, ``..`` or with a slash in it,
and no method follows a symbolic link: walking paths is the work of ``paths``, once for all.

Methods raise :class:`WasiError` or OSError. By default each raises the error number that fits an
object which cannot do it, so an implementation writes only what it can.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from wasmarium.wasi.errno import Errno, WasiError

LONGEST_NAME = 255
"""Bytes of one path component."""

LONGEST_PATH = 4096
"""Bytes of a path, and of the target of a symbolic link."""


class FileType(enum.IntEnum):
    """The witx type ``filetype``."""

    UNKNOWN = 0
    BLOCK_DEVICE = 1
    CHARACTER_DEVICE = 2
    DIRECTORY = 3
    REGULAR_FILE = 4
    SOCKET_DGRAM = 5
    SOCKET_STREAM = 6
    SYMBOLIC_LINK = 7


class Stat(NamedTuple):
    """Facts about a node. Times are nanoseconds since 1970, never negative; ``size`` is bytes (of a
    symbolic link: of its target)."""

    kind: FileType
    device: int = 0
    inode: int = 0
    links: int = 0
    size: int = 0
    accessed: int = 0
    modified: int = 0
    changed: int = 0


class Entry(NamedTuple):
    """One name in a directory."""

    name: str
    kind: FileType
    inode: int


class OpenMode(NamedTuple):
    """How to open a file. ``create`` makes a missing one, with ``exclusive`` only then."""

    read: bool = True
    write: bool = False
    create: bool = False
    exclusive: bool = False
    truncate: bool = False


def fail(errno: Errno) -> NoReturn:
    """Raise ``errno`` for the guest."""
    raise WasiError(errno)


def is_plain(path: str) -> bool:
    """Whether a path has nothing but names between single slashes, of no doubtful length."""
    framed = f"/{path}/"
    special = "//" in framed or "/./" in framed or "/../" in framed or "\0" in path
    return not special and len(path) <= LONGEST_NAME and path.isascii()


class Node:
    """An open file or directory."""

    kind = FileType.UNKNOWN

    def stat(self) -> Stat:
        """Facts about it."""
        return Stat(self.kind)

    def set_times(self, accessed: int | None, modified: int | None) -> None:
        """Set times, in nanoseconds since 1970; None leaves one alone."""
        fail(Errno.NOTSUP)

    def sync(self, data_only: bool = False) -> None:
        """Return when everything is on the storage."""
        fail(Errno.INVAL)

    def close(self) -> None:
        """Give it back; no other method may be called after. Closing twice is harmless."""


class File(Node):
    """An open regular file (or what is like one). Offsets and sizes are bytes, at least 0.

    Whether reading and writing was asked for at opening is checked by whoever holds the file.
    """

    kind = FileType.REGULAR_FILE

    def read_at(self, offset: int, count: int) -> bytes:
        """At most ``count`` bytes; empty at and beyond the end."""
        fail(Errno.BADF)

    def lend(self, take_back: Callable[[], None]) -> bool:
        """Call the method ``take_back`` before the content changes the next time; False where that cannot be
        promised."""
        return False

    def returned(self, take_back: Callable[[], None]) -> None:
        """Do not call it any more."""

    def write_at(self, offset: int, content: bytes) -> int:
        """Write, filling a gap with zeros; returns how many bytes."""
        fail(Errno.BADF)

    def append(self, content: bytes) -> int:
        """Write at the end, wherever that is by then; returns how many bytes."""
        fail(Errno.BADF)

    def set_size(self, size: int) -> None:
        """Cut, or extend with zeros."""
        fail(Errno.INVAL)

    def allocate(self, offset: int, length: int) -> None:
        """Make sure that writing there will not lack room; extends the file where it is shorter."""
        fail(Errno.NOTSUP)


class Directory(Node):
    """An open directory."""

    kind = FileType.DIRECTORY

    def reopen(self) -> Directory:
        """Another open directory for the same place, closed on its own."""
        fail(Errno.NOTSUP)

    def stat_path(self, path: str) -> Stat | None:
        """Facts about what a whole path leads to, or NOENT, where that can be told at once; None: it has to be walked.
        Symbolic links always have to."""
        return None

    def open_path(self, path: str) -> File | Directory | None:
        """Likewise, what a whole path leads to, opened. The mode for a file does not create or cut it."""
        return None

    def stat_at(self, name: str) -> Stat:
        """Facts about what has this name. NOENT when nothing has."""
        fail(Errno.NOENT)

    def set_times_at(self, name: str, accessed: int | None, modified: int | None) -> None:
        """``set_times`` for what has this name."""
        fail(Errno.NOTSUP)

    def open_directory(self, name: str) -> Directory:
        """The directory of this name. NOTDIR for anything else."""
        fail(Errno.NOENT)

    def open_file(self, name: str, mode: OpenMode) -> File:
        """The file of this name. ISDIR for a directory, LOOP for a symbolic link."""
        fail(Errno.NOENT)

    def read_link(self, name: str) -> str:
        """The target of a symbolic link. INVAL for anything else."""
        fail(Errno.INVAL)

    def make_directory(self, name: str) -> None:
        """A new, empty directory. EXIST when the name is taken."""
        fail(Errno.NOTSUP)

    def make_link(self, name: str, target: str) -> None:
        """A new symbolic link. EXIST when the name is taken."""
        fail(Errno.NOTSUP)

    def link(self, name: str, directory: Directory, new_name: str) -> None:
        """A second name, in ``directory``, for a file. XDEV across file systems, PERM for a
        directory, EXIST when the new name is taken."""
        fail(Errno.NOTSUP)

    def rename(self, name: str, directory: Directory, new_name: str) -> None:
        """Move to another name, replacing a file by a file or an empty directory by a directory."""
        fail(Errno.NOTSUP)

    def remove_file(self, name: str) -> None:
        """Remove the name of anything but a directory (ISDIR)."""
        fail(Errno.NOTSUP)

    def remove_directory(self, name: str) -> None:
        """Remove an empty directory. NOTEMPTY, or NOTDIR for anything else."""
        fail(Errno.NOTSUP)

    def entries(self) -> list[Entry]:
        """Every name, without ``.`` and ``..``."""
        fail(Errno.NOTSUP)
