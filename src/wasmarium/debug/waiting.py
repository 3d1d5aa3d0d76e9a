"""Streams, clock and waits for a guest that is run in slices.

A wait here is asked whether it is over; nobody calls back. So a session needs no event loop of its
own, and waits the same way in a page, in a test and under a fake clock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, Generic, TypeVar

from wasmarium.bridge.base import Clock, InputStream, OutputStream
from wasmarium.bridge.signal import Signal
from wasmarium.debug.values import Plain

T = TypeVar("T")


class Wait(Generic[T]):
    """An awaitable that yields itself until ``over``, and then gives ``result``.

    ``due`` is when to ask again, in nanoseconds of the monotonic clock, or None when only someone
    else can end the wait; ``for_input`` says whether input can.
    """

    def __init__(
        self, over: Callable[[], bool], result: Callable[[], T], due: int | None = None, for_input: bool = False
    ) -> None:
        self.over = over
        self.result = result
        self.due = due
        self.for_input = for_input

    def __await__(self) -> Generator[Any, Any, T]:
        while not self.over():
            yield self
        return self.result()


class Waiter:
    """Drives any awaitable by asking: one made of :class:`Wait`, or of asyncio's futures where the
    host runs an event loop between two questions."""

    def __init__(self, awaitable: Awaitable[Any]) -> None:
        self._steps = awaitable.__await__()
        self._blocker: Any = None
        self.result: Any = None
        self.error: BaseException | None = None

    def over(self) -> bool:
        """Whether ``result`` (or ``error``) is there."""
        while not self._blocked():
            try:
                self._blocker = next(self._steps)
            except StopIteration as end:
                self.result = end.value
                return True
            except Exception as error:
                self.error = error
                return True
        return False

    def close(self) -> None:
        """Nobody will ask any more."""
        close = getattr(self._steps, "close", None)
        if close is not None:
            close()

    def _blocked(self) -> bool:
        blocker = self._blocker
        if isinstance(blocker, Wait):
            return not blocker.over()
        if isinstance(blocker, asyncio.Future):
            # What a task does with a future that it was given.
            blocker._asyncio_future_blocking = False
            return not blocker.done()
        return False

    @property
    def due(self) -> int | None:
        """When to ask again, in nanoseconds of the monotonic clock; None: not before something happens."""
        return self._blocker.due if isinstance(self._blocker, Wait) else None

    @property
    def for_input(self) -> bool:
        """Whether input can end the wait."""
        return isinstance(self._blocker, Wait) and self._blocker.for_input

    @property
    def by_event_loop(self) -> bool:
        """Whether the host's event loop ends the wait, so that it must be asked from time to time."""
        return not isinstance(self._blocker, Wait)


class SessionInput(InputStream):
    """Standard input that is fed while the guest runs."""

    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal
        self.signal = Signal()
        self._buffer = bytearray()
        self._ended = False

    def feed(self, content: bytes) -> None:
        """Give the guest more to read; nothing after the end."""
        if not self._ended:
            self._buffer += content
            self.signal.notify()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self.signal.notify()

    def readable(self) -> bool:
        return bool(self._buffer) or self._ended

    def read(self, count: int) -> bytes | Awaitable[bytes]:
        if self.readable():
            return self.take(count)
        return Wait(self.readable, lambda: self.take(count), for_input=True)

    def take(self, count: int) -> bytes:
        """What is there, at most ``count`` bytes."""
        piece = bytes(self._buffer[:count])
        del self._buffer[:count]
        return piece

    async def when_readable(self) -> None:
        await Wait(self.readable, _nothing, for_input=True)


class LoopInput(InputStream):
    """The same input for those who wait on the host's event loop."""

    def __init__(self, stream: SessionInput) -> None:
        self._stream = stream
        self.terminal = stream.terminal
        self._waits = False

    def awaited(self) -> bool:
        """Whether somebody waits for it."""
        return self._waits and not self.readable()

    def readable(self) -> bool:
        return self._stream.readable()

    def read(self, count: int) -> bytes | Awaitable[bytes]:
        if self.readable():
            return self._stream.read(count)
        self._waits = True
        return self._stream.signal.wait(self.readable, lambda: self._take(count))

    def _take(self, count: int) -> bytes:
        self._waits = False
        return self._stream.take(count)

    async def when_readable(self) -> None:
        self._waits = True
        await self._stream.signal.when(self.readable)
        self._waits = False


class SessionClock(Clock):
    """The time of another clock; waiting gives a :class:`Wait`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def realtime(self) -> int:
        return self._clock.realtime()

    def monotonic(self) -> int:
        return self._clock.monotonic()

    def realtime_resolution(self) -> int:
        return self._clock.realtime_resolution()

    def monotonic_resolution(self) -> int:
        return self._clock.monotonic_resolution()

    def wait(self, duration: int | None, inputs: Sequence[InputStream] = ()) -> Awaitable[None] | None:
        due = None if duration is None else self.monotonic() + duration

        def over() -> bool:
            return (due is not None and self.monotonic() >= due) or any(stream.readable() for stream in inputs)

        return None if over() else Wait(over, _nothing, due, for_input=bool(inputs))


def _nothing() -> None:
    return


_SMALL = 4096
"""Bytes below which what is printed next joins what was printed before."""


class Output:
    """What the guest printed and nobody has taken; beyond ``room`` bytes the oldest are skipped.

    ``piece`` bounds what is taken at once, so that a burst comes out whole, but bit by bit.
    """

    def __init__(self, room: int, piece: int) -> None:
        self._room = room
        self._piece = piece
        self._held: deque[tuple[str, bytearray]] = deque()
        self._size = 0
        self._skipped = 0
        self._closed = False

    def close(self) -> None:
        """What comes now is not wanted any more."""
        self._closed = True

    def add(self, stream: str, content: bytes) -> None:
        """Keep ``content``, in order."""
        if self._closed:
            return
        if len(content) > self._room:
            self._skipped += self._size + len(content) - self._room
            self._held.clear()
            self._size, content = 0, content[-self._room :]
        if self._held and self._held[-1][0] == stream and len(self._held[-1][1]) < _SMALL:
            self._held[-1][1].extend(content)
        else:
            self._held.append((stream, bytearray(content)))
        self._size += len(content)
        while self._size > self._room:
            _, oldest = self._held.popleft()
            self._size -= len(oldest)
            self._skipped += len(oldest)

    @property
    def empty(self) -> bool:
        """Whether everything has been taken."""
        return not self._held

    def take(self) -> tuple[list[tuple[str, bytes]], int]:
        """The next pieces, and how many bytes before them were skipped."""
        taken: list[tuple[str, bytearray]] = []
        left = self._piece
        while self._held and left:
            stream, content = self._held.popleft()
            if len(content) > left:
                self._held.appendleft((stream, content[left:]))
                content = content[:left]
            if not taken or taken[-1][0] != stream:
                taken.append((stream, bytearray()))
            taken[-1][1].extend(content)
            left -= len(content)
            self._size -= len(content)
        skipped, self._skipped = self._skipped, 0
        return [(stream, bytes(content)) for stream, content in taken], skipped

    def stream(self, name: str, terminal: bool) -> OutputStream:
        """A stream that writes here."""
        return _SessionOutput(self, name, terminal)


class _SessionOutput(OutputStream):
    def __init__(self, output: Output, name: str, terminal: bool) -> None:
        self._output = output
        self._name = name
        self.terminal = terminal

    def write(self, content: bytes) -> None:
        self._output.add(self._name, content)


def plain_output(pieces: list[tuple[str, bytes]], encode: Callable[[bytes], str]) -> list[Plain]:
    """Output as plain data."""
    return [{"stream": stream, "data": encode(content)} for stream, content in pieces]
