"""The fields of a module in the text format (specification, section 6.6).

They are read in three passes: identifiers first (they may be used before they are bound), then
types, then everything else in the order of the text, which is the order in which types that only
type uses mention are numbered.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wasmarium.binary.custom import BranchHint
from wasmarium.binary.writing import (
    group_locals,
    write_bytes,
    write_export,
    write_global,
    write_import,
    write_locals,
    write_memory_type,
    write_table,
    write_tag_type,
)
from wasmarium.errors import Invalid
from wasmarium.leb128 import write_unsigned
from wasmarium.text.annotations import BRANCH_HINTS, HINTED, PlacedSection, read_branch_hint, read_custom
from wasmarium.text.lexer import Annotation, Tokens
from wasmarium.text.reading import Space, is_index
from wasmarium.text.sections import INDICES_TYPE, Expression, FunctionBody, SectionReader
from wasmarium.types import (
    ExternalType,
    FunctionImport,
    GlobalType,
    Limits,
    MemoryType,
    RecursiveType,
    SubType,
    TableType,
    TagType,
    ValueType,
)


@dataclass(frozen=True, slots=True)
class _Field:
    """A field: ``index`` in its space, ``start`` of what follows its identifier, ``stop`` its end."""

    keyword: str
    index: int
    start: int
    stop: int


class ModuleReader(SectionReader):
    """Reads the fields of one module; afterwards its attributes hold the sections."""

    def __init__(self, tokens: Tokens, position: int, stop: int, features: frozenset[str]) -> None:
        super().__init__(tokens, position, features)
        self.stop = stop
        self.module_name: str | None = None
        self.start: int | None = None
        self.bodies: list[FunctionBody] = []
        self.customs: list[PlacedSection] = []
        self.hints: dict[int, list[BranchHint]] = {}
        self.local_names: dict[int, dict[int, str]] = {}
        self.labels_by_function: dict[int, dict[int, str]] = {}
        self._customs_at: dict[int, list[Annotation]] = {}
        self._hints_at: dict[int, Annotation] = {}
        self._found: list[_Field] = []
        self._defined = ""
        self._spaces: dict[str, Space] = {
            space.keyword: space
            for space in (
                self.functions,
                self.tables,
                self.memories,
                self.globals,
                self.tags,
                self.elements,
                self.datas,
            )
        }
        for annotation in tokens.annotations:
            if position <= annotation.before <= stop:
                self._keep(annotation)
        self._hint_order = sorted(self._hints_at)

    def _keep(self, annotation: Annotation) -> None:
        at = annotation.before
        if annotation.id == "custom":
            self._customs_at.setdefault(at, []).append(annotation)
            return
        kept = self.name_annotations if annotation.id == "name" else self._hints_at
        if at in kept:
            what = "duplicate annotation"
            if annotation.id == "name" and at == self.position + (self.texts[self.position][:1] == "$"):
                what = "multiple module names"
            raise self.tokens.annotation_error(f"@{annotation.id} annotation: {what}", annotation)
        kept[at] = annotation

    def module(self) -> None:
        """Read the whole module, up to ``stop``."""
        named = Space("module", "module")
        self.bind(named)
        self.module_name = named.names.get(0)
        while self.position < self.stop:
            self._take_customs()
            self._collect()
        self._take_customs()
        self._define_types()
        for field in self._found:
            self.position = field.start
            _READERS[field.keyword](self, field)
            if self.position != field.stop:
                raise self.unexpected()
        customs = [annotation for placed in self._customs_at.values() for annotation in placed]
        for annotation in (*customs, *self.name_annotations.values()):
            raise self.tokens.annotation_error(f"misplaced @{annotation.id} annotation", annotation)
        for annotation in self._hints_at.values():
            raise self.tokens.annotation_error(f"@{BRANCH_HINTS} annotation: not in a function", annotation)

    def _take_customs(self) -> None:
        for annotation in self._customs_at.pop(self.position, ()):
            self.customs.append(read_custom(annotation, self.tokens))

    # ---- first pass: identifiers ----

    def _collect(self) -> None:
        opening = self.position
        self.expect("(")
        keyword = self.texts[self.position]
        stop = self.matching(opening)
        self.position += 1
        index = 0
        if keyword == "import":
            self._collect_import(opening, stop)
        elif keyword == "type":
            index = self.bind(self.types)
        elif keyword == "rec":
            index = self.types.count
            self._collect_group(opening, stop)
        elif keyword in ("elem", "data"):
            index = self.bind(self._spaces[keyword])
        elif keyword in self._spaces:
            index = self._collect_definition(keyword, opening, stop)
        elif keyword not in _READERS:
            self.position -= 1
            raise self.unexpected()
        if keyword != "import":
            self._found.append(_Field(keyword, index, self.position, stop))
        self.position = stop + 1

    def _collect_import(self, opening: int, stop: int) -> None:
        start = self.position
        self._import_after(opening)
        self.name()
        self.name()
        self.expect("(")
        keyword = self.texts[self.position]
        space = self._spaces.get(keyword)
        if space is None or keyword in ("elem", "data"):
            raise self.unexpected()
        self.position += 1
        index = self.bind(space)
        self._found.append(_Field("import", index, start, stop))

    def _collect_group(self, opening: int, stop: int) -> None:
        self.need("gc", opening + 1)
        start = self.position
        while self.position < stop:
            inner = self.matching(self.position) if self.opens("type") else -1
            if inner < 0:
                self.expect("(")
                raise self.unexpected()
            self.position += 2
            self.bind(self.types)
            self.position = inner + 1
        self.position = start

    def _collect_definition(self, keyword: str, opening: int, stop: int) -> int:
        index = self.bind(self._spaces[keyword])
        start = self.position
        while self.enter("export"):
            self.name()
            self.expect(")")
        if self.opens("import"):
            self._import_after(opening)
        else:
            self._defined = self._spaces[keyword].noun
            # An inline segment takes its number among the others.
            if keyword == "table" and "elem" in self.texts[self.position : stop]:
                self.elements.count += 1
            elif keyword == "memory" and "data" in self.texts[self.position : stop]:
                self.datas.count += 1
        self.position = start
        return index

    def _import_after(self, opening: int) -> None:
        if self._defined:
            raise self.error(f"import after {self._defined} definition", opening)

    # ---- second pass: types ----

    def _define_types(self) -> None:
        for field in self._found:
            self.position = field.start
            if field.keyword == "type":
                self.types.define(RecursiveType((self.subtype(field.index),)))
            elif field.keyword == "rec":
                subtypes: list[SubType] = []
                while self.enter("type"):
                    self.identifier()
                    subtypes.append(self.subtype(field.index + len(subtypes)))
                    self.expect(")")
                self.types.define(RecursiveType(tuple(subtypes)))
            else:
                continue
            if self.position != field.stop:
                raise self.unexpected()

    # ---- third pass: what the fields say ----

    def _exports(self, field: _Field) -> None:
        """Inline exports."""
        while self.opens("export"):
            start = self.position
            self.position += 2
            name = self.name()
            self.expect(")")
            write_export(name, field.keyword, field.index, self.sections[7].begin(start))

    def _inline_import(self) -> tuple[str, str] | None:
        if not self.enter("import"):
            return None
        names = self.name(), self.name()
        self.expect(")")
        return names

    def _import(self, field: _Field) -> None:
        start = field.start - 2
        names = self.name(), self.name()
        self.expect("(")
        keyword = self.texts[self.position]
        self.position += 1
        self.identifier()
        self._imported(keyword, field.index, names, start)
        self.expect(")")

    def _imported(self, keyword: str, index: int, names: tuple[str, str], start: int) -> None:
        write_import(*names, self._external_type(keyword, index), self.sections[2].begin(start))

    def _external_type(self, keyword: str, index: int) -> ExternalType:
        if keyword == "func":
            use = self.type_use(named=True)
            if use.parameters.names:
                self.local_names[index] = use.parameters.names
            return FunctionImport(self.resolve(use))
        if keyword == "table":
            return self.table_type(self.address_type())
        if keyword == "memory":
            return self.memory_type(self.address_type())
        if keyword == "global":
            return self.global_type()
        return self._tag_type()

    # ---- functions ----

    def _function(self, field: _Field) -> None:
        self._exports(field)
        start = field.start
        names = self._inline_import()
        if names is not None:
            self._imported("func", field.index, names, start)
            return
        use = self.type_use(named=True, unique=True)
        index = self.resolve(use)
        write_unsigned(index, self.sections[3].begin(start))
        function = self.types.function(index)
        types: list[ValueType] = list(function.parameters) if function is not None else []
        parameters = len(types)
        self.locals = use.parameters
        self.locals.count = parameters
        self.variables("local", self.locals, types)
        self.forget_locals()
        self.begin()
        write_locals(group_locals(types[parameters:]), self.out)
        self.instructions(field.stop)
        if self._hints_at:
            self._function_hints(field)
        code = self.sections[10]
        code.begin(start)
        write_bytes(self.out, code.content)
        self.bodies.append(
            FunctionBody(len(code.content) - len(self.out), array("I", self.offsets), array("I", self.marks))
        )
        if self.locals.names:
            self.local_names[field.index] = self.locals.names
        if self.label_names:
            self.labels_by_function[field.index] = self.label_names

    def _function_hints(self, field: _Field) -> None:
        order = self._hint_order
        inside = order[bisect_left(order, field.start) : bisect_right(order, field.stop)]
        if not inside:
            return
        offsets = dict(zip(self.marks, self.offsets, strict=True))
        hints = []
        for at in inside:
            annotation = self._hints_at.pop(at)
            likely = read_branch_hint(annotation, self.tokens)
            target = at + 1 if self.texts[at] == "(" else at
            if self.texts[target] not in HINTED:
                location = self.tokens.location(at)
                raise Invalid(f"@{BRANCH_HINTS} annotation: invalid target {self.texts[target]}", location)
            hints.append(BranchHint(offsets[target], likely))
        self.hints[field.index] = sorted(hints, key=lambda hint: hint.offset)

    # ---- tables and element segments ----

    def _table(self, field: _Field) -> None:
        self._exports(field)
        names = self._inline_import()
        if names is not None:
            self._imported("table", field.index, names, field.start)
            return
        address = self.address_type()
        out = self.sections[4].begin(field.start)
        if self.at_reference_type():
            element = self.reference_type()
            start = self.position
            self.expect("(")
            self.expect("elem")
            size = self.inline_elements(field.index, element, address, start)
            write_table(TableType(element, Limits(size, size), address), None, out)
            return
        table = self.table_type(address)
        if self.position == field.stop:
            write_table(table, None, out)
        else:
            init = self.expression(field.stop)
            write_table(table, init.code, out)
            self.mark(4, len(out), init)

    def _elements(self, field: _Field) -> None:
        mode, table = "passive", 0
        place = None
        # Without a table in parentheses the word func may be left out, as in 1.0.
        short = False
        if self.accept("declare"):
            mode = "declarative"
        elif self.enter("table"):
            table = self.index(self.tables)
            self.expect(")")
            mode, place = "active", self.wrapped("offset")
        elif is_index(self.texts[self.position]) and self.texts[self.position + 1] == "(":
            # The way in which 1.0 wrote it.
            table = self.index(self.tables)
            mode, place, short = "active", self.wrapped("offset"), True
        elif self.texts[self.position] == "(" and not self.opens("ref"):
            mode, place, short = "active", self.wrapped("offset"), True
        items: list[int | Expression]
        if self.accept("func"):
            element = INDICES_TYPE
            items = self.function_indices()
        elif self.at_reference_type():
            element = self.reference_type()
            items = []
            while self.texts[self.position] == "(":
                items.append(self.wrapped("item"))
        elif short and (is_index(self.texts[self.position]) or self.position == field.stop):
            element = INDICES_TYPE
            items = self.function_indices()
        else:
            raise self.unexpected()
        self.segment(mode, element, items, table, place, field.start)

    # ---- memories and data segments ----

    def _memory(self, field: _Field) -> None:
        self._exports(field)
        names = self._inline_import()
        if names is not None:
            self._imported("memory", field.index, names, field.start)
            return
        address = self.address_type()
        out = self.sections[5].begin(field.start)
        if is_index(self.texts[self.position]):
            write_memory_type(self.memory_type(address), out)
            return
        page_size_log2 = self.page_size()
        start = self.position
        self.expect("(")
        self.expect("data")
        data = self.strings()
        self.expect(")")
        pages = -(-len(data) >> page_size_log2)
        write_memory_type(MemoryType(Limits(pages, pages), address, False, page_size_log2), out)
        self.data_segment(data, field.index, self.zero(address, start), start)

    def _data(self, field: _Field) -> None:
        memory = 0
        place = None
        if self.enter("memory"):
            memory = self.index(self.memories)
            self.expect(")")
            place = self.wrapped("offset")
        elif is_index(self.texts[self.position]) and self.texts[self.position + 1] == "(":
            memory = self.index(self.memories)
            place = self.wrapped("offset")
        elif self.texts[self.position] == "(":
            place = self.wrapped("offset")
        self.data_segment(self.strings(), memory, place, field.start)

    # ---- globals, tags, exports, start ----

    def _global(self, field: _Field) -> None:
        self._exports(field)
        names = self._inline_import()
        if names is not None:
            self._imported("global", field.index, names, field.start)
            return
        global_type: GlobalType = self.global_type()
        init = self.expression(field.stop)
        out = self.sections[6].begin(field.start)
        write_global(global_type, init.code, out)
        self.mark(6, len(out), init)

    def _tag_type(self) -> TagType:
        if self.features.isdisjoint(("exceptions", "legacy-exceptions")):
            raise self.error("unknown operator tag: it needs the feature 'exceptions', which is switched off")
        return TagType(self.resolve(self.type_use(named=True)))

    def _tag(self, field: _Field) -> None:
        self._exports(field)
        names = self._inline_import()
        if names is not None:
            self._imported("tag", field.index, names, field.start)
            return
        write_tag_type(self._tag_type(), self.sections[13].begin(field.start))

    def _export(self, field: _Field) -> None:
        name = self.name()
        self.expect("(")
        keyword = self.texts[self.position]
        space = self._spaces.get(keyword)
        if space is None or keyword in ("elem", "data"):
            raise self.unexpected()
        self.position += 1
        index = self.index(space)
        self.expect(")")
        write_export(name, keyword, index, self.sections[7].begin(field.start))

    def _start(self, field: _Field) -> None:
        if self.start is not None:
            raise self.error("multiple start sections", field.start - 1)
        self.start = self.index(self.functions)

    def _nothing(self, field: _Field) -> None:
        """Types have been read before."""
        self.position = field.stop


_READERS: dict[str, Callable[[ModuleReader, _Field], Any]] = {
    "type": ModuleReader._nothing,
    "rec": ModuleReader._nothing,
    "import": ModuleReader._import,
    "func": ModuleReader._function,
    "table": ModuleReader._table,
    "memory": ModuleReader._memory,
    "global": ModuleReader._global,
    "tag": ModuleReader._tag,
    "export": ModuleReader._export,
    "start": ModuleReader._start,
    "elem": ModuleReader._elements,
    "data": ModuleReader._data,
}

FIELD_WORDS = frozenset(_READERS)
"""What a field of a module can begin with."""
