"""poll_oneoff, and functions that wait."""

from __future__ import annotations

import asyncio
import errno
import os
import struct
import threading
import time
from collections.abc import Awaitable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from wasi.two_guests import OurGuest
from wasmarium.bridge import platform
from wasmarium.bridge.base import Clock, InputStream, Waiting
from wasmarium.bridge.native.clock import NativeClock
from wasmarium.bridge.streams import CallbackOutput, DescriptorInput, FeedInput
from wasmarium.errors import Unsupported
from wasmarium.policy import Policy
from wasmarium.runtime.function import Pending
from wasmarium.wasi.filesystem import MemoryFileSystem
from wasmarium.wasi.preview1.signatures import PREVIEW1, UNSTABLE

SUBS, EVENTS, DONE, PATH, VECTOR, BUFFER = 4096, 8192, 512, 1024, 2048, 16_384
REALTIME, MONOTONIC, ABSOLUTE = 0, 1, 1
CLOCK, FD_READ, FD_WRITE = 0, 1, 2


class Guest(OurGuest):
    """OurGuest that packs subscriptions and unpacks events."""

    def subscribe(self, *subscriptions: bytes) -> int:
        self.put(SUBS, b"".join(subscriptions))
        return len(subscriptions)

    def poll(self, *subscriptions: bytes) -> list[tuple[int, int, int, int, int]]:
        count = self.subscribe(*subscriptions)
        assert self.call("poll_oneoff", SUBS, EVENTS, count, DONE) == "SUCCESS"
        return self.events()

    def events(self) -> list[tuple[int, int, int, int, int]]:
        """(userdata, error, kind, bytes, flags)"""
        count = int.from_bytes(self.get(DONE, 4), "little")
        return [struct.unpack("<QHB5xQH6x", self.get(EVENTS + 32 * i, 32)) for i in range(count)]


def clock(userdata: int, timeout: int, id: int = MONOTONIC, flags: int = 0) -> bytes:
    return struct.pack("<QB7xL4xQQH6x", userdata, CLOCK, id, timeout, 0, flags)


def on(userdata: int, kind: int, fd: int) -> bytes:
    return struct.pack("<QB7xL28x", userdata, kind, fd)


@pytest.fixture
def guest() -> Guest:
    return Guest({"/": MemoryFileSystem({"f": "hello"}).root()})


def test_sleeping_takes_the_time_asked_for(guest: Guest) -> None:
    assert guest.poll(clock(7, 5_000_000)) == [(7, 0, CLOCK, 0, 0)]
    assert 4_990_000 <= sum(guest.clock.slept) <= 5_000_000


def test_the_earliest_deadline_ends_the_sleep(guest: Guest) -> None:
    assert guest.poll(clock(1, 9_000_000), clock(2, 1_000_000), clock(3, 1_000_000)) == [
        (2, 0, CLOCK, 0, 0),
        (3, 0, CLOCK, 0, 0),
    ]
    assert sum(guest.clock.slept) <= 1_000_000


@pytest.mark.parametrize("id", [REALTIME, MONOTONIC])
def test_absolute_deadlines(guest: Guest, id: int) -> None:
    def now() -> int:
        assert guest.call("clock_time_get", id, 0, DONE) == "SUCCESS"
        return int.from_bytes(guest.get(DONE, 8), "little")

    deadline = now() + 3_000_000
    guest.poll(clock(1, deadline, id, ABSOLUTE))
    assert deadline <= now() <= deadline + 100_000
    slept = len(guest.clock.slept)
    guest.poll(clock(1, deadline - 1_000_000, id, ABSOLUTE))
    assert len(guest.clock.slept) == slept


def test_descriptors_that_are_ready_do_not_wait(guest: Guest) -> None:
    guest.put(PATH, b"f")
    assert guest.call("path_open", 3, 0, PATH, 1, 0, 66, 0, 0, DONE) == "SUCCESS"
    events = guest.poll(clock(1, 1 << 60), on(2, FD_READ, 0), on(3, FD_WRITE, 1), on(4, FD_READ, 4), on(5, FD_WRITE, 4))
    assert events == [(2, 0, FD_READ, 1, 0), (3, 0, FD_WRITE, 1, 0), (4, 0, FD_READ, 5, 0), (5, 0, FD_WRITE, 1, 0)]
    assert guest.clock.slept == []
    # at the end of the file: a hang-up
    assert guest.call("fd_seek", 4, 0, 2, DONE) == "SUCCESS"
    assert guest.poll(on(4, FD_READ, 4)) == [(4, 0, FD_READ, 0, 1)]


@pytest.mark.parametrize(
    ("subscription", "wanted"),
    [
        (on(1, FD_READ, 99), "BADF"),
        (on(1, FD_READ, 1), "BADF"),
        (on(1, FD_WRITE, 0), "BADF"),
        (on(1, FD_READ, 3), "BADF"),
        (on(1, 3, 0), "INVAL"),
        (clock(1, 1, id=2), "INVAL"),
        (clock(1, 1, id=3), "INVAL"),
        (clock(1, 1, id=4), "INVAL"),
        (clock(1, 1, flags=2), "INVAL"),
    ],
)
def test_a_wrong_subscription_fails_the_call(guest: Guest, subscription: bytes, wanted: str) -> None:
    count = guest.subscribe(subscription, clock(2, 0))
    assert guest.call("poll_oneoff", SUBS, EVENTS, count, DONE) == wanted
    assert guest.call("poll_oneoff", SUBS, EVENTS, 0, DONE) == "INVAL"


def test_the_older_interface_lays_subscriptions_out_differently() -> None:
    guest = Guest(module=UNSTABLE)
    old = struct.pack("<QB7xQL4xQQH6x", 9, CLOCK, 123, MONOTONIC, 2_000_000, 0, 0)
    assert guest.poll(old, struct.pack("<QB7xL36x", 8, FD_WRITE, 1)) == [(8, 0, FD_WRITE, 1, 0)]
    assert guest.poll(old) == [(9, 0, CLOCK, 0, 0)]
    assert 1_990_000 <= sum(guest.clock.slept) <= 2_000_000


# ---- waiting on an event loop ----


def on_loop(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return platform().block_on(work)
    except Unsupported as reason:
        work.close()
        pytest.skip(reason.message)


class LoopClock(Clock):
    """The real time, waited for as in a browser."""

    def __init__(self) -> None:
        self.native = NativeClock()

    def realtime(self) -> int:
        return self.native.realtime()

    def monotonic(self) -> int:
        return self.native.monotonic()

    def realtime_resolution(self) -> int:
        return 1

    def monotonic_resolution(self) -> int:
        return 1

    def wait(self, duration: int | None, inputs: Sequence[InputStream] = ()) -> Awaitable[None] | None:
        from wasmarium.bridge.base import wait_for_any

        return Waiting(lambda: wait_for_any(duration, inputs, self.monotonic))


def waiting_guest(module: str = PREVIEW1) -> tuple[Guest, FeedInput]:
    guest = Guest(module=module)
    source = FeedInput(terminal=True)
    guest.wasi.descriptors[0].stream = source  # type: ignore[attr-defined]
    guest.wasi.clock = LoopClock()
    return guest, source


def pending(guest: Guest, name: str, *arguments: int) -> Pending:
    answer = guest.raw(name, *arguments)
    assert isinstance(answer, Pending)
    return answer


async def settle(answer: Pending) -> Any:
    return answer.finish(await answer.awaitable)


def test_reading_from_a_silent_terminal_suspends_the_guest() -> None:
    guest, source = waiting_guest()
    guest.put(VECTOR, struct.pack("<LLLL", BUFFER, 3, BUFFER + 100, 10))

    async def run() -> None:
        answer = pending(guest, "fd_read", 0, VECTOR, 2, DONE)
        asyncio.get_running_loop().call_later(0.01, source.feed, b"typed\n")
        assert await settle(answer) == (0,)

    on_loop(run())
    assert guest.get(DONE, 4) == (6).to_bytes(4, "little")
    assert guest.get(BUFFER, 3) + guest.get(BUFFER + 100, 3) == b"typed\n"
    # what is there already does not suspend, nor does the end
    source.feed(b"x")
    assert guest.call("fd_read", 0, VECTOR, 2, DONE) == "SUCCESS"
    source.end()
    assert guest.call("fd_read", 0, VECTOR, 2, DONE) == "SUCCESS"
    assert guest.get(DONE, 4) == bytes(4)


def test_reading_nothing_never_waits() -> None:
    guest, _ = waiting_guest()
    assert guest.call("fd_read", 0, VECTOR, 0, DONE) == "SUCCESS"


@pytest.mark.parametrize("module", [PREVIEW1, UNSTABLE])
def test_polling_a_terminal_and_a_clock_ends_with_what_comes_first(module: str) -> None:
    guest, source = waiting_guest(module)
    old = module == UNSTABLE

    def tick(timeout: int) -> bytes:
        if old:
            return struct.pack("<QB7xQL4xQQH6x", 1, CLOCK, 0, MONOTONIC, timeout, 0, 0)
        return clock(1, timeout)

    stdin = on(2, FD_READ, 0) + bytes(8 if old else 0)

    async def run(timeout: int, feed: bool) -> list[int]:
        count = guest.subscribe(tick(timeout), stdin)
        answer = pending(guest, "poll_oneoff", SUBS, EVENTS, count, DONE)
        if feed:
            asyncio.get_running_loop().call_later(0.01, source.feed, b"x")
        assert await settle(answer) == (0,)
        return [userdata for userdata, *_ in guest.events()]

    started = time.monotonic()
    assert on_loop(run(20_000_000, feed=False)) == [1]
    assert time.monotonic() - started >= 0.02
    assert on_loop(run(60_000_000_000, feed=True)) == [2]
    assert time.monotonic() - started < 30
    # polling took nothing away
    guest.put(VECTOR, struct.pack("<LL", BUFFER, 10))
    assert guest.call("fd_read", 0, VECTOR, 1, DONE) == "SUCCESS"
    assert guest.get(DONE, 4) == (1).to_bytes(4, "little")


def test_a_sleep_that_nobody_waits_for_leaves_nothing_behind() -> None:
    guest, _ = waiting_guest()
    count = guest.subscribe(clock(1, 1_000_000_000))
    # a coroutine that is never awaited would warn, and warnings are errors here
    pending(guest, "poll_oneoff", SUBS, EVENTS, count, DONE)


def test_output_that_waits_suspends_the_guest_and_may_fail() -> None:
    guest = Guest()
    taken = []

    async def slow(content: bytes) -> None:
        await asyncio.sleep(0)
        if content == b"bad":
            raise OSError(errno.EPIPE, "gone")
        taken.append(content)

    guest.wasi.descriptors[1].stream = CallbackOutput(slow)  # type: ignore[attr-defined]

    async def write(content: bytes) -> Any:
        guest.put(BUFFER, content)
        guest.put(VECTOR, struct.pack("<LL", BUFFER, len(content)))
        return await settle(pending(guest, "fd_write", 1, VECTOR, 1, DONE))

    assert on_loop(write(b"good")) == (0,)
    assert taken == [b"good"]
    assert guest.get(DONE, 4) == (4).to_bytes(4, "little")
    assert on_loop(write(b"bad")) == (64,)  # PIPE


def test_without_the_grant_there_is_no_clock() -> None:
    guest = Guest(policy=Policy(clocks=False))
    count = guest.subscribe(clock(1, 0))
    assert guest.call("poll_oneoff", SUBS, EVENTS, count, DONE) == "NOTCAPABLE"
    assert guest.call("clock_time_get", REALTIME, 0, DONE) == "NOTCAPABLE"
    assert guest.call("clock_res_get", MONOTONIC, DONE) == "NOTCAPABLE"


class HeldGuest(Guest):
    """Holds the thread for what waits."""

    def raw(self, name: str, *arguments: int) -> Any:
        answer = super().raw(name, *arguments)
        if not isinstance(answer, Pending):
            return answer
        assert isinstance(answer.awaitable, Waiting)
        assert answer.awaitable.block is not None
        return answer.finish(platform().block_on(answer.awaitable))


@pytest.mark.cpython("there are no threads and no pipes to block on")
def test_on_cpython_the_thread_blocks(tmp_path: Path) -> None:
    guest = HeldGuest()
    readable, writable = os.pipe()
    guest.wasi.descriptors[0].stream = DescriptorInput(readable, owned=True)  # type: ignore[attr-defined]
    guest.wasi.clock = NativeClock()
    started = time.monotonic()
    assert guest.poll(clock(1, 20_000_000), on(2, FD_READ, 0)) == [(1, 0, CLOCK, 0, 0)]
    assert time.monotonic() - started >= 0.02
    feeder = threading.Timer(0.02, os.write, (writable, b"x"))
    feeder.start()
    assert guest.poll(clock(1, 60_000_000_000), on(2, FD_READ, 0)) == [(2, 0, FD_READ, 1, 0)]
    feeder.join()
    os.write(writable, b"yz")
    guest.put(VECTOR, struct.pack("<LL", BUFFER, 10))
    assert guest.call("fd_read", 0, VECTOR, 1, DONE) == "SUCCESS"
    assert guest.get(BUFFER, 3) == b"xyz"
    os.close(writable)
    assert guest.call("fd_read", 0, VECTOR, 1, DONE) == "SUCCESS"
    assert guest.get(DONE, 4) == bytes(4)
    guest.wasi.descriptors[0].stream.close()  # type: ignore[attr-defined]
