"""The numbers by which Go knows values, and how both stand in its memory.

A value takes eight bytes: a number is itself as f64 (0 is written as a reference, for the eight zero bytes are
undefined); everything else is a NaN whose low half is the number of a reference and whose high half says of what
type it is. Go counts its references and says when one is not needed any more.
"""

from __future__ import annotations

import math
import struct

from wasmarium.errors import Exhausted
from wasmarium.gojs.values import UNDEFINED, Function, Thing, Value, size_of
from wasmarium.runtime.limits import ResourceLimits

MOST_REFERENCES = 1_000_000
"""Values that Go may hold at once."""

_NAN_HEAD = 0x7FF8 << 16
_OBJECT, _STRING, _FUNCTION = (_NAN_HEAD | kind for kind in (1, 2, 4))
_QUIET = _NAN_HEAD << 32
"""The bits that all those NaNs have that are written here."""
_NAN, _ZERO, _NULL, _TRUE, _FALSE, _GLOBAL, _GO = range(7)
_FOR_EVER = 1 << 60
_double, _word, _reference = (struct.Struct(f"<{code}") for code in ("d", "Q", "II"))


class Heap:
    """The references of one program. ``world`` is the global object, ``go`` the one through which Go is called. The
    values are counted in ``limits``."""

    def __init__(self, world: Thing, go: Thing, limits: ResourceLimits) -> None:
        self._limits = limits
        self._values: list[Value] = [math.nan, 0, None, True, False, world, go]
        self._counts = [_FOR_EVER] * len(self._values)
        # by identity for objects, by what they are for strings
        self._numbers: dict[object, int] = {id(world): _GLOBAL, id(go): _GO}
        self._free: list[int] = []

    def value(self, raw: int) -> Value:
        """The value that Go writes as this word. A reference that is none is undefined."""
        if raw & _QUIET != _QUIET:
            number: float = _double.unpack(raw.to_bytes(8, "little"))[0]
            if number == number:
                return number if number else UNDEFINED
        reference = raw & 0xFFFFFFFF
        values = self._values
        return values[reference] if reference < len(values) else UNDEFINED

    def values(self, content: bytes) -> list[Value]:
        """Likewise, of several words."""
        return [self.value(raw) for (raw,) in _word.iter_unpack(content)]

    def packed(self, value: Value) -> bytes:
        """The word that Go is to have for a value, which it holds once more now. Raises Exhausted where it holds too
        many."""
        kind = type(value)
        if kind is int or kind is float:
            # not a number, and 0, are references
            if value == value and value:
                return _double.pack(value)
            return _reference.pack(_ZERO if value == 0 else _NAN, _NAN_HEAD)
        if isinstance(value, Thing):
            head = _FUNCTION if isinstance(value, Function) else _OBJECT
            return _reference.pack(self._number(id(value), value), head)
        if isinstance(value, str):
            return _reference.pack(self._number(value, value), _STRING)
        if value is UNDEFINED:
            return bytes(8)
        return _reference.pack(_NULL if value is None else _TRUE if value else _FALSE, _NAN_HEAD)

    def _number(self, key: object, value: Value) -> int:
        """The number of a reference, by identity for objects and by what they are for strings."""
        number = self._numbers.get(key)
        if number is None:
            if not self._limits.take(size_of(value)):
                raise Exhausted(f"the program would hold more than {self._limits.total_bytes} bytes")
            if self._free:
                number = self._free.pop()
                self._values[number], self._counts[number] = value, 0
            else:
                number = len(self._values)
                if number > MOST_REFERENCES:
                    raise Exhausted(f"the program holds more than {MOST_REFERENCES} values of JavaScript")
                self._values.append(value)
                self._counts.append(0)
            self._numbers[key] = number
        self._counts[number] += 1
        return number

    def release(self, reference: int) -> None:
        """Go needs a reference once less."""
        if reference >= len(self._values) or self._counts[reference] in (0, _FOR_EVER):
            return
        self._counts[reference] -= 1
        if self._counts[reference] == 0:
            value = self._values[reference]
            self._numbers.pop(value if isinstance(value, str) else id(value), None)
            self._limits.give_back(size_of(value))
            self._values[reference] = UNDEFINED
            self._free.append(reference)
