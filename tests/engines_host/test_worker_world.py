"""What guests that wait in a worker do with the world: standard input, clocks, the network."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from engines_host.workers import Away, run
from network.guest import wat as every_import
from wasi.test_languages import COUNTS
from wasmarium import ExitTrap, Linker, Module, Policy, Trap, TrapCode, WasiConfig
from wasmarium.bridge.fake_network import FakeAnswer, FakeNetwork
from wasmarium.bridge.network import Message
from wasmarium.wasi.errno import Errno

pytestmark = pytest.mark.usefixtures("without_jspi")

URL = "https://example.org/page"
SOCKET = "wss://example.org/echo"
OUT, VECTOR, BUFFER, TEXT = 64, 256, 4096, 1024


class Guest:
    """A guest that does what a test says, in a worker."""

    def __init__(self, wasi: WasiConfig | None = None, policy: Policy | None = None, network: Any = None) -> None:
        interrupted = policy is not None and policy.wall_time is not None
        self.away = Away(network, epoch_interruption=interrupted)
        store = self.store = self.away.store
        if policy is not None:
            store.set_policy(policy)
        store.set_wasi(wasi if wasi is not None else WasiConfig())
        self.exports = self.away.world(every_import())
        self.memory = self.exports["memory"]

    async def call(self, name: str, *arguments: int) -> str:
        return Errno(await self.exports[name].call_async(self.store, *arguments)).name

    def lay(self, text: str) -> tuple[int, int]:
        self.memory.write(self.store, text.encode(), TEXT)
        return TEXT, len(text)

    def word(self, at: int = 0) -> int:
        return int.from_bytes(self.memory.read(self.store, OUT + 4 * at, OUT + 4 * at + 4), "little")

    def vector(self, count: int) -> None:
        self.memory.write(self.store, BUFFER.to_bytes(4, "little") + count.to_bytes(4, "little"), VECTOR)

    def got(self) -> bytes:
        return bytes(self.memory.read(self.store, BUFFER, BUFFER + self.word()))


def test_standard_input_is_waited_for() -> None:
    typed: asyncio.Queue[bytes] = asyncio.Queue()

    async def keyboard() -> AsyncIterator[bytes]:
        while piece := await typed.get():
            yield piece

    wasi = WasiConfig()
    wasi.stdin_custom = keyboard()
    guest = Guest(wasi)
    guest.vector(100)
    ticks = 0

    async def person() -> None:
        nonlocal ticks
        for piece in (b"one", b"two", b""):
            for _ in range(3):
                await asyncio.sleep(0.003)
                ticks += 1
            typed.put_nowait(piece)

    async def both() -> list[bytes]:
        task = asyncio.ensure_future(person())
        pieces = []
        while True:
            assert await guest.call("fd_read", 0, VECTOR, 1, OUT) == "SUCCESS"
            if not guest.word():
                await task
                return pieces
            pieces.append(guest.got())

    assert run(both()) == [b"one", b"two"]
    assert ticks == 9


def test_a_guest_sleeps() -> None:
    guest = Guest()
    subscription = bytearray(48)
    subscription[16:20] = (1).to_bytes(4, "little")
    subscription[24:32] = (30_000_000).to_bytes(8, "little")
    guest.memory.write(guest.store, bytes(subscription), 8192)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.002)
            ticks += 1

    async def both() -> str:
        task = asyncio.ensure_future(tick())
        result = await guest.call("poll_oneoff", 8192, 16_384, 1, OUT)
        task.cancel()
        return result

    start = perf_counter()
    assert run(both()) == "SUCCESS"
    assert 0.025 < perf_counter() - start < 5
    assert ticks >= 3
    # a plain call holds everything
    start = perf_counter()
    assert Errno(guest.exports["poll_oneoff"](guest.store, 8192, 16_384, 1, OUT)) is Errno.SUCCESS
    assert perf_counter() - start > 0.025


def test_a_page_is_fetched() -> None:
    network = FakeNetwork({f"GET {URL}": FakeAnswer(body=b"the page", held=True)})
    guest = Guest(policy=Policy(fetch={"*": None}), network=network)

    async def server() -> None:
        while not network.exchanges:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.005)
        network.exchanges[0].release()

    async def both() -> None:
        task = asyncio.ensure_future(server())
        guest.memory.write(guest.store, b"GET", 512)
        assert await guest.call("http_open", 512, 3, *guest.lay(URL), 0, 0, 0, OUT) == "SUCCESS"
        request = guest.word()
        assert await guest.call("http_response", request, 0, OUT) == "SUCCESS"
        assert guest.word() == 200
        assert await guest.call("http_read", request, BUFFER, 100, 0, OUT) == "SUCCESS"
        await task

    run(both())
    assert guest.got() == b"the page"


def test_a_socket_is_waited_for() -> None:
    network = FakeNetwork(sockets={SOCKET: lambda message: ()})
    wasi = WasiConfig()
    wasi.preopen_websocket(SOCKET)
    guest = Guest(wasi, Policy(websockets=[SOCKET]), network)
    guest.vector(100)

    async def peer() -> None:
        await asyncio.sleep(0.005)
        network.opened[0].arrived(Message(b"late", False))

    async def both() -> str:
        task = asyncio.ensure_future(peer())
        result = await guest.call("sock_recv", 3, VECTOR, 1, 0, OUT, OUT + 4)
        await task
        return result

    assert run(both()) == "SUCCESS"
    assert guest.got() == b"late"


def test_time_is_up_while_a_guest_waits() -> None:
    network = FakeNetwork(sockets={SOCKET: lambda message: ()})
    wasi = WasiConfig()
    wasi.preopen_websocket(SOCKET)
    guest = Guest(wasi, Policy(websockets=[SOCKET], wall_time=3_000_000_000), network)
    guest.vector(100)
    guest.store._until = guest.away.engine._platform.clock.monotonic() + 30_000_000
    with pytest.raises(Trap) as caught:
        run(guest.call("sock_recv", 3, VECTOR, 1, 0, OUT, OUT + 4))
    assert caught.value.code is TrapCode.INTERRUPT


PROGRAMS = Path(__file__).parents[1] / "wasi" / "languages"


def test_a_program() -> None:
    away = Away()
    stdout = bytearray()
    wasi = WasiConfig()
    wasi.argv = ["words", "a", "out"]
    wasi.stdin_custom = io.BytesIO(b"The dog runs\n").read
    wasi.stdout_custom = stdout.extend
    volume = wasi.preopen_memory({"a": b"the cat and the Dog\nthe end\n"}, ".")
    away.store.set_wasi(wasi)
    linker = Linker(away.engine)
    linker.define_wasi()
    module = Module.from_file(away.engine, str(PROGRAMS / "words.wasm"))
    made: Any = run(linker.instantiate_async(away.store, module))
    assert made.fallback is None
    with contextlib.suppress(ExitTrap):
        made.exports(away.store)["_start"](away.store)
    assert stdout.decode() == f"{COUNTS}6 words\n"
    assert volume.tree()["out"] == COUNTS.encode()
