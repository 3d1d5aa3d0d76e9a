"""What a guest may touch of the world, as abstract classes: streams, clocks, randomness. The network
has a file of its own, and so has the log.

There are three implementations: ``native`` (CPython), ``browser`` (Pyodide, in a page or in Node)
and ``fake`` (deterministic, for tests and replay). Whoever needs one gets it handed in;
``wasmarium.bridge.platform`` is the only place that chooses.

Waiting: a method that may have to wait returns either its result, or an awaitable of it. On CPython
the thread just blocks and the result comes back; in Pyodide it cannot, so an awaitable comes back
and the guest is suspended until it is done.

All times are nanoseconds, as int.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from wasmarium.errors import Unsupported

if TYPE_CHECKING:
    from wasmarium.bridge.log import Log
    from wasmarium.bridge.network import Network
    from wasmarium.bridge.storage import Storage
    from wasmarium.engines.host.glue import Bridge

T = TypeVar("T")

LONGEST_SLEEP = 86_400_000_000_000
"""One day: timers of browsers fire at once beyond 2^31 ms, so longer waits are made of pieces."""


class Waiting(Generic[T]):
    """An awaitable that starts nothing before it is awaited, so it may be dropped.

    ``start`` gives the coroutine; ``block``, where there is one, waits for the same result while
    holding the thread.
    """

    __slots__ = ("block", "start")

    def __init__(self, start: Callable[[], Coroutine[Any, Any, T]], block: Callable[[], T] | None = None) -> None:
        self.start = start
        self.block = block

    def __await__(self) -> Generator[Any, Any, T]:
        return self.start().__await__()


class InputStream(ABC):
    """Bytes that come from outside. ``terminal`` says whether a person types them."""

    terminal: bool = False

    @abstractmethod
    def read(self, count: int) -> bytes | Awaitable[bytes]:
        """At most ``count`` (> 0) bytes, at least one; empty means the end. Raises OSError."""

    def readable(self) -> bool:
        """Whether ``read`` would give something, or the end, without waiting."""
        return True

    def fileno(self) -> int | None:
        """A descriptor of the operating system to wait on, or None."""
        return None

    async def when_readable(self) -> None:
        """Return as soon as ``readable``. May be cancelled, and then takes nothing away."""
        return

    def close(self) -> None:
        """Give back what belongs to the host."""
        return


class OutputStream(ABC):
    """Bytes that go outside. ``terminal`` says whether a person sees them."""

    terminal: bool = False

    @abstractmethod
    def write(self, content: bytes) -> Awaitable[None] | None:
        """Write everything. Raises OSError."""

    def flush(self) -> None:
        """Hand on what is still held back."""
        return

    def close(self) -> None:
        """Give back what belongs to the host."""
        return


@dataclass(frozen=True, slots=True)
class Console:
    """The three standard streams of the process that hosts the guest."""

    stdin: InputStream
    stdout: OutputStream
    stderr: OutputStream


class Clock(ABC):
    """Time, and waiting for it."""

    @abstractmethod
    def realtime(self) -> int:
        """Since 1970-01-01 00:00 UTC."""

    @abstractmethod
    def monotonic(self) -> int:
        """Since some moment in the past; never goes backwards."""

    @abstractmethod
    def realtime_resolution(self) -> int:
        """The smallest step of ``realtime``; at least 1."""

    @abstractmethod
    def monotonic_resolution(self) -> int:
        """The smallest step of ``monotonic``; at least 1."""

    @abstractmethod
    def wait(self, duration: int | None, inputs: Sequence[InputStream] = ()) -> Awaitable[None] | None:
        """Wait until ``duration`` has passed (None: for ever) or one of ``inputs`` is readable."""

    def sleep(self, duration: int) -> Awaitable[None] | None:
        """Wait until ``duration`` has passed."""
        return self.wait(duration)


class Random(ABC):
    """Randomness fit for keys, unless it is the fake one."""

    @abstractmethod
    def read(self, count: int) -> bytes:
        """``count`` bytes."""


class Platform(ABC):
    """Everything of the bridge in one object. ``name`` is ``native``, ``browser`` or ``fake``."""

    name: str
    console: Console
    clock: Clock
    random: Random

    def network(self) -> Network:
        """HTTP and WebSocket. Raises Unsupported, which says what to do, where something is missing."""
        raise Unsupported("there is no network here")

    async def storage(self, name: str) -> Storage:
        """Files that are still there next time. Raises Unsupported where nothing is kept, WasmError for a
        name that cannot be one."""
        raise Unsupported("nothing is kept here")

    @abstractmethod
    def log(self) -> Log:
        """Where a guest's log goes."""

    def webassembly(self) -> Bridge:
        """The platform's own WebAssembly, for the host engine. Raises Unsupported where there is none."""
        raise Unsupported("there is no WebAssembly here but wasmarium's own: the host engine runs in Pyodide")

    @abstractmethod
    def block_on(self, awaitable: Awaitable[T]) -> T:
        """Hold the caller until ``awaitable`` is done. Raises Unsupported where that cannot be."""


async def wait_for_any(duration: int | None, inputs: Sequence[InputStream], monotonic: Callable[[], int]) -> None:
    """``Clock.wait`` on the running event loop."""
    deadline = None if duration is None else monotonic() + duration
    tasks = [asyncio.ensure_future(stream.when_readable()) for stream in inputs]
    try:
        while True:
            left = LONGEST_SLEEP if deadline is None else min(LONGEST_SLEEP, deadline - monotonic())
            if left <= 0 and deadline is not None and deadline <= monotonic():
                return
            if not tasks:
                await asyncio.sleep(left / 1e9)
                continue
            done, _ = await asyncio.wait(tasks, timeout=left / 1e9, return_when=asyncio.FIRST_COMPLETED)
            if done:
                return
    finally:
        for task in tasks:
            task.cancel()
