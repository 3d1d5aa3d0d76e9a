"""Any directory with less allowed in it, as wasmtime's directory and file permissions have it."""

from __future__ import annotations

from dataclasses import dataclass

from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import Directory, Entry, File, OpenMode, Stat, fail


@dataclass(frozen=True, slots=True)
class Permissions:
    """What may be done: see names and open things, change names, read files, write files."""

    list_names: bool = True
    change_names: bool = True
    read_files: bool = True
    write_files: bool = True


READ_ONLY = Permissions(change_names=False, write_files=False)


class RestrictedDirectory(Directory):
    """``inner`` and all below it, with no more than ``permissions``; anything else gives PERM.

    Closing it closes ``inner``.
    """

    def __init__(self, inner: Directory, permissions: Permissions) -> None:
        self.inner = inner
        self.permissions = permissions

    def _need(self, granted: bool) -> None:
        if not granted:
            fail(Errno.PERM)

    def stat(self) -> Stat:
        return self.inner.stat()

    def set_times(self, accessed: int | None, modified: int | None) -> None:
        self._need(self.permissions.change_names)
        self.inner.set_times(accessed, modified)

    def sync(self, data_only: bool = False) -> None:
        self.inner.sync(data_only)

    def close(self) -> None:
        self.inner.close()

    def reopen(self) -> Directory:
        return RestrictedDirectory(self.inner.reopen(), self.permissions)

    def stat_path(self, path: str) -> Stat | None:
        return self.inner.stat_path(path) if self.permissions.list_names else None

    def stat_at(self, name: str) -> Stat:
        self._need(self.permissions.list_names)
        return self.inner.stat_at(name)

    def set_times_at(self, name: str, accessed: int | None, modified: int | None) -> None:
        self._need(self.permissions.change_names)
        self.inner.set_times_at(name, accessed, modified)

    def open_directory(self, name: str) -> Directory:
        self._need(self.permissions.list_names)
        return RestrictedDirectory(self.inner.open_directory(name), self.permissions)

    def open_file(self, name: str, mode: OpenMode) -> File:
        self._need(self.permissions.list_names)
        self._need(self.permissions.change_names or not (mode.create or mode.truncate))
        self._need(self.permissions.read_files or not mode.read)
        self._need(self.permissions.write_files or not (mode.write or mode.create or mode.truncate))
        file = self.inner.open_file(name, mode)
        return file if self.permissions.write_files else RestrictedFile(file)

    def read_link(self, name: str) -> str:
        self._need(self.permissions.list_names)
        return self.inner.read_link(name)

    def make_directory(self, name: str) -> None:
        self._need(self.permissions.change_names)
        self.inner.make_directory(name)

    def make_link(self, name: str, target: str) -> None:
        self._need(self.permissions.change_names)
        self.inner.make_link(name, target)

    def link(self, name: str, directory: Directory, new_name: str) -> None:
        self.inner.link(name, self._other(directory), new_name)

    def rename(self, name: str, directory: Directory, new_name: str) -> None:
        self.inner.rename(name, self._other(directory), new_name)

    def _other(self, directory: Directory) -> Directory:
        # a link into a place with more permissions would be a way around these
        if not isinstance(directory, RestrictedDirectory) or directory.permissions != self.permissions:
            fail(Errno.XDEV)
        self._need(self.permissions.change_names)
        return directory.inner

    def remove_file(self, name: str) -> None:
        self._need(self.permissions.change_names)
        self.inner.remove_file(name)

    def remove_directory(self, name: str) -> None:
        self._need(self.permissions.change_names)
        self.inner.remove_directory(name)

    def entries(self) -> list[Entry]:
        self._need(self.permissions.list_names)
        return self.inner.entries()


class RestrictedFile(File):
    """A file that may be read only."""

    def __init__(self, inner: File) -> None:
        self.inner = inner
        self.kind = inner.kind

    def stat(self) -> Stat:
        return self.inner.stat()

    def set_times(self, accessed: int | None, modified: int | None) -> None:
        fail(Errno.PERM)

    def sync(self, data_only: bool = False) -> None:
        self.inner.sync(data_only)

    def close(self) -> None:
        self.inner.close()

    def read_at(self, offset: int, count: int) -> bytes:
        return self.inner.read_at(offset, count)

    def set_size(self, size: int) -> None:
        fail(Errno.PERM)

    def allocate(self, offset: int, length: int) -> None:
        fail(Errno.PERM)


def read_only(directory: Directory) -> Directory:
    """``directory`` for looking only."""
    return RestrictedDirectory(directory, READ_ONLY)
