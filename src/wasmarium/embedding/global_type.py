"""GlobalType: what a global holds and whether it may change."""

from __future__ import annotations

from wasmarium import types
from wasmarium.embedding.managed import Managed
from wasmarium.embedding.value_type import ValType


class GlobalType(Managed):
    """The type of a global.

    >>> from wasmarium import GlobalType, ValType
    >>> GlobalType(ValType.i64(), mutable=True)
    GlobalType(i64, True)
    """

    _type: types.GlobalType

    def __init__(self, valtype: ValType, mutable: bool) -> None:
        if not isinstance(valtype, ValType):
            raise TypeError("expected valtype")
        self._type = types.GlobalType(valtype._type, bool(mutable))

    @classmethod
    def _of(cls, type: types.GlobalType) -> GlobalType:
        self = cls.__new__(cls)
        self._type = type
        return self

    @property
    def content(self) -> ValType:
        """The type of the value."""
        return ValType._of(self._type.content)

    @property
    def mutable(self) -> bool:
        """Whether the value may change."""
        return self._type.mutable

    def __repr__(self) -> str:
        return f"GlobalType({self.content}, {self.mutable})"
