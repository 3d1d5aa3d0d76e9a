"""What tests of hostile input share: modules of any size written byte by byte, and bounds on time and memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from wasmarium.leb128 import write_signed, write_unsigned

PREAMBLE = b"\0asm\1\0\0\0"


def u(value: int) -> bytes:
    """An unsigned number in LEB128."""
    out = bytearray()
    write_unsigned(value, out)
    return bytes(out)


def s(value: int) -> bytes:
    """A signed number in LEB128: constants, type indices in types."""
    out = bytearray()
    write_signed(value, out)
    return bytes(out)


def section(number: int, content: bytes) -> bytes:
    """A section of any length."""
    return bytes([number]) + u(len(content)) + content


def vector(items: Sequence[bytes]) -> bytes:
    """The items with their number before them."""
    return u(len(items)) + b"".join(items)


def body(code: bytes, locals: bytes = b"\0") -> bytes:
    """A code entry; ``code`` includes its end."""
    return u(len(locals) + len(code)) + locals + code


NOTHING = b"\x60\0\0"
"""The type of a function without parameters and results."""


def module(*bodies: bytes, types: Sequence[bytes] = (NOTHING,), functions: Sequence[int] = (), **parts: bytes) -> bytes:
    """A module of these code entries, each of type 0 unless ``functions`` says something else; the first
    one is exported as "f". ``parts`` are more sections by their names."""
    assert parts.keys() <= {"tables", "memories", "tags", "globals", "start", "elements", "customs"}
    return b"".join(
        (
            PREAMBLE,
            section(1, vector(types)),
            section(3, vector([u(index) for index in functions or [0] * len(bodies)])),
            section(4, parts["tables"]) if "tables" in parts else b"",
            section(5, parts["memories"]) if "memories" in parts else b"",
            section(13, parts["tags"]) if "tags" in parts else b"",
            section(6, parts["globals"]) if "globals" in parts else b"",
            section(7, b"\1\1f\0\0"),
            section(8, parts["start"]) if "start" in parts else b"",
            section(9, parts["elements"]) if "elements" in parts else b"",
            section(10, vector(bodies)),
            parts.get("customs", b""),
        )
    )


@contextmanager
def bounded(seconds: float, megabytes: float | None = None) -> Iterator[None]:
    """CPU time and memory that what is inside may take; generous, because it also runs inside Pyodide."""
    if megabytes is not None:
        tracemalloc.start()
    began = time.process_time()
    peak = 0
    try:
        yield
        took = time.process_time() - began
        if megabytes is not None:
            _, peak = tracemalloc.get_traced_memory()
    finally:
        if megabytes is not None:
            tracemalloc.stop()
    assert took < seconds
    assert megabytes is None or peak < megabytes * 1e6
