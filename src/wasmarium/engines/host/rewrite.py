"""What the host is given instead of the module itself.

The differences: imports and exports are named by number; the start function is not run but exported, so
that it runs when everything is in its place; tables and tags are exported, and functions too where one might reach
Python as a reference; memories and tables have the maximum that the store allows; custom sections are
left out, and a name tells the module in backtraces. Function indices and function bodies stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wasmarium.binary.custom import write_names
from wasmarium.binary.writing import (
    PREAMBLE,
    write_custom_section,
    write_export,
    write_import,
    write_memory_type,
    write_section,
    write_table,
    write_vector,
)
from wasmarium.engines.host.shims import is_function
from wasmarium.module import Module, Names
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.types import (
    FunctionImport,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    ReferenceType,
    TableType,
    ValueType,
)

_IMPORT, _TABLE, _MEMORY, _EXPORT, _START, _CODE, _CUSTOM = 2, 4, 5, 7, 8, 10, 0
_BEHIND_EXPORTS = (8, 9, 12, 10, 11)

GUEST = "wasmarium.guest"
"""The name of guests in backtraces of the host; the number of the module follows."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The bytes for the host. ``exports`` says which kind and index each export has; the module's own come
    first. ``first_function`` is the export of function 0, or None where functions are not exported.
    An offset in a body is ``shift`` larger than in the original."""

    data: bytes
    exports: tuple[tuple[str, int], ...]
    start: int | None
    first_table: int
    first_tag: int
    first_function: int | None
    shift: int


def rewrite(module: Module, number: int, limits: ResourceLimits) -> Rewritten:
    """The module as the host is to see it; ``number`` is its own."""
    exports = [(export.kind, export.index) for export in module.exports]
    start = None
    if module.start is not None:
        start = len(exports)
        exports.append(("func", module.start))
    first_table = len(exports)
    exports += [("table", index) for index in range(len(module.all_tables))]
    first_tag = len(exports)
    exports += [("tag", index) for index in range(len(module.all_tags))]
    first_function = None
    if _shows_functions(module):
        first_function = len(exports)
        exports += [("func", index) for index in range(len(module.all_functions))]
    out = bytearray(PREAMBLE)
    exported = shift = 0
    for section in module.sections:
        if section.id in _BEHIND_EXPORTS and not exported:
            _write_exports(exports, out)
            exported = 1
        if section.id in (_CUSTOM, _START):
            continue
        if section.id == _IMPORT:
            content = bytearray()
            numbered = list(enumerate(module.imports))
            write_vector(numbered, lambda item, o: write_import("", str(item[0]), item[1].type, o), content)
            write_section(_IMPORT, content, out)
        elif section.id == _EXPORT:
            _write_exports(exports, out)
            exported = 1
        elif section.id == _MEMORY:
            content = bytearray()
            types = [bounded_memory(memory.type, limits) for memory in module.memories]
            write_vector(types, write_memory_type, content)
            write_section(_MEMORY, content, out)
        elif section.id == _TABLE:
            content = bytearray()
            tables = [
                (
                    bounded_table(table.type, limits),
                    None if table.init is None else module.data[table.init.start : table.init.end],
                )
                for table in module.tables
            ]
            write_vector(tables, lambda item, o: write_table(item[0], item[1], o), content)
            write_section(_TABLE, content, out)
        else:
            at = len(out)
            out += memoryview(module.data)[section.offset : section.end]
            if section.id == _CODE:
                shift = at - section.offset
    if not exported:
        _write_exports(exports, out)
    write_custom_section("name", write_names(Names(f"{GUEST}{number}")), out)
    return Rewritten(bytes(out), tuple(exports), start, first_table, first_tag, first_function, shift)


def _write_exports(exports: Sequence[tuple[str, int]], out: bytearray) -> None:
    content = bytearray()
    write_vector(list(enumerate(exports)), lambda item, o: write_export(str(item[0]), *item[1], o), content)
    write_section(_EXPORT, content, out)


def bounded_memory(type: MemoryType, limits: ResourceLimits) -> MemoryType:
    """The type with no larger a maximum than the limits allow."""
    bound = max(limits.memory_bytes // type.page_size, type.limits.minimum)
    space = (1 << 32) // type.page_size
    maximum = type.limits.maximum
    if bound >= space if maximum is None else bound >= maximum:
        return type
    return replace(type, limits=Limits(type.limits.minimum, bound))


def bounded_table(type: TableType, limits: ResourceLimits) -> TableType:
    """Likewise."""
    bound = max(limits.table_elements, type.limits.minimum)
    maximum = type.limits.maximum
    if maximum is not None and bound >= maximum:
        return type
    return replace(type, limits=Limits(type.limits.minimum, bound))


def _shows_functions(module: Module) -> bool:
    """Whether a reference to a function of the module might reach Python."""

    def shown(types: Sequence[ValueType]) -> bool:
        types = [each.close(module.defined_types) for each in types]
        return any(isinstance(each, ReferenceType) and is_function(each) for each in types)

    def signature(index: int) -> bool:
        function: FunctionType = module.defined_types[index].function
        return shown((*function.parameters, *function.results))

    for item in module.imports:
        external = item.type
        if isinstance(external, TableType) and shown((external.element,)):
            return True
        if isinstance(external, GlobalType) and shown((external.content,)):
            return True
        if isinstance(external, FunctionImport) and isinstance(external.type, int) and signature(external.type):
            return True
    for export in module.exports:
        if export.kind == "table" and shown((module.all_tables[export.index].element,)):
            return True
        if export.kind == "global" and shown((module.all_globals[export.index].content,)):
            return True
        if export.kind == "func" and signature(module.all_functions[export.index]):
            return True
    return False
