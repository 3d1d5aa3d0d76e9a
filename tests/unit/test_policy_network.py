"""What the policy says about the network, and how it reads addresses."""

from __future__ import annotations

import pytest

from wasmarium.policy import Address, Policy
from wasmarium.policy.address import WEBSOCKET


@pytest.mark.parametrize(
    ("text", "origin", "path"),
    [
        ("http://host", "http://host", "/"),
        ("HTTPS://Host.Example:443/a?b=c#d", "https://host.example", "/a?b=c"),
        ("http://127.0.0.1:8080/x%20y", "http://127.0.0.1:8080", "/x%20y"),
        ("http://[::1]:80/", "http://[::1]", "/"),
        ("http://host?q", "http://host", "/?q"),
        ("https://host:80", "https://host:80", "/"),
    ],
)
def test_addresses(text: str, origin: str, path: str) -> None:
    address = Address.parse(text)
    assert (address.origin, address.path, address.url) == (origin, path, origin + path)


# What one reader takes for the host another takes for a name, a path or nothing: nobody gets to choose.
@pytest.mark.parametrize(
    "text",
    [
        "http://granted@evil/",
        "http://granted:80@evil/",
        "http://granted\\@evil/",
        "http:\\\\granted/",
        "http:/granted/",
        "http:granted",
        "//granted/",
        "http://granted /",
        " http://granted/",
        "http://granted/\n",
        "http://gran\tted/",
        "http://granted%2eevil/",
        "http://gränted/",
        "http://granted:0/",
        "http://granted:99999/",
        "http://granted:8 0/",
        "http://granted/a b",
        "http://granted/a/../b",
        "http://granted/a/%2E%2e/b",
        "http://granted/.",
        "http://granted/%zz",
        "http://[::1/",
        "http:///path",
        "file:///etc/passwd",
        "ftp://granted/",
        "javascript:alert(1)",
        "http://granted/" + "a" * 9000,
        "",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError):
        Address.parse(text)


def test_a_reference_is_read_like_an_address() -> None:
    base = Address.parse("http://host:81/a/b?c")
    assert base.join("d").url == "http://host:81/a/d"
    assert base.join("../d").url == "http://host:81/d"
    assert base.join("//other/x").url == "http://other/x"
    assert base.join("https://other").origin == "https://other"
    for bad in ("file:///etc/passwd", "http://a@b/", "data:text/plain,x", "ws://host/"):
        with pytest.raises(ValueError):
            base.join(bad)


def fetches(policy: Policy, method: str, url: str) -> bool:
    return policy.weigh_fetch(method, Address.parse(url)).granted


def opens(policy: Policy, url: str) -> bool:
    return policy.weigh_websocket(Address.parse(url, WEBSOCKET)).granted


def test_without_a_word_there_is_no_network() -> None:
    assert not fetches(Policy(), "GET", "http://host/")
    assert not opens(Policy(), "ws://host/")
    assert not fetches(Policy.everything_given(), "GET", "http://host/")
    decision = Policy().weigh_fetch("POST", Address.parse("http://host:81/x"))
    assert str(decision) == "denied fetch POST http://host:81/x: needs fetch http://host:81 for POST"


def test_an_origin_is_scheme_host_and_port() -> None:
    policy = Policy(fetch={"HTTPS://Host:443/": None, "http://other:81": ("GET",)})
    assert fetches(policy, "DELETE", "https://host/any/path?query")
    assert fetches(policy, "GET", "http://other:81/")
    for method, url in [
        ("POST", "http://other:81/"),
        ("GET", "http://other/"),
        ("GET", "https://other:81/"),
        ("GET", "http://host/"),
        ("GET", "https://host:444/"),
        ("GET", "https://sub.host/"),
        ("GET", "https://host.evil/"),
        ("GET", "https://host./"),
    ]:
        assert not fetches(policy, method, url), (method, url)


def test_every_origin() -> None:
    policy = Policy(fetch={"*": ("GET",), "http://host": None})
    assert fetches(policy, "GET", "http://any/")
    assert not fetches(policy, "POST", "http://any/")
    assert fetches(policy, "POST", "http://host/")
    assert not policy.fetches_anything
    assert Policy(fetch={"*": None}).fetches_anything


def test_websockets_are_granted_by_address_or_by_its_beginning() -> None:
    policy = Policy(websockets=("ws://host/chat", "wss://other:443/a/*"))
    assert opens(policy, "ws://host:80/chat")
    assert opens(policy, "wss://other/a/b?c")
    for url in ("ws://host/chat2", "ws://host/", "wss://host/chat", "ws://host/chat?x", "wss://other/b", "wss://other/a"):
        assert not opens(policy, url), url
    assert opens(Policy(websockets=["*"]), "wss://anywhere/")


@pytest.mark.parametrize(
    "grants",
    [
        {"fetch": {"host": None}},
        {"fetch": {"http://host/path": None}},
        {"fetch": {"ws://host": None}},
        {"websockets": ["http://host"]},
        {"websockets": ["ws://ho*"]},
        {"websockets": ["ws://*"]},
        {"requests": -1},
        {"wall_time": -1},
    ],
)
def test_a_grant_that_makes_no_sense_is_told_at_once(grants) -> None:
    with pytest.raises(ValueError):
        Policy(**grants)
