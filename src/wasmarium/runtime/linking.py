"""Linking and instantiation (specification, section 4.7).

:func:`instantiate` does what the specification's "instantiation" does, in its order: match the
imports, allocate, evaluate the constant expressions, write the active segments, run the start
function. When a segment does not fit, or the start function traps, what was written before stays
written: tables and memories may be shared with other instances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wasmarium.errors import Location, Unlinkable
from wasmarium.module import ElementSegment, Import, Module
from wasmarium.runtime.constants import evaluate
from wasmarium.runtime.function import FunctionInstance, WasmFunction
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.store import Store
from wasmarium.runtime.table import TableInstance
from wasmarium.runtime.tag import TagInstance
from wasmarium.runtime.values import Value
from wasmarium.types import (
    I64,
    DefinedType,
    ExternalType,
    FunctionImport,
    GlobalType,
    Limits,
    ReferenceType,
    TableType,
    TagType,
    external_kind,
    matches_external,
)

Caller = Callable[[FunctionInstance], None]
"""Calls a function without arguments and results to its end, or raises what it ended with."""


def instantiate(
    store: Store,
    module: Module,
    imports: Sequence[ExternalValue],
    call: Caller | None,
    name: str | None = None,
) -> ModuleInstance:
    """An instance of ``module``, which must have been validated.

    ``imports`` are in the order of ``module.imports``. ``call`` runs the start function; with None
    it is left to the caller, see :func:`start_function`. ``name`` goes into backtraces.

    Raises Unlinkable where an import is missing or of another type, Exhausted beyond the limits of
    the store, Trap where a segment does not fit, and whatever ``call`` raises.
    """
    match_imports(module, imports)
    instance = _allocate(store, module, imports, name)
    _write_elements(instance)
    _write_data(instance)
    if call is not None:
        start = start_function(instance)
        if start is not None:
            call(start)
    return instance


def start_function(instance: ModuleInstance) -> FunctionInstance | None:
    """The function that the module wants run before any other, or None."""
    start = instance.module.start
    return None if start is None else instance.functions[start]


# ---- imports ----


def match_imports(module: Module, imports: Sequence[ExternalValue]) -> None:
    """Raise Unlinkable unless every import has a value whose type matches (section 4.7.1)."""
    match_types(module, [type_of(value) for value in imports])


def match_types(module: Module, found: Sequence[ExternalType]) -> None:
    """Like :func:`match_imports`, of closed types."""
    if len(found) != len(module.imports):
        raise Unlinkable(f"expected {len(module.imports)} imports, found {len(found)}")
    for item, provided in zip(module.imports, found, strict=True):
        expected = close_external(item.type, module.defined_types)
        if not matches_external(provided, expected):
            raise Unlinkable(
                f"incompatible import type for {quoted(item)}:"
                f" expected {describe(expected)}, found {describe(provided)}",
                Location(section="import", offset=item.offset),
            )


def unknown_import(module: Module, item: Import) -> Unlinkable:
    """The error for an import that nobody provides."""
    expected = close_external(item.type, module.defined_types)
    return Unlinkable(
        f"unknown import: {quoted(item)} has not been defined, {describe(expected)} was expected",
        Location(section="import", offset=item.offset),
    )


def quoted(item: Import) -> str:
    """The two names of an import, as wasmtime writes them."""
    return f"`{item.module}::{item.name}`"


def close_external(external: ExternalType, types: Sequence[DefinedType]) -> ExternalType:
    """``external`` with every type index replaced by ``types[index]``."""
    if isinstance(external, FunctionImport):
        return FunctionImport(types[external.type]) if isinstance(external.type, int) else external
    if isinstance(external, TagType):
        return TagType(types[external.type]) if isinstance(external.type, int) else external
    if isinstance(external, TableType):
        element = external.element.close(types)
        assert isinstance(element, ReferenceType)
        return TableType(element, external.limits, external.address)
    if isinstance(external, GlobalType):
        return GlobalType(external.content.close(types), external.mutable)
    return external


def closed_type(module: Module, kind: str, index: int) -> ExternalType:
    """:meth:`Module.external_type`, closed."""
    return close_external(module.external_type(kind, index), module.defined_types)


def type_of(value: ExternalValue) -> ExternalType:
    """The closed type of what an instance exports; a memory or table has its present size."""
    if isinstance(value, FunctionInstance):
        return FunctionImport(value.defined)
    return value.type


def describe(external: ExternalType) -> str:
    """A closed external type in the notation of the text format."""
    return f"({external_kind(external)}{''.join(' ' + part for part in _parts(external))})"


def _parts(external: ExternalType) -> list[str]:
    if isinstance(external, FunctionImport | TagType):
        defined = external.type
        assert isinstance(defined, DefinedType)
        function = defined.function
        return [
            f"({word} {' '.join(t.name for t in types)})"
            for word, types in (("param", function.parameters), ("result", function.results))
            if types
        ]
    if isinstance(external, GlobalType):
        return [f"(mut {external.content})" if external.mutable else f"{external.content}"]
    parts = ["i64"] if external.address is I64 else []
    parts += _limits(external.limits)
    if isinstance(external, TableType):
        return [*parts, f"{external.element}"]
    if external.shared:
        parts.append("shared")
    if external.page_size_log2 != 16:
        parts.append(f"(pagesize {external.page_size})")
    return parts


def _limits(limits: Limits) -> list[str]:
    return [str(bound) for bound in (limits.minimum, limits.maximum) if bound is not None]


# ---- allocation ----


def _allocate(store: Store, module: Module, imports: Sequence[ExternalValue], name: str | None) -> ModuleInstance:
    instance = ModuleInstance(store, module, name)
    store.admit(instance, len(module.memories), len(module.tables))
    for value in imports:
        _import(instance, value)
    types = instance.types
    imported = len(instance.functions)
    for index, type_index in enumerate(module.functions, imported):
        instance.functions.append(WasmFunction(types[type_index], instance, index))
    for memory in module.memories:
        made = MemoryInstance(memory.type, store.limits)
        if store.watch:
            made.watch()
        instance.memories.append(made)
    for tag in module.tags:
        tag_type = close_external(tag.type, types)
        assert isinstance(tag_type, TagType)
        instance.tags.append(TagInstance(tag_type))
    # Each global sees those before it, imports and its own kind.
    for item in module.globals:
        global_type = close_external(item.type, types)
        assert isinstance(global_type, GlobalType)
        instance.globals.append(GlobalInstance(global_type, evaluate(instance, item.init)))
    for table in module.tables:
        table_type = close_external(table.type, types)
        assert isinstance(table_type, TableType)
        initial = None if table.init is None else evaluate(instance, table.init)
        instance.tables.append(TableInstance(table_type, initial, store.limits))
    instance.elements = [_elements(instance, segment) for segment in module.elements]
    # Active data is copied straight from the module's bytes, so that it does not exist twice.
    instance.data = [
        bytes(module.data[segment.start : segment.end]) if segment.mode == "passive" else b""
        for segment in module.datas
    ]
    for export in module.exports:
        instance.exports[export.name] = _export(instance, export.kind, export.index)
    return instance


def _import(instance: ModuleInstance, value: ExternalValue) -> None:
    if isinstance(value, FunctionInstance):
        instance.functions.append(value)
    elif isinstance(value, TableInstance):
        instance.tables.append(value)
    elif isinstance(value, MemoryInstance):
        instance.memories.append(value)
    elif isinstance(value, GlobalInstance):
        instance.globals.append(value)
    else:
        instance.tags.append(value)


def _export(instance: ModuleInstance, kind: str, index: int) -> ExternalValue:
    if kind == "func":
        return instance.functions[index]
    if kind == "table":
        return instance.tables[index]
    if kind == "memory":
        return instance.memories[index]
    if kind == "global":
        return instance.globals[index]
    return instance.tags[index]


def _elements(instance: ModuleInstance, segment: ElementSegment) -> list[Value]:
    if segment.mode == "declarative":
        return []
    functions = instance.functions
    return [functions[item] if isinstance(item, int) else evaluate(instance, item) for item in segment.items]


# ---- active segments ----


def _write_elements(instance: ModuleInstance) -> None:
    for index, segment in enumerate(instance.module.elements):
        if segment.offset_expression is None:
            continue
        at = evaluate(instance, segment.offset_expression)
        instance.tables[segment.table].write(at, instance.elements[index])
        instance.elements[index] = []


def _write_data(instance: ModuleInstance) -> None:
    data = memoryview(instance.module.data)
    for segment in instance.module.datas:
        if segment.offset_expression is None:
            continue
        at = evaluate(instance, segment.offset_expression)
        instance.memories[segment.memory].write(at, data[segment.start : segment.end])
