"""Rules of instructions whose type follows from their immediates: numbers, variables, tables,
memories (specification, sections 3.4.1, 3.4.2 and 3.4.6 to 3.4.10)."""

from __future__ import annotations

from functools import cache
from typing import Any

from wasmarium.instructions.immediates import MemoryArgument
from wasmarium.instructions.table import Instruction
from wasmarium.types import (
    BOTTOM,
    FUNC,
    I32,
    I64,
    ReferenceType,
    ValueType,
    matches_value,
    reference,
)
from wasmarium.validation import diagnostics
from wasmarium.validation.context import Signature, Types, look
from wasmarium.validation.machine import NOTHING, Machine, Rule

# ---- numbers and vectors ----


@cache
def signature_of(row: Instruction) -> Signature:
    """The type that the instruction table gives."""
    return list(row.parameters), list(row.results)


def simple(machine: Machine, row: Instruction, *immediates: Any) -> Signature:
    if row.lanes:
        _check_lanes(machine, row, immediates[0])
    return signature_of(row)


def _check_lanes(machine: Machine, row: Instruction, lanes: int | tuple[int, ...]) -> None:
    for lane in (lanes,) if isinstance(lanes, int) else lanes:
        if lane >= row.lanes:
            raise diagnostics.lane_index(machine.here(), lane, row.lanes)


# ---- memories ----


def _address(machine: Machine, memory: int) -> ValueType:
    return look(machine.context.memories, "memory", memory, machine.here).address


def _access(machine: Machine, row: Instruction, argument: MemoryArgument) -> ValueType:
    """Check a memory argument; the type of the address."""
    address = _address(machine, argument.memory)
    if row.kind == "atomic":
        if 1 << argument.align != row.width:
            raise diagnostics.atomic_alignment(machine.here(), argument.align, row.width)
    elif 1 << argument.align > row.width:
        raise diagnostics.alignment(machine.here(), argument.align, row.width)
    if address is I32 and argument.offset >= 1 << 32:
        raise diagnostics.offset_range(machine.here(), argument.offset)
    return address


def access(machine: Machine, row: Instruction, argument: MemoryArgument, lane: int = 0) -> Signature:
    address = _access(machine, row, argument)
    if row.lanes:
        _check_lanes(machine, row, lane)
    parameters, results = signature_of(row)
    return [address, *parameters], results


def memory_size(machine: Machine, row: Instruction, memory: int) -> Signature:
    return [], [_address(machine, memory)]


def memory_grow(machine: Machine, row: Instruction, memory: int) -> Signature:
    address = _address(machine, memory)
    return [address], [address]


def memory_fill(machine: Machine, row: Instruction, memory: int) -> Signature:
    address = _address(machine, memory)
    return [address, I32, address], []


def memory_copy(machine: Machine, row: Instruction, target: int, source: int) -> Signature:
    return _copy(_address(machine, target), _address(machine, source))


def memory_init(machine: Machine, row: Instruction, data: int, memory: int) -> Signature:
    address = _address(machine, memory)
    check_data(machine, data)
    return [address, I32, I32], []


def data_drop(machine: Machine, row: Instruction, data: int) -> Signature:
    check_data(machine, data)
    return NOTHING


def check_data(machine: Machine, data: int) -> None:
    """Data segments come after the code, so only the data count section says how many there are."""
    count = machine.context.data_count
    if count is None:
        raise diagnostics.data_count_required(machine.here())
    if data >= count:
        raise diagnostics.unknown(machine.here(), "data segment", data)


def _copy(target: ValueType, source: ValueType) -> Signature:
    return [target, source, I64 if target is source is I64 else I32], []


# ---- tables ----


def table_get(machine: Machine, row: Instruction, table: int) -> Signature:
    kind = look(machine.context.tables, "table", table, machine.here)
    return [kind.address], [kind.element]


def table_set(machine: Machine, row: Instruction, table: int) -> Signature:
    kind = look(machine.context.tables, "table", table, machine.here)
    return [kind.address, kind.element], []


def table_size(machine: Machine, row: Instruction, table: int) -> Signature:
    return [], [look(machine.context.tables, "table", table, machine.here).address]


def table_grow(machine: Machine, row: Instruction, table: int) -> Signature:
    kind = look(machine.context.tables, "table", table, machine.here)
    return [kind.element, kind.address], [kind.address]


def table_fill(machine: Machine, row: Instruction, table: int) -> Signature:
    kind = look(machine.context.tables, "table", table, machine.here)
    return [kind.address, kind.element, kind.address], []


def table_copy(machine: Machine, row: Instruction, target: int, source: int) -> Signature:
    into = look(machine.context.tables, "table", target, machine.here)
    out_of = look(machine.context.tables, "table", source, machine.here)
    _check_elements(machine, into.element, out_of.element)
    return _copy(into.address, out_of.address)


def table_init(machine: Machine, row: Instruction, element: int, table: int) -> Signature:
    into = look(machine.context.tables, "table", table, machine.here)
    _check_elements(machine, into.element, look(machine.context.elements, "elem segment", element, machine.here))
    return [into.address, I32, I32], []


def elem_drop(machine: Machine, row: Instruction, element: int) -> Signature:
    look(machine.context.elements, "elem segment", element, machine.here)
    return NOTHING


def _check_elements(machine: Machine, target: ReferenceType, source: ReferenceType) -> None:
    if not matches_value(source, target):
        raise machine.mismatch(target, source)


# ---- variables ----


def _local(machine: Machine, index: int) -> ValueType:
    return look(machine.locals, "local", index, machine.here)


def local_get(machine: Machine, row: Instruction, index: int) -> Signature:
    value = _local(machine, index)
    if index >= machine.parameters and not value.defaultable and index not in machine.set_locals:
        raise diagnostics.uninitialized_local(machine.here(), index, machine.context.name(value))
    return [], [value]


def _set_local(machine: Machine, index: int) -> Types:
    value = _local(machine, index)
    if not value.defaultable:
        machine.set_locals.setdefault(index)
    return [value]


def local_set(machine: Machine, row: Instruction, index: int) -> Signature:
    return _set_local(machine, index), []


def local_tee(machine: Machine, row: Instruction, index: int) -> Signature:
    types = _set_local(machine, index)
    return types, types


def global_get(machine: Machine, row: Instruction, index: int) -> Signature:
    return [], [look(machine.context.globals, "global", index, machine.here).content]


def global_set(machine: Machine, row: Instruction, index: int) -> Signature:
    kind = look(machine.context.globals, "global", index, machine.here)
    if not kind.mutable:
        raise diagnostics.immutable(machine.here(), "global", index)
    return [kind.content], []


# ---- what depends on the operands ----


def drop(machine: Machine, row: Instruction) -> Signature:
    machine.pop()
    return NOTHING


def select(machine: Machine, row: Instruction, types: tuple[ValueType, ...] | None = None) -> Signature:
    if types is not None:
        if len(types) != 1:
            raise diagnostics.select_arity(machine.here(), len(types))
        value = machine.context.close(types[0], machine.here)
        return [value, value, I32], [value]
    machine.expect(I32)
    second = machine.pop()
    first = machine.pop()
    for value in (second, first):
        if isinstance(value, ReferenceType):
            raise diagnostics.type_mismatch(machine.here(), "numbers or vectors", machine.context.name(value))
    if first is not second and BOTTOM not in (first, second):
        raise machine.mismatch(first, second)
    return [], [second if first is BOTTOM else first]


# ---- references to functions ----


def ref_func(machine: Machine, row: Instruction, index: int) -> Signature:
    context = machine.context
    context.function(index, machine.here)
    if machine.declares:
        context.declared.add(index)
    elif index not in context.declared:
        raise diagnostics.undeclared_function(machine.here(), index)
    if "function-references" not in context.features:
        return [], [reference(False, FUNC)]
    return [], [reference(False, context.types[context.function_types[index]])]


RULES: dict[str, Rule] = {
    "memory.size": memory_size,
    "memory.grow": memory_grow,
    "memory.fill": memory_fill,
    "memory.copy": memory_copy,
    "memory.init": memory_init,
    "data.drop": data_drop,
    "table.get": table_get,
    "table.set": table_set,
    "table.size": table_size,
    "table.grow": table_grow,
    "table.fill": table_fill,
    "table.copy": table_copy,
    "table.init": table_init,
    "elem.drop": elem_drop,
    "local.get": local_get,
    "local.set": local_set,
    "local.tee": local_tee,
    "global.get": global_get,
    "global.set": global_set,
    "drop": drop,
    "select": select,
    "ref.func": ref_func,
}

KINDS: dict[str, Rule] = {
    "simple": simple,
    "const": simple,
    "load": access,
    "store": access,
    "load_lane": access,
    "store_lane": access,
    "atomic": access,
}
"""Rules of all instructions of a kind, where RULES has none for the mnemonic."""
