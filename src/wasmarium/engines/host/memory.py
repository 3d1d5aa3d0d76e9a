"""Memories of the host: what Python reads and writes of them crosses in one piece."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from wasmarium.errors import TrapCode, trap
from wasmarium.runtime.memory import WATCH_SHIFT, MemoryInstance
from wasmarium.types import I64, MemoryType

if TYPE_CHECKING:
    from wasmarium.engines.host.glue import Handle
    from wasmarium.engines.host.realm import Realm

_FAR = 1 << 53
"""No memory is as large, and JavaScript's numbers are exact below."""


class HostMemory(MemoryInstance):
    """A WebAssembly.Memory. ``shared``: other threads can have it."""

    __slots__ = (
        "_bytes",
        "_known",
        "_maps",
        "_noted",
        "_read",
        "_room",
        "_size",
        "_view",
        "_write",
        "before_watching",
        "handle",
        "realm",
        "shared",
    )

    far = True

    def __init__(self, realm: Realm, type: MemoryType, handle: Handle, shared: bool = False) -> None:
        self.declared = type
        self.shared = shared or type.shared
        self.realm = realm
        self.handle = handle
        self._bytes = realm.glue.memory(handle)
        self._view, self._room = realm.view, realm.room
        self._read, self._write, self._size = self._bytes.read, self._bytes.write, self._bytes.size
        # it never shrinks, so that most checks need not ask how large it is by now
        self._known = 0
        self._limits = realm.limits
        self._page_size = type.page_size
        self._maps: list[Callable[[bytearray], None]] = []
        self._noted: bytearray | None = None
        self.before_watching: list[Callable[[], None]] = []
        """To be called before writes are noted, by those who write and do not note it."""
        self.waiters = None
        self.has_other_agents = False

    @property
    def data(self) -> Any:  # type: ignore[override]
        """The bytes, as something to be indexed and sliced; each access crosses to the host."""
        return MemoryBytes(self)

    @property
    def written(self) -> bytearray | None:  # type: ignore[override]
        """See :class:`~wasmarium.runtime.memory.MemoryInstance`. What guests have written since the last look is
        added when one looks; only guests note it that were made when their store wanted that."""
        noted = self._noted
        if noted is not None:
            noted = self.watch()
            for add in self._maps:
                add(noted)
        return noted

    @property
    def is_watched(self) -> bool:
        """Whether writes are noted. Unlike ``written`` it does not cross, so it may be asked within a call."""
        return self._noted is not None

    def watch(self) -> bytearray:
        if self._noted is None:
            while self.before_watching:
                self.before_watching.pop()()
            self._noted = bytearray()
        missing = -(-self._size() >> WATCH_SHIFT) - len(self._noted)
        self._noted.extend(bytes(missing))
        return self._noted

    def watched_by(self, add: Callable[[bytearray], None]) -> None:
        """Let ``add`` note the writes of a guest, from now on."""
        self.watch()
        self._maps.append(add)

    def note_write(self, address: int, count: int) -> None:
        if self._noted is not None and count:
            first, last = address >> WATCH_SHIFT, (address + count - 1) >> WATCH_SHIFT
            self.watch()[first : last + 1] = b"\x01" * (last + 1 - first)

    @property
    def size(self) -> int:
        """The present size in bytes."""
        return self._size()

    @property
    def pages(self) -> int:
        return self._size() // self._page_size

    def grow(self, delta: int) -> int:
        before = self._size() // self._page_size
        if delta >= 1 << 48 or (before + delta) * self._page_size > self._limits.memory_bytes:
            return -1
        return self._bytes.growLong(delta) if self.declared.address is I64 else self._bytes.grow(delta)

    def check(self, address: int, count: int) -> None:
        if address < 0 or count < 0:
            raise trap(TrapCode.MEMORY_OUT_OF_BOUNDS)
        end = address + count
        if end > self._known:
            self._known = self._size()
            if end > self._known:
                raise trap(TrapCode.MEMORY_OUT_OF_BOUNDS)

    def read(self, address: int, count: int) -> bytes:
        if not 0 <= address < _FAR or count < 0:
            raise trap(TrapCode.MEMORY_OUT_OF_BOUNDS)
        if count > self._room:
            self.check(address, count)
            piece: bytes = self._bytes.slice(address, count).to_bytes()
            return piece
        if self._read(address, count):
            raise trap(TrapCode.MEMORY_OUT_OF_BOUNDS)
        return bytes(self._view[:count])

    def write(self, address: int, content: bytes | bytearray | memoryview) -> None:
        count = len(content)
        if not 0 <= address < _FAR:
            raise trap(TrapCode.MEMORY_OUT_OF_BOUNDS)
        if count > self._room:
            self.check(address, count)
            self._bytes.slice(address, count).assign(content)
            self.note_write(address, count)
            return
        self._view[:count] = content
        if self._write(address, count):
            raise trap(TrapCode.MEMORY_OUT_OF_BOUNDS)
        if self._noted is not None:
            self.note_write(address, count)

    def fill(self, address: int, byte: int, count: int) -> None:
        self.check(address, count)
        self._bytes.fill(address, byte, count)
        self.note_write(address, count)

    def gather(self, pieces: Sequence[tuple[int, int]]) -> bytes:
        """The bytes of several pieces, one after the other; all are inside."""
        total = sum(length for _, length in pieces)
        if len(pieces) < 2 or total > self.realm.room or 8 * len(pieces) > self.realm.room:
            return b"".join(self.read(start, length) for start, length in pieces)
        self._list(pieces)
        self._bytes.gather(len(pieces))
        return bytes(self.realm.view[:total])

    def scatter(self, pieces: Sequence[tuple[int, int]], content: bytes) -> None:
        start = 8 * len(pieces)
        total = sum(length for _, length in pieces)
        if len(pieces) < 2 or start + total > self.realm.room:
            super().scatter(pieces, content)
            return
        self._list(pieces)
        self.realm.view[start : start + total] = content[:total]
        if self._bytes.scatter(len(pieces)):
            raise trap(TrapCode.MEMORY_OUT_OF_BOUNDS)
        if self._noted is not None:
            for address, count in pieces:
                self.note_write(address, count)

    def _list(self, pieces: Sequence[tuple[int, int]]) -> None:
        flat = [number for piece in pieces for number in piece]
        struct.pack_into(f"<{len(flat)}I", self.realm.view, 0, *flat)


class MemoryBytes:
    """The bytes of a host memory with the manners of a bytearray, but for changing its length."""

    __slots__ = ("_memory", "read", "write")

    def __init__(self, memory: HostMemory) -> None:
        self._memory = memory

        self.read, self.write = memory.read, memory.write

    def __len__(self) -> int:
        return self._memory.size

    def __getitem__(self, index: int | slice) -> int | bytearray:
        memory = self._memory
        if isinstance(index, slice):
            start, stop, step = index.indices(memory.size)
            if step == 1:
                return bytearray(memory.read(start, max(0, stop - start)))
            positions = range(start, stop, step)
            if not positions:
                return bytearray()
            first, last = sorted((positions[0], positions[-1]))
            piece = memory.read(first, last - first + 1)
            return bytearray(piece[position - first] for position in positions)
        return memory.read(self._at(index), 1)[0]

    def __setitem__(self, index: int | slice, value: Any) -> None:
        if not isinstance(index, slice):
            self.write(self._at(index), bytes((value,)))
            return
        memory = self._memory
        positions = range(*index.indices(memory.size))
        content = bytes(value)
        if len(content) != len(positions):
            raise ValueError("a slice of a memory takes as many bytes as it has")
        if positions.step == 1:
            memory.write(positions.start, content)
            return
        for position, byte in zip(positions, content, strict=True):
            memory.write(position, bytes((byte,)))

    def _at(self, index: int) -> int:
        size = self._memory.size
        if not -size <= index < size:
            raise IndexError("index out of range")
        return index % size
