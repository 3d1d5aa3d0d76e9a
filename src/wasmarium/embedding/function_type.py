"""FuncType: parameters and results of a function."""

from __future__ import annotations

from collections.abc import Iterable

from wasmarium.embedding.managed import Managed
from wasmarium.embedding.value_type import ValType
from wasmarium.types import DefinedType, FunctionType, ValueType, define_function


class FuncType(Managed):
    """What a function takes and gives.

    >>> from wasmarium import FuncType, ValType
    >>> FuncType([ValType.i32(), ValType.i32()], [ValType.i64()])
    FuncType([i32, i32], [i64])
    """

    _defined: DefinedType

    def __init__(self, params: Iterable[ValType], results: Iterable[ValType]) -> None:
        """``params`` and ``results`` are lists of ValType; anything else raises TypeError."""
        function = FunctionType(_unwrap(params), _unwrap(results))
        self._defined = define_function(function)

    @classmethod
    def _of(cls, defined: DefinedType) -> FuncType:
        self = cls.__new__(cls)
        self._defined = defined
        return self

    @property
    def params(self) -> list[ValType]:
        """The types of the parameters, in order."""
        return [ValType._of(each) for each in self._defined.function.parameters]

    @property
    def results(self) -> list[ValType]:
        """The types of the results, in order."""
        return [ValType._of(each) for each in self._defined.function.results]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FuncType) and self._defined is other._defined

    def __hash__(self) -> int:
        return hash(self._defined)

    def __repr__(self) -> str:
        return f"FuncType({self.params}, {self.results})"


def _unwrap(types: Iterable[ValType]) -> tuple[ValueType, ...]:
    unwrapped = []
    for each in types:
        if not isinstance(each, ValType):
            raise TypeError("expected ValType")
        unwrapped.append(each._type)
    return tuple(unwrapped)
