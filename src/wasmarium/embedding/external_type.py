"""ImportType and ExportType: what a module wants and what it offers."""

from __future__ import annotations

from typing import cast

from wasmarium import types
from wasmarium.embedding.function_type import FuncType
from wasmarium.embedding.global_type import GlobalType
from wasmarium.embedding.managed import Managed
from wasmarium.embedding.memory_type import MemoryType
from wasmarium.embedding.table_type import TableType
from wasmarium.embedding.tag_type import TagType
from wasmarium.types import DefinedType

AsExternType = FuncType | TableType | MemoryType | GlobalType | TagType
"""The type of anything that can be imported or exported."""


def wrap_external_type(external: types.ExternalType) -> AsExternType:
    """The public class for a closed external type."""
    if isinstance(external, types.FunctionImport):
        return FuncType._of(cast(DefinedType, external.type))
    if isinstance(external, types.TableType):
        return TableType._of(external)
    if isinstance(external, types.MemoryType):
        return MemoryType._of(external)
    if isinstance(external, types.GlobalType):
        return GlobalType._of(external)
    return TagType._of(external)


class ImportType(Managed):
    """One import of a module: ``module`` and ``name`` say what is wanted, ``type`` of which type."""

    def __init__(self, module: str, name: str, type: AsExternType) -> None:
        self._module = module
        self._name = name
        self._type = type

    @property
    def module(self) -> str:
        """The first of the two names."""
        return self._module

    @property
    def name(self) -> str:
        """The second of the two names."""
        return self._name

    @property
    def type(self) -> AsExternType:
        """A FuncType, TableType, MemoryType, GlobalType or TagType."""
        return self._type

    def __repr__(self) -> str:
        return f"ImportType({self._module!r}, {self._name!r}, {self._type})"


class ExportType(Managed):
    """One export of a module, with its name and its type."""

    def __init__(self, name: str, type: AsExternType) -> None:
        self._name = name
        self._type = type

    @property
    def name(self) -> str:
        """The name under which it is exported."""
        return self._name

    @property
    def type(self) -> AsExternType:
        """A FuncType, TableType, MemoryType, GlobalType or TagType."""
        return self._type

    def __repr__(self) -> str:
        return f"ExportType({self._name!r}, {self._type})"
