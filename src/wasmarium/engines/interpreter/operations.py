"""What an instruction does to an activation, as Python text (all but control flow).

An :class:`Operation` is made from a table row and its immediates, for one instance. Its ``text`` has
``{0}``, ``{1}``, … for the operands, lowest first, and ``{x0}``, ``{x1}``, … for its ``arguments``:
numbers and objects of the instance that the text needs. It is an expression where it has results,
else a statement. The same text serves one instruction alone and inside compiled blocks (``blocks``).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wasmarium.engines.interpreter import helpers
from wasmarium.instructions import numeric
from wasmarium.instructions.table import INSTRUCTIONS, Instruction
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.memory import WATCH_SHIFT, MemoryInstance
from wasmarium.runtime.values import default_value
from wasmarium.types import I64, ArrayType, FieldType, PackedType, StructType, reference

PURE, READS, WRITES = range(3)
"""How an operation stands to the state of the store: it does not touch it, reads it, changes it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """See the module's text. ``pops`` operands, ``pushes`` results; ``traps``: whether it may.

    ``ordered``: the text evaluates every operand, once each, from the lowest up. ``condition`` is the
    text of a comparison as a condition.
    """

    text: str
    arguments: tuple[Any, ...]
    pops: int
    pushes: int
    effect: int
    traps: bool
    ordered: bool = True
    condition: str | None = None


NAMES: dict[str, Any] = {
    **numeric.NAMES,
    **helpers.NAMES,
    "u16": struct.Struct("<H").unpack_from,
    "s16": struct.Struct("<h").unpack_from,
    "u32": struct.Struct("<I").unpack_from,
    "s32": struct.Struct("<i").unpack_from,
    "u64": struct.Struct("<Q").unpack_from,
    "u128": struct.Struct("<16s").unpack_from,
    "from_bytes": int.from_bytes,
    "d64": struct.Struct("<d").unpack_from,
    "load_f32": numeric.f32_from_bytes,
    "p16": struct.Struct("<H").pack_into,
    "p32": struct.Struct("<I").pack_into,
    "p64": struct.Struct("<Q").pack_into,
    "p128": struct.Struct("<16s").pack_into,
    "pd64": struct.Struct("<d").pack_into,
    "store_f32": numeric.f32_to_bytes,
}
"""What the texts mention besides operands, arguments and Python's builtins."""

# @ stands for the memory's bytes, A for the address with its offset, {0} and {1} as above.
_LOADS = {
    "i32.load": "u32(@, A)[0]",
    "i64.load": "u64(@, A)[0]",
    "f32.load": "load_f32(@, A)",
    "f64.load": "d64(@, A)[0]",
    "i32.load8_s": "((@[A] ^ 128) - 128 & 0xFFFFFFFF)",
    "i32.load8_u": "@[A]",
    "i32.load16_s": "(s16(@, A)[0] & 0xFFFFFFFF)",
    "i32.load16_u": "u16(@, A)[0]",
    "i64.load8_s": "((@[A] ^ 128) - 128 & 0xFFFFFFFFFFFFFFFF)",
    "i64.load8_u": "@[A]",
    "i64.load16_s": "(s16(@, A)[0] & 0xFFFFFFFFFFFFFFFF)",
    "i64.load16_u": "u16(@, A)[0]",
    "i64.load32_s": "(s32(@, A)[0] & 0xFFFFFFFFFFFFFFFF)",
    "i64.load32_u": "u32(@, A)[0]",
}
_STORES = {
    "i32.store": "p32(@, A, {1})",
    "i64.store": "p64(@, A, {1})",
    "f32.store": "store_f32(@, A, {1})",
    "f64.store": "pd64(@, A, {1})",
    "i32.store8": "@[A] = {1} & 255",
    "i32.store16": "p16(@, A, {1} & 65535)",
    "i64.store8": "@[A] = {1} & 255",
    "i64.store16": "p16(@, A, {1} & 65535)",
    "i64.store32": "p32(@, A, {1} & 0xFFFFFFFF)",
    "v128.store": "p128(@, A, ({1}).to_bytes(16, 'little'))",
    "v128.store8_lane": "@[A] = {1} >> {x2} & 255",
    "v128.store16_lane": "p16(@, A, {1} >> {x2} & 65535)",
    "v128.store32_lane": "p32(@, A, {1} >> {x2} & 0xFFFFFFFF)",
    "v128.store64_lane": "p64(@, A, {1} >> {x2} & 0xFFFFFFFFFFFFFFFF)",
}
# By width: the bytes there as one unsigned integer.
_READS = {
    1: "@[A]",
    2: "u16(@, A)[0]",
    4: "u32(@, A)[0]",
    8: "u64(@, A)[0]",
    16: "from_bytes(u128(@, A)[0], 'little')",
}


def operation(row: Instruction, immediates: tuple[Any, ...], instance: ModuleInstance) -> Operation:
    """What ``row`` with these immediates does in ``instance``. KeyError for what is not known here."""
    return _KINDS[row.kind](row, immediates, instance)


def _simple(row: Instruction, immediates: tuple[Any, ...], instance: ModuleInstance) -> Operation:
    found = _SIMPLE.get(row.mnemonic)
    if found is None:
        rules = _vectors() if row.feature in _VECTORS else numeric
        arguments = tuple(bytes(value) if isinstance(value, tuple) else value for value in immediates)
        found = Operation(
            rules.EXPRESSIONS[row.mnemonic],
            arguments,
            len(row.parameters),
            len(row.results),
            PURE,
            row.mnemonic in rules.TRAPPING,
            condition=rules.COMPARISONS.get(row.mnemonic),
        )
        if not arguments:
            _SIMPLE[row.mnemonic] = found
    return found


_SIMPLE: dict[str, Operation] = {}
_VECTORS = frozenset({"simd", "relaxed-simd"})


def _vectors() -> Any:
    """The rules of vector instructions, which are loaded when they are first needed."""
    from wasmarium.instructions import simd

    if "swizzle" not in NAMES:
        NAMES.update(simd.NAMES)
    return simd


def _const(row: Instruction, immediates: tuple[Any, ...], instance: ModuleInstance) -> Operation:
    value = immediates[0]
    if row.mnemonic == "f32.const":
        value = numeric.f32_from_bits(value)
    elif row.mnemonic == "f64.const":
        value = numeric.f64_from_bits(value)
    return Operation("{x0}", (value,), 0, 1, PURE, False)


_NEAR = re.compile(r"\b(u16|s16|u32|s32|u64|u128|d64|load_f32|p16|p32|p64|p128|pd64|store_f32)\(")


def _at(text: str, memory: MemoryInstance) -> str:
    """The text of an access, fit for the kind of memory."""
    if not memory.far:
        return text
    from wasmarium.engines.interpreter import far

    if "far_u32" not in NAMES:
        NAMES.update(far.NAMES)
    return _NEAR.sub(r"far_\1(", text)


def _address(offset: int) -> str:
    return "{0} + {x1}" if offset else "{0}"


def _load(row: Instruction, immediates: tuple[Any, ...], instance: ModuleInstance) -> Operation:
    argument = immediates[0]
    address = _address(argument.offset)
    memory = instance.memories[argument.memory]
    arguments = (memory.data, argument.offset)
    if row.feature in _VECTORS:
        read = _at(_READS[row.width], memory).replace("@", "{x0}").replace("A", address)
        return Operation(_vectors().LOADED[row.mnemonic].replace("{0}", read), arguments, 1, 1, READS, True)
    text = _at(_LOADS[row.mnemonic], memory).replace("@", "{x0}").replace("A", address)
    return Operation(text, arguments, 1, 1, READS, True)


def _load_lane(row: Instruction, immediates: tuple[Any, ...], instance: ModuleInstance) -> Operation:
    argument, lane = immediates
    _vectors()
    memory = instance.memories[argument.memory]
    read = _at(_READS[row.width], memory).replace("@", "{x0}").replace("A", _address(argument.offset))
    text = f"replace_lane({read}, {{1}}, {{x2}}, {hex((1 << 8 * row.width) - 1)})"
    arguments = (memory.data, argument.offset, lane * 8 * row.width)
    return Operation(text, arguments, 2, 1, READS, True)


def _store(row: Instruction, immediates: tuple[Any, ...], instance: ModuleInstance) -> Operation:
    argument = immediates[0]
    memory = instance.memories[argument.memory]
    text = _at(_STORES[row.mnemonic], memory).replace("@", "{x0}").replace("A", _address(argument.offset))
    arguments: tuple[Any, ...] = (memory.data, argument.offset)
    if row.kind == "store_lane":
        arguments += (immediates[1] * 8 * row.width,)
    return _watched(text, arguments, row, memory, argument.offset)


def _watched(text: str, arguments: tuple[Any, ...], row: Instruction, memory: MemoryInstance, offset: int) -> Operation:
    """The store that ``text`` does, noted where someone watches; argument 1 is ``offset``."""
    if memory.written is not None:
        written, last = f"x{len(arguments)}", f"x{len(arguments) + 1}"
        text += f"; {{{written}}}[{_address(offset)} >> {WATCH_SHIFT}] = 1"
        arguments += (memory.written,)
        if row.width > 1:
            text += f"; {{{written}}}[{{0}} + {{{last}}} >> {WATCH_SHIFT}] = 1"
            arguments += (offset + row.width - 1,)
    # An assignment evaluates its right side, which is the upper operand, first.
    return Operation(text, arguments, 2, 0, WRITES, True, ordered=row.width > 1)


def _atomic(row: Instruction, immediates: tuple[Any, ...], instance: ModuleInstance) -> Operation:
    from wasmarium.runtime import atomics

    if "aligned" not in NAMES:
        NAMES.update(atomics.NAMES)
    argument = immediates[0]
    memory, offset, width = instance.memories[argument.memory], argument.offset, row.width
    address = _address(offset)
    aligned = f"aligned({address}, {width - 1})" if width > 1 else address
    mask = hex((1 << 8 * width) - 1)
    name = row.mnemonic.rpartition(".")[2].removesuffix("_u")
    if name.startswith("load"):
        text = _at(_READS[width], memory).replace("@", "{x0}").replace("A", aligned)
        return Operation(text, (memory.data, offset), 1, 1, READS, True)
    if name.startswith("store"):
        text = f"p{8 * width}(@, A, {{1}} & {mask})" if width > 1 else "@[A] = {1} & 255"
        text = _at(text, memory).replace("@", "{x0}").replace("A", aligned)
        return _watched(text, (memory.data, offset), row, memory, offset)
    if name == "notify":
        return Operation(f"notify({{x0}}, {address}, {{1}})", (memory, offset), 2, 1, WRITES, True)
    if name == "cmpxchg":
        text = f"compare_exchange({{x0}}, {address}, {{1}} & {mask}, {{2}} & {mask}, {width})"
        return Operation(text, (memory, offset), 3, 1, WRITES, True)
    text = f"read_modify_write({{x0}}, {address}, {{1}}, {width}, {{x2}})"
    return Operation(text, (memory, offset, atomics.OPERATORS[name]), 2, 1, WRITES, True)


def _variable(row: Instruction, immediates: tuple[Any, ...], instance: ModuleInstance) -> Operation:
    match row.mnemonic:
        case "local.get":
            return Operation("r[{x0}]", immediates, 0, 1, PURE, False)
        case "local.set":
            return Operation("r[{x0}] = {0}", immediates, 1, 0, PURE, False)
        case "local.tee":
            # The result stays in the slot where the operand is.
            return Operation("r[{x0}] = {0}", immediates, 1, 0, PURE, False)
    variable = instance.globals[immediates[0]]
    if row.mnemonic == "global.get":
        return Operation("{x0}.value", (variable,), 0, 1, READS, False)
    return Operation("{x0}.value = ({0})", (variable,), 1, 0, WRITES, False)


def _parametric(row: Instruction, immediates: tuple[Any, ...], instance: ModuleInstance) -> Operation:
    # Both operands are names when this is inserted, so evaluating only one of them is no loss.
    return Operation("({0} if {2} else {1})", (), 3, 1, PURE, False, ordered=False)


def _minus_one(address: Any) -> int:
    return numeric.M64 if address is I64 else numeric.M32


def _memory(row: Instruction, immediates: tuple[Any, ...], instance: ModuleInstance) -> Operation:
    memories = instance.memories
    match row.mnemonic:
        case "memory.size":
            return Operation("{x0}.pages", (memories[immediates[0]],), 0, 1, READS, False)
        case "memory.grow":
            memory = memories[immediates[0]]
            minus_one = _minus_one(memory.declared.address)
            return Operation("grow_memory({x0}, {0}, {x1})", (memory, minus_one), 1, 1, WRITES, False)
        case "memory.fill":
            return Operation("fill_memory({x0}, {0}, {1}, {2})", (memories[immediates[0]],), 3, 0, WRITES, True)
        case "memory.copy":
            target, source = immediates
            return Operation(
                "copy_memory({x0}, {x1}, {0}, {1}, {2})", (memories[target], memories[source]), 3, 0, WRITES, True
            )
        case "memory.init":
            data, index = immediates
            return Operation(
                "init_memory({x0}, {x1}, {x2}, {0}, {1}, {2})",
                (memories[index], instance.data, data),
                3,
                0,
                WRITES,
                True,
            )
    return Operation("{x0}[{x1}] = b''", (instance.data, immediates[0]), 0, 0, WRITES, False)


def _table(row: Instruction, immediates: tuple[Any, ...], instance: ModuleInstance) -> Operation:
    tables = instance.tables
    match row.mnemonic:
        case "table.get":
            return Operation("get_element({x0}, {0})", (tables[immediates[0]],), 1, 1, READS, True)
        case "table.set":
            return Operation("set_element({x0}, {0}, {1})", (tables[immediates[0]],), 2, 0, WRITES, True)
        case "table.size":
            return Operation("len({x0})", (tables[immediates[0]].elements,), 0, 1, READS, False)
        case "table.grow":
            table = tables[immediates[0]]
            minus_one = _minus_one(table.declared.address)
            return Operation("grow_table({x0}, {1}, {0}, {x1})", (table, minus_one), 2, 1, WRITES, False)
        case "table.fill":
            return Operation("fill_table({x0}, {0}, {1}, {2})", (tables[immediates[0]],), 3, 0, WRITES, True)
        case "table.copy":
            target, source = immediates
            return Operation(
                "copy_table({x0}, {x1}, {0}, {1}, {2})", (tables[target], tables[source]), 3, 0, WRITES, True
            )
        case "table.init":
            segment, index = immediates
            return Operation(
                "init_table({x0}, {x1}, {x2}, {0}, {1}, {2})",
                (tables[index], instance.elements, segment),
                3,
                0,
                WRITES,
                True,
            )
    return Operation("{x0}[{x1}] = ()", (instance.elements, immediates[0]), 0, 0, WRITES, False)


def _reference(row: Instruction, immediates: tuple[Any, ...], instance: ModuleInstance) -> Operation:
    match row.mnemonic:
        case "ref.null":
            return Operation("{x0}", (None,), 0, 1, PURE, False)
        case "ref.is_null":
            return Operation("(1 if {0} is None else 0)", (), 1, 1, PURE, False)
        case "ref.func":
            return Operation("{x0}", (instance.functions[immediates[0]],), 0, 1, PURE, False)
        case "ref.eq":
            return Operation("same_reference({0}, {1})", (), 2, 1, PURE, False)
    return Operation("non_null({0})", (), 1, 1, PURE, True)


# mnemonic -> text, pops (None: the number of fields or elements), pushes, effect
_AGGREGATES: dict[str, tuple[str, int | None, int, int]] = {
    "struct.new": ("new_struct({x0}, {x1}, [*])", None, 1, WRITES),
    "struct.new_default": ("StructInstance({x0}, {x1}.copy())", 0, 1, WRITES),
    "struct.get": ("struct_field({0}, {x1})", 1, 1, READS),
    "struct.get_s": ("extend(struct_field({0}, {x1}), {x2})", 1, 1, READS),
    "struct.get_u": ("struct_field({0}, {x1})", 1, 1, READS),
    "struct.set": ("set_struct_field({0}, {x1}, {1}, {x2})", 2, 0, WRITES),
    "array.new": ("new_array({x0}, {x1}, {0}, {1}, {x2})", 2, 1, WRITES),
    "array.new_default": ("new_array({x0}, {x1}, {x3}, {0}, {x2})", 1, 1, WRITES),
    "array.new_fixed": ("new_fixed_array({x0}, [*], {x2})", None, 1, WRITES),
    "array.new_data": ("new_array_data({x0}, {x1}, {x2}, {x3}, {0}, {1})", 2, 1, WRITES),
    "array.new_elem": ("new_array_elem({x0}, {x1}, {x2}, {x3}, {0}, {1})", 2, 1, WRITES),
    "array.get": ("array_element({0}, {1})", 2, 1, READS),
    "array.get_s": ("extend(array_element({0}, {1}), {x2})", 2, 1, READS),
    "array.get_u": ("array_element({0}, {1})", 2, 1, READS),
    "array.set": ("set_array_element({0}, {1}, {2}, {x2})", 3, 0, WRITES),
    "array.len": ("len(array_elements({0}))", 1, 1, READS),
    "array.fill": ("fill_array({0}, {1}, {2}, {3}, {x2})", 4, 0, WRITES),
    "array.copy": ("copy_array({0}, {1}, {2}, {3}, {4})", 5, 0, WRITES),
    "array.init_data": ("init_array_data({x0}, {x2}, {x3}, {0}, {1}, {2}, {3})", 4, 0, WRITES),
    "array.init_elem": ("init_array_elem({x2}, {x3}, {0}, {1}, {2}, {3})", 4, 0, WRITES),
    "any.convert_extern": ("{0}", 1, 1, PURE),
    "extern.convert_any": ("{0}", 1, 1, PURE),
    "ref.i31": ("I31({0} & 0x7FFFFFFF)", 1, 1, PURE),
    "i31.get_s": ("((i31_value({0}) ^ 0x40000000) - 0x40000000 & 0xFFFFFFFF)", 1, 1, PURE),
    "i31.get_u": ("i31_value({0})", 1, 1, PURE),
}


def _mask(field: FieldType) -> int | None:
    storage = field.storage
    return (1 << storage.bits) - 1 if isinstance(storage, PackedType) else None


def _sign(field: FieldType) -> int:
    mask = _mask(field)
    return 0 if mask is None else (mask + 1) >> 1


def _aggregate(row: Instruction, immediates: tuple[Any, ...], instance: ModuleInstance) -> Operation:
    mnemonic = row.mnemonic
    if mnemonic in ("ref.test", "ref.cast"):
        target = reference(row.nullable, immediates[0]).close(instance.types)
        if mnemonic == "ref.test":
            return Operation("(1 if matches({0}, {x0}) else 0)", (target,), 1, 1, PURE, False)
        return Operation("cast({0}, {x0})", (target,), 1, 1, PURE, True)
    text, pops, pushes, effect = _AGGREGATES[mnemonic]
    arguments: tuple[Any, ...] = ()
    if immediates:
        defined = instance.types[immediates[0]]
        composite = defined.composite
        limits = instance.store.limits
        if isinstance(composite, StructType):
            fields = composite.fields
            if mnemonic == "struct.new":
                pops = len(fields)
                arguments = (defined, tuple(_mask(field) for field in fields))
            elif mnemonic == "struct.new_default":
                arguments = (defined, [default_value(field.unpacked) for field in fields])
            else:
                field = fields[immediates[1]]
                value = _sign(field) if mnemonic == "struct.get_s" else _mask(field)
                arguments = (defined, immediates[1], value)
        elif isinstance(composite, ArrayType):
            element = composite.element
            third: Any = _sign(element) if mnemonic == "array.get_s" else _mask(element)
            arguments = (defined, limits, third, default_value(element.unpacked))
            if mnemonic == "array.new_fixed":
                pops = immediates[1]
            elif mnemonic.endswith("_data"):
                arguments = (defined, limits, instance.data, immediates[1])
            elif mnemonic.endswith("_elem"):
                arguments = (defined, limits, instance.elements, immediates[1])
    assert pops is not None
    if "*" in text:
        text = text.replace("*", ", ".join(f"{{{i}}}" for i in range(pops)))
    return Operation(text, arguments, pops, pushes, effect, effect != PURE or mnemonic.startswith("i31"))


_KINDS: dict[str, Callable[[Instruction, tuple[Any, ...], ModuleInstance], Operation]] = {
    "simple": _simple,
    "const": _const,
    "load": _load,
    "store": _store,
    "load_lane": _load_lane,
    "store_lane": _store,
    "atomic": _atomic,
    "variable": _variable,
    "parametric": _parametric,
    "memory": _memory,
    "table": _table,
    "reference": _reference,
    "aggregate": _aggregate,
}


def stack_change(row: Instruction) -> int | None:
    """By how much ``row`` changes the height of the operand stack; None where it is a control
    instruction or depends on immediates."""
    return _CHANGES[row]


def _change(row: Instruction) -> int | None:
    fixed = len(row.results) - len(row.parameters)
    match row.kind:
        case "simple" | "const":
            return fixed
        case "load" | "store" | "load_lane" | "store_lane" | "atomic":
            return fixed - 1
        case "control":
            return None
        case "aggregate":
            if row.mnemonic in ("ref.test", "ref.cast"):
                return 0
            _, pops, pushes, _ = _AGGREGATES[row.mnemonic]
            return None if pops is None else pushes - pops
    return _STACK_CHANGES[row.mnemonic]


_STACK_CHANGES = {
    "drop": -1,
    "select": -2,
    "local.get": 1,
    "local.set": -1,
    "local.tee": 0,
    "global.get": 1,
    "global.set": -1,
    "table.get": 0,
    "table.set": -2,
    "table.size": 1,
    "table.grow": -1,
    "elem.drop": 0,
    "table.init": -3,
    "table.copy": -3,
    "table.fill": -3,
    "memory.size": 1,
    "memory.grow": 0,
    "data.drop": 0,
    "memory.init": -3,
    "memory.copy": -3,
    "memory.fill": -3,
    "ref.null": 1,
    "ref.is_null": 0,
    "ref.func": 1,
    "ref.eq": -1,
    "ref.as_non_null": 0,
}
_CHANGES = {row: _change(row) for row in INSTRUCTIONS}
