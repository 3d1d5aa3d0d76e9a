"""Vectors of integers: arithmetic, comparisons, shifts, widening and narrowing (section 4.3.2).

A vector is an int of 128 bits, and most operations treat all its lanes at once: a sum of two
vectors is right in every lane when no carry leaves one, which the top bit of each lane sees to.
For a lane of N bits the texts and functions use

``L``   all bits of each lane but the top one
``H``   the top bit of each lane
mask    all bits of the lanes for which something holds, made of their top bits ``h`` as
        ``(h << 1) - (h >> N - 1)``

Where lanes must be apart, as for products, they are unpacked with ``struct``. Form of the texts: see
``simd``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from struct import Struct
from typing import Any

from_bytes = int.from_bytes
multiply = operator.mul

Unary = Callable[[int], int]
Binary = Callable[[int, int], int]
Pack = Callable[..., bytes]
Unpack = Callable[[bytes], tuple[int, ...]]

EXPRESSIONS: dict[str, str] = {}
CONDITIONS: dict[str, str] = {}
NAMES: dict[str, Any] = {"from_bytes": from_bytes, "multiply": multiply}

_FORMATS = {8: "b", 16: "h", 32: "i", 64: "q"}


def repeated(value: int, bits: int, total: int = 128) -> int:
    """``value`` in each lane of ``bits`` bits of a vector of ``total`` bits."""
    return value * (((1 << total) - 1) // ((1 << bits) - 1))


def structure(bits: int, signed: bool, total: int = 128) -> Struct:
    """How the lanes of a vector stand in its bytes."""
    letter = _FORMATS[bits]
    return Struct(f"<{total // bits}{letter if signed else letter.upper()}")


def _unpack_half(bits: int, signed: bool, high: bool) -> Unpack:
    letter = _FORMATS[bits] if signed else _FORMATS[bits].upper()
    lanes = f"{64 // bits}{letter}"
    return Struct(f"<8x{lanes}" if high else f"<{lanes}8x").unpack


# ---- comparisons, minimum and maximum ----


def _comparisons(bits: int) -> dict[str, Binary]:
    low, high, top = repeated((1 << bits - 1) - 1, bits), repeated(1 << bits - 1, bits), bits - 1

    # d has the top bit of each lane where a >= b in the lower bits. That decides where the top bits
    # are alike; where x says that they differ, a's own decides, or for signed numbers b's.

    def eq(a: int, b: int) -> int:
        x = a ^ b
        h = ((x & low) + low | x) & high ^ high
        return (h << 1) - (h >> top)

    def ne(a: int, b: int) -> int:
        x = a ^ b
        h = ((x & low) + low | x) & high
        return (h << 1) - (h >> top)

    def ge_s(a: int, b: int) -> int:
        d = (a | high) - (b & low)
        h = (d ^ (d ^ b) & (a ^ b)) & high
        return (h << 1) - (h >> top)

    def ge_u(a: int, b: int) -> int:
        d = (a | high) - (b & low)
        h = (d ^ (d ^ a) & (a ^ b)) & high
        return (h << 1) - (h >> top)

    def lt_s(a: int, b: int) -> int:
        d = (a | high) - (b & low)
        h = (d ^ (d ^ b) & (a ^ b)) & high ^ high
        return (h << 1) - (h >> top)

    def lt_u(a: int, b: int) -> int:
        d = (a | high) - (b & low)
        h = (d ^ (d ^ a) & (a ^ b)) & high ^ high
        return (h << 1) - (h >> top)

    def le_s(b: int, a: int) -> int:
        d = (a | high) - (b & low)
        h = (d ^ (d ^ b) & (a ^ b)) & high
        return (h << 1) - (h >> top)

    def le_u(b: int, a: int) -> int:
        d = (a | high) - (b & low)
        h = (d ^ (d ^ a) & (a ^ b)) & high
        return (h << 1) - (h >> top)

    def gt_s(b: int, a: int) -> int:
        d = (a | high) - (b & low)
        h = (d ^ (d ^ b) & (a ^ b)) & high ^ high
        return (h << 1) - (h >> top)

    def gt_u(b: int, a: int) -> int:
        d = (a | high) - (b & low)
        h = (d ^ (d ^ a) & (a ^ b)) & high ^ high
        return (h << 1) - (h >> top)

    def min_s(a: int, b: int) -> int:
        x = a ^ b
        d = (a | high) - (b & low)
        h = (d ^ (d ^ b) & x) & high
        return a ^ x & (h << 1) - (h >> top)

    def min_u(a: int, b: int) -> int:
        x = a ^ b
        d = (a | high) - (b & low)
        h = (d ^ (d ^ a) & x) & high
        return a ^ x & (h << 1) - (h >> top)

    def max_s(a: int, b: int) -> int:
        x = a ^ b
        d = (a | high) - (b & low)
        h = (d ^ (d ^ b) & x) & high
        return b ^ x & (h << 1) - (h >> top)

    def max_u(a: int, b: int) -> int:
        x = a ^ b
        d = (a | high) - (b & low)
        h = (d ^ (d ^ a) & x) & high
        return b ^ x & (h << 1) - (h >> top)

    if bits == 64:
        return {f.__name__: f for f in (eq, ne, lt_s, gt_s, le_s, ge_s)}
    comparisons = (eq, ne, lt_s, lt_u, gt_s, gt_u, le_s, le_u, ge_s, ge_u)
    return {f.__name__: f for f in (*comparisons, min_s, min_u, max_s, max_u)}


# ---- sums ----


def _absolute(bits: int) -> Unary:
    high, top = repeated(1 << bits - 1, bits), bits - 1

    def absolute(a: int) -> int:
        h = a & high
        one = h >> top
        # Complement and 1 more; what is there to complement has its top bit set, so nothing carries.
        return (a ^ (h << 1) - one) + one

    return absolute


def _saturating(bits: int) -> dict[str, Binary]:
    low, high, top = repeated((1 << bits - 1) - 1, bits), repeated(1 << bits - 1, bits), bits - 1

    def add_sat_u(a: int, b: int) -> int:
        x = a ^ b
        s = (a & low) + (b & low)
        h = (a & b | x & s) & high
        s ^= x & high
        return s | (h << 1) - (h >> top) if h else s

    def sub_sat_u(a: int, b: int) -> int:
        x = a ^ b
        d = (a | high) - (b & low)
        h = (d ^ (d ^ a) & x) & high
        return (d ^ x & high ^ high) & (h << 1) - (h >> top)

    def add_sat_s(a: int, b: int) -> int:
        s = (a & low) + (b & low) ^ (a ^ b) & high
        h = (a ^ s) & (b ^ s) & high
        if not h:
            return s
        # The farthest number of a's sign.
        return s ^ (s ^ low + ((a & high) >> top)) & (h << 1) - (h >> top)

    def sub_sat_s(a: int, b: int) -> int:
        x = a ^ b
        s = (a | high) - (b & low) ^ x & high ^ high
        h = x & (a ^ s) & high
        if not h:
            return s
        return s ^ (s ^ low + ((a & high) >> top)) & (h << 1) - (h >> top)

    return {f.__name__: f for f in (add_sat_s, add_sat_u, sub_sat_s, sub_sat_u)}


# ---- shifts ----


def _shift_right_signed(bits: int, kept: tuple[int, ...]) -> Binary:
    signs = tuple(repeated(1 << bits - 1 - count, bits) for count in range(bits))
    last = bits - 1

    def shr_s(a: int, count: int) -> int:
        count &= last
        a = a >> count & kept[count]
        s = a & signs[count]
        return a | (s << count + 1) - s

    return shr_s


# ---- products ----

_UNPACK8: Unpack = structure(8, True).unpack
_UNPACK16: Unpack = structure(16, True).unpack
_UNPACK16U: Unpack = structure(16, False).unpack
_UNPACK32: Unpack = structure(32, False).unpack
_PACK16 = structure(16, True).pack
_PACK16U = structure(16, False).pack


def i16x8_mul(a: int, b: int) -> int:
    a0, a1, a2, a3, a4, a5, a6, a7 = _UNPACK16U(a.to_bytes(16, "little"))
    b0, b1, b2, b3, b4, b5, b6, b7 = _UNPACK16U(b.to_bytes(16, "little"))
    return from_bytes(
        _PACK16U(
            a0 * b0 & 65535,
            a1 * b1 & 65535,
            a2 * b2 & 65535,
            a3 * b3 & 65535,
            a4 * b4 & 65535,
            a5 * b5 & 65535,
            a6 * b6 & 65535,
            a7 * b7 & 65535,
        ),
        "little",
    )


def i32x4_mul(a: int, b: int) -> int:
    a0, a1, a2, a3 = _UNPACK32(a.to_bytes(16, "little"))
    b0, b1, b2, b3 = _UNPACK32(b.to_bytes(16, "little"))
    return (
        a0 * b0 & 0xFFFFFFFF
        | (a1 * b1 & 0xFFFFFFFF) << 32
        | (a2 * b2 & 0xFFFFFFFF) << 64
        | (a3 * b3 & 0xFFFFFFFF) << 96
    )


def i64x2_mul(a: int, b: int) -> int:
    # Of the product of the whole, the low half is right; the high half comes from the high halves.
    mask = 0xFFFFFFFFFFFFFFFF
    return (a & mask) * (b & mask) & mask | ((a >> 64) * (b >> 64) & mask) << 64


def _products(unpack: Unpack, pack: Pack) -> Binary:
    def extmul(a: int, b: int) -> int:
        return from_bytes(
            pack(*map(multiply, unpack(a.to_bytes(16, "little")), unpack(b.to_bytes(16, "little")))), "little"
        )

    return extmul


def i32x4_dot_i16x8_s(a: int, b: int) -> int:
    a0, a1, a2, a3, a4, a5, a6, a7 = _UNPACK16(a.to_bytes(16, "little"))
    b0, b1, b2, b3, b4, b5, b6, b7 = _UNPACK16(b.to_bytes(16, "little"))
    return (
        a0 * b0 + a1 * b1 & 0xFFFFFFFF
        | (a2 * b2 + a3 * b3 & 0xFFFFFFFF) << 32
        | (a4 * b4 + a5 * b5 & 0xFFFFFFFF) << 64
        | (a6 * b6 + a7 * b7 & 0xFFFFFFFF) << 96
    )


def i16x8_q15mulr_sat_s(a: int, b: int) -> int:
    products = map(multiply, _UNPACK16(a.to_bytes(16, "little")), _UNPACK16(b.to_bytes(16, "little")))
    # Only (-2^15)^2 is too large.
    return from_bytes(
        _PACK16(*[product + 0x4000 >> 15 if product != 0x40000000 else 0x7FFF for product in products]), "little"
    )


def _dot_pairs(a: int, b: int) -> list[int]:
    """The sums of neighbouring products of signed bytes, saturated to 16 bits."""
    products = list(map(multiply, _UNPACK8(a.to_bytes(16, "little")), _UNPACK8(b.to_bytes(16, "little"))))
    # Only 2 * (-128)^2 is too large.
    sums = map(operator.add, products[::2], products[1::2])
    return [pair if pair != 0x8000 else 0x7FFF for pair in sums]


def i16x8_relaxed_dot_i8x16_i7x16_s(a: int, b: int) -> int:
    return from_bytes(_PACK16(*_dot_pairs(a, b)), "little")


def i32x4_relaxed_dot_i8x16_i7x16_add_s(a: int, b: int, c: int) -> int:
    d0, d1, d2, d3, d4, d5, d6, d7 = _dot_pairs(a, b)
    c0, c1, c2, c3 = _UNPACK32(c.to_bytes(16, "little"))
    return (
        d0 + d1 + c0 & 0xFFFFFFFF
        | (d2 + d3 + c1 & 0xFFFFFFFF) << 32
        | (d4 + d5 + c2 & 0xFFFFFFFF) << 64
        | (d6 + d7 + c3 & 0xFFFFFFFF) << 96
    )


# ---- wider and narrower lanes ----

# A table of bytes looked up by bytes: the lanes to pick are the index, the vector is the table.
# It is 256 bytes long, so indices beyond the vector pick zeros.


def _spread(bits: int, high: bool) -> bytes:
    """The indices of the bytes of one half, each lane followed by as many zeros."""
    count = bits // 8
    first = range(8, 16, count) if high else range(0, 8, count)
    return bytes(index for lane in first for index in (*range(lane, lane + count), *(255,) * count))


def _extend_signed(bits: int, high: bool) -> Unary:
    indices = _spread(bits, high)
    signs = repeated(1 << bits - 1, 2 * bits)
    # From a sign bit to all the bits above it: 2^(2N) - 2^N, over 2^(N-1).
    factor = (1 << bits + 1) - 2

    def extend(a: int) -> int:
        a = from_bytes(indices.translate(a.to_bytes(256, "little")), "little")
        return a | (a & signs) * factor

    return extend


def _narrow(bits: int, signed: bool) -> Binary:
    """Of two vectors of lanes of ``bits`` bits (signed) to one of half as many, saturated."""
    half = bits // 2
    lowest, highest = (-(1 << half - 1), (1 << half - 1) - 1) if signed else (0, (1 << half) - 1)
    unpack = structure(bits, True, 256).unpack
    pack = structure(half, signed).pack
    width = half // 8
    indices = bytes(lane + i for lane in range(0, 32, 2 * width) for i in range(width))
    low, high = repeated((1 << bits - 1) - 1, bits, 256), repeated(1 << bits - 1, bits, 256)
    # What is in range, less the lowest, leaves the upper half of its lane zero.
    bias = repeated(-lowest, bits, 256)
    beyond = repeated((1 << bits) - (1 << half), bits, 256)

    def narrow(a: int, b: int) -> int:
        a |= b << 128
        if not ((a & low) + bias ^ a & high) & beyond:
            return from_bytes(indices.translate(a.to_bytes(256, "little")), "little")
        return from_bytes(
            pack(
                *[
                    lowest if lane < lowest else highest if lane > highest else lane
                    for lane in unpack(a.to_bytes(32, "little"))
                ]
            ),
            "little",
        )

    return narrow


# ---- the texts ----


def _name(shape: str, functions: Iterable[tuple[str, Callable[..., int]]]) -> None:
    for name, function in functions:
        full = f"{shape}_{name}"
        NAMES[full] = function
        operands = ", ".join(f"{{{i}}}" for i in range(function.__code__.co_argcount))
        EXPRESSIONS[f"{shape}.{name}"] = f"{full}({operands})"


def _lanes(bits: int) -> None:
    """What there is for every width of lane."""
    count = 128 // bits
    shape = f"i{bits}x{count}"
    low, high = hex(repeated((1 << bits - 1) - 1, bits)), hex(repeated(1 << bits - 1, bits))
    NAMES[f"{shape}_SHL"] = tuple(repeated((1 << bits) - (1 << shift), bits) for shift in range(bits))
    kept = NAMES[f"{shape}_SHR"] = tuple(repeated((1 << bits - shift) - 1, bits) for shift in range(bits))
    shift = f"({{1}} & {bits - 1})"
    all_true = f"(({{0}} & {low}) + {low} | {{0}}) & {high} == {high}"
    CONDITIONS[f"{shape}.all_true"] = all_true
    EXPRESSIONS.update(
        {
            f"{shape}.{name}": f"({text})"
            for name, text in {
                "neg": f"{high} - ({{0}} & {low}) ^ {{0}} & {high} ^ {high}",
                "add": f"({{0}} & {low}) + ({{1}} & {low}) ^ ({{0}} ^ {{1}}) & {high}",
                "sub": f"({{0}} | {high}) - ({{1}} & {low}) ^ ({{0}} ^ {{1}}) & {high} ^ {high}",
                "shl": f"{{0}} << {shift} & {shape}_SHL[{shift}]",
                "shr_u": f"{{0}} >> {shift} & {shape}_SHR[{shift}]",
                "all_true": f"1 if {all_true} else 0",
            }.items()
        }
    )
    _name(shape, (("abs", _absolute(bits)), ("shr_s", _shift_right_signed(bits, kept)), *_comparisons(bits).items()))


def _wider(bits: int) -> None:
    """What makes lanes of ``bits`` bits of those of half as many."""
    half, shape, narrow = bits // 2, f"i{bits}x{128 // bits}", f"i{bits // 2}x{256 // bits}"
    for place, high in (("low", False), ("high", True)):
        indices = f"{narrow}_SPREAD_{place.upper()}"
        NAMES[indices] = _spread(half, high)
        EXPRESSIONS[f"{shape}.extend_{place}_{narrow}_u"] = (
            f"from_bytes({indices}.translate(({{0}}).to_bytes(256, 'little')), 'little')"
        )
        _name(shape, ((f"extend_{place}_{narrow}_s", _extend_signed(half, high)),))
        for sign, signed in (("s", True), ("u", False)):
            product = _products(_unpack_half(half, signed, high), structure(bits, signed).pack)
            _name(shape, ((f"extmul_{place}_{narrow}_{sign}", product),))
    if bits == 64:
        return
    low, signs = hex(repeated((1 << half) - 1, bits)), hex(repeated(1 << half - 1, half))
    # Signed lanes are first made unsigned by adding 2^(N-1), and in the end as much is taken away.
    excess, top = hex(repeated((1 << bits - 1) - (1 << half), bits)), hex(repeated(1 << bits - 1, bits))
    pairs = f"{shape}.extadd_pairwise_{narrow}"
    EXPRESSIONS[f"{pairs}_u"] = f"(({{0}} & {low}) + ({{0}} >> {half} & {low}))"
    EXPRESSIONS[f"{pairs}_s"] = (
        f"((({{0}} ^ {signs}) & {low}) + (({{0}} ^ {signs}) >> {half} & {low}) + {excess} ^ {top})"
    )
    for sign, signed in (("s", True), ("u", False)):
        _name(narrow, ((f"narrow_{shape}_{sign}", _narrow(bits, signed)),))


for _bits in (8, 16, 32, 64):
    _lanes(_bits)
    if _bits > 8:
        _wider(_bits)
for _bits, _shape in ((8, "i8x16"), (16, "i16x8")):
    _name(_shape, _saturating(_bits).items())
    _low = hex(repeated((1 << _bits - 1) - 1, _bits))
    EXPRESSIONS[f"{_shape}.avgr_u"] = f"(({{0}} | {{1}}) - (({{0}} ^ {{1}}) >> 1 & {_low}))"
for _function in (
    *(i16x8_mul, i32x4_mul, i64x2_mul, i32x4_dot_i16x8_s, i16x8_q15mulr_sat_s),
    *(i16x8_relaxed_dot_i8x16_i7x16_s, i32x4_relaxed_dot_i8x16_i7x16_add_s),
):
    _shape, _, _mnemonic = _function.__name__.partition("_")
    _name(_shape, ((_mnemonic, _function),))

NAMES["POPULATION"] = bytes(byte.bit_count() for byte in range(256))
NAMES["SIGN_DIGITS"] = b"0" * 128 + b"1" * 128
EXPRESSIONS.update(
    {
        "i8x16.popcnt": "from_bytes(({0}).to_bytes(16, 'little').translate(POPULATION), 'little')",
        # The last lane first, as digits of a binary number.
        "i8x16.bitmask": "int(({0}).to_bytes(16, 'big').translate(SIGN_DIGITS), 2)",
        # The product puts the top bit of lane i at bit i above all others; no two bits meet.
        "i16x8.bitmask": f"(({{0}} & {hex(repeated(1 << 15, 16))}) * {hex(repeated(1, 15, 120))} >> 120 & 255)",
        "i32x4.bitmask": f"(({{0}} & {hex(repeated(1 << 31, 32))}) * {hex(repeated(1, 31, 124))} >> 124 & 15)",
        "i64x2.bitmask": "({0} >> 63 & 1 | {0} >> 126 & 2)",
        # Relaxed: as the deterministic profile says.
        "i16x8.relaxed_q15mulr_s": EXPRESSIONS["i16x8.q15mulr_sat_s"],
    }
)
