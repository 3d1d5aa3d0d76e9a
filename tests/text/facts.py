"""What a module says, without where its bytes stand: two modules that say the same compare equal."""

from __future__ import annotations

from typing import Any

from wasmarium.binary.code import instructions, read_locals
from wasmarium.module import Code, Expression, Module

Instructions = list[tuple[int, tuple[Any, ...]]]


def _instructions(module: Module, start: int, end: int) -> Instructions:
    return [(row.opcode, values) for _, row, values in instructions(module.data, start, end)]


def _expression(module: Module, expression: Expression | None) -> Instructions | None:
    return None if expression is None else _instructions(module, expression.start, expression.end)


def _body(module: Module, code: Code) -> tuple[list[tuple[int, Any]], Instructions]:
    groups, start = read_locals(module.data, code.start, code.end)
    merged: list[tuple[int, Any]] = []
    for count, value in groups:
        if count and merged and merged[-1][1] is value:
            merged[-1] = (merged[-1][0] + count, value)
        elif count:
            merged.append((count, value))
    return merged, _instructions(module, start, code.end)


def _customs(module: Module) -> list[tuple[str, bytes, int]]:
    """Custom sections with the last section before them that is not empty; the name section has its
    names compared, not its bytes."""
    filled = {section.id for section in module.sections if section.count or section.id in (8, 12)}
    order = [section.id for section in module.sections if section.id]
    found = []
    for custom in module.customs:
        if custom.name != "name":
            before = order[: order.index(custom.after) + 1] if custom.after else []
            after = next((section for section in reversed(before) if section in filled), 0)
            found.append((custom.name, module.data[custom.start : custom.end], after))
    return found


def facts(module: Module) -> dict[str, Any]:
    """Everything that a module says, but the data count (text cannot say one that nobody needs)."""
    return {
        "types": module.types,
        "imports": [(item.module, item.name, item.type) for item in module.imports],
        "functions": module.functions,
        "tables": [(table.type, _expression(module, table.init)) for table in module.tables],
        "memories": [memory.type for memory in module.memories],
        "tags": [tag.type for tag in module.tags],
        "globals": [(item.type, _expression(module, item.init)) for item in module.globals],
        "exports": [(export.name, export.kind, export.index) for export in module.exports],
        "start": module.start,
        "elements": [
            (
                segment.mode,
                segment.type,
                [item if isinstance(item, int) else _expression(module, item) for item in segment.items],
                segment.table,
                _expression(module, segment.offset_expression),
            )
            for segment in module.elements
        ],
        "code": [_body(module, code) for code in module.codes],
        "data": [
            (
                segment.mode,
                segment.memory,
                _expression(module, segment.offset_expression),
                module.data[segment.start : segment.end],
            )
            for segment in module.datas
        ],
        "custom": _customs(module),
        "names": module.names,
    }
