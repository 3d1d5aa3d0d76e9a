"""log_*. Goes where the standard streams go, so it needs their grant."""

from __future__ import annotations

from wasmarium.bridge.log import LEVELS
from wasmarium.hostcalls.context import Outside
from wasmarium.hostcalls.data import text
from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import fail


def log(outside: Outside, memory: GuestMemory, level: int, pointer: int, length: int) -> None:
    """One entry."""
    said = text(memory, pointer, length)
    if level >= len(LEVELS):
        fail(Errno.INVAL)
    outside.need("stdio")
    outside.log.write(LEVELS[level], said)


def log_begin_group(outside: Outside, memory: GuestMemory, pointer: int, length: int) -> None:
    """What follows belongs together."""
    label = text(memory, pointer, length)
    outside.need("stdio")
    outside.log.begin_group(label)


def log_end_group(outside: Outside, memory: GuestMemory) -> None:
    """The innermost group is over."""
    outside.need("stdio")
    outside.log.end_group()
