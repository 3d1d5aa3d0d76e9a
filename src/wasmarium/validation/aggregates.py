"""Rules of references, structs, arrays and casts (specification, sections 3.4.4 and 3.4.5)."""

from __future__ import annotations

from wasmarium.instructions.table import Instruction
from wasmarium.types import (
    EXTERNREF,
    HEAP_TYPES,
    I32,
    ArrayType,
    CompositeType,
    FieldType,
    HeapType,
    PackedType,
    ReferenceType,
    StructType,
    matches_field,
    matches_value,
    reference,
    top,
)
from wasmarium.validation import diagnostics
from wasmarium.validation.context import Signature, look
from wasmarium.validation.machine import ABYSS, Machine, Rule
from wasmarium.validation.plain import check_data

ANY = HEAP_TYPES["any"]
ANYREF = reference(True, ANY)
EQREF = reference(True, HEAP_TYPES["eq"])
ARRAYREF = reference(True, HEAP_TYPES["array"])
I31REF = reference(True, HEAP_TYPES["i31"])
I31 = reference(False, HEAP_TYPES["i31"])

# ---- references ----


def ref_null(machine: Machine, row: Instruction, heap: HeapType) -> Signature:
    return [], [reference(True, machine.context.close_heap(heap, machine.here))]


def ref_is_null(machine: Machine, row: Instruction) -> Signature:
    machine.expect_reference()
    return [], [I32]


def ref_eq(machine: Machine, row: Instruction) -> Signature:
    return [EQREF, EQREF], [I32]


def ref_as_non_null(machine: Machine, row: Instruction) -> Signature:
    return [], [non_null(machine.expect_reference())]


def non_null(value: ReferenceType) -> ReferenceType:
    """The same reference, but never null."""
    return reference(False, value.heap) if value.nullable else value


def ref_test(machine: Machine, row: Instruction, heap: HeapType) -> Signature:
    return [_cast_operand(machine, heap)], [I32]


def ref_cast(machine: Machine, row: Instruction, heap: HeapType) -> Signature:
    closed = machine.context.close_heap(heap, machine.here)
    return [_cast_operand(machine, heap)], [reference(row.nullable, closed)]


def _cast_operand(machine: Machine, heap: HeapType) -> ReferenceType:
    return reference(True, top(machine.context.close_heap(heap, machine.here)))


def any_convert_extern(machine: Machine, row: Instruction) -> Signature:
    return [], [_convert(machine, EXTERNREF, ANYREF)]


def extern_convert_any(machine: Machine, row: Instruction) -> Signature:
    return [], [_convert(machine, ANYREF, EXTERNREF)]


def _convert(machine: Machine, source: ReferenceType, target: ReferenceType) -> ReferenceType:
    found = machine.expect(source)
    nullable = isinstance(found, ReferenceType) and found.nullable
    return target if nullable else reference(False, target.heap)


def ref_i31(machine: Machine, row: Instruction) -> Signature:
    return [I32], [I31]


def i31_get(machine: Machine, row: Instruction) -> Signature:
    return [I31REF], [I32]


# ---- structs ----


def _composite(machine: Machine, index: int, kind: type[CompositeType]) -> CompositeType:
    found = look(machine.context.types, "type", index, machine.here).composite
    if not isinstance(found, kind):
        raise diagnostics.wrong_kind_of_type(machine.here(), index, kind.kind, found.kind)
    return found


def _struct(machine: Machine, index: int) -> StructType:
    found = _composite(machine, index, StructType)
    assert isinstance(found, StructType)
    return found


def _to(machine: Machine, nullable: bool, index: int) -> ReferenceType:
    return reference(nullable, machine.context.types[index])


def struct_new(machine: Machine, row: Instruction, index: int) -> Signature:
    known = machine.context.constructors
    signature = known.get(index)
    if signature is None:
        # Kept, because a struct may have thousands of fields.
        fields = _struct(machine, index).fields
        signature = known[index] = [field.unpacked for field in fields], [_to(machine, False, index)]
    return signature


def struct_new_default(machine: Machine, row: Instruction, index: int) -> Signature:
    for field in _struct(machine, index).fields:
        _check_default(machine, row, field)
    return [], [_to(machine, False, index)]


def _check_default(machine: Machine, row: Instruction, field: FieldType) -> None:
    if not field.unpacked.defaultable:
        raise diagnostics.not_defaultable(machine.here(), row.mnemonic, machine.context.name(field.storage))


def _field(machine: Machine, index: int, number: int) -> FieldType:
    return look(_struct(machine, index).fields, "field", number, machine.here)


def _check_packing(machine: Machine, row: Instruction, field: FieldType) -> None:
    packed = isinstance(field.storage, PackedType)
    if packed != row.mnemonic.endswith(("_s", "_u")):
        raise diagnostics.packed_access(machine.here(), packed, machine.context.name(field.storage))


def struct_get(machine: Machine, row: Instruction, index: int, number: int) -> Signature:
    field = _field(machine, index, number)
    _check_packing(machine, row, field)
    return [_to(machine, True, index)], [field.unpacked]


def struct_set(machine: Machine, row: Instruction, index: int, number: int) -> Signature:
    field = _field(machine, index, number)
    if not field.mutable:
        raise diagnostics.immutable(machine.here(), "field", number)
    return [_to(machine, True, index), field.unpacked], []


# ---- arrays ----


def _element(machine: Machine, index: int, mutable: bool = False) -> FieldType:
    found = _composite(machine, index, ArrayType)
    assert isinstance(found, ArrayType)
    if mutable and not found.element.mutable:
        raise diagnostics.immutable(machine.here(), "array", index)
    return found.element


def array_new(machine: Machine, row: Instruction, index: int) -> Signature:
    return [_element(machine, index).unpacked, I32], [_to(machine, False, index)]


def array_new_default(machine: Machine, row: Instruction, index: int) -> Signature:
    _check_default(machine, row, _element(machine, index))
    return [I32], [_to(machine, False, index)]


def array_new_fixed(machine: Machine, row: Instruction, index: int, count: int) -> Signature:
    element = _element(machine, index).unpacked
    # One by one: the count is a number of the guest's and may be far beyond what the stack holds.
    for _ in range(count):
        if machine.stack[-1] is ABYSS:
            break
        machine.expect(element)
    return [], [_to(machine, False, index)]


def array_new_data(machine: Machine, row: Instruction, index: int, data: int) -> Signature:
    _check_numeric(machine, _element(machine, index))
    check_data(machine, data)
    return [I32, I32], [_to(machine, False, index)]


def array_new_elem(machine: Machine, row: Instruction, index: int, element: int) -> Signature:
    _check_segment(machine, _element(machine, index), element)
    return [I32, I32], [_to(machine, False, index)]


def _check_numeric(machine: Machine, field: FieldType) -> None:
    if isinstance(field.storage, ReferenceType):
        raise diagnostics.array_not_numeric(machine.here(), machine.context.name(field.storage))


def _check_segment(machine: Machine, field: FieldType, element: int) -> None:
    segment = look(machine.context.elements, "elem segment", element, machine.here)
    if isinstance(field.storage, PackedType) or not matches_value(segment, field.storage):
        name = machine.context.name
        raise diagnostics.type_mismatch(machine.here(), name(field.storage), name(segment))


def array_get(machine: Machine, row: Instruction, index: int) -> Signature:
    field = _element(machine, index)
    _check_packing(machine, row, field)
    return [_to(machine, True, index), I32], [field.unpacked]


def array_set(machine: Machine, row: Instruction, index: int) -> Signature:
    field = _element(machine, index, mutable=True)
    return [_to(machine, True, index), I32, field.unpacked], []


def array_len(machine: Machine, row: Instruction) -> Signature:
    return [ARRAYREF], [I32]


def array_fill(machine: Machine, row: Instruction, index: int) -> Signature:
    field = _element(machine, index, mutable=True)
    return [_to(machine, True, index), I32, field.unpacked, I32], []


def array_copy(machine: Machine, row: Instruction, target: int, source: int) -> Signature:
    into = _element(machine, target, mutable=True)
    out_of = _element(machine, source)
    if not matches_field(FieldType(out_of.storage, False), FieldType(into.storage, False)):
        name = machine.context.name
        raise diagnostics.array_types(machine.here(), name(into.storage), name(out_of.storage))
    return [_to(machine, True, target), I32, _to(machine, True, source), I32, I32], []


def array_init_data(machine: Machine, row: Instruction, index: int, data: int) -> Signature:
    _check_numeric(machine, _element(machine, index, mutable=True))
    check_data(machine, data)
    return [_to(machine, True, index), I32, I32, I32], []


def array_init_elem(machine: Machine, row: Instruction, index: int, element: int) -> Signature:
    _check_segment(machine, _element(machine, index, mutable=True), element)
    return [_to(machine, True, index), I32, I32, I32], []


RULES: dict[str, Rule] = {
    "ref.null": ref_null,
    "ref.is_null": ref_is_null,
    "ref.eq": ref_eq,
    "ref.as_non_null": ref_as_non_null,
    "ref.test": ref_test,
    "ref.cast": ref_cast,
    "any.convert_extern": any_convert_extern,
    "extern.convert_any": extern_convert_any,
    "ref.i31": ref_i31,
    "i31.get_s": i31_get,
    "i31.get_u": i31_get,
    "struct.new": struct_new,
    "struct.new_default": struct_new_default,
    "struct.get": struct_get,
    "struct.get_s": struct_get,
    "struct.get_u": struct_get,
    "struct.set": struct_set,
    "array.new": array_new,
    "array.new_default": array_new_default,
    "array.new_fixed": array_new_fixed,
    "array.new_data": array_new_data,
    "array.new_elem": array_new_elem,
    "array.get": array_get,
    "array.get_s": array_get,
    "array.get_u": array_get,
    "array.set": array_set,
    "array.len": array_len,
    "array.fill": array_fill,
    "array.copy": array_copy,
    "array.init_data": array_init_data,
    "array.init_elem": array_init_elem,
}
