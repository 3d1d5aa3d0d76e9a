"""A module that calls another one: the same bytes drive ours and wasmtime.

The embedding APIs cannot pass or show every value (vectors, references to structs), so a driver in WebAssembly
does it. It has the type section of the module that it drives, imports all that this exports, and for every call
an exported function that pushes arguments, calls, and writes what came back into a memory of its own: numbers
as their bits, of references what can be asked of them. ``dump`` writes globals and tables in the same way.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from wasmarium.binary.writing import (
    PREAMBLE,
    group_locals,
    write_code,
    write_element_segment,
    write_export,
    write_import,
    write_instruction,
    write_memory_type,
    write_recursive_type,
    write_section,
    write_vector,
)
from wasmarium.instructions.immediates import MemoryArgument
from wasmarium.instructions.table import BY_MNEMONIC
from wasmarium.leb128 import write_unsigned
from wasmarium.module import Module
from wasmarium.types import (
    F32,
    F64,
    FUNC,
    HEAP_TYPES,
    I32,
    I64,
    V128,
    ArrayType,
    ExternalType,
    FieldType,
    FunctionImport,
    FunctionType,
    HeapType,
    Limits,
    MemoryType,
    RecursiveType,
    ReferenceType,
    StructType,
    SubType,
    ValueType,
    matches_heap,
    reference,
    top,
)

MODULE = "m"
OUT = "out"
DUMP = "dump"
PAGES = 2
MOST_CALLS = 12
_MOST_TESTED = 8
_MOST_FIELDS = 6
_MOST_ELEMENTS = 6

INTEGERS = (0, 1, 2, 7, 31, 32, 63, 64, 100, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000)
F32_BITS = (0, 0x80000000, 0x3F800000, 0xBF800000, 0x7F800000, 0xFF800000, 0x7FC00000, 1, 0x7F7FFFFF, 0x4F000000)
F64_BITS = (0, 1 << 63, 0x3FF << 52, 0xBFF << 52, 0x7FF << 52, 0xFFF << 52, 0x7FF8 << 48, 1, 0x43E << 52, 0x41E << 52)


@dataclass(frozen=True, slots=True)
class Driver:
    """The bytes of a driver, what it imports of the module, and the names of its calls."""

    data: bytes
    imports: tuple[str, ...]
    calls: tuple[str, ...]


class _Code:
    """The instructions and locals of one function."""

    def __init__(self, memory: int, parameters: int = 0) -> None:
        self.out = bytearray()
        self.locals: list[ValueType] = []
        self.memory = memory
        self.parameters = parameters
        self.address = 0

    def emit(self, mnemonic: str, *immediates: object, row: int = 0) -> None:
        write_instruction(BY_MNEMONIC[mnemonic][row], immediates, self.out)

    def local(self, value: ValueType) -> int:
        self.locals.append(value)
        return self.parameters + len(self.locals) - 1

    def store(self, mnemonic: str, width: int, push: Callable[[], None]) -> None:
        """Write what ``push`` pushes to the next place."""
        self.emit("i32.const", self.address)
        push()
        self.emit(mnemonic, MemoryArgument(0, 0, self.memory))
        self.address += width

    @property
    def full(self) -> bool:
        return self.address > PAGES * 65536 - 4096

    def code(self) -> tuple[list[tuple[int, ValueType]], bytes]:
        self.emit("end")
        return group_locals(self.locals), bytes(self.out)


_STORES = {I32: ("i32.store", 4), I64: ("i64.store", 8), F32: ("f32.store", 4), F64: ("f64.store", 8)}


@dataclass(slots=True)
class _Builder:
    module: Module
    random: random.Random
    declared: set[int] = field(default_factory=set)
    """Functions that ``ref.func`` names, by index in the driver."""
    functions: list[int] = field(default_factory=list)
    """Type indices of the imported functions."""
    memory: int = 0

    # ---- what came back ----

    def show(self, code: _Code, value: ValueType, local: int) -> None:
        """Write all there is to see of a local."""
        if isinstance(value, ReferenceType):
            self._show_reference(code, value, local)
        elif value is V128:
            code.store("v128.store", 16, lambda: code.emit("local.get", local))
        else:
            mnemonic, width = _STORES[value]
            code.store(mnemonic, width, lambda: code.emit("local.get", local))

    def _show_reference(self, code: _Code, value: ReferenceType, local: int) -> None:
        def null() -> None:
            code.emit("local.get", local)
            code.emit("ref.is_null")

        code.store("i32.store8", 1, null)
        closed = value.close(self.module.defined_types)
        assert isinstance(closed, ReferenceType)
        kind = top(closed.heap).name
        if kind == "extern":
            inner = code.local(reference(True, HEAP_TYPES["any"]))
            code.emit("local.get", local)
            code.emit("any.convert_extern")
            code.emit("local.set", inner)
            local, kind = inner, "any"
        if kind == "any":
            self._show_any(code, local)
        elif kind == "func":
            for index in self._indices(FunctionType):
                self._test(code, local, index)

    def _test(self, code: _Code, local: int, heap: HeapType | int) -> None:
        def test() -> None:
            code.emit("local.get", local)
            code.emit("ref.test", heap)

        code.store("i32.store8", 1, test)

    def _indices(self, kind: type[object]) -> list[int]:
        found = [i for i, t in enumerate(self.module.defined_types) if isinstance(t.composite, kind)]
        return found[:_MOST_TESTED]

    def _show_any(self, code: _Code, local: int) -> None:
        for name in ("eq", "i31", "struct", "array"):
            self._test(code, local, HEAP_TYPES[name])
        self._if(code, local, HEAP_TYPES["i31"])
        code.store("i32.store", 4, lambda: self._cast(code, local, HEAP_TYPES["i31"], "i31.get_s"))
        code.emit("end")
        self._if(code, local, HEAP_TYPES["array"])
        code.store("i32.store", 4, lambda: self._cast(code, local, HEAP_TYPES["array"], "array.len"))
        code.emit("end")
        for index in self._indices(StructType):
            self._test(code, local, index)
            composite = self.module.defined_types[index].composite
            assert isinstance(composite, StructType)
            self._if(code, local, index)
            for number, item in list(enumerate(composite.fields))[:_MOST_FIELDS]:
                self._show_item(code, item, local, index, "struct", number)
            code.emit("end")
        for index in self._indices(ArrayType):
            self._test(code, local, index)
            composite = self.module.defined_types[index].composite
            assert isinstance(composite, ArrayType)
            self._if(code, local, index)
            for number in range(2):
                code.emit("i32.const", number)
                self._cast(code, local, HEAP_TYPES["array"], "array.len")
                code.emit("i32.lt_u")
                code.emit("if", None)
                self._show_item(code, composite.element, local, index, "array", number)
                code.emit("end")
            code.emit("end")

    def _if(self, code: _Code, local: int, heap: HeapType | int) -> None:
        code.emit("local.get", local)
        code.emit("ref.test", heap)
        code.emit("if", None)

    def _cast(self, code: _Code, local: int, heap: HeapType | int, then: str) -> None:
        code.emit("local.get", local)
        code.emit("ref.cast", heap)
        code.emit(then)

    def _show_item(self, code: _Code, item: FieldType, local: int, index: int, kind: str, number: int) -> None:
        value = item.unpacked
        packed = value is not item.storage

        def get() -> None:
            code.emit("local.get", local)
            code.emit("ref.cast", index)
            suffix = ("_s", "_u")[number % 2] if packed else ""
            if kind == "array":
                code.emit("i32.const", number)
                code.emit(f"array.get{suffix}", index)
            else:
                code.emit(f"struct.get{suffix}", index, number)
            if isinstance(value, ReferenceType):
                code.emit("ref.is_null")

        if isinstance(value, ReferenceType):
            code.store("i32.store8", 1, get)
        elif value is V128:
            code.store("v128.store", 16, get)
        else:
            mnemonic, width = _STORES[value]
            code.store(mnemonic, width, get)

    # ---- arguments ----

    def push(self, code: _Code, value: ValueType) -> bool:
        """Push some value of this type; False where none can be made."""
        dice = self.random
        if isinstance(value, ReferenceType):
            return self._push_reference(code, value)
        bits = {I32: 32, I64: 64, F32: 32, F64: 64, V128: 128}[value]
        known = F32_BITS if value is F32 else F64_BITS if value is F64 else INTEGERS
        number = dice.getrandbits(bits)
        if value is V128:
            if dice.random() < 0.5:
                number = 0
                for _ in range(4):
                    number = number << 32 | dice.choice(F32_BITS + INTEGERS)
        elif dice.random() < 0.8:
            number = dice.choice(known)
            if value in (I32, I64) and dice.random() < 0.4:
                number = -number & (1 << bits) - 1
        code.emit(f"{value.name}.const", number)
        return True

    def _push_reference(self, code: _Code, value: ReferenceType) -> bool:
        dice, types = self.random, self.module.defined_types
        if not (value.nullable and dice.random() < 0.4):
            wanted = value.close(types)
            assert isinstance(wanted, ReferenceType)
            if self._push_object(code, wanted.heap):
                return True
        if value.nullable:
            code.emit("ref.null", value.heap)
        return value.nullable

    def _push_object(self, code: _Code, wanted: HeapType) -> bool:
        """An object of a closed heap type."""
        dice, types = self.random, self.module.defined_types
        kind = top(wanted).name
        if kind == "func":
            fitting = [i for i, index in enumerate(self.functions) if matches_heap(types[index], wanted)]
            if not fitting:
                return False
            index = dice.choice(fitting)
            self.declared.add(index)
            code.emit("ref.func", index)
            return True
        if kind not in ("any", "extern"):
            return False
        target = HEAP_TYPES["any"] if wanted is HEAP_TYPES["extern"] else wanted
        options: list[int | None] = [None] if matches_heap(HEAP_TYPES["i31"], target) else []
        options += [i for i, t in enumerate(types) if _default_makes(t.composite) and matches_heap(t, target)][:8]
        if not options or wanted is HEAP_TYPES["noextern"]:
            return False
        option = dice.choice(options)
        if option is None:
            code.emit("i32.const", dice.choice((0, 1, 0xFFFFFFFF, 0x3FFFFFFF, 77)))
            code.emit("ref.i31")
        elif isinstance(types[option].composite, ArrayType):
            code.emit("i32.const", dice.choice((0, 1, 3, 20)))
            code.emit("array.new_default", option)
        else:
            code.emit("struct.new_default", option)
        if kind == "extern":
            code.emit("extern.convert_any")
        return True

    # ---- functions ----

    def call(self, index: int, function: FunctionType) -> _Code | None:
        """Calls imported function ``index``; None where an argument cannot be made."""
        code = _Code(self.memory)
        for value in function.parameters:
            if not self.push(code, value):
                return None
        code.emit("call", index)
        kept = [(value, code.local(value)) for value in function.results]
        for _, local in reversed(kept):
            code.emit("local.set", local)
        for value, local in kept[:30]:
            self.show(code, value, local)
        return code

    def dump(self, globals_: Sequence[ValueType], tables: Sequence[tuple[ReferenceType, ValueType]]) -> _Code:
        """Writes the imported globals and the first elements of the imported tables."""
        code = _Code(self.memory)
        for index, value in enumerate(globals_):
            if code.full:
                break
            local = code.local(value)
            code.emit("global.get", index)
            code.emit("local.set", local)
            self.show(code, value, local)
        for index, (element, address) in enumerate(tables):
            code.store(*_STORES[address], lambda index=index: code.emit("table.size", index))  # type: ignore[misc]
            for number in range(_MOST_ELEMENTS):
                if code.full:
                    break
                code.emit(f"{address.name}.const", number)
                code.emit("table.size", index)
                code.emit(f"{address.name}.lt_u")
                code.emit("if", None)
                local = code.local(element)
                code.emit(f"{address.name}.const", number)
                code.emit("table.get", index)
                code.emit("local.set", local)
                self.show(code, element, local)
                code.emit("end")
        return code


def _default_makes(composite: object) -> bool:
    if isinstance(composite, StructType):
        return all(item.unpacked.defaultable for item in composite.fields)
    return isinstance(composite, ArrayType) and composite.element.unpacked.defaultable


def build_driver(module: Module, random_: random.Random) -> Driver:
    """A driver of ``module`` that makes some calls of each function that it exports."""
    exports = [export for export in module.exports if export.kind != "tag"]
    by_kind = {kind: [e for e in exports if e.kind == kind] for kind in ("func", "table", "memory", "global")}
    builder = _Builder(module, random_, memory=len(by_kind["memory"]))
    builder.functions = [module.all_functions[export.index] for export in by_kind["func"]]

    imports: list[bytes] = []
    for kind, found in by_kind.items():
        for export in found:
            out = bytearray()
            write_import(MODULE, export.name, _type_of(module, kind, export.index), out)
            imports.append(bytes(out))

    codes: list[_Code] = []
    order = list(range(len(builder.functions)))
    random_.shuffle(order)
    for _ in range(3):
        for index in order:
            function = module.defined_types[builder.functions[index]].composite
            assert isinstance(function, FunctionType)
            # Syntactic types: references name types by index, as here.
            function = _syntactic(module, builder.functions[index])
            code = builder.call(index, function)
            if code is not None and len(codes) < MOST_CALLS:
                codes.append(code)
    globals_ = [module.all_globals[export.index].content for export in by_kind["global"]]
    tables = [(module.all_tables[e.index].element, module.all_tables[e.index].address) for e in by_kind["table"]]
    codes.append(builder.dump(globals_, tables))
    names = [f"call{i}" for i in range(len(codes) - 1)] + [DUMP]

    plain = RecursiveType((SubType(True, (), FunctionType((), ())),))
    own_type = len(module.defined_types)
    first = len(builder.functions)
    out = bytearray(PREAMBLE)

    def section(number: int, content: bytearray) -> None:
        write_section(number, content, out)

    content = bytearray()
    write_vector([*module.types, plain], write_recursive_type, content)
    section(1, content)
    content = bytearray()
    write_vector(imports, lambda item, to: to.extend(item), content)
    section(2, content)
    content = bytearray()
    write_vector([own_type] * len(codes), write_unsigned, content)
    section(3, content)
    content = bytearray()
    write_vector([MemoryType(Limits(PAGES, PAGES), I32, False, 16)], write_memory_type, content)
    section(5, content)
    content = bytearray()
    write_unsigned(len(codes) + 1, content)
    write_export(OUT, "memory", builder.memory, content)
    for number, name in enumerate(names):
        write_export(name, "func", first + number, content)
    section(7, content)
    if builder.declared:
        content = bytearray(b"\1")
        declared = tuple(sorted(builder.declared))
        write_element_segment("declarative", reference(False, FUNC), declared, 0, None, content)
        section(9, content)
    content = bytearray()
    write_unsigned(len(codes), content)
    for code in codes:
        groups, body = code.code()
        write_code(groups, body, content)
    section(10, content)
    return Driver(bytes(out), tuple(e.name for found in by_kind.values() for e in found), tuple(names[:-1]))


def _type_of(module: Module, kind: str, index: int) -> ExternalType:
    if kind == "func":
        return FunctionImport(module.all_functions[index])
    if kind == "table":
        return module.all_tables[index]
    return module.all_memories[index] if kind == "memory" else module.all_globals[index]


def _syntactic(module: Module, index: int) -> FunctionType:
    for group in module.types:
        if index < len(group.subtypes):
            composite = group.subtypes[index].composite
            assert isinstance(composite, FunctionType)
            return composite
        index -= len(group.subtypes)
    raise AssertionError("no such type")
