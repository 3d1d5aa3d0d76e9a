"""Values of JavaScript, as far as Go's library needs them.

undefined is :data:`UNDEFINED`, null None, a number int or float, a string str; the rest are :class:`Thing`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wasmarium.errors import Exhausted

if TYPE_CHECKING:
    from wasmarium.runtime.limits import ResourceLimits

Value = Any
"""A value of JavaScript."""

LONGEST_ARRAY = 1 << 30
"""Bytes of one Uint8Array."""

LONGEST_TEXT = 1 << 26
"""Characters that objects and arrays are written as at most."""

DEEPEST_TEXT = 50
"""Arrays within arrays that are written."""

MOST_LISTENERS = 10_000
"""Functions that wait for one promise."""

THING_BYTES = 512
"""What an object is counted as, beside what is in it."""


class _Undefined:
    __slots__ = ()

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = _Undefined()


class Thrown(Exception):
    """What JavaScript throws; Go's calls catch it."""

    def __init__(self, value: Value) -> None:
        super().__init__(text_of(value))
        self.value = value


class Thing:
    """An object. ``maker`` is what it is an instance of, beside Object.

    What a program puts into it is counted in ``limits``, for as long as the object lives.
    """

    maker: Thing | None = None
    limits: ResourceLimits | None = None
    counted = 0

    def __init__(self, properties: dict[str, Value] | None = None) -> None:
        self.properties: dict[str, Value] = {} if properties is None else properties

    def count(self, limits: ResourceLimits, size: int) -> None:
        """Count ``size`` bytes more, which are in it from now on. Raises Exhausted where they are too many."""
        if size > 0 and not limits.take(size):
            raise Exhausted(f"the objects of the program and its memory would be more than {limits.total_bytes} bytes")
        # what was in it from the beginning is not counted
        size = max(size, -self.counted)
        if size < 0:
            limits.give_back(-size)
        self.limits = limits
        self.counted += size

    def __del__(self) -> None:
        if self.limits is not None:
            self.limits.give_back(self.counted)

    def get(self, name: str) -> Value:
        """A property; UNDEFINED where there is none. Every object has toString."""
        found = self.properties.get(name, UNDEFINED)
        return _TO_STRING if found is UNDEFINED and name == "toString" else found

    def set(self, name: str, value: Value) -> None:
        """Set a property."""
        self.properties[name] = value

    def delete(self, name: str) -> None:
        """Remove a property."""
        self.properties.pop(name, None)

    def at(self, index: int) -> Value:
        """An element."""
        return self.get(str(index))

    def put(self, index: int, value: Value) -> None:
        """Set an element."""
        self.set(str(index), value)


class Function(Thing):
    """A function: ``code`` gets ``this`` and the arguments. ``make`` is what ``new`` does."""

    def __init__(
        self,
        code: Callable[[Value, Sequence[Value]], Value],
        make: Callable[[Sequence[Value]], Value] | None = None,
    ) -> None:
        super().__init__()
        self.code = code
        self.make = make

    def construct(self, arguments: Sequence[Value]) -> Value:
        """``new``. Raises Thrown where that cannot be."""
        if self.make is None:
            raise throw("TypeError", "it is not a constructor")
        made = self.make(arguments)
        if isinstance(made, Thing) and made.maker is None:
            made.maker = self
        return made


class Array(Thing):
    """An array."""

    def __init__(self, items: Sequence[Value] = ()) -> None:
        super().__init__()
        self.items = list(items)

    def get(self, name: str) -> Value:
        """A property."""
        return len(self.items) if name == "length" else super().get(name)

    def at(self, index: int) -> Value:
        """An element; UNDEFINED outside."""
        return self.items[index] if 0 <= index < len(self.items) else UNDEFINED

    def put(self, index: int, value: Value) -> None:
        """Set an element; the array grows by one at most."""
        if index == len(self.items):
            self.items.append(value)
        elif 0 <= index < len(self.items):
            self.items[index] = value


class Bytes(Thing):
    """A Uint8Array."""

    def __init__(self, data: bytearray | None = None) -> None:
        super().__init__()
        self.data = bytearray() if data is None else data

    def get(self, name: str) -> Value:
        """A property."""
        return len(self.data) if name in ("length", "byteLength") else super().get(name)

    def at(self, index: int) -> Value:
        """A byte."""
        return self.data[index] if 0 <= index < len(self.data) else UNDEFINED

    def put(self, index: int, value: Value) -> None:
        """Set a byte."""
        if 0 <= index < len(self.data) and isinstance(value, int | float):
            self.data[index] = int(value) & 0xFF if math.isfinite(value) else 0


class Promise(Thing):
    """What will be there later. ``settle`` is called once; who asked before is told then."""

    def __init__(self, later: Callable[[Callable[[], object]], object]) -> None:
        """``later`` has a function called when it is its turn."""
        super().__init__({"then": Function(self._then)})
        self._later = later
        self._outcome: tuple[bool, Value] | None = None
        self._listeners: list[tuple[Value, Value]] = []

    def _then(self, this: Value, arguments: Sequence[Value]) -> Value:
        success, failure = argument(arguments, 0), argument(arguments, 1)
        if len(self._listeners) >= MOST_LISTENERS:
            raise throw("RangeError", "too many wait for one promise")
        self._listeners.append((success, failure))
        if self._outcome is not None:
            self._tell()
        return UNDEFINED

    def settle(self, value: Value, *, failed: bool = False) -> None:
        """It is there, or it failed."""
        if self._outcome is None:
            self._outcome = failed, value
            self._tell()

    def _tell(self) -> None:
        assert self._outcome is not None
        failed, value = self._outcome
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            function = listener[1 if failed else 0]
            if isinstance(function, Function):
                self._later(partial(function.code, UNDEFINED, [value]))


def argument(arguments: Sequence[Value], index: int) -> Value:
    """An argument; UNDEFINED where it is left out."""
    return arguments[index] if index < len(arguments) else UNDEFINED


def error(name: str, message: str, **properties: Value) -> Thing:
    """An Error."""
    return Thing({"name": name, "message": message, **properties})


_TO_STRING = Function(lambda this, arguments: text_of(this))


def throw(name: str, message: str, **properties: Value) -> Thrown:
    """An Error to be thrown."""
    return Thrown(error(name, message, **properties))


def size_of(value: Value) -> int:
    """Bytes that it costs to keep a value in an object."""
    if isinstance(value, str):
        return sys.getsizeof(value)
    return THING_BYTES if isinstance(value, Thing) else 8


def text_of(value: Value, depth: int = 0) -> str:
    """What ``String(value)`` gives. Raises Thrown for what is too deep or too long."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, Thing):
        if depth > DEEPEST_TEXT:
            raise throw("RangeError", f"an object within {DEEPEST_TEXT} others is not written")
        return _thing_text(value, depth + 1)
    return str(value)


def _thing_text(value: Thing, depth: int) -> str:
    if isinstance(value, Function):
        return "function () { [native code] }"
    if isinstance(value, Array):
        return joined(",", ("" if item is None or item is UNDEFINED else text_of(item, depth) for item in value.items))
    if isinstance(value, Bytes):
        return joined(",", map(str, value.data))
    message = value.get("message")
    if message is not UNDEFINED:
        return joined(": ", (text_of(value.get("name"), depth), text_of(message, depth)))
    return "[object Object]"


def joined(separator: str, texts: Iterable[str]) -> str:
    """The texts with ``separator`` between them. Raises Thrown when that is too long."""
    found: list[str] = []
    length = 0
    for text in texts:
        found.append(text)
        length += len(text) + len(separator)
        if length > LONGEST_TEXT:
            raise throw("RangeError", "Invalid string length")
    return separator.join(found)


def number_text(value: float) -> str:
    """A number as JavaScript writes it (ECMA-262, Number::toString)."""
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    if value < 0:
        return "-" + number_text(-value)
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    # value is 0.digits times ten to the power of point
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    power = point - 1
    return f"{digits[0]}{'.' if count > 1 else ''}{digits[1:]}e{'+' if power > 0 else '-'}{abs(power)}"


def number_of(value: Value, otherwise: int = 0) -> int:
    """An argument that must be a number, as int. Raises Thrown for anything else but null and undefined."""
    if value is None or value is UNDEFINED:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or math.isinf(value):
        raise throw("TypeError", f"a number is expected, not {text_of(value)}")
    return int(value)
