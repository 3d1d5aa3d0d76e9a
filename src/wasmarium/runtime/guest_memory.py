"""The one view through which host code touches a guest's memory: every pointer is checked here.

All numbers are little-endian; addresses and lengths are bytes. Anything outside the memory raises
Trap with MEMORY_OUT_OF_BOUNDS, as wasmtime's WASI does, before anything is read or written.
"""

from __future__ import annotations

from collections.abc import Iterable

from wasmarium.errors import TrapCode, trap
from wasmarium.runtime.memory import MemoryInstance


class GuestMemory:
    """A checked view of one memory."""

    __slots__ = ("memory",)

    def __init__(self, memory: MemoryInstance) -> None:
        self.memory = memory

    def __len__(self) -> int:
        return len(self.memory.data)

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
        raw = self.memory.read(address, 8 * count)
        vectors = []
        size = len(self)
        for at in range(0, 8 * count, 8):
            start = int.from_bytes(raw[at : at + 4], "little")
            length = int.from_bytes(raw[at + 4 : at + 8], "little")
            if start + length > size:
                raise trap(TrapCode.MEMORY_OUT_OF_BOUNDS)
            vectors.append((start, length))
        return vectors

    def gather(self, vectors: Iterable[tuple[int, int]]) -> bytes:
        """The bytes of several pieces, one after the other."""
        return self.memory.gather(list(vectors))

    def scatter(self, vectors: Iterable[tuple[int, int]], content: bytes) -> int:
        """Spread ``content`` over several pieces; returns how many bytes found room."""
        done = 0
        for start, length in vectors:
            piece = content[done : done + length]
            self.memory.write(start, piece)
            done += len(piece)
            if done == len(content):
                break
        return done
