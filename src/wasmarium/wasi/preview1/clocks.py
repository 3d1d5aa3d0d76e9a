"""clock_*. The clocks of processor time are not there: BADF, as in wasmtime."""

from __future__ import annotations

from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import fail
from wasmarium.wasi.preview1.abi import ClockId, member, store
from wasmarium.wasi.preview1.context import Wasi


def clock_res_get(wasi: Wasi, memory: GuestMemory, clock: int, resolution: int) -> None:
    """The smallest step of a clock, in nanoseconds."""
    value = wasi.clock.realtime_resolution() if _is_realtime(wasi, clock) else wasi.clock.monotonic_resolution()
    store(memory, resolution, value, 8)


def clock_time_get(wasi: Wasi, memory: GuestMemory, clock: int, precision: int, time: int) -> None:
    """The time of a clock, in nanoseconds; always as precise as the clock is."""
    store(memory, time, now(wasi, clock), 8)


def now(wasi: Wasi, clock: int) -> int:
    """The time of a clock, in nanoseconds."""
    return wasi.clock.realtime() if _is_realtime(wasi, clock) else wasi.clock.monotonic()


def _is_realtime(wasi: Wasi, clock: int) -> bool:
    # programs ask for the time very often, and making a member of an enumeration takes a while
    if clock > ClockId.MONOTONIC:
        member(ClockId, clock)
        fail(Errno.BADF)
    wasi.need("clocks")
    return clock == ClockId.REALTIME
