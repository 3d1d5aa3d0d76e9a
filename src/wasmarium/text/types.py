"""Types in the text format (specification, section 6.4): reading them, and type uses."""

from __future__ import annotations

from dataclasses import dataclass

from wasmarium.features import Features
from wasmarium.text.lexer import Tokens
from wasmarium.text.reading import VALUE_TYPE_WORDS, Reader, Space, is_index
from wasmarium.types import (
    FUNCREF,
    HEAP_TYPES,
    I8,
    I16,
    I32,
    I64,
    V128,
    ArrayType,
    CompositeType,
    FieldType,
    FunctionType,
    GlobalType,
    HeapType,
    Limits,
    MemoryType,
    RecursiveType,
    ReferenceType,
    StorageType,
    StructType,
    SubType,
    TableType,
    ValueType,
    reference,
)

_PACKED = {I8.name: I8, I16.name: I16}


@dataclass(frozen=True, slots=True)
class TypeUse:
    """What a type use says: ``index`` where there is a ``(type x)``, ``inline`` the parameters and
    results that it spells out, with the identifiers of the parameters in ``parameters``."""

    index: int | None
    inline: FunctionType
    parameters: Space


class TypeSpace(Space):
    """The types of a module: the ones it defines, and those that type uses bring about."""

    __slots__ = ("fields", "groups", "implicit", "subtypes")

    def __init__(self) -> None:
        super().__init__("type", "type")
        self.groups: list[RecursiveType] = []
        self.subtypes: list[SubType] = []
        # The least index of each function type that stands alone, is final and has no supertype.
        self.implicit: dict[FunctionType, int] = {}
        self.fields: dict[int, Space] = {}

    def define(self, group: RecursiveType) -> None:
        """Add a group; ``count`` has been raised already where its types have identifiers."""
        self.groups.append(group)
        if len(group.subtypes) == 1:
            (subtype,) = group.subtypes
            if subtype.final and not subtype.supertypes and isinstance(subtype.composite, FunctionType):
                self.implicit.setdefault(subtype.composite, len(self.subtypes))
        self.subtypes.extend(group.subtypes)

    def function(self, index: int) -> FunctionType | None:
        """The function type that ``index`` names, or None."""
        composite = self.subtypes[index].composite if index < len(self.subtypes) else None
        return composite if isinstance(composite, FunctionType) else None

    def index_of(self, function: FunctionType) -> int:
        """The index of a function type, which is defined now if it has none."""
        index = self.implicit.get(function)
        if index is None:
            index = len(self.subtypes)
            self.define(RecursiveType((SubType(True, (), function),)))
            self.count = len(self.subtypes)
        return index


class TypeReader(Reader):
    """A reader of types. Their identifiers must be in ``types`` before."""

    def __init__(self, tokens: Tokens, position: int, features: Features) -> None:
        super().__init__(tokens, position, features)
        self.types = TypeSpace()

    # ---- values (section 6.4.1 to 6.4.4) ----

    def heap_type(self) -> HeapType:
        """An abstract heap type, or a type index."""
        token = self.texts[self.position]
        heap = HEAP_TYPES.get(token)
        if heap is not None:
            self.need(heap.feature)
            self.position += 1
            return heap
        if is_index(token):
            self.need("function-references")
            return self.index(self.types)
        raise self.unexpected()

    def value_type(self) -> ValueType:
        """A number, vector or reference type."""
        value = self.maybe_value_type()
        if value is None:
            raise self.unexpected()
        return value

    def maybe_value_type(self) -> ValueType | None:
        """A value type if one comes next."""
        position = self.position
        value = VALUE_TYPE_WORDS.get(self.texts[position])
        if value is not None:
            if isinstance(value, ReferenceType):
                # Tables of functions have been there from the first day.
                if value is not FUNCREF:
                    self.need(value.heap.feature)  # type: ignore[union-attr]
            elif value is V128:
                self.need("simd")
            self.position = position + 1
            return value
        if self.texts[position] == "(" and self.texts[position + 1] == "ref":
            self.position = position + 2
            nullable = self.accept("null")
            value = reference(nullable, self.heap_type())
            self.expect(")")
            if value.code is None:
                self.need("function-references", position + 1)
            return value
        return None

    def reference_type(self) -> ReferenceType:
        """A reference type."""
        start = self.position
        value = self.maybe_value_type()
        if not isinstance(value, ReferenceType):
            raise self.unexpected(start)
        return value

    def at_reference_type(self) -> bool:
        """Whether a reference type comes next."""
        return isinstance(VALUE_TYPE_WORDS.get(self.texts[self.position]), ReferenceType) or self.opens("ref")

    # ---- functions (section 6.4.5, 6.4.9) ----

    def _values(self, into: list[ValueType]) -> None:
        while value := self.maybe_value_type():
            into.append(value)
        self.expect(")")

    def variables(self, keyword: str, space: Space | None, into: list[ValueType]) -> None:
        """``(keyword id? t)`` and ``(keyword t*)``, as many as come; without ``space`` no identifiers."""
        while self.enter(keyword):
            if space is None:
                self._values(into)
                continue
            if self.texts[self.position][:1] == "$" or self.position in self.name_annotations:
                self.bind(space)
                into.append(self.value_type())
                self.expect(")")
            else:
                self._values(into)
            space.count = len(into)

    def function_type(self, space: Space | None) -> FunctionType:
        """Parameters and results; ``space`` takes the identifiers of parameters."""
        parameters: list[ValueType] = []
        results: list[ValueType] = []
        self.variables("param", space, parameters)
        self.variables("result", None, results)
        if self.opens("param"):
            raise self.unexpected(self.position + 1)
        return FunctionType(tuple(parameters), tuple(results))

    def type_use(self, *, named: bool, unique: bool = False) -> TypeUse:
        """A type use; ``named`` says whether its parameters may have identifiers, ``unique`` whether those
        must differ.

        When it has both an index and parameters or results, they must agree.
        """
        start = self.position
        index = None
        if self.enter("type"):
            index = self.index(self.types)
            self.expect(")")
        parameters = Space("local", "local", unique=unique)
        inline = self.function_type(parameters if named else None)
        if index is not None and (inline.parameters or inline.results):
            if index >= len(self.types.subtypes):
                raise self.error(f"unknown type {index}", start + 2)
            if self.types.function(index) != inline:
                raise self.error("inline function type does not match the type that is named", start)
        return TypeUse(index, inline, parameters)

    def resolve(self, use: TypeUse) -> int:
        """The type index that a type use means."""
        return self.types.index_of(use.inline) if use.index is None else use.index

    # ---- definitions (section 6.4.6 to 6.4.8, 6.6.1) ----

    def _storage(self) -> StorageType:
        packed = _PACKED.get(self.texts[self.position])
        if packed is None:
            return self.value_type()
        self.position += 1
        return packed

    def _field(self) -> FieldType:
        if self.enter("mut"):
            storage = self._storage()
            self.expect(")")
            return FieldType(storage, True)
        return FieldType(self._storage(), False)

    def _fields(self, space: Space) -> tuple[FieldType, ...]:
        fields: list[FieldType] = []
        while self.enter("field"):
            if self.texts[self.position][:1] == "$" or self.position in self.name_annotations:
                self.bind(space)
                fields.append(self._field())
                self.expect(")")
            else:
                while not self.accept(")"):
                    fields.append(self._field())
            space.count = len(fields)
        return tuple(fields)

    def _composite(self, index: int) -> CompositeType:
        composite: CompositeType
        self.expect("(")
        start = self.position
        if self.accept("func"):
            composite = self.function_type(Space("local", "local", unique=False))
        elif self.accept("struct"):
            self.need("gc", start)
            space = self.types.fields[index] = Space("field", "field")
            composite = StructType(self._fields(space))
        elif self.accept("array"):
            self.need("gc", start)
            composite = ArrayType(self._field())
        else:
            raise self.unexpected()
        self.expect(")")
        return composite

    def subtype(self, index: int) -> SubType:
        """What stands in type definition number ``index`` behind its identifier."""
        if not self.opens("sub"):
            return SubType(True, (), self._composite(index))
        self.need("gc", self.position + 1)
        self.position += 2
        final = self.accept("final")
        supertypes: list[HeapType] = []
        while is_index(self.texts[self.position]):
            supertypes.append(self.index(self.types))
        composite = self._composite(index)
        self.expect(")")
        return SubType(final, tuple(supertypes), composite)

    # ---- external types (section 6.4.10 to 6.4.14) ----

    def address_type(self) -> ValueType:
        """``i32`` or ``i64``, i32 when neither is there."""
        if self.texts[self.position] == "i64":
            self.need("memory64")
            self.position += 1
            return I64
        self.accept("i32")
        return I32

    def _limits(self) -> Limits:
        # What the address type cannot reach is for validation to refuse, since 3.0.
        bits = 64 if "memory64" in self.features else 32
        minimum = self.unsigned(bits)
        return Limits(minimum, self.unsigned(bits) if is_index(self.texts[self.position]) else None)

    def page_size(self) -> int:
        """``(pagesize n)`` as log2 of its bytes; 16 when it is not there."""
        if not self.opens("pagesize"):
            return 16
        self.need("custom-page-sizes", self.position + 1)
        self.position += 2
        start = self.position
        size = self.unsigned(32)
        if not size or size & (size - 1):
            raise self.error("invalid custom page size", start)
        self.expect(")")
        return size.bit_length() - 1

    def memory_type(self, address: ValueType) -> MemoryType:
        """A memory type whose address type has been read."""
        limits = self._limits()
        shared = self.texts[self.position] == "shared"
        if shared:
            self.need("threads")
            self.position += 1
        return MemoryType(limits, address, shared, self.page_size())

    def table_type(self, address: ValueType) -> TableType:
        """A table type whose address type has been read."""
        limits = self._limits()
        return TableType(self.reference_type(), limits, address)

    def global_type(self) -> GlobalType:
        """A global type."""
        if self.enter("mut"):
            content = self.value_type()
            self.expect(")")
            return GlobalType(content, True)
        return GlobalType(self.value_type(), False)
