"""The types of WebAssembly 3.0 (specification, section 2.3) and their matching (section 3.3).

Two forms of the same classes are in use:

* *syntactic*: as a module states them. A heap type is an :class:`AbstractHeapType` or a type index
  (``int``) into that module.
* *closed*: every type index is replaced by the :class:`DefinedType` it stands for
  (:meth:`ValueType.close`). Only closed types can be compared between modules; the runtime holds
  nothing else.

Value types are interned: two equal closed value types are one object, so ``is`` compares them. A
defined type is interned through its recursive group, as iso-recursive equality asks (section 3.1.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Union, cast
from weakref import WeakValueDictionary


class AbstractHeapType:
    """A heap type with a name: any, eq, i31, struct, array, none, func, nofunc, and so on."""

    __slots__ = ("bottom", "code", "feature", "name", "supertypes", "top")

    def __init__(self, name: str, code: int, top: str, bottom: str, supertypes: str, feature: str) -> None:
        self.name = name
        self.code = code
        self.top = top
        self.bottom = bottom
        self.supertypes = frozenset(supertypes.split()) | {name}
        self.feature = feature

    def __repr__(self) -> str:
        return self.name


# name, byte of the binary format, top and bottom of its hierarchy, proper supertypes, feature
_ABSTRACT = (
    AbstractHeapType("any", 0x6E, "any", "none", "", "gc"),
    AbstractHeapType("eq", 0x6D, "any", "none", "any", "gc"),
    AbstractHeapType("i31", 0x6C, "any", "none", "eq any", "gc"),
    AbstractHeapType("struct", 0x6B, "any", "none", "eq any", "gc"),
    AbstractHeapType("array", 0x6A, "any", "none", "eq any", "gc"),
    AbstractHeapType("none", 0x71, "any", "none", "i31 struct array eq any", "gc"),
    AbstractHeapType("func", 0x70, "func", "nofunc", "", "reference-types"),
    AbstractHeapType("nofunc", 0x73, "func", "nofunc", "func", "gc"),
    AbstractHeapType("extern", 0x6F, "extern", "noextern", "", "reference-types"),
    AbstractHeapType("noextern", 0x72, "extern", "noextern", "extern", "gc"),
    AbstractHeapType("exn", 0x69, "exn", "noexn", "", "exceptions"),
    AbstractHeapType("noexn", 0x74, "exn", "noexn", "exn", "exceptions"),
)
HEAP_TYPES: dict[str, AbstractHeapType] = {heap.name: heap for heap in _ABSTRACT}
HEAP_TYPE_CODES: dict[int, AbstractHeapType] = {heap.code: heap for heap in _ABSTRACT}

FUNC = HEAP_TYPES["func"]
EXTERN = HEAP_TYPES["extern"]
EXN = HEAP_TYPES["exn"]


@dataclass(frozen=True, slots=True)
class RecursiveIndex:
    """A reference to member ``index`` of the recursive group in which it stands (section 2.3.9)."""

    index: int

    def __repr__(self) -> str:
        return f"rec.{self.index}"


HeapType = Union[AbstractHeapType, int, RecursiveIndex, "DefinedType"]


class ValueType:
    """A number, vector or reference type. ``name`` is how the text format writes it."""

    __slots__ = ("code", "name")

    def __init__(self, name: str, code: int | None) -> None:
        self.name = name
        self.code = code

    def __repr__(self) -> str:
        return self.name

    @property
    def defaultable(self) -> bool:
        """Whether a local of this type has a value before it is set (section 3.2.6)."""
        return True

    def close(self, types: Sequence[DefinedType]) -> ValueType:
        """This type with every type index replaced by ``types[index]``."""
        return self


I32 = ValueType("i32", 0x7F)
I64 = ValueType("i64", 0x7E)
F32 = ValueType("f32", 0x7D)
F64 = ValueType("f64", 0x7C)
V128 = ValueType("v128", 0x7B)
BOTTOM = ValueType("bot", None)
"""The type of a value in unreachable code: it matches every other (section 3.4)."""

NUMERIC_TYPES: dict[str, ValueType] = {t.name: t for t in (I32, I64, F32, F64, V128)}


class ReferenceType(ValueType):
    """A reference, possibly null, to something of a heap type. Make one with :func:`reference`."""

    __slots__ = ("heap", "nullable")

    def __init__(self, nullable: bool, heap: HeapType) -> None:
        short = nullable and isinstance(heap, AbstractHeapType)
        if short and heap.name.startswith("no"):  # type: ignore[union-attr]
            name = "nullref" if heap is HEAP_TYPES["none"] else f"null{heap.name[2:]}ref"  # type: ignore[union-attr]
        elif short:
            name = f"{heap}ref"
        else:
            name = f"(ref {'null ' if nullable else ''}{heap})"
        super().__init__(name, heap.code if short else None)  # type: ignore[union-attr]
        self.nullable = nullable
        self.heap = heap

    @property
    def defaultable(self) -> bool:
        return self.nullable

    def close(self, types: Sequence[DefinedType]) -> ValueType:
        if isinstance(self.heap, int):
            return reference(self.nullable, types[self.heap])
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return reference, (self.nullable, self.heap)


_HeapChange = Callable[[HeapType], HeapType]

# Interning is per process, like that of strings.
_REFERENCES: dict[tuple[bool, AbstractHeapType | int | RecursiveIndex], ReferenceType] = {}


def reference(nullable: bool, heap: HeapType) -> ReferenceType:
    """The one reference type with these two properties."""
    if isinstance(heap, AbstractHeapType | int | RecursiveIndex):
        kept, key = _REFERENCES, (nullable, heap)
        found = kept.get(key)
        if found is None:
            found = kept[key] = ReferenceType(nullable, heap)
        return found
    # These go with the definition that they mention.
    found = heap.references.get(nullable)
    if found is None:
        found = heap.references[nullable] = ReferenceType(nullable, heap)
    return found


FUNCREF = reference(True, FUNC)
EXTERNREF = reference(True, EXTERN)
EXNREF = reference(True, EXN)


class PackedType:
    """The storage of a field narrower than a value: i8 or i16 (section 2.3.7)."""

    __slots__ = ("bits", "code", "name")

    def __init__(self, name: str, code: int, bits: int) -> None:
        self.name = name
        self.code = code
        self.bits = bits

    def __repr__(self) -> str:
        return self.name

    def close(self, types: Sequence[DefinedType]) -> PackedType:
        return self


I8 = PackedType("i8", 0x78, 8)
I16 = PackedType("i16", 0x77, 16)

StorageType = ValueType | PackedType


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field of a struct or the element of an array."""

    storage: StorageType
    mutable: bool

    @property
    def unpacked(self) -> ValueType:
        """The value type in which the field is read and written."""
        return I32 if isinstance(self.storage, PackedType) else self.storage

    def close(self, types: Sequence[DefinedType]) -> FieldType:
        return FieldType(self.storage.close(types), self.mutable)


@dataclass(frozen=True, slots=True)
class FunctionType:
    """Parameters and results of a function, tag or block."""

    parameters: tuple[ValueType, ...]
    results: tuple[ValueType, ...]
    kind: ClassVar[str] = "func"

    def close(self, types: Sequence[DefinedType]) -> FunctionType:
        return FunctionType(
            tuple(t.close(types) for t in self.parameters), tuple(t.close(types) for t in self.results)
        )

    def __str__(self) -> str:
        return f"({' '.join(t.name for t in self.parameters)}) -> ({' '.join(t.name for t in self.results)})"


@dataclass(frozen=True, slots=True)
class StructType:
    """The fields of a struct, in order."""

    fields: tuple[FieldType, ...]
    kind: ClassVar[str] = "struct"

    def close(self, types: Sequence[DefinedType]) -> StructType:
        return StructType(tuple(f.close(types) for f in self.fields))


@dataclass(frozen=True, slots=True)
class ArrayType:
    """The element type of an array."""

    element: FieldType
    kind: ClassVar[str] = "array"

    def close(self, types: Sequence[DefinedType]) -> ArrayType:
        return ArrayType(self.element.close(types))


CompositeType = FunctionType | StructType | ArrayType


@dataclass(frozen=True, slots=True)
class SubType:
    """A composite type with its declared supertypes (heap types; in a module at most one)."""

    final: bool
    supertypes: tuple[HeapType, ...]
    composite: CompositeType


@dataclass(frozen=True, slots=True)
class RecursiveType:
    """A group of types that may mention one another; a plain type is a group of one."""

    subtypes: tuple[SubType, ...]


class RecursiveGroup:
    """A canonical recursive group: equal groups are one object (see :func:`define`)."""

    __slots__ = ("__weakref__", "defined", "subtypes")

    def __init__(self, subtypes: tuple[SubType, ...]) -> None:
        self.subtypes = subtypes
        self.defined = tuple(DefinedType(self, i) for i in range(len(subtypes)))


class DefinedType:
    """Member ``index`` of a canonical recursive group (section 2.3.9, "defined types").

    ``composite`` and ``supertype`` are unrolled and closed. Equality is identity.
    """

    __slots__ = ("_unrolled", "group", "index", "references")

    def __init__(self, group: RecursiveGroup, index: int) -> None:
        self.group = group
        self.index = index
        self.references: dict[bool, ReferenceType] = {}
        self._unrolled: SubType | None = None

    @property
    def subtype(self) -> SubType:
        """The closed subtype: its recursive indices replaced by the group's defined types."""
        unrolled = self._unrolled
        if unrolled is None:
            raw = self.group.subtypes[self.index]
            unrolled = self._unrolled = map_subtype(raw, self._unroll_heap)
        return unrolled

    def _unroll_heap(self, heap: HeapType) -> HeapType:
        return self.group.defined[heap.index] if isinstance(heap, RecursiveIndex) else heap

    @property
    def composite(self) -> CompositeType:
        return self.subtype.composite

    @property
    def supertype(self) -> DefinedType | None:
        supertypes = self.subtype.supertypes
        return supertypes[0] if supertypes else None  # type: ignore[return-value]

    @property
    def function(self) -> FunctionType:
        """The function type that this is; asking another kind is a fault of the caller."""
        composite = self.subtype.composite
        assert isinstance(composite, FunctionType)
        return composite

    @property
    def kind(self) -> str:
        """ "func", "struct" or "array"."""
        return self.group.subtypes[self.index].composite.kind

    def __repr__(self) -> str:
        return f"<{self.kind} type>"


def _map_value(value: StorageType, change: _HeapChange) -> StorageType:
    if isinstance(value, ReferenceType):
        heap = change(value.heap)
        return value if heap is value.heap else reference(value.nullable, heap)
    return value


def _map_field(field: FieldType, change: _HeapChange) -> FieldType:
    return FieldType(_map_value(field.storage, change), field.mutable)


def map_subtype(subtype: SubType, change: _HeapChange) -> SubType:
    """The subtype with every heap type in it replaced by ``change`` of it."""
    composite = subtype.composite
    mapped: CompositeType
    if isinstance(composite, FunctionType):
        mapped = FunctionType(
            tuple(_map_value(t, change) for t in composite.parameters),  # type: ignore[misc]
            tuple(_map_value(t, change) for t in composite.results),  # type: ignore[misc]
        )
    elif isinstance(composite, StructType):
        mapped = StructType(tuple(_map_field(f, change) for f in composite.fields))
    else:
        mapped = ArrayType(_map_field(composite.element, change))
    return SubType(subtype.final, tuple(change(heap) for heap in subtype.supertypes), mapped)


# Interning, like that of strings; an entry goes when the last module that uses the group goes.
_GROUPS: WeakValueDictionary[tuple[SubType, ...], RecursiveGroup] = WeakValueDictionary()


def define(group: RecursiveType, types: Sequence[DefinedType]) -> tuple[DefinedType, ...]:
    """The defined types that ``group`` stands for, when ``types`` come before it in its module.

    Every type index in the group must be below ``len(types) + len(group.subtypes)``. Equal groups
    give the same objects, in whatever module they stand (section 3.1.2, "rolling").
    """
    base = len(types)

    def roll(heap: HeapType) -> HeapType:
        if isinstance(heap, int):
            return types[heap] if heap < base else RecursiveIndex(heap - base)
        return heap

    key = tuple(map_subtype(subtype, roll) for subtype in group.subtypes)
    found = _GROUPS.get(key)
    if found is None:
        found = _GROUPS[key] = RecursiveGroup(key)
    return found.defined


def define_function(function: FunctionType) -> DefinedType:
    """The defined type of a plain function type (closed), as a host function has it."""
    return define(RecursiveType((SubType(True, (), function),)), ())[0]


# ---- limits and external types (sections 2.3.11 to 2.3.17) ----


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a size: pages of a memory, elements of a table. ``maximum`` may be None."""

    minimum: int
    maximum: int | None = None

    def matches(self, other: Limits) -> bool:
        """Whether a thing of these limits may stand where ``other`` is asked for (section 3.3.8)."""
        return self.minimum >= other.minimum and (
            other.maximum is None or (self.maximum is not None and self.maximum <= other.maximum)
        )


@dataclass(frozen=True, slots=True)
class MemoryType:
    """A linear memory. ``address`` is I32 or I64; a page has 2**page_size_log2 bytes (16, or 0)."""

    limits: Limits
    address: ValueType = I32
    shared: bool = False
    page_size_log2: int = 16

    @property
    def page_size(self) -> int:
        """Bytes in a page."""
        return 1 << self.page_size_log2


@dataclass(frozen=True, slots=True)
class TableType:
    """A table of references. ``address`` is I32 or I64."""

    element: ReferenceType
    limits: Limits
    address: ValueType = I32


@dataclass(frozen=True, slots=True)
class GlobalType:
    """A global variable or constant."""

    content: ValueType
    mutable: bool


@dataclass(frozen=True, slots=True)
class FunctionImport:
    """The type of an imported or exported function: a type index, or closed a defined type."""

    type: int | DefinedType


@dataclass(frozen=True, slots=True)
class TagType:
    """The type of a tag: a type index, or closed a defined type; its function has no results in 3.0."""

    type: int | DefinedType


ExternalType = FunctionImport | TableType | MemoryType | GlobalType | TagType


def external_kind(external: ExternalType) -> str:
    """ "func", "table", "memory", "global" or "tag"."""
    return _KINDS[type(external)]


_KINDS: dict[type, str] = {
    FunctionImport: "func",
    TableType: "table",
    MemoryType: "memory",
    GlobalType: "global",
    TagType: "tag",
}


# ---- matching of closed types (section 3.3) ----


def matches_defined(sub: DefinedType, sup: DefinedType) -> bool:
    """Whether ``sub`` is ``sup`` or declares it, directly or not, as its supertype."""
    current: DefinedType | None = sub
    while current is not None:
        if current is sup:
            return True
        current = current.supertype
    return False


def top(heap: HeapType) -> AbstractHeapType:
    """The top of the hierarchy of a closed heap type: any, func, extern or exn."""
    if isinstance(heap, AbstractHeapType):
        return HEAP_TYPES[heap.top]
    return HEAP_TYPES["func" if cast(DefinedType, heap).kind == "func" else "any"]


def matches_heap(sub: HeapType, sup: HeapType) -> bool:
    """Subtyping of closed heap types (section 3.3.3)."""
    if sub is sup:
        return True
    if isinstance(sub, AbstractHeapType):
        if isinstance(sup, AbstractHeapType):
            return sup.name in sub.supertypes
        return sub.name == ("nofunc" if cast(DefinedType, sup).kind == "func" else "none")
    defined = cast(DefinedType, sub)
    if isinstance(sup, AbstractHeapType):
        return sup.name == defined.kind or sup.name in HEAP_TYPES[defined.kind].supertypes
    return matches_defined(defined, cast(DefinedType, sup))


def matches_value(sub: ValueType, sup: ValueType) -> bool:
    """Subtyping of closed value types (section 3.3.5)."""
    if sub is sup or sub is BOTTOM:
        return True
    return (
        isinstance(sub, ReferenceType)
        and isinstance(sup, ReferenceType)
        and (sup.nullable or not sub.nullable)
        and matches_heap(sub.heap, sup.heap)
    )


def matches_function(sub: FunctionType, sup: FunctionType) -> bool:
    """Subtyping of closed function types: contravariant parameters, covariant results."""
    return (
        len(sub.parameters) == len(sup.parameters)
        and len(sub.results) == len(sup.results)
        and all(map(matches_value, sup.parameters, sub.parameters))
        and all(map(matches_value, sub.results, sup.results))
    )


def matches_field(sub: FieldType, sup: FieldType) -> bool:
    """Subtyping of closed field types: mutable fields are invariant (section 3.3.6)."""
    if sub.mutable != sup.mutable:
        return False
    a, b = sub.storage, sup.storage
    if isinstance(a, PackedType) or isinstance(b, PackedType):
        return a is b
    return matches_value(a, b) and (not sub.mutable or matches_value(b, a))


def matches_composite(sub: CompositeType, sup: CompositeType) -> bool:
    """Subtyping of closed composite types (section 3.3.7)."""
    if isinstance(sub, FunctionType) and isinstance(sup, FunctionType):
        return matches_function(sub, sup)
    if isinstance(sub, StructType) and isinstance(sup, StructType):
        return len(sub.fields) >= len(sup.fields) and all(map(matches_field, sub.fields, sup.fields))
    if isinstance(sub, ArrayType) and isinstance(sup, ArrayType):
        return matches_field(sub.element, sup.element)
    return False


def matches_external(sub: ExternalType, sup: ExternalType) -> bool:
    """Subtyping of closed external types, as linking asks for it (section 3.3.12)."""
    if isinstance(sub, FunctionImport) and isinstance(sup, FunctionImport):
        return matches_defined(cast(DefinedType, sub.type), cast(DefinedType, sup.type))
    if isinstance(sub, TableType) and isinstance(sup, TableType):
        return (
            sub.element is sup.element
            or (matches_value(sub.element, sup.element) and matches_value(sup.element, sub.element))
        ) and (sub.address is sup.address and sub.limits.matches(sup.limits))
    if isinstance(sub, MemoryType) and isinstance(sup, MemoryType):
        return (
            sub.address is sup.address
            and sub.shared == sup.shared
            and sub.page_size_log2 == sup.page_size_log2
            and sub.limits.matches(sup.limits)
        )
    if isinstance(sub, GlobalType) and isinstance(sup, GlobalType):
        if sub.mutable != sup.mutable or not matches_value(sub.content, sup.content):
            return False
        return not sub.mutable or matches_value(sup.content, sub.content)
    if isinstance(sub, TagType) and isinstance(sup, TagType):
        return sub.type is sup.type
    return False
