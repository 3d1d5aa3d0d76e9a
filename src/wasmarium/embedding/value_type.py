"""ValType: the type of one value."""

from __future__ import annotations

from wasmarium.embedding.managed import Managed
from wasmarium.errors import WasmError
from wasmarium.types import EXTERNREF, F32, F64, FUNCREF, I32, I64, V128, ValueType


class ValType(Managed):
    """The type of a value: a number, a vector or a reference.

    Types are made by the class methods and compare by what they say:

    >>> from wasmarium import ValType
    >>> ValType.i32()
    i32
    >>> ValType.i32() == ValType.i32()
    True
    """

    _type: ValueType

    def __init__(self) -> None:
        raise WasmError("cannot construct directly")

    @classmethod
    def _of(cls, type: ValueType) -> ValType:
        self = cls.__new__(cls)
        self._type = type
        return self

    @classmethod
    def i32(cls) -> ValType:
        """A 32-bit integer. In Python an ``int``, signed."""
        return cls._of(I32)

    @classmethod
    def i64(cls) -> ValType:
        """A 64-bit integer. In Python an ``int``, signed."""
        return cls._of(I64)

    @classmethod
    def f32(cls) -> ValType:
        """A 32-bit float. In Python a ``float``, rounded."""
        return cls._of(F32)

    @classmethod
    def f64(cls) -> ValType:
        """A 64-bit float. In Python a ``float``."""
        return cls._of(F64)

    @classmethod
    def v128(cls) -> ValType:
        """A vector of 128 bits. In Python an ``int`` from 0 to 2**128-1, byte 0 the least significant."""
        return cls._of(V128)

    @classmethod
    def externref(cls) -> ValType:
        """A reference to any Python object; ``None`` is null."""
        return cls._of(EXTERNREF)

    @classmethod
    def funcref(cls) -> ValType:
        """A reference to a function. In Python a ``Func`` or ``None``."""
        return cls._of(FUNCREF)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ValType) and self._type is other._type

    def __hash__(self) -> int:
        return hash(self._type)

    def __repr__(self) -> str:
        return self._type.name
