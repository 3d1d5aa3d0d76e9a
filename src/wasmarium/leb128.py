"""Integers of the binary format, LEB128 (specification, section 5.2.2).

Readers take the bytes and a position and return the value and the position behind it; unsigned
values come out as 0 .. 2^N-1, signed ones as -2^(N-1) .. 2^(N-1)-1. They raise Malformed when the
integer is cut off, uses more than ceil(N/7) bytes, or has bits set beyond its N.
"""

from __future__ import annotations

from wasmarium.errors import Location, Malformed

Bytes = bytes | bytearray | memoryview

UNEXPECTED_END = "unexpected end of section or function"


def _fail(message: str, offset: int) -> Malformed:
    return Malformed(message, Location(offset=offset))


def read_unsigned(data: Bytes, position: int, bits: int) -> tuple[int, int]:
    """An unsigned integer of at most ``bits`` bits."""
    start = position
    result = shift = 0
    try:
        while True:
            byte = data[position]
            position += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift >= bits:
                raise _fail("integer representation too long", start)
    except IndexError:
        raise _fail(UNEXPECTED_END, start) from None
    if result >> bits:
        raise _fail("integer too large", start)
    return result, position


def read_signed(data: Bytes, position: int, bits: int) -> tuple[int, int]:
    """A signed integer of ``bits`` bits, in two's complement."""
    start = position
    result = shift = 0
    try:
        while True:
            byte = data[position]
            position += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift >= bits:
                raise _fail("integer representation too long", start)
    except IndexError:
        raise _fail(UNEXPECTED_END, start) from None
    if byte & 0x40:
        result -= 1 << shift
    if not -(1 << (bits - 1)) <= result < 1 << (bits - 1):
        raise _fail("integer too large", start)
    return result, position


def read_u32(data: Bytes, position: int) -> tuple[int, int]:
    """An unsigned integer of 32 bits; the commonest number of the format, so it has its own way."""
    try:
        byte = data[position]
    except IndexError:
        raise _fail(UNEXPECTED_END, position) from None
    if byte < 0x80:
        return byte, position + 1
    return read_unsigned(data, position, 32)


def write_unsigned(value: int, out: bytearray) -> None:
    """Append ``value`` (not negative) in the fewest bytes."""
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def write_signed(value: int, out: bytearray) -> None:
    """Append ``value`` in the fewest bytes of two's complement."""
    while True:
        byte = value & 0x7F
        value >>= 7
        if value == (-1 if byte & 0x40 else 0):
            out.append(byte)
            return
        out.append(byte | 0x80)
