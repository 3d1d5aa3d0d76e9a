"""Custom sections: what is read out of them, and that broken ones harm nobody."""

from __future__ import annotations

import pytest

from binary_bytes import custom, module, section
from wasmarium.binary.custom import (
    BranchHint,
    DynamicLinking,
    Producer,
    TargetFeature,
    read_branch_hints,
    read_dynamic_linking,
    read_producers,
    read_target_features,
    write_branch_hints,
    write_names,
)
from wasmarium.binary.decoder import decode_module
from wasmarium.errors import Malformed
from wasmarium.module import Names


def names_of(payload: str) -> Names:
    return decode_module(module(custom(b"name", payload))).names


# every subsection, with the number that the appendix (section 7.4.1) and the extended-name-section proposal give it
ALL_NAMES = (
    "00 02 01 6d"
    "01 07 02 00 01 66 05 01 67"
    "02 08 01 05 02 00 01 61 01 00"
    "03 06 01 05 01 02 01 6c"
    "04 04 01 03 01 74"
    "05 04 01 00 01 54"
    "06 04 01 00 01 4d"
    "07 06 01 00 03 e2 82 ac"
    "08 04 01 00 01 65"
    "09 04 01 00 01 64"
    "0a 06 01 03 01 01 01 78"
    "0b 04 01 00 01 78"
)


def test_every_subsection_of_names() -> None:
    names = names_of(ALL_NAMES)
    assert names == Names(
        module="m",
        functions={0: "f", 5: "g"},
        locals={5: {0: "a", 1: ""}},
        labels={5: {2: "l"}},
        types={3: "t"},
        tables={0: "T"},
        memories={0: "M"},
        globals={0: "€"},
        elements={0: "e"},
        data={0: "d"},
        fields={3: {1: "x"}},
        tags={0: "x"},
    )
    assert write_names(names) == bytes.fromhex(ALL_NAMES)


def test_no_names_are_no_bytes() -> None:
    assert write_names(Names()) == b""
    assert write_names(Names(module="")) == b"\0\1\0"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("", Names()),
        ("01", Names()),
        ("01 80 80 80 80 80 80", Names()),
        ("01 ff ff ff ff 0f", Names()),
        ("01 04 01 00 01 66 01", Names(functions={0: "f"})),
        # a subsection that promises more than it has keeps what it has
        ("01 04 05 00 01 66", Names(functions={0: "f"})),
        ("01 04 ff ff ff ff", Names()),
        ("01 20 02 00 01 66 01 7f 67", Names(functions={0: "f"})),
        ("02 0f 02 00 02 00 01 61 01 7f 62", Names(locals={0: {0: "a"}})),
        # the next one is read all the same
        ("01 04 05 00 01 66 07 04 01 00 01 67", Names(functions={0: "f"}, globals={0: "g"})),
        ("01 01 01 07 04 01 00 01 67", Names(globals={0: "g"})),
        # kinds that nobody knows
        ("63 02 aa bb 07 04 01 00 01 67", Names(globals={0: "g"})),
        # bytes that are not UTF-8, one index twice, indices out of order
        ("01 04 01 00 01 ff", Names(functions={0: "\N{REPLACEMENT CHARACTER}"})),
        ("01 0a 03 01 01 61 00 01 62 01 01 63", Names(functions={1: "c", 0: "b"})),
        ("00 01 05", Names()),
    ],
)
def test_a_broken_name_section_keeps_what_can_be_read(payload: str, expected: Names) -> None:
    assert names_of(payload) == expected


def test_names_never_reach_beyond_their_section() -> None:
    data = module(custom(b"name", "01 7f 02 00 01 66 01 03"), custom(b"abc", "00"))
    assert decode_module(data).names == Names(functions={0: "f"})


def test_only_a_section_that_is_called_name_is_one() -> None:
    assert decode_module(module(custom(b"nam", ALL_NAMES), section(1, "00"))).names == Names()


def read(reader, payload: str):
    """Read a payload that has other bytes around it."""
    inside = bytes.fromhex(payload)
    return reader(b"\xff" + inside + b"\0\0\0\0", 1, 1 + len(inside))


def fails(reader, payload: str, message: str, offset: int) -> None:
    with pytest.raises(Malformed) as caught:
        read(reader, payload)
    assert caught.value.message.startswith(message)
    assert caught.value.location.offset == offset


def test_producers() -> None:
    payload = "02 08 6c 61 6e 67 75 61 67 65 01 01 43 03 43 31 31 03 73 64 6b 02 01 61 00 01 62 01 31"
    assert read(read_producers, payload) == (
        Producer("language", (("C", "C11"),)),
        Producer("sdk", (("a", ""), ("b", "1"))),
    )
    fails(read_producers, "01 01 61 01 01 62", "unexpected end", 7)
    fails(read_producers, "00 00", "section size mismatch", 2)
    fails(read_producers, "01 01 ff 00", "malformed UTF-8 encoding", 3)


def test_target_features() -> None:
    assert read(read_target_features, "02 2b 04 73 69 6d 64 2d 03 61 62 63") == (
        TargetFeature("+", "simd"),
        TargetFeature("-", "abc"),
    )
    fails(read_target_features, "01 2a 00", "malformed target feature prefix", 2)


def test_branch_hints() -> None:
    payload = "02 03 02 05 01 01 80 01 01 00 04 01 02 01 01"
    hints = read(read_branch_hints, payload)
    assert hints == {3: (BranchHint(5, True), BranchHint(128, False)), 4: (BranchHint(2, True),)}
    assert write_branch_hints(hints) == bytes.fromhex(payload)
    fails(read_branch_hints, "01 00 01 00 02 00 00", "malformed branch hint size", 5)
    fails(read_branch_hints, "01 00 01 00 01 02", "malformed branch hint", 6)
    fails(read_branch_hints, "ff ff ff ff 0f", "length out of bounds", 1)


def test_dynamic_linking() -> None:
    payload = (
        "01 04 0a 02 03 0002 05 01 03 61 2e 7303 05 01 02 66 6f 1004 06 01 01 65 01 78 0105 03 01 01 2f09 02 aa bb"
    )
    assert read(read_dynamic_linking, payload) == DynamicLinking(
        memory_size=10,
        memory_align=2,
        table_size=3,
        table_align=0,
        needed=("a.s",),
        exports=(("fo", 16),),
        imports=(("e", "x", 1),),
        runtime_path=("/",),
        unknown=((9, b"\xaa\xbb"),),
    )
    fails(read_dynamic_linking, "01 05 0a 02 03 00 00", "section size mismatch", 3)
    fails(read_dynamic_linking, "01 05 0a 02 03", "length out of bounds", 2)
