"""Validation of type definitions, limits and the types of imports (specification, section 3.2)."""

from __future__ import annotations

from collections.abc import Iterator

from wasmarium.types import (
    I32,
    ArrayType,
    CompositeType,
    FunctionType,
    GlobalType,
    HeapType,
    Limits,
    MemoryType,
    RecursiveType,
    ReferenceType,
    StorageType,
    SubType,
    TableType,
    TagType,
    define,
    matches_composite,
)
from wasmarium.validation import diagnostics
from wasmarium.validation.context import Context, Types, Where

MAXIMUM_PARAMETERS = 1000
MAXIMUM_RESULTS = 1000
MAXIMUM_FIELDS = 10_000
MAXIMUM_SUPERTYPES = 63
"""Implementation limits, those of browsers (JavaScript API, "limits"): they keep the work that one
byte of a module can ask for within bounds."""


class TypeValidator:
    """Checks recursive groups in their order and adds them to the context."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._depths: list[int] = []
        """By type index: how many supertypes it has above it."""

    def add(self, group: RecursiveType, where: Where) -> None:
        """Check one group; all that comes after may name its types."""
        context = self._context
        base = len(context.types)
        known = base + len(group.subtypes)
        for index, subtype in enumerate(group.subtypes, base):
            self._check_indices(subtype, index, known, where)
        context.add_types(define(group, context.types))
        for index, subtype in enumerate(group.subtypes, base):
            self._check_supertype(subtype, index, where)

    def _check_indices(self, subtype: SubType, index: int, known: int, where: Where) -> None:
        _check_size(subtype.composite, where)
        for heap in subtype.supertypes:
            # A supertype must come before, even within the group.
            if not isinstance(heap, int) or heap >= index:
                raise diagnostics.unknown(where(), "type", heap if isinstance(heap, int) else index)
        if len(subtype.supertypes) > 1:
            raise diagnostics.too_many_supertypes(where(), index, len(subtype.supertypes))
        for heap in _heaps(subtype.composite):
            if isinstance(heap, int) and heap >= known:
                raise diagnostics.unknown(where(), "type", heap)
        if isinstance(subtype.composite, FunctionType) and len(subtype.composite.results) > 1:
            self._context.need("multi-value", "a function with several results", where)

    def _check_supertype(self, subtype: SubType, index: int, where: Where) -> None:
        types = self._context.types
        depth = 0
        for heap in subtype.supertypes:
            assert isinstance(heap, int)
            depth = self._depths[heap] + 1
            if depth > MAXIMUM_SUPERTYPES:
                raise diagnostics.too_deep_supertypes(where(), index, MAXIMUM_SUPERTYPES)
            above = types[heap].subtype
            if above.final:
                raise diagnostics.supertype_mismatch(where(), index, heap, "the super type is final")
            if not matches_composite(types[index].composite, above.composite):
                raise diagnostics.supertype_mismatch(
                    where(), index, heap, _difference(types[index].composite, above.composite)
                )
        self._depths.append(depth)


def _difference(sub: CompositeType, sup: CompositeType) -> str:
    if sub.kind != sup.kind:
        return f"expected a {sup.kind} type, found a {sub.kind} type"
    return f"their {'signatures' if sub.kind == 'func' else 'fields'} do not match"


def _check_size(composite: CompositeType, where: Where) -> None:
    sizes: tuple[tuple[str, int, int], ...]
    if isinstance(composite, FunctionType):
        sizes = (
            ("parameters", len(composite.parameters), MAXIMUM_PARAMETERS),
            ("results", len(composite.results), MAXIMUM_RESULTS),
        )
    elif isinstance(composite, ArrayType):
        sizes = ()
    else:
        sizes = (("fields", len(composite.fields), MAXIMUM_FIELDS),)
    for what, count, limit in sizes:
        if count > limit:
            raise diagnostics.too_many_types(where(), what, count, limit)


def _heaps(composite: CompositeType) -> Iterator[HeapType]:
    storages: Iterator[StorageType]
    if isinstance(composite, FunctionType):
        storages = iter(composite.parameters + composite.results)
    elif isinstance(composite, ArrayType):
        storages = iter((composite.element.storage,))
    else:
        storages = (field.storage for field in composite.fields)
    for storage in storages:
        if isinstance(storage, ReferenceType):
            yield storage.heap


# ---- limits and external types (sections 3.2.13 to 3.2.18) ----


def _check_order(limits: Limits, where: Where) -> None:
    if limits.maximum is not None and limits.minimum > limits.maximum:
        raise diagnostics.limits_order(where(), limits.minimum, limits.maximum)


def check_memory(memory: MemoryType, where: Where) -> MemoryType:
    """The memory type, if it is valid."""
    if memory.page_size_log2 not in (0, 16):
        raise diagnostics.page_size(where(), memory.page_size_log2)
    bits = 32 if memory.address is I32 else 64
    limit = 1 << (bits - memory.page_size_log2)
    if memory.page_size_log2 == 0:
        # The size in pages must itself be a number of the address type.
        limit -= 1
    limits = memory.limits
    for size in (limits.minimum, limits.maximum):
        if size is not None and size > limit:
            raise diagnostics.memory_size(where(), size, limit, memory.page_size)
    _check_order(limits, where)
    if memory.shared and limits.maximum is None:
        raise diagnostics.shared_without_maximum(where())
    return memory


def check_table(context: Context, table: TableType, where: Where) -> TableType:
    """The closed table type, if it is valid."""
    element = context.close_reference(table.element, where)
    limit = (1 << (32 if table.address is I32 else 64)) - 1
    for size in (table.limits.minimum, table.limits.maximum):
        if size is not None and size > limit:
            raise diagnostics.table_size(where(), size, limit)
    _check_order(table.limits, where)
    return TableType(element, table.limits, table.address)


def check_global(context: Context, kind: GlobalType, where: Where) -> GlobalType:
    """The closed global type, if it is valid."""
    return GlobalType(context.close(kind.content, where), kind.mutable)


def check_tag(context: Context, tag: TagType, where: Where) -> Types:
    """The parameters of a valid tag type."""
    assert isinstance(tag.type, int)
    parameters, results = context.function_type(tag.type, where)
    if results:
        raise diagnostics.tag_results(where(), context.names(results))
    return parameters
