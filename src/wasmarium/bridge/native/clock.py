"""Clocks of the operating system."""

from __future__ import annotations

import select
import time
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any

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
        if any(stream.readable() for stream in inputs) or (duration is not None and duration <= 0):
            return None
        deadline = None if duration is None else self.monotonic() + duration

        def later() -> Coroutine[Any, Any, None]:
            left = None if deadline is None else max(0, deadline - self.monotonic())
            return wait_for_any(left, inputs, self.monotonic)

        descriptors = [number for stream in inputs if (number := stream.fileno()) is not None]
        # the thread can be held for descriptors only
        holds = len(descriptors) == len(inputs)
        return Waiting(later, (lambda: self._hold(deadline, descriptors)) if holds else None)

    def _hold(self, deadline: int | None, descriptors: Sequence[int]) -> None:
        """Hold the thread until ``deadline``, or until one of ``descriptors`` can be read."""
        while True:
            left = LONGEST_SLEEP if deadline is None else min(LONGEST_SLEEP, deadline - self.monotonic())
            if not descriptors:
                time.sleep(max(0, left) / 1e9)
            elif select.select(descriptors, [], [], max(0, left) / 1e9)[0]:
                return
            if deadline is not None and self.monotonic() >= deadline:
                return
