"""TableType: what a table holds and how large it may be."""

from __future__ import annotations

from wasmarium import types
from wasmarium.embedding.limits import Limits
from wasmarium.embedding.managed import Managed
from wasmarium.embedding.value_type import ValType
from wasmarium.errors import WasmError


class TableType(Managed):
    """The type of a table.

    >>> from wasmarium import Limits, TableType, ValType
    >>> TableType(ValType.funcref(), Limits(10, None)).element
    funcref
    """

    _type: types.TableType

    def __init__(self, valtype: ValType, limits: Limits) -> None:
        """``valtype`` is a reference type; ``limits`` count elements."""
        if not isinstance(limits, Limits):
            raise TypeError("expected Limits")
        if not isinstance(valtype, ValType):
            raise TypeError("expected valtype")
        element = valtype._type
        if not isinstance(element, types.ReferenceType):
            raise WasmError(f"a table holds references, not {element}")
        if not 0 <= limits.min < 1 << 32 or (limits.max is not None and not limits.min <= limits.max < 1 << 32):
            raise WasmError(f"{limits} cannot bound a table")
        self._type = types.TableType(element, limits._unwrap())

    @classmethod
    def _of(cls, type: types.TableType) -> TableType:
        self = cls.__new__(cls)
        self._type = type
        return self

    @property
    def element(self) -> ValType:
        """The type of the elements."""
        return ValType._of(self._type.element)

    @property
    def limits(self) -> Limits:
        """The bounds, in elements."""
        return Limits._of(self._type.limits)

    def __repr__(self) -> str:
        return f"TableType({self.element}, {self.limits})"
