"""TagType: what an exception of some tag carries."""

from __future__ import annotations

from typing import cast

from wasmarium import types
from wasmarium.embedding.function_type import FuncType
from wasmarium.embedding.managed import Managed
from wasmarium.types import DefinedType


class TagType(Managed):
    """The type of a tag: exceptions that have it carry the parameters of ``functype``."""

    _type: types.TagType

    def __init__(self, functype: FuncType) -> None:
        if not isinstance(functype, FuncType):
            raise TypeError("expected a FuncType")
        self._type = types.TagType(functype._defined)

    @classmethod
    def _of(cls, type: types.TagType) -> TagType:
        self = cls.__new__(cls)
        self._type = type
        return self

    @property
    def functype(self) -> FuncType:
        """The function type whose parameters the exceptions carry."""
        return FuncType._of(cast(DefinedType, self._type.type))

    def __repr__(self) -> str:
        return f"TagType({self.functype})"
