"""A real directory of the host.

Where the operating system can work relative to an open directory (``dir_fd``), every step is one
name below an open descriptor with links not followed, so neither the guest nor another process can
swap something in between. Elsewhere (Windows) a directory is remembered by its path and each name is
looked at before it is used: a guest alone still cannot get out, only a second process that races
with it could.

Pyodide has ``dir_fd`` (its Emscripten resolves it by path, so there too only a second process could
race), but no hard links at all.
"""

from __future__ import annotations

import os
import stat as modes
import sys
from typing import Any

from wasmarium.wasi.errno import Errno, WasiError, errno_of
from wasmarium.wasi.filesystem.base import Directory, Entry, File, FileType, OpenMode, Stat, fail

RELATIVE = {os.open, os.stat, os.mkdir, os.unlink, os.rmdir, os.rename, os.readlink, os.utime}
"""What must take ``dir_fd`` for the safe way."""

_BASE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0)
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
# never wait for the other end of a pipe, never become the terminal of the process
_FILE = _BASE | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_DIRECTORY = _BASE | _NOFOLLOW | getattr(os, "O_DIRECTORY", 0) | os.O_RDONLY
_LARGEST_TIME = (1 << 63) - 1

_KINDS = (
    (modes.S_ISREG, FileType.REGULAR_FILE),
    (modes.S_ISDIR, FileType.DIRECTORY),
    (modes.S_ISLNK, FileType.SYMBOLIC_LINK),
    (modes.S_ISCHR, FileType.CHARACTER_DEVICE),
    (modes.S_ISBLK, FileType.BLOCK_DEVICE),
    (modes.S_ISSOCK, FileType.SOCKET_STREAM),
)


def can_work_relative() -> bool:
    """Whether this host has everything that the safe way needs."""
    return os.supports_dir_fd >= RELATIVE and os.scandir in os.supports_fd


def host_directory(path: str | os.PathLike[str]) -> Directory:
    """The directory at ``path``, which is trusted and may lead through links. Raises OSError."""
    if can_work_relative():
        flags = _DIRECTORY & ~_NOFOLLOW
        return RelativeDirectory(os.open(path, flags))
    found = os.stat(path)
    if not modes.S_ISDIR(found.st_mode):
        raise NotADirectoryError(20, "Not a directory", os.fspath(path))
    return PathDirectory(os.path.realpath(path))


class HostFile(File):
    """An open file of the host."""

    def __init__(self, descriptor: int, kind: FileType) -> None:
        self._descriptor = descriptor
        self.kind = kind

    def stat(self) -> Stat:
        return _stat(os.fstat(self._descriptor))

    def set_times(self, accessed: int | None, modified: int | None) -> None:
        if os.utime not in os.supports_fd:
            fail(Errno.NOTSUP)
        os.utime(self._descriptor, ns=_times(os.fstat(self._descriptor), accessed, modified))

    def sync(self, data_only: bool = False) -> None:
        getattr(os, "fdatasync", os.fsync)(self._descriptor) if data_only else os.fsync(self._descriptor)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def read_at(self, offset: int, count: int) -> bytes:
        if self.kind is not FileType.REGULAR_FILE:
            return os.read(self._descriptor, count)
        if not hasattr(os, "pread"):
            # Windows
            os.lseek(self._descriptor, _offset(offset), os.SEEK_SET)
            return os.read(self._descriptor, count)
        return os.pread(self._descriptor, count, _offset(offset))

    def write_at(self, offset: int, content: bytes) -> int:
        if self.kind is not FileType.REGULAR_FILE:
            return os.write(self._descriptor, content)
        if not hasattr(os, "pwrite"):
            os.lseek(self._descriptor, _offset(offset), os.SEEK_SET)
            return os.write(self._descriptor, content)
        return os.pwrite(self._descriptor, content, _offset(offset))

    def append(self, content: bytes) -> int:
        if self.kind is not FileType.REGULAR_FILE:
            return os.write(self._descriptor, content)
        return self.write_at(os.fstat(self._descriptor).st_size, content)

    def set_size(self, size: int) -> None:
        os.ftruncate(self._descriptor, _offset(size))

    def allocate(self, offset: int, length: int) -> None:
        _offset(offset + length)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._descriptor, offset, length)
        elif self.stat().size < offset + length:
            self.set_size(offset + length)


class HostDirectory(Directory):
    """An open directory of the host; ``_at`` says how to name what is in it."""

    def _at(self, name: str) -> tuple[str, dict[str, Any]]:
        """A path for functions of ``os``, and the keyword arguments that go with it."""
        raise NotImplementedError

    def _rename_at(self, name: str, other: HostDirectory, new_name: str) -> tuple[str, str, dict[str, Any]]:
        raise NotImplementedError

    def _open_directory(self, name: str) -> HostDirectory:
        raise NotImplementedError

    def _lstat(self, name: str) -> os.stat_result:
        path, where = self._at(name)
        return os.stat(path, **where, follow_symlinks=False)

    def stat_at(self, name: str) -> Stat:
        try:
            return _stat(self._lstat(name))
        except OSError as error:
            # NOENT is an answer here, and the walk knows WasiError only
            raise WasiError(errno_of(error)) from None

    def set_times_at(self, name: str, accessed: int | None, modified: int | None) -> None:
        path, where = self._at(name)
        times = _times(self._lstat(name), accessed, modified)
        if os.utime in os.supports_follow_symlinks:
            os.utime(path, **where, ns=times, follow_symlinks=False)
        else:
            self._refuse_link(name)
            os.utime(path, **where, ns=times)

    def _refuse_link(self, name: str) -> None:
        """LOOP for a symbolic link, on hosts whose functions would follow it."""
        if modes.S_ISLNK(self._lstat(name).st_mode):
            fail(Errno.LOOP)

    def open_directory(self, name: str) -> Directory:
        try:
            return self._open_directory(name)
        except OSError as error:
            # Linux says LOOP for a link here, others MLINK or TOOMANYLINKS: it is no directory
            errno = errno_of(error)
            raise WasiError(Errno.NOTDIR if errno in (Errno.LOOP, Errno.MLINK) else errno) from None

    def open_file(self, name: str, mode: OpenMode) -> File:
        flags = _FILE
        if mode.write or mode.create or mode.truncate:
            flags |= os.O_RDWR if mode.read else os.O_WRONLY
        flags |= (mode.create and os.O_CREAT) | (mode.exclusive and os.O_EXCL) | (mode.truncate and os.O_TRUNC)
        path, where = self._at(name)
        if not _NOFOLLOW:
            try:
                self._refuse_link(name)
            except FileNotFoundError:
                if not mode.create:
                    raise
        descriptor = os.open(path, flags, 0o666, **where)
        kind = _kind(os.fstat(descriptor).st_mode)
        if kind is FileType.DIRECTORY:
            os.close(descriptor)
            fail(Errno.ISDIR)
        return HostFile(descriptor, kind)

    def read_link(self, name: str) -> str:
        path, where = self._at(name)
        return _text(os.readlink(path, **where))

    def make_directory(self, name: str) -> None:
        path, where = self._at(name)
        os.mkdir(path, 0o777, **where)

    def make_link(self, name: str, target: str) -> None:
        path, where = self._at(name)
        if where and os.symlink not in os.supports_dir_fd:
            # Pyodide
            path, where = os.path.join(os.readlink(f"/proc/self/fd/{where['dir_fd']}"), name), {}
        os.symlink(target, path, **where)

    def link(self, name: str, directory: Directory, new_name: str) -> None:
        if not hasattr(os, "link"):
            fail(Errno.NOTSUP)
        source, target, where = self._rename_at(name, self._same(directory), new_name)
        if os.link in os.supports_follow_symlinks:
            where["follow_symlinks"] = False
        else:
            self._refuse_link(name)
        os.link(source, target, **where)

    def rename(self, name: str, directory: Directory, new_name: str) -> None:
        other = self._same(directory)
        source, target, where = self._rename_at(name, other, new_name)
        if sys.platform == "emscripten":
            self._make_way(name, other, new_name)
        os.rename(source, target, **where)

    def _make_way(self, name: str, other: HostDirectory, new_name: str) -> None:
        """Remove what a rename will replace: NODEFS (the file system of Node in Pyodide) otherwise goes
        on seeing what was replaced, once its successor is removed too."""
        moved = self._lstat(name)
        try:
            found = other._lstat(new_name)
        except FileNotFoundError:
            return
        if (found.st_dev, found.st_ino) == (moved.st_dev, moved.st_ino):
            return
        if modes.S_ISDIR(moved.st_mode):
            other.remove_directory(new_name)
        else:
            other.remove_file(new_name)

    def _same(self, directory: Directory) -> HostDirectory:
        if not isinstance(directory, HostDirectory):
            fail(Errno.XDEV)
        return directory

    def remove_file(self, name: str) -> None:
        path, where = self._at(name)
        try:
            os.unlink(path, **where)
        except PermissionError:
            # macOS, and POSIX itself, say PERM for a directory
            if modes.S_ISDIR(self._lstat(name).st_mode):
                fail(Errno.ISDIR)
            raise

    def remove_directory(self, name: str) -> None:
        path, where = self._at(name)
        os.rmdir(path, **where)

    def _entries(self, place: int | str) -> list[Entry]:
        found = []
        with os.scandir(place) as iterator:
            for item in iterator:
                try:
                    facts = item.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                found.append(Entry(_text(item.name), _kind(facts.st_mode), facts.st_ino))
        # hosts give names in any order; guests and tests like the same one each time
        return sorted(found, key=lambda entry: entry.name)


class RelativeDirectory(HostDirectory):
    """By descriptor: the safe way."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def _at(self, name: str) -> tuple[str, dict[str, Any]]:
        return name, {"dir_fd": self._descriptor}

    def _rename_at(self, name: str, other: HostDirectory, new_name: str) -> tuple[str, str, dict[str, Any]]:
        if not isinstance(other, RelativeDirectory):
            fail(Errno.XDEV)
        return name, new_name, {"src_dir_fd": self._descriptor, "dst_dir_fd": other._descriptor}

    def _open_directory(self, name: str) -> HostDirectory:
        return RelativeDirectory(os.open(name, _DIRECTORY, dir_fd=self._descriptor))

    def reopen(self) -> Directory:
        return RelativeDirectory(os.dup(self._descriptor))

    def stat(self) -> Stat:
        return _stat(os.fstat(self._descriptor))

    def set_times(self, accessed: int | None, modified: int | None) -> None:
        os.utime(self._descriptor, ns=_times(os.fstat(self._descriptor), accessed, modified))

    def sync(self, data_only: bool = False) -> None:
        os.fsync(self._descriptor)

    def entries(self) -> list[Entry]:
        return self._entries(self._descriptor)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class PathDirectory(HostDirectory):
    """By path, where descriptors of directories are of no use."""

    def __init__(self, path: str) -> None:
        self._path = path

    def _at(self, name: str) -> tuple[str, dict[str, Any]]:
        if os.sep != "/" and (os.sep in name or ":" in name):
            fail(Errno.INVAL)
        return os.path.join(self._path, name), {}

    def _rename_at(self, name: str, other: HostDirectory, new_name: str) -> tuple[str, str, dict[str, Any]]:
        if not isinstance(other, PathDirectory):
            fail(Errno.XDEV)
        return self._at(name)[0], other._at(new_name)[0], {}

    def _open_directory(self, name: str) -> HostDirectory:
        if not modes.S_ISDIR(self._lstat(name).st_mode):
            fail(Errno.NOTDIR)
        return PathDirectory(self._at(name)[0])

    def reopen(self) -> Directory:
        return PathDirectory(self._path)

    def stat(self) -> Stat:
        return _stat(os.stat(self._path, follow_symlinks=False))

    def set_times(self, accessed: int | None, modified: int | None) -> None:
        os.utime(self._path, ns=_times(os.stat(self._path), accessed, modified))

    def sync(self, data_only: bool = False) -> None:
        # a directory without a descriptor has nothing that could be flushed
        return

    def entries(self) -> list[Entry]:
        return self._entries(self._path)


def _kind(mode: int) -> FileType:
    for test, kind in _KINDS:
        if test(mode):
            return kind
    return FileType.UNKNOWN


def _stat(found: os.stat_result) -> Stat:
    return Stat(
        _kind(found.st_mode),
        found.st_dev,
        found.st_ino,
        found.st_nlink,
        found.st_size,
        max(0, found.st_atime_ns),
        max(0, found.st_mtime_ns),
        max(0, found.st_ctime_ns),
    )


def _times(found: os.stat_result, accessed: int | None, modified: int | None) -> tuple[int, int]:
    times = (
        found.st_atime_ns if accessed is None else accessed,
        found.st_mtime_ns if modified is None else modified,
    )
    if max(times) > _LARGEST_TIME:
        fail(Errno.OVERFLOW)
    return times


def _offset(offset: int) -> int:
    """INVAL for what the host's signed 64 bits cannot hold."""
    if offset > _LARGEST_TIME:
        fail(Errno.INVAL)
    return offset


def _text(name: str) -> str:
    """ILSEQ for a name of the host that is not UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        fail(Errno.ILSEQ)
    return name
