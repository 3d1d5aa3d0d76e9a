"""SharedMemory: a memory that several stores may use."""

from __future__ import annotations

import ctypes

from wasmarium.embedding.engine import Engine
from wasmarium.embedding.managed import Managed
from wasmarium.embedding.memory import data_pointer, grow
from wasmarium.embedding.memory_type import MemoryType
from wasmarium.errors import WasmError
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.store import Store


class SharedMemory(Managed):
    """A memory for threads. It lives in an engine, so its methods take no store."""

    _memory: MemoryInstance

    def __init__(self, engine: Engine, ty: MemoryType) -> None:
        """A new memory, all zeros; ``ty`` must be shared."""
        if not isinstance(engine, Engine):
            raise TypeError("expected an Engine")
        if not ty.is_shared:
            raise WasmError("shared memory must have the `shared` flag enabled on its memory type")
        # it outlives the stores that use it, so it has one of its own
        self._memory = engine._execution.memory(Store(ResourceLimits()), ty._type)

    @classmethod
    def _of(cls, memory: MemoryInstance) -> SharedMemory:
        self = cls.__new__(cls)
        self._memory = memory
        return self

    def type(self) -> MemoryType:
        """Its type, as it was declared."""
        return MemoryType._of(self._memory.declared)

    def grow(self, delta: int) -> int:
        """Add ``delta`` pages of zeros; the size before, in pages. WasmtimeError if that may not be."""
        return grow(self._memory, delta)

    def size(self) -> int:
        """The size in pages."""
        return self._memory.pages

    def data_len(self) -> int:
        """The size in bytes."""
        return len(self._memory.data)

    def data_ptr(self) -> ctypes._Pointer[ctypes.c_ubyte]:
        """A raw pointer to byte 0; not valid any more once the memory has grown."""
        pointer: ctypes._Pointer[ctypes.c_ubyte] = data_pointer(self._memory)
        return pointer
