"""Structs and arrays of guests, as the runtime's own kinds: Python, and the interpreter, can look into them.

What they are and hold is asked of the host whenever somebody wants to know (``heap_shims``). Their
identity is kept: while Python has an object, it gets the same one for the same object of the guest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from wasmarium.errors import Crash
from wasmarium.runtime.heap import ArrayInstance, StructInstance
from wasmarium.runtime.values import Value
from wasmarium.types import ArrayType, DefinedType, StructType, ValueType

if TYPE_CHECKING:
    from wasmarium.engines.host.glue import Handle
    from wasmarium.engines.host.realm import Realm


class HostObject:
    """Something of the host that is neither: it can be kept and handed back."""

    __slots__ = ("__weakref__", "handle", "realm")

    def __init__(self, realm: Realm, handle: Handle) -> None:
        self.realm = realm
        self.handle = handle


class HostStruct(StructInstance):
    """A struct of a guest. ``type`` is the most precise type that a module of its store mentions."""

    __slots__ = ("_type", "handle", "realm")

    def __init__(self, realm: Realm, handle: Handle) -> None:
        self.realm = realm
        self.handle = handle
        self._type: DefinedType | None = None

    @property
    def type(self) -> DefinedType:  # type: ignore[override]
        if self._type is None:
            self._type = _find_type(self, self.realm, StructType)
        return self._type

    @property
    def fields(self) -> Fields:  # type: ignore[override]
        composite = self.type.composite
        assert isinstance(composite, StructType)
        return Fields(self.realm, self.handle, self.type, [field.unpacked for field in composite.fields])


class HostArray(ArrayInstance):
    """An array of a guest. ``type`` likewise."""

    __slots__ = ("_type", "handle", "realm")

    def __init__(self, realm: Realm, handle: Handle) -> None:
        self.realm = realm
        self.handle = handle
        self._type: DefinedType | None = None

    @property
    def type(self) -> DefinedType:  # type: ignore[override]
        if self._type is None:
            self._type = _find_type(self, self.realm, ArrayType)
        return self._type

    @property
    def elements(self) -> Elements:  # type: ignore[override]
        composite = self.type.composite
        assert isinstance(composite, ArrayType)
        return Elements(self.realm, self.handle, self.type, composite.element.unpacked)


KINDS = (HostObject, HostStruct, HostArray)
"""By the number that the glue has for them."""


def _find_type(value: HostStruct | HostArray, realm: Realm, composite: type) -> DefinedType:
    fitting = [each for each in realm.types(composite) if realm.references.test(value, each)]
    for each in fitting:
        if not any(_below(other, each) for other in fitting):
            return each
    raise Crash("an object of a guest has a type that no module of its store mentions")


def _below(lower: DefinedType, upper: DefinedType) -> bool:
    found = lower.supertype
    while found is not None and found is not upper:
        found = found.supertype
    return found is not None


class _Inside:
    """What an object of a guest holds, one value at a time."""

    __slots__ = ("_handle", "_realm", "_shim")

    def __init__(self, realm: Realm, handle: Handle, type: DefinedType) -> None:
        self._realm = realm
        self._handle = handle
        self._shim: Any = realm.aggregate(type)

    def _get(self, enter: Any, index: int, type: ValueType) -> Value:
        realm = self._realm
        realm.glue.setOther(0, self._handle)
        if enter(index):
            raise realm.failure(0)
        return realm.codec((type,)).unpack(realm, realm.buffer)[0]

    def _set(self, enter: Any, index: int, type: ValueType, value: Value) -> None:
        realm = self._realm
        realm.codec((type,)).pack(realm, realm.buffer, (value,), 1)
        realm.glue.setOther(0, self._handle)
        if enter(index):
            raise realm.failure(0)


class Fields(_Inside):
    """The fields of a struct, with the manners of a list that does not change its length."""

    __slots__ = ("_types",)

    def __init__(self, realm: Realm, handle: Handle, type: DefinedType, types: list[ValueType]) -> None:
        super().__init__(realm, handle, type)
        self._types = types

    def __len__(self) -> int:
        return len(self._types)

    def __iter__(self) -> Iterator[Value]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Value:
        return self._get(getattr(self._shim, f"get{index}"), index, self._types[index])

    def __setitem__(self, index: int, value: Value) -> None:
        self._set(getattr(self._shim, f"set{index}"), index, self._types[index], value)


class Elements(_Inside):
    """The elements of an array, likewise."""

    __slots__ = ("_content",)

    def __init__(self, realm: Realm, handle: Handle, type: DefinedType, content: ValueType) -> None:
        super().__init__(realm, handle, type)
        self._content = content

    def __len__(self) -> int:
        self._realm.glue.setOther(0, self._handle)
        length: int = self._shim.length()
        return length & 0xFFFFFFFF

    def __iter__(self) -> Iterator[Value]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        return self._get(self._shim.get, index, self._content)

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            for position, item in zip(range(*index.indices(len(self))), value, strict=True):
                self[position] = item
            return
        self._set(self._shim.set, index, self._content, value)
