"""What generated code calls where an expression is not enough: bulk operations, tables, the heap.

All take operands in the representation of ``runtime.values`` and raise Trap as the specification's
execution rules say (sections 4.4.4 to 4.4.8). Nothing is changed before the trap is certain not to
come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wasmarium.errors import Trap, TrapCode, trap
from wasmarium.instructions.numeric import f32_from_bits, f64_from_bits
from wasmarium.runtime.function import FunctionInstance, WasmFunction
from wasmarium.runtime.heap import I31, LONG, ArrayInstance, StructInstance, allocate_array
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.table import TableInstance
from wasmarium.runtime.tag import ExceptionInstance
from wasmarium.runtime.values import Value, default_value
from wasmarium.types import (
    F32,
    F64,
    HEAP_TYPES,
    ArrayType,
    DefinedType,
    HeapType,
    PackedType,
    ReferenceType,
    matches_heap,
    top,
)

# ---- memories ----


def grow_memory(memory: MemoryInstance, delta: int, minus_one: int) -> int:
    before = memory.grow(delta)
    return before if before >= 0 else minus_one


def fill_memory(memory: MemoryInstance, address: int, byte: int, count: int) -> None:
    memory.fill(address, byte & 0xFF, count)


def copy_memory(target: MemoryInstance, source: MemoryInstance, to: int, from_: int, count: int) -> None:
    source.check(from_, count)
    target.check(to, count)
    target.data[to : to + count] = source.data[from_ : from_ + count]
    target.note_write(to, count)


def init_memory(memory: MemoryInstance, segments: Sequence[bytes], index: int, to: int, from_: int, count: int) -> None:
    content = segments[index]
    if from_ + count > len(content):
        raise trap(TrapCode.MEMORY_OUT_OF_BOUNDS)
    memory.write(to, content[from_ : from_ + count])


# ---- tables ----


def get_element(table: TableInstance, index: int) -> Value:
    return table.get(index)


def set_element(table: TableInstance, index: int, value: Value) -> None:
    table.set(index, value)


def fill_table(table: TableInstance, index: int, value: Value, count: int) -> None:
    table.fill(index, value, count)


def grow_table(table: TableInstance, delta: int, value: Value, minus_one: int) -> int:
    before = table.grow(delta, value)
    return before if before >= 0 else minus_one


def copy_table(target: TableInstance, source: TableInstance, to: int, from_: int, count: int) -> None:
    source.check(from_, count)
    target.check(to, count)
    target.elements[to : to + count] = source.elements[from_ : from_ + count]


def init_table(
    table: TableInstance, segments: Sequence[Sequence[Value]], index: int, to: int, from_: int, count: int
) -> None:
    content = segments[index]
    if from_ + count > len(content):
        raise trap(TrapCode.TABLE_OUT_OF_BOUNDS)
    table.write(to, content[from_ : from_ + count])


# ---- references ----


def non_null(reference: Value) -> Value:
    if reference is None:
        raise trap(TrapCode.NULL_REFERENCE)
    return reference


def same_reference(a: Value, b: Value) -> int:
    return 1 if a is b or (isinstance(a, I31) and isinstance(b, I31) and a.value == b.value) else 0


def heap_type_of(value: Value) -> HeapType:
    """The most precise heap type of a reference that is not null."""
    if isinstance(value, FunctionInstance):
        return value.defined
    if isinstance(value, StructInstance | ArrayInstance):
        return value.type
    if isinstance(value, I31):
        return HEAP_TYPES["i31"]
    return HEAP_TYPES["exn" if isinstance(value, ExceptionInstance) else "any"]


def matches(value: Value, target: ReferenceType) -> bool:
    """Whether a reference has the (closed) type ``target``."""
    if value is None:
        return target.nullable
    if top(target.heap) is HEAP_TYPES["extern"]:
        # Every value is fit to be external; none is in the type below.
        return target.heap is HEAP_TYPES["extern"]
    return matches_heap(heap_type_of(value), target.heap)


def cast(value: Value, target: ReferenceType) -> Value:
    if not matches(value, target):
        raise trap(TrapCode.CAST_FAILURE)
    return value


def i31_value(value: I31 | None) -> int:
    if value is None:
        raise trap(TrapCode.NULL_I31_REFERENCE)
    return value.value


# ---- structs and arrays ----


def extend(value: int, sign: int) -> int:
    return (value ^ sign) - sign & 0xFFFFFFFF


def new_struct(type_: DefinedType, masks: tuple[int | None, ...], fields: list[Value]) -> StructInstance:
    for i, mask in enumerate(masks):
        if mask is not None:
            fields[i] &= mask
    return StructInstance(type_, fields)


def struct_field(struct: StructInstance | None, index: int) -> Value:
    if struct is None:
        raise trap(TrapCode.NULL_STRUCTURE_REFERENCE)
    return struct.fields[index]


def set_struct_field(struct: StructInstance | None, index: int, value: Value, mask: int | None) -> None:
    if struct is None:
        raise trap(TrapCode.NULL_STRUCTURE_REFERENCE)
    struct.fields[index] = value if mask is None else value & mask


def new_array(type_: DefinedType, limits: ResourceLimits, value: Value, count: int, mask: int | None) -> ArrayInstance:
    value = value if mask is None else value & mask
    if count < LONG:
        return ArrayInstance(type_, [value] * count)
    return allocate_array(type_, count, limits, lambda: [value] * count)


def new_fixed_array(type_: DefinedType, elements: list[Value], mask: int | None) -> ArrayInstance:
    return ArrayInstance(type_, elements if mask is None else [value & mask for value in elements])


def _decode(type_: DefinedType, raw: bytes) -> list[Value]:
    composite = type_.composite
    assert isinstance(composite, ArrayType)
    storage = composite.element.storage
    width = storage.bits // 8 if isinstance(storage, PackedType) else _WIDTHS[storage.name]
    integers = [int.from_bytes(raw[i : i + width], "little") for i in range(0, len(raw), width)]
    if storage is F32:
        return [f32_from_bits(bits) for bits in integers]
    return [f64_from_bits(bits) for bits in integers] if storage is F64 else integers


_WIDTHS = {"i32": 4, "i64": 8, "f32": 4, "f64": 8, "v128": 16}


def _take_data(type_: DefinedType, content: bytes, from_: int, count: int) -> bytes:
    composite = type_.composite
    assert isinstance(composite, ArrayType)
    storage = composite.element.storage
    width = storage.bits // 8 if isinstance(storage, PackedType) else _WIDTHS[storage.name]
    if from_ + count * width > len(content):
        raise trap(TrapCode.MEMORY_OUT_OF_BOUNDS)
    return content[from_ : from_ + count * width]


def _take_elements(content: Sequence[Value], from_: int, count: int) -> Sequence[Value]:
    if from_ + count > len(content):
        raise trap(TrapCode.TABLE_OUT_OF_BOUNDS)
    return content[from_ : from_ + count]


def new_array_data(
    type_: DefinedType, limits: ResourceLimits, segments: Sequence[bytes], index: int, from_: int, count: int
) -> ArrayInstance:
    raw = _take_data(type_, segments[index], from_, count)
    return allocate_array(type_, count, limits, lambda: _decode(type_, raw))


def new_array_elem(
    type_: DefinedType, limits: ResourceLimits, segments: Sequence[Sequence[Value]], index: int, from_: int, count: int
) -> ArrayInstance:
    taken = _take_elements(segments[index], from_, count)
    return allocate_array(type_, count, limits, lambda: list(taken))


def array_elements(array: ArrayInstance | None) -> list[Value]:
    if array is None:
        raise trap(TrapCode.NULL_ARRAY_REFERENCE)
    return array.elements


def _checked(array: ArrayInstance | None, index: int, count: int) -> list[Value]:
    elements = array_elements(array)
    if index + count > len(elements):
        raise trap(TrapCode.ARRAY_OUT_OF_BOUNDS)
    return elements


def array_element(array: ArrayInstance | None, index: int) -> Value:
    return _checked(array, index, 1)[index]


def set_array_element(array: ArrayInstance | None, index: int, value: Value, mask: int | None) -> None:
    _checked(array, index, 1)[index] = value if mask is None else value & mask


def fill_array(array: ArrayInstance | None, index: int, value: Value, count: int, mask: int | None) -> None:
    elements = _checked(array, index, count)
    elements[index : index + count] = [value if mask is None else value & mask] * count


def copy_array(target: ArrayInstance | None, to: int, source: ArrayInstance | None, from_: int, count: int) -> None:
    array_elements(target)
    array_elements(source)
    into = _checked(target, to, count)
    into[to : to + count] = _checked(source, from_, count)[from_ : from_ + count]


def init_array_data(
    type_: DefinedType,
    segments: Sequence[bytes],
    index: int,
    array: ArrayInstance | None,
    to: int,
    from_: int,
    count: int,
) -> None:
    elements = _checked(array, to, count)
    elements[to : to + count] = _decode(type_, _take_data(type_, segments[index], from_, count))


def init_array_elem(
    segments: Sequence[Sequence[Value]],
    index: int,
    array: ArrayInstance | None,
    to: int,
    from_: int,
    count: int,
) -> None:
    elements = _checked(array, to, count)
    elements[to : to + count] = _take_elements(segments[index], from_, count)


# ---- calls ----


def indirect_callee(table: TableInstance, index: int, expected: DefinedType) -> FunctionInstance:
    """The function that call_indirect calls: in bounds, not null, of the expected type."""
    elements = table.elements
    if index >= len(elements):
        raise trap(TrapCode.UNDEFINED_ELEMENT)
    function = elements[index]
    if function is None:
        raise Trap(f"uninitialized element {index}", TrapCode.INDIRECT_CALL_TO_NULL)
    defined: DefinedType | None = function.defined
    while defined is not expected:
        if defined is None:
            raise trap(TrapCode.BAD_SIGNATURE)
        defined = defined.supertype
    assert isinstance(function, FunctionInstance)
    return function


def referenced_callee(reference: Any) -> FunctionInstance:
    """The function that call_ref calls."""
    if reference is None:
        raise trap(TrapCode.NULL_FUNCTION_REFERENCE)
    assert isinstance(reference, FunctionInstance)
    return reference


NAMES: dict[str, Any] = {
    function.__name__: function
    for function in (
        *(grow_memory, fill_memory, copy_memory, init_memory),
        *(get_element, set_element, fill_table, grow_table, copy_table, init_table),
        *(non_null, same_reference, matches, cast, i31_value, I31, StructInstance),
        *(extend, new_struct, struct_field, set_struct_field, new_array, new_fixed_array),
        *(new_array_data, new_array_elem, array_elements, array_element, set_array_element),
        *(indirect_callee, WasmFunction),
        *(fill_array, copy_array, init_array_data, init_array_elem, default_value),
    )
}
"""Everything here that generated code may mention."""
