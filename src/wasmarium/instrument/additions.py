"""What a module gets that it did not have: at the ends of its index spaces, so that no index of its own moves.

The exception is an imported global: imports come first, so the module's own globals move up by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import ref

from wasmarium.binary.writing import write_instruction
from wasmarium.instructions.immediates import MemoryArgument
from wasmarium.instructions.table import BY_MNEMONIC
from wasmarium.module import Module
from wasmarium.types import (
    FUNCREF,
    I32,
    I64,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
)

Item = str | tuple[Any, ...]
"""An instruction: its mnemonic, or that and its immediates."""


def assemble(*items: Item) -> bytes:
    """The code of these instructions."""
    out = bytearray()
    for item in items:
        mnemonic, *immediates = (item,) if isinstance(item, str) else item
        write_instruction(BY_MNEMONIC[mnemonic][0], immediates, out)
    return bytes(out)


NOTES = "notes"
"""The role of the exported memory."""

_ALIGNMENT = 6


class Place(NamedTuple):
    """``size`` bytes at an address of memory ``memory``."""

    memory: int
    address: int
    size: int

    def at(self, offset: int, align: int = 0) -> MemoryArgument:
        """What gets at one of them; ``align`` is log2 of the alignment."""
        return MemoryArgument(align, self.address + offset, self.memory)


class Additions:
    """What is added to ``module``. ``exports`` are the kind and index of what is exported, by its role."""

    def __init__(self, module: Module) -> None:
        # what was made of a module must not keep it alive: caches go by modules
        self._module = ref(module)
        self.types: list[FunctionType] = []
        self.tables: list[TableType] = []
        self.memories: list[MemoryType] = []
        self.areas: dict[str, Place] = {}
        """By their roles: the parts of the memory that is added."""
        self.globals: list[tuple[GlobalType, bytes]] = []
        self.imported_global: GlobalType | None = None
        self.share: Callable[[MemoryType], MemoryType] | None = None
        """What makes the types of memories shared, if they are to be."""
        self.share_import: Callable[[MemoryType], MemoryType] | None = None
        """Likewise of those that are imported."""
        self.exports: dict[str, tuple[str, int]] = {}

    @property
    def module(self) -> Module:
        """The module, as long as somebody else has it."""
        module = self._module()
        assert module is not None
        return module

    @property
    def first_moved_global(self) -> int | None:
        """The first global whose index is one more than it was, or None."""
        if self.imported_global is None:
            return None
        return len(self.module.all_globals) - len(self.module.globals)

    def type(self, parameters: tuple[Any, ...], results: tuple[Any, ...]) -> int:
        """The index of a function type."""
        wanted = FunctionType(parameters, results)
        if wanted not in self.types:
            self.types.append(wanted)
        return len(self.module.defined_types) + self.types.index(wanted)

    def import_global(self, type: GlobalType) -> int:
        """Import one global behind the module's own imports; its index. Before any other global is added."""
        assert self.imported_global is None
        assert not self.globals
        self.imported_global = type
        index = self.first_moved_global
        assert index is not None
        return index

    def counter(self, type: Any, value: int = 0, export: str | None = None) -> int:
        """A new global of type i32 or i64 that can change; its index."""
        assert type in (I32, I64)
        imported = self.imported_global is not None
        index = len(self.module.all_globals) + imported + len(self.globals)
        self.globals.append((GlobalType(type, True), assemble((f"{type}.const", value), "end")))
        if export is not None:
            self.exports[export] = "global", index
        return index

    def area(self, size: int, role: str) -> Place:
        """Room for ``size`` bytes, all zeros, in the memory that is added: there is one for all who want some, as hosts
        are slow where a function uses several."""
        if not self.memories:
            self.exports[NOTES] = "memory", len(self.module.all_memories)
            self.memories.append(MemoryType(Limits(0)))
        end = max((place.address + place.size for place in self.areas.values()), default=0)
        place = Place(len(self.module.all_memories), -(-end >> _ALIGNMENT) << _ALIGNMENT, size)
        self.areas[role] = place
        pages = -(-(place.address + size) >> 16)
        self.memories[0] = MemoryType(Limits(pages, pages))
        return place

    def table(self, size: int, export: str) -> int:
        """A new table of functions; its index."""
        index = len(self.module.all_tables) + len(self.tables)
        self.tables.append(TableType(FUNCREF, Limits(size, size)))
        self.exports[export] = "table", index
        return index
