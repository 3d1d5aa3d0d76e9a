"""The platform, wherever these tests run, and the fake one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import wasmarium
from wasmarium.bridge import Platform, platform
from wasmarium.bridge.base import Waiting
from wasmarium.bridge.fake import FakeClock, FakePlatform, FakeRandom
from wasmarium.bridge.streams import BytesInput, FeedInput
from wasmarium.errors import Unsupported


@pytest.fixture
def here() -> Platform:
    return platform()


def test_the_right_one_is_chosen_anew_each_time(here: Platform) -> None:
    assert here.name == ("browser" if sys.platform == "emscripten" else "native")
    assert platform() is not here


def test_clocks(here: Platform) -> None:
    clock = here.clock
    assert abs(clock.realtime() - time.time_ns()) < 5_000_000_000
    readings = [clock.monotonic() for _ in range(1000)]
    assert readings == sorted(readings)
    assert isinstance(readings[0], int)
    assert 1 <= clock.monotonic_resolution() <= 100_000_000
    assert 1 <= clock.realtime_resolution() <= 100_000_000


def test_randomness(here: Platform) -> None:
    assert here.random.read(0) == b""
    # more than browsers give at once
    drawn = here.random.read(200_001)
    assert len(drawn) == 200_001
    assert len({drawn[at : at + 16] for at in range(0, 200_000, 16)}) == 12_500


def wait(here: Platform, duration: int | None, *inputs: FeedInput | BytesInput) -> float:
    started = time.monotonic()
    waiting = here.clock.wait(duration, inputs)
    if waiting is not None:
        try:
            here.block_on(waiting)
        except Unsupported as reason:
            pytest.skip(reason.message)
    return time.monotonic() - started


def test_sleeping(here: Platform) -> None:
    assert 0.019 <= wait(here, 20_000_000) < 10
    assert wait(here, 0) < 5


def test_input_ends_the_wait(here: Platform) -> None:
    assert wait(here, 60_000_000_000, BytesInput(b"x")) < 10
    fed = FeedInput()
    fed.end()
    assert wait(here, None, fed) < 10
    assert 0.019 <= wait(here, 20_000_000, FeedInput()) < 10


def test_a_wait_longer_than_any_timer_is_cut_into_pieces(here: Platform) -> None:
    async def run() -> None:
        waiting = here.clock.wait((1 << 64) - 1, [FeedInput()])
        assert waiting is not None
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(waiting, 0.05)

    work = run()
    try:
        here.block_on(work)
    except Unsupported as reason:
        work.close()
        pytest.skip(reason.message)


def test_blocking_gives_the_result_or_the_error(here: Platform) -> None:
    async def result() -> int:
        await asyncio.sleep(0)
        return 7

    async def error() -> None:
        await asyncio.sleep(0)
        raise OSError("as it was")

    try:
        assert here.block_on(Waiting(result)) == 7
    except Unsupported as reason:
        pytest.skip(reason.message)
    with pytest.raises(OSError, match="as it was"):
        here.block_on(Waiting(error))


@pytest.mark.cpython("Pyodide's loop always runs")
def test_blocking_inside_a_running_loop_is_refused(here: Platform) -> None:
    async def run() -> None:
        inner = asyncio.sleep(0)
        with pytest.raises(Unsupported, match="await the call instead"):
            here.block_on(inner)
        await inner

    asyncio.run(run())


@pytest.mark.cpython("starts a process")
def test_the_console_is_that_of_the_process() -> None:
    program = """
from wasmarium.bridge import platform
console = platform().console
while piece := console.stdin.read(3):
    console.stdout.write(piece.upper())
print("ordinary print comes first", flush=False)
platform().console.stdout.write(b"done")
console.stderr.write(b"err")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=b"typed in",
        capture_output=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(wasmarium.__file__).parents[1])},
    )
    assert done.stdout == b"TYPED INordinary print comes first\ndone"
    assert done.stderr == b"err"


def test_the_fake_world_is_the_same_each_time() -> None:
    first, second = FakePlatform(b"typed", seed=3), FakePlatform(b"typed", seed=3)
    assert first.random.read(100) == second.random.read(100) != FakeRandom(4).read(100)
    assert first.clock.realtime() == second.clock.realtime() == first.clock.realtime()
    assert first.console.stdin.read(10) == b"typed"
    first.console.stdout.write(b"x")
    assert first.output.content == b"x"


def test_fake_time_passes_only_when_told() -> None:
    clock = FakeClock(realtime=1000, monotonic=10)
    assert (clock.realtime(), clock.monotonic()) == (1000, 10)
    clock.sleep(5)
    clock.advance(1)
    assert (clock.realtime(), clock.monotonic(), clock.slept) == (1006, 16, [5])
    clock.wait(100, [BytesInput(b"")])
    assert clock.monotonic() == 16
    with pytest.raises(Unsupported):
        clock.wait(None, [FeedInput()])
    ticking = FakeClock(step=10)
    assert ticking.monotonic() < ticking.monotonic()
