"""Val, and the conversion between Python's values and the runtime's.

Integers are signed for users and unsigned inside; functions are ``Func`` outside. Integers of any
size are taken modulo 2^N, as wasmtime-py does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wasmarium.embedding.value_type import ValType
from wasmarium.engines.interpreter.helpers import matches
from wasmarium.errors import WasmError
from wasmarium.instructions.numeric import round32
from wasmarium.runtime.values import Value
from wasmarium.types import EXTERNREF, F32, F64, FUNCREF, I32, I64, V128, ReferenceType, ValueType, top

if TYPE_CHECKING:
    from wasmarium.embedding.function import Func
    from wasmarium.embedding.store import Store

Converter = Callable[[Any], Any]


class Val:
    """A value together with its type. Rarely needed: plain Python values do.

    >>> from wasmarium import Val
    >>> Val.i32(2**32 + 7).value
    7
    >>> Val.i64(-1) == -1
    True
    """

    def __init__(self, kind: ValType, val: Any) -> None:
        self._kind = kind
        self._val = val

    @classmethod
    def i32(cls, val: int) -> Val:
        """A 32-bit integer; ``val`` is taken modulo 2**32."""
        return cls(ValType.i32(), _wrap_integer(val, 32))

    @classmethod
    def i64(cls, val: int) -> Val:
        """A 64-bit integer; ``val`` is taken modulo 2**64."""
        return cls(ValType.i64(), _wrap_integer(val, 64))

    @classmethod
    def f32(cls, val: float) -> Val:
        """A 32-bit float; ``val`` is rounded."""
        if not isinstance(val, float):
            raise TypeError("expected a float")
        return cls(ValType.f32(), round32(val))

    @classmethod
    def f64(cls, val: float) -> Val:
        """A 64-bit float."""
        if not isinstance(val, float):
            raise TypeError("expected a float")
        return cls(ValType.f64(), val)

    @classmethod
    def externref(cls, extern: Any) -> Val:
        """A reference to any Python object, or null for None."""
        return cls(ValType.externref(), extern)

    @classmethod
    def funcref(cls, f: Func | None) -> Val:
        """A reference to a function, or null for None."""
        return cls(ValType.funcref(), f)

    @classmethod
    def ref_null(cls, ty: ValType) -> Val:
        """The null of a reference type; WasmtimeError for other types."""
        if not isinstance(ty._type, ReferenceType) or not ty._type.nullable:
            raise WasmError(f"Invalid reference type for `ref_null`: {ty}")
        return cls(ty, None)

    @property
    def type(self) -> ValType:
        """The type."""
        return self._kind

    @property
    def value(self) -> Any:
        """The plain Python value."""
        return self._val

    def _as(self, type: ValueType) -> Any:
        return self._val if self._kind._type is type else None

    def as_i32(self) -> int | None:
        """The value if it is an i32, else None; likewise below."""
        value: int | None = self._as(I32)
        return value

    def as_i64(self) -> int | None:
        """The value if it is an i64, else None."""
        value: int | None = self._as(I64)
        return value

    def as_f32(self) -> float | None:
        """The value if it is an f32, else None."""
        value: float | None = self._as(F32)
        return value

    def as_f64(self) -> float | None:
        """The value if it is an f64, else None."""
        value: float | None = self._as(F64)
        return value

    def as_externref(self) -> Any:
        """The object referred to if it is an externref, else None."""
        return self._as(EXTERNREF)

    def as_funcref(self) -> Func | None:
        """The function referred to if it is a funcref, else None."""
        value: Func | None = self._as(FUNCREF)
        return value

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Val):
            return self._kind == other._kind and bool(self._val == other._val)
        return bool(self._val == other)

    __hash__ = None  # type: ignore[assignment]  # equal to plain values, whose hashes differ

    def __repr__(self) -> str:
        return f"Val({self._kind}, {self._val!r})"


def _wrap_integer(val: int, bits: int) -> int:
    if not isinstance(val, int):
        raise TypeError("expected an integer")
    sign = 1 << (bits - 1)
    return ((val & ((1 << bits) - 1)) ^ sign) - sign


# ---- to Python ----


def to_python(store: Store, type: ValueType) -> Converter:
    """The function that turns a runtime value of ``type`` into what users see."""
    if type is I32:
        return lambda value: (value ^ 0x80000000) - 0x80000000
    if type is I64:
        return lambda value: (value ^ 0x8000000000000000) - 0x8000000000000000
    if isinstance(type, ReferenceType) and top(type.heap).name == "func":
        from wasmarium.embedding.function import Func

        return lambda value: None if value is None else Func._of(store, value)
    return lambda value: value


# ---- from Python ----


def to_value(store: Store, type: ValueType) -> Converter:
    """The function that turns what a user gives into a runtime value of ``type``; it raises
    TypeError for what does not fit."""
    convert = _plain(store, type)
    expected = ValType._of(type)

    def unwrap(given: Any) -> Value:
        if isinstance(given, Val):
            if given._kind != expected:
                raise TypeError("wrong type of `Val` provided")
            given = given._val
        return convert(given)

    return unwrap


def _refuse(given: Any, type: ValueType) -> TypeError:
    return TypeError(f"don't know how to convert {given!r} to {type}")


def _plain(store: Store, type: ValueType) -> Converter:
    if type is I32 or type is I64:
        mask = 0xFFFFFFFF if type is I32 else 0xFFFFFFFFFFFFFFFF

        def integer(given: Any) -> int:
            if not isinstance(given, int):
                raise _refuse(given, type)
            return given & mask

        return integer
    if type is F32 or type is F64:

        def number(given: Any) -> float:
            if not isinstance(given, float):
                raise _refuse(given, type)
            return round32(given) if type is F32 else given

        return number
    if type is V128:

        def vector(given: Any) -> int:
            if isinstance(given, bytes | bytearray) and len(given) == 16:
                return int.from_bytes(given, "little")
            if not isinstance(given, int):
                raise _refuse(given, type)
            return given & ((1 << 128) - 1)

        return vector
    if type is EXTERNREF:
        return lambda given: given
    assert isinstance(type, ReferenceType)
    return _reference(store, type)


def _reference(store: Store, type: ReferenceType) -> Converter:
    from wasmarium.embedding.function import Func

    functions = top(type.heap).name == "func"

    def reference(given: Any) -> Value:
        if functions and isinstance(given, Func):
            if given._owner is not store:
                raise WasmError("object used with the wrong store")
            given = given._external
        elif functions and given is not None:
            raise _refuse(given, type)
        if matches(given, type):
            return given
        raise _refuse(given, type)

    return reference
