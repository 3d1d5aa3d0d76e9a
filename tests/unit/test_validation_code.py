"""What validation says about function bodies and where, from bytes written by hand."""

from __future__ import annotations

from random import Random

import pytest

from binary_bytes import custom, module, section
from wasmarium.binary.decoder import decode_module
from wasmarium.errors import Invalid, Location, Malformed, WasmError
from wasmarium.features import ALL, DEFAULT
from wasmarium.instructions.table import INSTRUCTIONS
from wasmarium.validation import validate_module
from wasmarium.validation.code import _SLOW, MAXIMUM_LOCALS, RULES

# The types that bodies below have, by index.
TYPES = (
    "60 00 00",  # 0: [] -> []
    "60 01 7f 01 7f",  # 1: [i32] -> [i32]
    "60 00 02 7f 7e",  # 2: [] -> [i32 i64]
    "60 01 63 00 00",  # 3: [(ref null 0)] -> []
    "5f 02 7f 01 78 00",  # 4: a struct: mutable i32, i8
    "5e 7f 00",  # 5: an array: constant i32
    "60 00 01 7f",  # 6: [] -> [i32]
    "60 01 7f 00",  # 7: [i32] -> []
)
NAME = custom(b"name", "01 04 01 00 01 66")  # function 0 is $f


def with_body(body: str, kind: int = 0, declared: str = "00", memory: str = "01 00 01") -> bytes:
    """A module of one function $f of type ``kind``, with a memory, a table, two globals and a tag."""
    code = bytes.fromhex(declared + body)
    return module(
        section(1, bytes([len(TYPES)]) + bytes.fromhex("".join(TYPES))),
        section(3, bytes([1, kind])),
        section(4, "01 70 00 01"),
        section(5, memory),
        section(13, "01 00 07"),
        section(6, "02 7f 00 41 00 0b 7e 01 42 00 0b"),
        section(10, bytes([1, len(code)]) + code),
        NAME,
    )


def start_of(data: bytes, body: str) -> int:
    return data.index(bytes.fromhex(body), data.index(b"\x0a"))


def check(data: bytes, features: frozenset[str] = DEFAULT) -> None:
    validate_module(decode_module(data, features), features)


def complaint(data: bytes, features: frozenset[str] = DEFAULT) -> WasmError:
    with pytest.raises(WasmError) as caught:
        check(data, features)
    return caught.value


@pytest.mark.parametrize(
    ("body", "kind", "index", "mnemonic", "at", "message"),
    [
        # body, type of the function, instruction, mnemonic, its offset in the body, message
        pytest.param(
            "41 00 44 00 00 00 00 00 00 f0 3f 6a 1a 0b",
            0,
            2,
            "i32.add",
            11,
            "type mismatch: i32.add expected i32, found f64",
            id="operand",
        ),
        pytest.param("01 1a 0b", 0, 1, "drop", 1, "type mismatch: drop expected a value, found nothing", id="empty"),
        pytest.param("20 00 0b", 0, 0, "local.get", 0, "unknown local 0", id="local"),
        pytest.param("20 80 01 0b", 1, 0, "local.get", 0, "unknown local 128", id="local-of-two-bytes"),
        pytest.param("23 02 0b", 0, 0, "global.get", 0, "unknown global 2", id="global"),
        pytest.param(
            "41 01 24 00 0b",
            0,
            1,
            "global.set",
            2,
            "immutable global: global.set cannot change global 0",
            id="immutable",
        ),
        pytest.param("10 01 0b", 0, 0, "call", 0, "unknown function 1", id="function"),
        pytest.param("10 80 80 01 0b", 0, 0, "call", 0, "unknown function 16384", id="function-of-three-bytes"),
        pytest.param("02 40 0c 02 0b 0b", 0, 1, "br", 2, "unknown label 2", id="label"),
        pytest.param(
            "41 00 28 03 00 1a 0b", 0, 1, "i32.load", 2, "alignment must not be larger than natural", id="align"
        ),
        pytest.param("41 00 28 42 01 00 1a 0b", 0, 1, "i32.load", 2, "unknown memory 1", id="memory-of-several"),
        pytest.param(
            "41 00 28 02 80 80 80 80 10 1a 0b",
            0,
            1,
            "i32.load",
            2,
            "offset out of range: expected less than 2^32, found 4294967296",
            id="offset",
        ),
        pytest.param(
            "02 7f 0b 1a 0b", 0, 1, "end", 2, "type mismatch: end expected i32, found nothing", id="block-result"
        ),
        pytest.param(
            "02 40 41 00 0b 0b",
            0,
            2,
            "end",
            4,
            "type mismatch: at the end of the block expected [], found more values on the stack: [i32]",
            id="values-left",
        ),
        pytest.param(
            "41 01 04 7f 41 01 0b 1a 0b",
            0,
            3,
            "end",
            6,
            "type mismatch: an if without else must have results like its parameters, expected [], found [i32]",
            id="missing-else",
        ),
        pytest.param("42 01 04 40 0b 0b", 0, 1, "if", 2, "type mismatch: if expected i32, found i64", id="condition"),
        pytest.param(
            "41 01 42 01 41 00 1b 1a 0b",
            0,
            3,
            "select",
            6,
            "type mismatch: select expected i32, found i64",
            id="select",
        ),
        pytest.param(
            "02 7f 02 40 41 00 0e 01 00 01 0b 41 00 0b 1a 0b",
            0,
            3,
            "br_table",
            6,
            "type mismatch: the labels of br_table must have as many types as its default: expected 1, found 0"
            " for label 0",
            id="br_table",
        ),
        pytest.param("d2 00 1a 0b", 0, 0, "ref.func", 0, "undeclared function reference", id="ref.func"),
        pytest.param("fc 08 00 00 0b", 0, 0, "memory.init", 0, "data count section required by memory.init", id="data"),
        pytest.param(
            "fd 0c" + 16 * "00" + "fd 16 10 1a 0b",
            0,
            1,
            "i8x16.extract_lane_u",
            18,
            "invalid lane index: expected less than 16, found 16",
            id="lane",
        ),
        pytest.param(
            "fb 00 00 1a 0b",
            0,
            0,
            "struct.new",
            0,
            "type mismatch: type 0 is expected to be a struct type, found a func type",
            id="kind-of-type",
        ),
        pytest.param(
            "d0 04 fb 02 04 01 1a 0b",
            0,
            1,
            "struct.get",
            2,
            "type mismatch: struct.get expected an access with sign (_s or _u), the field is i8",
            id="packed",
        ),
        pytest.param(
            "d0 04 41 00 fb 05 04 01 0b",
            0,
            2,
            "struct.set",
            4,
            "immutable field: struct.set cannot change field 1",
            id="field",
        ),
        pytest.param("d0 05 41 00 41 00 fb 0e 05 0b", 0, 3, "array.set", 6, "immutable array", id="array"),
        pytest.param("08 01 0b", 0, 0, "throw", 0, "unknown tag 1", id="tag"),
        pytest.param("08 00 0b", 0, 0, "throw", 0, "type mismatch: throw expected i32, found nothing", id="throw"),
        pytest.param(
            "02 40 1f 40 01 00 00 00 0b 0b 0b",
            0,
            1,
            "try_table",
            2,
            "type mismatch: label 0 of catch expected [], found [i32]",
            id="catch",
        ),
        pytest.param("41 00 25 01 1a 0b", 0, 1, "table.get", 2, "unknown table 1", id="table"),
        pytest.param("41 00 11 08 00 0b", 0, 1, "call_indirect", 2, "unknown type 8", id="type"),
        pytest.param(
            "41 00 1c 02 7f 7f 1a 0b",
            0,
            1,
            "select",
            2,
            "invalid result arity: select expected 1 type, found 2",
            id="select-arity",
        ),
    ],
)
def test_invalid_body(body: str, kind: int, index: int, mnemonic: str, at: int, message: str) -> None:
    data = with_body(body, kind)
    error = complaint(data)
    assert error.message.startswith(message)
    offset = start_of(data, body) + at
    assert error.location == Location("code", 0, "f", index, mnemonic, offset)
    assert isinstance(error, Malformed if "data count" in message else Invalid)


@pytest.mark.parametrize(
    ("body", "index", "at", "message"),
    [
        pytest.param("01 ff 0b", 1, 1, "illegal opcode ff", id="opcode"),
        pytest.param("01 fc 7f 0b", 1, 1, "illegal opcode fc 7f", id="prefixed-opcode"),
        pytest.param("06 40 0b 0b", 0, 0, "illegal opcode 06: try needs the feature", id="switched-off"),
        pytest.param("02 40 01 0b", 3, 4, "END opcode expected", id="no-end"),
        pytest.param("0b 01 0b", 1, 1, "section size mismatch: 2 bytes behind the end of the body", id="too-long"),
        pytest.param("02 40 0b 41", 2, 4, "unexpected end", id="cut-immediate"),
        pytest.param("02 40 0b 20", 2, 4, "unexpected end", id="cut-index-behind-an-end"),
        pytest.param("41 ff ff ff ff 0f 1a 0b", 0, 1, "integer too large", id="i32-too-large"),
        pytest.param("41 80 80 80 80 80 00 1a 0b", 0, 1, "integer representation too long", id="i32-too-long"),
        pytest.param(
            "41 00 28 02 80 80 80 80 80 80 80 80 80 80 00 1a 0b",
            1,
            4,
            "integer representation too long",
            id="offset-too-long",
        ),
        pytest.param("20 80 80 80 80 80 00 1a 0b", 0, 1, "integer representation too long", id="index-too-long"),
        pytest.param("05 0b", 0, 0, "unexpected token: else belongs to if, found function", id="lonely-else"),
    ],
)
def test_malformed_body(body: str, index: int, at: int, message: str) -> None:
    data = with_body(body)
    error = complaint(data)
    assert isinstance(error, Malformed)
    assert error.message.startswith(message)
    location = error.location
    assert (location.section, location.function, location.function_name) == ("code", 0, "f")
    assert location.instruction == index
    assert location.offset == start_of(data, body) + at


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("41 ff ff ff ff 07 1a 41 80 80 80 80 78 1a 0b", id="i32-of-five-bytes"),
        pytest.param("42 80 80 80 80 80 80 80 80 80 7f 1a 0b", id="i64-of-ten-bytes"),
        pytest.param("41 00 28 02 ff ff ff ff 0f 1a 0b", id="largest-offset"),
        pytest.param("41 00 28 42 80 00 00 1a 0b", id="memory-0-said-at-length"),
        pytest.param("20 80 80 80 80 00 1a 0b", id="index-padded"),
        pytest.param("02 86 80 00 41 00 0b 1a 0b", id="block-type-padded"),
        pytest.param("00 6a 1a 0b", id="unreachable-operands"),
        pytest.param("00 1b 1a 0b", id="unreachable-select"),
        pytest.param("00 41 00 6a 44 00 00 00 00 00 00 00 00 1a 1a 0b", id="unreachable-half"),
        pytest.param("0f d4 d1 1a 0b", id="unreachable-reference"),
        pytest.param("02 7f 00 0b 1a 0b", id="unreachable-result"),
        pytest.param("02 02 00 42 00 0c 00 0b 1a 1a 0b", id="unreachable-more-results"),
        pytest.param("03 40 0c 00 0b 0b", id="loop"),
        pytest.param("41 00 03 07 41 01 0d 00 1a 0b 0b", id="loop-with-parameter"),
        pytest.param("41 00 04 7f 41 01 05 41 02 0b 1a 0b", id="if-else"),
        pytest.param("02 40 41 00 0e 02 00 01 00 0b 0b", id="br_table"),
        pytest.param("d0 04 fb 02 04 00 1a 0b", id="struct.get"),
    ],
)
def test_valid_body(body: str) -> None:
    check(with_body(body, kind=7 if body.startswith("20") else 0))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("00 41 00 7c 1a 0b", id="known-operand"),
        pytest.param("00 d4 6a 1a 0b", id="reference-as-number"),
        pytest.param("00 6a 7c 1a 0b", id="result-of-operation"),
        pytest.param("02 7f 00 42 00 0b 1a 0b", id="result-of-block"),
        pytest.param("02 40 00 41 00 0b 0b", id="value-left"),
        pytest.param("02 7f 02 40 00 0e 01 00 01 0b 0b 1a 0b", id="br_table-arity"),
    ],
)
def test_unreachable_code_is_checked_all_the_same(body: str) -> None:
    assert complaint(with_body(body)).message.startswith("type mismatch")


# ---- locals ----


def test_locals_without_a_default_must_be_set_first() -> None:
    local = "01 01 64 00"  # one (ref 0)
    check(with_body("d0 00 d4 21 00 20 00 1a 0b", declared=local))
    check(with_body("d0 00 d4 22 00 1a 20 00 1a 0b", declared=local))
    unset = "uninitialized local 0: a local of type"
    assert complaint(with_body("20 00 1a 0b", declared=local)).message.startswith(unset)
    # What a block sets is forgotten at its end, and at its else.
    body = "02 40 d0 00 d4 21 00 20 00 1a 0b 20 00 1a 0b"
    error = complaint(with_body(body, declared=local))
    assert error.message.startswith(unset)
    assert error.location.instruction == 7
    body = "41 00 04 40 d0 00 d4 21 00 05 20 00 1a 0b 0b"
    assert complaint(with_body(body, declared=local)).location.mnemonic == "local.get"
    # What was set before a block stays set in it and behind it.
    check(with_body("d0 00 d4 21 00 02 40 20 00 1a d0 00 d4 21 00 0b 20 00 1a 0b", declared=local))


def test_a_parameter_without_a_default_has_a_value() -> None:
    data = with_body("20 00 1a 0b", kind=3).replace(bytes.fromhex("60 01 63 00 00"), bytes.fromhex("60 01 64 00 00"))
    check(data)


@pytest.mark.parametrize("count", [127, 128, 129, 1000, 1001, MAXIMUM_LOCALS])
def test_the_last_local_is_there_and_the_next_is_not(count: int) -> None:
    def leb(number: int) -> str:
        return bytes([number & 0x7F | 0x80, number >> 7 & 0x7F | 0x80, number >> 14]).hex()

    declared = f"02 {leb(count - 1)} 7e 01 7f"
    check(with_body(f"20 {leb(count - 1)} 45 1a 20 {leb(count - 2)} 50 1a 0b", declared=declared))
    error = complaint(with_body(f"20 {leb(count)} 1a 0b", declared=declared))
    assert error.message == f"unknown local {count}"


def test_too_many_locals() -> None:
    error = complaint(with_body("0b", declared="02 ff ff ff ff 0f 7f 01 7f"))
    assert isinstance(error, Malformed)
    assert error.message.startswith("too many locals: 4294967296")
    assert error.location.function == 0
    error = complaint(with_body("0b", declared="01 d1 86 03 7f"))
    assert isinstance(error, Invalid)
    assert error.message == "too many locals: 50001, at most 50000 are supported"


# ---- features ----


def test_a_function_without_a_byte_at_the_very_end() -> None:
    """Found by fuzzing: there is not even a byte that could say how many locals there are."""
    data = module(section(1, b"\1\x60\0\0"), section(3, b"\1\0"), section(10, b"\1\0"))
    with pytest.raises(Malformed, match="unexpected end") as caught:
        check(data)
    assert caught.value.location.offset == len(data)


def test_64_bit_memory_wants_64_bit_addresses() -> None:
    memory = "01 04 01"
    check(with_body("42 00 28 02 80 80 80 80 80 80 01 1a 0b", memory=memory))
    error = complaint(with_body("41 00 28 02 00 1a 0b", memory=memory))
    assert error.message == "type mismatch: i32.load expected i64, found i32"


def test_exceptions_of_before() -> None:
    old = DEFAULT | {"legacy-exceptions"}
    check(with_body("06 40 41 00 08 00 07 00 1a 19 09 00 0b 0b"), old)
    check(with_body("06 40 06 40 18 00 0b 0b"), old)
    for body, message in (
        ("06 40 09 00 0b 0b", "invalid rethrow label 0: expected a catch, found try"),
        ("06 40 18 01 0b", "unknown label 1"),
        ("06 40 19 19 0b 0b", "unexpected token: catch_all belongs to try or catch, found catch_all"),
        ("06 7f 41 00 07 00 42 00 0b 1a 0b", "type mismatch: end expected i32, found i64"),
    ):
        assert complaint(with_body(body), old).message == message


def test_what_is_switched_off_says_which_feature_would_help() -> None:
    first = frozenset({"mvp", "exceptions", "function-references", "reference-types", "gc"})
    for body, feature in (
        ("41 00 c0 1a 0b", "sign-extension"),
        ("02 02 41 00 42 00 0b 1a 1a 0b", "multi-value"),
        ("02 7b 00 0b 1a 0b", "simd"),
    ):
        data = with_body(body)
        check(data, ALL)
        assert repr(feature) in complaint(data, first | ({"multi-value"} - {feature})).message


# ---- the shortcuts and the rules ----


def test_every_instruction_has_a_rule() -> None:
    assert set(RULES) == set(INSTRUCTIONS)


def verdict(data: bytes) -> tuple[str, str]:
    try:
        check(data, ALL)
    except (Malformed, Invalid) as error:
        return type(error).__name__, str(error)
    return "", ""


def test_shortcuts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a body is refused, and in which words, is the same when every instruction goes by its rule."""
    random = Random(20251122)
    likely = bytes.fromhex("00 01 02 03 04 05 0b 0c 0d 0f 10 1a 1b 20 21 22 23 24 28 36 40 41 42 45 6a 7c 7e 7f 80 a7")
    pieces = [
        "41 00 1a", "41 00", "42 80 7f", "1a", "20 00", "21 00", "22 00", "02 40", "02 7f", "03 06", "41 00 04 40",
        "0b", "05", "00", "0c 00", "41 00 0d 00", "0f", "23 00", "24 00", "41 00 28 02 04", "41 00 41 00 36 02 00",
        "6a", "45", "1b", "10 00", "fc 00", "a7", "7c",
    ]  # fmt: skip
    bodies = []
    for _ in range(1500):
        body = bytearray.fromhex("".join(random.choice(pieces) for _ in range(random.randrange(1, 7))))
        if random.random() < 0.3:
            body[random.randrange(len(body))] = random.choice(likely)
        bodies.append(body.hex() + random.choice(["0b", "0b", "1a 0b", "0b 0b", "0b 1a 0b", ""]))
    modules = [with_body(body, declared="01 01 7e") for body in bodies]
    short = list(map(verdict, modules))
    monkeypatch.setattr("wasmarium.validation.code._shortcuts", lambda context: [(_SLOW, None, None, None)] * 256)
    assert list(map(verdict, modules)) == short
    assert 50 < short.count(("", "")) < 1400  # both verdicts are among them


# ---- hostile bodies ----


def long_body(body: bytes) -> bytes:
    def sized(content: bytes) -> bytes:
        size = len(content)
        return bytes(size >> shift & 0x7F | (0x80 if shift < 28 else 0) for shift in (0, 7, 14, 21, 28)) + content

    code = sized(b"\0" + body)
    return module(section(1, "01 60 00 00"), section(3, "01 00"), b"\x0a" + sized(b"\x01" + code))


def test_deep_nesting_needs_no_recursion() -> None:
    depth = 100_000
    check(long_body(b"\x02\x40" * depth + b"\x0b" * (depth + 1)))
    error = complaint(long_body(b"\x02\x40" * depth + b"\x0b" * depth))
    assert error.message.startswith("END opcode expected")
    assert error.location.instruction == 2 * depth


def test_a_table_of_very_many_labels() -> None:
    labels = 100_000
    count = bytes([labels & 0x7F | 0x80, labels >> 7 & 0x7F | 0x80, labels >> 14])
    check(long_body(b"\x41\0\x0e" + count + b"\0" * (labels + 1) + b"\x0b"))


def test_a_count_of_operands_beyond_all_bounds() -> None:
    check(with_body("00 fb 08 05 ff ff ff ff 0f 1a 0b"))
    error = complaint(with_body("fb 08 05 ff ff ff ff 0f 1a 0b"))
    assert error.message == "type mismatch: array.new_fixed expected i32, found nothing"
