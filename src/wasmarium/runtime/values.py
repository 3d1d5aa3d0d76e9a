"""Values at run time and their default (specification, section 4.2.1).

======================  ==========================================================================
i32, i64                int, unsigned canonical: 0 .. 2^N-1
f64                     float
f32                     float holding the f32 value exactly; a NaN keeps its sign and its payload,
                        the payload shifted left by 29 bits into the double
v128                    int 0 .. 2^128-1, byte 0 least significant
references              None is null; else a FunctionInstance, a GC object, or for externref any
                        Python object
======================  ==========================================================================
"""

from __future__ import annotations

from typing import Any

from wasmarium.types import F32, F64, ReferenceType, ValueType

Value = Any
"""A value as the table above says; Python's type system cannot say it per wasm type."""


def default_value(type: ValueType) -> Value:
    """Zero or null (section 4.2.2). Only for defaultable types."""
    if isinstance(type, ReferenceType):
        return None
    return 0.0 if type is F32 or type is F64 else 0
