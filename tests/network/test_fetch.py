"""The import module's HTTP, against real servers."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from network.guest import BODY, FOREVER, NONBLOCK, OPEN, OUT, READ, WRITE, Guest
from wasmarium import Policy
from wasmarium.policy import Answer, Decision

INSIDE = sys.platform == "emscripten"
NewGuest = Callable[..., Guest]


def in_browser() -> bool:
    if not INSIDE:
        return False
    from wasmarium.bridge.browser.network import on_node

    return not on_node()


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


def test_a_page_is_fetched(servers: Any, new_guest: NewGuest, key: str) -> None:
    guest = new_guest(Policy(fetch={servers.granted: None}))
    request = guest.open("GET", f"{servers.granted}/hello?{key}", "X-Mine: 1\nAccept: text/plain")
    assert guest.status(request) == 200
    guest.ok("http_headers", request, 4096, 2000, OUT)
    headers = guest.get(4096, guest.word()).decode()
    assert "content-type: text/plain\r\n" in headers
    assert "x-two: a b\r\n" in headers
    guest.ok("http_headers", request, 4096, 3, OUT)
    assert guest.word() == len(headers)
    guest.ok("http_url", request, 4096, 2000, OUT)
    assert guest.get(4096, guest.word()).decode() == f"{servers.granted}/hello?{key}"
    assert guest.body(request, piece=2) == b"hello"
    guest.ok("close", request)
    (hit,) = servers.hits(key)
    assert hit["headers"]["x-mine"] == "1"
    assert hit["headers"]["accept"] == "text/plain"
    assert "cookie" not in hit["headers"]
    assert "referer" not in hit["headers"]


def test_what_is_not_granted_never_leaves(servers: Any, new_guest: NewGuest, key: str) -> None:
    log: list[Any] = []
    policy = Policy(fetch={servers.granted: ("GET",)}, audit=log.append)
    guest = new_guest(policy)
    for method, url in [
        ("GET", f"{servers.other}/hello?{key}"),
        ("POST", f"{servers.granted}/hello?{key}"),
        ("GET", f"{servers.granted.replace('127.0.0.1', 'localhost')}/hello?{key}"),
    ]:
        assert guest.call("http_open", method, url, "", 0, OUT) == "ACCES"
    assert new_guest().call("http_open", "GET", f"{servers.granted}/hello?{key}", "", 0, OUT) == "ACCES"
    assert servers.hits(key) == []
    denied = [str(each) for each in log if not each.granted]
    assert denied[0] == f"denied fetch GET {servers.other}/hello?{key}: needs fetch {servers.other} for GET"
    assert denied[1] == f"denied fetch POST {servers.granted}/hello?{key}: needs fetch {servers.granted} for POST"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_looked_at_like_a_request(servers: Any, new_guest: NewGuest, key: str, status: int) -> None:
    target = f"{servers.other}/hello?{key}"
    url = f"{servers.granted}/redirect?status={status}&to={quote(target, safe='')}"
    request_url = f"{servers.granted}/hello?{key}"
    guest = new_guest(Policy(fetch={servers.granted: None}))
    request = guest.open("GET", url)
    assert guest.call("http_response", request, 0, OUT) == "ACCES"
    assert guest.call("http_read", request, 4096, 10, 0, OUT) == "ACCES"
    assert [hit for hit in servers.hits(key) if hit["server"] == "other"] == []
    if in_browser():
        # a browser does not say where to; only who may go anywhere can go there
        free = new_guest(Policy(fetch={"*": None}))
        request = free.open("GET", url)
        assert free.body(request) == b"hello"
        free.ok("http_url", request, 4096, 2000, OUT)
        assert free.get(4096, free.word()).decode() == target
    else:
        both = new_guest(Policy(fetch={servers.granted: None, servers.other: ("GET",)}))
        assert both.fetch(url) == (200, b"hello")
        relative = f"{servers.granted}/redirect?status={status}&to={quote(f'/hello?{key}', safe='')}"
        request = both.open("GET", relative)
        assert both.status(request) == 200
        both.ok("http_url", request, 4096, 2000, OUT)
        assert both.get(4096, both.word()).decode() == request_url


def test_a_redirect_of_a_request_with_a_body(servers: Any, new_guest: NewGuest, key: str) -> None:
    if in_browser():
        pytest.skip("a browser does not say where a redirect leads")
    guest = new_guest(Policy(fetch={servers.granted: None, servers.other: None}))
    for status, method, size in [(302, "GET", 0), (303, "GET", 0), (307, "POST", 5), (308, "POST", 5)]:
        mark = f"{key}{status}"
        target = quote(f"{servers.other}/echo?{mark}", safe="")
        headers = "Content-Type: text/x\nAuthorization: secret"
        request = guest.open("POST", f"{servers.granted}/redirect?status={status}&to={target}", headers, BODY)
        guest.ok("http_send", request, b"abcde", 0, OUT)
        guest.ok("http_finish", request)
        assert guest.status(request) == 200
        (hit,) = [hit for hit in servers.hits(mark) if hit["server"] == "other"]
        assert (hit["method"], hit["body"]) == (method, size)
        assert ("content-type" in hit["headers"]) == (method == "POST")
        assert "authorization" not in hit["headers"]


def test_endless_redirects_end(servers: Any, new_guest: NewGuest, key: str) -> None:
    if in_browser():
        pytest.skip("a browser does not say where a redirect leads")
    guest = new_guest(Policy(fetch={servers.granted: None}))
    request = guest.open("GET", f"{servers.granted}/loop?{key}")
    assert guest.call("http_response", request, 0, OUT) == "LOOP"
    assert len(servers.hits(key)) == 21


def test_a_body_is_sent_and_comes_back(servers: Any, new_guest: NewGuest, key: str) -> None:
    guest = new_guest(Policy(fetch={servers.granted: ("POST",)}))
    request = guest.open("POST", f"{servers.granted}/echo?{key}", "", BODY)
    for number in range(3):
        guest.ok("http_send", request, bytes([65 + number]) * 50_000, 0, OUT)
        assert guest.word() == 50_000
    guest.ok("http_finish", request)
    assert guest.call("http_send", request, b"late", 0, OUT) == "PIPE"
    assert guest.status(request) == 200
    assert guest.body(request) == b"A" * 50_000 + b"B" * 50_000 + b"C" * 50_000
    (hit,) = servers.hits(key)
    assert hit["body"] == 150_000


def test_without_waiting(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(Policy(fetch={servers.granted: None}))
    request = guest.open("GET", f"{servers.granted}/slow")
    guest.put(512, request.to_bytes(4, "little") + (READ | OPEN).to_bytes(2, "little") + b"\xff\xff")
    content, would_block = b"", 0
    while True:
        found = guest.call("http_read", request, 4096, 1000, NONBLOCK, OUT)
        if found == "AGAIN":
            would_block += 1
            guest.ok("poll", 512, 1, FOREVER, OUT)
            assert guest.word() == 1
            assert guest.get(518, 2)[0] & (READ | OPEN)
            continue
        assert found == "SUCCESS"
        if not guest.word():
            break
        content += guest.get(4096, guest.word())
    assert content == b"".join(b"piece%d\n" % number for number in range(5))
    assert would_block


def test_polling_without_waiting_gets_there(servers: Any, new_guest: NewGuest) -> None:
    """A guest that never waits must not keep its own answer from coming."""
    guest = new_guest(Policy(fetch={servers.granted: None}))
    request = guest.open("GET", f"{servers.granted}/hello")
    guest.put(512, request.to_bytes(4, "little") + OPEN.to_bytes(2, "little") + bytes(2))
    for _ in range(100_000):
        guest.ok("poll", 512, 1, 0, OUT)
        if guest.word():
            break
    assert guest.get(518, 2) == bytes([OPEN, 0])
    for _ in range(100_000):
        if guest.call("http_response", request, NONBLOCK, OUT) != "AGAIN":
            break
    assert guest.word() == 200


def test_a_poll_ends_with_its_time(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(Policy(fetch={servers.granted: None}))
    request = guest.open("GET", f"{servers.granted}/slow")
    guest.status(request)
    guest.put(512, request.to_bytes(4, "little") + WRITE.to_bytes(2, "little") + bytes(2))
    # there is no body to write, so nothing waits for one
    guest.ok("poll", 512, 1, FOREVER, OUT)
    never = guest.open("GET", f"{servers.granted}/slow?never")
    guest.put(512, never.to_bytes(4, "little") + bytes(4))
    guest.ok("poll", 512, 1, 20_000_000, OUT)
    assert guest.word() == 0


def test_giving_up_an_endless_body(servers: Any, new_guest: NewGuest, key: str) -> None:
    guest = new_guest(Policy(fetch={servers.granted: None}))
    request = guest.open("GET", f"{servers.granted}/endless?{key}")
    taken = 0
    while taken < 1_000_000:
        guest.ok("http_read", request, 65_536, 65_536, 0, OUT)
        taken += guest.word()
    guest.ok("close", request)
    assert guest.call("http_read", request, 4096, 1, 0, OUT) == "BADF"
    assert guest.fetch(f"{servers.granted}/hello")[0] == 200
    for _ in range(200):
        if any(hit["method"] == "ended" for hit in servers.hits(key)):
            return
        guest.ok("poll", 512, 0, 20_000_000, OUT)
    raise AssertionError("the server still sends")


def test_budgets(servers: Any, new_guest: NewGuest, key: str) -> None:
    log: list[Any] = []
    everything = {servers.granted: None}
    guest = new_guest(Policy(fetch=everything, received_bytes=100_000, audit=log.append))
    request = guest.open("GET", f"{servers.granted}/endless")
    taken = 0
    while (found := guest.call("http_read", request, 65_536, 30_000, 0, OUT)) == "SUCCESS":
        taken += guest.word()
    assert (found, taken) == ("DQUOT", 100_000)
    assert str(log[-1]) == "denied network received_bytes: needs received_bytes above 100000"

    guest = new_guest(Policy(fetch=everything, received_bytes=5))
    assert guest.fetch(f"{servers.granted}/hello") == (200, b"hello")

    guest = new_guest(Policy(fetch=everything, sent_bytes=10))
    request = guest.open("POST", f"{servers.granted}/echo?{key}", "", BODY)
    guest.ok("http_send", request, b"12345678", 0, OUT)
    assert guest.call("http_send", request, b"123", 0, OUT) == "DQUOT"
    guest.ok("http_send", request, b"12", 0, OUT)
    guest.ok("http_finish", request)
    assert guest.body(request) == b"1234567812"

    guest = new_guest(Policy(fetch=everything, requests=2))
    for _ in range(2):
        assert guest.fetch(f"{servers.granted}/hello")[0] == 200
    request = guest.open("GET", f"{servers.granted}/hello?third{key}")
    assert guest.call("http_response", request, 0, OUT) == "DQUOT"
    assert servers.hits(f"third{key}") == []


def test_failures_have_their_numbers(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(Policy(fetch={"*": None}))
    request = guest.open("GET", "http://127.0.0.1:1/")
    assert guest.call("http_response", request, 0, OUT) == "CONNREFUSED"
    assert guest.call("http_headers", request, 4096, 10, OUT) == "CONNREFUSED"
    request = guest.open("GET", f"{servers.granted}/cut")
    assert guest.status(request) == 200
    found = [guest.call("http_read", request, 4096, 100, 0, OUT) for _ in range(3)]
    assert set(found) & {"PROTO", "CONNRESET", "CONNREFUSED"}, found
    assert guest.fetch(f"{servers.granted}/nope") == (404, b"no such path")


def test_a_server_that_lets_no_page_ask(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(Policy(fetch={servers.granted: None}))
    request = guest.open("GET", f"{servers.granted}/closed")
    found = guest.call("http_response", request, 0, OUT)
    # CORS is the browser's; elsewhere nobody asks
    assert found == ("CONNREFUSED" if in_browser() else "SUCCESS")


def test_head_has_no_body(servers: Any, new_guest: NewGuest) -> None:
    guest = new_guest(Policy(fetch={servers.granted: None}))
    assert guest.fetch(f"{servers.granted}/hello", "HEAD") == (200, b"")


@pytest.mark.parametrize("answer", list(Answer), ids=lambda answer: answer.value)
def test_a_person_is_asked_while_the_guest_waits(servers: Any, new_guest: NewGuest, key: str, answer: Answer) -> None:
    asked = []

    async def ask(decision: Decision) -> Answer:
        asked.append(decision.subject)
        await asyncio.sleep(0.02)
        return answer

    guest = new_guest(Policy(ask=ask))
    url = f"{servers.granted}/hello?{key}"
    request = guest.open("GET", url)
    assert guest.call("http_response", request, NONBLOCK, OUT) == "AGAIN"
    found = guest.call("http_response", request, 0, OUT)
    assert found == ("ACCES" if answer is Answer.NEVER else "SUCCESS")
    assert asked == [f"GET {url}"]
    assert len(servers.hits(key)) == (0 if answer is Answer.NEVER else 1)


def test_a_person_whose_page_fails_has_not_said_yes(servers: Any, new_guest: NewGuest, key: str) -> None:
    async def ask(decision: Decision) -> Answer:
        await asyncio.sleep(0)
        raise RuntimeError("the page broke")

    told: list[str] = []
    guest = new_guest(Policy(ask=ask, audit=lambda decision: told.append(str(decision))))
    request = guest.open("GET", f"{servers.granted}/hello?{key}")
    assert guest.call("http_response", request, 0, OUT) == "ACCES"
    assert servers.hits(key) == []
    assert told[-1].endswith("(asking failed: RuntimeError('the page broke'))")
