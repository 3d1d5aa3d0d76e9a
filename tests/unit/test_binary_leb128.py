"""Integers of the binary format (specification, section 5.2.2)."""

from __future__ import annotations

import pytest

from wasmarium.errors import Malformed
from wasmarium.leb128 import read_signed, read_u32, read_unsigned, write_signed, write_unsigned


@pytest.mark.parametrize(
    ("data", "bits", "value"),
    [
        ("00", 32, 0),
        ("7f", 32, 127),
        ("80 01", 32, 128),
        ("e5 8e 26", 32, 624485),
        ("ff ff ff ff 0f", 32, 2**32 - 1),
        ("80 80 80 80 00", 32, 0),
        ("ff ff ff ff ff ff ff ff ff 01", 64, 2**64 - 1),
        ("83 80 80 80 80 80 80 80 80 00", 64, 3),
    ],
)
def test_unsigned(data: str, bits: int, value: int) -> None:
    raw = bytes.fromhex(data)
    for spare in (b"", b"\xff"):
        assert read_unsigned(b"x" + raw + spare, 1, bits) == (value, 1 + len(raw))
        if bits == 32:
            assert read_u32(memoryview(b"x" + raw + spare), 1) == (value, 1 + len(raw))


@pytest.mark.parametrize(
    ("data", "bits", "value"),
    [
        ("00", 32, 0),
        ("3f", 32, 63),
        ("40", 32, -64),
        ("7f", 32, -1),
        ("c0 bb 78", 32, -123456),
        ("ff ff ff ff 07", 32, 2**31 - 1),
        ("80 80 80 80 78", 32, -(2**31)),
        ("ff ff ff ff 7f", 32, -1),
        ("ff ff ff ff 0f", 33, 2**32 - 1),
        ("80 80 80 80 70", 33, -(2**32)),
        ("ff ff ff ff ff ff ff ff ff 00", 64, 2**63 - 1),
        ("80 80 80 80 80 80 80 80 80 7f", 64, -(2**63)),
    ],
)
def test_signed(data: str, bits: int, value: int) -> None:
    raw = bytes.fromhex(data)
    assert read_signed(b"x" + raw + b"\xff", 1, bits) == (value, 1 + len(raw))


@pytest.mark.parametrize(
    ("data", "bits", "signed", "message"),
    [
        ("", 32, False, "unexpected end"),
        ("80", 32, False, "unexpected end"),
        ("ff ff ff ff", 32, True, "unexpected end"),
        ("80 80 80 80 10", 32, False, "integer too large"),
        ("ff ff ff ff 1f", 32, False, "integer too large"),
        ("80 80 80 80 80 00", 32, False, "integer representation too long"),
        ("80 80 80 80 80 80 80 80 80 02", 64, False, "integer too large"),
        ("80 80 80 80 80 80 80 80 80 80 00", 64, False, "integer representation too long"),
        ("80 80 80 80 08", 32, True, "integer too large"),
        ("ff ff ff ff 77", 32, True, "integer too large"),
        ("ff ff ff ff 0f", 32, True, "integer too large"),
        ("80 80 80 80 10", 33, True, "integer too large"),
        ("ff ff ff ff 6f", 33, True, "integer too large"),
        ("ff ff ff ff ff 7f", 33, True, "integer representation too long"),
        ("80 80 80 80 80 80 80 80 80 01", 64, True, "integer too large"),
        ("ff ff ff ff ff ff ff ff ff 7e", 64, True, "integer too large"),
        ("ff ff ff ff ff ff ff ff ff ff 7f", 64, True, "integer representation too long"),
    ],
)
def test_what_is_no_integer(data: str, bits: int, signed: bool, message: str) -> None:
    read = read_signed if signed else read_unsigned
    with pytest.raises(Malformed) as caught:
        read(b"xx" + bytes.fromhex(data), 2, bits)
    assert caught.value.message.startswith(message)
    assert caught.value.location.offset == 2


def test_an_endless_integer_is_given_up_at_once() -> None:
    endless = b"\x80" * 50_000_000
    for read in (read_signed, read_unsigned):
        with pytest.raises(Malformed, match="too long"):
            read(endless, 0, 64)


@pytest.mark.parametrize(
    ("value", "data"), [(0, "00"), (127, "7f"), (128, "80 01"), (624485, "e5 8e 26"), (2**32 - 1, "ff ff ff ff 0f")]
)
def test_unsigned_is_written_in_the_fewest_bytes(value: int, data: str) -> None:
    out = bytearray(b"x")
    write_unsigned(value, out)
    assert out == b"x" + bytes.fromhex(data)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (0, "00"),
        (-1, "7f"),
        (63, "3f"),
        (64, "c0 00"),
        (-64, "40"),
        (-65, "bf 7f"),
        (-123456, "c0 bb 78"),
        (2**31 - 1, "ff ff ff ff 07"),
        (-(2**31), "80 80 80 80 78"),
        (-(2**63), "80 80 80 80 80 80 80 80 80 7f"),
    ],
)
def test_signed_is_written_in_the_fewest_bytes(value: int, data: str) -> None:
    out = bytearray(b"x")
    write_signed(value, out)
    assert out == b"x" + bytes.fromhex(data)
