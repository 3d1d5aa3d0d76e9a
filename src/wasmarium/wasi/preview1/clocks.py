"""clock_*. The clocks of processor time are not there: BADF, as in wasmtime."""

from __future__ import annotations

from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import fail
from wasmarium.wasi.preview1.abi import ClockId, member, store
from wasmarium.wasi.preview1.context import Wasi


def clock_res_get(wasi: Wasi, memory: GuestMemory, clock: int, resolution: int) -> None:
    """The smallest step of a clock, in nanoseconds."""
    which = _clock(wasi, clock)
    value = wasi.clock.realtime_resolution() if which is ClockId.REALTIME else wasi.clock.monotonic_resolution()
    store(memory, resolution, value, 8)


def clock_time_get(wasi: Wasi, memory: GuestMemory, clock: int, precision: int, time: int) -> None:
    """The time of a clock, in nanoseconds; always as precise as the clock is."""
    which = _clock(wasi, clock)
    value = wasi.clock.realtime() if which is ClockId.REALTIME else wasi.clock.monotonic()
    store(memory, time, value, 8)


def _clock(wasi: Wasi, clock: int) -> ClockId:
    which = member(ClockId, clock)
    if which not in (ClockId.REALTIME, ClockId.MONOTONIC):
        fail(Errno.BADF)
    wasi.need("clocks")
    return which
