"""From the errors of V8 and SpiderMonkey to traps with a code and a backtrace."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from wasmarium.binary.code import instruction_at, instructions, read_locals
from wasmarium.engines.host.rewrite import GUEST
from wasmarium.engines.host.shims import INWARD, OUTWARD
from wasmarium.errors import Frame, Malformed, Trap, TrapCode
from wasmarium.module import Module
from wasmarium.runtime.constants import evaluate
from wasmarium.runtime.instance import ModuleInstance

_CODES = (
    ("unreachable", TrapCode.UNREACHABLE),
    ("divide by zero", TrapCode.INTEGER_DIVISION_BY_ZERO),
    ("remainder by zero", TrapCode.INTEGER_DIVISION_BY_ZERO),
    ("divide result unrepresentable", TrapCode.INTEGER_OVERFLOW),
    ("float unrepresentable", TrapCode.INTEGER_OVERFLOW),
    ("integer overflow", TrapCode.INTEGER_OVERFLOW),
    ("invalid conversion to integer", TrapCode.BAD_CONVERSION_TO_INTEGER),
    ("indirect call to null", TrapCode.INDIRECT_CALL_TO_NULL),
    ("signature mismatch", TrapCode.BAD_SIGNATURE),
    ("unaligned", TrapCode.HEAP_MISALIGNED),
    ("illegal cast", TrapCode.CAST_FAILURE),
    ("bad cast", TrapCode.CAST_FAILURE),
    ("too large", TrapCode.ALLOCATION_TOO_LARGE),
    ("too many array elements", TrapCode.ALLOCATION_TOO_LARGE),
    ("array element access out of bounds", TrapCode.ARRAY_OUT_OF_BOUNDS),
    ("element segment", TrapCode.TABLE_OUT_OF_BOUNDS),
    ("data segment", TrapCode.MEMORY_OUT_OF_BOUNDS),
    ("table", TrapCode.TABLE_OUT_OF_BOUNDS),
    ("null", TrapCode.NULL_REFERENCE),
    ("out of bounds", TrapCode.MEMORY_OUT_OF_BOUNDS),
)
"""The first text that a message contains decides. V8 does not tell, in a conversion, a NaN from a number that
is too large; see ``instrument/conversions``."""

SAME_FOR_NULL = "signature mismatch"
"""What older V8 says of a null function in call_indirect too. It is taken for null, which is commoner,
unless the table has no null."""

CALLS_NULL = """(module (type $t (func)) (table 1 funcref)
  (func (export "f") (call_indirect (type $t) (i32.const 0))))"""
"""Shows what the host says of a null function."""

_NULLS = (
    ("call_ref", TrapCode.NULL_FUNCTION_REFERENCE),
    ("return_call_ref", TrapCode.NULL_FUNCTION_REFERENCE),
    ("struct.", TrapCode.NULL_STRUCTURE_REFERENCE),
    ("array.", TrapCode.NULL_ARRAY_REFERENCE),
    ("i31.", TrapCode.NULL_I31_REFERENCE),
    ("throw_ref", TrapCode.NULL_EXCEPTION_REFERENCE),
)

_ONLY = {"array.new_data": TrapCode.MEMORY_OUT_OF_BOUNDS, "array.new_elem": TrapCode.TABLE_OUT_OF_BOUNDS}
"""Instructions that trap for one reason only, as they look at the segment before anything is made. SpiderMonkey has
the same message for segments and for arrays."""

_PLACE = re.compile(r"(?P<before>.*?)wasm-function\[(?P<index>\d+)\]:0x(?P<offset>[0-9a-f]+)")
_GUEST = re.compile(re.escape(GUEST) + r"(\d+)")

Lookup = Callable[[int], "tuple[Module, str | None, Callable[[int, int], int]] | None"]
"""Gives the module of a number, the name of the instance, and what turns the offset of a place in a function (its
index comes first) into that in the original module."""


def make_trap(kind: str, message: str, stack: str, lookup: Lookup) -> Trap:
    """The trap for an error of the host."""
    frames = tuple(backtrace(stack, lookup))
    code = TrapCode.STACK_OVERFLOW if kind == "overflow" else _code(message, frames)
    return Trap(code.message if code is not None else message, code, frames)


def _code(message: str, frames: tuple[Frame, ...]) -> TrapCode | None:
    mnemonic = frames[0].mnemonic if frames and frames[0].mnemonic else ""
    if mnemonic in _ONLY:
        return _ONLY[mnemonic]
    found = next((code for text, code in _CODES if text in message), None)
    if found is TrapCode.UNREACHABLE and ".trunc_" in mnemonic:
        return TrapCode.BAD_CONVERSION_TO_INTEGER
    if found is TrapCode.NULL_REFERENCE and "call_indirect" not in mnemonic:
        return next((code for start, code in _NULLS if mnemonic.startswith(start)), found)
    if "call_indirect" in mnemonic and found is TrapCode.NULL_REFERENCE:
        return TrapCode.INDIRECT_CALL_TO_NULL
    if "call_indirect" in mnemonic and found in (TrapCode.TABLE_OUT_OF_BOUNDS, TrapCode.MEMORY_OUT_OF_BOUNDS):
        return TrapCode.UNDEFINED_ELEMENT
    if mnemonic.startswith("table.") and found is TrapCode.MEMORY_OUT_OF_BOUNDS:
        return TrapCode.TABLE_OUT_OF_BOUNDS
    if mnemonic.startswith("array.") and found is TrapCode.MEMORY_OUT_OF_BOUNDS and "segment" not in message:
        return TrapCode.ARRAY_OUT_OF_BOUNDS
    return found


def backtrace(stack: str, lookup: Lookup) -> Iterator[Frame]:
    """The frames of the guest, innermost first, up to where Python called it."""
    for line in stack.splitlines():
        found = _PLACE.search(line)
        if found is None:
            continue
        if OUTWARD in line:
            return
        if INWARD in line:
            continue
        number = _GUEST.search(line)
        if number is None:
            # Pyodide itself, from where an instance was made
            return
        known = lookup(int(number[1]))
        if known is None:
            continue
        module, name, original = known
        index = int(found["index"])
        offset = original(index, int(found["offset"], 16)) if index >= module.imported_functions else 0
        yield frame_at(module, name, index, offset)


def a_table_is_too_small(instance: ModuleInstance) -> bool:
    """Whether an active element segment does not fit, as far as imports tell: SpiderMonkey says the same of it as of
    a data segment, which comes later."""
    module = instance.module
    imported = [each is not None for each in instance.globals]
    for segment in module.elements:
        if segment.offset_expression is None:
            continue
        needed = instructions(module.data, *segment.offset_expression)
        if all(row.mnemonic != "global.get" or imported[immediates[0]] for _, row, immediates in needed):
            table = instance.tables[segment.table]
            size = module.all_tables[segment.table].limits.minimum if table is None else len(table.elements)
            if evaluate(instance, segment.offset_expression) + len(segment.items) > size:
                return True
    return False


def innermost_place(stack: str) -> tuple[int, int] | None:
    """The function of a guest in which a host's stack begins, and the offset in the host's module."""
    for line in stack.splitlines():
        found = _PLACE.search(line)
        if found is not None and INWARD not in line:
            return None if OUTWARD in line else (int(found["index"]), int(found["offset"], 16))
    return None


def frame_at(module: Module, name: str | None, index: int, offset: int) -> Frame:
    """The frame of a function at a byte offset of the original module."""
    instruction = mnemonic = start = None
    own = index - module.imported_functions
    if 0 <= own < len(module.codes):
        code = module.codes[own]
        start = code.start
        try:
            _, body = read_locals(module.data, code.start, code.end)
            instruction, row, offset = instruction_at(module.data, body, code.end, offset)
            mnemonic = None if row is None else row.mnemonic
        except Malformed:
            instruction = None
    return Frame(
        index,
        module.names.functions.get(index),
        name or module.names.module,
        instruction,
        mnemonic,
        offset,
        None if start is None else offset - start,
        module.exported_functions.get(index),
    )
