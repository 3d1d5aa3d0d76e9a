"""Module instances (specification, section 4.2.5): the index spaces of a module that runs."""

from __future__ import annotations

from wasmarium.module import Module
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.store import Store
from wasmarium.runtime.table import TableInstance
from wasmarium.runtime.tag import TagInstance
from wasmarium.runtime.values import Value
from wasmarium.types import DefinedType

ExternalValue = FunctionInstance | TableInstance | MemoryInstance | GlobalInstance | TagInstance
"""What can be imported and exported (section 4.2.11)."""


class ModuleInstance:
    """An instance. Lists are index spaces, imports first; dropped segments are empty."""

    __slots__ = (
        "__weakref__",
        "data",
        "elements",
        "exports",
        "functions",
        "globals",
        "memories",
        "module",
        "name",
        "store",
        "tables",
        "tags",
        "types",
    )

    def __init__(self, store: Store, module: Module, name: str | None = None) -> None:
        self.store = store
        self.module = module
        self.name = name
        self.types: tuple[DefinedType, ...] = module.defined_types
        self.functions: list[FunctionInstance] = []
        self.tables: list[TableInstance] = []
        self.memories: list[MemoryInstance] = []
        self.globals: list[GlobalInstance] = []
        self.tags: list[TagInstance] = []
        self.elements: list[list[Value]] = []
        self.data: list[bytes] = []
        self.exports: dict[str, ExternalValue] = {}
