"""Arguments and expected results of scripts, and values of the runtime: from one to the other."""

from __future__ import annotations

from dataclasses import dataclass

from wasmarium.instructions.numeric import f32_bits, f32_from_bits, f64_bits, f64_from_bits
from wasmarium.runtime import values as runtime
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.heap import I31, ArrayInstance, StructInstance
from wasmarium.runtime.tag import ExceptionInstance
from wasmarium.text.numbers import F32_FORMAT, F64_FORMAT, FloatFormat, show_floating, show_signed
from wasmarium.text.reading import VECTOR_SHAPES
from wasmarium.text.script import Either, NanPattern, Number, Pattern, Reference, Value, Vector
from wasmarium.types import EXTERN, F32, F64, HEAP_TYPES, I32, I64, V128, ReferenceType, ValueType, top


@dataclass(frozen=True, slots=True)
class HostReference:
    """What ``(ref.extern N)`` and ``(ref.host N)`` refer to: something of the host, told apart by its
    number."""

    number: int


_KINDS: dict[str, tuple[type, ...]] = {
    "func": (FunctionInstance,),
    "i31": (I31,),
    "struct": (StructInstance,),
    "array": (ArrayInstance,),
    "eq": (I31, StructInstance, ArrayInstance),
    "exn": (ExceptionInstance,),
    "host": (HostReference,),
}


# ---- arguments ----


def runtime_value(argument: Value) -> runtime.Value:
    """An argument in the representation of ``runtime.values``."""
    if isinstance(argument, Number):
        if argument.type is F32:
            return f32_from_bits(argument.bits)
        return f64_from_bits(argument.bits) if argument.type is F64 else argument.bits
    if isinstance(argument, Vector):
        return argument.bits
    if argument.kind == "null":
        return None
    return HostReference(argument.value or 0)


def fits(argument: Value, type: ValueType) -> bool:
    """Whether an argument may be passed where ``type`` is wanted."""
    if isinstance(argument, Number):
        return argument.type is type
    if isinstance(argument, Vector):
        return type is V128
    if not isinstance(type, ReferenceType):
        return False
    if argument.kind == "null":
        return type.nullable and _same_hierarchy(argument, type)
    return argument.kind in ("extern", "host") and type.heap in (EXTERN, HEAP_TYPES["any"])


def _same_hierarchy(null: Reference, type: ReferenceType) -> bool:
    """Whether a null is one of ``type``; that of a type which only a module knows may be any."""
    return null.heap is None or isinstance(null.heap, str) or top(null.heap) is top(type.heap)


# ---- results ----


def matches(pattern: Pattern, type: ValueType, value: runtime.Value) -> bool:
    """Whether a result, whose static type is ``type``, is as the script says."""
    if isinstance(pattern, Number):
        if pattern.type is not type:
            return False
        if type is F32:
            return f32_bits(value) == pattern.bits
        return bool((f64_bits(value) if type is F64 else value) == pattern.bits)
    if isinstance(pattern, NanPattern):
        return pattern.type is type and _is_nan(pattern, f32_bits(value) if type is F32 else f64_bits(value))
    if isinstance(pattern, Vector):
        return type is V128 and _matches_vector(pattern, value)
    if isinstance(pattern, Either):
        return any(matches(alternative, type, value) for alternative in pattern.alternatives)
    return isinstance(type, ReferenceType) and _matches_reference(pattern, type, value)


def _is_nan(pattern: NanPattern, bits: int) -> bool:
    form = F32_FORMAT if pattern.type is F32 else F64_FORMAT
    top_of_payload = 1 << (form.fraction_bits - 1)
    magnitude = bits & ~(1 << (form.bits - 1))
    if pattern.kind == "nan:canonical":
        return magnitude == form.infinity | top_of_payload
    return magnitude >= form.infinity | top_of_payload


def _matches_vector(pattern: Vector, value: int) -> bool:
    width = VECTOR_SHAPES[pattern.shape]
    mask = (1 << width) - 1
    for i, lane in enumerate(pattern.lanes):
        found = value >> i * width & mask
        if not (found == lane if isinstance(lane, int) else _is_nan(lane, found)):
            return False
    return True


def _matches_reference(pattern: Reference, type: ReferenceType, value: runtime.Value) -> bool:
    kind = pattern.kind
    if kind == "null":
        return value is None and _same_hierarchy(pattern, type)
    if value is None:
        return False
    if pattern.value is not None:
        return bool(value == HostReference(pattern.value)) and (top(type.heap) is EXTERN) is (kind == "extern")
    if kind in ("extern", "any"):
        return top(type.heap) is HEAP_TYPES[kind]
    return isinstance(value, _KINDS.get(kind, ()))


# ---- in words ----


def show(type: ValueType, value: runtime.Value) -> str:
    """A result in the notation of scripts."""
    if type is I32 or type is I64:
        return f"({type.name}.const {show_signed(value, 32 if type is I32 else 64)})"
    if type is F32:
        return _floating(f32_bits(value), F32_FORMAT)
    if type is F64:
        return _floating(f64_bits(value), F64_FORMAT)
    if type is V128:
        return f"(v128.const i32x4 {' '.join(f'0x{value >> i & 0xFFFFFFFF:08x}' for i in (0, 32, 64, 96))})"
    if value is None:
        return "(ref.null)"
    if isinstance(value, HostReference):
        external = isinstance(type, ReferenceType) and top(type.heap) is EXTERN
        return f"(ref.{'extern' if external else 'host'} {value.number})"
    for kind, classes in _KINDS.items():
        if isinstance(value, classes):
            return f"(ref.{kind})"
    return f"(ref.{type.name})"


def show_pattern(pattern: Pattern) -> str:
    """What a script says about a result, in its own notation."""
    if isinstance(pattern, Number):
        if pattern.type is F32 or pattern.type is F64:
            return _floating(pattern.bits, F32_FORMAT if pattern.type is F32 else F64_FORMAT)
        return show(pattern.type, pattern.bits)
    if isinstance(pattern, NanPattern):
        return f"({pattern.type.name}.const {pattern.kind})"
    if isinstance(pattern, Either):
        return f"(either {' '.join(map(show_pattern, pattern.alternatives))})"
    if isinstance(pattern, Vector):
        digits = VECTOR_SHAPES[pattern.shape] // 4
        lanes = [f"0x{lane:0{digits}x}" if isinstance(lane, int) else lane.kind for lane in pattern.lanes]
        return f"(v128.const {pattern.shape} {' '.join(lanes)})"
    words = [f"ref.{pattern.kind}"]
    if pattern.heap is not None:
        words.append(str(pattern.heap))
    if pattern.value is not None:
        words.append(str(pattern.value))
    return f"({' '.join(words)})"


def _floating(bits: int, form: FloatFormat) -> str:
    return f"({form.name}.const {show_floating(bits, form)})"
