"""Clocks of the operating system. Waiting blocks the thread."""

from __future__ import annotations

import select
import time
from collections.abc import Awaitable, Sequence

from wasmarium.bridge.base import LONGEST_SLEEP, Clock, InputStream, Waiting, wait_for_any


class NativeClock(Clock):
    """``time.time_ns`` and ``time.monotonic_ns``."""

    def realtime(self) -> int:
        return time.time_ns()

    def monotonic(self) -> int:
        return time.monotonic_ns()

    def realtime_resolution(self) -> int:
        return max(1, round(time.get_clock_info("time").resolution * 1e9))

    def monotonic_resolution(self) -> int:
        return max(1, round(time.get_clock_info("monotonic").resolution * 1e9))

    def wait(self, duration: int | None, inputs: Sequence[InputStream] = ()) -> Awaitable[None] | None:
        if any(stream.readable() for stream in inputs):
            return None
        descriptors = [number for stream in inputs if (number := stream.fileno()) is not None]
        if len(descriptors) < len(inputs):
            return Waiting(lambda: wait_for_any(duration, inputs, self.monotonic))
        deadline = None if duration is None else self.monotonic() + duration
        while True:
            left = LONGEST_SLEEP if deadline is None else min(LONGEST_SLEEP, deadline - self.monotonic())
            if not descriptors:
                time.sleep(max(0, left) / 1e9)
            elif select.select(descriptors, [], [], max(0, left) / 1e9)[0]:
                return None
            if deadline is not None and self.monotonic() >= deadline:
                return None
