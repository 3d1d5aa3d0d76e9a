"""Numbers of the text format (specification, section 6.3.1): reading and writing them, exactly.

Integers come out unsigned canonical (0 .. 2^N-1), floating-point numbers as their bits. A reader
returns None where the token is no such number at all, and raises :class:`OutOfRange` where it is one
that the type cannot hold.
"""

from __future__ import annotations

import re
import struct

_HEX = r"[0-9A-Fa-f](?:_?[0-9A-Fa-f])*+"
_DECIMAL = r"[0-9](?:_?[0-9])*+"
_UNSIGNED = re.compile(rf"0x{_HEX}|{_DECIMAL}")
_INTEGER = re.compile(rf"[+-]?(?:0x{_HEX}|{_DECIMAL})")
_HEX_FLOAT = re.compile(rf"0x({_HEX})(?:\.({_HEX})?)?(?:[pP]([+-]?{_DECIMAL}))?")
_DECIMAL_FLOAT = re.compile(rf"{_DECIMAL}(?:\.(?:{_DECIMAL})?)?(?:[eE][+-]?{_DECIMAL})?")
_NAN_PAYLOAD = re.compile(rf"nan:0x{_HEX}")

# No exponent beyond this makes a difference to any number that fits into memory.
_FAR = 1 << 62


class OutOfRange(ValueError):
    """The number is well formed, but too large for its type; the message is the specification's."""


class FloatFormat:
    """A binary interchange format of IEEE 754."""

    __slots__ = ("bias", "bits", "code", "fraction_bits", "infinity", "name")

    def __init__(self, name: str, bits: int, fraction_bits: int, code: str) -> None:
        self.name = name
        self.bits = bits
        self.fraction_bits = fraction_bits
        self.bias = (1 << (bits - fraction_bits - 2)) - 1
        self.infinity = (2 * self.bias + 1) << fraction_bits
        self.code = code


F32_FORMAT = FloatFormat("f32", 32, 23, "<f")
F64_FORMAT = FloatFormat("f64", 64, 52, "<d")


def _digits(text: str) -> int:
    """The value of digits, underscores and "0x" allowed; numbers beyond 2^128 may come out as 2^128.

    Python refuses decimal numbers of more than some thousand digits, and rightly so.
    """
    if text.startswith("0x"):
        return int(text, 16)
    digits = text.replace("_", "")
    if len(digits) > 40:
        digits = digits.lstrip("0") or "0"
        if len(digits) > 40:
            return 1 << 128
    return int(digits)


def is_number(text: str) -> bool:
    """Whether ``text`` is a number of some kind, in range or not."""
    magnitude = text[1:] if text[:1] in ("+", "-") else text
    return (
        magnitude in ("inf", "nan")
        or _UNSIGNED.fullmatch(magnitude) is not None
        or _HEX_FLOAT.fullmatch(magnitude) is not None
        or _DECIMAL_FLOAT.fullmatch(magnitude) is not None
        or _NAN_PAYLOAD.fullmatch(magnitude) is not None
    )


def is_unsigned(text: str) -> bool:
    """Whether ``text`` is an integer without a sign."""
    return _UNSIGNED.fullmatch(text) is not None


def unsigned(text: str, bits: int) -> int | None:
    """``text`` as uN: no sign."""
    if bits >= 32 and len(text) < 10 and text.isdecimal():
        return int(text)
    if not _UNSIGNED.fullmatch(text):
        return None
    value = _digits(text)
    if value >> bits:
        raise OutOfRange(f"i{bits} constant out of range")
    return value


def integer(text: str, bits: int) -> int | None:
    """``text`` as iN: either of the ranges of uN and sN."""
    if len(text) < 3 and text.isdecimal():
        return int(text)
    if not _INTEGER.fullmatch(text):
        return None
    negative = text[0] == "-"
    value = _digits(text.lstrip("+-"))
    if value > 1 << (bits - 1) if negative else value >> bits:
        raise OutOfRange(f"i{bits} constant out of range")
    return -value & ((1 << bits) - 1) if negative else value


def floating(text: str, form: FloatFormat) -> int | None:
    """``text`` as fN: its bits, rounded to nearest, ties to even."""
    sign = 1 << (form.bits - 1) if text[:1] == "-" else 0
    magnitude = text[1:] if text[:1] in ("-", "+") else text
    if magnitude[:1].isdecimal():
        if match := _HEX_FLOAT.fullmatch(magnitude):
            bits = _hexadecimal(match, form)
        elif _DECIMAL_FLOAT.fullmatch(magnitude):
            bits = _decimal(magnitude, form)
        else:
            return None
        if bits >= form.infinity:
            raise OutOfRange("constant out of range")
        return sign | bits
    if magnitude == "inf":
        return sign | form.infinity
    if magnitude == "nan":
        return sign | form.infinity | 1 << (form.fraction_bits - 1)
    if _NAN_PAYLOAD.fullmatch(magnitude):
        payload = _digits(magnitude[4:])
        if not 0 < payload < 1 << form.fraction_bits:
            raise OutOfRange("constant out of range")
        return sign | form.infinity | payload
    return None


def _hexadecimal(match: re.Match[str], form: FloatFormat) -> int:
    whole, fraction, exponent_text = match.groups()
    fraction = (fraction or "").replace("_", "")
    significand = int(whole.replace("_", "") + fraction, 16)
    exponent = 0
    if exponent_text:
        exponent = min(_digits(exponent_text.lstrip("+-")), _FAR)
        if exponent_text[0] == "-":
            exponent = -exponent
    return _round(significand, exponent - 4 * len(fraction), form)


def _round(significand: int, exponent: int, form: FloatFormat) -> int:
    """The bits of significand * 2^exponent; infinity or more when it is too large."""
    if not significand:
        return 0
    # The least exponent is that of subnormal numbers.
    unit = max(exponent + significand.bit_length() - form.fraction_bits - 1, 1 - form.bias - form.fraction_bits)
    if unit > form.bias:
        return form.infinity
    shift = unit - exponent
    if shift > significand.bit_length() + 1:
        return 0
    if shift <= 0:
        rounded = significand << -shift
    else:
        rounded = significand >> shift
        rest = significand & ((1 << shift) - 1)
        half = 1 << (shift - 1)
        if rest > half or (rest == half and rounded & 1):
            rounded += 1
    # The implicit leading bit adds one to the exponent, and so does a carry out of rounding.
    return ((unit + form.bias + form.fraction_bits - 1) << form.fraction_bits) + rounded


def _decimal(text: str, form: FloatFormat) -> int:
    text = text.replace("_", "")
    double = float(text)
    if form is F64_FORMAT:
        return int.from_bytes(struct.pack("<d", double), "little")
    bits = int.from_bytes(struct.pack("<d", double), "little")
    fraction_bits, exponent = bits & ((1 << 52) - 1), (bits >> 52) - 1023
    if exponent == 1024:
        return form.infinity
    rounded = _round(fraction_bits | (1 << 52 if exponent > -1023 else 0), max(exponent, -1022) - 52, form)
    # Rounding twice goes wrong only where the double is a tie between two neighbours and the number
    # is not; only then are all its digits looked at.
    low = rounded - 1 if _value(rounded) > double else rounded
    if low < form.infinity and _value(low) + _value(low + 1) == 2 * double:
        return _break_tie(text, double, low, rounded)
    return rounded


def _value(bits: int) -> float:
    """The value of f32 bits (not negative); 2^128 where infinity would be."""
    if bits >= F32_FORMAT.infinity:
        return 2.0**128
    value: float = struct.unpack("<f", bits.to_bytes(4, "little"))[0]
    return value


def _break_tie(text: str, double: float, low: int, rounded: int) -> int:
    from decimal import Decimal

    exact = Decimal(text)
    tie = Decimal(double)
    return rounded if exact == tie else low if exact < tie else low + 1


def show_signed(value: int, bits: int) -> str:
    """An integer as the text format's reader would most like to see it: signed."""
    return str(value - (1 << bits) if value >> (bits - 1) else value)


def show_floating(bits: int, form: FloatFormat) -> str:
    """The shortest decimal number that has exactly these bits; NaNs with their payload."""
    magnitude = bits & ~(1 << (form.bits - 1))
    sign = "-" if bits != magnitude else ""
    if magnitude < form.infinity:
        return sign + _shortest(magnitude, form)
    payload = magnitude - form.infinity
    if not payload:
        return f"{sign}inf"
    if payload == 1 << (form.fraction_bits - 1):
        return f"{sign}nan"
    return f"{sign}nan:0x{payload:x}"


def _shortest(magnitude: int, form: FloatFormat) -> str:
    value: float = struct.unpack(form.code, magnitude.to_bytes(form.bits // 8, "little"))[0]
    text = repr(value)
    if form is F32_FORMAT:
        for precision in range(1, 10):
            shorter = f"{value:.{precision}g}"
            if _decimal(shorter, form) == magnitude:
                text = shorter
                break
    return text.removesuffix(".0")
