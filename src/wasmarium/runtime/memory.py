"""Linear memory (specification, sections 4.2.8 and 4.7.8): bytes that grow by whole pages.

``data`` is one bytearray for the whole life of the memory: it grows in place and is never replaced,
so engines may hold on to it. Access outside it is a trap. When someone watches, ``written`` has a
byte for every 4 KiB, set to 1 by whoever writes there; the watcher clears it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from wasmarium.errors import Exhausted, TrapCode, trap
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.types import I32, Limits, MemoryType

if TYPE_CHECKING:
    from weakref import ref

    from wasmarium.runtime.atomics import Waiter

WATCH_SHIFT = 12
"""log2 of the bytes that one entry of ``written`` stands for."""


class MemoryInstance:
    """A memory. Raises Exhausted when its first pages are more than the store allows or has."""

    __slots__ = (
        "_limits",
        "_maximum_pages",
        "_page_size",
        "data",
        "declared",
        "has_other_agents",
        "waiters",
        "written",
    )

    far: ClassVar[bool] = False
    """Whether ``data`` only looks like a bytearray: it can be indexed and sliced, but is no buffer."""

    def __init__(self, type: MemoryType, limits: ResourceLimits) -> None:
        self.declared = type
        self._limits = limits
        self._page_size = type.page_size
        address_space = (1 << (32 if type.address is I32 else 64)) // self._page_size
        maximum = type.limits.maximum
        self._maximum_pages = address_space if maximum is None else min(maximum, address_space)
        size = limits.first_bytes((type,))
        with limits.taking(size, "memory"):
            try:
                self.data = bytearray(size)
            except (MemoryError, OverflowError):
                raise Exhausted(f"no room for a memory of {size} bytes") from None
        self.written: bytearray | None = None
        self.waiters: dict[int, list[ref[Waiter]]] | None = None
        """Who waits at which address (see ``atomics``)."""
        self.has_other_agents = False
        """Whether the driver of the running guest has others that may notify it."""

    @property
    def size(self) -> int:
        """The present size in bytes."""
        return len(self.data)

    @property
    def pages(self) -> int:
        """The present size in pages."""
        return len(self.data) // self._page_size

    @property
    def type(self) -> MemoryType:
        """The type with the present size as its minimum, as linking sees it (section 4.2.8)."""
        declared = self.declared
        limits = Limits(self.pages, declared.limits.maximum)
        return MemoryType(limits, declared.address, declared.shared, declared.page_size_log2)

    def grow(self, delta: int) -> int:
        """Add ``delta`` pages of zeros. Returns the size before, in pages, or -1 if it may not be."""
        data = self.data
        before = len(data) // self._page_size
        size = (before + delta) * self._page_size
        if before + delta > self._maximum_pages or size > self._limits.memory_bytes:
            return -1
        if delta:
            more = size - len(data)
            if not self._limits.take(more):
                return -1
            try:
                data.extend(bytes(more))
            except (MemoryError, OverflowError, BufferError):
                self._limits.give_back(more)
                return -1
            if self.written is not None:
                self.watch()
        return before

    def watch(self) -> bytearray:
        """Start to note writes; returns ``written``, which keeps its identity while memory grows."""
        if self.written is None:
            self.written = bytearray()
        missing = -(-len(self.data) >> WATCH_SHIFT) - len(self.written)
        self.written.extend(bytes(missing))
        return self.written

    def note_write(self, address: int, count: int) -> None:
        """Tell the watcher, if there is one, of a write to ``count`` bytes at ``address``."""
        written = self.written
        if written is not None and count:
            first, last = address >> WATCH_SHIFT, (address + count - 1) >> WATCH_SHIFT
            written[first : last + 1] = b"\x01" * (last + 1 - first)

    def check(self, address: int, count: int) -> None:
        """Trap unless ``count`` bytes at ``address`` are inside."""
        if address < 0 or count < 0 or address + count > len(self.data):
            raise trap(TrapCode.MEMORY_OUT_OF_BOUNDS)

    def read(self, address: int, count: int) -> bytes:
        """A copy of ``count`` bytes; traps when out of bounds."""
        self.check(address, count)
        return bytes(self.data[address : address + count])

    def gather(self, pieces: Sequence[tuple[int, int]]) -> bytes:
        """The bytes of several pieces (address, length), one after the other."""
        return b"".join([self.read(address, count) for address, count in pieces])

    def scatter(self, pieces: Sequence[tuple[int, int]], content: bytes) -> None:
        """Spread ``content`` over several pieces; they have no more room than it fills, but may have less."""
        done = 0
        for address, count in pieces:
            self.write(address, content[done : done + count])
            done += count

    def write(self, address: int, content: bytes | bytearray | memoryview) -> None:
        """Store ``content``; traps, with nothing written, when out of bounds."""
        count = len(content)
        self.check(address, count)
        self.data[address : address + count] = content
        self.note_write(address, count)

    def fill(self, address: int, byte: int, count: int) -> None:
        """Set ``count`` bytes to ``byte``; traps, with nothing written, when out of bounds."""
        self.check(address, count)
        self.data[address : address + count] = bytes((byte,)) * count
        self.note_write(address, count)
