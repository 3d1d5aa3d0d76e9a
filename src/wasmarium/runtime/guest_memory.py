"""The one view through which host code touches a guest's memory: every pointer is checked here.

All numbers are little-endian; addresses and lengths are bytes. Anything outside the memory raises
Trap with MEMORY_OUT_OF_BOUNDS, as wasmtime's WASI does, before anything is read or written.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from wasmarium.runtime.memory import MemoryInstance

_VECTOR = struct.Struct("<II")


class GuestMemory:
    """A checked view of one memory."""

    __slots__ = ("memory",)

    def __init__(self, memory: MemoryInstance) -> None:
        self.memory = memory

    def __len__(self) -> int:
        return self.memory.size

    def read(self, address: int, count: int) -> bytes:
        """``count`` bytes at ``address``."""
        return self.memory.read(address, count)

    def write(self, address: int, content: bytes | bytearray | memoryview) -> None:
        """Store bytes at ``address``."""
        self.memory.write(address, content)

    def read_unsigned(self, address: int, count: int) -> int:
        """An unsigned integer of ``count`` bytes."""
        return int.from_bytes(self.memory.read(address, count), "little")

    def write_unsigned(self, address: int, value: int, count: int) -> None:
        """Store the low ``count`` bytes of an integer."""
        self.memory.write(address, (value & ((1 << (8 * count)) - 1)).to_bytes(count, "little"))

    def read_vectors(self, address: int, count: int) -> list[tuple[int, int]]:
        """A list of ``count`` (address, length) pairs of 32 bits each, all of them checked: the
        iovec arrays of WASI."""
        vectors = list(_VECTOR.iter_unpack(self.memory.read(address, 8 * count)))
        self.memory.check(0, max([start + length for start, length in vectors], default=0))
        return vectors

    def gather(self, vectors: Iterable[tuple[int, int]]) -> bytes:
        """The bytes of several pieces, one after the other."""
        return self.memory.gather(list(vectors))

    def scatter(self, vectors: Iterable[tuple[int, int]], content: bytes) -> int:
        """Spread ``content`` over several pieces; returns how many bytes found room."""
        pieces = []
        done, left = 0, len(content)
        for start, length in vectors:
            taken = min(length, left - done)
            pieces.append((start, taken))
            done += taken
            if done == left:
                break
        self.memory.scatter(pieces, content)
        return done
