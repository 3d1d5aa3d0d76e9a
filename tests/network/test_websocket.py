"""The import module's WebSocket, against a real server."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from network.guest import FOREVER, NONBLOCK, OPEN, OUT, READ, WRITE, Guest
from wasmarium import Policy

INSIDE = sys.platform == "emscripten"
BINARY, TEXT, CLOSED = 0, 1, 2
NewGuest = Callable[..., Guest]


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


def allowed(servers: Any, **more: Any) -> Policy:
    return Policy(websockets=[f"{servers.ws}/*"], **more)


def test_text_and_bytes_go_there_and_come_back(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(allowed(servers))
    socket = guest.connect(f"{servers.ws}/echo")
    for kind, content in [
        (TEXT, "grüße".encode()),
        (BINARY, bytes(range(256))),
        (BINARY, b""),
        (TEXT, b""),
        (BINARY, b"x" * 300_000),
    ]:
        guest.ok("ws_send", socket, kind, content, 0)
        received = b""
        while True:
            found, piece, left = guest.receive(socket)
            received += piece
            assert found == kind
            if not left:
                break
        assert received == content
    guest.ok("ws_close", socket, 3001, "done", 0)
    guest.ok("ws_close_reason", socket, 4096, 100, OUT, OUT + 4)
    assert guest.word() == 3001
    assert guest.receive(socket) == (CLOSED, b"", 0)


def test_a_long_message_comes_in_pieces(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(allowed(servers))
    socket = guest.connect(f"{servers.ws}/echo")
    guest.ok("ws_send", socket, TEXT, "0123456789", 0)
    assert guest.receive(socket, 4) == (TEXT, b"0123", 6)
    guest.put(512, socket.to_bytes(4, "little") + READ.to_bytes(2, "little") + bytes(2))
    guest.ok("poll", 512, 1, FOREVER, OUT)
    assert guest.word() == 1
    assert guest.receive(socket, 0) == (TEXT, b"", 6)
    assert guest.receive(socket, 100) == (TEXT, b"456789", 0)


def test_text_must_be_text(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(allowed(servers))
    socket = guest.connect(f"{servers.ws}/echo")
    assert guest.call("ws_send", socket, TEXT, b"\xff", 0) == "ILSEQ"
    assert guest.call("ws_send", socket, 2, b"x", 0) == "INVAL"


def test_without_waiting(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(allowed(servers))
    guest.ok("ws_open", f"{servers.ws}/echo", "", OUT)
    socket = guest.word()
    guest.put(512, socket.to_bytes(4, "little") + OPEN.to_bytes(2, "little") + bytes(2))
    while guest.call("ws_connect", socket, NONBLOCK) == "AGAIN":
        guest.ok("poll", 512, 1, FOREVER, OUT)
    out = (OUT, OUT + 4, OUT + 8)
    assert guest.call("ws_receive", socket, 4096, 10, NONBLOCK, *out) == "AGAIN"
    guest.ok("ws_send", socket, TEXT, "hi", NONBLOCK)
    guest.put(512, socket.to_bytes(4, "little") + (READ | WRITE).to_bytes(2, "little") + bytes(2))
    guest.ok("poll", 512, 1, FOREVER, OUT)
    assert guest.get(518, 1)[0] & WRITE
    for _ in range(100_000):
        if guest.call("ws_receive", socket, 4096, 10, NONBLOCK, *out) == "SUCCESS":
            break
    assert (guest.word(0), guest.word(1), guest.get(4096, 2)) == (TEXT, 2, b"hi")


def test_what_the_server_says_when_it_closes(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(allowed(servers))
    socket = guest.connect(f"{servers.ws}/close?code=4321&reason=enough")
    assert guest.receive(socket) == (CLOSED, b"", 0)
    guest.ok("ws_close_reason", socket, 4096, 100, OUT, OUT + 4)
    assert guest.word(0) == 4321
    assert guest.get(4096, guest.word(1)) == b"enough"
    assert guest.call("ws_send", socket, TEXT, "late", 0) == "PIPE"


def test_messages_that_were_there_before_the_end_are_read(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(allowed(servers))
    socket = guest.connect(f"{servers.ws}/count?n=5")
    assert [guest.receive(socket)[:2] for _ in range(6)] == [
        (BINARY, b"0"),
        (TEXT, b"1"),
        (BINARY, b"2"),
        (TEXT, b"3"),
        (BINARY, b"4"),
        (CLOSED, b""),
    ]


def test_a_connection_that_breaks(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(allowed(servers))
    guest.ok("ws_open", f"{servers.ws}/cut", "", OUT)
    socket = guest.word()
    assert guest.call("ws_receive", socket, 4096, 10, 0, OUT, OUT + 4, OUT + 8) in ("CONNRESET", "CONNREFUSED")


def test_what_is_not_granted_never_leaves(servers: Any, new_guest: NewGuest, key: str) -> None:
    log: list[Any] = []
    guest = new_guest(Policy(websockets=[f"{servers.ws}/echo"], audit=log.append))
    url = f"{servers.ws}/echo?{key}"
    assert guest.call("ws_open", url, "", OUT) == "ACCES"
    assert str(log[-1]) == f"denied websocket {url}: needs websocket {url}"
    assert new_guest().call("ws_open", url, "", OUT) == "ACCES"
    assert servers.hits(key) == []


def test_a_handshake_follows_no_redirect(servers: Any, new_guest: NewGuest, key: str) -> None:
    guest = new_guest(allowed(servers))
    target = f"{servers.other}/hello?{key}"
    guest.ok("ws_open", f"{servers.ws}/redirect?to={target}", "", OUT)
    assert guest.call("ws_connect", guest.word(), 0) in ("PROTO", "CONNREFUSED")
    assert [hit for hit in servers.hits(key) if hit["server"] == "other"] == []


def test_nobody_there(new_guest: NewGuest) -> None:
    guest = new_guest(Policy(websockets=["*"]))
    guest.ok("ws_open", "ws://127.0.0.1:1/", "", OUT)
    socket = guest.word()
    assert guest.call("ws_connect", socket, 0) == "CONNREFUSED"
    assert guest.call("ws_send", socket, TEXT, "x", 0) == "CONNREFUSED"


def test_budgets(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(allowed(servers, sent_bytes=10, received_bytes=8, requests=1))
    socket = guest.connect(f"{servers.ws}/echo")
    guest.ok("ws_send", socket, TEXT, "12345", 0)
    assert guest.receive(socket) == (TEXT, b"12345", 0)
    assert guest.call("ws_send", socket, TEXT, "123456", 0) == "DQUOT"
    guest.ok("ws_send", socket, TEXT, "12345", 0)
    assert guest.call("ws_receive", socket, 4096, 10, 0, OUT, OUT + 4, OUT + 8) == "DQUOT"
    guest.ok("ws_open", f"{servers.ws}/echo", "", OUT)
    assert guest.call("ws_connect", guest.word(), 0) == "DQUOT"


def test_a_flood_is_held_back_or_cut_off(servers: Any, new_guest: NewGuest, key: str) -> None:
    """A guest that takes nothing must not fill the memory of its host."""
    guest = new_guest(allowed(servers))
    socket = guest.connect(f"{servers.ws}/flood?{key}")
    for _ in range(100):
        guest.ok("poll", 512, 0, 10_000_000, OUT)
    guest.ok("close", socket)
    for _ in range(300):
        done = [hit for hit in servers.hits(key) if hit["method"] == "flooded"]
        if done:
            # in a browser much is on its way when the page closes: it cannot hold a server back
            assert done[0]["sent"] < (256 if INSIDE else 8) << 20
            return
        guest.ok("poll", 512, 0, 20_000_000, OUT)
    raise AssertionError("the server still sends")


def test_sending_more_than_the_wire_takes_waits(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(allowed(servers))
    socket = guest.connect(f"{servers.ws}/echo")
    big = b"b" * 900_000
    count = 8
    for _ in range(count):
        guest.ok("ws_send", socket, BINARY, big, 0)
        received = 0
        while received < len(big):
            _, piece, _ = guest.receive(socket, 500_000)
            received += len(piece)
        assert received == len(big)


def test_protocols(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(allowed(servers))
    for bad in ("a,a", "a b", ",", ",".join(f"p{n}" for n in range(20))):
        assert guest.call("ws_open", f"{servers.ws}/echo", bad, OUT) == "INVAL"
    socket = guest.connect(f"{servers.ws}/echo")
    guest.ok("ws_protocol", socket, 4096, 100, OUT)
    assert guest.word() == 0
