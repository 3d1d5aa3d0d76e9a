"""Streams that are the same on every platform: bytes, callbacks, files, feeds.

A page feeds the guest's standard input through :class:`FeedInput`; a test reads what the guest
wrote from :class:`CaptureOutput`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from wasmarium.bridge.base import InputStream, OutputStream, Waiting
from wasmarium.bridge.signal import Signal, settle
from wasmarium.errors import Unsupported


class NullInput(InputStream):
    """At its end from the start."""

    def read(self, count: int) -> bytes:
        return b""


class BytesInput(InputStream):
    """Bytes that are there already."""

    def __init__(self, content: bytes, terminal: bool = False) -> None:
        self._content = content
        self._at = 0
        self.terminal = terminal

    def read(self, count: int) -> bytes:
        piece = self._content[self._at : self._at + count]
        self._at += len(piece)
        return piece


class FeedInput(InputStream):
    """Bytes that someone feeds while the guest runs: a page, a test, another thread.

    When there is nothing to read the guest waits: suspended on the event loop, or, where the caller
    blocks, on the thread that calls ``feed``.
    """

    def __init__(self, terminal: bool = False) -> None:
        self.terminal = terminal
        self._buffer = bytearray()
        self._ended = False
        self._signal = Signal()

    def feed(self, content: bytes) -> None:
        """Give the guest more to read."""
        with self._signal.lock:
            self._buffer += content
        self._signal.notify()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._signal.notify()

    def readable(self) -> bool:
        return bool(self._buffer) or self._ended

    def read(self, count: int) -> bytes | Awaitable[bytes]:
        if self.readable():
            return self._take(count)
        return self._signal.wait(self.readable, lambda: self._take(count))

    def _take(self, count: int) -> bytes:
        with self._signal.lock:
            piece = bytes(self._buffer[:count])
            del self._buffer[:count]
        return piece

    async def when_readable(self) -> None:
        await self._signal.when(self.readable)


class IteratorInput(InputStream):
    """The pieces of an asynchronous iterator, one after the other."""

    def __init__(self, pieces: AsyncIterator[bytes], terminal: bool = False) -> None:
        self.terminal = terminal
        self._pieces = pieces
        self._buffer = b""
        self._ended = False
        self._fetching: asyncio.Future[None] | None = None

    def readable(self) -> bool:
        return bool(self._buffer) or self._ended

    def read(self, count: int) -> bytes | Awaitable[bytes]:
        if self.readable():
            return self._take(count)

        async def later() -> bytes:
            await self.when_readable()
            return self._take(count)

        return Waiting(later)

    def _take(self, count: int) -> bytes:
        piece, self._buffer = self._buffer[:count], self._buffer[count:]
        return piece

    async def when_readable(self) -> None:
        while not self.readable():
            if self._fetching is None or self._fetching.done():
                self._fetching = asyncio.ensure_future(self._fetch())
            # a caller that gives up must not lose the piece that is on its way
            await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        try:
            self._buffer = await anext(self._pieces)
        except StopAsyncIteration:
            self._ended = True


class CallbackInput(InputStream):
    """``callback(count)`` gives the next bytes (empty: the end), or an awaitable of them."""

    def __init__(self, callback: Callable[[int], bytes | Awaitable[bytes]], terminal: bool = False) -> None:
        self._callback = callback
        self.terminal = terminal
        self._rest = b""

    def read(self, count: int) -> bytes | Awaitable[bytes]:
        if self._rest:
            return self._keep(self._rest, count)
        given = self._callback(count)
        if isinstance(given, Awaitable):
            return Waiting(lambda: self._later(given, count))
        return self._keep(given, count)

    async def _later(self, given: Awaitable[bytes], count: int) -> bytes:
        return self._keep(await given, count)

    def _keep(self, given: bytes, count: int) -> bytes:
        self._rest = given[count:]
        return given[:count]


class DescriptorInput(InputStream):
    """A descriptor of the operating system, such as 0."""

    def __init__(self, descriptor: int, owned: bool = False) -> None:
        self._descriptor = descriptor
        self._owned = owned
        self.terminal = _is_terminal(descriptor)

    def read(self, count: int) -> bytes | Awaitable[bytes]:
        if self.readable():
            return self._hold(count)

        async def later() -> bytes:
            await self.when_readable()
            return self._hold(count)

        return Waiting(later, lambda: self._hold(count))

    def _hold(self, count: int) -> bytes:
        """Read, and hold the thread for it."""
        while True:
            try:
                return os.read(self._descriptor, count)
            except BlockingIOError:
                select.select([self._descriptor], [], [])

    def readable(self) -> bool:
        if not _CAN_SELECT:
            return True
        return bool(select.select([self._descriptor], [], [], 0)[0])

    def fileno(self) -> int | None:
        return self._descriptor if _CAN_SELECT else None

    async def when_readable(self) -> None:
        if self.readable():
            return
        loop = asyncio.get_running_loop()
        there: asyncio.Future[None] = loop.create_future()
        # one of its own: others may wait for the same, and a loop knows a descriptor once
        descriptor = os.dup(self._descriptor)
        try:
            loop.add_reader(descriptor, settle, there)
            await there
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    def close(self) -> None:
        if self._owned:
            self._owned = False
            os.close(self._descriptor)


_CAN_SELECT = sys.platform not in ("win32", "emscripten")
"""Windows selects sockets only; Emscripten has no one to wake it."""


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


class NullOutput(OutputStream):
    """Swallows everything."""

    def write(self, content: bytes) -> None:
        return


class CaptureOutput(OutputStream):
    """Keeps what is written; a guest that writes more than ``limit`` bytes gets ENOSPC."""

    def __init__(self, limit: int = 64 << 20, terminal: bool = False) -> None:
        self._limit = limit
        self.terminal = terminal
        self.content = bytearray()

    def write(self, content: bytes) -> None:
        if len(self.content) + len(content) > self._limit:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.content += content


class CallbackOutput(OutputStream):
    """Hands every piece to ``callback``, which may give an awaitable to make the guest wait."""

    def __init__(self, callback: Callable[[bytes], object], terminal: bool = False) -> None:
        self._callback = callback
        self.terminal = terminal

    def write(self, content: bytes) -> Awaitable[None] | None:
        given = self._callback(content)
        if isinstance(given, Awaitable):

            async def later() -> None:
                await given

            return Waiting(later)
        return None


class IteratorOutput(OutputStream):
    """What is written, for an ``async for`` elsewhere: pieces as they are there, until it is closed.

    Who writes while more than ``room`` bytes are not taken yet waits until they are.
    """

    def __init__(self, room: int = 1 << 20, terminal: bool = False) -> None:
        self.terminal = terminal
        self._room = room
        self._held = bytearray()
        self._closed = False
        self._signal = Signal()

    def write(self, content: bytes) -> Awaitable[None] | None:
        with self._signal.lock:
            self._held += content
        self._signal.notify()
        if self._has_room():
            return None
        return Waiting(lambda: self._signal.when(self._has_room), _held)

    def _has_room(self) -> bool:
        return self._closed or len(self._held) <= self._room

    def close(self) -> None:
        self._closed = True
        self._signal.notify()

    def __aiter__(self) -> IteratorOutput:
        return self

    async def __anext__(self) -> bytes:
        """All that is there, at least one byte."""
        await self._signal.when(lambda: self._closed or bool(self._held))
        with self._signal.lock:
            piece = bytes(self._held)
            self._held.clear()
        self._signal.notify()
        if not piece:
            raise StopAsyncIteration
        return piece


def _held() -> None:
    raise Unsupported("its output is read piece by piece, for which nobody has time while the caller is held")


class DescriptorOutput(OutputStream):
    """A descriptor of the operating system, such as 1. ``before`` is called ahead of the first
    write, to flush what the host itself holds back for the same place."""

    def __init__(self, descriptor: int, before: Callable[[], object] | None = None, owned: bool = False) -> None:
        self._descriptor = descriptor
        self._before = before
        self._owned = owned
        self.terminal = _is_terminal(descriptor)

    def write(self, content: bytes) -> None:
        if self._before is not None:
            before, self._before = self._before, None
            before()
        view = memoryview(content)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])

    def close(self) -> None:
        if self._owned:
            self._owned = False
            os.close(self._descriptor)


def file_input(path: str | os.PathLike[str]) -> InputStream:
    """The content of a file of the host. Raises OSError."""
    return DescriptorInput(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)), owned=True)


def file_output(path: str | os.PathLike[str]) -> OutputStream:
    """A file of the host, made empty first. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    return DescriptorOutput(os.open(path, flags, 0o666), owned=True)


def standard_input() -> InputStream:
    """What the process itself reads from; at its end where there is none."""
    descriptor = _descriptor_of(sys.__stdin__)
    return NullInput() if descriptor is None else DescriptorInput(descriptor)


def standard_output(error: bool = False) -> OutputStream:
    """What the process itself writes to (or its error stream); swallows where there is none."""
    stream = sys.__stderr__ if error else sys.__stdout__
    descriptor = _descriptor_of(stream)
    if stream is None or descriptor is None:
        return NullOutput()
    return DescriptorOutput(descriptor, before=stream.flush)


def _descriptor_of(stream: Any) -> int | None:
    try:
        descriptor: int = stream.fileno()
        os.fstat(descriptor)
    except (AttributeError, OSError, ValueError):
        return None
    return descriptor
