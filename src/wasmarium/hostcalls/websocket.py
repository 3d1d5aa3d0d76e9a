"""ws_*."""

from __future__ import annotations

from wasmarium.hostcalls.context import Outside
from wasmarium.hostcalls.data import check_buffer, flags_of, give, text
from wasmarium.hostcalls.signatures import Flags, Kind
from wasmarium.network import Connection
from wasmarium.network.connection import LARGEST_MESSAGE
from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import fail
from wasmarium.wasi.preview1.abi import check_out, store
from wasmarium.wasi.preview1.waiting import Wait


def ws_open(
    outside: Outside,
    memory: GuestMemory,
    url: int,
    url_length: int,
    protocols: int,
    protocols_length: int,
    socket: int,
) -> None:
    """Begin to open a WebSocket."""
    address = text(memory, url, url_length)
    names = [name.strip() for name in text(memory, protocols, protocols_length).split(",")]
    check_out(memory, socket, 4)
    outside.check_room()
    connection = Connection(outside.access, address, [] if names == [""] else names)
    store(memory, socket, outside.add(connection), 4)


def ws_connect(outside: Outside, memory: GuestMemory, socket: int, flags: int) -> Wait | None:
    """Success once it is open."""
    asked = flags_of(flags, Flags.NONBLOCK)
    connection = outside.get(socket, Connection)
    return outside.when(connection.signal, lambda: connection.connected, asked, connection.check)


def ws_protocol(outside: Outside, memory: GuestMemory, socket: int, buffer: int, length: int, needed: int) -> None:
    """The protocol that the peer chose."""
    give(memory, outside.get(socket, Connection).protocol.encode(), buffer, length, needed)


def ws_send(
    outside: Outside, memory: GuestMemory, socket: int, kind: int, content: int, length: int, flags: int
) -> Wait | None:
    """Send one message."""
    memory.memory.check(content, length)
    asked = flags_of(flags, Flags.NONBLOCK)
    if kind not in (Kind.BINARY, Kind.TEXT):
        fail(Errno.INVAL)
    connection = outside.get(socket, Connection)
    if length > LARGEST_MESSAGE:
        fail(Errno.MSGSIZE)

    def finish() -> None:
        connection.send(memory.read(content, length), kind == Kind.TEXT)

    return outside.when(connection.signal, lambda: connection.writable, asked, finish)


def ws_receive(
    outside: Outside,
    memory: GuestMemory,
    socket: int,
    buffer: int,
    length: int,
    flags: int,
    kind: int,
    done: int,
    left: int,
) -> Wait | None:
    """Take the next message, or what is left of the last."""
    count = check_buffer(memory, buffer, length)
    for out in (kind, done, left):
        check_out(memory, out, 4)
    asked = flags_of(flags, Flags.NONBLOCK)
    connection = outside.get(socket, Connection)

    def finish() -> None:
        rest = outside.rest.pop(socket, None)
        if rest is None:
            message = connection.receive()
            rest = None if message is None else (message.content, message.text)
        content, is_text = rest or (b"", False)
        memory.write(buffer, content[:count])
        store(memory, kind, Kind.CLOSED if rest is None else Kind.TEXT if is_text else Kind.BINARY, 4)
        store(memory, done, min(len(content), count), 4)
        store(memory, left, max(len(content) - count, 0), 4)
        if len(content) > count:
            outside.rest[socket] = content[count:], is_text

    return outside.when(connection.signal, lambda: socket in outside.rest or connection.readable, asked, finish)


def ws_close(
    outside: Outside, memory: GuestMemory, socket: int, code: int, reason: int, reason_length: int, flags: int
) -> Wait | None:
    """Close, and wait for the peer to agree."""
    said = text(memory, reason, reason_length)
    asked = flags_of(flags, Flags.NONBLOCK)
    connection = outside.get(socket, Connection)
    connection.close(code, said)
    return outside.when(connection.signal, lambda: connection.closed, asked, _nothing)


def ws_close_reason(
    outside: Outside, memory: GuestMemory, socket: int, buffer: int, length: int, code: int, needed: int
) -> None:
    """Why it was closed."""
    check_out(memory, code, 4)
    connection = outside.get(socket, Connection)
    if not connection.closed:
        fail(Errno.AGAIN)
    give(memory, connection.close_reason.encode(), buffer, length, needed)
    store(memory, code, connection.close_code, 4)


def _nothing() -> None:
    return
