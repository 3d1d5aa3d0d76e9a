"""Every function of the import module ``wasmarium``: one row each.

All parameters are i32 (unsigned) but ``timeout``, which is an i64. A pointer is followed by a length in
bytes; results go through pointers (``out``) to an unsigned integer of 32 bits; the function itself gives
an error number of WASI preview 1. What each does is in README.md beside this file.
"""

from __future__ import annotations

import enum

from wasmarium.types import I32, I64, FunctionType
from wasmarium.wasi.preview1.signatures import read_rows

MODULE = "wasmarium"
"""The name that guests import from."""

_ROWS = """
log                 level:level text:pointer text_length:size
log_begin_group     label:pointer label_length:size
log_end_group
http_open           method:pointer method_length:size url:pointer url_length:size headers:pointer headers_length:size flags:flags request:out
http_send           request:handle content:pointer length:size flags:flags done:out
http_finish         request:handle
http_response       request:handle flags:flags status:out
http_headers        request:handle buffer:pointer length:size needed:out
http_url            request:handle buffer:pointer length:size needed:out
http_read           request:handle buffer:pointer length:size flags:flags done:out
ws_open             url:pointer url_length:size protocols:pointer protocols_length:size socket:out
ws_connect          socket:handle flags:flags
ws_protocol         socket:handle buffer:pointer length:size needed:out
ws_send             socket:handle kind:kind content:pointer length:size flags:flags
ws_receive          socket:handle buffer:pointer length:size flags:flags kind:out done:out left:out
ws_close            socket:handle code:code reason:pointer reason_length:size flags:flags
ws_close_reason     socket:handle buffer:pointer length:size code:out needed:out
poll                entries:pointer count:size timeout:timeout ready:out
close               handle:handle
"""  # noqa: E501

SIGNATURES: dict[str, tuple[tuple[str, str], ...]] = read_rows(_ROWS)
"""Name -> (parameter, kind) pairs."""


def function_type(name: str) -> FunctionType:
    """The WebAssembly type of a function."""
    return FunctionType(tuple(I64 if kind == "timeout" else I32 for _, kind in SIGNATURES[name]), (I32,))


class Flags(enum.IntFlag):
    """How a call that might wait behaves, and whether a request has a body."""

    NONBLOCK = 1
    BODY = 2


class Kind(enum.IntEnum):
    """What a WebSocket gives or takes."""

    BINARY = 0
    TEXT = 1
    CLOSED = 2


class Events(enum.IntFlag):
    """What ``poll`` waits for."""

    READ = 1
    WRITE = 2
    OPEN = 4
