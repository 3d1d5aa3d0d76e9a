"""The global ``fs``: files as Node.js has them, with a callback for every result.

Paths are found below the directories that the program was given, as WASI's programs find them: the longest that the
path begins with counts. What lies above them and between them can be looked at, and is empty otherwise.
Where Node.js has modes and owners, there are none here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from wasmarium.bridge.base import Waiting
from wasmarium.gojs.callbacks import Callbacks
from wasmarium.gojs.values import (
    UNDEFINED,
    Array,
    Bytes,
    Function,
    Thing,
    Thrown,
    Value,
    argument,
    error,
    number_of,
    throw,
)
from wasmarium.wasi.descriptor import Descriptor, DirectoryDescriptor, FileDescriptor
from wasmarium.wasi.errno import Errno, WasiError, errno_of
from wasmarium.wasi.filesystem import paths
from wasmarium.wasi.filesystem.base import Directory, FileType, OpenMode, Stat, fail
from wasmarium.wasi.rights import FdFlags

if TYPE_CHECKING:
    from wasmarium.wasi.preview1 import Wasi

FLAGS = {
    "O_RDONLY": 0,
    "O_WRONLY": 1,
    "O_RDWR": 2,
    "O_CREAT": 0o100,
    "O_EXCL": 0o200,
    "O_TRUNC": 0o1000,
    "O_APPEND": 0o2000,
    "O_DIRECTORY": 0o200000,
}
"""How to open a file: the numbers of Linux."""

_MODES = {
    FileType.DIRECTORY: 0o040755,
    FileType.REGULAR_FILE: 0o100644,
    FileType.SYMBOLIC_LINK: 0o120777,
    FileType.CHARACTER_DEVICE: 0o020620,
    FileType.BLOCK_DEVICE: 0o060660,
    FileType.SOCKET_STREAM: 0o140777,
    FileType.SOCKET_DGRAM: 0o140777,
    FileType.UNKNOWN: 0o010600,
}
_CODES = {Errno.TOOBIG: "E2BIG", Errno.NOTCAPABLE: "EACCES"}
_BLOCK = 4096


class Files:
    """The files of one program. ``current`` is the directory that paths begin from."""

    def __init__(self, wasi: Wasi, callbacks: Callbacks) -> None:
        self._wasi = wasi
        self._callbacks = callbacks
        self._roots: dict[tuple[str, ...], DirectoryDescriptor] = {}
        for descriptor in wasi.descriptors:
            if isinstance(descriptor, DirectoryDescriptor) and descriptor.preopen is not None:
                self._roots.setdefault(components(descriptor.preopen), descriptor)
        self.current = "/"

    # ---- the object ----

    def thing(self) -> Thing:
        """``fs``."""
        methods: dict[str, Callable[..., Any]] = {
            "open": self.open,
            "close": self.close,
            "read": self.read,
            "write": self.write,
            "fstat": lambda fd: self._stat(self._descriptor(fd).stat()),
            "stat": lambda path: self._stat(self.look(path, follow=True)),
            "lstat": lambda path: self._stat(self.look(path, follow=False)),
            "readdir": self.list,
            "mkdir": lambda path: self._at(path, paths.make_directory),
            "rmdir": lambda path: self._at(path, paths.remove_directory),
            "unlink": lambda path: self._at(path, paths.remove_file),
            "rename": lambda path, new: self._at_two(path, new, paths.rename),
            "link": lambda path, new: self._at_two(path, new, paths.link),
            "symlink": lambda target, path: self._at(path, paths.make_link, _text(target)),
            "readlink": lambda path: self._at(path, paths.read_link),
            "truncate": self.truncate,
            "ftruncate": lambda fd, size: self._file(fd).set_size(number_of(size)),
            "fsync": lambda fd: self._descriptor(fd).file.sync(),
            "utimes": self.set_times,
        }
        for name in ("chmod", "fchmod", "chown", "fchown", "lchown"):
            methods[name] = _no_owners
        functions = {name: self._function(name, method) for name, method in methods.items()}
        functions["writeSync"] = Function(self._write_sync)
        return Thing({**functions, "constants": Thing(dict(FLAGS))})

    def _function(self, name: str, method: Callable[..., Any]) -> Function:
        """A function whose last argument is called with an error or the result. What it may leave out, it gets too."""

        wanted = _wanted(method)

        def code(this: Value, arguments: Any) -> Value:
            *given, callback = arguments or (UNDEFINED,)
            given = given[:wanted] + [UNDEFINED] * (wanted - len(given))
            try:
                result = method(*given)
            except (WasiError, OSError, Thrown) as problem:
                self._answer(callback, _problem(problem, name), UNDEFINED)
                return UNDEFINED
            if isinstance(result, Awaitable):
                self._callbacks.when_done(result, lambda value, failed: self._done(callback, name, value, failed))
            else:
                self._answer(callback, None, UNDEFINED if result is None else result)
            return UNDEFINED

        return Function(code)

    def _done(self, callback: Value, name: str, value: Value, failed: BaseException | None) -> None:
        if failed is None:
            self._answer(callback, None, value)
        elif isinstance(failed, WasiError | OSError):
            self._answer(callback, _problem(failed, name), UNDEFINED)
        else:
            raise failed

    def _answer(self, callback: Value, problem: Value, result: Value) -> None:
        if isinstance(callback, Function):
            self._callbacks.later(lambda: callback.code(UNDEFINED, [problem, result]))

    # ---- where paths lead ----

    def absolute(self, path: str) -> str:
        """``path`` from the current directory, without dots where nothing can be behind them."""
        return path if path.startswith("/") else f"{self.current.rstrip('/')}/{path}"

    def _find(self, path: Value) -> tuple[Directory, str]:
        text = _text(path)
        if not text:
            fail(Errno.NOENT)
        parts = components(self.absolute(text))
        length = next((length for length in range(len(parts), -1, -1) if parts[:length] in self._roots), None)
        if length is None:
            fail(Errno.NOENT)
        rest = "/".join(parts[length:]) or "."
        return self._roots[parts[:length]].directory, rest + "/" if text.endswith("/") and rest != "." else rest

    def _between(self, path: Value) -> set[str] | None:
        """What stands below a directory that only leads to given ones; None for any other path."""
        parts = components(self.absolute(_text(path)))
        below = {root[len(parts)] for root in self._roots if len(root) > len(parts) and root[: len(parts)] == parts}
        known = any(root == parts[: len(root)] for root in self._roots)
        return None if known or not (below or not parts) else below

    def _at(self, path: Value, action: Callable[..., Any], *more: Any) -> Any:
        base, rest = self._find(path)
        return action(base, rest, *more)

    def _at_two(self, path: Value, new: Value, action: Callable[..., Any]) -> None:
        action(*self._find(path), *self._find(new))

    # ---- operations ----

    def look(self, path: Value, *, follow: bool) -> Stat:
        """Facts about what has a path."""
        if self._between(path) is not None:
            return Stat(FileType.DIRECTORY)
        base, rest = self._find(path)
        return paths.stat(base, rest, follow)

    def list(self, path: Value) -> Array:
        """The names in a directory, sorted."""
        between = self._between(path)
        if between is not None:
            return Array(sorted(between))
        base, rest = self._find(path)
        found = paths.open_node(base, rest, True, OpenMode(), directory=True)
        assert isinstance(found, Directory)
        try:
            return Array(sorted(entry.name for entry in found.entries()))
        finally:
            found.close()

    def open(self, path: Value, flags: Value, mode: Value) -> int:
        """Open a file or a directory; its number."""
        asked = number_of(flags)

        def has(name: str) -> bool:
            return bool(asked & FLAGS[name])

        if self._between(path) is not None and not asked & 0o1303:
            return self._wasi.descriptors.add(_Between())
        base, rest = self._find(path)
        writes = asked & 3 in (1, 2)
        how = OpenMode(asked & 3 != 1, writes, has("O_CREAT"), has("O_EXCL"), has("O_TRUNC"))
        node = paths.open_node(base, rest, True, how, has("O_DIRECTORY"))
        if isinstance(node, Directory):
            return self._wasi.descriptors.add(DirectoryDescriptor(node))
        given = FdFlags.APPEND if has("O_APPEND") else FdFlags(0)
        return self._wasi.descriptors.add(FileDescriptor(node, how.read, writes, given))

    def close(self, fd: Value) -> None:
        """Close a file. The directories that the program was given stay open for what has a path."""
        number = number_of(fd, -1)
        if self._wasi.descriptors[number] in self._roots.values():
            fail(Errno.BADF)
        self._wasi.descriptors.close(number)

    def read(self, fd: Value, buffer: Value, offset: Value, length: Value, position: Value) -> int | Awaitable[int]:
        """Read into a buffer; how many bytes."""
        descriptor = self._descriptor(fd)
        if not isinstance(buffer, Bytes):
            fail(Errno.INVAL)
        start = number_of(offset)
        count = min(number_of(length), len(buffer.data) - start)
        if start < 0 or count < 0:
            fail(Errno.INVAL)

        def take(content: bytes) -> int:
            buffer.data[start : start + len(content)] = content
            return len(content)

        if position is None or position is UNDEFINED:
            content = descriptor.read(count)
        else:
            content = descriptor.read_at(number_of(position), count)
        return Waiting(lambda: _then(content, take)) if isinstance(content, Awaitable) else take(content)

    def write(self, fd: Value, buffer: Value, offset: Value, length: Value, position: Value) -> int | Awaitable[int]:
        """Write from a buffer; how many bytes."""
        descriptor = self._descriptor(fd)
        if not isinstance(buffer, Bytes):
            fail(Errno.INVAL)
        start, count = number_of(offset), number_of(length)
        if start < 0 or count < 0 or start + count > len(buffer.data):
            fail(Errno.INVAL)
        content = bytes(buffer.data[start : start + count])
        if position is None or position is UNDEFINED:
            return descriptor.write(content)
        return descriptor.write_at(number_of(position), content)

    def write_now(self, number: int, content: bytes) -> int | Awaitable[int]:
        """Write, with nobody to be told of an error: what Go's runtime says when it fails."""
        try:
            return self._wasi.descriptors[number].write(content)
        except (WasiError, OSError):
            return 0

    def _write_sync(self, this: Value, arguments: Any) -> int:
        number, buffer = number_of(argument(arguments, 0), -1), argument(arguments, 1)
        if not isinstance(buffer, Bytes | str):
            raise throw("TypeError", "a Uint8Array or a string is expected")
        content = bytes(buffer.data) if isinstance(buffer, Bytes) else buffer.encode("utf-8", "replace")
        self.write_later(number, content)
        return len(content)

    def write_later(self, number: int, content: bytes) -> None:
        """Write, with nobody to wait for it or to be told of an error."""
        written = self.write_now(number, content)
        if isinstance(written, Awaitable):
            self._callbacks.when_done(written, lambda value, failed: None)

    def truncate(self, path: Value, size: Value) -> None:
        """Cut or extend what has a path."""
        base, rest = self._find(path)
        node = paths.open_node(base, rest, True, OpenMode(write=True))
        try:
            if isinstance(node, Directory):
                fail(Errno.ISDIR)
            node.set_size(number_of(size))
        finally:
            node.close()

    def set_times(self, path: Value, accessed: Value, modified: Value) -> None:
        """Set times, in seconds since 1970."""
        base, rest = self._find(path)
        paths.set_times(base, rest, True, _nanoseconds(accessed), _nanoseconds(modified))

    def _descriptor(self, fd: Value) -> Descriptor:
        return self._wasi.descriptors[number_of(fd, -1)]

    def _file(self, fd: Value) -> FileDescriptor:
        descriptor = self._descriptor(fd)
        if not isinstance(descriptor, FileDescriptor):
            fail(Errno.INVAL)
        return descriptor

    def _stat(self, stat: Stat) -> Thing:
        directory = stat.kind is FileType.DIRECTORY
        return Thing(
            {
                "dev": stat.device & 0xFFFFFFFF,
                "ino": stat.inode & ((1 << 53) - 1),
                "mode": _MODES[stat.kind],
                "nlink": stat.links,
                "uid": 0,
                "gid": 0,
                "rdev": 0,
                "size": stat.size,
                "blksize": _BLOCK,
                "blocks": -(-stat.size // 512),
                "atimeMs": stat.accessed / 1e6,
                "mtimeMs": stat.modified / 1e6,
                "ctimeMs": stat.changed / 1e6,
                "isDirectory": Function(lambda this, arguments: directory),
            }
        )


class _Between(Descriptor):
    """An open directory that only leads to given ones."""

    @property
    def kind(self) -> FileType:
        return FileType.DIRECTORY


def components(path: str) -> tuple[str, ...]:
    """The names of a path. A ``..`` takes the name before it away, and nothing above the root."""
    names: list[str] = []
    for name in path.split("/"):
        if name == "..":
            if names:
                names.pop()
        elif name not in ("", "."):
            names.append(name)
    return tuple(names)


def _wanted(method: Callable[..., Any]) -> int:
    code = method.__code__
    return code.co_argcount - (1 if hasattr(method, "__self__") else 0)


def _no_owners() -> None:
    fail(Errno.NOSYS)


def _text(value: Value) -> str:
    if not isinstance(value, str):
        fail(Errno.INVAL)
    return value


def _nanoseconds(seconds: Value) -> int:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < 1 << 33:
        fail(Errno.INVAL)
    return int(seconds * 1_000_000_000)


def _problem(problem: WasiError | OSError | Thrown, name: str) -> Value:
    if isinstance(problem, Thrown):
        return problem.value
    errno = problem.errno if isinstance(problem, WasiError) else errno_of(problem)
    code = _CODES.get(errno, f"E{errno.name}")
    return error("Error", f"{code}: {name}", code=code, syscall=name)


async def _then(content: Awaitable[bytes], take: Callable[[bytes], int]) -> int:
    return take(await content)
