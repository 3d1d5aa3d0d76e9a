"""A deterministic world for tests and replay: time moves only when told, or when a guest sleeps."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Sequence

from wasmarium.bridge.base import Clock, Console, InputStream, Platform, Random, T, Waiting
from wasmarium.bridge.fake_network import FakeNetwork
from wasmarium.bridge.log import Log
from wasmarium.bridge.streams import BytesInput, CaptureOutput
from wasmarium.errors import Unsupported


class FakeClock(Clock):
    """Starts at ``realtime`` and ``monotonic``; each look at it moves it on by ``step``."""

    def __init__(self, realtime: int = 1_000_000_000_000_000_000, monotonic: int = 0, step: int = 0) -> None:
        self._realtime = realtime
        self._monotonic = monotonic
        self._step = step
        self.slept: list[int] = []

    def advance(self, duration: int) -> None:
        """Move time on."""
        self._realtime += duration
        self._monotonic += duration

    def realtime(self) -> int:
        self.advance(self._step)
        return self._realtime

    def monotonic(self) -> int:
        self.advance(self._step)
        return self._monotonic

    def realtime_resolution(self) -> int:
        return max(1, self._step)

    def monotonic_resolution(self) -> int:
        return max(1, self._step)

    def wait(self, duration: int | None, inputs: Sequence[InputStream] = ()) -> None:
        if any(stream.readable() for stream in inputs):
            return
        if duration is None:
            raise Unsupported("the fake clock would wait for ever")
        self.slept.append(duration)
        self.advance(duration)


class FakeRandom(Random):
    """The same bytes for the same ``seed``."""

    def __init__(self, seed: int = 0) -> None:
        self._source = random.Random(seed)

    def read(self, count: int) -> bytes:
        return self._source.randbytes(count)


class FakeLog(Log):
    """Keeps its entries: level and text, groups as the levels ``group`` and ``end``."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def write(self, level: str, text: str) -> None:
        self.entries.append((level, text))

    def begin_group(self, label: str) -> None:
        self.entries.append(("group", label))

    def end_group(self) -> None:
        self.entries.append(("end", ""))


class FakePlatform(Platform):
    """A fake of everything; ``output`` and ``errors`` hold what the guest wrote."""

    name = "fake"

    def __init__(
        self,
        stdin: bytes = b"",
        seed: int = 0,
        clock: FakeClock | None = None,
        network: FakeNetwork | None = None,
    ) -> None:
        self.output = CaptureOutput()
        self.errors = CaptureOutput()
        self.console = Console(BytesInput(stdin), self.output, self.errors)
        self.clock = clock if clock is not None else FakeClock()
        self.random = FakeRandom(seed)
        self.fake_network = network if network is not None else FakeNetwork()
        self.fake_log = FakeLog()

    def network(self) -> FakeNetwork:
        return self.fake_network

    def log(self) -> FakeLog:
        return self.fake_log

    def block_on(self, awaitable: Awaitable[T]) -> T:
        if isinstance(awaitable, Waiting) and awaitable.block is not None:
            result: T = awaitable.block()
            return result
        raise Unsupported("nothing in the fake world waits")
