"""Constant expressions (specification, sections 3.4.13 and 4.7.2): what initialises globals, tables
and segments. A small machine of one stack; there are no branches, so it always ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from wasmarium.binary.code import instructions
from wasmarium.errors import Crash, Location
from wasmarium.instructions.numeric import f32_from_bits, f64_from_bits, function
from wasmarium.module import Expression
from wasmarium.runtime.heap import I31, ArrayInstance, StructInstance, allocate_array
from wasmarium.runtime.values import Value, default_value
from wasmarium.types import ArrayType, FieldType, PackedType, StructType

if TYPE_CHECKING:
    from wasmarium.runtime.instance import ModuleInstance

Stack = list[Value]
Rule = Callable[["ModuleInstance", Stack, tuple[Any, ...]], None]


def evaluate(instance: ModuleInstance, expression: Expression) -> Value:
    """The value of a validated constant expression, in the index spaces of ``instance`` as far as
    they are filled. Raises Trap with ALLOCATION_TOO_LARGE for an array beyond the store's limits."""
    stack: Stack = []
    for offset, row, immediates in instructions(instance.module.data, *expression):
        if row.mnemonic == "end":
            break
        rule = _RULES.get(row.mnemonic)
        if rule is None:
            raise Crash(f"{row.mnemonic} in a constant expression", Location(offset=offset))
        rule(instance, stack, immediates)
    return stack.pop()


def _push(convert: Callable[[Any], Value]) -> Rule:
    def rule(instance: ModuleInstance, stack: Stack, immediates: tuple[Any, ...]) -> None:
        stack.append(convert(immediates[0]))

    return rule


def _binary(mnemonic: str) -> Rule:
    compute = function(mnemonic)

    def rule(instance: ModuleInstance, stack: Stack, immediates: tuple[Any, ...]) -> None:
        second = stack.pop()
        stack.append(compute(stack.pop(), second))

    return rule


def _global_get(instance: ModuleInstance, stack: Stack, immediates: tuple[Any, ...]) -> None:
    stack.append(instance.globals[immediates[0]].value)


def _ref_func(instance: ModuleInstance, stack: Stack, immediates: tuple[Any, ...]) -> None:
    stack.append(instance.functions[immediates[0]])


def _ref_i31(instance: ModuleInstance, stack: Stack, immediates: tuple[Any, ...]) -> None:
    stack.append(I31(stack.pop() & 0x7FFFFFFF))


def _unchanged(instance: ModuleInstance, stack: Stack, immediates: tuple[Any, ...]) -> None:
    pass


def _packed(field: FieldType, value: Value) -> Value:
    storage = field.storage
    return value & ((1 << storage.bits) - 1) if isinstance(storage, PackedType) else value


def _struct_new(instance: ModuleInstance, stack: Stack, immediates: tuple[Any, ...]) -> None:
    defined = instance.types[immediates[0]]
    fields = cast(StructType, defined.composite).fields
    at = len(stack) - len(fields)
    values = [_packed(field, value) for field, value in zip(fields, stack[at:], strict=True)]
    stack[at:] = [StructInstance(defined, values)]


def _struct_new_default(instance: ModuleInstance, stack: Stack, immediates: tuple[Any, ...]) -> None:
    defined = instance.types[immediates[0]]
    fields = cast(StructType, defined.composite).fields
    stack.append(StructInstance(defined, [default_value(field.unpacked) for field in fields]))


def _array(instance: ModuleInstance, stack: Stack, index: int, value: Value, count: int) -> None:
    stack.append(allocate_array(instance.types[index], count, instance.store.limits, lambda: [value] * count))


def _element(instance: ModuleInstance, index: int) -> FieldType:
    return cast(ArrayType, instance.types[index].composite).element


def _array_new(instance: ModuleInstance, stack: Stack, immediates: tuple[Any, ...]) -> None:
    (index,) = immediates
    count = stack.pop()
    _array(instance, stack, index, _packed(_element(instance, index), stack.pop()), count)


def _array_new_default(instance: ModuleInstance, stack: Stack, immediates: tuple[Any, ...]) -> None:
    (index,) = immediates
    _array(instance, stack, index, default_value(_element(instance, index).unpacked), stack.pop())


def _array_new_fixed(instance: ModuleInstance, stack: Stack, immediates: tuple[Any, ...]) -> None:
    index, count = immediates
    element = _element(instance, index)
    at = len(stack) - count
    stack[at:] = [ArrayInstance(instance.types[index], [_packed(element, value) for value in stack[at:]])]


_RULES: dict[str, Rule] = {
    "i32.const": _push(int),
    "i64.const": _push(int),
    "f32.const": _push(f32_from_bits),
    "f64.const": _push(f64_from_bits),
    "v128.const": _push(int),
    "ref.null": _push(lambda heap: None),
    "ref.func": _ref_func,
    "ref.i31": _ref_i31,
    "global.get": _global_get,
    "struct.new": _struct_new,
    "struct.new_default": _struct_new_default,
    "array.new": _array_new,
    "array.new_default": _array_new_default,
    "array.new_fixed": _array_new_fixed,
    "any.convert_extern": _unchanged,
    "extern.convert_any": _unchanged,
}
for _mnemonic in ("i32.add", "i32.sub", "i32.mul", "i64.add", "i64.sub", "i64.mul"):
    _RULES[_mnemonic] = _binary(_mnemonic)
