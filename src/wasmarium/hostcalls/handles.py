"""poll and close: what requests and WebSockets have in common."""

from __future__ import annotations

import struct
from collections.abc import Awaitable

from wasmarium.bridge.signal import Signal, Watch
from wasmarium.hostcalls.context import Outside
from wasmarium.hostcalls.signatures import Events
from wasmarium.network import Fetch
from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import fail
from wasmarium.wasi.preview1.abi import check_aligned, check_out, store
from wasmarium.wasi.preview1.waiting import Wait

ENTRY = struct.Struct("<LHH")
"""A handle, what to wait for, what has come."""

MOST_ENTRIES = 1024
"""Of one poll; more give INVAL."""

_FOREVER = (1 << 64) - 1
_ALL = Events.READ | Events.WRITE | Events.OPEN


class _Entry:
    """One line of a poll."""

    def __init__(self, outside: Outside, handle: int, events: Events) -> None:
        self._opened = outside.any(handle)
        self._rest = outside.rest
        self._handle = handle
        self._events = events
        self.signal: Signal = self._opened.signal

    def ready(self) -> bool:
        """Whether any of its events is there."""
        return bool(self.come())

    def come(self) -> Events:
        """Those events that are there."""
        opened, events = self._opened, Events(0)
        if Events.READ in self._events and (opened.readable or self._handle in self._rest):
            events |= Events.READ
        if Events.WRITE in self._events and opened.writable:
            events |= Events.WRITE
        if Events.OPEN in self._events and (opened.responded if isinstance(opened, Fetch) else opened.connected):
            events |= Events.OPEN
        return events


def poll(outside: Outside, memory: GuestMemory, entries: int, count: int, timeout: int, ready: int) -> Wait | None:
    """Wait for one of several handles, or for time to pass."""
    check_aligned(entries, 4)
    memory.memory.check(entries, count * ENTRY.size)
    check_out(memory, ready, 4)
    if count > MOST_ENTRIES:
        fail(Errno.INVAL)
    asked = []
    for at in range(count):
        handle, events, _ = ENTRY.unpack(memory.read(entries + at * ENTRY.size, ENTRY.size))
        if events & ~_ALL.value:
            fail(Errno.INVAL)
        asked.append(_Entry(outside, handle, Events(events)))
    if timeout not in (0, _FOREVER):
        outside.need("clocks", Errno.NOTCAPABLE)

    def there() -> bool:
        return any(entry.ready() for entry in asked)

    def finish(_: object = None) -> None:
        found = [entry.come() for entry in asked]
        for at, events in enumerate(found):
            memory.write_unsigned(entries + at * ENTRY.size + 6, events, 2)
        store(memory, ready, sum(1 for events in found if events), 4)

    waiting: Awaitable[None] | None = None
    if not there():
        if timeout == _FOREVER and not asked:
            fail(Errno.INVAL)
        watches = [Watch(entry.signal, entry.ready) for entry in asked]
        if not timeout:
            # whoever polls again and again lets the network go on
            waiting = outside.access.network.turn() if asked else None
        elif len(asked) == 1 and timeout == _FOREVER:
            waiting = asked[0].signal.wait(there, _nothing)
        else:
            waiting = outside.clock.wait(None if timeout == _FOREVER else timeout, watches)
    if waiting is None:
        finish()
        return None
    return Wait(waiting, finish)


def close(outside: Outside, memory: GuestMemory, handle: int) -> None:
    """Give a handle up."""
    outside.drop(handle)


def _nothing() -> None:
    return
