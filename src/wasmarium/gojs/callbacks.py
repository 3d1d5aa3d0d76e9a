"""What waits for its turn: calls into Go, timers, and operations that the host has under way.

Go is never called while it runs. A function of Go's that is called from here (with what a file had in it, say) is
put in a queue; when Go has nothing left to do it returns, and then it is resumed for the next in the queue.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from itertools import count
from typing import Any

from wasmarium.bridge.base import LONGEST_SLEEP, Clock
from wasmarium.errors import Exhausted

MOST_WAITING = 100_000
"""Calls, timers and operations that may wait at once."""

Turn = Callable[[], object]
"""Something whose turn will come. Called, it leaves a value for Go (or nothing, and Go is not resumed)."""


class Callbacks:
    """The queue of one program."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turns: deque[Turn] = deque()
        self._timers: list[tuple[int, int, int]] = []
        self._live: set[int] = set()
        self._numbers = count(1)
        self._begun: list[tuple[Awaitable[Any], Callable[[Any, BaseException | None], object]]] = []
        self._tasks: dict[asyncio.Future[Any], Callable[[Any, BaseException | None], object]] = {}

    def later(self, turn: Turn) -> None:
        """Put a turn at the end of the queue."""
        self._bounded(len(self._turns))
        self._turns.append(turn)

    def set_timer(self, milliseconds: int) -> int:
        """A timer; its number."""
        self._bounded(len(self._live))
        number = next(self._numbers) & 0x7FFFFFFF
        self._live.add(number)
        due = self._clock.monotonic() + max(0, min(milliseconds * 1_000_000, LONGEST_SLEEP))
        heapq.heappush(self._timers, (due, number, 0))
        return number

    def clear_timer(self, number: int) -> None:
        """A timer is not wanted any more."""
        self._live.discard(number)

    def rings(self, number: int) -> bool:
        """Whether a timer is still to be heard."""
        return number in self._live

    def when_done(self, awaitable: Awaitable[Any], then: Callable[[Any, BaseException | None], object]) -> None:
        """``then`` gets the result of an operation, or what it raised, as soon as it is there."""
        self._bounded(len(self._tasks) + len(self._begun))
        self._begun.append((awaitable, then))

    @staticmethod
    def _bounded(number: int) -> None:
        if number >= MOST_WAITING:
            raise Exhausted(f"more than {MOST_WAITING} calls, timers or operations wait")

    async def next(self) -> Turn | int | None:
        """The next turn, the number of a timer that rings, or None where nothing will ever come."""
        while True:
            if self._turns:
                return self._turns.popleft()
            while self._timers and self._timers[0][1] not in self._live:
                heapq.heappop(self._timers)
            left = self._timers[0][0] - self._clock.monotonic() if self._timers else None
            if left is not None and left <= 0:
                return self._timers[0][1]
            for awaitable, then in self._begun:
                self._tasks[asyncio.ensure_future(_of(awaitable))] = then
            self._begun.clear()
            if self._tasks:
                timeout = None if left is None else left / 1e9
                done, _ = await asyncio.wait(self._tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    failure = task.exception()
                    self._tasks.pop(task)(None if failure is not None else task.result(), failure)
            elif left is not None:
                waiting = self._clock.sleep(left)
                if waiting is not None:
                    await waiting
            else:
                return None

    def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        for awaitable, _ in self._begun:
            if isinstance(awaitable, Coroutine):
                awaitable.close()
        self._begun.clear()


async def _of(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
