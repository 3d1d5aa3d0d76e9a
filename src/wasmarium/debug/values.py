"""Values, functions and frames as text and plain data."""

from __future__ import annotations

import struct
from typing import Any

from wasmarium.engines.host.functions import HostedFunction
from wasmarium.errors import Frame
from wasmarium.module import Module
from wasmarium.runtime.function import FunctionInstance, HostFunction, WasmFunction
from wasmarium.runtime.values import Value
from wasmarium.types import F32, F64, I32, I64, V128, FunctionType, ValueType

Plain = dict[str, Any]
"""What JSON calls an object."""


def value_text(type: ValueType, value: Value) -> str:
    """A value as people read it: integers signed, floats shortest, references by what they refer to."""
    if type is I32 or type is I64:
        sign = 1 << (31 if type is I32 else 63)
        return str((value ^ sign) - sign)
    if type is F64:
        return _nan(value, 52) if value != value else repr(value)
    if type is F32:
        return _nan(value, 23) if value != value else _shortest_f32(value)
    if type is V128:
        return f"0x{value:032x}"
    if value is None:
        return "null"
    if isinstance(value, FunctionInstance):
        return function_name(value)
    return f"a {value.__class__.__name__}"


def plain_value(type: ValueType, value: Value) -> Plain:
    """A value with its type."""
    return {"type": type.name, "text": value_text(type, value)}


def _nan(value: float, fraction: int) -> str:
    bits: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    sign = "-" if bits >> 63 else ""
    payload = (bits & ((1 << 52) - 1)) >> (52 - fraction)
    return f"{sign}nan" if payload == 1 << (fraction - 1) else f"{sign}nan:0x{payload:x}"


def _shortest_f32(value: float) -> str:
    """The shortest decimal that reads back as the same f32; nine digits always do."""
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        # What is rounded up beyond the largest f32 cannot be packed.
        try:
            if struct.unpack("<f", struct.pack("<f", float(text)))[0] == value:
                break
        except OverflowError:
            continue
    return repr(float(text))


def frame_of(module: Module, function: int) -> Frame:
    """A frame that knows no more than its function."""
    return Frame(function, module.names.functions.get(function), exported_name=module.exported_functions.get(function))


def function_name(function: FunctionInstance) -> str:
    """How a function is called in backtraces: by its name, else by its index."""
    if isinstance(function, WasmFunction | HostedFunction):
        return frame_of(function.instance.module, function.index).display_name
    if isinstance(function, HostFunction) and function.name:
        return function.name
    return "host"


def plain_function(function: FunctionInstance) -> Plain:
    """A function as an entry of a table."""
    return {
        "name": function_name(function),
        "type": signature(function.type),
        "function": function.index if isinstance(function, WasmFunction | HostedFunction) else None,
    }


def signature(type: FunctionType) -> str:
    """A function type in one line: ``i32 i32 → i32``; nothing is ``()``."""
    parameters = " ".join(value.name for value in type.parameters)
    results = " ".join(value.name for value in type.results)
    return f"{parameters or '()'} → {results or '()'}"


def plain_frame(frame: Frame) -> Plain:
    """Where an activation stands. A session has one module, so names go without the module's."""
    return {
        "function": frame.function_index,
        "name": Frame(frame.function_index, frame.function_name).display_name,
        "instruction": frame.instruction,
        "mnemonic": frame.mnemonic,
        "offset": frame.offset,
    }
