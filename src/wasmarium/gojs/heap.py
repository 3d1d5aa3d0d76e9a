"""The numbers by which Go knows values, and how both stand in its memory.

A value takes eight bytes: a number is itself as f64 (0 is written as a reference, for the eight zero bytes are
undefined); everything else is a NaN whose low half is the number of a reference and whose high half says of what
type it is. Go counts its references and says when one is not needed any more.
"""

from __future__ import annotations

import math
import struct

from wasmarium.errors import Exhausted
from wasmarium.gojs.values import UNDEFINED, Function, Thing, Value, size_of, throw
from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.runtime.limits import ResourceLimits

MOST_ARGUMENTS = 1 << 16
"""Arguments of one call."""

MOST_REFERENCES = 1_000_000
"""Values that Go may hold at once."""

_NAN_HEAD = 0x7FF8 << 16
_OBJECT, _STRING, _FUNCTION = 1, 2, 4
_NAN, _ZERO, _NULL, _TRUE, _FALSE, _GLOBAL, _GO = range(7)
_FOR_EVER = 1 << 60
_double = struct.Struct("<d")


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

    def read(self, memory: GuestMemory, address: int) -> Value:
        """The value at ``address``. A reference that is none is undefined."""
        return self._value(memory.read(address, 8))

    def _value(self, raw: bytes) -> Value:
        number: float = _double.unpack(raw)[0]
        if number == number:
            return number if number else UNDEFINED
        reference = int.from_bytes(raw[:4], "little")
        return self._values[reference] if reference < len(self._values) else UNDEFINED

    def read_all(self, memory: GuestMemory, address: int) -> list[Value]:
        """The values of the Go slice at ``address``."""
        start, count = memory.read_unsigned(address, 8), memory.read_unsigned(address + 8, 8)
        # all of it must be there, also where it is refused
        memory.memory.check(start, 8 * count)
        if count > MOST_ARGUMENTS:
            raise throw("RangeError", f"more than {MOST_ARGUMENTS} arguments")
        content = memory.read(start, 8 * count)
        return [self._value(content[at : at + 8]) for at in range(0, 8 * count, 8)]

    def write(self, memory: GuestMemory, address: int, value: Value) -> None:
        """Store a value. Raises Exhausted where Go holds too many."""
        if value is UNDEFINED:
            memory.write(address, bytes(8))
            return
        if isinstance(value, int | float) and not isinstance(value, bool) and value:
            number = float(value)
            if number == number:
                memory.write(address, _double.pack(number))
                return
        reference = self._reference(value)
        kind = 0
        if isinstance(value, str):
            kind = _STRING
        elif isinstance(value, Thing):
            kind = _FUNCTION if isinstance(value, Function) else _OBJECT
        memory.write_unsigned(address, reference | (_NAN_HEAD | kind) << 32, 8)

    def _reference(self, value: Value) -> int:
        if value is None:
            return _NULL
        if isinstance(value, bool):
            return _TRUE if value else _FALSE
        if isinstance(value, int | float):
            return _NAN if value else _ZERO
        key: object = value if isinstance(value, str) else id(value)
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
