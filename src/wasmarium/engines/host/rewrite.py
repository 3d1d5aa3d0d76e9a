"""What the host is given instead of the module itself.

The differences: imports and exports are named by number; the start function is not run but exported, so
that it runs when everything is in its place; tables and tags are exported, and functions too where one might reach
Python as a reference; memories and tables have the maximum that the store allows; custom sections are
left out, and a name tells the module in backtraces. Function indices stay as they are, and function bodies too
unless something is to be watched or bounded: then passes of ``instrument`` put code into them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from wasmarium.binary.custom import write_names
from wasmarium.binary.writing import write_custom_section
from wasmarium.engines.host.shims import is_function
from wasmarium.instrument import Pass, rewritten_by
from wasmarium.instrument.assembling import Surface, write_module
from wasmarium.instrument.conversions import Conversions, converts
from wasmarium.instrument.rewriting import Rewriting
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

_CODE = 10

GUEST = "wasmarium.guest"
"""The name of guests in backtraces of the host; the number of the module follows."""

EXACT = 1 << 18
"""Bytes of a module below which the two traps of conversions are told apart; larger ones shall not wait for it."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The bytes for the host. ``exports`` says which kind and index each export has; the module's own come
    first. ``first_function`` is the export of function 0, or None where functions are not exported; ``added``
    are the exports of what passes added, by their role, and ``first_added`` is the first of them.
    The content of the code section begins at ``code_start``, ``shift`` behind where it was."""

    data: bytes
    exports: tuple[tuple[str, int], ...]
    start: int | None
    first_added: int
    first_table: int
    first_tag: int
    first_function: int | None
    code_start: int
    shift: int
    added: dict[str, int] = field(default_factory=dict)
    code: Rewriting | None = None

    def original_offset(self, function: int, offset: int) -> int:
        """The offset in the original module that belongs to one in a function's code here."""
        if self.code is None:
            return offset - self.shift
        return self.code.original_offset(function, offset - self.code_start)

    def was_added(self, function: int, offset: int) -> bool:
        """Whether what is there was not in the original."""
        return self.code is not None and self.code.was_added(function, offset - self.code_start)


def rewrite(
    module: Module,
    number: int,
    limits: ResourceLimits,
    passes: Sequence[Pass] = (),
    reveal: bool = False,
    given_memories: bool = False,
) -> Rewritten:
    """The module as the host is to see it; ``number`` is its own. ``reveal`` exports all that it has; with
    ``given_memories`` its own memories are imports too, behind those that it has."""
    if len(module.data) < EXACT and converts(module):
        passes = (*passes, Conversions())
    additions, code = rewritten_by(module, passes) if passes else (None, None)
    exports = [(export.kind, export.index) for export in module.exports]
    start = None
    if module.start is not None:
        start = len(exports)
        exports.append(("func", module.start))
    first_added = len(exports)
    added = list(additions.exports.items()) if additions is not None else []
    exports += [where for _, where in added]
    first_table = len(exports)
    exports += [("table", index) for index in range(len(module.all_tables))]
    first_tag = len(exports)
    exports += [("tag", index) for index in range(len(module.all_tags))]
    if reveal:
        exports += [("table", index) for index in range(len(module.all_tables))]
        exports += [("memory", index) for index in range(len(module.all_memories))]
        exports += [("global", index) for index in range(len(module.all_globals))]
    first_function = None
    if _shows_functions(module, reveal):
        first_function = len(exports)
        exports += [("func", index) for index in range(len(module.all_functions))]
    named = [(str(position), kind, index) for position, (kind, index) in enumerate(exports)]
    memories = [bounded_memory(memory.type, limits, len(module.memories)) for memory in module.memories]
    imports = [item.type for item in module.imports] + (memories if given_memories else [])
    surface = Surface(
        imports=[("", str(position), item) for position, item in enumerate(imports)],
        exports=named[:first_added] + named[first_table:],
        added=named[first_added:first_table],
        tables=[bounded_table(table.type, limits) for table in module.tables],
        memories=[] if given_memories else memories,
        has_start=False,
    )
    out, code_start = write_module(
        module,
        surface,
        additions,
        code.content if code is not None else None,
        code.unlikely if code is not None else None,
    )
    write_custom_section("name", write_names(Names(f"{GUEST}{number}")), out)
    original = next((section.start for section in module.sections if section.id == _CODE), 0)
    return Rewritten(
        bytes(out),
        tuple(exports),
        start,
        first_added,
        first_table,
        first_tag,
        first_function,
        code_start,
        code_start - original,
        {role: first_added + position for position, (role, _) in enumerate(added)},
        code,
    )


def bounded_memory(type: MemoryType, limits: ResourceLimits, count: int = 1) -> MemoryType:
    """The type, of one of ``count`` memories, with no larger a maximum than the limits allow."""
    bound = max(limits.each_memory(count) // type.page_size, type.limits.minimum)
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


def _shows_functions(module: Module, reveal: bool) -> bool:
    """Whether a reference to a function of the module might reach Python; with ``reveal``, all its tables and globals
    do."""

    def shown(types: Sequence[ValueType]) -> bool:
        types = [each.close(module.defined_types) for each in types]
        return any(isinstance(each, ReferenceType) and is_function(each) for each in types)

    def signature(index: int) -> bool:
        function: FunctionType = module.defined_types[index].function
        return shown((*function.parameters, *function.results))

    if reveal and shown([each.element for each in module.all_tables]):
        return True
    if reveal and shown([each.content for each in module.all_globals]):
        return True
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
