"""Tables, globals and tags of the host, as the runtime's own kinds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from wasmarium.errors import Unsupported
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.table import TableInstance
from wasmarium.runtime.tag import TagInstance
from wasmarium.runtime.values import Value
from wasmarium.types import I32, GlobalType, TableType, TagType

if TYPE_CHECKING:
    from wasmarium.engines.host.glue import Handle
    from wasmarium.engines.host.realm import Realm


class HostGlobal(GlobalInstance):
    """A WebAssembly.Global. ``value`` crosses by a shim, so that every bit of it survives."""

    __slots__ = ("_access", "_codec", "handle", "realm")

    def __init__(self, realm: Realm, type: GlobalType, handle: Handle) -> None:
        self.type = type
        self.realm = realm
        self.handle = handle
        self._access: Any = None

    def _accessor(self) -> Any:
        if self._access is None:
            self._codec = self.realm.codec((self.type.content,))
            self._access = self.realm.accessor(self.type, self.handle)
        return self._access

    @property
    def value(self) -> Value:
        """The present value."""
        self._accessor().enter()
        return self._codec.unpack(self.realm, self.realm.buffer)[0]

    @value.setter
    def value(self, value: Value) -> None:
        access = self._accessor()
        self._codec.pack(self.realm, self.realm.buffer, (value,))
        if access.set():
            raise self.realm.failure(0)


class HostTable(TableInstance):
    """A WebAssembly.Table; ``elements`` looks at it element by element. What does not fit in, raises Trap."""

    __slots__ = ("handle", "realm")

    def __init__(self, realm: Realm, type: TableType, handle: Handle) -> None:
        self.declared = type
        self.realm = realm
        self.handle = handle
        self._limits = realm.limits
        space = (1 << (32 if type.address is I32 else 64)) - 1
        self._maximum = space if type.limits.maximum is None else type.limits.maximum
        self.elements = TableElements(self)  # type: ignore[assignment]

    def grow(self, delta: int, initial: Value) -> int:
        before = len(self.elements)
        if before + delta > min(self._maximum, self._limits.table_elements):
            return -1
        elements = self.elements
        assert isinstance(elements, TableElements)
        return elements.grow(delta, initial)


class TableElements:
    """The elements of a host table with the manners of a list."""

    __slots__ = ("_access", "_table")

    def __init__(self, table: HostTable) -> None:
        self._table = table
        self._access: Any = None

    def _accessor(self) -> Any:
        if self._access is None:
            self._access = self._table.realm.accessor(self._table.declared, self._table.handle)
        return self._access

    def __len__(self) -> int:
        size: int = self._accessor().size()
        return size & 0xFFFFFFFF

    def __iter__(self) -> Iterator[Value]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        table = self._table
        self._accessor().enter(index)
        return table.realm.references.take(0, table.declared.element)

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            for position, item in zip(range(*index.indices(len(self))), value, strict=True):
                self[position] = item
            return
        table = self._table
        table.realm.references.put(0, table.declared.element, value)
        if self._accessor().set(index):
            raise table.realm.failure(0)

    def grow(self, delta: int, initial: Value) -> int:
        """Add elements; the size before, or -1."""
        table = self._table
        table.realm.references.put(0, table.declared.element, initial)
        before: int | bool = self._accessor().grow(delta)
        if before is True:
            raise table.realm.failure(0)
        return before


class HostTag(TagInstance):
    """A WebAssembly.Tag."""

    __slots__ = ("handle", "realm")

    def __init__(self, realm: Realm, type: TagType, handle: Handle) -> None:
        super().__init__(type)
        self.realm = realm
        self.handle = handle


def no_room(what: str) -> Unsupported:
    """What lives in another engine and cannot be shared."""
    return Unsupported(f"{what} of the interpreter cannot be used by a guest of the host engine")
