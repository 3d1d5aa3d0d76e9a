"""Hostile modules: one typed error, or a module, in bounded time and memory."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from binary_bytes import EVERYTHING, PREAMBLE, custom, meaning, module, section
from wasmarium.binary.decoder import decode_module
from wasmarium.binary.encoder import encode_module
from wasmarium.errors import Malformed, Unsupported, WasmError
from wasmarium.features import ALL, DEFAULT
from wasmarium.module import Names

MOST = b"\xff\xff\xff\xff\x0f"  # 2^32-1


def leb(value: int) -> bytes:
    return bytes([value >> shift & 0x7F | 0x80 for shift in (0, 7, 14, 21)] + [value >> 28])


def big(number: int, content: bytes) -> bytes:
    """A section of any length."""
    return bytes([number]) + leb(len(content)) + content


@contextmanager
def bounded(seconds: float, megabytes: float) -> Iterator[None]:
    """Time and memory that what is inside may take; generous, because it also runs inside Pyodide."""
    tracemalloc.start()
    began = time.perf_counter()
    try:
        yield
        took, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert took < seconds
    assert peak < megabytes * 1e6


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13])
def test_a_count_of_billions_allocates_nothing(number: int) -> None:
    data = PREAMBLE + big(number, MOST + bytes(100_000))
    with bounded(1, 2), pytest.raises(Malformed, match="length out of bounds"):
        decode_module(data)


@pytest.mark.parametrize(
    "content",
    [
        b"\1\x60" + MOST,
        b"\1\x60\0" + MOST,
        b"\1\x5f" + MOST,
        b"\1\x4e" + MOST,
        b"\1\x50" + MOST,
    ],
)
def test_counts_within_types_allocate_nothing(content: bytes) -> None:
    with bounded(1, 2), pytest.raises(Malformed, match="length out of bounds"):
        decode_module(PREAMBLE + big(1, content + bytes(100_000)))


@pytest.mark.parametrize(
    ("number", "content"),
    [
        (2, b"\1" + MOST),
        (2, b"\1\0" + MOST),
        (7, b"\1" + MOST),
        (9, b"\1\0\x41\0\x0b" + MOST),
        (9, b"\1\5\x70" + MOST),
        (10, b"\1" + MOST),
        (11, b"\1\1" + MOST),
        (6, b"\1\x7f\0\x0e" + MOST),
        (6, b"\1\x7f\0\x1f\x40" + MOST),
        (6, b"\1\x7f\0\x1c" + MOST),
        (0, MOST),
    ],
)
def test_lengths_of_billions_allocate_nothing(number: int, content: bytes) -> None:
    with bounded(1, 2), pytest.raises(Malformed, match="length out of bounds"):
        decode_module(PREAMBLE + big(number, content + bytes(100_000)))


def test_a_section_of_more_than_a_million_entries_is_too_much() -> None:
    data = PREAMBLE + big(1, leb(1_000_001) + b"\x4e\0" * 1_000_001)
    with bounded(1, 2), pytest.raises(Unsupported, match="too many types") as caught:
        decode_module(data)
    assert caught.value.location.section == "type"


def test_memory_grows_with_the_input_only() -> None:
    # the entries that take least room in the file and most in memory
    for number, entry in ((1, b"\x4e\0"), (7, b"\0\0\0"), (9, b"\5\x70\0"), (11, b"\1\0"), (10, b"\0"), (13, b"\0\0")):
        data = PREAMBLE + big(number, leb(10_000) + entry * 10_000)
        if number == 10:
            data = PREAMBLE + big(3, leb(10_000) + bytes(10_000)) + data[8:]
        with bounded(5, 0.001 * len(data) * 0.6):
            decode_module(data, ALL)


def test_deep_nesting_does_not_recurse() -> None:
    depth = 50_000
    nested = b"\x02\x40" * depth + b"\x0b" * depth
    data = PREAMBLE + big(6, b"\1\x7f\0" + nested + b"\x0b")
    (item,) = decode_module(data).globals
    assert item.init.end == len(data)
    unclosed = PREAMBLE + big(6, b"\1\x7f\0" + nested)
    with pytest.raises(Malformed, match="unexpected end"):
        decode_module(unclosed)


def test_many_small_things_take_linear_time() -> None:
    # expressions whose end is far away would tempt a search to the end of the file, for every one of them
    count = 20_000
    data = PREAMBLE + big(11, leb(count) + b"\0\x42\0\x0b\0" * count) + big(0, b"\0" + bytes(3_000_000))
    began = time.perf_counter()
    decode_module(data)
    first = time.perf_counter() - began
    assert first < 5


def test_seventy_megabytes_open_at_once() -> None:
    body = b"\0" + b"\1" * 69_999 + b"\x0b"
    count = 1000
    code = big(10, leb(count) + (leb(len(body)) + body) * count)
    data = PREAMBLE + big(1, b"\1\x60\0\0") + big(3, leb(count) + bytes(count)) + code
    assert len(data) > 70_000_000
    with bounded(2, 1):
        decoded = decode_module(data)
    assert len(decoded.codes) == count


@pytest.mark.parametrize(
    "payload",
    [
        b"\1" + leb(100_000) + MOST + bytes(100_000),
        b"\2" + leb(100_000) + MOST + b"\0" + MOST + bytes(100_000),
        b"\0" + MOST + MOST + bytes(1000),
        b"\1\0" * 50_000,
        b"\1" + leb(10) + MOST + b"\0" + MOST + b"\1\7\0",
    ],
    ids=["functions", "locals", "module", "many-subsections", "short"],
)
def test_hostile_names_are_bounded(payload: bytes) -> None:
    decoded = decode_module(PREAMBLE + big(0, b"\4name" + payload))
    with bounded(5, 30):
        assert isinstance(decoded.names, Names)


SEEDS = [
    EVERYTHING,
    module(section(1, "02 60 00 00 60 02 7f 7e 01 7d"), section(3, "01 00"), section(10, "01 04 01 01 7f 0b")),
    module(section(2, "02 01 61 01 62 00 00 01 61 01 63 02 01 01 02"), section(7, "02 01 61 00 00 01 62 02 00")),
    module(section(4, "01 70 01 01 02"), section(9, "02 00 41 00 0b 00 05 70 02 d0 70 0b d2 00 0b")),
    module(section(5, "01 03 01 02"), section(12, "02"), section(11, "02 01 01 aa 00 41 80 01 0b 02 bb cc")),
    module(section(6, "03 7f 00 41 00 0b 7b 01 fd 0c 000102030405060708090a0b0c0d0e0f 0b 6f 00 d0 6f 0b")),
    module(custom(b"name", "00 02 01 6d 01 04 01 00 01 66 02 07 01 00 01 00 02 61 62"), custom(b"x", "01 02 03")),
]
# what matters to the format: counts and flags near the ends of their ranges, opcodes, kinds
INTERESTING = bytes.fromhex(
    "00 01 02 03 04 05 07 08 0a 0b 0d 10 1f 23 40 41 4e 50 5f 60 63 70 7f 80 81 c0 d2 fb fc fd ff"
)


def mutate(data: bytes, dice: random.Random) -> bytes:
    """A few random changes behind the preamble."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(8, len(changed) + 1)
        match dice.randrange(6):
            case 0:
                changed[at : at + 1] = bytes([dice.choice(INTERESTING)])
            case 1:
                changed[at : at + 1] = bytes([dice.randrange(256)])
            case 2:
                changed[at:at] = bytes([dice.choice(INTERESTING)])
            case 3:
                del changed[at : at + dice.randint(1, 4)]
            case 4:
                start = dice.randrange(8, len(changed) + 1)
                changed[at:at] = changed[start : start + dice.randint(1, 12)]
            case 5:
                changed[at:at] = dice.choice([MOST, b"\x80" * 6, b"\xff" * 11, b"\xed\xa0\x80"])
        if len(changed) < 9:
            changed += b"\0"
    return bytes(changed)


@pytest.mark.parametrize("number", range(len(SEEDS)))
@pytest.mark.parametrize("features", [ALL, DEFAULT, frozenset({"mvp"})], ids=["all", "default", "mvp"])
def test_mutations_give_a_module_or_a_located_error(number: int, features: frozenset[str]) -> None:
    dice = random.Random(number)
    survivors = 0
    for _ in range(600):
        data = mutate(SEEDS[number], dice)
        try:
            decoded = decode_module(data, features)
        except WasmError as error:
            problem = error
        else:
            problem = None
        if problem is not None:
            assert type(problem) in (Malformed, Unsupported), data.hex()
            assert problem.location.offset in range(len(data) + 1), data.hex()
            continue
        survivors += 1
        again = encode_module(decoded)
        second = decode_module(again, features)
        assert meaning(second) == meaning(decoded), data.hex()
        assert encode_module(second) == again, data.hex()
    assert survivors > 10 or features != ALL
