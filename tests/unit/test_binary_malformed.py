"""What the decoder refuses: with which of the specification's messages, in which section, at which offset.

The official suite checks the messages by prefix (binary.wast, binary-leb128.wast, custom.wast, utf8-*.wast); places
are ours. A module's first section begins at offset 8, its content at 10.
"""

from __future__ import annotations

import pytest

from binary_bytes import EVERYTHING, PREAMBLE, custom, module, section
from wasmarium.binary.decoder import decode_module
from wasmarium.errors import Malformed, Unsupported, WasmError
from wasmarium.features import ALL, DEFAULT, Features

END = "unexpected end of section or function"
TYPE = section(1, "01 60 00 00")
CODE = section(10, "01 02 00 0b")


def failure(data: bytes, features: Features = ALL) -> WasmError:
    with pytest.raises(WasmError) as caught:
        decode_module(data, features)
    return caught.value


def check(data: bytes, message: str, where: str | None, offset: int, features: Features = ALL) -> None:
    error = failure(data, features)
    assert type(error) is Malformed
    assert error.message.startswith(message)
    assert (error.location.section, error.location.offset) == (where, offset)


@pytest.mark.parametrize(
    ("data", "message", "offset"),
    [
        (b"", "unexpected end", 0),
        (b"\1", "unexpected end", 1),
        (b"\0as", "unexpected end", 3),
        (b"asm\0", "magic header not detected", 0),
        (b"\x89PNG\r\n\x1a\n", "magic header not detected", 0),
        (b"(module)", "magic header not detected", 0),
        (b"\0asm", "unexpected end", 4),
        (b"\0asm\1\0\0", "unexpected end", 7),
        (b"\0asm\0\0\0\0", "unknown binary version", 4),
        (b"\0asm\x0d\0\0\0", "unknown binary version", 4),
        (b"\0asm\2\0\0\0", "unknown binary version", 4),
        (b"\0asm\0\0\1\0", "unknown binary version", 4),
        (b"\0asm\1\0\0\1", "unknown binary version", 4),
    ],
)
def test_preamble(data: bytes, message: str, offset: int) -> None:
    check(data, message, None, offset)


def test_a_component_is_called_one() -> None:
    error = failure(b"\0asm\x0d\0\1\0" + b"rest")
    assert type(error) is Unsupported
    assert "component" in error.message
    assert error.location.offset == 4


@pytest.mark.parametrize(
    ("sections", "message", "where", "offset"),
    [
        ("0e 00", "malformed section id", None, 8),
        ("ff 01 00", "malformed section id", None, 8),
        ("01", END, "type", 9),
        ("01 80", END, "type", 9),
        ("01 80 80 80 80 80 00", "integer representation too long", "type", 9),
        ("01 80 80 80 80 10", "integer too large", "type", 9),
        ("01 03 00", "length out of bounds", "type", 9),
        ("01 02 00", END, "type", 10),
        ("01 02 00 00", "section size mismatch: 2 bytes declared, 1 used", "type", 10),
        ("01 03 01 60 00 00", "section size mismatch: 3 bytes declared, 4 used", "type", 10),
        ("01 00", END, "type", 10),
        ("03 01 00 03 01 00", "unexpected content after last section: it occurs twice", "function", 11),
        ("03 01 00 01 01 00", "unexpected content after last section: it is out of order", "type", 11),
        ("06 01 00 0d 01 00", "unexpected content after last section", "tag", 11),
        ("0d 01 00 05 01 00", "unexpected content after last section", "memory", 11),
        ("0c 01 00 09 01 00", "unexpected content after last section", "element", 11),
        ("0a 01 00 0c 01 00", "unexpected content after last section", "data count", 11),
        ("0b 01 00 0a 01 00", "unexpected content after last section", "code", 11),
        ("00 00", END, "custom", 10),
        ("00 00 00 05 01 00 07 00 00", END, "custom", 10),
        ("00 01 05 61 62 63 64 65", END, "custom", 11),
        ("00 03 02 c3 28", "malformed UTF-8 encoding", "custom", 11),
        ("00 05 04 61 ed a0 80", "malformed UTF-8 encoding", "custom", 12),  # a surrogate
        ("00 03 02 c0 80", "malformed UTF-8 encoding", "custom", 11),  # two bytes for U+0000
        ("00 06 05 f8 88 80 80 80", "malformed UTF-8 encoding", "custom", 11),
    ],
)
def test_sections(sections: str, message: str, where: str | None, offset: int) -> None:
    check(PREAMBLE + bytes.fromhex(sections), message, where, offset)


# section, its content, the message, and where in the content
CONTENTS = [
    (1, "01", END, 1),
    (1, "01 5d", "malformed definition type", 1),
    (1, "01 40", "malformed definition type", 1),
    (1, "01 e0 7f", "integer representation too long", 1),
    (1, "01 60 01", END, 3),
    (1, "01 60 01 7a 00", "malformed value type", 3),
    (1, "01 60 01 78 00", "malformed value type", 3),
    (1, "01 60 01 40 00", "malformed value type", 3),
    (1, "01 60 01 63 68 00", "malformed heap type", 4),
    (1, "01 60 01 63 ff 7f 00", "malformed heap type", 4),
    (1, "01 60 01 64 ff ff ff ff 1f 00", "integer too large", 4),
    (1, "01 60 01 64", END, 4),
    (1, "01 60 7f", "length out of bounds", 2),
    (1, "01 60 02 7f", END, 3),
    (1, "01 60 00 01 79", "malformed value type", 4),
    (1, "01 5e 79 00", "malformed storage type", 2),
    (1, "01 5e 78 02", "malformed mutability", 3),
    (1, "01 5e 78", END, 3),
    (1, "01 5f 7f", "length out of bounds", 2),
    (1, "01 5f 01 62 00", "malformed storage type", 3),
    (1, "01 50 01", END, 3),
    (1, "01 50 00 50 00 60 00 00", "malformed definition type", 3),
    (1, "01 4e 7f", "length out of bounds", 2),
    (1, "01 4e 01 4e 00", "malformed definition type", 3),
    (2, "01 00 00 05", "malformed import kind", 3),
    (2, "01 00 00 80", "malformed import kind", 3),
    (2, "01 00 00", END, 3),
    (2, "01 02 61", END, 2),
    (2, "01 01 ff 00 00 00", "malformed UTF-8 encoding", 2),
    (2, "01 00 02 c3 28 00 00", "malformed UTF-8 encoding", 3),
    (2, "01 00 00 00", END, 4),
    (2, "01 00 00 00 80 80 80 80 80 00", "integer representation too long", 4),
    (2, "01 00 00 01 7f 00", "malformed reference type", 4),
    (2, "01 00 00 03 7f 04", "malformed mutability", 5),
    (2, "01 00 00 04 01 00", "malformed tag attribute", 4),
    (3, "02 00", END, 1),
    (3, "03 00", "length out of bounds", 0),
    (3, "02 80 01", END, 3),
    (3, "01 80 80 80 80 10", "integer too large", 1),
    (3, "01 80 80 80 80 80 00", "integer representation too long", 1),
    (4, "01 7f 00 00", "malformed reference type", 1),
    (4, "01 6e 08 00", "malformed limits flags", 2),
    (4, "01 70 02 00", "malformed limits flags", 2),
    (4, "01 70 81 00 00 00", "malformed limits flags", 2),
    (4, "01 70 01 00", END, 4),
    (4, "01 40 01 70 00 00", "malformed table", 2),
    (4, "01 40 00 70 00 00", END, 6),
    (5, "01 10 00", "malformed limits flags", 1),
    (5, "01 81 01 00 00", "malformed limits flags", 1),
    (5, "01", END, 1),
    (5, "01 00", END, 2),
    (5, "01 08 00 40", "invalid custom page size", 3),
    (5, "01 00 82 80 80 80 80 80 80 80 80 80 00", "integer representation too long", 2),
    (5, "01 00 82 80 80 80 80 80 80 80 80 70", "integer too large", 2),
    (13, "01 01 00", "malformed tag attribute", 1),
    (6, "01 7f 04 41 00 0b", "malformed mutability", 2),
    (6, "01 7f 00 41 00", END, 5),
    (6, "01 7f 00 41", END, 4),
    (6, "01 7f 00 ff 0b", "illegal opcode ff", 3),
    (6, "01 7f 00 27 0b", "illegal opcode 27", 3),
    (6, "01 7f 00 fc 7f 0b", "illegal opcode fc 7f", 3),
    (6, "01 7f 00 fc 80 80 01 0b", "illegal opcode fc 4000", 3),
    (6, "01 7f 00 fd ff ff ff ff 0f 0b", "illegal opcode fd ffffffff", 3),
    (6, "01 7f 00 fd", END, 4),
    (6, "01 7f 00 05 0b", "END opcode expected", 3),
    (6, "01 7f 00 41 00 07 00 0b", "END opcode expected", 5),
    (6, "01 7f 00 18 00 0b", "END opcode expected", 3),
    (6, "01 7f 00 41 80 80 80 80 70 0b", "integer too large", 4),
    (6, "01 7f 00 41 80 80 80 80 08 0b", "integer too large", 4),
    (6, "01 7f 00 41 80 80 80 80 80 00 0b", "integer representation too long", 4),
    (6, "01 7e 00 42 80 80 80 80 80 80 80 80 80 7e 0b", "integer too large", 4),
    (6, "01 7d 00 43 00 00 00", END, 4),
    (6, "01 7f 00 23 80 80 80 80 10 0b", "integer too large", 4),
    (6, "01 7f 00 02 68 0b", "malformed block type", 4),
    (6, "01 7f 00 0e ff ff ff ff 0f 0b", "length out of bounds", 4),
    (6, "01 7f 00 28 80 01 00 0b", "malformed memop flags", 4),
    (6, "01 7f 00 fb 18 04 00 6e 6e 0b", "malformed br_on_cast flags", 5),
    (6, "01 7f 00 1f 40 01 04 00 0b 0b", "malformed catch clause", 6),
    (6, "01 7f 00 fe 03 01 0b", "zero byte expected", 5),
    (7, "01 01 61 05 00", "malformed export kind", 3),
    (7, "01 01 61 20 00", "malformed export kind", 3),
    (7, "01 01 61", END, 3),
    (7, "01 01 61 00", END, 4),
    (7, "01 01 61 00 80", END, 4),
    (7, "01 01 61 00 80 80 80 80 10", "integer too large", 4),
    (7, "01 01 ff 00 00", "malformed UTF-8 encoding", 2),
    (7, "01 7f 61 00 00", "length out of bounds", 1),
    (7, "02 01 61 00 00", END, 5),
    (8, "", END, 0),
    (8, "80 80 80 80 10", "integer too large", 0),
    (9, "01 08", "malformed elements segment kind", 1),
    (9, "01 80", END, 1),
    (9, "01 01 01 00", "malformed element kind", 2),
    (9, "01 05 7f 00", "malformed reference type", 2),
    (9, "01 05 70 01 f3 00 0b", "illegal opcode f3", 4),
    (9, "01 05 70 7f", "length out of bounds", 3),
    (9, "01 00 41 00 0b 02 01", END, 7),
    (9, "01 00 41 00 0b 01 80 80 80 80 10", "integer too large", 6),
    (9, "01 02 80 80 80 80 80 00", "integer representation too long", 2),
    (12, "", END, 0),
    (10, "01", END, 1),
    (10, "01 02 00", END, 2),
    (10, "01 7f 00 0b", "length out of bounds", 1),
    (10, "02 02 00 0b", END, 4),
    (10, "01 80 80 80 80 80 00", "integer representation too long", 1),
    (10, "01 82 80 80 80 10 00 0b", "integer too large", 1),
    (11, "01 03", "malformed data segment kind", 1),
    (11, "01 01 02 61", END, 3),
    (11, "01 00 41 00 0b 07 61 62 63 64 65 66", END, 6),
    (11, "01 00 41 00 0b 08 61 62 63 64 65 66", "length out of bounds", 5),
    (11, "01 00 41 00 0b", END, 5),
    (11, "01 00", END, 2),
    (11, "02 01 00", END, 3),
]
NAMES = {
    1: "type",
    2: "import",
    3: "function",
    4: "table",
    5: "memory",
    6: "global",
    7: "export",
    8: "start",
    9: "element",
    10: "code",
    11: "data",
    12: "data count",
    13: "tag",
}


@pytest.mark.parametrize(("number", "content", "message", "at"), CONTENTS)
def test_contents_of_sections(number: int, content: str, message: str, at: int) -> None:
    check(module(section(number, content)), message, NAMES[number], 10 + at)


def test_what_follows_a_section_does_not_belong_to_it() -> None:
    # each entry is read to its end, and then the section's size does not fit
    for number, content in ((3, "02 00"), (7, "02 01 61 00 00"), (9, "02 01 00 00"), (10, "02 02 00 0b")):
        error = failure(module(section(number, content), custom(b"x", "00 00 00 00 00 00")))
        assert error.location.section == NAMES[number]


@pytest.mark.parametrize(
    ("sections", "message", "where", "offset"),
    [
        (TYPE + section(3, "02 00 00"), "function and code section have inconsistent lengths: 2 and 0", None, 14),
        (CODE, "function and code section have inconsistent lengths: 0 and 1", None, 8),
        (TYPE + section(3, "02 00 00") + CODE, "function and code section have inconsistent lengths", None, 19),
        (section(12, "01"), "data count and data section have inconsistent lengths: 1 and 0", None, 8),
        (section(12, "01") + section(11, "02 01 00 01 00"), "data count and data section", None, 11),
    ],
)
def test_sections_that_disagree(sections: bytes, message: str, where: str | None, offset: int) -> None:
    check(PREAMBLE + sections, message, where, offset)


def test_a_body_that_runs_over_the_end_of_its_section_is_the_earlier_error() -> None:
    function = TYPE + section(3, "01 00")
    # code says 4 bytes; i32.const is cut in two, so the rest of the body looks like a section
    data = PREAMBLE + function + bytes.fromhex("0a 06 01 04 00 01 41 80  80 80 80 80 00 1a 0b")
    check(data, "integer representation too long", "code", len(PREAMBLE + function) + 7)
    # the body ends where it says, so the section behind it is at fault
    data = PREAMBLE + function + CODE + b"\x7f\0"
    check(data, "malformed section id", None, len(data) - 2)
    # it ends earlier, with a whole section left of it
    data = PREAMBLE + function + bytes.fromhex("0a 05 01 03 00 0b 0b 7f 00")
    check(data, "section size mismatch", "code", len(PREAMBLE + function) + 6)


@pytest.mark.parametrize(
    ("feature", "data", "message", "where", "offset"),
    [
        ("simd", section(1, "01 60 01 7b 00"), "malformed value type", "type", 13),
        ("simd", section(6, "01 7f 00 fd 0c" + "00" * 16 + "0b"), "illegal opcode fd 0c", "global", 13),
        ("reference-types", section(1, "01 60 01 6f 00"), "malformed reference type", "type", 13),
        ("reference-types", section(6, "01 7f 00 d2 00 0b"), "illegal opcode d2", "global", 13),
        ("function-references", section(1, "01 60 01 64 70 00"), "malformed reference type", "type", 13),
        ("function-references", section(4, "01 63 00 00 00"), "malformed reference type", "table", 11),
        ("function-references", section(4, "01 40 00 70 00 00 d0 70 0b"), "malformed reference type", "table", 11),
        ("gc", section(1, "01 60 01 6e 00"), "malformed reference type", "type", 13),
        ("gc", section(1, "01 5f 00"), "malformed definition type", "type", 11),
        ("gc", section(1, "01 5e 7f 00"), "malformed definition type", "type", 11),
        ("gc", section(1, "01 50 00 60 00 00"), "malformed definition type", "type", 11),
        ("gc", section(1, "01 4e 00"), "malformed definition type", "type", 11),
        ("exceptions", section(1, "01 60 01 69 00"), "malformed reference type", "type", 13),
        ("memory64", section(5, "01 04 00"), "malformed limits flags", "memory", 11),
        ("memory64", section(4, "01 70 04 00"), "malformed limits flags", "table", 12),
        ("threads", section(5, "01 03 00 01"), "malformed limits flags", "memory", 11),
        ("threads", section(6, "01 7f 00 fe 03 00 0b"), "illegal opcode fe 03", "global", 13),
        ("custom-page-sizes", section(5, "01 08 00 00"), "malformed limits flags", "memory", 11),
        ("bulk-memory", section(12, "00"), "malformed section id", "data count", 10),
        ("bulk-memory", section(11, "01 01 00"), "malformed data segment kind", "data", 11),
        ("bulk-memory", section(9, "01 01 00 00"), "malformed elements segment kind", "element", 11),
        ("wide-arithmetic", section(6, "01 7f 00 fc 13 0b"), "illegal opcode fc 13", "global", 13),
        ("legacy-exceptions", section(6, "01 7f 00 06 40 0b 0b"), "illegal opcode 06", "global", 13),
    ],
)
def test_a_construct_of_a_feature_says_what_to_switch_on(
    feature: str, data: bytes, message: str, where: str, offset: int
) -> None:
    decode_module(PREAMBLE + data, ALL)
    check(PREAMBLE + data, message, where, offset, ALL - {feature})
    assert repr(feature) in failure(PREAMBLE + data, ALL - {feature}).message


@pytest.mark.parametrize(
    ("data", "message", "where", "offset"),
    [
        (section(13, "00"), "malformed section id", "tag", 10),
        (section(2, "01 00 00 04 00 00"), "malformed import kind", "import", 13),
        (section(7, "01 00 04 00"), "malformed export kind", "export", 12),
    ],
)
def test_tags_come_with_either_proposal_of_exceptions(data: bytes, message: str, where: str, offset: int) -> None:
    both = {"exceptions", "legacy-exceptions"}
    for one in both:
        decode_module(PREAMBLE + data, ALL - {one})
    check(PREAMBLE + data, message, where, offset, ALL - both)


def test_with_every_feature_off_the_first_release_is_left() -> None:
    first = module(
        section(1, "01 60 01 7f 01 7c"),
        section(2, "01 01 61 01 62 00 00"),
        section(4, "01 70 01 01 02"),
        section(5, "01 00 01"),
        section(6, "01 7e 01 42 7f 0b"),
        section(7, "01 01 61 02 00"),
        section(9, "01 00 41 00 0b 01 00"),
        section(11, "01 00 41 00 0b 01 61"),
    )
    decoded = decode_module(first, frozenset({"mvp"}))
    assert len(decoded.elements) == len(decoded.datas) == len(decoded.exports) == 1
    with pytest.raises(Malformed):
        decode_module(EVERYTHING, DEFAULT)


@pytest.mark.parametrize("features", [ALL, frozenset({"mvp", "reference-types", "bulk-memory"})])
def test_every_truncation_is_refused_or_ends_between_sections(features: Features) -> None:
    ends = {8} | {item.end for item in decode_module(EVERYTHING, ALL).sections}
    for length in range(len(EVERYTHING)):
        try:
            decode_module(EVERYTHING[:length], features)
        except Malformed as error:
            offset = error.location.offset
        else:
            offset = length
            assert length in ends
        assert offset is not None
        assert 0 <= offset <= length
