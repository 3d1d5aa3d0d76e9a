"""Guests that mean no good, and people who are asked: over a network that is not there."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from network.guest import BODY, FOREVER, NONBLOCK, OPEN, OUT, READ, WRITE, Guest
from wasmarium import Policy
from wasmarium.bridge.fake import FakePlatform
from wasmarium.bridge.fake_network import FakeAnswer, FakeNetwork
from wasmarium.bridge.log import LineLog
from wasmarium.bridge.network import Message
from wasmarium.hostcalls.context import MOST_HANDLES
from wasmarium.hostcalls.signatures import SIGNATURES
from wasmarium.policy import Answer, Decision
from wasmarium.wasi.errno import Errno

HERE, WS = "http://here", "ws://here/"
OPEN_POLICY = Policy(fetch={"*": None}, websockets=["*"])
NewGuest = Callable[..., Guest]


class Fake:
    """Guests on a fake platform."""

    def __init__(self) -> None:
        self.network = FakeNetwork(
            {
                f"GET {HERE}/": FakeAnswer(body=b"hello", headers={"content-type": "text/plain"}),
                f"GET {HERE}/held": FakeAnswer(body=b"late", held=True),
                f"GET {HERE}/there": FakeAnswer(302, {"location": "http://there/"}),
                f"GET {HERE}/nowhere": FakeAnswer(302, {"location": "http://user@there/"}),
                f"GET {HERE}/file": FakeAnswer(302, {"location": "file:///etc/passwd"}),
                "GET http://there/": FakeAnswer(body=b"there"),
                f"POST {HERE}/": FakeAnswer(201),
            },
            {WS: lambda message: [message]},
        )
        self.platform = FakePlatform(network=self.network)
        self.made: list[Guest] = []

    def guest(self, policy: Policy = OPEN_POLICY) -> Guest:
        self.made.append(Guest("interpreter", policy, platform=self.platform))
        return self.made[-1]


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    yield made
    for guest in made.made:
        guest.store.close()


# ---- pointers and numbers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SIGNATURES)
def test_whatever_a_guest_hands_over_it_gets_an_error_or_a_trap(fake: Fake, name: str) -> None:
    guest = fake.guest()
    size = 20 << 16
    guest.open("GET", f"{HERE}/")
    guest.connect(WS)
    draw = random.Random(name)
    numbers = [0, 1, 2, 3, 4, 5, 7, 63, 64, 66, 1000, 65_537, size - 4, size - 1, size, 1 << 31, 0xFFFF_FFF0]
    seen = set()
    # what waits for ever would wait for ever
    waits = {"flags": [NONBLOCK, 2, 9], "timeout": [0, 1, 5_000_000, 1 << 62]}
    for _ in range(300):
        laid = [draw.choice(waits.get(kind, numbers)) for _, kind in SIGNATURES[name]]
        seen.add(guest.call(name, *laid))
    assert seen <= {"trap", *Errno.__members__}
    assert "trap" in seen or not {"pointer", "out"} & {kind for _, kind in SIGNATURES[name]}


def test_a_call_that_traps_has_done_nothing(fake: Fake) -> None:
    guest = fake.guest()
    assert guest.call("http_open", "GET", f"{HERE}/", "", 0, 20 << 16) == "trap"
    assert guest.call("http_open", "GET", f"{HERE}/", "", 0, OUT + 1) == "trap"
    assert guest.call("ws_open", WS, "", OUT + 2) == "trap"
    assert fake.network.exchanges == []
    assert fake.network.opened == []
    request = guest.open("GET", f"{HERE}/")
    assert guest.call("http_read", request, 0xFFFF_0000, 5, 0, OUT) == "trap"
    assert guest.body(request) == b"hello"


def test_too_many_handles(fake: Fake) -> None:
    guest = fake.guest()
    handles = [guest.open("GET", f"{HERE}/") for _ in range(MOST_HANDLES)]
    assert len(set(handles)) == MOST_HANDLES
    assert guest.call("http_open", "GET", f"{HERE}/", "", 0, OUT) == "MFILE"
    assert guest.call("ws_open", WS, "", OUT) == "MFILE"
    assert len(fake.network.exchanges) == MOST_HANDLES
    guest.ok("close", handles[0])
    assert guest.open("GET", f"{HERE}/") not in handles
    guest.store.close()
    assert all(exchange.ended for exchange in fake.network.exchanges)


def test_a_handle_of_the_other_kind(fake: Fake) -> None:
    guest = fake.guest()
    request, socket = guest.open("GET", f"{HERE}/"), guest.connect(WS)
    assert guest.call("ws_connect", request, 0) == "BADF"
    assert guest.call("http_response", socket, 0, OUT) == "BADF"
    assert guest.call("close", 999) == "BADF"
    guest.put(512, bytes([99, 0, 0, 0, READ, 0, 0, 0]))
    assert guest.call("poll", 512, 1, 0, OUT) == "BADF"
    guest.put(512, bytes([request, 0, 0, 0, 8, 0, 0, 0]))
    assert guest.call("poll", 512, 1, 0, OUT) == "INVAL"
    assert guest.call("poll", 512, 0, FOREVER, OUT) == "INVAL"


@pytest.mark.parametrize(
    ("method", "url", "headers", "flags", "wanted"),
    [
        ("CONNECT", HERE, "", 0, "INVAL"),
        ("trace", HERE, "", 0, "INVAL"),
        ("G T", HERE, "", 0, "INVAL"),
        ("GET\r\nX: y", HERE, "", 0, "INVAL"),
        ("", HERE, "", 0, "INVAL"),
        ("GET", HERE, "", BODY, "INVAL"),
        ("GET", HERE, "", 4, "INVAL"),
        ("GET", "here", "", 0, "INVAL"),
        ("GET", "http://a@here/", "", 0, "INVAL"),
        ("GET", "file:///etc/passwd", "", 0, "INVAL"),
        ("GET", WS, "", 0, "INVAL"),
        ("GET", HERE, "Host: other", 0, "INVAL"),
        ("GET", HERE, "cookie: a=b", 0, "INVAL"),
        ("GET", HERE, "Content-Length: 0", 0, "INVAL"),
        ("GET", HERE, "Transfer-Encoding: chunked", 0, "INVAL"),
        ("GET", HERE, "Sec-Fetch-Site: none", 0, "INVAL"),
        ("GET", HERE, "Proxy-Authorization: x", 0, "INVAL"),
        ("GET", HERE, "A b: c", 0, "INVAL"),
        ("GET", HERE, "no colon", 0, "INVAL"),
        ("GET", HERE, "a: b\rc: d", 0, "INVAL"),
        ("GET", HERE, "a: \0", 0, "INVAL"),
        ("GET", HERE, "a: ü", 0, "INVAL"),
        ("GET", HERE, "a: b\n" * 200, 0, "INVAL"),
        ("GET", HERE, b"\xff", 0, "ILSEQ"),
        ("GET", HERE, "x" * 70_000, 0, "TOOBIG"),
    ],
)
def test_requests_that_are_none(fake: Fake, method: str, url: str, headers: Any, flags: int, wanted: str) -> None:
    assert fake.guest().call("http_open", method, url, headers, flags, OUT) == wanted
    assert fake.network.exchanges == []


@pytest.mark.parametrize("code", [0, 999, 1001, 1005, 1006, 1011, 2999, 5000, 1 << 31])
def test_close_codes_that_are_not_a_guests(fake: Fake, code: int) -> None:
    guest = fake.guest()
    socket = guest.connect(WS)
    assert guest.call("ws_close", socket, code, "", 0) == "INVAL"
    assert guest.call("ws_close", socket, 1000, "r" * 124, 0) == "INVAL"
    assert guest.call("ws_close_reason", socket, 4096, 10, OUT, OUT + 4) == "AGAIN"
    guest.ok("ws_close", socket, 1000, "r" * 123, 0)


@pytest.mark.parametrize("path", ["/nowhere", "/file"])
def test_redirects_to_what_is_no_address(fake: Fake, path: str) -> None:
    guest = fake.guest()
    request = guest.open("GET", HERE + path)
    assert guest.call("http_response", request, 0, OUT) == "PROTO"
    assert len(fake.network.exchanges) == 1


# ---- waiting and not waiting --------------------------------------------------------------------------------------


def test_an_answer_that_is_not_there_yet(fake: Fake) -> None:
    guest = fake.guest()
    request = guest.open("GET", f"{HERE}/held")
    for call in ("http_headers", "http_url"):
        assert guest.call(call, request, 4096, 10, OUT) == "AGAIN"
    assert guest.call("http_response", request, NONBLOCK, OUT) == "AGAIN"
    assert guest.call("http_read", request, 4096, 10, NONBLOCK, OUT) == "AGAIN"
    guest.put(512, bytes([request, 0, 0, 0, READ | OPEN, 0, 0, 0]))
    guest.ok("poll", 512, 1, 1000, OUT)
    assert guest.word() == 0
    assert sum(fake.platform.clock.slept) == 1000
    fake.network.exchanges[0].release()
    guest.ok("poll", 512, 1, FOREVER, OUT)
    assert guest.get(518, 2) == bytes([READ | OPEN, 0])
    assert guest.body(request) == b"late"


def test_a_full_wire(fake: Fake) -> None:
    guest = fake.guest()
    socket = guest.connect(WS)
    fake.network.opened[0].full = True
    assert guest.call("ws_send", socket, 0, b"x", NONBLOCK) == "AGAIN"
    guest.put(512, bytes([socket, 0, 0, 0, WRITE, 0, 0, 0]))
    guest.ok("poll", 512, 1, 0, OUT)
    assert guest.word() == 0
    fake.network.opened[0].full = False
    guest.ok("ws_send", socket, 0, b"x", NONBLOCK)
    assert fake.network.opened[0].sent == [Message(b"x", False)]


def test_a_poll_with_a_time_needs_clocks(fake: Fake) -> None:
    guest = fake.guest(OPEN_POLICY.but(clocks=False))
    assert guest.call("poll", 512, 0, 1000, OUT) == "NOTCAPABLE"
    guest.ok("poll", 512, 0, 0, OUT)


# ---- asking -------------------------------------------------------------------------------------------------------


class Person:
    """Says what it was told to, in order."""

    def __init__(self, *answers: Answer, later: bool = False) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.told: list[str] = []
        self.later = later

    def __call__(self, decision: Decision) -> Answer | Awaitable[Answer]:
        self.asked.append(decision.subject)
        answer = self.answers.pop(0)
        if not self.later:
            return answer

        async def later() -> Answer:
            await asyncio.sleep(0)
            return answer

        return later()

    def policy(self) -> Policy:
        return Policy(ask=self, audit=lambda decision: self.told.append(str(decision)))


@pytest.mark.parametrize("later", [False, True])
def test_once_always_never(fake: Fake, later: bool) -> None:
    if later and sys.platform == "emscripten":
        pytest.skip("the fake world has no event loop of its own; test_fetch.py asks in the real one")
    person = Person(Answer.ONCE, Answer.ALWAYS, Answer.NEVER, later=later)
    guest = fake.guest(person.policy())
    del person.told[:]

    def fetch(url: str) -> str:
        found = guest.call("http_open", "GET", url, "", 0, OUT)
        return found if found != "SUCCESS" else guest.call("http_response", guest.word(), 0, OUT)

    assert [fetch(f"{HERE}/") for _ in range(3)] == ["SUCCESS"] * 3
    assert [fetch("http://there/") for _ in range(2)] == ["ACCES", "ACCES"]
    assert person.asked == [f"GET {HERE}/", f"GET {HERE}/", "GET http://there/"]
    assert person.told == [
        f"granted fetch GET {HERE}/ (answer: once)",
        f"granted fetch GET {HERE}/ (answer: always)",
        f"granted fetch GET {HERE}/",
        "denied fetch GET http://there/: needs fetch http://there for GET (answer: never)",
        "denied fetch GET http://there/: needs fetch http://there for GET",
    ]
    assert [exchange.request.url for exchange in fake.network.exchanges] == [f"{HERE}/"] * 3


def test_a_redirect_is_asked_about_too(fake: Fake) -> None:
    person = Person(Answer.ALWAYS, Answer.NEVER)
    guest = fake.guest(person.policy())
    request = guest.open("GET", f"{HERE}/there")
    assert guest.call("http_response", request, 0, OUT) == "ACCES"
    assert person.asked == [f"GET {HERE}/there", "GET http://there/"]
    assert len(fake.network.exchanges) == 1


def test_another_method_is_another_question(fake: Fake) -> None:
    person = Person(Answer.ALWAYS, Answer.NEVER, Answer.ONCE)
    guest = fake.guest(person.policy())
    guest.open("GET", f"{HERE}/")
    assert guest.call("http_open", "POST", f"{HERE}/", "", 0, OUT) == "ACCES"
    guest.connect(WS)
    assert person.asked == [f"GET {HERE}/", f"POST {HERE}/", WS]


# ---- the log ------------------------------------------------------------------------------------------------------


def test_the_log_has_levels_and_groups(fake: Fake) -> None:
    guest = fake.guest()
    for level in range(5):
        guest.ok("log", level, f"level {level}")
    assert guest.call("log", 5, "no such") == "INVAL"
    assert guest.call("log", 0, b"\xff") == "ILSEQ"
    guest.ok("log_begin_group", "inner")
    guest.ok("log_end_group")
    assert fake.platform.fake_log.entries == [
        *[(name, f"level {at}") for at, name in enumerate(["trace", "debug", "info", "warning", "error"])],
        ("group", "inner"),
        ("end", ""),
    ]
    silent = fake.guest(Policy(stdio=False))
    assert silent.call("log", 0, "x") == "ACCES"
    assert len(fake.platform.fake_log.entries) == 7


def test_a_log_in_a_terminal_cannot_draw() -> None:
    lines: list[str] = []
    log = LineLog(lines.append)
    log.begin_group("a\x1b[2J")
    log.write("info", "one\ntwo\x07\r\x1b]0;title\x07")
    log.end_group()
    log.end_group()
    log.write("error", "")
    assert lines[0] == "[group] a\ufffd[2J\n"
    assert lines[1:3] == ["  [info] one\n", "  [info] two\ufffd\n"]
    assert lines[-1] == "[error] \n"
    assert not any(ord(each) < 32 and each != "\n" for line in lines for each in line)
