"""What the rules look at: the index spaces of a module, closed (specification, section 3.1.8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from wasmarium.errors import Location
from wasmarium.features import Features
from wasmarium.module import Module
from wasmarium.types import (
    FUNCREF,
    V128,
    AbstractHeapType,
    DefinedType,
    FunctionType,
    GlobalType,
    HeapType,
    MemoryType,
    ReferenceType,
    StorageType,
    TableType,
    ValueType,
    reference,
)
from wasmarium.validation import diagnostics

Types = list[ValueType]
Signature = tuple[Types, Types]
"""Parameters and results; lists, because they are compared with slices of the operand stack."""

Where = Callable[[], Location]
"""Gives the place that is looked at; only asked when something is wrong."""

_T = TypeVar("_T")


def look(space: Sequence[_T], name: str, index: int, where: Where) -> _T:
    """``space[index]``, or the diagnostic "unknown ``name``"."""
    if index < len(space):
        return space[index]
    raise diagnostics.unknown(where(), name, index)


def feature_of(value: ValueType) -> str:
    """The feature that brings a value type without an index."""
    if isinstance(value, ReferenceType):
        assert isinstance(value.heap, AbstractHeapType)
        return value.heap.feature if value.nullable else "function-references"
    return "simd" if value is V128 else "mvp"


class Context:
    """The index spaces, filled while the sections are validated in their order.

    Nothing is in a list before it was found valid, so that what stands later in the module is
    unknown to what stands earlier, as section 3.4 asks of types and globals.
    """

    def __init__(self, module: Module, features: Features) -> None:
        self.module = module
        self.features = features
        self.types: list[DefinedType] = []
        self.signatures: list[Signature | None] = []
        """By type index; None for types that are not of functions."""
        self.constructors: dict[int, Signature] = {}
        """Signatures of ``struct.new`` by type index, of those that were asked for."""
        self.functions: list[Signature] = []
        self.function_types: list[int] = []
        """Type indices, one for each of ``functions``."""
        self.tables: list[TableType] = []
        self.memories: list[MemoryType] = []
        self.globals: list[GlobalType] = []
        self.imported_globals = 0
        self.tags: list[Types] = []
        """Parameters."""
        self.elements: list[ReferenceType] = []
        self.data_count: int | None = None
        self.declared: set[int] = set()
        """Functions that ``ref.func`` may name in bodies, because something before the code does."""
        self._closed: dict[ValueType, ValueType] = {}

    def name(self, value: StorageType) -> str:
        """How the text format would write a closed type in this module."""
        if isinstance(value, ReferenceType) and isinstance(value.heap, DefinedType):
            for index, defined in enumerate(self.types):
                if defined is value.heap:
                    return reference(value.nullable, index).name
        return value.name

    def names(self, types: Iterable[ValueType]) -> list[str]:
        """Several of them."""
        return list(map(self.name, types))

    def add_types(self, types: Sequence[DefinedType]) -> None:
        """Append the types of one recursive group."""
        self.types.extend(types)
        for defined in types:
            composite = defined.composite
            self.signatures.append(
                (list(composite.parameters), list(composite.results)) if isinstance(composite, FunctionType) else None
            )

    def close_heap(self, heap: HeapType, where: Where) -> HeapType:
        """The closed form of a heap type; its index must exist."""
        if isinstance(heap, AbstractHeapType):
            self.need(heap.feature, heap.name, where)
            return heap
        assert isinstance(heap, int)
        self.need("function-references", "a reference to a type", where)
        return look(self.types, "type", heap, where)

    def close(self, value: ValueType, where: Where) -> ValueType:
        """The closed form of a value type; its index must exist."""
        closed = self._closed.get(value)
        if closed is None:
            if isinstance(value, ReferenceType):
                return self.close_reference(value, where)
            self.need(feature_of(value), value.name, where)
            closed = self._closed[value] = value
        return closed

    def close_reference(self, value: ReferenceType, where: Where) -> ReferenceType:
        """The closed form of a reference type; its index must exist."""
        if value is FUNCREF:  # as tables had it before there were reference types
            return value
        if not value.nullable:
            self.need("function-references", value.name, where)
        closed = reference(value.nullable, self.close_heap(value.heap, where))
        self._closed[value] = closed
        return closed

    def need(self, feature: str, what: str, where: Where) -> None:
        """Refuse ``what`` where its feature is switched off."""
        if feature not in self.features:
            raise diagnostics.feature_needed(where(), what, feature)

    def function_type(self, index: int, where: Where) -> Signature:
        """The signature of the type with this index, which must be a function type."""
        signature = look(self.signatures, "type", index, where)
        if signature is None:
            raise diagnostics.wrong_kind_of_type(where(), index, "function", self.types[index].kind)
        return signature

    def add_function(self, type_index: int, where: Where) -> None:
        """Append a function of this type to the index space."""
        self.functions.append(self.function_type(type_index, where))
        self.function_types.append(type_index)

    def function(self, index: int, where: Where) -> Signature:
        """The signature of the function with this index."""
        return look(self.functions, "function", index, where)
