"""Date.now, performance.now, and waiting on the browser's event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import js
from pyodide.ffi import JsException

from wasmarium.bridge.base import LONGEST_SLEEP, Clock, InputStream, Waiting, wait_for_any
from wasmarium.bridge.browser.globals import Globals


class BrowserClock(Clock):
    """The clocks that JavaScript has."""

    def __init__(self) -> None:
        self._js: Globals = js
        # programs ask very often; but a snapshot of Pyodide could not hold these, so they are not there from the start
        self._date: Callable[[], float] | None = None
        self._now: Callable[[], float] | None = None

    def realtime(self) -> int:
        date = self._date
        if date is None:
            date = self._date = self._js.Date.now
        return int(date()) * 1_000_000

    def monotonic(self) -> int:
        now = self._now
        if now is None:
            now = self._now = self._js.performance.now
        return int(now() * 1e6)

    def realtime_resolution(self) -> int:
        return 1_000_000

    def monotonic_resolution(self) -> int:
        # browsers coarsen the clock of pages that are not isolated; Node does not
        isolated = getattr(self._js, "crossOriginIsolated", None)
        return 1_000 if isolated is None else 5_000 if isolated else 100_000

    def wait(self, duration: int | None, inputs: Sequence[InputStream] = ()) -> Awaitable[None] | None:
        if any(stream.readable() for stream in inputs):
            return None
        block: Callable[[], None] | None = None
        if duration is not None and not inputs:
            whole = duration

            def hold() -> None:
                self._hold(whole)

            block = hold
        return Waiting(lambda: wait_for_any(duration, inputs, self.monotonic), block)

    def _hold(self, duration: int) -> None:
        """Block the thread. Where JavaScript does not let it sleep (on a page, or without shared memory) it turns
        around."""
        deadline = self.monotonic() + duration
        try:
            cell = self._js.Int32Array.new(self._js.SharedArrayBuffer.new(4))
            while (left := min(LONGEST_SLEEP, deadline - self.monotonic())) > 0:
                self._js.Atomics.wait(cell, 0, 0, left / 1e6)
        except (AttributeError, JsException):
            while self.monotonic() < deadline:
                pass
