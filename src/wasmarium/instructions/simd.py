"""What the simple vector instructions compute (specification, section 4.3; proposal relaxed SIMD).

The same form as ``numeric``: texts over the operands ``{0}``, ``{1}``, … and the names in
:data:`NAMES` and ``numeric.NAMES``; conditions stand in :data:`COMPARISONS` too. An immediate is
``{x0}``: the lane index, or the 16 lane indices of a shuffle as bytes. A v128 is an int as
``runtime.values`` says. None of these instructions traps, and all choices that relaxed instructions
leave are made as in the deterministic profile (section "Profiles" of the appendix).

Only modules that use vectors need this, so nothing may import it before such a module is met.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wasmarium.instructions import numeric, simd_floats, simd_integers
from wasmarium.instructions.simd_integers import from_bytes, repeated

_ALL = "0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"


def swizzle(a: int, indices: int) -> int:
    """The bytes of ``a`` that ``indices`` name; 0 for indices of 16 and more."""
    # The table is a's bytes and then zeros.
    return from_bytes(indices.to_bytes(16, "little").translate(a.to_bytes(256, "little")), "little")


def replace_lane(value: int, vector: int, shift: int, mask: int) -> int:
    """``vector`` with the bits under ``mask``, moved up by ``shift``, replaced by ``value``."""
    return vector ^ ((vector >> shift ^ value) & mask) << shift


EXPRESSIONS: dict[str, str] = {
    "v128.not": f"({{0}} ^ {_ALL})",
    "v128.and": "({0} & {1})",
    "v128.andnot": f"({{0}} & ({{1}} ^ {_ALL}))",
    "v128.or": "({0} | {1})",
    "v128.xor": "({0} ^ {1})",
    "v128.bitselect": "({1} ^ ({0} ^ {1}) & {2})",
    "v128.any_true": "(1 if {0} else 0)",
    "i8x16.shuffle": "from_bytes({x0}.translate(({0} | {1} << 128).to_bytes(256, 'little')), 'little')",
    "i8x16.swizzle": "swizzle({0}, {1})",
    "i8x16.relaxed_swizzle": "swizzle({0}, {1})",
    **simd_integers.EXPRESSIONS,
    **simd_floats.EXPRESSIONS,
}
COMPARISONS: dict[str, str] = {"v128.any_true": "{0} != 0", **simd_integers.CONDITIONS}
TRAPPING: frozenset[str] = frozenset()
NAMES: dict[str, Any] = {
    **simd_integers.NAMES,
    **simd_floats.NAMES,
    "swizzle": swizzle,
    "replace_lane": replace_lane,
}
"""What the expressions mention besides their operands, Python's builtins and ``numeric.NAMES``."""


def _lanes(shape: str, bits: int, to_bits: str, from_bits: str) -> None:
    """Splat, extract and replace. ``to_bits`` and ``from_bits`` are between a scalar and its bits."""
    mask = hex((1 << bits) - 1)
    scalar, lane = to_bits.format("{0}"), f"({{0}} >> {{x0}} * {bits} & {mask})"
    EXPRESSIONS[f"{shape}.splat"] = f"({scalar} * {hex(repeated(1, bits))})"
    EXPRESSIONS[f"{shape}.replace_lane"] = (
        f"({{0}} ^ (({{0}} >> {{x0}} * {bits} ^ {to_bits.format('{1}')}) & {mask}) << {{x0}} * {bits})"
    )
    if bits >= 32:
        EXPRESSIONS[f"{shape}.extract_lane"] = from_bits.format(lane)
    else:
        sign = 1 << bits - 1
        EXPRESSIONS[f"{shape}.extract_lane_u"] = lane
        EXPRESSIONS[f"{shape}.extract_lane_s"] = f"(({lane} ^ {sign}) - {sign} & 0xFFFFFFFF)"


_lanes("i8x16", 8, "({} & 255)", "")
_lanes("i16x8", 16, "({} & 65535)", "")
_lanes("i32x4", 32, "{}", "{}")
_lanes("i64x2", 64, "{}", "{}")
_lanes("f32x4", 32, "f32_bits({})", "f32_from_bits({})")
_lanes("f64x2", 64, "f64_bits({})", "f64_from_bits({})")
for _shape in ("i8x16", "i16x8", "i32x4", "i64x2"):
    EXPRESSIONS[f"{_shape}.relaxed_laneselect"] = EXPRESSIONS["v128.bitselect"]

LOADED: dict[str, str] = {
    "v128.load": "{0}",
    "v128.load32_zero": "{0}",
    "v128.load64_zero": "{0}",
    "v128.load8_splat": EXPRESSIONS["i8x16.splat"],
    "v128.load16_splat": EXPRESSIONS["i16x8.splat"],
    "v128.load32_splat": EXPRESSIONS["i32x4.splat"],
    "v128.load64_splat": EXPRESSIONS["i64x2.splat"],
    **{
        f"v128.load{narrow}_{sign}": EXPRESSIONS[f"{wide}.extend_low_{lanes}_{sign}"]
        for narrow, wide, lanes in (("8x8", "i16x8", "i8x16"), ("16x4", "i32x4", "i16x8"), ("32x2", "i64x2", "i32x4"))
        for sign in "su"
    },
}
"""What loads make of the bytes in memory, which ``{0}`` is as one unsigned integer."""

_FUNCTIONS: dict[str, Callable[..., Any]] = {}


def function(mnemonic: str) -> Callable[..., Any]:
    """The instruction as a Python function of its operands and, last, its immediate, if it has one;
    KeyError if there is none."""
    found = _FUNCTIONS.get(mnemonic)
    if found is None:
        expression = EXPRESSIONS[mnemonic]
        operands = [name for i, name in enumerate("abc") if f"{{{i}}}" in expression]
        parameters = [*operands, "x0"] if "{x0}" in expression else operands
        source = f"lambda {', '.join(parameters)}: {expression.format(*operands, x0='x0')}"
        found = _FUNCTIONS[mnemonic] = eval(source, {**numeric.NAMES, **NAMES})
    return found
