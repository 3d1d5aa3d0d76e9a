"""References between Python and guests: they keep their identity.

A Python object is known to guests by a token, an object of JavaScript with a number; a function by
itself. An object that belongs to the guest, such as a struct, is opaque here: a :class:`HostObject`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmarium.engines.host.shims import is_function
from wasmarium.errors import Crash
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.heap import I31
from wasmarium.runtime.values import Value
from wasmarium.types import HEAP_TYPES, ReferenceType, top

if TYPE_CHECKING:
    from wasmarium.engines.host.glue import Handle
    from wasmarium.engines.host.realm import Realm


class HostObject:
    """An object of the host's garbage-collected heap: a struct, an array, an i31. Nothing can be asked of it."""

    __slots__ = ("__weakref__", "handle")

    def __init__(self, handle: Handle) -> None:
        self.handle = handle


class References:
    """The references of a realm."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm
        self._glue = realm.glue
        self._number = 0
        self._objects: dict[int, Any] = {}
        """By number: the Python objects that guests may still refer to."""
        self._numbers: dict[int, int] = {}
        """The number of an object, by its id(); it stays valid as long as ``_objects`` has the object."""

    def put(self, slot: int, type: ReferenceType, value: Value) -> None:
        """Leave ``value`` in the tables for a shim."""
        glue = self._glue
        function = is_function(type)
        if value is None:
            glue.setNull(slot, function)
        elif function:
            assert isinstance(value, FunctionInstance)
            glue.setFunction(slot, self._realm.handle_of(value, None))
        elif isinstance(value, HostObject):
            glue.setOther(slot, value.handle)
        elif isinstance(value, I31) and top(type.heap) is not HEAP_TYPES["extern"]:
            glue.setNumber(slot, (value.value ^ 0x40000000) - 0x40000000)
        else:
            glue.setToken(slot, self._number_of(value))

    def take(self, slot: int, type: ReferenceType) -> Value:
        """What a shim left in the tables."""
        glue = self._glue
        if is_function(type):
            number = glue.functionAt(slot)
            if number is None:
                return None
            if number < 0:
                return self._realm.unknown_function(glue.functionItself(slot), type)
            return self._realm.externals[number]
        number = glue.externAt(slot)
        if number is None:
            return None
        if number == -2:
            return I31(int(glue.number(slot)) & 0x7FFFFFFF)
        if number < 0:
            return HostObject(glue.other(slot))
        try:
            return self._objects[number]
        except KeyError:
            raise Crash("a guest refers to an object that was given up") from None

    def _number_of(self, value: Any) -> int:
        number = self._numbers.get(id(value))
        if number is None:
            for gone in self._glue.forget():
                lost = self._objects.pop(gone, None)
                self._numbers.pop(id(lost), None)
            number = self._number = self._number + 1
            self._objects[number] = value
            self._numbers[id(value)] = number
        return number

    @property
    def count(self) -> int:
        """How many Python objects guests may refer to."""
        return len(self._objects)
