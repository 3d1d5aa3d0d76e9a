"""Vectors of floats: arithmetic, comparisons and conversions (sections 4.3.3 and 4.3.4).

Lanes are unpacked with ``struct`` and treated as scalars are (``numeric``). Arithmetic on f32 is done
in double precision and rounded once to f32 by packing: for one addition, product, quotient or root
that gives the same as rounding once would. What only moves bits (abs, neg, pmin, pmax) never goes
through floats, so NaNs pass unchanged. Form of the texts: see ``simd``.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from struct import Struct
from typing import Any

from wasmarium.instructions import numeric
from wasmarium.instructions.numeric import divide_by_zero, round32
from wasmarium.instructions.simd_integers import Binary, Pack, from_bytes, structure

EXPRESSIONS: dict[str, str] = {}

_UNPACK_F32 = Struct("<4f").unpack
_UNPACK_F64 = Struct("<2d").unpack


def _pack_f32(count: int) -> Pack:
    # Only the native form of struct rounds what is too large to infinity, the others raise.
    if sys.byteorder == "little":
        return Struct(f"{count}f").pack
    pack = Struct(f"<{count}f").pack
    return lambda *lanes: pack(*map(round32, lanes))


_PACK_F32 = _pack_f32(4)
_PACK_F64 = Struct("<2d").pack

Scalar = Callable[[float, float], float]


def _divide(a: float, b: float) -> float:
    return a / b if b else divide_by_zero(a, b)


def _on_f32(compute: Scalar) -> Binary:
    def on_lanes(a: int, b: int) -> int:
        a0, a1, a2, a3 = _UNPACK_F32(a.to_bytes(16, "little"))
        b0, b1, b2, b3 = _UNPACK_F32(b.to_bytes(16, "little"))
        return from_bytes(_PACK_F32(compute(a0, b0), compute(a1, b1), compute(a2, b2), compute(a3, b3)), "little")

    return on_lanes


def _on_f64(compute: Scalar) -> Binary:
    def on_lanes(a: int, b: int) -> int:
        a0, a1 = _UNPACK_F64(a.to_bytes(16, "little"))
        b0, b1 = _UNPACK_F64(b.to_bytes(16, "little"))
        return from_bytes(_PACK_F64(compute(a0, b0), compute(a1, b1)), "little")

    return on_lanes


def _compare_f32(holds: Callable[[float, float], bool]) -> Binary:
    def on_lanes(a: int, b: int) -> int:
        a0, a1, a2, a3 = _UNPACK_F32(a.to_bytes(16, "little"))
        b0, b1, b2, b3 = _UNPACK_F32(b.to_bytes(16, "little"))
        return (
            (0xFFFFFFFF if holds(a0, b0) else 0)
            | (0xFFFFFFFF << 32 if holds(a1, b1) else 0)
            | (0xFFFFFFFF << 64 if holds(a2, b2) else 0)
            | (0xFFFFFFFF << 96 if holds(a3, b3) else 0)
        )

    return on_lanes


def _compare_f64(holds: Callable[[float, float], bool]) -> Binary:
    def on_lanes(a: int, b: int) -> int:
        a0, a1 = _UNPACK_F64(a.to_bytes(16, "little"))
        b0, b1 = _UNPACK_F64(b.to_bytes(16, "little"))
        return (0xFFFFFFFFFFFFFFFF if holds(a0, b0) else 0) | (0xFFFFFFFFFFFFFFFF << 64 if holds(a1, b1) else 0)

    return on_lanes


def _second_where(compare: Binary) -> Binary:
    """b in the lanes where ``compare(b, a)`` holds, else a."""

    def choose(a: int, b: int) -> int:
        return a ^ (a ^ b) & compare(b, a)

    return choose


NAMES: dict[str, Any] = {
    "unpack_f32": _UNPACK_F32,
    "unpack_f64": _UNPACK_F64,
    "pack_f32": _PACK_F32,
    "pack_f64": _PACK_F64,
    "pack_low_f32": _pack_f32(2),
    "unpack_low_f32": Struct("<2f8x").unpack,
    "unpack_low_s32": Struct("<2i8x").unpack,
    "unpack_low_u32": Struct("<2I8x").unpack,
    "unpack_s32": structure(32, True).unpack,
    "unpack_u32": structure(32, False).unpack,
    "pack_u32": structure(32, False).pack,
    "pack_low_u32": Struct("<2I").pack,
}


def _lanewise(pack: str, unpack: str, function: str = "") -> str:
    lanes = f"{unpack}(({{0}}).to_bytes(16, 'little'))"
    return f"from_bytes({pack}(*{f'map({function}, {lanes})' if function else lanes}), 'little')"


def _floats(shape: str, type_: str, on_lanes: Callable[[Scalar], Binary], compare: Any) -> None:
    sign = "0x80000000800000008000000080000000" if type_ == "f32" else "0x80000000000000008000000000000000"
    EXPRESSIONS[f"{shape}.neg"] = f"({{0}} ^ {sign})"
    EXPRESSIONS[f"{shape}.abs"] = f"({{0}} & ({sign} ^ {hex((1 << 128) - 1)}))"
    for name, function in (
        *(("sqrt", "square_root"), ("ceil", "ceiling"), ("floor", "floor")),
        *(("trunc", "truncate"), ("nearest", "nearest")),
    ):
        EXPRESSIONS[f"{shape}.{name}"] = _lanewise(f"pack_{type_}", f"unpack_{type_}", function)
    functions: dict[str, Binary] = {
        name: compare(getattr(operator, name)) for name in ("eq", "ne", "lt", "gt", "le", "ge")
    }
    for name, scalar in (
        *(("add", operator.add), ("sub", operator.sub), ("mul", operator.mul), ("div", _divide)),
        *(("min", numeric.minimum), ("max", numeric.maximum)),
    ):
        functions[name] = on_lanes(scalar)
    functions["pmin"] = _second_where(functions["lt"])
    functions["pmax"] = _second_where(functions["gt"])
    for name, binary in functions.items():
        NAMES[f"{shape}_{name}"] = binary
        EXPRESSIONS[f"{shape}.{name}"] = f"{shape}_{name}({{0}}, {{1}})"
    # Relaxed: as the deterministic profile says, which rounds twice.
    for name in ("min", "max"):
        EXPRESSIONS[f"{shape}.relaxed_{name}"] = EXPRESSIONS[f"{shape}.{name}"]
    EXPRESSIONS[f"{shape}.relaxed_madd"] = f"{shape}_add({shape}_mul({{0}}, {{1}}), {{2}})"
    EXPRESSIONS[f"{shape}.relaxed_nmadd"] = f"{shape}_add({shape}_mul({{0}} ^ {sign}, {{1}}), {{2}})"


_floats("f32x4", "f32", _on_f32, _compare_f32)
_floats("f64x2", "f64", _on_f64, _compare_f64)
EXPRESSIONS.update(
    {
        "f32x4.demote_f64x2_zero": _lanewise("pack_low_f32", "unpack_f64", "quiet"),
        "f64x2.promote_low_f32x4": _lanewise("pack_f64", "unpack_low_f32", "quiet"),
    }
)
for _sign in "su":
    EXPRESSIONS.update(
        {
            f"f32x4.convert_i32x4_{_sign}": _lanewise("pack_f32", f"unpack_{_sign}32"),
            f"f64x2.convert_low_i32x4_{_sign}": _lanewise("pack_f64", f"unpack_low_{_sign}32"),
            f"i32x4.trunc_sat_f32x4_{_sign}": _lanewise("pack_u32", "unpack_f32", f"trunc_sat_i32_{_sign}"),
            f"i32x4.trunc_sat_f64x2_{_sign}_zero": _lanewise("pack_low_u32", "unpack_f64", f"trunc_sat_i32_{_sign}"),
        }
    )
    for _source in (f"f32x4_{_sign}", f"f64x2_{_sign}_zero"):
        EXPRESSIONS[f"i32x4.relaxed_trunc_{_source}"] = EXPRESSIONS[f"i32x4.trunc_sat_{_source}"]
