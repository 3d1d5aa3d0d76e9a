"""A granted WebSocket as a socket of WASI: through websockify to a TCP server, which answers in capitals."""

from __future__ import annotations

import asyncio
import struct
import sys
import time
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from network.guest import OUT, Guest
from wasmarium import Policy, Trap, WasiConfig

INSIDE = sys.platform == "emscripten"
FD = 3
CLOCK, FD_READ, FD_WRITE = 0, 1, 2
MONOTONIC = 1
NONBLOCK = 4
PEEK, WAITALL = 1, 2
VECTOR, BUFFER, SUBS, EVENTS = 256, 4096, 8192, 16_384
NewGuest = Callable[..., Guest]


def socket_guest(new_guest: NewGuest, url: str, policy: Policy | None = None) -> Guest:
    wasi = WasiConfig()
    wasi.preopen_websocket(url)
    return new_guest(policy or Policy(websockets=[url]), wasi)


def send(guest: Guest, content: bytes, name: str = "sock_send") -> str:
    guest.put(BUFFER, content)
    guest.put(VECTOR, struct.pack("<LL", BUFFER, len(content)))
    return guest.call(name, FD, VECTOR, 1, *([0] if name == "sock_send" else []), OUT)


def receive(guest: Guest, count: int, flags: int = 0) -> bytes | str:
    guest.put(VECTOR, struct.pack("<LL", BUFFER, count))
    found = guest.call("sock_recv", FD, VECTOR, 1, flags, OUT, OUT + 4)
    return guest.get(BUFFER, guest.word()) if found == "SUCCESS" else found


def poll(guest: Guest, *subscriptions: bytes) -> list[tuple[int, int, int, int, int]]:
    guest.put(SUBS, b"".join(subscriptions))
    guest.ok("poll_oneoff", SUBS, EVENTS, len(subscriptions), OUT)
    return [struct.unpack("<QHB5xQH6x", guest.get(EVENTS + 32 * at, 32)) for at in range(guest.word())]


def clock(userdata: int, timeout: int) -> bytes:
    return struct.pack("<QB7xL4xQQH6x", userdata, CLOCK, MONOTONIC, timeout, 0, 0)


def on(userdata: int, kind: int, fd: int = FD) -> bytes:
    return struct.pack("<QB7xL28x", userdata, kind, fd)


def nonblocking(guest: Guest) -> None:
    guest.ok("fd_fdstat_set_flags", FD, NONBLOCK)
    guest.ok("fd_fdstat_get", FD, BUFFER)
    assert guest.get(BUFFER + 2, 2) == bytes([NONBLOCK, 0])


def test_send_and_receive(servers: Any, new_guest: NewGuest) -> None:
    guest = socket_guest(new_guest, servers.gateway)
    guest.ok("fd_fdstat_get", FD, BUFFER)
    assert guest.get(BUFFER, 1)[0] == 6
    assert guest.call("fd_prestat_get", FD, BUFFER) == "BADF"
    assert send(guest, b"hello ") == "SUCCESS"
    assert guest.word() == 6
    assert send(guest, b"world", "fd_write") == "SUCCESS"
    assert receive(guest, 4, PEEK) == b"HELL"
    assert receive(guest, 4) == b"HELL"
    assert receive(guest, 7, WAITALL) == b"O WORLD"
    send(guest, b"more")
    guest.put(VECTOR, struct.pack("<LL", BUFFER, 4))
    guest.ok("fd_read", FD, VECTOR, 1, OUT)
    assert guest.get(BUFFER, guest.word()) == b"MORE"[: guest.word()]
    guest.ok("fd_close", FD)
    assert send(guest, b"x") == "BADF"


def test_without_waiting(servers: Any, new_guest: NewGuest) -> None:
    guest = socket_guest(new_guest, servers.gateway)
    nonblocking(guest)
    assert receive(guest, 10) == "AGAIN"
    ((userdata, error, kind, count, flags),) = poll(guest, on(7, FD_WRITE), clock(1, 10_000_000_000))
    assert (userdata, error, kind, flags) == (7, 0, FD_WRITE, 0)
    assert count
    assert receive(guest, 10) == "AGAIN"
    assert send(guest, b"abc") == "SUCCESS"
    ((userdata, error, kind, count, flags),) = poll(guest, on(8, FD_READ), clock(1, 10_000_000_000))
    assert (userdata, error, kind, count, flags) == (8, 0, FD_READ, 3, 0)
    assert receive(guest, 10) == b"ABC"
    assert poll(guest, on(8, FD_READ), clock(9, 5_000_000)) == [(9, 0, CLOCK, 0, 0)]


def test_a_loop_that_never_waits_gets_its_bytes(servers: Any, new_guest: NewGuest) -> None:
    guest = socket_guest(new_guest, servers.gateway)
    nonblocking(guest)
    for _ in range(100_000):
        if any(event[2] == FD_WRITE for event in poll(guest, on(1, FD_WRITE), clock(2, 0))):
            break
    assert send(guest, b"abc") == "SUCCESS"
    for _ in range(100_000):
        if (found := receive(guest, 10)) != "AGAIN":
            break
    assert found == b"ABC"


def test_shutting_down(servers: Any, new_guest: NewGuest) -> None:
    guest = socket_guest(new_guest, servers.gateway)
    assert send(guest, b"abc") == "SUCCESS"
    assert guest.call("sock_shutdown", FD, 0) == "INVAL"
    assert guest.call("sock_shutdown", FD, 4) == "INVAL"
    guest.ok("sock_shutdown", FD, 2)
    assert send(guest, b"x") == "PIPE"
    assert receive(guest, 3, WAITALL) == b"ABC"
    guest.ok("sock_shutdown", FD, 1)
    assert receive(guest, 3) == b""
    ((_, _, kind, count, flags),) = poll(guest, on(1, FD_READ))
    assert (kind, count, flags) == (FD_READ, 0, 1)


def test_the_peer_closes(servers: Any, new_guest: NewGuest) -> None:
    url = f"{servers.ws}/count?n=3"
    guest = socket_guest(new_guest, url)
    assert receive(guest, 100, WAITALL) == b"012"
    assert receive(guest, 100) == b""


def test_what_is_not_granted_never_leaves(servers: Any, new_guest: NewGuest) -> None:
    key = uuid.uuid4().hex
    url = f"{servers.ws}/echo?{key}"
    guest = socket_guest(new_guest, url, Policy())
    assert send(guest, b"x") == "ACCES"
    assert receive(guest, 10) == "ACCES"
    guest.put(SUBS, on(1, FD_READ))
    assert guest.call("poll_oneoff", SUBS, EVENTS, 1, OUT) == "ACCES"
    assert servers.hits(key) == []


def test_nobody_there(new_guest: NewGuest) -> None:
    guest = socket_guest(new_guest, "ws://127.0.0.1:1/")
    assert send(guest, b"x") == "CONNREFUSED"
    assert receive(guest, 10) == "CONNREFUSED"


def test_a_descriptor_of_its_kind(servers: Any, new_guest: NewGuest) -> None:
    guest = socket_guest(new_guest, servers.gateway)
    assert guest.call("fd_fdstat_set_flags", FD, 1) == "INVAL"
    assert guest.call("sock_recv", FD, 0xFFFF_FFF0, 4, 0, OUT, OUT + 4) == "trap"
    guest.put(VECTOR, struct.pack("<LL", 0xFFFF_0000, 100))
    assert guest.call("sock_recv", FD, VECTOR, 1, 0, OUT, OUT + 4) == "trap"
    assert guest.call("sock_send", FD, VECTOR, 1, 0, OUT) == "trap"
    assert guest.call("sock_recv", FD, VECTOR, 0, 0, OUT, OUT + 4) == "SUCCESS"


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    if not INSIDE:
        return asyncio.run(coroutine)
    from pyodide.ffi import run_sync

    return run_sync(coroutine)


def test_one_guest_waits_and_another_goes_on(servers: Any, new_guest: NewGuest) -> None:
    waiting = socket_guest(new_guest, servers.gateway)
    going = socket_guest(new_guest, servers.gateway)
    for guest in (waiting, going):
        guest.put(BUFFER, b"ab")
        guest.put(VECTOR, struct.pack("<LLLL", BUFFER, 2, BUFFER + 100, 2))
    order = []

    async def wait() -> None:
        assert await waiting.call_async("sock_recv", FD, VECTOR, 1, 0, OUT, OUT + 4) == "SUCCESS"
        order.append("waited")

    async def go_on() -> None:
        for number in range(3):
            assert await going.call_async("sock_send", FD, VECTOR, 1, 0, OUT) == "SUCCESS"
            assert await going.call_async("sock_recv", FD, VECTOR + 8, 1, WAITALL, OUT, OUT + 4) == "SUCCESS"
            assert going.get(BUFFER + 100, 2) == b"AB"
            order.append(f"went on {number}")
        # only now is there anything for the other
        assert await waiting.call_async("sock_send", FD, VECTOR, 1, 0, OUT + 8) == "SUCCESS"

    async def both() -> None:
        await asyncio.gather(wait(), go_on())

    run(both())
    assert order == ["went on 0", "went on 1", "went on 2", "waited"]
    assert waiting.get(BUFFER, 2) == b"AB"


def test_time_is_up_while_a_guest_waits(servers: Any, new_guest: NewGuest) -> None:
    # the time begins with the policy, not with the wait
    begun = time.monotonic()
    guest = socket_guest(new_guest, servers.gateway, Policy(websockets=[servers.gateway], wall_time=300_000_000))
    assert receive(guest, 10) == "trap"
    assert 0.29 < time.monotonic() - begun < 10


def test_time_is_up_while_a_guest_is_awaited(servers: Any, new_guest: NewGuest) -> None:
    guest = socket_guest(new_guest, servers.gateway, Policy(websockets=[servers.gateway], wall_time=300_000_000))

    async def wait() -> None:
        guest.put(VECTOR, struct.pack("<LL", BUFFER, 2))
        with pytest.raises(Trap, match="interrupt"):
            await guest.call_async("sock_recv", FD, VECTOR, 1, 0, OUT, OUT + 4)

    run(wait())
