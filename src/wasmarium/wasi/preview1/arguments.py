"""args_* and environ_*."""

from __future__ import annotations

from collections.abc import Sequence

from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.wasi.preview1.abi import check_aligned, store
from wasmarium.wasi.preview1.context import Wasi


def args_get(wasi: Wasi, memory: GuestMemory, argv: int, argv_buf: int) -> None:
    """The arguments: their addresses at ``argv``, their bytes at ``argv_buf``."""
    _get(memory, wasi.arguments, argv, argv_buf)


def args_sizes_get(wasi: Wasi, memory: GuestMemory, count: int, size: int) -> None:
    """How many arguments, and how many bytes they take."""
    _sizes(memory, wasi.arguments, count, size)


def environ_get(wasi: Wasi, memory: GuestMemory, environ: int, environ_buf: int) -> None:
    """The environment, as ``NAME=value``, like ``args_get``."""
    _get(memory, wasi.environment, environ, environ_buf)


def environ_sizes_get(wasi: Wasi, memory: GuestMemory, count: int, size: int) -> None:
    """How many variables, and how many bytes they take."""
    _sizes(memory, wasi.environment, count, size)


def _get(memory: GuestMemory, strings: Sequence[bytes], pointers: int, buffer: int) -> None:
    addresses = bytearray()
    content = bytearray()
    for text in strings:
        addresses += ((buffer + len(content)) & 0xFFFFFFFF).to_bytes(4, "little")
        content += text + b"\0"
    check_aligned(pointers, 4)
    memory.memory.check(pointers, len(addresses))
    memory.memory.check(buffer, len(content))
    memory.write(pointers, addresses)
    memory.write(buffer, content)


def _sizes(memory: GuestMemory, strings: Sequence[bytes], count: int, size: int) -> None:
    memory.memory.check(count, 4)
    memory.memory.check(size, 4)
    number, length = sizes(strings)
    store(memory, count, number, 4)
    store(memory, size, length, 4)


def sizes(strings: Sequence[bytes]) -> tuple[int, int]:
    """How many strings, and how many bytes they take."""
    return len(strings), sum(len(text) + 1 for text in strings)
