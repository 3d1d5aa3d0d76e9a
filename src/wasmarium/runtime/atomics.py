"""Atomic accesses to memory, wait and notify (threads proposal).

Only one guest runs at a time, so every access is atomic as it is, and sequentially consistent. What
remains is that an access that is not aligned traps, before its bounds are looked at.

Guests that wait are suspended like those that wait for the host: the machine hands out a Pending,
and whoever drives the call may meanwhile drive other calls, of which one may notify. Nobody is woken
without a reason.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any
from weakref import ref

from wasmarium.errors import TrapCode, Unsupported, trap
from wasmarium.runtime.function import Pending

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

    from wasmarium.runtime.memory import MemoryInstance

WOKEN, NOT_EQUAL, TIMED_OUT = range(3)
"""What wait gives."""

_LONGEST_SLEEP = 86_400
"""Seconds; timers of browsers fire at once beyond 2^31 ms, so longer sleeps are made of pieces."""


def aligned(address: int, mask: int) -> int:
    """``address``; traps unless the bits of ``mask`` (the width less 1) are zero."""
    if address & mask:
        raise trap(TrapCode.HEAP_MISALIGNED)
    return address


def _read(memory: MemoryInstance, address: int, width: int) -> int:
    memory.check(aligned(address, width - 1), width)
    return int.from_bytes(memory.data[address : address + width], "little")


def read_modify_write(
    memory: MemoryInstance, address: int, operand: int, width: int, compute: Callable[[int, int], int]
) -> int:
    """Replace the number at ``address`` by what ``compute`` makes of it and ``operand``, wrapped to
    ``width`` bytes; returns what it was."""
    before = _read(memory, address, width)
    after = compute(before, operand) & (1 << 8 * width) - 1
    memory.write(address, after.to_bytes(width, "little"))
    return before


def compare_exchange(memory: MemoryInstance, address: int, expected: int, replacement: int, width: int) -> int:
    """Replace the number at ``address`` if it is ``expected``; returns what it was. Both operands fit
    into ``width`` bytes."""
    before = _read(memory, address, width)
    if before == expected:
        memory.write(address, replacement.to_bytes(width, "little"))
    return before


def _exchange(before: int, operand: int) -> int:
    return operand


OPERATORS: dict[str, Callable[[int, int], int]] = {
    "add": operator.add,
    "sub": operator.sub,
    "and": operator.and_,
    "or": operator.or_,
    "xor": operator.xor,
    "xchg": _exchange,
}


# ---- wait and notify ----


class Waiter:
    """A guest that waits, for ``timeout`` nanoseconds at most (None: without end).

    As an awaitable it gives WOKEN or TIMED_OUT; its time begins when it is first awaited. Memories
    hold it by a weak reference, so that a call that is given up leaves nothing behind.
    """

    __slots__ = ("__weakref__", "_bell", "_loop", "over", "timeout", "woken")

    def __init__(self, timeout: int | None) -> None:
        self.timeout = timeout
        self._loop: AbstractEventLoop | None = None
        self._bell: Future[None] | None = None
        self.woken = False
        self.over = False
        """Whether nobody waits here any more, for whatever reason."""

    @property
    def result(self) -> int:
        """What the wait gives, once it is over."""
        return WOKEN if self.woken else TIMED_OUT

    def wake(self) -> None:
        """End the wait. May be called from any thread."""
        self.woken = self.over = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    def __await__(self) -> Generator[Any, Any, int]:
        return self._sleep().__await__()

    async def _sleep(self) -> int:
        import asyncio

        try:
            loop = self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self.over = True
            raise Unsupported("a guest waits, and there is no event loop to wait in") from None
        bell = self._bell = loop.create_future()
        deadline = None if self.timeout is None else loop.time() + self.timeout / 1e9
        try:
            while not self.woken:
                left = _LONGEST_SLEEP if deadline is None else min(_LONGEST_SLEEP, deadline - loop.time())
                if left <= 0:
                    break
                await asyncio.wait((bell,), timeout=left)
        finally:
            self.over = True
        return self.result


def _somebody_may_notify() -> bool:
    """Whether anyone but the guest that runs now could act while it waits: a task of the event loop
    that this thread runs, or another thread."""
    import asyncio
    import threading

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return threading.active_count() > 1
    return True


def wait(memory: MemoryInstance, address: int, expected: int, timeout: int, width: int) -> int | Pending:
    """memory.atomic.wait32 and wait64: NOT_EQUAL or TIMED_OUT at once, or a Pending whose result is
    WOKEN or TIMED_OUT. ``timeout`` is an i64 of nanoseconds, negative for no end.

    A wait without end that nobody could end traps: an agent that may not be blocked for ever may
    refuse to wait, and one that holds the only thread is such an agent.
    """
    before = _read(memory, address, width)
    if not memory.declared.shared:
        raise trap(TrapCode.ATOMIC_WAIT_NON_SHARED_MEMORY)
    if before != expected:
        return NOT_EQUAL
    if timeout == 0:
        return TIMED_OUT
    endless = timeout >> 63 != 0
    if endless and not memory.has_other_agents and not _somebody_may_notify():
        raise trap(TrapCode.ATOMIC_WAIT_WITHOUT_END)
    waiter = Waiter(None if endless else timeout)
    if memory.waiters is None:
        memory.waiters = {}
    queue = memory.waiters.setdefault(address, [])
    queue[:] = [other for other in queue if _waits(other)]
    queue.append(ref(waiter))
    return Pending(waiter, lambda result: (result,))


def _waits(reference: ref[Waiter]) -> bool:
    waiter = reference()
    return waiter is not None and not waiter.over


def notify(memory: MemoryInstance, address: int, count: int) -> int:
    """memory.atomic.notify: wake at most ``count`` of those who wait at ``address``, the earliest
    first; returns how many."""
    memory.check(aligned(address, 3), 4)
    queue = memory.waiters.get(address) if memory.waiters is not None else None
    if not queue:
        return 0
    woken = 0
    while queue and woken < count:
        waiter = queue.pop(0)()
        if waiter is not None and not waiter.over:
            waiter.wake()
            woken += 1
    if not queue:
        assert memory.waiters is not None
        del memory.waiters[address]
    return woken


NAMES: dict[str, Any] = {
    function.__name__: function for function in (aligned, read_modify_write, compare_exchange, notify)
}
"""What the texts of engines mention."""
