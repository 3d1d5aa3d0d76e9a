"""Values of JavaScript, as far as Go's library needs them.

undefined is :data:`UNDEFINED`, null None, a number int or float, a string str; the rest are :class:`Thing`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

Value = Any
"""A value of JavaScript."""

LONGEST_ARRAY = 1 << 30
"""Bytes of one Uint8Array."""


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
    """An object. ``maker`` is what it is an instance of, beside Object."""

    maker: Thing | None = None

    def __init__(self, properties: dict[str, Value] | None = None) -> None:
        self.properties: dict[str, Value] = {} if properties is None else properties

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
            self.data[index] = int(value) & 0xFF


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


def text_of(value: Value) -> str:
    """What ``String(value)`` gives."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, Thing):
        return _thing_text(value)
    return str(value)


def _thing_text(value: Thing) -> str:
    if isinstance(value, Function):
        return "function () { [native code] }"
    if isinstance(value, Array):
        return ",".join("" if item is None or item is UNDEFINED else text_of(item) for item in value.items)
    if isinstance(value, Bytes):
        return ",".join(map(str, value.data))
    message = value.get("message")
    if message is not UNDEFINED:
        return f"{text_of(value.get('name'))}: {text_of(message)}"
    return "[object Object]"


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
