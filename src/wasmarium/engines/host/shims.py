"""Small modules that stand between a guest and Python, generated per type.

A *caller* takes the arguments of a call from the area, calls a function, and leaves its results there:
``enter`` at the fixed area, ``enterAt`` at an address of its own, for a run that may be suspended.
A *callee* is what a guest imports: it leaves its arguments in the area, calls ``plain``, which is Python,
and takes the results from the area.

``plain`` answers nothing (0) when the results are in the area, or one of the numbers below:

* WAIT: the run is to be suspended. ``wait`` does it and later answers with the address of the results,
  whose last bits are -FAIL or -THROW when there are none;
* FAIL: a Python exception is on its way. The callee traps, because no guest can catch a trap;
* THROW: an exception of WebAssembly is, which guests can catch. ``throw`` throws it.

Numbers and vectors lie in the area one behind the other, little-endian (see ``values``); references
are in tables, ``externs``, ``functions`` and ``exceptions``, at the position of their value among all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from wasmarium.binary.custom import write_names
from wasmarium.binary.writing import (
    PREAMBLE,
    group_locals,
    write_code,
    write_custom_section,
    write_export,
    write_global,
    write_import,
    write_instruction,
    write_recursive_type,
    write_section,
    write_table,
    write_vector,
)
from wasmarium.errors import Crash
from wasmarium.instructions.immediates import MemoryArgument
from wasmarium.instructions.numeric import f32_bits, f64_bits
from wasmarium.instructions.table import BY_MNEMONIC
from wasmarium.instrument.additions import assemble
from wasmarium.leb128 import write_unsigned
from wasmarium.module import Names
from wasmarium.runtime.values import Value
from wasmarium.types import (
    EXNREF,
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    HEAP_TYPES,
    I32,
    I64,
    V128,
    DefinedType,
    ExternalType,
    FunctionImport,
    FunctionType,
    GlobalType,
    HeapType,
    Limits,
    MemoryType,
    RecursiveGroup,
    RecursiveIndex,
    RecursiveType,
    ReferenceType,
    TableType,
    TagType,
    ValueType,
    define_function,
    external_kind,
    map_subtype,
    reference,
    top,
)

WAIT, THROW, FAIL = -3, -2, -1
"""Answers of ``plain`` that are no addresses."""

_FLAGS = 3

REFERENCES = 1024
"""Places in each table of references; no function has as many parameters or results."""

INWARD, OUTWARD = "wasmarium.in", "wasmarium.out"
"""Names of callees and callers, as they stand in backtraces of the host."""

SIZES = {I32: 4, I64: 8, F32: 4, F64: 8, V128: 16}
"""Bytes of a value in the area; references take none."""

_LOADS = {I32: "i32.load", I64: "i64.load", F32: "f32.load", F64: "f64.load", V128: "v128.load"}
_UNALIGNED = 0

# Index spaces of every shim that has the whole environment.
_MEMORY = MemoryType(Limits(0))
_EXTERNS, _FUNCTIONS, _EXCEPTIONS = 0, 1, 2


def _i32(number: int) -> int:
    return number & 0xFFFFFFFF


def is_function(type: ReferenceType) -> bool:
    """Whether references of this type are functions."""
    return top(type.heap) is HEAP_TYPES["func"]


def is_exception(type: ValueType) -> bool:
    """Whether values of this type are references to exceptions, which JavaScript never holds."""
    return isinstance(type, ReferenceType) and top(type.heap) is HEAP_TYPES["exn"]


def _table_of(type: ReferenceType) -> int:
    if is_exception(type):
        return _EXCEPTIONS
    return _FUNCTIONS if is_function(type) else _EXTERNS


class Body:
    """The code of a function, written instruction by instruction. ``index`` gives the index of a type."""

    def __init__(self, index: Callable[[DefinedType], int]) -> None:
        self.code = bytearray()
        self._index = index

    def emit(self, mnemonic: str, *immediates: Any) -> None:
        """Append an instruction."""
        write_instruction(BY_MNEMONIC[mnemonic][0], immediates, self.code)

    def load(self, types: Sequence[ValueType], address: int, first: int = 0) -> None:
        """Push values; ``address`` is the local that holds where they lie, references begin at place ``first``."""
        offset = 0
        for slot, each in enumerate(types, first):
            if isinstance(each, ReferenceType):
                self.emit("i32.const", slot)
                self._take(each)
            else:
                self.emit("local.get", address)
                self.emit(_LOADS[each], MemoryArgument(_UNALIGNED, offset, 0))
                offset += SIZES[each]

    def store(self, types: Sequence[ValueType], first: int, address: int) -> None:
        """Store the values of the locals from ``first`` on."""
        offset = 0
        for slot, each in enumerate(types):
            self.emit("i32.const", slot) if isinstance(each, ReferenceType) else self.emit("local.get", address)
            self.emit("local.get", first + slot)
            if isinstance(each, ReferenceType):
                self._give(each)
            else:
                self.emit(_LOADS[each].replace("load", "store"), MemoryArgument(_UNALIGNED, offset, 0))
                offset += SIZES[each]

    def _take(self, type: ReferenceType) -> None:
        if is_exception(type):
            self.emit("table.get", _EXCEPTIONS)
            if type.heap is HEAP_TYPES["noexn"]:
                # nothing but null is of this type
                self.emit("drop")
                self.emit("ref.null", type.heap)
            if not type.nullable:
                self.emit("ref.as_non_null")
            return
        if is_function(type):
            self.emit("table.get", _FUNCTIONS)
        else:
            self.emit("table.get", _EXTERNS)
            if top(type.heap) is HEAP_TYPES["any"]:
                self.emit("any.convert_extern")
        if type.heap in (HEAP_TYPES["func"], HEAP_TYPES["extern"], HEAP_TYPES["any"]):
            if not type.nullable:
                self.emit("ref.as_non_null")
        else:
            row = BY_MNEMONIC["ref.cast"][1 if type.nullable else 0]
            heap = self._index(type.heap) if isinstance(type.heap, DefinedType) else type.heap
            write_instruction(row, (heap,), self.code)

    def _give(self, type: ReferenceType) -> None:
        if top(type.heap) is HEAP_TYPES["any"]:
            self.emit("extern.convert_any")
        self.emit("table.set", _table_of(type))


class Shim:
    """A module under construction. Imports come first; all have the module name ""."""

    def __init__(self, name: str | None = None, exported: str = "it") -> None:
        self._name = name
        self._exported = exported
        self._types: list[RecursiveType] = []
        self._type_count = 0
        self._groups: dict[RecursiveGroup, int] = {}
        self._functions_of_type: dict[FunctionType, int] = {}
        self._imports: list[tuple[str, ExternalType]] = []
        self._functions: list[tuple[int, Sequence[ValueType], Body]] = []
        self._exports: list[tuple[str, str, int]] = []
        self._own: tuple[int, bytearray] | None = None

    def type(self, type: FunctionType) -> int:
        """The index of a plain function type."""
        found = self._functions_of_type.get(type)
        if found is None:
            self._functions_of_type[type] = found = self.defined(define_function(type))
        return found

    def defined(self, type: DefinedType) -> int:
        """The index of a closed type; its group, and those that it mentions, are written first."""
        group = type.group
        if group not in self._groups:
            for subtype in group.subtypes:
                # what is mentioned of other groups comes before
                map_subtype(subtype, self._local)
            base = self._type_count

            def local(heap: HeapType) -> HeapType:
                return base + heap.index if isinstance(heap, RecursiveIndex) else self._local(heap)

            self._types.append(RecursiveType(tuple(map_subtype(each, local) for each in group.subtypes)))
            self._groups[group] = base
            self._type_count = base + len(group.subtypes)
        return self._groups[group] + type.index

    def _local(self, heap: HeapType) -> HeapType:
        return self.defined(heap) if isinstance(heap, DefinedType) else heap

    def _localised(self, external: ExternalType) -> ExternalType:
        """The type with indices of this module."""
        if isinstance(external, TableType):
            element = self._value(external.element)
            assert isinstance(element, ReferenceType)
            return TableType(element, external.limits, external.address)
        if isinstance(external, GlobalType):
            return GlobalType(self._value(external.content), external.mutable)
        return external

    def _value(self, type: ValueType) -> ValueType:
        if isinstance(type, ReferenceType) and isinstance(type.heap, DefinedType):
            return reference(type.nullable, self.defined(type.heap))
        return type

    def import_function(self, name: str, parameters: Sequence[ValueType], results: Sequence[ValueType]) -> None:
        """Import a function."""
        self._imports.append((name, FunctionImport(self.type(FunctionType(tuple(parameters), tuple(results))))))

    def import_defined(self, name: str, type: DefinedType) -> None:
        """Import a function of exactly this type."""
        self._imports.append((name, FunctionImport(self.defined(type))))

    def import_other(self, name: str, type: ExternalType) -> None:
        """Import anything else."""
        self._imports.append((name, self._localised(type)))

    def environment(self, types: Sequence[ValueType]) -> None:
        """Import what values cross by: the memory, the address of the area, and tables if they are needed."""
        self.import_other("memory", _MEMORY)
        self.import_other("area", GlobalType(I32, False))
        if any(isinstance(each, ReferenceType) for each in types):
            self.import_other("externs", TableType(EXTERNREF, Limits(REFERENCES)))
            self.import_other("functions", TableType(FUNCREF, Limits(REFERENCES)))
        if any(map(is_exception, types)):
            self.import_other("exceptions", TableType(EXNREF, Limits(REFERENCES)))

    def function(
        self, name: str, parameters: Sequence[ValueType], results: Sequence[ValueType], locals: Sequence[ValueType]
    ) -> Body:
        """Define and export a function; its code is to be written."""
        body = Body(self.defined)
        imported = sum(isinstance(item, FunctionImport) for _, item in self._imports)
        self._exports.append((name, "func", imported + len(self._functions)))
        index = self.type(FunctionType(tuple(parameters), tuple(results)))
        self._functions.append((index, [self._value(each) for each in locals], body))
        return body

    def defined_function(self, name: str, type: DefinedType, locals: Sequence[ValueType]) -> Body:
        """Likewise, with exactly this type."""
        body = self.function(name, (), (), locals)
        self._functions[-1] = self.defined(type), *self._functions[-1][1:]
        return body

    def own(self, section: int, entry: bytearray, kind: str) -> None:
        """Define a memory, table, global or tag, written as ``entry``, and export it."""
        index = sum(external_kind(item) == kind for _, item in self._imports)
        self._own = section, entry
        self._exports.append((self._exported, kind, index))

    def own_table(self, type: TableType) -> None:
        """Define a table, all null, and export it."""
        entry = bytearray()
        localised = self._localised(type)
        assert isinstance(localised, TableType)
        write_table(localised, None, entry)
        self.own(4, entry, "table")

    def bytes(self) -> bytes:
        """The module."""
        out = bytearray(PREAMBLE)
        self._vector(1, self._types, write_recursive_type, out)
        self._vector(2, self._imports, lambda item, o: write_import("", item[0], item[1], o), out)
        self._vector(3, self._functions, lambda item, o: write_unsigned(item[0], o), out)
        own = self._own
        for section in (4, 5, 13, 6):
            if own is not None and own[0] == section:
                write_section(section, b"\1" + own[1], out)
        self._vector(7, self._exports, lambda item, o: write_export(item[0], item[1], item[2], o), out)
        end = assemble("end")
        self._vector(10, self._functions, lambda item, o: write_code(group_locals(item[1]), item[2].code + end, o), out)
        if self._name is not None:
            write_custom_section("name", write_names(Names(self._name)), out)
        return bytes(out)

    @staticmethod
    def _vector(section: int, items: Sequence[Any], write: Any, out: bytearray) -> None:
        if items:
            content = bytearray()
            write_vector(items, write, content)
            write_section(section, content, out)


# ---- calls ----


def size(types: Sequence[ValueType]) -> int:
    """Bytes that values take in the area."""
    return sum(SIZES.get(each, 0) for each in types)


@lru_cache(256)
def caller(defined: DefinedType) -> bytes:
    """What calls a function of this type for Python: ``enter`` and ``enterAt``."""
    own = defined.function
    shim = Shim(OUTWARD)
    shim.import_defined("call", defined)
    shim.import_function("ended", (I32,), ())
    shim.environment((*own.parameters, *own.results))
    body = shim.function("through", (I32,), (), own.results)
    body.load(own.parameters, 0)
    body.emit("call", 0)
    for local in reversed(range(len(own.results))):
        body.emit("local.set", 1 + local)
    body.store(own.results, 1, 0)
    enter = shim.function("enter", (), (), ())
    enter.emit("global.get", 0)
    enter.emit("call", 2)
    at = shim.function("enterAt", (I32,), (), ())
    at.emit("local.get", 0)
    at.emit("call", 2)
    at.emit("local.get", 0)
    at.emit("call", 1)
    return shim.bytes()


@lru_cache(64)
def _asking(answer: int) -> bytes:
    """What is between the arguments and the results of a callee: it is the same in all but for this local."""
    body = Body(_no_types)
    body.emit("call", 0)
    body.emit("local.tee", answer)
    body.emit("if", None)
    body.emit("local.get", answer)
    body.emit("i32.const", _i32(WAIT))
    body.emit("i32.eq")
    body.emit("if", None)
    body.emit("call", 1)
    body.emit("local.tee", answer)
    body.emit("i32.const", _i32(~_FLAGS))
    body.emit("i32.and")
    body.emit("call", 3)
    body.emit("local.get", answer)
    body.emit("i32.const", _FLAGS)
    body.emit("i32.and")
    body.emit("if", None)
    body.emit("i32.const", 0)
    body.emit("local.get", answer)
    body.emit("i32.const", _FLAGS)
    body.emit("i32.and")
    body.emit("i32.sub")
    body.emit("local.set", answer)
    body.emit("end")
    body.emit("end")
    body.emit("local.get", answer)
    body.emit("i32.const", _i32(THROW))
    body.emit("i32.eq")
    body.emit("if", None)
    body.emit("call", 2)
    body.emit("end")
    body.emit("local.get", answer)
    body.emit("i32.const", _i32(FAIL))
    body.emit("i32.eq")
    body.emit("if", None)
    body.emit("unreachable")
    body.emit("end")
    body.emit("else")
    body.emit("global.get", 0)
    body.emit("local.set", answer)
    body.emit("end")
    return bytes(body.code)


def _no_types(type: DefinedType) -> int:
    raise Crash("no type is needed here")


@lru_cache(256)
def callee(defined: DefinedType) -> bytes:
    """What a guest calls instead of a Python function of this type: ``f``."""
    own = defined.function
    shim = Shim(INWARD)
    for name, parameters, results in (
        ("plain", (), (I32,)),
        ("wait", (), (I32,)),
        ("throw", (), ()),
        ("resumed", (I32,), ()),
    ):
        shim.import_function(name, parameters, results)
    shim.environment((*own.parameters, *own.results))
    answer = len(own.parameters)
    body = shim.defined_function("f", defined, (I32,))
    body.emit("global.get", 0)
    body.emit("local.set", answer)
    body.store(own.parameters, 0, answer)
    body.code += _asking(answer)
    body.load(own.results, answer)
    return shim.bytes()


# ---- what is not a function ----


def define(type: ExternalType) -> bytes:
    """A module that exports a new memory, table, global or tag of a (closed) type, as ``it``. A table's
    elements are null, a global is zero or null at first if it is mutable; else it takes its value from
    the area."""
    shim = Shim()
    entry = bytearray()
    if isinstance(type, MemoryType):
        from wasmarium.binary.writing import write_memory_type

        write_memory_type(type, entry)
        shim.own(5, entry, "memory")
    elif isinstance(type, TableType):
        shim.own_table(type)
    elif isinstance(type, GlobalType):
        variable = shim._localised(type)
        assert isinstance(variable, GlobalType)
        write_global(variable, _zero(variable.content), entry)
        shim.own(6, entry, "global")
    else:
        assert isinstance(type, TagType)
        assert not isinstance(type.type, int)
        from wasmarium.binary.writing import write_tag_type

        write_tag_type(TagType(shim.defined(type.type)), entry)
        shim.own(13, entry, "tag")
    return shim.bytes()


def _zero(type: ValueType) -> bytes:
    if isinstance(type, ReferenceType):
        return assemble(("ref.null", type.heap), "end")
    return assemble((f"{type}.const", 0), "end")


def constant(type: GlobalType, value: Value) -> bytes:
    """A module that exports, as "0", an immutable global. A reference is imported, also as "0"; one to an exception
    is null."""
    shim = Shim(exported="0")
    entry = bytearray()
    if is_exception(type.content):
        initial = _zero(type.content)
    elif isinstance(type.content, ReferenceType):
        shim.import_other("0", type)
        initial = assemble(("global.get", 0), "end")
    else:
        bits = {F32: f32_bits, F64: f64_bits}.get(type.content)
        initial = assemble((f"{type.content}.const", value if bits is None else bits(value)), "end")
    localised = shim._localised(type)
    assert isinstance(localised, GlobalType)
    write_global(localised, initial, entry)
    shim.own(6, entry, "global")
    return shim.bytes()


def accessor(type: GlobalType | TableType) -> bytes:
    """Gets at a global or a table."""
    return _global_accessor(type) if isinstance(type, GlobalType) else _table_accessor(type)


def _global_accessor(type: GlobalType) -> bytes:
    """``enter`` leaves the value of the global ``it`` in the area, ``set`` takes it from there."""
    shim = Shim()
    shim.environment((type.content,))
    shim.import_other("it", type)
    get = shim.function("enter", (), (), (I32, type.content))
    get.emit("global.get", 0)
    get.emit("local.set", 0)
    get.emit("global.get", 1)
    get.emit("local.set", 1)
    get.store((type.content,), 1, 0)
    if type.mutable:
        put = shim.function("set", (), (), (I32,))
        put.emit("global.get", 0)
        put.emit("local.set", 0)
        put.load((type.content,), 0)
        put.emit("global.set", 1)
    return shim.bytes()


def _table_accessor(type: TableType) -> bytes:
    """``enter(i)`` leaves element ``i`` of the table ``it`` in the first place of its table of references,
    ``set(i)`` takes it from there; ``size()``; ``grow(delta)`` with such an element, -1 if it cannot."""
    shim = Shim()
    shim.environment((type.element,))
    shim.import_other("it", TableType(type.element, Limits(0), type.address))
    wide = type.address is I64
    it = 3 if is_exception(type.element) else 2

    def index(body: Body) -> None:
        body.emit("local.get", 0)
        if wide:
            body.emit("i64.extend_i32_u")

    get = shim.function("enter", (I32,), (), ())
    get.emit("i32.const", 0)
    index(get)
    get.emit("table.get", it)
    get._give(type.element)
    put = shim.function("set", (I32,), (), ())
    index(put)
    put.emit("i32.const", 0)
    put._take(type.element)
    put.emit("table.set", it)
    count = shim.function("size", (), (I32,), ())
    count.emit("table.size", it)
    grow = shim.function("grow", (I32,), (I32,), ())
    grow.emit("i32.const", 0)
    grow._take(type.element)
    index(grow)
    grow.emit("table.grow", it)
    if wide:
        count.emit("i32.wrap_i64")
        grow.emit("i32.wrap_i64")
    return shim.bytes()
