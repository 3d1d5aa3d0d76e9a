"""A module, or what is wrong with it, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from wasmarium.binary.code import instructions, read_locals
from wasmarium.binary.custom import read_producers, read_target_features
from wasmarium.debug.values import Plain, signature
from wasmarium.errors import WasmError
from wasmarium.features import BY_NAME
from wasmarium.gojs import MODULE as GOJS
from wasmarium.module import Import, Module
from wasmarium.types import (
    I64,
    FunctionImport,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    RecursiveType,
    TableType,
    TagType,
    ValueType,
    external_kind,
)

SCANNED_CODE = 256 << 10
"""Bytes of code that are read through to see which features it uses; a larger module is judged by
what its tool chain says."""

# What LLVM calls the features that it lists in target_features (tool conventions).
_LLVM_NAMES = {
    "sign-ext": "sign-extension",
    "nontrapping-fptoint": "saturating-float-to-int",
    "multivalue": "multi-value",
    "simd128": "simd",
    "atomics": "threads",
    "exception-handling": "exceptions",
    "multimemory": "multi-memory",
    "bulk-memory-opt": "bulk-memory",
    "call-indirect-overlong": "reference-types",
}


def summary(module: Module, provides: Callable[[Import], bool], milliseconds: tuple[float, float]) -> Plain:
    """What the page shows of a valid module.

    ``provides`` tells whether the host has a given import; ``milliseconds`` are what decoding and
    validation took.
    """
    names = module.names
    return {
        "name": names.module,
        "size": len(module.data),
        "command": any(export.kind == "func" and export.name == "_start" for export in module.exports)
        or any(item.module == GOJS for item in module.imports),
        "sections": [
            {
                "id": section.id,
                "name": section.name,
                "offset": section.start,
                "size": section.end - section.start,
                "count": section.count,
            }
            for section in module.sections
        ],
        "imports": [
            {
                "module": item.module,
                "name": item.name,
                "kind": external_kind(item.type),
                "type": _external_text(module, item.type),
                "provided": provides(item),
            }
            for item in module.imports
        ],
        "exports": [
            {
                "name": export.name,
                "kind": export.kind,
                "index": export.index,
                "type": _external_text(module, module.external_type(export.kind, export.index)),
            }
            for export in module.exports
        ],
        "types": list(_type_texts(module)),
        "functions": list(_functions(module)),
        "features": sorted(_features(module), key=list(BY_NAME).index),
        "scanned": _is_scanned(module),
        "producers": _producers(module),
        "callable": list(_callable(module)),
        "decodeMs": round(milliseconds[0], 2),
        "validateMs": round(milliseconds[1], 2),
    }


def diagnostic(error: WasmError) -> Plain:
    """One problem with its place."""
    place = error.location
    return {
        "code": error.kind,
        "message": error.message,
        "section": place.section,
        "function": place.function,
        "functionName": place.function_name,
        "instruction": place.instruction,
        "mnemonic": place.mnemonic,
        "offset": place.offset,
        "line": place.line,
        "column": place.column,
    }


# ---- types as text ----


def _external_text(module: Module, external: Any) -> str:
    if isinstance(external, FunctionImport | TagType):
        index = external.type
        assert isinstance(index, int)
        return signature(module.defined_types[index].function)
    if isinstance(external, GlobalType):
        return f"mut {external.content}" if external.mutable else external.content.name
    if isinstance(external, MemoryType):
        return f"{_limits_text(external.limits)} pages" + _address_text(external.address)
    assert isinstance(external, TableType)
    return f"{_limits_text(external.limits)} × {external.element}" + _address_text(external.address)


def _limits_text(limits: Limits) -> str:
    return f"{limits.minimum}" if limits.maximum is None else f"{limits.minimum} to {limits.maximum}"


def _address_text(address: ValueType) -> str:
    return ", 64-bit" if address is I64 else ""


def _type_texts(module: Module) -> Iterator[str]:
    for group in module.types:
        for subtype in group.subtypes:
            composite = subtype.composite
            if isinstance(composite, FunctionType):
                yield signature(composite)
            else:
                yield composite.kind


def _functions(module: Module) -> Iterator[Plain]:
    names = module.names.functions
    imported = [item for item in module.imports if isinstance(item.type, FunctionImport)]
    for index in range(len(module.all_functions)):
        outside = imported[index] if index < len(imported) else None
        code = None if outside else module.codes[index - len(imported)]
        yield {
            "index": index,
            "name": names.get(index, outside.name if outside else None),
            "type": signature(module.function_type(index)),
            "imported": outside is not None,
            "offset": outside.offset if outside else code.start if code else 0,
            "size": code.end - code.start if code else 0,
        }


def _callable(module: Module) -> Iterator[Plain]:
    """The exported functions that a person would call; not those that belong to an interface."""
    for export in module.exports:
        if export.kind == "func" and export.name != "_start":
            function = module.function_type(export.index)
            yield {
                "name": export.name,
                "params": [value.name for value in function.parameters],
                "results": [value.name for value in function.results],
            }


def _producers(module: Module) -> list[tuple[str, str]]:
    for custom in module.customs:
        if custom.name == "producers":
            try:
                found = read_producers(module.data, custom.start, custom.end)
            except WasmError:
                return []
            return [
                (producer.field, ", ".join(f"{name} {version}".strip() for name, version in producer.values))
                for producer in found
            ]
    return []


# ---- features ----


def _features(module: Module) -> set[str]:
    used = set(_structural_features(module)) | _declared_features(module)
    if _is_scanned(module):
        data = module.data
        for code in module.codes:
            _, body = read_locals(data, code.start, code.end)
            used.update(row.feature for _, row, _ in instructions(data, body, code.end))
    return (used & BY_NAME.keys()) - {"mvp"}


def _is_scanned(module: Module) -> bool:
    """Whether all code was read, so that no feature can have been missed."""
    return sum(code.end - code.start for code in module.codes) <= SCANNED_CODE


def _structural_features(module: Module) -> Iterator[str]:
    if len(module.all_memories) > 1:
        yield "multi-memory"
    if len(module.all_tables) > 1:
        yield "reference-types"
    if any(memory.address is I64 for memory in module.all_memories):
        yield "memory64"
    if any(memory.shared for memory in module.all_memories):
        yield "threads"
    if module.all_tags:
        yield "exceptions"
    if module.data_count is not None or any(segment.mode != "active" for segment in module.datas):
        yield "bulk-memory"
    if any(_is_gc(group) for group in module.types):
        yield "gc"
    if any(
        isinstance(subtype.composite, FunctionType) and len(subtype.composite.results) > 1
        for group in module.types
        for subtype in group.subtypes
    ):
        yield "multi-value"
    if any(isinstance(item.type, GlobalType) and item.type.mutable for item in module.imports) or any(
        export.kind == "global" and module.all_globals[export.index].mutable for export in module.exports
    ):
        yield "mutable-globals"


def _is_gc(group: RecursiveType) -> bool:
    return len(group.subtypes) > 1 or any(
        subtype.composite.kind != "func" or subtype.supertypes for subtype in group.subtypes
    )


def _declared_features(module: Module) -> set[str]:
    for custom in module.customs:
        if custom.name == "target_features":
            try:
                found = read_target_features(module.data, custom.start, custom.end)
            except WasmError:
                return set()
            return {_LLVM_NAMES.get(item.name, item.name) for item in found if item.prefix == "+"}
    return set()
