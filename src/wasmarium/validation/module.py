"""Validation of a module, section by section in the order of the file (specification, section 3.5)."""

from __future__ import annotations

from functools import partial

from wasmarium.binary.types import TypeCursor
from wasmarium.errors import Location
from wasmarium.features import DEFAULT, Features
from wasmarium.leb128 import read_u32
from wasmarium.module import DataSegment, ElementSegment, Export, Expression, Import, Module
from wasmarium.types import FUNC, FunctionImport, GlobalType, MemoryType, TableType, matches_value, reference
from wasmarium.validation import diagnostics
from wasmarium.validation.code import CodeValidator
from wasmarium.validation.constant import ConstantValidator
from wasmarium.validation.context import Context, Where, look
from wasmarium.validation.types import TypeValidator, check_global, check_memory, check_table, check_tag

_INDICES = reference(False, FUNC)


def validate_module(module: Module, features: Features = DEFAULT) -> None:
    """Check the whole of ``module``; nothing of it may run before.

    Raises the error that stands first in the file, with its place: Invalid where a rule of validation
    is broken, Malformed where a body is not made of instructions (bodies are only decoded here).
    Limits of this implementation (50,000 locals in a function, for one) count as Invalid.
    """
    _ModuleValidator(module, features).run()


def code_validator(module: Module, features: Features = DEFAULT) -> CodeValidator:
    """What validates the bodies of ``module``, whose other sections are valid."""
    made = _ModuleValidator(module, features)
    made.until_codes()
    return made.codes_validator()


class _ModuleValidator:
    def __init__(self, module: Module, features: Features) -> None:
        self.module = module
        self.context = Context(module, features)
        self.constants = ConstantValidator(self.context)

    def run(self) -> None:
        self.until_codes()
        self.codes()
        self.datas()

    def until_codes(self) -> None:
        """All sections before the code."""
        self.types()
        self.imports()
        self.functions()
        self.tables()
        self.memories()
        self.tags()
        self.globals()
        self.exports()
        self.start()
        self.elements()

    def place(self, section: str, offset: int) -> Where:
        """An entry of a section, for diagnostics."""
        return partial(Location, section=section, offset=offset)

    # ---- definitions ----

    def types(self) -> None:
        validator = TypeValidator(self.context)
        for index, group in enumerate(self.module.types):
            validator.add(group, partial(self._type_place, index))

    def _type_place(self, group: int) -> Location:
        cursor = TypeCursor(self.module.data, self._section("type"), self.context.features)
        cursor.u32()
        for _ in range(group):
            cursor.recursive_type()
        return Location(section="type", offset=cursor.position)

    def _section(self, name: str) -> int:
        return next(section.start for section in self.module.sections if section.name == name and section.id)

    def imports(self) -> None:
        for item in self.module.imports:
            self._import(item, self.place("import", item.offset))
        self.context.imported_globals = len(self.context.globals)

    def _import(self, item: Import, where: Where) -> None:
        kind = item.type
        if isinstance(kind, FunctionImport):
            assert isinstance(kind.type, int)
            self.context.add_function(kind.type, where)
        elif isinstance(kind, TableType):
            self._add_table(kind, where)
        elif isinstance(kind, MemoryType):
            self._add_memory(kind, where)
        elif isinstance(kind, GlobalType):
            if kind.mutable:
                self.context.need("mutable-globals", "the import of a mutable global", where)
            self.context.globals.append(check_global(self.context, kind, where))
        else:
            self.context.tags.append(check_tag(self.context, kind, where))

    def _add_table(self, table: TableType, where: Where) -> None:
        context = self.context
        if context.tables and "reference-types" not in context.features:
            raise diagnostics.several(where(), "tables", "reference-types")
        context.tables.append(check_table(context, table, where))

    def _add_memory(self, memory: MemoryType, where: Where) -> None:
        context = self.context
        if context.memories and "multi-memory" not in context.features:
            raise diagnostics.several(where(), "memories", "multi-memory")
        context.memories.append(check_memory(memory, where))

    def functions(self) -> None:
        for number, index in enumerate(self.module.functions):
            self.context.add_function(index, partial(self._function_place, number))

    def _function_place(self, number: int) -> Location:
        data = self.module.data
        _, position = read_u32(data, self._section("function"))
        for _ in range(number):
            _, position = read_u32(data, position)
        return Location(section="function", offset=position)

    def tables(self) -> None:
        for table in self.module.tables:
            where = self.place("table", table.offset)
            self._add_table(table.type, where)
            element = self.context.tables[-1].element
            if table.init is not None:
                self.constants.validate(table.init, element, "table")
            elif not element.nullable:
                raise diagnostics.not_defaultable(
                    where(), "a table without an initial value", self.context.name(element)
                )

    def memories(self) -> None:
        for memory in self.module.memories:
            self._add_memory(memory.type, self.place("memory", memory.offset))

    def tags(self) -> None:
        for tag in self.module.tags:
            self.context.tags.append(check_tag(self.context, tag.type, self.place("tag", tag.offset)))

    def globals(self) -> None:
        for item in self.module.globals:
            kind = check_global(self.context, item.type, self.place("global", item.offset))
            self.constants.validate(item.init, kind.content, "global")
            # Only now: an initial value may name globals that come before it, not itself.
            self.context.globals.append(kind)

    # ---- exports and start ----

    def exports(self) -> None:
        names: set[str] = set()
        for export in self.module.exports:
            where = self.place("export", export.offset)
            self._export(export, where)
            if export.name in names:
                raise diagnostics.duplicate_export(where(), export.name)
            names.add(export.name)

    def _export(self, export: Export, where: Where) -> None:
        context, index = self.context, export.index
        if export.kind == "func":
            context.function(index, where)
            context.declared.add(index)
        elif export.kind == "table":
            look(context.tables, "table", index, where)
        elif export.kind == "memory":
            look(context.memories, "memory", index, where)
        elif export.kind == "global":
            if look(context.globals, "global", index, where).mutable:
                context.need("mutable-globals", "the export of a mutable global", where)
        else:
            look(context.tags, "tag", index, where)

    def start(self) -> None:
        index = self.module.start
        if index is None:
            return
        where = self.place("start", self._section("start"))
        context = self.context
        parameters, results = context.function(index, where)
        if parameters or results:
            raise diagnostics.start_function(where(), index, context.names(parameters), context.names(results))

    # ---- segments and code ----

    def elements(self) -> None:
        for segment in self.module.elements:
            self._element(segment, self.place("element", segment.offset))

    def _element(self, segment: ElementSegment, where: Where) -> None:
        context = self.context
        # Segments of function indices have a type of their own that no feature brings.
        kind = segment.type
        if kind is not _INDICES:
            kind = context.close_reference(kind, where)
        if segment.offset_expression is not None:
            table = look(context.tables, "table", segment.table, where)
            if not matches_value(kind, table.element):
                raise diagnostics.segment_type(where(), context.name(table.element), context.name(kind))
            self.constants.validate(segment.offset_expression, table.address, "element")
        for item in segment.items:
            if isinstance(item, Expression):
                self.constants.validate(item, kind, "element")
            else:
                context.function(item, where)
                context.declared.add(item)
        context.elements.append(kind)

    def codes_validator(self) -> CodeValidator:
        """For the bodies, one after the other."""
        self.context.data_count = self.module.data_count
        return CodeValidator(self.context)

    def codes(self) -> None:
        validator = self.codes_validator()
        for function, code in enumerate(self.module.codes, self.module.imported_functions):
            validator.validate(function, code)

    def datas(self) -> None:
        for segment in self.module.datas:
            self._data(segment, self.place("data", segment.offset))

    def _data(self, segment: DataSegment, where: Where) -> None:
        if segment.offset_expression is not None:
            memory = look(self.context.memories, "memory", segment.memory, where)
            self.constants.validate(segment.offset_expression, memory.address, "data")
