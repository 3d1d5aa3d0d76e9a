"""References between Python and guests: they keep their identity.

A Python object is known to guests by a token, an object of JavaScript with a number; a function by
itself. Structs and arrays of guests are those of ``aggregates``; what else belongs to the host is opaque.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from wasmarium.engines.host.aggregates import KINDS
from wasmarium.engines.host.shims import is_exception, is_function
from wasmarium.errors import Crash, Unsupported
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.heap import I31, ArrayInstance, StructInstance
from wasmarium.runtime.tag import ExceptionInstance
from wasmarium.runtime.values import Value
from wasmarium.types import HEAP_TYPES, DefinedType, ReferenceType, top

if TYPE_CHECKING:
    from wasmarium.engines.host.realm import Realm


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
        self._others: WeakValueDictionary[int, Any] = WeakValueDictionary()
        """By number: the objects of guests that Python holds."""

    def put(self, slot: int, type: ReferenceType, value: Value) -> None:
        """Leave ``value`` in the tables for a shim."""
        glue = self._glue
        if is_exception(type):
            if value is None:
                glue.clearException(slot)
            else:
                assert isinstance(value, ExceptionInstance)
                glue.putException(slot, self._realm.exception_handle(value))
            return
        function = is_function(type)
        if value is None:
            glue.setNull(slot, function)
        elif function:
            assert isinstance(value, FunctionInstance)
            glue.setFunction(slot, self._realm.function_handle(value))
        elif isinstance(value, KINDS) and value.realm is self._realm:
            glue.setOther(slot, value.handle)
        elif isinstance(value, StructInstance | ArrayInstance) and not _may_be_foreign(type):
            raise Unsupported(
                f"a struct or array of the interpreter cannot be a {type} of the host engine, but it can be an anyref"
            )
        elif isinstance(value, I31) and top(type.heap) is not HEAP_TYPES["extern"]:
            glue.setNumber(slot, (value.value ^ 0x40000000) - 0x40000000)
        else:
            glue.setToken(slot, self._number_of(value))

    def take(self, slot: int, type: ReferenceType) -> Value:
        """What a shim left in the tables."""
        glue = self._glue
        if is_exception(type):
            return None if glue.takeException(slot) else self._realm.exception()
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
            which, kind = divmod(-number - 3, 3)
            known = self._others.get(which)
            if known is None:
                known = self._others[which] = KINDS[kind](self._realm, glue.other(slot))
            return known
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

    def test(self, value: Any, type: DefinedType) -> bool:
        """Whether an object of a guest is of this type."""
        self._glue.setOther(0, value.handle)
        return bool(self._realm.tester(type)())

    @property
    def count(self) -> int:
        """How many Python objects guests may refer to."""
        return len(self._objects)


def _may_be_foreign(type: ReferenceType) -> bool:
    """Whether guests take anything for this type that JavaScript gives them."""
    return type.heap in (HEAP_TYPES["any"], HEAP_TYPES["extern"])
