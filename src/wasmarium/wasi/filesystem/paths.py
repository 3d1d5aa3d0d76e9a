"""Paths: from a directory that a guest holds to anything below it, and never above.

The walk goes one component at a time. Directories on the way are kept open on a stack, so ``..``
means the directory the walk came through, whatever is renamed meanwhile; a symbolic link is read
and its target walked by the same rules; an absolute target, an absolute path, and a ``..`` above
the start give PERM, as in wasmtime. What an operation finally touches is one name in one open
directory, and no link is followed there: nothing a guest or another process does in between can
lead outside.
"""

from __future__ import annotations

from types import TracebackType

from wasmarium.wasi.errno import Errno, WasiError
from wasmarium.wasi.filesystem.base import (
    LONGEST_NAME,
    LONGEST_PATH,
    Directory,
    File,
    FileType,
    OpenMode,
    Stat,
    fail,
)

LINKS = 40
"""Symbolic links that one path may lead through, as on Linux."""


class Walk:
    """Where a path leads: ``directory`` and ``name`` in it (empty: the directory itself).

    ``slash`` says that the path ended in a slash, ``found`` what has the name (None: nothing, or not
    looked at). Use it in a ``with`` statement, which closes the directories that were opened.
    """

    __slots__ = ("_base", "_stack", "directory", "found", "name", "slash")

    def __init__(self, base: Directory, path: str, follow: bool = False) -> None:
        self._base = base
        self._stack: list[Directory] = []
        self.directory = base
        self.name = ""
        self.slash = False
        self.found: Stat | None = None
        try:
            self._walk(path, follow)
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Walk:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._close()

    def _close(self) -> None:
        while self._stack:
            self._stack.pop().close()

    def _walk(self, path: str, follow: bool) -> None:
        if not path:
            fail(Errno.NOENT)
        pending = _components(path)
        pending.reverse()
        self.slash = path.endswith("/")
        links = 0
        while pending:
            name = pending.pop()
            if name == ".":
                continue
            if name == "..":
                if not self._stack:
                    fail(Errno.PERM)
                self._stack.pop().close()
                self.directory = self._stack[-1] if self._stack else self._base
                continue
            last = not pending
            if last and not follow:
                self.name = name
                return
            try:
                found = self.directory.stat_at(name)
            except WasiError as error:
                if last and error.errno is Errno.NOENT:
                    self.name = name
                    return
                raise
            if found.kind is FileType.SYMBOLIC_LINK:
                links += 1
                if links > LINKS:
                    fail(Errno.LOOP)
                target = self.directory.read_link(name)
                if last and target.endswith("/"):
                    self.slash = True
                pending.extend(reversed(_components(target)))
            elif last:
                self.name, self.found = name, found
                return
            elif found.kind is not FileType.DIRECTORY:
                fail(Errno.NOTDIR)
            else:
                self._stack.append(self.directory.open_directory(name))
                self.directory = self._stack[-1]

    def look(self) -> Stat | None:
        """Facts about where it leads, or None when nothing has the name."""
        if not self.name:
            return self.directory.stat()
        if self.found is None:
            try:
                self.found = self.directory.stat_at(self.name)
            except WasiError as error:
                if error.errno is not Errno.NOENT:
                    raise
        return self.found

    def entry(self, slash_ok: bool) -> str:
        """The name, for operations on the name itself: NOTDIR for a slash after a name that is no
        directory; a slash after a directory's name is fine only with ``slash_ok``."""
        if self.slash and self.name:
            found = self.look()
            if found is None:
                fail(Errno.NOENT)
            if found.kind is not FileType.DIRECTORY:
                fail(Errno.NOTDIR)
            if not slash_ok:
                fail(Errno.ISDIR)
        return self.name


def _check(path: str) -> None:
    if path.startswith("/"):
        fail(Errno.PERM)
    if "\0" in path:
        fail(Errno.INVAL)
    if len(path) > LONGEST_PATH:
        fail(Errno.NAMETOOLONG)


def _components(path: str) -> list[str]:
    _check(path)
    names = [name for name in path.split("/") if name]
    for name in names:
        if len(name) > LONGEST_NAME // 4 and len(name.encode()) > LONGEST_NAME:
            fail(Errno.NAMETOOLONG)
    return names


def stat(base: Directory, path: str, follow: bool) -> Stat:
    """Facts about what ``path`` leads to."""
    quick = base.stat_path(path)
    if quick is not None:
        return quick
    with Walk(base, path, follow or path.endswith("/")) as walk:
        found = walk.look()
        if found is None:
            fail(Errno.NOENT)
        walk.entry(slash_ok=True)
        return found


def set_times(base: Directory, path: str, follow: bool, accessed: int | None, modified: int | None) -> None:
    """Set the times of what ``path`` leads to (None leaves one alone)."""
    with Walk(base, path, follow or path.endswith("/")) as walk:
        name = walk.entry(slash_ok=True)
        if name:
            walk.directory.set_times_at(name, accessed, modified)
        else:
            walk.directory.set_times(accessed, modified)


def open_node(base: Directory, path: str, follow: bool, mode: OpenMode, directory: bool = False) -> File | Directory:
    """Open what ``path`` leads to; ``directory`` asks that it is one. INVAL for ``directory`` with
    anything that makes or changes a file, ISDIR for writing to a directory."""
    changes = mode.create or mode.truncate
    if not (changes or mode.exclusive or mode.write or directory):
        quick = base.open_path(path)
        if quick is not None:
            return quick
    if directory and (changes or mode.exclusive):
        fail(Errno.INVAL)
    anew = mode.create and mode.exclusive
    with Walk(base, path, (follow or path.endswith("/")) and not anew) as walk:
        if walk.slash and mode.create:
            fail(Errno.ISDIR)
        found = walk.look()
        if found is None:
            if not mode.create:
                fail(Errno.NOENT)
            return walk.directory.open_file(walk.name, mode)
        if anew:
            fail(Errno.EXIST)
        if found.kind is FileType.SYMBOLIC_LINK:
            fail(Errno.LOOP)
        if found.kind is FileType.DIRECTORY:
            if mode.write or changes:
                fail(Errno.ISDIR)
            return walk.directory.open_directory(walk.name) if walk.name else walk.directory.reopen()
        if directory or walk.slash:
            fail(Errno.NOTDIR)
        return walk.directory.open_file(walk.name, mode)


def read_link(base: Directory, path: str) -> str:
    """The target of the symbolic link that has this path. PERM for an absolute one, which would tell
    the guest about its host."""
    with Walk(base, path, path.endswith("/")) as walk:
        found = walk.look()
        if found is None:
            fail(Errno.NOENT)
        if found.kind is not FileType.SYMBOLIC_LINK:
            walk.entry(slash_ok=True)
            fail(Errno.INVAL)
        target = walk.directory.read_link(walk.name)
        if target.startswith("/"):
            fail(Errno.PERM)
        return target


def make_directory(base: Directory, path: str) -> None:
    """A new directory."""
    with Walk(base, path) as walk:
        if not walk.name:
            fail(Errno.EXIST)
        walk.directory.make_directory(walk.name)


def make_link(base: Directory, path: str, target: str) -> None:
    """A new symbolic link. PERM for an absolute target: nothing a guest makes may point outside."""
    if not target:
        fail(Errno.NOENT)
    _check(target)
    with Walk(base, path, path.endswith("/")) as walk:
        name = walk.entry(slash_ok=True)
        if not name or walk.slash:
            fail(Errno.EXIST)
        walk.directory.make_link(name, target)


def link(base: Directory, path: str, new_base: Directory, new_path: str) -> None:
    """A second name for a file."""
    with Walk(base, path, path.endswith("/")) as walk:
        found = walk.look()
        if found is None:
            fail(Errno.NOENT)
        name = walk.entry(slash_ok=True)
        with Walk(new_base, new_path) as new:
            if new.look() is not None:
                fail(Errno.EXIST)
            if new.slash:
                fail(Errno.NOENT)
            if found.kind is FileType.DIRECTORY:
                fail(Errno.PERM)
            walk.directory.link(name, new.directory, new.name)


def rename(base: Directory, path: str, new_base: Directory, new_path: str) -> None:
    """Move to another name. A slash at the end of either asks that it is a directory."""
    with Walk(base, path) as walk, Walk(new_base, new_path) as new:
        if not walk.name or not new.name:
            fail(Errno.BUSY)
        name = walk.entry(slash_ok=True)
        if new.slash:
            found = walk.look()
            if found is None:
                fail(Errno.NOENT)
            if found.kind is not FileType.DIRECTORY:
                fail(Errno.NOTDIR)
        walk.directory.rename(name, new.directory, new.name)


def remove_file(base: Directory, path: str) -> None:
    """Remove the name of anything but a directory."""
    with Walk(base, path) as walk:
        if not walk.name:
            fail(Errno.ISDIR)
        walk.directory.remove_file(walk.entry(slash_ok=False))


def remove_directory(base: Directory, path: str) -> None:
    """Remove an empty directory."""
    with Walk(base, path) as walk:
        if not walk.name:
            fail(Errno.INVAL)
        walk.directory.remove_directory(walk.entry(slash_ok=True))
