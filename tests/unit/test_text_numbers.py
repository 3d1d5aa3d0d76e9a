"""Numbers of the text format: what section 6.3.1 says, and exact rounding."""

from __future__ import annotations

import random
import struct
from decimal import Decimal, localcontext

import pytest

from wasmarium.text.numbers import (
    F32_FORMAT,
    F64_FORMAT,
    OutOfRange,
    floating,
    integer,
    is_number,
    show_floating,
    show_signed,
    unsigned,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("4294967295", 0xFFFFFFFF),
        ("0xffff_FFFF", 0xFFFFFFFF),
        ("-2147483648", 0x80000000),
        ("-1", 0xFFFFFFFF),
        ("+7", 7),
        ("1_000", 1000),
        ("0" * 5000 + "9", 9),
    ],
)
def test_integer(text: str, value: int) -> None:
    assert integer(text, 32) == value


@pytest.mark.parametrize(
    "text", ["", "-", "+", "_1", "1_", "1__0", "0x", "0x_1", "0x1_", "1x", "0X1", "1.0", "ff", "--1"]
)
def test_not_an_integer(text: str) -> None:
    assert integer(text, 32) is None


@pytest.mark.parametrize("text", ["4294967296", "-2147483649", "0x1_0000_0000", "9" * 10000])
def test_integer_out_of_range(text: str) -> None:
    with pytest.raises(OutOfRange, match="i32 constant out of range"):
        integer(text, 32)


def test_unsigned_has_no_sign() -> None:
    assert unsigned("12", 32) == 12
    assert unsigned("+12", 32) is None
    assert unsigned("-0", 32) is None
    with pytest.raises(OutOfRange, match="i8 constant out of range"):
        unsigned("256", 8)


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("0", 0x00000000),
        ("-0", 0x80000000),
        ("1", 0x3F800000),
        ("-1.5e0", 0xBFC00000),
        ("0.1", 0x3DCCCCCD),
        ("1e38", 0x7E967699),
        ("0x1p-149", 0x00000001),
        ("0x1p-150", 0x00000000),  # a tie, to even
        ("0x1.8p-150", 0x00000001),
        ("0x1.fffffep127", 0x7F7FFFFF),
        ("0x1.fffffefffffp127", 0x7F7FFFFF),
        ("0x1.000001p0", 0x3F800000),  # a tie, to even
        ("0x1.0000010000000000001p0", 0x3F800001),
        ("0x1.000003p0", 0x3F800002),  # a tie, to even
        ("0x.8p1".replace("0x.", "0x0."), 0x3F800000),
        ("340282356779733661637539395458142568447.9", 0x7F7FFFFF),
        ("1e-46", 0x00000000),
        ("inf", 0x7F800000),
        ("-inf", 0xFF800000),
        ("nan", 0x7FC00000),
        ("-nan", 0xFFC00000),
        ("nan:0x1", 0x7F800001),
        ("-nan:0x7f_ffff", 0xFFFFFFFF),
        ("0x1p-99999999999999999999999", 0x00000000),
        ("1" + "0" * 6000 + "e-6000", 0x3F800000),
    ],
)
def test_f32(text: str, bits: int) -> None:
    assert floating(text, F32_FORMAT) == bits


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("0x1.8p1", 0x4008000000000000),
        ("4.9e-324", 0x0000000000000001),
        ("0x0.0000000000001p-1022", 0x0000000000000001),
        ("1.7976931348623157e308", 0x7FEFFFFFFFFFFFFF),
        ("0x1.00000000000008p0", 0x3FF0000000000000),  # a tie, to even
        ("0x1.000000000000080000001p0", 0x3FF0000000000001),
        ("nan:0x8000000000001", 0x7FF8000000000001),
    ],
)
def test_f64(text: str, bits: int) -> None:
    assert floating(text, F64_FORMAT) == bits


@pytest.mark.parametrize(
    "text",
    [
        "340282356779733661637539395458142568448",
        "0x1.ffffffp127",
        "0x1p128",
        "1e39",
        "0x1p99999999999999999999",
        "1e9999999999999999999999",
        "nan:0x0",
        "nan:0x80_0000",
    ],
)
def test_f32_out_of_range(text: str) -> None:
    with pytest.raises(OutOfRange, match=r"^constant out of range"):
        floating(text, F32_FORMAT)


@pytest.mark.parametrize(
    "text", ["", ".5", "1e", "0x1.p", "0x1p", "1_.0", "1._0", "nan:1", "nan:0x", "infinity", "Inf", "1.0f", "0x.8"]
)
def test_not_a_float(text: str) -> None:
    assert floating(text, F32_FORMAT) is None
    assert not is_number(text)


def test_decimals_around_ties_round_once() -> None:
    """A decimal number just beside the middle of two f32 values is not a tie, however near."""
    source = random.Random(6)
    for _ in range(300):
        bits = source.randrange(0x7F7FFFFF)
        low, high = (Decimal(struct.unpack("<f", b.to_bytes(4, "little"))[0]) for b in (bits, bits + 1))
        with localcontext(prec=400):
            middle = (low + high) / 2
            step = middle * Decimal("1e-40")
            assert floating(format(middle, "f"), F32_FORMAT) == bits + (bits & 1)
            assert floating(format(middle + step, "f"), F32_FORMAT) == bits + 1
            assert floating(format(middle - step, "f"), F32_FORMAT) == bits


@pytest.mark.parametrize("form", [F32_FORMAT, F64_FORMAT])
def test_every_bit_pattern_survives(form) -> None:
    source = random.Random(7)
    special = [0, 1, form.infinity - 1, form.infinity, form.infinity + 1, (1 << (form.bits - 1)) - 1]
    for bits in special + [source.getrandbits(form.bits) for _ in range(3000)]:
        for signed in (bits, bits ^ 1 << (form.bits - 1)):
            assert floating(show_floating(signed, form), form) == signed


def test_numbers_are_shown_short() -> None:
    assert show_floating(0x3DCCCCCD, F32_FORMAT) == "0.1"
    assert show_floating(0x40490FDB, F32_FORMAT) == "3.1415927"
    assert show_floating(0x400921FB54442D18, F64_FORMAT) == "3.141592653589793"
    assert show_floating(0xC000000000000000, F64_FORMAT) == "-2"
    assert show_floating(0xFFC00000, F32_FORMAT) == "-nan"
    assert show_floating(0x7FA00000, F32_FORMAT) == "nan:0x200000"
    assert show_signed(0xFFFFFFFF, 32) == "-1"
