"""poll_oneoff: wait for clocks and descriptors together.

Every subscription becomes a question that can be asked again and again without waiting; between the
questions the clock of the bridge waits for the earliest deadline or for input.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from wasmarium.bridge.base import InputStream, Waiting
from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.wasi.descriptor import Readiness
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import fail
from wasmarium.wasi.preview1.abi import (
    EVENT,
    PREVIEW1_LAYOUT,
    SUBSCRIPTION_CLOCK,
    ClockId,
    EventType,
    Layout,
    check_aligned,
    check_out,
    member,
    store,
)
from wasmarium.wasi.preview1.context import Wasi
from wasmarium.wasi.preview1.waiting import Wait

MOST_SUBSCRIPTIONS = 16_384
"""More at once give NOMEM: each costs the host memory."""

_ABSOLUTE = 1
_HANGUP = 1


@dataclass(frozen=True, slots=True)
class Subscription:
    """What the guest waits for: a deadline (monotonic) or a descriptor's readiness."""

    userdata: int
    kind: EventType
    deadline: int = 0
    ready: Callable[[], Readiness | InputStream] | None = None


def poll_oneoff(
    wasi: Wasi,
    memory: GuestMemory,
    subscriptions: int,
    events: int,
    count: int,
    done: int,
    layout: Layout = PREVIEW1_LAYOUT,
) -> Wait | None:
    """Wait until one of ``count`` subscriptions is ready; write an event for each that is."""
    if not count:
        fail(Errno.INVAL)
    check_aligned(subscriptions, 8)
    check_aligned(events, 8)
    memory.memory.check(subscriptions, count * layout.subscription_size)
    memory.memory.check(events, count * EVENT.size)
    check_out(memory, done, 4)
    if count > MOST_SUBSCRIPTIONS:
        fail(Errno.NOMEM)
    asked = [
        _subscription(
            wasi, memory.read(subscriptions + at * layout.subscription_size, layout.subscription_size), layout
        )
        for at in range(count)
    ]

    def finish(ready: list[bytes]) -> None:
        memory.write(events, b"".join(ready))
        store(memory, done, len(ready), 4)

    while not (ready := _ready(wasi, asked)):
        waiting = _wait(wasi, asked)
        if waiting is not None:
            return Wait(_later(wasi, asked, waiting), finish)
    if len(ready) < len(asked) and (turn := wasi.turn()) is not None:
        # whoever polls again and again without waiting lets the network go on
        return Wait(turn, lambda _: finish(_ready(wasi, asked)))
    finish(ready)
    return None


def _subscription(wasi: Wasi, raw: bytes, layout: Layout) -> Subscription:
    userdata = int.from_bytes(raw[:8], "little")
    kind = member(EventType, raw[8])
    if kind is EventType.CLOCK:
        clock, timeout, _, flags = SUBSCRIPTION_CLOCK.unpack_from(raw, layout.clock_offset)
        if flags & ~_ABSOLUTE:
            fail(Errno.INVAL)
        which = member(ClockId, clock)
        if which not in (ClockId.REALTIME, ClockId.MONOTONIC):
            fail(Errno.INVAL)
        wasi.need("clocks")
        if not flags & _ABSOLUTE:
            deadline = wasi.clock.monotonic() + timeout
        elif which is ClockId.MONOTONIC:
            deadline = timeout
        else:
            deadline = wasi.clock.monotonic() + timeout - wasi.clock.realtime()
        return Subscription(userdata, kind, deadline)
    descriptor = wasi.descriptors[int.from_bytes(raw[16:20], "little")]
    ready = descriptor.poll_read if kind is EventType.FD_READ else descriptor.poll_write
    ready()
    return Subscription(userdata, kind, ready=ready)


def _ready(wasi: Wasi, asked: list[Subscription]) -> list[bytes]:
    """The events that are there."""
    events = []
    now = wasi.clock.monotonic() if any(one.ready is None for one in asked) else 0
    for one in asked:
        if one.ready is None:
            if one.deadline <= now:
                events.append(EVENT.pack(one.userdata, 0, one.kind, 0, 0))
        elif isinstance(readiness := one.ready(), Readiness):
            flags = _HANGUP if readiness.hangup else 0
            events.append(EVENT.pack(one.userdata, 0, one.kind, readiness.count, flags))
    return events


def _wait(wasi: Wasi, asked: list[Subscription]) -> Awaitable[None] | None:
    """Let the clock wait until something may have become ready."""
    deadlines = [one.deadline for one in asked if one.ready is None]
    duration = max(0, min(deadlines) - wasi.clock.monotonic()) if deadlines else None
    inputs = [stream for one in asked if one.ready is not None and isinstance(stream := one.ready(), InputStream)]
    return wasi.clock.wait(duration, inputs)


def _later(wasi: Wasi, asked: list[Subscription], waiting: Awaitable[None]) -> Awaitable[list[bytes]]:
    async def later() -> list[bytes]:
        await waiting
        while not (ready := _ready(wasi, asked)):
            again = _wait(wasi, asked)
            if again is not None:
                await again
        return ready

    hold = waiting.block if isinstance(waiting, Waiting) else None
    if hold is None:
        return Waiting(later)

    def block() -> list[bytes]:
        hold()
        while not (ready := _ready(wasi, asked)):
            again = _wait(wasi, asked)
            if isinstance(again, Waiting) and again.block is not None:
                again.block()
        return ready

    return Waiting(later, block)
