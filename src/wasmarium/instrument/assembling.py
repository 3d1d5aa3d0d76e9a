"""Writing a module with what was added to it. Sections that stay the same are copied as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from wasmarium.binary.code import instructions
from wasmarium.binary.decoder import SECTION_ORDER
from wasmarium.binary.writing import (
    PREAMBLE,
    write_custom_section,
    write_data_segment,
    write_element_segment,
    write_export,
    write_global,
    write_import,
    write_instruction,
    write_memory_type,
    write_recursive_type,
    write_section,
    write_table,
    write_vector,
)
from wasmarium.instrument.additions import Additions
from wasmarium.leb128 import write_unsigned
from wasmarium.module import Expression, Module
from wasmarium.types import ExternalType, MemoryType, RecursiveType, SubType, TableType

_TYPE, _IMPORT, _TABLE, _MEMORY, _GLOBAL, _EXPORT, _START, _ELEMENT, _CODE, _DATA = 1, 2, 4, 5, 6, 7, 8, 9, 10, 11


@dataclass(slots=True)
class Surface:
    """What may be told anew: imports with their names, exports, the types of own tables and memories. ``added``
    are exports of what was added."""

    imports: list[tuple[str, str, ExternalType]]
    exports: list[tuple[str, str, int]]
    tables: list[TableType]
    memories: list[MemoryType]
    has_start: bool
    added: Sequence[tuple[str, str, int]] = ()

    @classmethod
    def of(cls, module: Module) -> Surface:
        """That of the module itself."""
        return cls(
            [(item.module, item.name, item.type) for item in module.imports],
            [(item.name, item.kind, item.index) for item in module.exports],
            [table.type for table in module.tables],
            [memory.type for memory in module.memories],
            module.start is not None,
        )


def write_module(
    module: Module,
    surface: Surface,
    additions: Additions | None = None,
    code: bytes | None = None,
    unlikely: Mapping[int, Sequence[int]] | None = None,
) -> tuple[bytearray, int]:
    """The module without its custom sections, with ``surface``, ``additions``, and ``code`` as the content
    of its code section; and where that content begins. ``unlikely`` are branches that are hardly ever taken: by
    function, their offsets from its locals on."""
    writer = _Writer(module, surface, additions if additions is not None else Additions(module))
    out = bytearray(PREAMBLE)
    code_start = 0
    sections = {section.id: section for section in module.sections if section.id}
    for number in SECTION_ORDER:
        section = sections.get(number)
        if number == _CODE and section is not None:
            if code is None:
                code = module.data[section.start : section.end]
            if unlikely:
                write_custom_section("metadata.code.branch_hint", _hints(unlikely), out)
            out.append(_CODE)
            write_unsigned(len(code), out)
            code_start = len(out)
            out += code
            continue
        if number == _START:
            if section is not None and surface.has_start:
                out += memoryview(module.data)[section.offset : section.end]
            continue
        content = writer.content(number)
        if content is not None:
            if content[:1] != b"\x00":
                write_section(number, content, out)
        elif section is not None:
            out += memoryview(module.data)[section.offset : section.end]
    return out, code_start


def _hints(unlikely: Mapping[int, Sequence[int]]) -> bytes:
    """The content of the section of branch hints (appendix, "Custom Sections")."""
    out = bytearray()

    def write(item: tuple[int, Sequence[int]], out: bytearray) -> None:
        function, offsets = item
        write_unsigned(function, out)
        write_vector(offsets, write_hint, out)

    def write_hint(offset: int, out: bytearray) -> None:
        write_unsigned(offset, out)
        out += b"\x01\x00"

    write_vector(sorted(unlikely.items()), write, out)
    return bytes(out)


class _Writer:
    """The sections that may differ."""

    def __init__(self, module: Module, surface: Surface, additions: Additions) -> None:
        self.module = module
        self.surface = surface
        self.additions = additions
        self.first_moved = additions.first_moved_global

    def content(self, number: int) -> bytes | None:
        """The content of a section, or None where it is as it was."""
        moved = self.first_moved is not None
        makers: dict[int, tuple[bool, Callable[[bytearray], None]]] = {
            _TYPE: (bool(self.additions.types), self._types),
            _IMPORT: (True, self._imports),
            _TABLE: (True, self._tables),
            _MEMORY: (True, self._memories),
            _GLOBAL: (moved or bool(self.additions.globals), self._globals),
            _EXPORT: (True, self._exports),
            _ELEMENT: (moved, self._elements),
            _DATA: (moved, self._datas),
        }
        differs, make = makers.get(number, (False, None))
        if not differs or make is None:
            return None
        out = bytearray()
        make(out)
        return bytes(out)

    def _types(self, out: bytearray) -> None:
        added = [RecursiveType((SubType(True, (), each),)) for each in self.additions.types]
        write_vector([*self.module.types, *added], write_recursive_type, out)

    def _imports(self, out: bytearray) -> None:
        share = self.additions.share_import
        imports = [
            (of, name, share(item) if share is not None and isinstance(item, MemoryType) else item)
            for of, name, item in self.surface.imports
        ]
        if self.additions.imported_global is not None:
            imports.append(("", str(len(imports)), self.additions.imported_global))
        write_vector(imports, lambda item, o: write_import(*item, o), out)

    def _tables(self, out: bytearray) -> None:
        inits = [None if table.init is None else self._expression(table.init) for table in self.module.tables]
        tables = [*zip(self.surface.tables, inits, strict=True), *((each, None) for each in self.additions.tables)]
        write_vector(tables, lambda item, o: write_table(*item, o), out)

    def _memories(self, out: bytearray) -> None:
        share = self.additions.share
        own = [memory if share is None else share(memory) for memory in self.surface.memories]
        write_vector([*own, *self.additions.memories], write_memory_type, out)

    def _globals(self, out: bytearray) -> None:
        own = [(each.type, self._expression(each.init)) for each in self.module.globals]
        write_vector([*own, *self.additions.globals], lambda item, o: write_global(*item, o), out)

    def _exports(self, out: bytearray) -> None:
        exports = [
            (name, kind, self._global(index) if kind == "global" else index)
            for name, kind, index in self.surface.exports
        ]
        exports += self.surface.added
        write_vector(exports, lambda item, o: write_export(*item, o), out)

    def _elements(self, out: bytearray) -> None:
        def write(number: int, out: bytearray) -> None:
            segment = self.module.elements[number]
            items = [item if isinstance(item, int) else self._expression(item) for item in segment.items]
            place = segment.offset_expression
            where = None if place is None else self._expression(place)
            write_element_segment(segment.mode, segment.type, items, segment.table, where, out)

        write_vector(range(len(self.module.elements)), write, out)

    def _datas(self, out: bytearray) -> None:
        def write(number: int, out: bytearray) -> None:
            segment = self.module.datas[number]
            place = segment.offset_expression
            where = None if place is None else self._expression(place)
            write_data_segment(self.module.data[segment.start : segment.end], segment.memory, where, out)

        write_vector(range(len(self.module.datas)), write, out)

    def _global(self, index: int) -> int:
        return index + (self.first_moved is not None and index >= self.first_moved)

    def _expression(self, expression: Expression) -> bytes:
        data = self.module.data
        if self.first_moved is None:
            return data[expression.start : expression.end]
        out = bytearray()
        for _, row, immediates in instructions(data, expression.start, expression.end):
            if row.mnemonic == "global.get":
                immediates = (self._global(immediates[0]),)
            write_instruction(row, immediates, out)
        return bytes(out)
