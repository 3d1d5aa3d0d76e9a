"""The decoded module: plain frozen data (specification, section 2.5), with byte offsets kept.

A module is always backed by bytes (``Module.data``): the text format is assembled to binary first.
Code bodies and expressions are byte ranges into it and are read on demand, so that a module of
70 MB opens at once. Types are syntactic here (type indices); ``Module.defined_types`` closes them.
Offsets count from the start of the module; ranges are half open. What a module has tens of thousands
of is a named tuple, not a data class: made five times as fast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeVar

from wasmarium.types import (
    DefinedType,
    ExternalType,
    FunctionImport,
    FunctionType,
    GlobalType,
    MemoryType,
    RecursiveType,
    ReferenceType,
    TableType,
    TagType,
    define,
)

SECTION_NAMES = {
    0: "custom",
    1: "type",
    2: "import",
    3: "function",
    4: "table",
    5: "memory",
    6: "global",
    7: "export",
    8: "start",
    9: "element",
    10: "code",
    11: "data",
    12: "data count",
    13: "tag",
}


@dataclass(frozen=True, slots=True)
class Section:
    """Where a section stands. ``offset`` is that of its id byte, ``start`` to ``end`` its content.

    ``count`` is the number of entries (None for custom, start and data count sections); ``name`` is
    SECTION_NAMES[id], for a custom section the name that it gives itself.
    """

    id: int
    name: str
    offset: int
    start: int
    end: int
    count: int | None = None


@dataclass(frozen=True, slots=True)
class CustomSection:
    """A custom section: its payload is ``data[start:end]``; ``after`` is the id of the last
    section that is not custom before it (0 at the beginning)."""

    name: str
    offset: int
    start: int
    end: int
    after: int


class Expression(NamedTuple):
    """A constant expression, the closing ``end`` included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Import:
    """An import; its type is syntactic."""

    module: str
    name: str
    type: ExternalType
    offset: int


class Export(NamedTuple):
    """An export. ``kind``: func, table, memory, global or tag; ``index`` is in that index space."""

    name: str
    kind: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    offset: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the module's own; ``init`` is None where the elements start as null."""

    type: TableType
    init: Expression | None
    offset: int


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory of the module's own."""

    type: MemoryType
    offset: int


class Global(NamedTuple):
    """A global of the module's own."""

    type: GlobalType
    init: Expression
    offset: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of the module's own."""

    type: TagType
    offset: int


@dataclass(frozen=True, slots=True)
class ElementSegment:
    """An element segment. ``mode``: active, passive or declarative.

    ``items`` are function indices (the short form) or expressions; ``table`` and ``offset_expression``
    are for active ones.
    """

    mode: str
    type: ReferenceType
    items: tuple[int | Expression, ...]
    table: int
    offset_expression: Expression | None
    offset: int


class DataSegment(NamedTuple):
    """A data segment. ``mode``: active or passive; its bytes are ``data[start:end]``."""

    mode: str
    start: int
    end: int
    memory: int
    offset_expression: Expression | None
    offset: int


class Code(NamedTuple):
    """A function's code entry: locals and body are ``data[start:end]`` (the size field excluded)."""

    start: int
    end: int


@dataclass(frozen=True)
class Names:
    """What the name section says (appendix, section 7.4.1); every map is by index."""

    module: str | None = None
    functions: dict[int, str] = field(default_factory=dict)
    locals: dict[int, dict[int, str]] = field(default_factory=dict)
    labels: dict[int, dict[int, str]] = field(default_factory=dict)
    types: dict[int, str] = field(default_factory=dict)
    tables: dict[int, str] = field(default_factory=dict)
    memories: dict[int, str] = field(default_factory=dict)
    globals: dict[int, str] = field(default_factory=dict)
    elements: dict[int, str] = field(default_factory=dict)
    data: dict[int, str] = field(default_factory=dict)
    fields: dict[int, dict[int, str]] = field(default_factory=dict)
    tags: dict[int, str] = field(default_factory=dict)


_T = TypeVar("_T", bound=ExternalType)


@dataclass(frozen=True, eq=False)
class Module:
    """A module. ``functions`` are the type indices of its own functions, ``codes`` their code.

    The cached properties ``all_functions``, ``all_tables`` and so on are the index spaces: imports
    first, then the module's own.
    """

    data: bytes
    sections: tuple[Section, ...]
    types: tuple[RecursiveType, ...] = ()
    imports: tuple[Import, ...] = ()
    functions: tuple[int, ...] = ()
    tables: tuple[Table, ...] = ()
    memories: tuple[Memory, ...] = ()
    tags: tuple[Tag, ...] = ()
    globals: tuple[Global, ...] = ()
    exports: tuple[Export, ...] = ()
    start: int | None = None
    elements: tuple[ElementSegment, ...] = ()
    data_count: int | None = None
    codes: tuple[Code, ...] = ()
    customs: tuple[CustomSection, ...] = ()
    data_loader: Callable[[], tuple[DataSegment, ...]] = tuple
    name_loader: Callable[[], Names] = Names

    @cached_property
    def names(self) -> Names:
        """The name section, read when first asked for; empty where there is none or it is broken."""
        return self.name_loader()

    @cached_property
    def exported_functions(self) -> dict[int, str]:
        """The first name under which a function is exported, by index: how to call it where it has no other."""
        names: dict[int, str] = {}
        for export in self.exports:
            if export.kind == "func":
                names.setdefault(export.index, export.name)
        return names

    @cached_property
    def datas(self) -> tuple[DataSegment, ...]:
        """The data segments, made when first asked for: a module can have tens of thousands."""
        return self.data_loader()

    @cached_property
    def defined_types(self) -> tuple[DefinedType, ...]:
        """The closed type of every type index. Only for modules whose type section is valid."""
        types: list[DefinedType] = []
        for group in self.types:
            types.extend(define(group, types))
        return tuple(types)

    def _imported(self, kind: type[_T]) -> tuple[_T, ...]:
        return tuple(item.type for item in self.imports if isinstance(item.type, kind))

    @cached_property
    def imported_functions(self) -> int:
        """How many functions are imported; the module's own come after them."""
        return len(self._imported(FunctionImport))

    @cached_property
    def all_functions(self) -> tuple[int, ...]:
        """Type indices of all functions."""
        imported = (item.type for item in self._imported(FunctionImport))
        return (*(index for index in imported if isinstance(index, int)), *self.functions)

    @cached_property
    def all_tables(self) -> tuple[TableType, ...]:
        """Types of all tables."""
        return (*self._imported(TableType), *(table.type for table in self.tables))

    @cached_property
    def all_memories(self) -> tuple[MemoryType, ...]:
        """Types of all memories."""
        return (*self._imported(MemoryType), *(memory.type for memory in self.memories))

    @cached_property
    def all_globals(self) -> tuple[GlobalType, ...]:
        """Types of all globals."""
        return (*self._imported(GlobalType), *(item.type for item in self.globals))

    @cached_property
    def all_tags(self) -> tuple[TagType, ...]:
        """Types of all tags."""
        return (*self._imported(TagType), *(tag.type for tag in self.tags))

    def external_type(self, kind: str, index: int) -> ExternalType:
        """The type of what has ``index`` in the space of ``kind`` ("func", "table" and so on)."""
        if kind == "func":
            return FunctionImport(self.all_functions[index])
        spaces: dict[str, tuple[ExternalType, ...]] = {
            "table": self.all_tables,
            "memory": self.all_memories,
            "global": self.all_globals,
            "tag": self.all_tags,
        }
        return spaces[kind][index]

    def function_name(self, index: int) -> str:
        """What function ``index`` is called: by its name, else as it is exported, else by its index."""
        return self.names.functions.get(index) or self.exported_functions.get(index) or f"${index}"

    def function_type(self, index: int) -> FunctionType:
        """The closed type of function ``index``."""
        return self.defined_types[self.all_functions[index]].function
