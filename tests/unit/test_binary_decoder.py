"""What the decoder reads out of every section, from bytes written by hand after the specification, chapter 5.5."""

from __future__ import annotations

import random

import pytest

from binary_bytes import EVERYTHING, PREAMBLE, custom, module, section
from wasmarium.binary import decoder
from wasmarium.binary.decoder import decode_module
from wasmarium.errors import Malformed
from wasmarium.features import ALL
from wasmarium.module import Expression, Module, Section
from wasmarium.types import (
    EXTERNREF,
    F64,
    FUNC,
    FUNCREF,
    HEAP_TYPES,
    I8,
    I16,
    I32,
    I64,
    V128,
    ArrayType,
    FieldType,
    FunctionImport,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    RecursiveType,
    StructType,
    SubType,
    TableType,
    TagType,
    reference,
)


@pytest.fixture(scope="module")
def everything() -> Module:
    return decode_module(EVERYTHING, ALL)


def test_empty_module_has_nothing() -> None:
    empty = decode_module(PREAMBLE)
    assert empty.data == PREAMBLE
    assert (empty.sections, empty.types, empty.codes, empty.start, empty.data_count) == ((), (), (), None, None)
    assert empty.names.module is None
    assert empty.names.functions == {}


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes_will_do_and_are_kept_as_they_were(kind) -> None:
    data = bytearray(module(section(3, "00")))
    decoded = decode_module(kind(data))
    data[8] = 0xFF
    assert type(decoded.data) is bytes
    assert decoded.data[8] == 3


def test_a_memoryview_with_gaps_is_read_as_what_it_shows() -> None:
    spread = bytearray(2 * len(PREAMBLE))
    spread[::2] = PREAMBLE
    assert decode_module(memoryview(spread)[::2]).data == PREAMBLE


def test_sections_know_their_places(everything) -> None:
    assert everything.sections == (
        Section(0, "first", 8, 10, 18),
        Section(1, "type", 18, 20, 61, 5),
        Section(2, "import", 61, 63, 100, 5),
        Section(3, "function", 100, 102, 105, 2),
        Section(4, "table", 105, 107, 121, 2),
        Section(5, "memory", 121, 123, 131, 2),
        Section(13, "tag", 131, 133, 136, 1),
        Section(6, "global", 136, 138, 152, 2),
        Section(7, "export", 152, 154, 179, 5),
        Section(8, "start", 179, 181, 182),
        Section(9, "element", 182, 184, 236, 8),
        Section(12, "data count", 236, 238, 239),
        Section(10, "code", 239, 241, 250, 2),
        Section(11, "data", 250, 252, 271, 3),
        Section(0, "name", 271, 273, 289),
    )


def test_types_stay_as_the_module_states_them(everything) -> None:
    plain = RecursiveType((SubType(True, (), FunctionType((), ())),))
    anyref = reference(True, HEAP_TYPES["any"])
    assert everything.types == (
        plain,
        RecursiveType((SubType(True, (), FunctionType((I32, I64), (FUNCREF,))),)),
        RecursiveType((SubType(False, (), StructType((FieldType(I8, True), FieldType(F64, False)))),)),
        RecursiveType(
            (
                SubType(True, (), ArrayType(FieldType(reference(False, 1), True))),
                SubType(
                    True,
                    (2,),
                    StructType((FieldType(I32, True), FieldType(anyref, False), FieldType(I16, True))),
                ),
            )
        ),
        plain,
    )


def test_a_type_index_without_a_type_is_left_to_validation() -> None:
    decoded = decode_module(module(section(1, "01 60 01 63 e3 00 00"), section(3, "01 63"), section(10, "01 02 00 0b")))
    assert decoded.functions == (0x63,)

    big = decode_module(module(section(1, "01 60 01 64 ff ff ff ff 0f 00")))
    (group,) = big.types
    assert group.subtypes[0].composite == FunctionType((reference(False, 0xFFFF_FFFF),), ())


@pytest.mark.parametrize("name", sorted(HEAP_TYPES))
def test_every_abstract_heap_type_in_its_short_and_long_forms(name: str) -> None:
    # specification, section 5.3.2: absheaptype
    codes = {
        "exn": 0x69,
        "array": 0x6A,
        "struct": 0x6B,
        "i31": 0x6C,
        "eq": 0x6D,
        "any": 0x6E,
        "extern": 0x6F,
        "func": 0x70,
        "none": 0x71,
        "noextern": 0x72,
        "nofunc": 0x73,
        "noexn": 0x74,
    }
    code = f"{codes[name]:02x}"
    decoded = decode_module(module(section(1, f"01 60 03 {code} 63 {code} 64 {code} 00")))
    heap = HEAP_TYPES[name]
    assert decoded.types[0].subtypes[0].composite == FunctionType(
        (reference(True, heap), reference(True, heap), reference(False, heap)), ()
    )


def test_imports(everything) -> None:
    assert [(item.module, item.name, item.type, item.offset) for item in everything.imports] == [
        ("a", "f", FunctionImport(1), 64),
        ("a", "t", TableType(EXTERNREF, Limits(2, 3)), 70),
        ("a", "m", MemoryType(Limits(1), I64), 79),
        ("a", "g", GlobalType(V128, True), 86),
        ("a", "x", TagType(0), 93),
    ]


def test_functions_and_their_code(everything) -> None:
    assert everything.functions == (0, 0)
    assert [tuple(code) for code in everything.codes] == [(243, 245), (246, 250)]
    assert EVERYTHING[246:250] == bytes.fromhex("01 02 7f 0b")
    assert everything.all_functions == (1, 0, 0)


@pytest.mark.parametrize("count", [1, 127, 128, 300])
def test_many_functions_with_indices_and_sizes_of_every_length(count: int) -> None:
    # type indices 0, 1, 2 … in LEB128 of up to three bytes; bodies of i nops, their sizes in up to two
    def leb(value: int, length: int) -> bytes:
        return bytes(value >> 7 * i & 0x7F | (0x80 if i < length - 1 else 0) for i in range(length))

    def padded(content: bytes) -> bytes:
        return leb(count, 3) + content

    indices = b"".join(leb(i, 1 + (i > 127) + i % 2) for i in range(count))
    bodies = [b"\0" + b"\1" * i + b"\x0b" for i in range(count)]
    entries = b"".join(leb(len(body), 2 if len(body) > 127 else 1 + i % 4) + body for i, body in enumerate(bodies))
    data = PREAMBLE
    for number, content in ((3, padded(indices)), (10, padded(entries))):
        data += bytes([number]) + leb(len(content), 4) + content
    decoded = decode_module(data)
    assert decoded.functions == tuple(range(count))
    assert [data[code.start : code.end] for code in decoded.codes] == bodies


def test_tables_with_and_without_initial_value(everything) -> None:
    first, second = everything.tables
    assert (first.type, first.init, first.offset) == (TableType(FUNCREF, Limits(10)), None, 108)
    assert second.type == TableType(reference(False, FUNC), Limits(1, 2), I64)
    assert (second.init, second.offset) == (Expression(118, 121), 111)
    assert EVERYTHING[118:121] == bytes.fromhex("d2 00 0b")


def test_memories(everything) -> None:
    assert [(memory.type, memory.offset) for memory in everything.memories] == [
        (MemoryType(Limits(1, 2)), 124),
        (MemoryType(Limits(1, 2), I64, False, 0), 127),
    ]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("00 00", MemoryType(Limits(0))),
        ("01 00 00", MemoryType(Limits(0, 0))),
        ("02 01", MemoryType(Limits(1), I32, True)),
        ("03 01 80 80 04", MemoryType(Limits(1, 0x10000), I32, True)),
        ("05 00 ff ff ff ff ff ff ff ff ff 01", MemoryType(Limits(0, 2**64 - 1), I64)),
        ("07 01 02", MemoryType(Limits(1, 2), I64, True)),
        ("08 01 00", MemoryType(Limits(1), I32, False, 0)),
        ("0f 01 02 10", MemoryType(Limits(1, 2), I64, True, 16)),
        # more than a 32-bit memory may have, a page size that none may have: both for validation
        ("00 ff ff ff ff ff ff ff ff ff 01", MemoryType(Limits(2**64 - 1))),
        ("08 01 3f", MemoryType(Limits(1), I32, False, 63)),
    ],
)
def test_limits_of_memories(limits: str, expected: MemoryType) -> None:
    (memory,) = decode_module(module(section(5, "01" + limits)), ALL).memories
    assert memory.type == expected


def test_tags_and_globals(everything) -> None:
    assert [(tag.type, tag.offset) for tag in everything.tags] == [(TagType(0), 134)]
    first, second = everything.globals
    assert (first.type, first.init, first.offset) == (GlobalType(I32, True), Expression(141, 145), 139)
    assert (second.type, second.offset) == (GlobalType(reference(False, 2), False), 145)
    assert EVERYTHING[second.init.start : second.init.end] == bytes.fromhex("fb 01 02 0b")


def test_exports(everything) -> None:
    assert [tuple(export) for export in everything.exports] == [
        ("f", "func", 0, 155),
        ("é", "table", 1, 159),
        ("", "memory", 0, 165),
        ("g", "global", 0, 168),
        ("x", "tag", 1, 175),
    ]


@pytest.mark.parametrize("length", [0, 1, 127, 128, 200])
@pytest.mark.parametrize(
    ("index", "value"), [("05", 5), ("85 00", 5), ("ff 7f", 16383), ("80 80 01", 16384), ("ff ff ff ff 0f", 2**32 - 1)]
)
def test_exports_of_any_length_of_name_and_index(length: int, index: str, value: int) -> None:
    size = bytes([length]) if length < 128 else bytes([length & 0x7F | 0x80, 1])
    content = b"\2" + 2 * (size + b"x" * length + b"\0" + bytes.fromhex(index))
    data = PREAMBLE + b"\7" + bytes([len(content) & 0x7F | 0x80, len(content) >> 7]) + content
    assert [(e.name, e.kind, e.index) for e in decode_module(data).exports] == [("x" * length, "func", value)] * 2


def test_start(everything) -> None:
    assert everything.start == 1


def test_every_form_of_element_segment(everything) -> None:
    nonnull = reference(False, FUNC)
    found = [
        (item.mode, item.type, item.items, item.table, item.offset_expression, item.offset)
        for item in everything.elements
    ]
    assert found == [
        ("active", nonnull, (1, 0), 0, Expression(186, 189), 185),
        ("passive", nonnull, (0,), 0, None, 192),
        ("active", nonnull, (0,), 1, Expression(198, 201), 196),
        ("declarative", nonnull, (1,), 0, None, 204),
        ("active", FUNCREF, (Expression(213, 216),), 0, Expression(209, 212), 208),
        ("passive", EXTERNREF, (), 0, None, 216),
        ("active", nonnull, (Expression(227, 230),), 1, Expression(221, 224), 219),
        ("declarative", FUNCREF, (Expression(233, 236),), 0, None, 230),
    ]


def test_every_form_of_data_segment(everything) -> None:
    assert everything.data_count == 3
    assert [tuple(item) for item in everything.datas] == [
        ("active", 258, 260, 0, Expression(254, 257), 253),
        ("passive", 262, 265, 0, None, 260),
        ("active", 271, 271, 1, Expression(267, 270), 265),
    ]


@pytest.mark.parametrize("length", [0, 127, 128, 16383, 16384])
@pytest.mark.parametrize(
    "place",
    [
        "41 00 0b",
        "41 0b 0b",  # the constant 11, whose byte is that of end
        "41 8b 0b 0b",
        "41 80 80 80 80 78 0b",  # -2^31
        "23 80 80 80 80 00 0b",
        "42 00 0b",
        "41 00 41 00 6a 0b",
        "44 0b 0b 0b 0b 0b 0b 0b 0b 0b",
    ],
)
def test_data_segments_of_any_length_at_any_place(length: int, place: str) -> None:
    size = bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14])
    if length < 128:
        size = bytes([length])
    content = b"\2" + 2 * (b"\0" + bytes.fromhex(place) + size + b"\x0b" * length)
    total = len(content)
    data = PREAMBLE + b"\x0b" + bytes([total & 0x7F | 0x80, total >> 7 & 0x7F | 0x80, total >> 14]) + content
    for segment in decode_module(data).datas:
        assert segment.end - segment.start == length
        assert data[segment.start : segment.end] == b"\x0b" * length
        assert segment.offset_expression is not None
        assert data[segment.offset_expression.start : segment.offset_expression.end] == bytes.fromhex(place)


PLACES = ("41 00 0b", "41 0b 0b", "41 80 8b 0b 0b", "41 80 80 80 80 78 0b", "23 00 0b", "42 00 0b")


@pytest.mark.parametrize("seed", range(4))
def test_very_many_data_segments(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are walked in runs; what is found is the same as one by one, and so is what is wrong with damaged ones."""
    chance = random.Random(seed)
    sizes = [chance.choices((2, chance.randrange(128), chance.randrange(300)), (90, 9, 1))[0] for _ in range(1300)]
    content = bytearray(leb(len(sizes)))
    for size in sizes:
        content += b"\0" + bytes.fromhex(chance.choice(PLACES)) + leb(size) + chance.randbytes(size)
    data = bytearray(PREAMBLE + b"\x0b" + leb(len(content)) + content)
    assert [segment.end - segment.start for segment in decode_module(bytes(data)).datas] == sizes
    start = len(data) - len(content) + 2

    def outcome(data: bytes) -> object:
        try:
            return len(decode_module(data).datas)
        except Malformed as error:
            return str(error)

    for _ in range(25):
        damaged = bytearray(data)
        damaged[chance.randrange(start, len(data))] = chance.choice(
            (0, 0x0B, 0x41, 0x7F, 0x80, 0xFF, chance.randrange(256))
        )
        if chance.random() < 0.2:
            del damaged[chance.randrange(start, len(data)) :]
        found = outcome(bytes(damaged))
        with monkeypatch.context() as patched:
            patched.setattr(decoder, "_MANY_DATAS", 1 << 40)
            assert outcome(bytes(damaged)) == found


def leb(number: int) -> bytes:
    """As unsigned LEB128."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*made, number))


def test_a_constant_expression_ends_with_the_end_that_closes_it() -> None:
    # block, loop, if and else, try_table inside one another; validation refuses them, decoding does not
    nested = "02 40 03 7f 41 0b 04 40 05 0b 0b 0b 1f 40 01 02 00 0b 0b"
    (item,) = decode_module(module(section(6, "01 7f 00" + nested))).globals
    assert item.init == Expression(13, 13 + len(bytes.fromhex(nested)))

    # legacy: try … catch … catch_all … end, and try … delegate
    nested = "06 40 07 00 19 0b 06 40 18 00 0b"
    (item,) = decode_module(module(section(6, "01 7f 00" + nested)), ALL).globals
    assert item.init == Expression(13, 13 + len(bytes.fromhex(nested)))


def test_custom_sections_stand_where_they_stood() -> None:
    twice = custom(b"x", "aa") + custom(b"x", "")
    data = module(twice, section(1, "00"), twice, section(10, "00"), custom("ü".encode(), ""))
    decoded = decode_module(data)
    assert [(item.name, data[item.start : item.end], item.after) for item in decoded.customs] == [
        ("x", b"\xaa", 0),
        ("x", b"", 0),
        ("x", b"\xaa", 1),
        ("x", b"", 1),
        ("ü", b"", 10),
    ]
    assert [item.name for item in decoded.sections] == ["x", "x", "type", "x", "x", "code", "ü"]


def test_names_are_read_when_asked_for(everything) -> None:
    assert everything.names.module == "me"
    assert everything.names.functions == {0: "f"}
    assert everything.names is everything.names


def test_the_longest_integers_are_read() -> None:
    # every size, count and index in five bytes, as tools write them that fill them in afterwards
    data = (
        PREAMBLE
        + bytes.fromhex("01 8a 80 80 80 00 81 80 80 80 00 60 80 00 80 00")
        + bytes.fromhex("03 8a 80 80 80 00 81 80 80 80 00 80 80 80 80 00")
        + bytes.fromhex("0a 8c 80 80 80 00 81 80 80 80 00 82 80 80 80 00 00 0b")
    )
    decoded = decode_module(data)
    assert len(decoded.types) == 1
    assert decoded.functions == (0,)
    assert [tuple(code) for code in decoded.codes] == [(len(data) - 2, len(data))]
