"""What vector instructions compute, against the definitions of the specification (section 4.3), lane by lane.

Lane operators are written down here as the specification defines them, on one integer of N bits; the instructions
under test treat all lanes at once.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from wasmarium.instructions import simd
from wasmarium.instructions.numeric import f32_bits, f32_from_bits, f64_bits, f64_from_bits
from wasmarium.instructions.table import INSTRUCTIONS

ROWS = [row for row in INSTRUCTIONS if row.feature in ("simd", "relaxed-simd") and row.kind == "simple"]
BITS = {"i8x16": 8, "i16x8": 16, "i32x4": 32, "i64x2": 64, "f32x4": 32, "f64x2": 64}


def vector(bits: int, lanes: Sequence[int]) -> int:
    """A v128 of these lanes, the first lowest; missing ones are zero."""
    return sum((lane % (1 << bits)) << (bits * i) for i, lane in enumerate(lanes))


def lanes(bits: int, value: int) -> list[int]:
    assert 0 <= value < 1 << 128
    return [value >> shift & (1 << bits) - 1 for shift in range(0, 128, bits)]


def run(mnemonic: str, *operands: Any) -> Any:
    return simd.function(mnemonic)(*operands)


def test_every_simple_vector_instruction_has_a_text_and_no_text_is_for_nothing() -> None:
    assert set(simd.EXPRESSIONS) == {row.mnemonic for row in ROWS}
    assert set(simd.LOADED) == {row.mnemonic for row in INSTRUCTIONS if row.feature == "simd" and row.kind == "load"}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_texts_take_the_operands_of_the_row_and_give_a_value_of_its_type(row: Any) -> None:
    operands: list[Any] = [0.0 if parameter.name[0] == "f" else 0 for parameter in row.parameters]
    if row.immediates:
        operands.append(bytes(16) if row.mnemonic == "i8x16.shuffle" else 0)
    result = run(row.mnemonic, *operands)
    assert type(result) is (float if row.results[0].name[0] == "f" else int)


# ---- integers ---------------------------------------------------------------------------------------------------


def signed(n: int, i: int) -> int:
    return i - (1 << n) if i >> n - 1 else i


def sat_s(n: int, i: int) -> int:
    return max(-(1 << n - 1), min((1 << n - 1) - 1, i))


def sat_u(n: int, i: int) -> int:
    return max(0, min((1 << n) - 1, i))


def _compare(holds: Callable[[int, int], bool], sign: bool) -> Callable[[int, int, int], int]:
    def lane(n: int, a: int, b: int) -> int:
        return -1 if (holds(signed(n, a), signed(n, b)) if sign else holds(a, b)) else 0

    return lane


COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "lt": int.__lt__,
    "gt": int.__gt__,
    "le": int.__le__,
    "ge": int.__ge__,
}
BINARY: dict[str, Callable[[int, int, int], int]] = {
    "add": lambda n, a, b: a + b,
    "sub": lambda n, a, b: a - b,
    "mul": lambda n, a, b: a * b,
    "add_sat_s": lambda n, a, b: sat_s(n, signed(n, a) + signed(n, b)),
    "add_sat_u": lambda n, a, b: sat_u(n, a + b),
    "sub_sat_s": lambda n, a, b: sat_s(n, signed(n, a) - signed(n, b)),
    "sub_sat_u": lambda n, a, b: sat_u(n, a - b),
    "min_s": lambda n, a, b: min(signed(n, a), signed(n, b)),
    "min_u": lambda n, a, b: min(a, b),
    "max_s": lambda n, a, b: max(signed(n, a), signed(n, b)),
    "max_u": lambda n, a, b: max(a, b),
    "avgr_u": lambda n, a, b: (a + b + 1) // 2,
    "q15mulr_sat_s": lambda n, a, b: sat_s(n, signed(n, a) * signed(n, b) + (1 << 14) >> 15),
    "relaxed_q15mulr_s": lambda n, a, b: sat_s(n, signed(n, a) * signed(n, b) + (1 << 14) >> 15),
    "eq": lambda n, a, b: -1 if a == b else 0,
    "ne": lambda n, a, b: -1 if a != b else 0,
    **{f"{name}_s": _compare(holds, True) for name, holds in COMPARISONS.items()},
    **{f"{name}_u": _compare(holds, False) for name, holds in COMPARISONS.items()},
}
UNARY: dict[str, Callable[[int, int], int]] = {
    "abs": lambda n, a: abs(signed(n, a)),
    "neg": lambda n, a: -a,
    "popcnt": lambda n, a: bin(a).count("1"),
}
SHIFTS: dict[str, Callable[[int, int, int], int]] = {
    "shl": lambda n, a, k: a << k % n,
    "shr_s": lambda n, a, k: signed(n, a) >> k % n,
    "shr_u": lambda n, a, k: a >> k % n,
}


def edges(n: int) -> list[int]:
    top = 1 << n - 1
    return [0, 1, 2, top - 2, top - 1, top, top + 1, 2 * top - 2, 2 * top - 1, 0x55555555555555555 % (1 << n)]


def pairs(bits: int) -> list[tuple[int, int]]:
    """Vectors in which every pair of edge values meets, next to different neighbours, and some at random."""
    random = Random(bits)
    meetings = list(itertools.product(edges(bits), repeat=2))
    random.shuffle(meetings)
    count = 128 // bits
    found = [
        (vector(bits, [a for a, _ in group]), vector(bits, [b for _, b in group]))
        for group in (meetings[i : i + count] for i in range(0, len(meetings), count))
    ]
    return found + [(random.getrandbits(128), random.getrandbits(128)) for _ in range(20)]


def named(table: dict[str, Any]) -> list[tuple[str, str]]:
    names = [tuple(row.mnemonic.split(".")) for row in ROWS if row.mnemonic[0] == "i"]
    return [(shape, name) for shape, name in names if name in table]


@pytest.mark.parametrize(("shape", "name"), named(BINARY))
def test_binary_operators(shape: str, name: str) -> None:
    bits = BITS[shape]
    for a, b in pairs(bits):
        expected = [BINARY[name](bits, x, y) for x, y in zip(lanes(bits, a), lanes(bits, b), strict=True)]
        assert run(f"{shape}.{name}", a, b) == vector(bits, expected)


@pytest.mark.parametrize(("shape", "name"), named(UNARY))
def test_unary_operators(shape: str, name: str) -> None:
    bits = BITS[shape]
    for a, _ in pairs(bits):
        assert run(f"{shape}.{name}", a) == vector(bits, [UNARY[name](bits, x) for x in lanes(bits, a)])


@pytest.mark.parametrize(("shape", "name"), named(SHIFTS))
def test_shifts_take_their_count_modulo_the_width(shape: str, name: str) -> None:
    bits = BITS[shape]
    for (a, _), count in itertools.product(pairs(bits), (0, 1, bits - 1, bits, bits + 3, 2**32 - 1)):
        expected = vector(bits, [SHIFTS[name](bits, x, count) for x in lanes(bits, a)])
        assert run(f"{shape}.{name}", a, count) == expected


@pytest.mark.parametrize("shape", ["i8x16", "i16x8", "i32x4", "i64x2"])
def test_all_true_and_bitmask(shape: str) -> None:
    bits = BITS[shape]
    whole = [(1 << 128) - 1, vector(bits, [1] * (128 // bits)), vector(bits, [1 << bits - 1] * (128 // bits)), 0]
    for a in [
        *whole,
        *(a for a, _ in pairs(bits)),
        *(((1 << 128) - 1) ^ (1 << bits) - 1 << i for i in range(0, 128, bits)),
    ]:
        a %= 1 << 128
        values = lanes(bits, a)
        assert run(f"{shape}.all_true", a) == (1 if all(values) else 0)
        assert run(f"{shape}.bitmask", a) == sum((x >> bits - 1) << i for i, x in enumerate(values))


def extend(sign: str, n: int, i: int) -> int:
    return signed(n, i) if sign == "s" else i


@pytest.mark.parametrize("sign", ["s", "u"])
@pytest.mark.parametrize(("wide", "narrow"), [("i16x8", "i8x16"), ("i32x4", "i16x8"), ("i64x2", "i32x4")])
def test_wider_lanes(wide: str, narrow: str, sign: str) -> None:
    m, n = BITS[narrow], BITS[wide]
    half = 64 // m
    for a, b in pairs(m):
        x, y = ([extend(sign, m, lane) for lane in lanes(m, value)] for value in (a, b))
        for place, part in (("low", slice(0, half)), ("high", slice(half, None))):
            assert run(f"{wide}.extend_{place}_{narrow}_{sign}", a) == vector(n, x[part])
            products = [i * j for i, j in zip(x[part], y[part], strict=True)]
            assert run(f"{wide}.extmul_{place}_{narrow}_{sign}", a, b) == vector(n, products)
        if n < 64:
            sums = [x[i] + x[i + 1] for i in range(0, len(x), 2)]
            assert run(f"{wide}.extadd_pairwise_{narrow}_{sign}", a) == vector(n, sums)


@pytest.mark.parametrize("sign", ["s", "u"])
@pytest.mark.parametrize(("narrow", "wide"), [("i8x16", "i16x8"), ("i16x8", "i32x4")])
def test_narrower_lanes_take_signed_ones_and_saturate(narrow: str, wide: str, sign: str) -> None:
    m, n = BITS[wide], BITS[narrow]
    saturate = sat_s if sign == "s" else sat_u
    # in range, all of them: that is a way of its own
    small = [vector(m, [i * (1 << n - 1) // 16 - (1 << n - 2) * (sign == "s") for i in range(128 // m)])] * 2
    limits = [-(1 << n - 1) - 1, -(1 << n - 1), -1, 0, (1 << n - 1) - 1, 1 << n - 1, (1 << n) - 1, 1 << n]
    at_limits = [(vector(m, limits[: 128 // m]), vector(m, [limit] * (128 // m))) for limit in limits]
    for a, b in [*pairs(m), (small[0], small[1]), *at_limits]:
        expected = [saturate(n, signed(m, lane)) for lane in lanes(m, a) + lanes(m, b)]
        assert run(f"{narrow}.narrow_{wide}_{sign}", a, b) == vector(n, expected)


def test_dot_product_wraps() -> None:
    for a, b in pairs(16):
        x, y = ([signed(16, lane) for lane in lanes(16, value)] for value in (a, b))
        sums = [x[i] * y[i] + x[i + 1] * y[i + 1] for i in range(0, 8, 2)]
        assert run("i32x4.dot_i16x8_s", a, b) == vector(32, sums)
    lowest = vector(16, [-32768] * 8)
    assert run("i32x4.dot_i16x8_s", lowest, lowest) == vector(32, [0x80000000] * 4)


def test_relaxed_dot_products_are_signed_and_saturate_between() -> None:
    for a, b in pairs(8):
        x, y = ([signed(8, lane) for lane in lanes(8, value)] for value in (a, b))
        sums = [sat_s(16, x[i] * y[i] + x[i + 1] * y[i + 1]) for i in range(0, 16, 2)]
        assert run("i16x8.relaxed_dot_i8x16_i7x16_s", a, b) == vector(16, sums)
        c = [7, 2**31 - 1, 2**32 - 1, 2**31]
        expected = vector(32, [sums[2 * i] + sums[2 * i + 1] + c[i] for i in range(4)])
        assert run("i32x4.relaxed_dot_i8x16_i7x16_add_s", a, b, vector(32, c)) == expected
    lowest = vector(8, [-128] * 16)
    assert run("i16x8.relaxed_dot_i8x16_i7x16_s", lowest, lowest) == vector(16, [32767] * 8)


# ---- bits and lanes -----------------------------------------------------------------------------------------------

ONES = (1 << 128) - 1
A, B, C = 0x0F1E2D3C4B5A69788796A5B4C3D2E1F0, 0xFFFF0000FFFF0000FFFF0000FFFF0000, 0xFF00FF00FF00FF00FF00FF00FF00FF00


def test_bitwise() -> None:
    assert run("v128.not", A) == ONES - A
    assert run("v128.and", A, B) == 0x0F1E00004B5A00008796_0000C3D20000
    assert run("v128.andnot", A, B) == 0x00002D3C000069780000A5B40000E1F0
    assert run("v128.or", A, B) == 0xFFFF2D3CFFFF6978FFFFA5B4FFFFE1F0
    assert run("v128.xor", B, C) == 0x00FFFF0000FFFF0000FFFF0000FFFF00
    assert run("v128.bitselect", A, B, C) == 0x0FFF2D004BFF690087FFA500C3FFE100
    assert (run("v128.any_true", 0), run("v128.any_true", 1 << 127)) == (0, 1)


@pytest.mark.parametrize("shape", ["i8x16", "i16x8", "i32x4", "i64x2"])
def test_relaxed_laneselect_selects_bits(shape: str) -> None:
    assert run(f"{shape}.relaxed_laneselect", A, B, C) == run("v128.bitselect", A, B, C)


def test_swizzle_gives_zero_beyond_the_vector() -> None:
    a = vector(8, range(100, 116))
    indices = vector(8, [15, 0, 16, 31, 127, 128, 255, 3, 3, 14])
    expected = vector(8, [115, 100, 0, 0, 0, 0, 0, 103, 103, 114, *[100] * 6])
    assert run("i8x16.swizzle", a, indices) == expected
    assert run("i8x16.relaxed_swizzle", a, indices) == expected


def test_shuffle_takes_lanes_of_both() -> None:
    chosen = bytes([31, 0, 16, 15, *range(20, 32)])
    result = run("i8x16.shuffle", vector(8, range(16)), vector(8, range(100, 116)), chosen)
    assert lanes(8, result) == [115, 0, 100, 15, *range(104, 116)]


@pytest.mark.parametrize("shape", ["i8x16", "i16x8", "i32x4", "i64x2"])
def test_integer_lanes(shape: str) -> None:
    bits = BITS[shape]
    count = 128 // bits
    values = [(i * 0x1B5A5A5A5A5A5A5B + (1 << bits - 1)) % (1 << bits) for i in range(count)]
    whole = vector(bits, values)
    new = 0xC3D2E1F00F1E2D3C % (1 << min(64, max(32, bits)))
    assert run(f"{shape}.splat", new) == vector(bits, [new] * count)
    for i in range(count):
        assert run(f"{shape}.replace_lane", whole, new, i) == vector(bits, [*values[:i], new, *values[i + 1 :]])
        if bits >= 32:
            assert run(f"{shape}.extract_lane", whole, i) == values[i]
        else:
            assert run(f"{shape}.extract_lane_u", whole, i) == values[i]
            assert run(f"{shape}.extract_lane_s", whole, i) == signed(bits, values[i]) % (1 << 32)


@pytest.mark.parametrize(
    ("shape", "bits", "to_bits", "from_bits"),
    [
        ("f32x4", [0x7FA00001, 0xFF800001, 0x80000000, 0x3F800000], f32_bits, f32_from_bits),
        ("f64x2", [0x7FF4000000000001, 0x8000000000000000], f64_bits, f64_from_bits),
    ],
)
def test_float_lanes_keep_every_bit_of_nans(shape: str, bits: list[int], to_bits: Any, from_bits: Any) -> None:
    n = BITS[shape]
    for i, lane in enumerate(bits):
        assert to_bits(run(f"{shape}.extract_lane", vector(n, bits), i)) == lane
        assert run(f"{shape}.splat", from_bits(lane)) == vector(n, [lane] * len(bits))
        expected = [lane if j == i else 0 for j in range(len(bits))]
        assert run(f"{shape}.replace_lane", 0, from_bits(lane), i) == vector(n, expected)


# ---- floats -------------------------------------------------------------------------------------------------------

INF, NAN = math.inf, math.nan


def floats(shape: str, *values: float) -> int:
    """A vector of floats; the last is repeated."""
    count = 128 // BITS[shape]
    padded = [*values, *[values[-1]] * (count - len(values))]
    return int.from_bytes(struct.pack("<4f" if shape == "f32x4" else "<2d", *padded), "little")


def assert_floats(shape: str, result: int, *expected: float) -> None:
    """Bits compared; for NaN any NaN that arithmetic gives."""
    bits = BITS[shape]
    for got, wanted in zip(lanes(bits, result), lanes(bits, floats(shape, *expected)), strict=True):
        quiet = 0x7FC00000 if bits == 32 else 0x7FF8 << 48
        assert got == wanted or got & quiet == wanted & quiet == quiet, (hex(got), hex(wanted))


SHAPES = pytest.mark.parametrize("shape", ["f32x4", "f64x2"])


@SHAPES
@pytest.mark.parametrize(
    ("name", "a", "b", "result"),
    [
        ("add", 1.5, 2.25, 3.75),
        ("add", INF, -INF, NAN),
        ("sub", -0.0, 0.0, -0.0),
        ("mul", 0.0, INF, NAN),
        ("mul", -2.0, 0.5, -1.0),
        ("div", 1.0, 0.0, INF),
        ("div", 1.0, -0.0, -INF),
        ("div", -0.0, 0.0, NAN),
        ("div", -3.0, 2.0, -1.5),
        ("div", NAN, 0.0, NAN),
        ("min", -0.0, 0.0, -0.0),
        ("min", 0.0, -0.0, -0.0),
        ("min", 1.0, NAN, NAN),
        ("min", -INF, 3.0, -INF),
        ("max", -0.0, 0.0, 0.0),
        ("max", 0.0, -0.0, 0.0),
        ("max", NAN, 1.0, NAN),
        ("max", -1.0, 3.0, 3.0),
        ("relaxed_min", 0.0, -0.0, -0.0),
        ("relaxed_min", NAN, 1.0, NAN),
        ("relaxed_max", -0.0, 0.0, 0.0),
        ("relaxed_max", 1.0, NAN, NAN),
        # pmin is "b < a ? b : a" and pmax "a < b ? b : a"
        ("pmin", 0.0, -0.0, 0.0),
        ("pmin", 1.0, NAN, 1.0),
        ("pmin", NAN, 1.0, NAN),
        ("pmin", 2.0, 1.0, 1.0),
        ("pmax", -0.0, 0.0, -0.0),
        ("pmax", 1.0, NAN, 1.0),
        ("pmax", NAN, 1.0, NAN),
        ("pmax", 1.0, 2.0, 2.0),
    ],
)
def test_float_operators(shape: str, name: str, a: float, b: float, result: float) -> None:
    assert_floats(shape, run(f"{shape}.{name}", floats(shape, a, 1.0), floats(shape, b, 1.0)), result, *_one(name))
    assert_floats(shape, run(f"{shape}.{name}", floats(shape, 1.0, a), floats(shape, 1.0, b)), *_one(name), result)


def _one(name: str) -> tuple[float]:
    """What the operator makes of 1 and 1."""
    return ({"add": 2.0, "sub": 0.0}.get(name, 1.0),)


@SHAPES
@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("sqrt", 2.25, 1.5),
        ("sqrt", -1.0, NAN),
        ("sqrt", -0.0, -0.0),
        ("sqrt", INF, INF),
        ("ceil", -0.5, -0.0),
        ("ceil", 1.25, 2.0),
        ("floor", -0.5, -1.0),
        ("floor", -0.0, -0.0),
        ("trunc", -0.75, -0.0),
        ("trunc", 1.75, 1.0),
        ("nearest", 0.5, 0.0),
        ("nearest", -0.5, -0.0),
        ("nearest", 1.5, 2.0),
        ("nearest", 2.5, 2.0),
        ("nearest", -INF, -INF),
        ("ceil", NAN, NAN),
        ("abs", -0.0, 0.0),
        ("abs", -INF, INF),
        ("neg", 0.0, -0.0),
        ("neg", -1.5, 1.5),
    ],
)
def test_float_functions(shape: str, name: str, value: float, result: float) -> None:
    got = run(f"{shape}.{name}", floats(shape, 4.0, value))
    assert_floats(shape, got, {"sqrt": 2.0, "neg": -4.0}.get(name, 4.0), result)


@SHAPES
def test_float_comparisons(shape: str) -> None:
    bits = BITS[shape]
    for a, b in itertools.product((-INF, -1.0, -0.0, 0.0, 1.0, INF, NAN), repeat=2):
        for name, holds in (
            *(("eq", a == b), ("ne", a != b), ("lt", a < b), ("gt", a > b), ("le", a <= b), ("ge", a >= b)),
        ):
            result = run(f"{shape}.{name}", floats(shape, a, 1.0), floats(shape, b, NAN))
            other = -1 if name == "ne" else 0
            assert result == vector(bits, [-1 if holds else 0, *[other] * (128 // bits - 1)])


SIGNALLING = {"f32x4": 0x7F800001, "f64x2": 0x7FF0000000000001}


@SHAPES
def test_what_only_moves_bits_leaves_signalling_nans_alone(shape: str) -> None:
    bits, nan = BITS[shape], SIGNALLING[shape]
    sign = 1 << bits - 1
    count = 128 // bits
    nans, ones = vector(bits, [nan] * count), floats(shape, 1.0)
    assert run(f"{shape}.neg", nans) == vector(bits, [nan | sign] * count)
    assert run(f"{shape}.abs", vector(bits, [nan | sign] * count)) == nans
    for name in ("pmin", "pmax"):
        assert run(f"{shape}.{name}", nans, ones) == nans
        assert run(f"{shape}.{name}", ones, nans) == ones


@SHAPES
@pytest.mark.parametrize(
    "name", ["add", "sub", "mul", "div", "min", "max", "sqrt", "ceil", "floor", "trunc", "nearest"]
)
def test_arithmetic_makes_signalling_nans_quiet(shape: str, name: str) -> None:
    bits = BITS[shape]
    nans = vector(bits, [SIGNALLING[shape]] * (128 // bits))
    unary = name in ("sqrt", "ceil", "floor", "trunc", "nearest")
    for result in (
        [run(f"{shape}.{name}", nans)]
        if unary
        else [
            run(f"{shape}.{name}", nans, floats(shape, 1.0)),
            run(f"{shape}.{name}", floats(shape, 1.0), nans),
        ]
    ):
        assert_floats(shape, result, NAN)


def test_f32_is_rounded_once_and_too_large_is_infinity() -> None:
    def f32(name: str, a: int, b: int) -> list[int]:
        return lanes(32, run(f"f32x4.{name}", vector(32, [a] * 4), vector(32, [b] * 4)))

    one, three, largest, even = 0x3F800000, 0x40400000, 0x7F7FFFFF, 0x4B800000
    assert f32("div", one, three) == [0x3EAAAAAB] * 4
    # 2^24 + 1 lies between two neighbours, and goes to the even one
    assert f32("add", even, one) == [even] * 4
    assert f32("add", largest, largest) == [0x7F800000] * 4
    assert f32("mul", largest, 0xC0000000) == [0xFF800000] * 4
    # half of the smallest subnormal, a tie
    assert f32("mul", 1, 0x3F000000) == [0] * 4
    assert lanes(32, run("f32x4.sqrt", vector(32, [0x40000000] * 4))) == [0x3FB504F3] * 4


def test_conversions_saturate() -> None:
    values = [NAN, -INF, INF, -0.5]
    assert run("i32x4.trunc_sat_f32x4_s", floats("f32x4", *values)) == vector(32, [0, 0x80000000, 0x7FFFFFFF, 0])
    assert run("i32x4.trunc_sat_f32x4_u", floats("f32x4", *values)) == vector(32, [0, 0, 0xFFFFFFFF, 0])
    for sign, value, expected in (("s", -2147483649.0, 0x80000000), ("u", 4294967295.9, 0xFFFFFFFF)):
        result = vector(32, [expected, 7, 0, 0])
        assert run(f"i32x4.trunc_sat_f64x2_{sign}_zero", floats("f64x2", value, 7.9)) == result
        assert run(f"i32x4.relaxed_trunc_f64x2_{sign}_zero", floats("f64x2", value, 7.9)) == result
        relaxed = run(f"i32x4.relaxed_trunc_f32x4_{sign}", floats("f32x4", *values))
        assert relaxed == run(f"i32x4.trunc_sat_f32x4_{sign}", floats("f32x4", *values))


def test_conversions_between_floats_and_from_integers() -> None:
    integers = vector(32, [0xFFFFFFFF, 0x7FFFFFFF, 16777217, 0x80000000])
    assert_floats("f32x4", run("f32x4.convert_i32x4_s", integers), -1.0, 2147483648.0, 16777216.0, -2147483648.0)
    assert_floats("f32x4", run("f32x4.convert_i32x4_u", integers), 4294967296.0, 2147483648.0, 16777216.0, 2147483648.0)
    assert_floats("f64x2", run("f64x2.convert_low_i32x4_s", integers), -1.0, 2147483647.0)
    assert_floats("f64x2", run("f64x2.convert_low_i32x4_u", integers), 4294967295.0, 2147483647.0)
    # 2^128 - 2^103 is halfway between the largest f32 and infinity, and a tie there goes to infinity
    halfway = floats("f64x2", 2.0**128 - 2.0**103, -(2.0**128 - 2.0**104))
    assert run("f32x4.demote_f64x2_zero", halfway) == vector(32, [0x7F800000, 0xFF7FFFFF, 0, 0])
    assert_floats("f64x2", run("f64x2.promote_low_f32x4", floats("f32x4", -0.0, 1.5, 9.0)), -0.0, 1.5)
    signalling = vector(32, [0x7F800001, 0xFF800001])
    assert_floats("f64x2", run("f64x2.promote_low_f32x4", signalling), NAN)
    assert_floats("f32x4", run("f32x4.demote_f64x2_zero", vector(64, [0x7FF0000000000001] * 2)), NAN, NAN, 0.0)


@pytest.mark.parametrize(("shape", "a"), [("f32x4", 1 + 2.0**-12), ("f64x2", 1 + 2.0**-27)])
def test_relaxed_madd_rounds_twice(shape: str, a: float) -> None:
    # a squared is 1 + 2^-11 + 2^-24 (or 1 + 2^-26 + 2^-54), whose last term is lost in rounding
    rounded = 2 * a - 1
    value = floats(shape, a)
    assert run(f"{shape}.relaxed_madd", value, value, floats(shape, -rounded)) == 0
    assert run(f"{shape}.relaxed_nmadd", value, value, floats(shape, rounded)) == 0
    three = run(f"{shape}.relaxed_nmadd", floats(shape, 2.0), floats(shape, 3.0), floats(shape, 9.0))
    assert_floats(shape, three, 3.0)
