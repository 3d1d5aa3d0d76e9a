"""Memory: the bytes of a guest."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, overload

from wasmarium.embedding.externals import External
from wasmarium.embedding.memory_type import MemoryType
from wasmarium.embedding.store import Storelike, check_owner, resolve
from wasmarium.errors import Exhausted, Unsupported, WasmError
from wasmarium.runtime.memory import WATCH_SHIFT, MemoryInstance

if TYPE_CHECKING:
    from wasmarium.embedding.store import Store


class Memory(External):
    """A linear memory: bytes from address 0 on, growing by pages of 64 KiB.

    >>> from wasmarium import Limits, Memory, MemoryType, Store
    >>> store = Store()
    >>> memory = Memory(store, MemoryType(Limits(1, 3)))
    >>> memory.size(store), memory.data_len(store)
    (1, 65536)
    >>> memory.write(store, b"wasm", 8)
    4
    >>> memory.read(store, 8, 12)
    bytearray(b'wasm')
    >>> memory.grow(store, 1)
    1

    Beyond wasmtime's API a memory can be indexed like a bytearray, which needs no store:

    >>> bytes(memory[8:12])
    b'wasm'
    >>> memory[8] = ord("W")
    """

    _external: MemoryInstance

    def __init__(self, store: Storelike, ty: MemoryType) -> None:
        """A new memory, all zeros. WasmtimeError when it is more than the store may have."""
        owner = resolve(store)
        if not isinstance(ty, MemoryType):
            raise TypeError("expected a MemoryType")
        self._owner = owner
        self._external = owner.engine._execution.memory(owner._runtime, ty._type)

    @classmethod
    def _of(cls, store: Store, memory: MemoryInstance) -> Memory:
        self = cls.__new__(cls)
        self._owner = store
        self._external = memory
        return self

    def type(self, store: Storelike) -> MemoryType:
        """Its type, as it was declared."""
        check_owner(store, self._owner)
        return MemoryType._of(self._external.declared)

    def grow(self, store: Storelike, delta: int) -> int:
        """Add ``delta`` pages of zeros; the size before, in pages. WasmtimeError if that may not be."""
        check_owner(store, self._owner)
        return grow(self._external, delta)

    def size(self, store: Storelike) -> int:
        """The size in pages."""
        check_owner(store, self._owner)
        return self._external.pages

    def data_len(self, store: Storelike) -> int:
        """The size in bytes."""
        check_owner(store, self._owner)
        return len(self._external.data)

    def page_size(self, store: Storelike) -> int:
        """Bytes in a page: 65536, unless the module asks for pages of one byte."""
        check_owner(store, self._owner)
        return self._external.declared.page_size

    def page_size_log2(self, store: Storelike) -> int:
        """log2 of the bytes in a page."""
        check_owner(store, self._owner)
        return self._external.declared.page_size_log2

    def data_ptr(self, store: Storelike) -> ctypes._Pointer[ctypes.c_ubyte]:
        """A raw pointer to byte 0, for ctypes; nothing is checked behind it.

        It is no longer valid once the memory has grown: ask again then. Writes through it are not
        seen by whoever watches the memory. A memory of the host engine has no address in Python: there it
        can be indexed and sliced just the same, but ctypes raises WasmtimeError.
        """
        check_owner(store, self._owner)
        pointer: ctypes._Pointer[ctypes.c_ubyte] = data_pointer(self._external)
        return pointer

    def get_buffer_ptr(self, store: Storelike, size: int | None = None, offset: int = 0) -> ctypes.Array[Any]:
        """A ctypes array over ``size`` bytes (None: all) at ``offset``, which numpy and memoryview
        can use without a copy. As short-lived as :meth:`data_ptr`; IndexError outside the memory, WasmtimeError
        where the memory belongs to the host engine."""
        check_owner(store, self._owner)
        length = len(self._external.data)
        if size is None:
            size = length - offset
        if size < 0 or offset < 0 or offset + size > length:
            raise IndexError("index out of range")
        if not isinstance(self._external.data, bytearray):
            raise _no_address()
        address = ctypes.cast(data_pointer(self._external), ctypes.c_void_p).value or 0
        kind: type[ctypes.Array[Any]] = ctypes.c_ubyte * size
        return kind.from_address(address + offset) if size else kind()

    def read(self, store: Storelike, start: int | None = 0, stop: int | None = None) -> bytearray:
        """A copy of the bytes from ``start`` to ``stop``, with the rules of slices: negative numbers
        count from the end, and what is outside is left out."""
        check_owner(store, self._owner)
        return bytearray(self._external.data[slice(start, stop)])

    def write(self, store: Storelike, value: bytearray | bytes, start: int | None = None) -> int:
        """Store ``value`` from ``start`` on (None: 0; negative: from the end); how many bytes that
        were. IndexError, with nothing written, when they do not all fit."""
        check_owner(store, self._owner)
        memory = self._external
        length = len(memory.data)
        at = slice(start, None).indices(length)[0]
        if at >= length:
            raise IndexError("index out of range")
        content = value if isinstance(value, bytes | bytearray) else bytearray(value)
        if at + len(content) > length:
            raise IndexError("index out of range")
        memory.write(at, content)
        return len(content)

    def written(self, store: Storelike) -> list[tuple[int, int]]:
        """Where guest and host have written since this was asked last: pairs of first address and end, in order,
        in steps of 4 KiB. WasmtimeError unless ``Store.watch_memories`` came before the memory. Not in wasmtime.

        >>> from wasmarium import Limits, Memory, MemoryType, Store
        >>> store = Store()
        >>> store.watch_memories()
        >>> memory = Memory(store, MemoryType(Limits(1, 3)))
        >>> memory.write(store, b"wasm", 4094)
        4
        >>> memory.written(store)
        [(0, 8192)]
        >>> memory.written(store)
        []
        """
        check_owner(store, self._owner)
        memory = self._external
        noted = memory.written
        if noted is None:
            raise WasmError("nobody watches this memory: Store.watch_memories comes before it is made")
        size = len(memory.data)
        found = []
        end = 0
        while (first := noted.find(1, end)) >= 0:
            end = noted.find(0, first)
            end = len(noted) if end < 0 else end
            found.append((first << WATCH_SHIFT, min(end << WATCH_SHIFT, size)))
        noted[:] = bytes(len(noted))
        return found

    def host_buffer(self, store: Storelike) -> Any:
        """JavaScript's own buffer of a memory of the host engine, as it is now: to be handed to JavaScript, or,
        where it is a SharedArrayBuffer (``Store.watch_memories(share=True)``), to another thread. It does not grow
        with the memory: ask again then. WasmtimeError on the interpreter. Not in wasmtime."""
        check_owner(store, self._owner)
        handle = getattr(self._external, "handle", None)
        if handle is None:
            raise Unsupported("a memory of the interpreter is Python's: it has no buffer of JavaScript")
        return handle.buffer

    def __len__(self) -> int:
        return len(self._external.data)

    def __bool__(self) -> bool:
        return True

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> bytearray: ...
    def __getitem__(self, index: int | slice) -> int | bytearray:
        return self._external.data[index]

    def __setitem__(self, index: int | slice, value: int | bytes | bytearray) -> None:
        memory = self._external
        if isinstance(index, slice):
            positions = range(*index.indices(len(memory.data)))
            content = bytes(value) if not isinstance(value, int) else None
            if content is None or len(content) != len(positions):
                raise ValueError("a slice of a memory takes as many bytes as it has")
            memory.data[index] = content
        else:
            positions = range(*slice(index, index + 1 or None).indices(len(memory.data)))
            memory.data[index] = value  # type: ignore[assignment]
        if positions:
            first, last = sorted((positions[0], positions[-1]))
            memory.note_write(first, last - first + 1)


def grow(memory: MemoryInstance, delta: int) -> int:
    """Grow for the host, which gets an error instead of -1."""
    if delta < 0:
        raise WasmError("cannot grow by negative amount")
    before = memory.grow(delta)
    if before < 0:
        raise Exhausted(f"failed to grow memory by `{delta}`")
    return before


class BorderPointer:
    """What stands for a pointer where the memory is not Python's: its elements can be read and written,
    ``pointer[i]`` and slices; everything that needs an address raises Unsupported."""

    def __init__(self, memory: MemoryInstance) -> None:
        self._memory = memory

    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            # as ctypes has it: the end must be told, and a list comes back
            if index.stop is None:
                raise ValueError("slice stop is required")
            return list(self._memory.data[index])
        return self._memory.data[index]

    def __setitem__(self, index: int, value: int) -> None:
        self._memory.data[index] = value & 0xFF

    @property
    def contents(self) -> Any:
        """Nothing of this: raises Unsupported, see the class."""
        raise _no_address()

    @property
    def _as_parameter_(self) -> Any:
        # ctypes looks here when the pointer is to be cast or handed to a function
        raise _no_address()


def _no_address() -> Unsupported:
    return Unsupported("a memory of the host engine has no address in Python: use read and write")


def data_pointer(memory: MemoryInstance) -> Any:
    """A pointer to byte 0 that does not keep the memory from growing, or a :class:`BorderPointer`."""
    if not isinstance(memory.data, bytearray):
        return BorderPointer(memory)
    if not memory.data:
        return ctypes.POINTER(ctypes.c_ubyte)()
    # The array pins the bytes only as long as it lives, and that is until this line is done.
    address = ctypes.addressof(ctypes.c_ubyte.from_buffer(memory.data))
    return ctypes.cast(address, ctypes.POINTER(ctypes.c_ubyte))
