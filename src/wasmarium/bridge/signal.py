"""Telling those who wait that something has changed, on event loops and on threads alike."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from wasmarium.bridge.base import InputStream, Waiting

T = TypeVar("T")

CAN_HOLD = sys.platform != "emscripten"
"""Whether a thread may be held until another one notifies it: Pyodide has only one."""


class Signal:
    """``lock`` guards whatever the waiting is about. Any thread may notify, any may wait."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def notify(self) -> None:
        """Let everybody who waits look again."""
        with self.lock:
            waiters, self._waiters = self._waiters, []
            for loop, future in waiters:
                # who waited on a loop that is closed by now has given up
                if not loop.is_closed():
                    loop.call_soon_threadsafe(settle, future)
            self.lock.notify_all()

    async def when(self, over: Callable[[], bool]) -> None:
        """Return as soon as ``over``. May be cancelled."""
        while not over():
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()
            with self.lock:
                if over():
                    return
                self._waiters.append((loop, future))
            try:
                await future
            finally:
                with self.lock:
                    self._waiters = [waiter for waiter in self._waiters if waiter[1] is not future]

    def wait(self, over: Callable[[], bool], result: Callable[[], T]) -> Waiting[T]:
        """``result()`` as soon as ``over``."""

        async def later() -> T:
            await self.when(over)
            return result()

        def block() -> T:
            with self.lock:
                self.lock.wait_for(over)
                return result()

        return Waiting(later, block if CAN_HOLD else None)


class Watch(InputStream):
    """Something to wait for beside streams and deadlines (see ``Clock.wait``); nothing can be read from it."""

    def __init__(self, signal: Signal, over: Callable[[], bool]) -> None:
        self._signal = signal
        self.readable = over  # type: ignore[method-assign]

    def read(self, count: int) -> bytes:
        return b""

    async def when_readable(self) -> None:
        await self._signal.when(self.readable)


def settle(future: asyncio.Future[None]) -> None:
    """It is there, unless nobody waits any more."""
    if not future.done():
        future.set_result(None)
