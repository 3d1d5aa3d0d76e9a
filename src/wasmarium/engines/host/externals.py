"""Tables, globals and tags of the host, as the runtime's own kinds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from wasmarium.errors import Unsupported
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.instance import ExternalValue
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.table import TableInstance
from wasmarium.runtime.tag import TagInstance
from wasmarium.runtime.values import Value
from wasmarium.types import GlobalType, TableType, TagType

if TYPE_CHECKING:
    from wasmarium.engines.host.glue import Handle
    from wasmarium.engines.host.realm import Realm
    from wasmarium.engines.host.remote.realm import RemoteRealm


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


class OutsideTable(TableInstance):
    """A table that is not Python's; ``elements`` looks at it element by element. What does not fit in, raises Trap."""

    __slots__ = ("realm",)

    def __init__(self, elements: OutsideElements) -> None:
        self.realm = elements.realm
        self._declare(elements.type, self.realm.limits)
        self.elements = elements  # type: ignore[assignment]

    def grow(self, delta: int, initial: Value) -> int:
        before = len(self.elements)
        if before + delta > min(self._maximum, self._limits.table_elements):
            return -1
        elements = self.elements
        assert isinstance(elements, OutsideElements)
        return elements.grow(delta, initial)


class OutsideElements(ABC):
    """The elements of such a table with the manners of a list. One crosses at a time, in the first place of the
    references."""

    __slots__ = ("realm", "type")

    def __init__(self, realm: Realm | RemoteRealm, type: TableType) -> None:
        self.realm = realm
        self.type = type

    @abstractmethod
    def _reach(self) -> None:
        """Get ready for one of the others."""

    @abstractmethod
    def _size(self) -> int: ...

    @abstractmethod
    def _get(self, index: int) -> None: ...

    @abstractmethod
    def _set(self, index: int) -> None: ...

    @abstractmethod
    def _grow(self, delta: int) -> int:
        """The size before, or -1."""

    def __len__(self) -> int:
        self._reach()
        return self._size() & 0xFFFFFFFF

    def __iter__(self) -> Iterator[Value]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        self._reach()
        self._get(index)
        return self.realm.references.take(0, self.type.element)

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            for position, item in zip(range(*index.indices(len(self))), value, strict=True):
                self[position] = item
            return
        self._reach()
        self.realm.references.put(0, self.type.element, value)
        self._set(index)

    def grow(self, delta: int, initial: Value) -> int:
        """Add elements; the size before, or -1."""
        self._reach()
        self.realm.references.put(0, self.type.element, initial)
        return self._grow(delta)


class HostTable(OutsideTable):
    """A WebAssembly.Table."""

    __slots__ = ("handle",)

    def __init__(self, realm: Realm, type: TableType, handle: Handle) -> None:
        super().__init__(HostElements(realm, type, handle))
        self.handle = handle


class HostElements(OutsideElements):
    """Its elements."""

    __slots__ = ("_access", "_handle")

    realm: Realm

    def __init__(self, realm: Realm, type: TableType, handle: Handle) -> None:
        super().__init__(realm, type)
        self._handle = handle
        self._access: Any = None

    def _reach(self) -> None:
        if self._access is None:
            self._access = self.realm.accessor(self.type, self._handle)

    def _size(self) -> int:
        size: int = self._access.size()
        return size

    def _get(self, index: int) -> None:
        self._access.enter(index)

    def _set(self, index: int) -> None:
        if self._access.set(index):
            raise self.realm.failure(0)

    def _grow(self, delta: int) -> int:
        before: int | bool = self._access.grow(delta)
        if before is True:
            raise self.realm.failure(0)
        return before


class HostTag(TagInstance):
    """A WebAssembly.Tag."""

    __slots__ = ("handle", "realm")

    def __init__(self, realm: Realm, type: TagType, handle: Handle) -> None:
        super().__init__(type)
        self.realm = realm
        self.handle = handle


def no_room(external: ExternalValue) -> Unsupported:
    """What lives in another engine and cannot be shared."""
    return Unsupported(f"{what(external)} of the interpreter cannot be used by a guest of the host engine")


def what(external: ExternalValue) -> str:
    """What it is, in words."""
    if isinstance(external, MemoryInstance):
        return "a memory"
    if isinstance(external, TableInstance):
        return "a table"
    return "a variable" if isinstance(external, GlobalInstance) else "a tag"
