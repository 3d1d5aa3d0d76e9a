"""WasiConfig: what a WASI program is given; DirPerms and FilePerms."""

from __future__ import annotations

import enum
import errno
import os
import sys
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass

from wasmarium.bridge import InputStream, OutputStream, Platform
from wasmarium.bridge.streams import (
    BytesInput,
    CallbackInput,
    CallbackOutput,
    IteratorInput,
    IteratorOutput,
    file_input,
    file_output,
)
from wasmarium.embedding.managed import Managed
from wasmarium.errors import WasmError
from wasmarium.network import Access, check_websocket
from wasmarium.policy import Policy
from wasmarium.wasi.errno import WasiError
from wasmarium.wasi.filesystem.host import host_directory
from wasmarium.wasi.filesystem.memory import MemoryFileSystem, Tree
from wasmarium.wasi.filesystem.overlay import OverlayFileSystem
from wasmarium.wasi.filesystem.restricted import Permissions, RestrictedDirectory
from wasmarium.wasi.preview1 import Preopen, Wasi
from wasmarium.wasi.sockets import SocketDescriptor

Path = str | bytes | os.PathLike[str]
CustomInput = bytes | bytearray | memoryview | AsyncIterable[bytes] | Callable[[int], bytes | Awaitable[bytes]]
CustomOutput = Callable[[bytes], int | Awaitable[None] | None]


class DirPerms(enum.Enum):
    """What a guest may do with the names in a directory: see them, change them, or both."""

    READ_ONLY = 1
    WRITE_ONLY = 2
    READ_WRITE = 3


class FilePerms(enum.Enum):
    """What a guest may do with the files in a directory: read them, write them, or both."""

    READ_ONLY = 1
    WRITE_ONLY = 2
    READ_WRITE = 3


@dataclass(frozen=True, slots=True)
class _Directory:
    path: str
    guest_path: str
    permissions: Permissions

    def open(self) -> Preopen:
        directory = host_directory(self.path)
        if self.permissions != Permissions():
            directory = RestrictedDirectory(directory, self.permissions)
        return Preopen(self.guest_path, directory)


@dataclass(frozen=True, slots=True)
class _Volume:
    volume: MemoryFileSystem
    guest_path: str

    def open(self) -> Preopen:
        return Preopen(self.guest_path, self.volume.root())


class WasiConfig(Managed):
    """The world of a WASI program: arguments, environment, standard streams, directories.

    It starts out empty: no arguments, no variables, no files, input that is at its end, output that
    is thrown away. Grant what the program needs, then hand it to ``Store.set_wasi``:

    >>> from wasmarium import Store, WasiConfig
    >>> written = []
    >>> wasi = WasiConfig()
    >>> wasi.argv = ["program", "--help"]
    >>> wasi.env = [("LANG", "en_US.UTF-8")]
    >>> wasi.stdout_custom = written.append
    >>> store = Store()
    >>> store.set_wasi(wasi)
    """

    def __init__(self) -> None:
        self._arguments: list[str] = []
        self._environment: list[tuple[str, str]] = []
        self._directories: list[_Directory | _Volume] = []
        self._sockets: list[tuple[str, tuple[str, ...]]] = []
        self._stdin: Callable[[Platform], InputStream] | None = None
        self._stdout: Callable[[Platform], OutputStream] | None = None
        self._stderr: Callable[[Platform], OutputStream] | None = None

    # ---- arguments and environment ----

    @property
    def argv(self) -> list[str]:
        """The program's arguments, its name first. Setting it again appends, as in wasmtime."""
        return list(self._arguments)

    @argv.setter
    def argv(self, argv: Iterable[str]) -> None:
        self._arguments += [_checked(each, "argument") for each in argv]

    def inherit_argv(self) -> None:
        """Give this process's own arguments."""
        self._arguments += sys.argv

    @property
    def env(self) -> list[tuple[str, str]]:
        """Environment variables, pairs of name and value. Setting it again appends."""
        return list(self._environment)

    @env.setter
    def env(self, pairs: Iterable[Iterable[str]]) -> None:
        for pair in pairs:
            name, value = pair
            self._environment.append((_checked(name, "name of a variable"), _checked(value, "variable")))

    def inherit_env(self) -> None:
        """Give all of this process's own environment."""
        self._environment += os.environ.items()

    # ---- standard input ----

    def _set_stdin_file(self, path: Path) -> None:
        try:
            file_input(os.fsdecode(path)).close()
        except OSError:
            raise WasmError("failed to set stdin file") from None
        self._stdin = lambda platform: file_input(os.fsdecode(path))

    stdin_file = property(
        None, _set_stdin_file, doc="Path of a file that standard input reads. WasmtimeError if it cannot."
    )

    def _set_stdin_custom(self, source: CustomInput) -> None:
        if isinstance(source, bytes | bytearray | memoryview):
            content = bytes(source)
            self._stdin = lambda platform: BytesInput(content)
        elif isinstance(source, AsyncIterable):
            self._stdin = lambda platform: IteratorInput(aiter(source))
        elif callable(source):
            self._stdin = lambda platform: CallbackInput(source)
        else:
            raise TypeError("expected bytes, a function or an asynchronous iterator")

    stdin_custom = property(
        None,
        _set_stdin_custom,
        doc="Where standard input comes from: bytes; an asynchronous iterator of pieces (bytes, whose end is "
        "the end); or a function, which may be async, that is asked for at most so many bytes and gives none at "
        "the end. Not in wasmtime.",
    )

    def inherit_stdin(self) -> None:
        """Let the program read this process's standard input."""
        self._stdin = lambda platform: platform.console.stdin

    # ---- standard output and error ----

    def _set_stdout_file(self, path: Path) -> None:
        self._stdout = _output_file(path, "stdout")

    stdout_file = property(
        None, _set_stdout_file, doc="Path of a file for standard output: made, or emptied. WasmtimeError if not."
    )

    def _set_stdout_custom(self, callback: CustomOutput) -> None:
        _check_function(callback)
        self._stdout = lambda platform: _custom(callback)

    stdout_custom = property(
        None,
        _set_stdout_custom,
        doc="A function that gets every piece written to standard output. It returns None, or how many of the "
        "bytes it took (the rest comes again), or a negative errno; it may be async.",
    )

    def stdout_pieces(self) -> AsyncIterator[bytes]:
        """Let standard output be read by an ``async for``: pieces as the program writes them, until
        ``Store.close``. The program, which must be awaited (``call_async``), waits while 1 MiB is not taken::

            pieces = wasi.stdout_pieces()
            store.set_wasi(wasi)
            ...
            running = asyncio.create_task(start.call_async(store))
            async for piece in pieces:
                ...

        Not in wasmtime.
        """
        made = IteratorOutput()
        self._stdout = lambda platform: made
        return made

    def inherit_stdout(self) -> None:
        """Let the program write to this process's standard output."""
        self._stdout = lambda platform: platform.console.stdout

    def _set_stderr_file(self, path: Path) -> None:
        self._stderr = _output_file(path, "stderr")

    stderr_file = property(
        None, _set_stderr_file, doc="Path of a file for standard error: made, or emptied. WasmtimeError if not."
    )

    def _set_stderr_custom(self, callback: CustomOutput) -> None:
        _check_function(callback)
        self._stderr = lambda platform: _custom(callback)

    stderr_custom = property(None, _set_stderr_custom, doc="Like ``stdout_custom``, for standard error.")

    def stderr_pieces(self) -> AsyncIterator[bytes]:
        """Like :meth:`stdout_pieces`, for standard error."""
        made = IteratorOutput()
        self._stderr = lambda platform: made
        return made

    def inherit_stderr(self) -> None:
        """Let the program write to this process's standard error."""
        self._stderr = lambda platform: platform.console.stderr

    # ---- files ----

    def preopen_dir(
        self,
        path: str | os.PathLike[str],
        guest_path: str,
        dir_perms: DirPerms | bool = DirPerms.READ_WRITE,
        file_perms: FilePerms = FilePerms.READ_WRITE,
        *,
        fs_mutable: bool = True,
    ) -> None:
        """Let the program use the directory ``path``, which it finds as ``guest_path``, and all below.

        ``dir_perms`` and ``file_perms`` limit that, or ``fs_mutable=False`` (wasmtime 50's way, also as the
        third argument): then it can only read. WasmtimeError when there is no such directory.
        """
        if isinstance(dir_perms, bool):
            names, files = 3 if dir_perms else 1, 3 if dir_perms else 1
        else:
            names, files = dir_perms.value, file_perms.value
        if not fs_mutable:
            names, files = 1, 1
        permissions = Permissions(
            list_names=bool(names & 1),
            change_names=bool(names & 2),
            read_files=bool(files & 1),
            write_files=bool(files & 2),
        )
        if not os.path.isdir(path):
            raise WasmError("failed to add preopen dir")
        self._directories.append(_Directory(os.fspath(path), _checked(guest_path, "guest's path"), permissions))

    def preopen_memory(self, files: Tree, guest_path: str, capacity: int = 256 << 20) -> MemoryFileSystem:
        """Let the program use a directory that exists in memory only, with ``files`` in it at first: names to
        bytes, or to mappings for directories. Beyond ``capacity`` bytes in all it gets ENOSPC.

        What comes back tells what is there by :meth:`MemoryFileSystem.tree`, also when the program has ended:

        >>> from wasmarium import WasiConfig
        >>> files = WasiConfig().preopen_memory({"in": {"a.txt": b"hello"}}, "/")
        >>> files.tree()
        {'in': {'a.txt': b'hello'}}

        WasmtimeError for names that no path can have, and for more than ``capacity``. Not in wasmtime.
        """
        try:
            volume = MemoryFileSystem(files, _checked_capacity(capacity))
        except ValueError as reason:
            raise WasmError(str(reason)) from None
        except WasiError:
            raise WasmError(f"the files are more than {capacity} bytes") from None
        self._directories.append(_Volume(volume, _checked(guest_path, "guest's path")))
        return volume

    def preopen_overlay(
        self, path: str | os.PathLike[str], guest_path: str, capacity: int = 256 << 20
    ) -> MemoryFileSystem:
        """Like :meth:`preopen_dir`, but the program's changes stay in memory (at most ``capacity`` bytes): the
        directory itself is only read. WasmtimeError when there is no such directory. Not in wasmtime."""
        if not os.path.isdir(path):
            raise WasmError("failed to add preopen dir")
        lower = os.fspath(path)
        volume = OverlayFileSystem(lambda: host_directory(lower), _checked_capacity(capacity))
        self._directories.append(_Volume(volume, _checked(guest_path, "guest's path")))
        return volume

    # ---- sockets ----

    def preopen_websocket(self, url: str, protocols: Iterable[str] = ()) -> None:
        """Let the program find a socket that is the WebSocket at ``url`` (for ``recv``, ``send``, ``poll``):
        behind the directories, so the first one is descriptor 3 where there are none.

        It is connected at first use, if the store's policy grants it (``Store.set_policy``); else the
        program gets EACCES. Not in wasmtime.

        WasmtimeError where ``url`` is no address of a WebSocket, or a protocol is no token (RFC 6455, 4.1).
        """
        if isinstance(protocols, str):
            raise TypeError(f"expected protocols one by one, not {protocols!r}")
        names = tuple(_checked(each, "protocol") for each in protocols)
        try:
            check_websocket(_checked(url, "address"), names)
        except OSError as reason:
            raise WasmError(str(reason.strerror)) from None
        self._sockets.append((url, names))

    def _build(self, platform: Platform, access: Access, policy: Policy | None = None) -> Wasi:
        self._check_open()
        try:
            return Wasi(
                clock=platform.clock,
                random=platform.random,
                arguments=self._arguments,
                environment=self._environment,
                stdin=self._stdin and self._stdin(platform),
                stdout=self._stdout and self._stdout(platform),
                stderr=self._stderr and self._stderr(platform),
                preopens=[directory.open() for directory in self._directories],
                sockets=[SocketDescriptor(access, url, protocols) for url, protocols in self._sockets],
                # Everything here was named by the embedder, so naming it again would grant nothing less.
                policy=policy if policy is not None else Policy.everything_given(),
            )
        except (OSError, ValueError) as error:
            raise WasmError(f"failed to set up WASI: {error}") from None


def _checked(text: object, what: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"expected a str for the {what}, not {text!r}")
    return text


def _checked_capacity(count: object) -> int:
    if not isinstance(count, int) or isinstance(count, bool):
        raise TypeError(f"expected an int for the capacity, not {count!r}")
    if count < 0:
        raise WasmError(f"a capacity of {count} bytes cannot be")
    return count


def _output_file(path: Path, word: str) -> Callable[[Platform], OutputStream]:
    decoded = os.fsdecode(path)
    try:
        file_output(decoded).close()
    except OSError:
        raise WasmError(f"failed to set {word} file") from None
    return lambda platform: file_output(decoded)


def _check_function(callback: object) -> None:
    if not callable(callback):
        raise TypeError("expected a function")


def _custom(callback: CustomOutput) -> OutputStream:
    def write(content: bytes) -> Awaitable[None] | None:
        while content:
            taken = callback(content)
            if taken is None:
                return None
            if not isinstance(taken, int):
                return taken
            if taken <= 0:
                raise OSError(-taken or errno.EIO, os.strerror(-taken or errno.EIO))
            content = content[taken:]
        return None

    return CallbackOutput(write)
