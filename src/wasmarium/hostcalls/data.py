"""Texts, flags and buffers of a guest."""

from __future__ import annotations

from wasmarium.hostcalls.signatures import Flags
from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.wasi.errno import Errno, WasiError
from wasmarium.wasi.filesystem.base import fail
from wasmarium.wasi.preview1.abi import MOST_BYTES, check_out, store

LONGEST_TEXT = 65_536
"""Bytes of a text that a guest hands over; more give TOOBIG."""


def text(memory: GuestMemory, pointer: int, length: int) -> str:
    """A text of the guest; traps outside memory. TOOBIG for a long one, ILSEQ for what is not UTF-8."""
    if length > LONGEST_TEXT:
        memory.memory.check(pointer, length)
        fail(Errno.TOOBIG)
    try:
        return memory.read(pointer, length).decode()
    except UnicodeDecodeError:
        raise WasiError(Errno.ILSEQ) from None


def flags_of(value: int, allowed: Flags) -> Flags:
    """``value`` as flags; INVAL for others than those allowed."""
    if value & ~allowed.value:
        fail(Errno.INVAL)
    return Flags(value)


def check_buffer(memory: GuestMemory, pointer: int, length: int) -> int:
    """Trap unless the buffer lies in memory; how many bytes of it one call uses."""
    memory.memory.check(pointer, length)
    return min(length, MOST_BYTES)


def give(memory: GuestMemory, content: bytes, buffer: int, length: int, needed: int) -> None:
    """As much of ``content`` as fits, and how long it is."""
    memory.memory.check(buffer, length)
    check_out(memory, needed, 4)
    memory.write(buffer, content[:length])
    store(memory, needed, len(content), 4)
