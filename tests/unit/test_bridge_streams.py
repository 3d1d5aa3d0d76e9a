"""Streams that are the same on every platform."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from wasmarium.bridge import platform
from wasmarium.bridge.base import InputStream, Waiting
from wasmarium.bridge.streams import (
    BytesInput,
    CallbackInput,
    CallbackOutput,
    CaptureOutput,
    DescriptorInput,
    DescriptorOutput,
    FeedInput,
    IteratorInput,
    NullInput,
    NullOutput,
    file_input,
    file_output,
)
from wasmarium.errors import Unsupported


def on_loop(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return platform().block_on(work)
    except Unsupported as reason:
        work.close()
        pytest.skip(reason.message)


async def everything(stream: InputStream, count: int) -> list[bytes]:
    pieces: list[bytes] = []
    while True:
        given = stream.read(count)
        piece = await given if isinstance(given, Awaitable) else given
        if not piece:
            return pieces
        pieces.append(piece)


def test_bytes_and_nothing() -> None:
    stream = BytesInput(b"abcdef")
    assert [stream.read(4), stream.read(4), stream.read(4)] == [b"abcd", b"ef", b""]
    assert NullInput().read(10) == b""
    NullOutput().write(b"x")


def test_captured_output_is_bounded() -> None:
    stream = CaptureOutput(limit=5)
    stream.write(b"abc")
    with pytest.raises(OSError, match=r".") as caught:
        stream.write(b"def")
    assert caught.value.errno is not None
    assert stream.content == b"abc"


def test_a_feed_gives_what_it_was_fed_and_then_ends() -> None:
    stream = FeedInput()
    assert not stream.readable()
    stream.feed(b"abc")
    stream.feed(b"def")
    assert stream.readable()
    assert stream.read(4) == b"abcd"
    assert stream.read(4) == b"ef"
    stream.end()
    assert stream.readable()
    assert stream.read(4) == b""


def test_a_feed_wakes_who_waits() -> None:
    async def run() -> bytes:
        stream = FeedInput()
        given = stream.read(10)
        assert isinstance(given, Waiting)
        asyncio.get_running_loop().call_later(0.01, stream.feed, b"late")
        content: bytes = await given
        return content

    assert on_loop(run()) == b"late"


def test_who_gives_up_waiting_takes_nothing() -> None:
    async def run() -> bytes:
        stream = FeedInput()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(stream.when_readable(), 0.01)
        stream.feed(b"abc")
        await stream.when_readable()
        given = stream.read(10)
        assert isinstance(given, bytes)
        return given

    assert on_loop(run()) == b"abc"


@pytest.mark.cpython("there are no threads")
def test_a_feed_wakes_a_thread_that_blocks() -> None:
    stream = FeedInput()
    timer = threading.Timer(0.02, stream.feed, (b"typed",))
    given = stream.read(10)
    assert isinstance(given, Waiting)
    timer.start()
    assert platform().block_on(given) == b"typed"
    timer.join()


@pytest.mark.cpython("there are no pipes to wait on")
def test_a_descriptor_is_awaited_and_given_up() -> None:
    readable, writable = os.pipe()
    stream = DescriptorInput(readable, owned=True)

    async def run() -> bytes:
        given = stream.read(10)
        assert isinstance(given, Waiting)
        both = asyncio.gather(given.start(), stream.when_readable())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(both), 0.01)
        os.write(writable, b"typed")
        found, _ = await both
        assert isinstance(found, bytes)
        return found

    assert on_loop(run()) == b"typed"
    os.close(writable)
    stream.close()


def test_an_iterator_is_read_piece_by_piece() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"abc", b"", b"defgh"):
            await asyncio.sleep(0)
            yield piece

    async def run() -> list[bytes]:
        return await everything(IteratorInput(pieces()), 4)

    assert b"".join(on_loop(run())) == b"abcdefgh"


def test_a_callback_may_give_more_than_was_asked_for() -> None:
    given = [b"abcdef", b"g", b""]
    stream = CallbackInput(lambda count: given.pop(0))
    assert [stream.read(4) for _ in range(4)] == [b"abcd", b"ef", b"g", b""]

    async def slowly(count: int) -> bytes:
        await asyncio.sleep(0)
        given.append(b"")
        return b"x" * (count + 1) if len(given) < 3 else b""

    async def run() -> list[bytes]:
        return await everything(CallbackInput(slowly), 3)

    assert on_loop(run()) == [b"xxx", b"x", b"xxx", b"x"]


def test_a_callback_takes_output() -> None:
    taken: list[bytes] = []
    assert CallbackOutput(taken.append).write(b"abc") is None

    async def slowly(content: bytes) -> None:
        taken.append(content.upper())

    on_loop(asyncio.sleep(0))
    waiting = CallbackOutput(slowly).write(b"abc")
    assert waiting is not None
    on_loop(_await(waiting))
    assert taken == [b"abc", b"ABC"]


async def _await(waiting: Awaitable[None]) -> None:
    await waiting


def test_files(tmp_path: Path) -> None:
    output = file_output(tmp_path / "f")
    output.write(b"abc\r\n")
    output.write(b"def")
    output.close()
    stream = file_input(tmp_path / "f")
    assert not stream.terminal
    assert stream.readable()
    assert stream.read(5) == b"abc\r\n"
    assert stream.read(5) == b"def"
    assert stream.read(5) == b""
    stream.close()
    stream.close()
    with pytest.raises(FileNotFoundError):
        file_input(tmp_path / "nothing")


@pytest.mark.cpython("there are no pipes to wait on")
def test_descriptors_of_the_host() -> None:
    readable, writable = os.pipe()
    source, sink = DescriptorInput(readable, owned=True), DescriptorOutput(writable, owned=True)
    assert not source.readable()
    assert source.fileno() == readable
    sink.write(b"abc")
    assert source.readable()
    assert source.read(2) == b"ab"
    sink.close()
    assert source.read(2) == b"c"
    assert source.read(2) == b""
    source.close()


@pytest.mark.cpython("there are no pipes to wait on")
def test_a_full_pipe_that_does_not_block_is_waited_for() -> None:
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    sink = DescriptorOutput(writable, owned=True)
    content = bytes(range(256)) * 1024
    received = bytearray()

    def drain() -> None:
        while piece := os.read(readable, 10_000):
            received.extend(piece)

    reader = threading.Thread(target=drain)
    reader.start()
    sink.write(content)
    sink.close()
    reader.join()
    os.close(readable)
    assert received == content
