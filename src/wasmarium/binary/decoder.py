"""Decoding a module: sections and the index of function bodies (specification, section 5.5).

Only the structure is read. Function bodies stay ranges of bytes until someone asks for their
instructions (:mod:`wasmarium.binary.code`), constant expressions are passed over instruction by
instruction because nothing says how long they are, and indices are not looked up: whether they
exist is a question of validation. So a module opens in the time that its index takes, whatever the
size of its code and data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, partial

from wasmarium.binary.code import read_locals
from wasmarium.binary.custom import read_names
from wasmarium.binary.reading import in_section, malformed, skip_expression
from wasmarium.binary.types import TypeCursor
from wasmarium.binary.writing import EXTERNAL_KINDS, MAGIC, VERSION
from wasmarium.errors import Location, Unsupported, WasmError
from wasmarium.features import DEFAULT, Features
from wasmarium.instructions.table import BY_MNEMONIC
from wasmarium.leb128 import UNEXPECTED_END, Bytes, read_u32
from wasmarium.module import (
    SECTION_NAMES,
    Code,
    CustomSection,
    DataSegment,
    ElementSegment,
    Export,
    Expression,
    Global,
    Import,
    Memory,
    Module,
    Names,
    Section,
    Table,
    Tag,
)
from wasmarium.types import FUNC, FUNCREF, RecursiveType, reference

# Every section that is not custom, in the order in which they stand in a module.
SECTION_ORDER = (1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11)
_RANK = {section: rank for rank, section in enumerate(SECTION_ORDER)}


def _any_of(*mnemonics: str) -> bytes:
    return b"(?:%b)" % b"|".join(re.escape(BY_MNEMONIC[mnemonic][0].encoded) for mnemonic in mnemonics)


# What most constant expressions are, matched in one go: an integer or an index, and end. Integers of five bytes
# have to be looked at more closely.
_COMMON = rb"(?:%b[\x80-\xFF]{0,3}[\x00-\x7F]|%b[\x80-\xFF]{4}[\x00-\x07\x78-\x7F])%b" % (
    _any_of("i32.const", "global.get", "ref.func"),
    _any_of("i32.const"),
    _any_of("end"),
)
_COMMON_EXPRESSION = re.compile(_COMMON, re.DOTALL).match
# An active segment of memory 0, up to the number of its bytes.
_COMMON_DATA = re.compile(rb"\x00%b" % _COMMON, re.DOTALL).match
_RUN = 32

_MANY_DATAS = 1000


@cache
def _run_of_datas() -> Callable[[bytes, int], re.Match[bytes] | None]:
    """Matches so many of these in a row that are shorter than 2^7 bytes: Go's linker makes tens of thousands."""
    contents = b"|".join(re.escape(bytes((size,))) + b".{%d}" % size for size in range(1 << 7))
    return re.compile(rb"(?>\x00%b(?:%b)){%d}" % (_COMMON, contents, _RUN), re.DOTALL).match


# Makes a named tuple in half the time that calling its class takes.
_new = tuple.__new__


def decode_module(data: Bytes, features: Features = DEFAULT) -> Module:
    """The module that ``data`` is, with the constructs of ``features`` allowed.

    Raises Malformed where the bytes break the grammar, and Unsupported for a component and for a
    section of more than a million entries; both say the section and the offset.
    """
    return _Decoder(data if isinstance(data, bytes) else bytes(data), features).module()


def read_preamble(data: bytes) -> None:
    """Check the eight bytes that a module begins with (section 5.5.16)."""
    if len(data) < 4:
        raise malformed("unexpected end", len(data))
    if data[:4] != MAGIC:
        raise malformed("magic header not detected", 0)
    if len(data) < 8:
        raise malformed("unexpected end", len(data))
    if data[4:8] == VERSION:
        return
    if data[4] and data[6:8] == b"\1\0":
        raise Unsupported(
            f"this is a component (version 0x{data[4]:x}, layer 1), where a core module is expected",
            Location(offset=4),
        )
    raise malformed("unknown binary version", 4)


class _Decoder(TypeCursor):
    """Reads one module; each section's method fills the field of the same name."""

    def __init__(self, data: bytes, features: Features) -> None:
        super().__init__(data, 0, features)
        self.sections: list[Section] = []
        self.customs: list[CustomSection] = []
        self.types: tuple[RecursiveType, ...] = ()
        self.imports: tuple[Import, ...] = ()
        self.functions: tuple[int, ...] = ()
        self.tables: tuple[Table, ...] = ()
        self.memories: tuple[Memory, ...] = ()
        self.tags: tuple[Tag, ...] = ()
        self.globals: tuple[Global, ...] = ()
        self.exports: tuple[Export, ...] = ()
        self.start: int | None = None
        self.elements: tuple[ElementSegment, ...] = ()
        self.data_count: int | None = None
        self.codes: tuple[Code, ...] = ()
        self.datas: Callable[[], tuple[DataSegment, ...]] = tuple

    def module(self) -> Module:
        """The whole module."""
        data = self.data
        read_preamble(data)
        self.position = 8
        after = 0
        while self.position < len(data):
            offset = self.position
            section = data[offset]
            try:
                if section not in SECTION_NAMES:
                    raise malformed("malformed section id", offset)
                if section:
                    if after and _RANK[section] <= _RANK[after]:
                        problem = "occurs twice" if section == after else "is out of order"
                        raise malformed(f"unexpected content after last section: it {problem}", offset)
                    after = section
                self._section(section, after)
            except WasmError as error:
                if self.codes and offset == self.codes[-1].end:
                    self._check_last_code()
                raise in_section(error, SECTION_NAMES.get(section)) from None
        self._check_lengths()
        return Module(
            data=data,
            sections=tuple(self.sections),
            types=self.types,
            imports=self.imports,
            functions=self.functions,
            tables=self.tables,
            memories=self.memories,
            tags=self.tags,
            globals=self.globals,
            exports=self.exports,
            start=self.start,
            elements=self.elements,
            data_count=self.data_count,
            codes=self.codes,
            data_loader=self.datas,
            customs=tuple(self.customs),
            name_loader=self._name_loader(),
        )

    def _check_last_code(self) -> None:
        """Raise what is wrong with the last function's code, if anything is.

        When no section stands behind the code section, the reason may be that this code does not
        end where its size says; that is then the earlier error.
        """
        code = self.codes[-1]
        try:
            _, body = read_locals(self.data, code.start, len(self.data))
            end = skip_expression(self.data, body, self.features)
            if end != code.end:
                raise malformed("section size mismatch: the function's code and its size differ", end)
        except WasmError as error:
            raise in_section(error, SECTION_NAMES[10]) from None

    def _name_loader(self) -> Callable[[], Names]:
        for custom in self.customs:
            if custom.name == "name":
                return partial(read_names, self.data, custom.start, custom.end)
        return Names

    def _check_lengths(self) -> None:
        if len(self.functions) != len(self.codes):
            raise malformed(
                f"function and code section have inconsistent lengths: {len(self.functions)} and {len(self.codes)}",
                self._offset_of(10, 3),
            )
        datas = next((section.count for section in self.sections if section.id == _DATA), 0)
        if self.data_count is not None and self.data_count != datas:
            raise malformed(
                f"data count and data section have inconsistent lengths: {self.data_count} and {datas}",
                self._offset_of(11, 12),
            )

    def _offset_of(self, *ids: int) -> int:
        places = {section.id: section.offset for section in self.sections}
        return next(places[section] for section in ids if section in places)

    def _section(self, section: int, after: int) -> None:
        offset = self.position
        self.position = offset + 1
        size = self.length()
        start = self.skip(size)
        end = self.position
        self.position = start
        name = SECTION_NAMES[section]
        count = None
        if section:
            count = _READERS[section](self)
            if self.position != end:
                raise malformed(f"section size mismatch: {size} bytes declared, {self.position - start} used", start)
        else:
            name = self.name()
            if self.position > end:
                raise malformed(UNEXPECTED_END, end)
            self.customs.append(CustomSection(name, offset, self.position, end, after))
            self.position = end
        self.sections.append(Section(section, name, offset, start, end, count))

    # ---- constant expressions ----

    def expression(self) -> Expression:
        """A constant expression: everything up to the ``end`` that closes it."""
        start = self.position
        common = None if self._gated else _COMMON_EXPRESSION(self.data, start)
        self.position = end = common.end() if common else skip_expression(self.data, start, self.features)
        return _new(Expression, (start, end))

    # ---- one method per section; each returns the number of entries ----

    def _types(self) -> int:
        self.types = self.vector("types", self.recursive_type)
        return len(self.types)

    def _imports(self) -> int:
        self.imports = self.vector("imports", self._import)
        return len(self.imports)

    def _import(self) -> Import:
        offset = self.position
        module = self.name()
        name = self.name()
        return Import(module, name, self.external_type(), offset)

    def _functions(self) -> int:
        count = self.count("functions")
        data, position = self.data, self.position
        indices = data[position : position + count]
        if indices.isascii():  # every index is one byte
            self.skip(count)
            self.functions = tuple(indices)
        else:
            self.functions = tuple(self._indices(count))
        return count

    def _indices(self, count: int) -> Iterable[int]:
        data, position = self.data, self.position
        indices: list[int] = []
        append = indices.append
        try:
            for _ in range(count):
                value = data[position]
                position += 1
                if value >= 0x80:
                    more = data[position]
                    if more < 0x80:
                        value += (more << 7) - 0x80
                        position += 1
                    else:
                        value, position = read_u32(data, position - 1)
                append(value)
        except IndexError:
            raise malformed(UNEXPECTED_END, len(data)) from None
        self.position = position
        return indices

    def _tables(self) -> int:
        self.tables = self.vector("tables", self._table)
        return len(self.tables)

    def _table(self) -> Table:
        offset = self.position
        if self.byte() != 0x40:
            self.position = offset
            return Table(self.table_type(), None, offset)
        self.need("function-references", "malformed reference type", "a table's initial value", offset)
        if self.byte():
            raise malformed("malformed table", offset + 1)
        table_type = self.table_type()
        return Table(table_type, self.expression(), offset)

    def _memories(self) -> int:
        self.memories = self.vector("memories", self._memory)
        return len(self.memories)

    def _memory(self) -> Memory:
        offset = self.position
        return Memory(self.memory_type(), offset)

    def _tags(self) -> int:
        self.need_tags("malformed section id", self.position)
        self.tags = self.vector("tags", self._tag)
        return len(self.tags)

    def _tag(self) -> Tag:
        offset = self.position
        return Tag(self.tag_type(), offset)

    def _globals(self) -> int:
        self.globals = self.vector("globals", self._global)
        return len(self.globals)

    def _global(self) -> Global:
        offset = self.position
        global_type = self.global_type()
        return Global(global_type, self.expression(), offset)

    def _exports(self) -> int:
        count = self.count("exports")
        data = self.data
        exports: list[Export] = []
        append = exports.append
        for _ in range(count):
            # Nearly all have a short name and an index of one or two bytes; all else goes the slow way.
            offset = self.position
            try:
                end = offset + 1 + data[offset]
                kind, index, position = data[end], data[end + 1], end + 2
                if index >= 0x80:
                    more = data[position]
                    index += (more << 7) - 0x80
                    position += 1
                    if more >= 0x80:
                        kind = 0xFF
                if kind < 4 and data[offset] < 0x80:
                    name = data[offset + 1 : end].decode()
                    append(_new(Export, (name, EXTERNAL_KINDS[kind], index, offset)))
                    self.position = position
                    continue
            except (IndexError, UnicodeDecodeError):
                pass
            append(self._export())
        self.exports = tuple(exports)
        return count

    def _export(self) -> Export:
        offset = self.position
        name = self.name()
        start = self.position
        kind = self.byte()
        if kind >= len(EXTERNAL_KINDS):
            raise malformed("malformed export kind", start)
        if kind == 4:
            self.need_tags("malformed export kind", start)
        return Export(name, EXTERNAL_KINDS[kind], self.u32(), offset)

    def _start(self) -> None:
        self.start = self.u32()

    def _elements(self) -> int:
        self.elements = self.vector("element segments", self._element)
        return len(self.elements)

    def _element(self) -> ElementSegment:
        offset = self.position
        flags = self.u32()
        if flags > 7:
            raise malformed("malformed elements segment kind", offset)
        if flags:
            self.need("bulk-memory", "malformed elements segment kind", "this element segment", offset)
        mode = "active" if not flags & 1 else "declarative" if flags & 2 else "passive"
        table = self.u32() if mode == "active" and flags & 2 else 0
        place = self.expression() if mode == "active" else None
        if flags & 4:
            kind = self.reference_type() if flags & 3 else FUNCREF
            expressions = [self.expression() for _ in range(self.length())]
            return ElementSegment(mode, kind, tuple(expressions), table, place, offset)
        if flags & 3:
            start = self.position
            if self.byte():
                raise malformed("malformed element kind", start)
        indices = tuple(self._indices(self.length()))
        return ElementSegment(mode, reference(False, FUNC), indices, table, place, offset)

    def _data_count(self) -> None:
        self.need("bulk-memory", "malformed section id", "the data count section", self.position)
        self.data_count = self.u32()

    def _codes(self) -> int:
        count = self.count("functions")
        data, position = self.data, self.position
        codes: list[Code] = []
        append, new = codes.append, tuple.__new__
        try:
            for _ in range(count):
                start = position + 1
                size = data[position]
                if size >= 0x80:
                    more = data[start]
                    if more < 0x80:
                        size += (more << 7) - 0x80
                        start += 1
                    else:
                        size, start = read_u32(data, position)
                position = start + size
                append(new(Code, (start, position)))
        except IndexError:
            position = len(data) + 1
        if position > len(data):
            self._fail_in_codes(count)
        self.position = position
        self.codes = tuple(codes)
        return count

    def _fail_in_codes(self, count: int) -> None:
        """Walk the entries once more, slowly, to say which one does not fit."""
        for _ in range(count):
            self.skip(self.length())

    def _datas(self) -> int:
        """Walk the segments, so that none is malformed; they are made when they are asked for."""
        start = self.position
        count = self.count("data segments")
        data, length, gated = self.data, len(self.data), self._gated
        position = self.position
        runs = None if gated or count < _MANY_DATAS else _run_of_datas()
        left = count
        while left:
            run = runs(data, position) if runs and left % _RUN == 0 else None
            if run:
                position = run.end()
                left -= _RUN
                continue
            left -= 1
            # Nearly all are of one form and shorter than 2^14 bytes; all else goes the slow way.
            common = None if gated else _COMMON_DATA(data, position)
            if common:
                end = common.end()
                if end + 1 < length:
                    size, more = data[end], data[end + 1]
                    end += size + 1 if size < 0x80 else size + (more << 7) - 0x7E
                    if end <= length and (size < 0x80 or more < 0x80):
                        position = end
                        continue
            self.position = position
            self._data()
            position = self.position
        self.position = position
        self.datas = partial(_read_datas, data, self.features, start)
        return count

    def _data(self) -> DataSegment:
        offset = self.position
        flags = self.u32()
        if flags > 2:
            raise malformed("malformed data segment kind", offset)
        if flags:
            self.need("bulk-memory", "malformed data segment kind", "this data segment", offset)
        memory = self.u32() if flags == 2 else 0
        place = None if flags == 1 else self.expression()
        length = self.length()
        start = self.skip(length)
        mode = "passive" if flags == 1 else "active"
        return DataSegment(mode, start, start + length, memory, place, offset)


def _read_datas(data: bytes, features: Features, start: int) -> tuple[DataSegment, ...]:
    decoder = _Decoder(data, features)
    decoder.position = start
    return decoder.vector("data segments", decoder._data)


_DATA = 11
_READERS: dict[int, Callable[[_Decoder], int | None]] = {
    1: _Decoder._types,
    2: _Decoder._imports,
    3: _Decoder._functions,
    4: _Decoder._tables,
    5: _Decoder._memories,
    6: _Decoder._globals,
    7: _Decoder._exports,
    8: _Decoder._start,
    9: _Decoder._elements,
    10: _Decoder._codes,
    11: _Decoder._datas,
    12: _Decoder._data_count,
    13: _Decoder._tags,
}
