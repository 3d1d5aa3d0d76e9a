"""http_*."""

from __future__ import annotations

from wasmarium.hostcalls.context import Outside
from wasmarium.hostcalls.data import check_buffer, flags_of, give, text
from wasmarium.hostcalls.signatures import Flags
from wasmarium.network import Fetch
from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import fail
from wasmarium.wasi.preview1.abi import check_out, store
from wasmarium.wasi.preview1.waiting import Wait


def http_open(
    outside: Outside,
    memory: GuestMemory,
    method: int,
    method_length: int,
    url: int,
    url_length: int,
    headers: int,
    headers_length: int,
    flags: int,
    request: int,
) -> None:
    """Begin a request."""
    wanted = text(memory, method, method_length), text(memory, url, url_length)
    lines = text(memory, headers, headers_length)
    asked = flags_of(flags, Flags.BODY)
    check_out(memory, request, 4)
    outside.check_room()
    fetch = Fetch(outside.access, *wanted, _pairs(lines), Flags.BODY in asked)
    store(memory, request, outside.add(fetch), 4)


def _pairs(lines: str) -> list[tuple[str, str]]:
    pairs = []
    for line in lines.split("\n"):
        name, colon, value = line.removesuffix("\r").partition(":")
        if colon:
            pairs.append((name, value.strip(" \t")))
        elif name:
            fail(Errno.INVAL)
    return pairs


def http_send(
    outside: Outside, memory: GuestMemory, request: int, content: int, length: int, flags: int, done: int
) -> Wait | None:
    """More of the request's body."""
    count = check_buffer(memory, content, length)
    check_out(memory, done, 4)
    asked = flags_of(flags, Flags.NONBLOCK)
    fetch = outside.get(request, Fetch)

    def finish() -> None:
        fetch.send(memory.read(content, count))
        store(memory, done, count, 4)

    return outside.when(fetch.signal, lambda: fetch.writable, asked, finish)


def http_finish(outside: Outside, memory: GuestMemory, request: int) -> None:
    """The request's body is whole."""
    outside.get(request, Fetch).finish()


def http_response(outside: Outside, memory: GuestMemory, request: int, flags: int, status: int) -> Wait | None:
    """The response's status."""
    check_out(memory, status, 4)
    asked = flags_of(flags, Flags.NONBLOCK)
    fetch = outside.get(request, Fetch)

    def finish() -> None:
        response = fetch.response
        assert response is not None
        store(memory, status, response.status, 4)

    return outside.when(fetch.signal, lambda: fetch.responded, asked, finish)


def http_headers(outside: Outside, memory: GuestMemory, request: int, buffer: int, length: int, needed: int) -> None:
    """The response's headers, as lines."""
    response = outside.get(request, Fetch).response
    if response is None:
        fail(Errno.AGAIN)
    lines = "".join(f"{name}: {value}\r\n" for name, value in response.headers)
    give(memory, lines.encode(), buffer, length, needed)


def http_url(outside: Outside, memory: GuestMemory, request: int, buffer: int, length: int, needed: int) -> None:
    """Where the request went in the end."""
    fetch = outside.get(request, Fetch)
    if fetch.response is None:
        fail(Errno.AGAIN)
    give(memory, fetch.url.encode(), buffer, length, needed)


def http_read(
    outside: Outside, memory: GuestMemory, request: int, buffer: int, length: int, flags: int, done: int
) -> Wait | None:
    """More of the response's body."""
    count = check_buffer(memory, buffer, length)
    check_out(memory, done, 4)
    asked = flags_of(flags, Flags.NONBLOCK)
    fetch = outside.get(request, Fetch)

    def finish() -> None:
        piece = fetch.read(count)
        memory.write(buffer, piece)
        store(memory, done, len(piece), 4)

    return outside.when(fetch.signal, lambda: fetch.readable, asked, finish)
