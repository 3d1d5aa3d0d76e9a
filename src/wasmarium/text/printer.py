"""Modules to text (specification, chapter 6): readable, with names, and the same module when parsed.

What text cannot say is left out: widths of integers, sections that are empty, a data count that
nobody needs, names of things that do not exist. The name section is not printed as such: its names
are the identifiers. Every other custom section is printed as ``(@custom ...)``, branch hints beside
their branches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wasmarium.binary.code import instructions, read_locals
from wasmarium.binary.custom import read_branch_hints
from wasmarium.binary.decoder import SECTION_ORDER
from wasmarium.errors import Malformed
from wasmarium.module import CustomSection, DataSegment, ElementSegment, Module
from wasmarium.text.annotations import BRANCH_HINTS, HINTED, SECTION_WORDS
from wasmarium.text.immediates import show_value_type
from wasmarium.text.naming import Identifiers, ModuleNamer, show_bytes, show_text
from wasmarium.text.print_code import CodePrinter, body_of
from wasmarium.types import (
    FUNC,
    I64,
    ArrayType,
    CompositeType,
    ExternalType,
    FieldType,
    FunctionImport,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    PackedType,
    SubType,
    TableType,
    external_kind,
    reference,
)

_DATA_PER_LINE = 64


@dataclass(frozen=True, slots=True)
class Listing:
    """A function as text. ``offsets[i]`` is the byte offset in the module of the instruction in line
    ``i`` (from 0), None where the line holds none."""

    text: str
    offsets: tuple[int | None, ...]

    def line_of(self, offset: int) -> int | None:
        """The line (from 0) that holds the instruction at ``offset``, None when there is none."""
        return self.offsets.index(offset) if offset in self.offsets else None


def print_module(module: Module) -> str:
    """The text of a module, which must have been decoded without an error.

    Raises Malformed where a function body breaks the grammar, and Unsupported for a function with
    more locals than can sensibly be printed.
    """
    lines = list(module_lines(module))
    lines.append("")
    return "\n".join(lines)


def module_lines(module: Module) -> Iterator[str]:
    """The lines of :func:`print_module`, one by one."""
    return ModulePrinter(module).lines()


def print_function(module: Module, index: int) -> Listing:
    """One function as text, an imported one as its import. IndexError when there is none."""
    return ModulePrinter(module).function(index)


def _show_limits(limits: Limits) -> str:
    return f"{limits.minimum}" if limits.maximum is None else f"{limits.minimum} {limits.maximum}"


class ModulePrinter:
    """Prints one module, or functions of it one by one."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.namer = ModuleNamer(module)
        self._hints = _hints_by_offset(module)
        self.code = CodePrinter(module, self.namer, self._hints)

    def function(self, index: int) -> Listing:
        """See :func:`print_function`."""
        if not 0 <= index < len(self.module.all_functions):
            raise IndexError(f"the module has no function {index}")
        if index < self.module.imported_functions:
            imports = [line for kind, number, line in self.imports() if (kind, number) == ("func", index)]
            return Listing(f"{imports[0]}\n", (None,))
        lines = list(self.code.function(index, ""))
        text = "".join(f"{line}\n" for _, line in lines)
        return Listing(text, tuple(offset for offset, _ in lines))

    def lines(self) -> Iterator[str]:
        """See :func:`module_lines`."""
        module = self.module
        name = module.names.module
        identifiers = Identifiers({} if name is None else {0: name}, 1)
        yield " ".join(filter(None, ("(module", identifiers.binding(0))))
        indent = "  "
        for lines in (
            self._types(),
            (line for _, _, line in self.imports()),
            self._definitions(),
            self._exports(),
            self._elements(),
        ):
            for line in lines:
                yield indent + line
        for index in range(len(module.codes)):
            for _, line in self.code.function(index + module.imported_functions, indent):
                yield line
        for lines in (self._datas(), self._customs()):
            for line in lines:
                yield indent + line
        yield ")"

    # ---- types ----

    def _types(self) -> Iterator[str]:
        index = 0
        for group in self.module.types:
            alone = len(group.subtypes) == 1
            if not alone:
                yield "(rec"
            for subtype in group.subtypes:
                defined = self.code.define("type", index)
                yield f"{'' if alone else '  '}(type {defined} {self._subtype(subtype, index)})"
                index += 1
            if not alone:
                yield ")"

    def _subtype(self, subtype: SubType, index: int) -> str:
        composite = self._composite(subtype.composite, index)
        if subtype.final and not subtype.supertypes:
            return composite
        words = ["sub"]
        if subtype.final:
            words.append("final")
        words.extend(self.namer.index("type", heap) for heap in subtype.supertypes if isinstance(heap, int))
        return f"({' '.join(words)} {composite})"

    def _composite(self, composite: CompositeType, index: int) -> str:
        if isinstance(composite, FunctionType):
            return f"(func{self.code.signature(composite, Identifiers({}, 0))})"
        if isinstance(composite, ArrayType):
            return f"(array {self._field(composite.element)})"
        names = self.namer.fields.get(index) or Identifiers({}, 0)
        fields = "".join(
            f" (field {names.binding(i)}{' ' if i in names else ''}{self._field(field)})"
            for i, field in enumerate(composite.fields)
        )
        return f"(struct{fields})"

    def _field(self, field: FieldType) -> str:
        storage = field.storage
        shown = storage.name if isinstance(storage, PackedType) else show_value_type(storage, self.namer)
        return f"(mut {shown})" if field.mutable else shown

    def _external(self, external: ExternalType, index: int) -> str:
        if isinstance(external, FunctionImport):
            assert isinstance(external.type, int)
            return self.code.type_use(external.type, index)
        if isinstance(external, TableType):
            address = "i64 " if external.address is I64 else ""
            return f"{address}{_show_limits(external.limits)} {show_value_type(external.element, self.namer)}"
        if isinstance(external, MemoryType):
            address = "i64 " if external.address is I64 else ""
            shared = " shared" if external.shared else ""
            size = f" (pagesize {external.page_size})" if external.page_size_log2 != 16 else ""
            return f"{address}{_show_limits(external.limits)}{shared}{size}"
        if isinstance(external, GlobalType):
            content = show_value_type(external.content, self.namer)
            return f"(mut {content})" if external.mutable else content
        assert isinstance(external.type, int)
        return self.code.type_use(external.type)

    # ---- imports, definitions, exports ----

    def imports(self) -> Iterator[tuple[str, int, str]]:
        """Kind, index in its space and text of each import."""
        counts: dict[str, int] = {}
        for item in self.module.imports:
            kind = external_kind(item.type)
            index = counts[kind] = counts.get(kind, -1) + 1
            entity = f"({kind} {self.code.define(kind, index)} {self._external(item.type, index)})"
            yield kind, index, f"(import {show_text(item.module)} {show_text(item.name)} {entity})"

    def _definitions(self) -> Iterator[str]:
        module = self.module

        def define(kind: str, external: ExternalType, index: int, init: str = "") -> str:
            return f"({kind} {self.code.define(kind, index)} {self._external(external, index)}{init})"

        first = len(module.all_tables) - len(module.tables)
        for index, table in enumerate(module.tables, first):
            init = "" if table.init is None else f" {self.code.expression(table.init)[0]}"
            yield define("table", table.type, index, init)
        first = len(module.all_memories) - len(module.memories)
        for index, memory in enumerate(module.memories, first):
            yield define("memory", memory.type, index)
        first = len(module.all_tags) - len(module.tags)
        for index, tag in enumerate(module.tags, first):
            yield define("tag", tag.type, index)
        first = len(module.all_globals) - len(module.globals)
        for index, item in enumerate(module.globals, first):
            shown = self.code.expression(item.init)[0]
            yield define("global", item.type, index, f" {shown}" if shown else "")

    def _exports(self) -> Iterator[str]:
        for export in self.module.exports:
            yield f"(export {show_text(export.name)} ({export.kind} {self.namer.index(export.kind, export.index)}))"
        if self.module.start is not None:
            yield f"(start {self.namer.index('func', self.module.start)})"

    # ---- segments ----

    def _place(self, segment: ElementSegment | DataSegment, keyword: str, index: int) -> list[str]:
        if segment.offset_expression is None:
            return []
        place = self.code.wrapped("offset", segment.offset_expression)
        return [f"({keyword} {self.namer.index(keyword, index)})", place] if index else [place]

    def _elements(self) -> Iterator[str]:
        for index, segment in enumerate(self.module.elements):
            words = [f"(elem {self.code.define('elem', index)}"]
            if segment.mode == "declarative":
                words.append("declare")
            words.extend(self._place(segment, "table", segment.table))
            indices = [item for item in segment.items if isinstance(item, int)]
            if segment.type is reference(False, FUNC) and len(indices) == len(segment.items):
                words.append("func")
                words.extend(self.namer.index("func", item) for item in indices)
            else:
                words.append(show_value_type(segment.type, self.namer))
                words.extend(self.code.wrapped("item", item) for item in segment.items if not isinstance(item, int))
            yield f"{' '.join(words)})"

    def _datas(self) -> Iterator[str]:
        data = self.module.data
        for index, segment in enumerate(self.module.datas):
            words = [f"(data {self.code.define('data', index)}", *self._place(segment, "memory", segment.memory)]
            pieces = [
                show_bytes(data[at : min(at + _DATA_PER_LINE, segment.end)])
                for at in range(segment.start, segment.end, _DATA_PER_LINE)
            ]
            if len(pieces) < 2:
                yield f"{' '.join([*words, *pieces])})"
                continue
            yield " ".join(words)
            for piece in pieces:
                yield f"  {piece}"
            yield ")"

    # ---- custom sections ----

    def _customs(self) -> Iterator[str]:
        for custom in self.module.customs:
            if custom.name == "name" or (custom.name == BRANCH_HINTS and self._hints):
                continue
            place = f"(after {SECTION_WORDS[custom.after]})" if custom.after else "(before first)"
            payload = self.module.data[custom.start : custom.end]
            yield f"(@custom {show_text(custom.name)} {place} {show_bytes(payload)})"


def _hints_by_offset(module: Module) -> dict[int, bool]:
    """Branch hints by the byte offset of the branch.

    Empty unless there is one such section, before the code, and all of it can stand beside branches.
    """
    sections: list[CustomSection] = [custom for custom in module.customs if custom.name == BRANCH_HINTS]
    if len(sections) != 1 or SECTION_ORDER.index(sections[0].after or 1) >= SECTION_ORDER.index(10):
        return {}
    try:
        by_function = read_branch_hints(module.data, sections[0].start, sections[0].end)
    except Malformed:
        return {}
    hints: dict[int, bool] = {}
    for function, found in by_function.items():
        code = body_of(module, function)
        if code is None:
            return {}
        of_function = {code.start + hint.offset: hint.likely for hint in found}
        _, start = read_locals(module.data, code.start, code.end)
        for offset, row, _ in instructions(module.data, start, code.end):
            if offset in of_function and row.mnemonic in HINTED:
                hints[offset] = of_function.pop(offset)
        if of_function:
            return {}
    return hints
