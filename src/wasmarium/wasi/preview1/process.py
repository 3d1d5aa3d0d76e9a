"""proc_*, sched_yield, random_get."""

from __future__ import annotations

from wasmarium.errors import GuestExit
from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import fail
from wasmarium.wasi.preview1.context import Wasi

_CHUNK = 65_536


def proc_exit(wasi: Wasi, memory: GuestMemory, code: int) -> None:
    """End the guest. Raises GuestExit."""
    raise GuestExit(code)


def proc_raise(wasi: Wasi, memory: GuestMemory, signal: int) -> None:
    """There are no signals: NOTSUP, as in wasmtime."""
    fail(Errno.NOTSUP)


def sched_yield(wasi: Wasi, memory: GuestMemory) -> None:
    """A guest has one thread, so there is no other to run."""
    return


def random_get(wasi: Wasi, memory: GuestMemory, buffer: int, length: int) -> None:
    """Fill the buffer with random bytes."""
    wasi.need("randomness")
    memory.memory.check(buffer, length)
    for start in range(0, length, _CHUNK):
        memory.write(buffer + start, wasi.random.read(min(_CHUNK, length - start)))
