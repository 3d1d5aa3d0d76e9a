"""Encoding a module: its bytes again, made from what was decoded (specification, section 5.5).

Structure is written anew in canonical form, except that sizes of sections keep the width they had.
Bodies, expressions and custom sections are passed on as they are, byte for byte. So a module that
was canonical comes out as it was, and any other as one that decodes to the same.
"""

from __future__ import annotations

from collections.abc import Callable

from wasmarium.binary.decoder import SECTION_ORDER
from wasmarium.binary.writing import (
    PREAMBLE,
    write_bytes,
    write_custom_section,
    write_data_segment,
    write_element_segment,
    write_export,
    write_global,
    write_import,
    write_memory_type,
    write_recursive_type,
    write_section,
    write_table,
    write_tag_type,
    write_vector,
)
from wasmarium.leb128 import write_unsigned
from wasmarium.module import (
    Code,
    DataSegment,
    ElementSegment,
    Export,
    Expression,
    Global,
    Import,
    Module,
    Section,
    Table,
)


def encode_module(module: Module) -> bytes:
    """The binary form of ``module``.

    Every section that ``module.sections`` lists is written, also an empty one, and every other that
    has entries. Custom sections keep their places.
    """
    encoder = _Encoder(module)
    out = bytearray(PREAMBLE)
    widths = {section.id: _width(section) for section in module.sections}
    encoder.customs(0, out)
    for section in SECTION_ORDER:
        content = encoder.content(section, section in widths)
        if content is not None:
            write_section(section, content, out, widths.get(section, 1))
        encoder.customs(section, out)
    return bytes(out)


def _width(section: Section) -> int:
    return section.start - section.offset - 1


class _Encoder:
    """Writes the sections of one module."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.view = memoryview(module.data)
        self.custom_widths = {s.offset: _width(s) for s in module.sections if s.id == 0}

    def customs(self, after: int, out: bytearray) -> None:
        """The custom sections that stand behind section ``after``."""
        for custom in self.module.customs:
            if custom.after == after:
                width = self.custom_widths.get(custom.offset, 1)
                write_custom_section(custom.name, self.view[custom.start : custom.end], out, width)

    def content(self, section: int, listed: bool) -> bytearray | None:
        """The content of a section, or None when the module has no such section."""
        out = bytearray()
        filled = _WRITERS[section](self, out)
        # An empty vector is still a section; an absent number is not.
        return out if filled or (listed and out) else None

    def _bytes(self, expression: Expression) -> memoryview:
        return self.view[expression.start : expression.end]

    def _place(self, expression: Expression | None) -> memoryview | None:
        return None if expression is None else self._bytes(expression)

    # ---- one method per section; each says whether there is anything in it ----

    def _types(self, out: bytearray) -> bool:
        write_vector(self.module.types, write_recursive_type, out)
        return bool(self.module.types)

    def _imports(self, out: bytearray) -> bool:
        def write(item: Import, out: bytearray) -> None:
            write_import(item.module, item.name, item.type, out)

        write_vector(self.module.imports, write, out)
        return bool(self.module.imports)

    def _functions(self, out: bytearray) -> bool:
        write_vector(self.module.functions, write_unsigned, out)
        return bool(self.module.functions)

    def _tables(self, out: bytearray) -> bool:
        def write(table: Table, out: bytearray) -> None:
            write_table(table.type, self._place(table.init), out)

        write_vector(self.module.tables, write, out)
        return bool(self.module.tables)

    def _memories(self, out: bytearray) -> bool:
        write_vector([memory.type for memory in self.module.memories], write_memory_type, out)
        return bool(self.module.memories)

    def _tags(self, out: bytearray) -> bool:
        write_vector([tag.type for tag in self.module.tags], write_tag_type, out)
        return bool(self.module.tags)

    def _globals(self, out: bytearray) -> bool:
        def write(item: Global, out: bytearray) -> None:
            write_global(item.type, self._bytes(item.init), out)

        write_vector(self.module.globals, write, out)
        return bool(self.module.globals)

    def _exports(self, out: bytearray) -> bool:
        def write(export: Export, out: bytearray) -> None:
            write_export(export.name, export.kind, export.index, out)

        write_vector(self.module.exports, write, out)
        return bool(self.module.exports)

    def _start(self, out: bytearray) -> bool:
        if self.module.start is None:
            return False
        write_unsigned(self.module.start, out)
        return True

    def _elements(self, out: bytearray) -> bool:
        def write(segment: ElementSegment, out: bytearray) -> None:
            items = [item if isinstance(item, int) else self._bytes(item) for item in segment.items]
            place = self._place(segment.offset_expression)
            write_element_segment(segment.mode, segment.type, items, segment.table, place, out)

        write_vector(self.module.elements, write, out)
        return bool(self.module.elements)

    def _data_count(self, out: bytearray) -> bool:
        if self.module.data_count is None:
            return False
        write_unsigned(self.module.data_count, out)
        return True

    def _codes(self, out: bytearray) -> bool:
        def write(code: Code, out: bytearray) -> None:
            write_bytes(self.view[code.start : code.end], out)

        write_vector(self.module.codes, write, out)
        return bool(self.module.codes)

    def _datas(self, out: bytearray) -> bool:
        def write(segment: DataSegment, out: bytearray) -> None:
            data = self.view[segment.start : segment.end]
            write_data_segment(data, segment.memory, self._place(segment.offset_expression), out)

        write_vector(self.module.datas, write, out)
        return bool(self.module.datas)


_WRITERS: dict[int, Callable[[_Encoder, bytearray], bool]] = {
    1: _Encoder._types,
    2: _Encoder._imports,
    3: _Encoder._functions,
    4: _Encoder._tables,
    5: _Encoder._memories,
    6: _Encoder._globals,
    7: _Encoder._exports,
    8: _Encoder._start,
    9: _Encoder._elements,
    10: _Encoder._codes,
    11: _Encoder._datas,
    12: _Encoder._data_count,
    13: _Encoder._tags,
}
