"""What validation says about everything but function bodies, and where, from bytes written by hand."""

from __future__ import annotations

import pytest

from binary_bytes import EVERYTHING, custom, module, section
from wasmarium.binary.decoder import decode_module
from wasmarium.errors import Invalid
from wasmarium.features import ALL, DEFAULT
from wasmarium.validation import validate_module
from wasmarium.validation.types import MAXIMUM_PARAMETERS, MAXIMUM_SUPERTYPES

FUNC = section(1, "02 60 00 00 60 01 7f 01 7e")  # 0: [] -> [], 1: [i32] -> [i64]
ONE = section(3, "01 00")
CODE = section(10, "01 02 00 0b")
TABLE = section(4, "01 70 00 01")
MEMORY = section(5, "01 00 01")


def check(data: bytes, features: frozenset[str] = DEFAULT) -> None:
    validate_module(decode_module(data, features), features)


def complaint(data: bytes, features: frozenset[str] = DEFAULT) -> Invalid:
    with pytest.raises(Invalid) as caught:
        check(data, features)
    return caught.value


@pytest.mark.parametrize(
    ("sections", "where", "at", "message"),
    [
        # sections, name of the one with the fault, offset of the fault from its id byte, message
        pytest.param([section(1, "01 60 01 63 01 00")], "type", 3, "unknown type 1", id="type-forward"),
        pytest.param(
            [section(1, "02 60 00 00 50 01 00 60 00 00")],
            "type",
            6,
            "sub type 1 does not match super type 0: the super type is final",
            id="final",
        ),
        pytest.param(
            [section(1, "02 50 00 60 00 00 50 01 00 60 00 01 7f")],
            "type",
            8,
            "sub type 1 does not match super type 0: their signatures do not match",
            id="supertype",
        ),
        pytest.param(
            [section(1, "02 50 00 60 00 00 50 01 00 5f 00")],
            "type",
            8,
            "sub type 1 does not match super type 0: expected a func type, found a struct type",
            id="supertype-kind",
        ),
        pytest.param([section(1, "01 50 01 00 60 00 00")], "type", 3, "unknown type 0", id="supertype-of-itself"),
        pytest.param([FUNC, section(2, "01 01 61 01 62 00 02")], "import", 3, "unknown type 2", id="import-type"),
        pytest.param(
            [FUNC, section(2, "01 01 61 01 62 04 00 01")],
            "import",
            3,
            "non-empty tag result type: [i64]",
            id="import-tag",
        ),
        pytest.param(
            [FUNC, section(3, "03 00 80 00 02"), section(10, "03 02 00 0b 02 00 0b 02 00 0b")],
            "function",
            6,
            "unknown type 2",
            id="function-type",
        ),
        pytest.param(
            [section(1, "01 5f 00"), ONE, CODE],
            "function",
            3,
            "type mismatch: type 0 is expected to be a function type, found a struct type",
            id="function-of-struct",
        ),
        pytest.param(
            [section(4, "01 70 01 02 01")],
            "table",
            3,
            "size minimum must not be greater than maximum: minimum 2, maximum 1",
            id="table-limits",
        ),
        pytest.param(
            [section(4, "01 64 70 00 01")],
            "table",
            3,
            "type mismatch: a table without an initial value expected a type with a default value, found (ref func)",
            id="table-default",
        ),
        pytest.param(
            [section(4, "02 70 00 01 40 00 70 00 01 41 00 0b")],
            "table",
            13,
            "type mismatch: end expected funcref, found i32",
            id="table-init",
        ),
        pytest.param(
            [section(5, "01 00 81 80 04")],
            "memory",
            3,
            "memory size must be at most 65536 pages (4GiB), found 65537",
            id="memory-size",
        ),
        pytest.param(
            [section(5, "02 00 01 04 81 80 80 80 80 80 40")],
            "memory",
            5,
            "memory size must be at most 281474976710656 pages, found 281474976710657",
            id="memory64-size",
        ),
        pytest.param([FUNC, section(13, "01 00 01")], "tag", 3, "non-empty tag result type: [i64]", id="tag"),
        pytest.param([section(6, "01 7f 00 23 00 0b")], "global", 5, "unknown global 0", id="global-of-itself"),
        pytest.param(
            [section(6, "01 7f 00 42 00 0b")],
            "global",
            7,
            "type mismatch: end expected i32, found i64",
            id="global-type",
        ),
        pytest.param(
            [section(6, "02 7f 01 41 00 0b 7f 00 23 00 0b")],
            "global",
            10,
            "constant expression required: global.get of global 0, which is mutable, is not constant",
            id="mutable",
        ),
        pytest.param(
            [section(6, "01 7f 00 41 01 41 01 6d 0b")],
            "global",
            9,
            "constant expression required: i32.div_s is not constant",
            id="not-constant",
        ),
        pytest.param(
            [section(6, "01 7f 00 41 00 41 00 0b")],
            "global",
            9,
            "type mismatch: at the end of the block expected [i32], found more values on the stack: [i32 i32]",
            id="two-values",
        ),
        pytest.param([section(7, "01 01 61 00 00")], "export", 3, "unknown function 0", id="export-function"),
        pytest.param(
            [MEMORY, section(7, "02 01 61 02 00 01 61 02 00")],
            "export",
            7,
            "duplicate export name 'a'",
            id="export-twice",
        ),
        pytest.param(
            [FUNC, section(3, "01 01"), section(8, "00"), section(10, "01 04 00 42 00 0b")],
            "start",
            2,
            "start function 0: expected [] -> [], found [i32] -> [i64]",
            id="start",
        ),
        pytest.param([section(9, "01 00 41 00 0b 00")], "element", 3, "unknown table 0", id="element-table"),
        pytest.param(
            [TABLE, section(9, "01 00 42 00 0b 00")],
            "element",
            6,
            "type mismatch: end expected i32, found i64",
            id="element-offset",
        ),
        pytest.param(
            [TABLE, section(9, "01 00 41 00 0b 01 00")], "element", 3, "unknown function 0", id="element-function"
        ),
        pytest.param(
            [TABLE, section(9, "01 06 00 41 00 0b 6f 00")],
            "element",
            3,
            "type mismatch: the elements of the table are funcref, those of the segment externref",
            id="element-type",
        ),
        pytest.param([section(11, "01 00 41 00 0b 00")], "data", 3, "unknown memory 0", id="data-memory"),
        pytest.param(
            [MEMORY, section(11, "01 00 41 00 41 00 6a 41 00 0b 00")],
            "data",
            11,
            "type mismatch: at the end of the block expected [i32], found more values on the stack: [i32 i32]",
            id="data-offset",
        ),
    ],
)
def test_invalid(sections: list[bytes], where: str, at: int, message: str) -> None:
    data = module(custom(b"before", ""), *sections, custom(b"behind", ""))
    error = complaint(data)
    assert error.message == message
    assert error.location.section == where
    (start,) = (item.offset for item in decode_module(data).sections if item.name == where)
    assert error.location.offset == start + at
    assert error.location.function is None


def test_everything_has_one_fault_only() -> None:
    """The example of all forms of entries has types that name what is not there; the first is told."""
    error = complaint(EVERYTHING, ALL)
    assert error.location.section == "type"


def test_the_earliest_fault_in_the_file_is_told() -> None:
    bodies = section(10, "02 03 00 1a 0b 03 00 6a 0b")
    data = module(FUNC, section(3, "02 00 00"), bodies, section(11, "01 00 41 00 0b 00"))
    error = complaint(data)
    assert (error.location.section, error.location.function) == ("code", 0)
    assert error.message == "type mismatch: drop expected a value, found nothing"
    # The type of an import stands before that.
    data = module(FUNC, section(2, "01 01 61 01 62 00 07"), section(3, "02 00 00"), bodies)
    assert complaint(data).location.section == "import"


def test_imported_functions_count() -> None:
    data = module(FUNC, section(2, "02 01 61 01 62 00 00 01 61 01 63 00 00"), ONE, section(10, "01 03 00 6a 0b"))
    error = complaint(data)
    assert (error.location.function, error.location.instruction) == (2, 0)


def test_globals_may_name_those_before_them() -> None:
    data = module(section(6, "02 7f 00 41 00 0b 7f 00 23 00 0b"))
    check(data)
    error = complaint(data, DEFAULT - {"gc"})
    assert (
        error.message == "constant expression required: global.get of global 0, which is not imported, is not constant"
    )


def test_a_declared_function_may_be_named_in_code() -> None:
    body = section(10, "01 05 00 d2 00 1a 0b")
    for declares in (
        section(7, "01 01 61 00 00"),
        section(9, "01 03 00 01 00"),
        section(6, "01 70 00 d2 00 0b"),
    ):
        check(module(FUNC, ONE, declares, body))
    assert complaint(module(FUNC, ONE, body)).message.startswith("undeclared function reference")
    assert complaint(module(FUNC, ONE, section(8, "00"), body)).message.startswith("undeclared function reference")


@pytest.mark.parametrize(
    ("sections", "feature"),
    [
        pytest.param([section(5, "02 00 01 00 01")], "multi-memory", id="memories"),
        pytest.param([section(4, "02 70 00 01 70 00 01")], "reference-types", id="tables"),
        pytest.param([section(1, "01 60 00 02 7f 7f")], "multi-value", id="results"),
        pytest.param([section(2, "01 01 61 01 62 03 7f 01")], "mutable-globals", id="mutable-import"),
        pytest.param(
            [section(6, "01 7f 01 41 00 0b"), section(7, "01 01 61 03 00")], "mutable-globals", id="mutable-export"
        ),
        pytest.param([section(6, "01 7f 00 41 00 41 00 6a 0b")], "extended-const", id="extended"),
    ],
)
def test_features(sections: list[bytes], feature: str) -> None:
    data = module(*sections)
    check(data)
    assert f"the feature {feature!r}" in complaint(data, DEFAULT - {feature}).message


def test_shared_memory_and_page_size() -> None:
    check(module(section(5, "01 03 01 02")), ALL)
    assert complaint(module(section(5, "01 02 01")), ALL).message == "shared memory must have maximum"
    check(module(section(5, "01 08 ff ff ff ff 0f 00")), ALL)
    assert complaint(module(section(5, "01 08 01 0c")), ALL).message.startswith("invalid custom page size")
    error = complaint(module(section(5, "01 08 80 80 80 80 10 00")), ALL)
    assert error.message.startswith("memory size must be at most 4294967295 pages")


# ---- limits of the implementation ----


def leb(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80, number >> 7 & 0x7F | 0x80, number >> 14])


def types(content: bytes) -> bytes:
    return module() + b"\x01" + leb(len(content)) + content


def test_too_many_parameters() -> None:
    def of(count: int) -> bytes:
        return types(b"\x01\x60" + leb(count) + b"\x7f" * count + b"\x00")

    check(of(MAXIMUM_PARAMETERS))
    assert complaint(of(MAXIMUM_PARAMETERS + 1)).message == "too many parameters: 1001, at most 1000 are supported"


def test_too_many_supertypes() -> None:
    def of(depth: int) -> bytes:
        chain = b"".join(b"\x50\x01" + leb(index) + b"\x5f\x00" for index in range(depth))
        return types(leb(depth + 1) + b"\x50\x00\x5f\x00" + chain)

    check(of(MAXIMUM_SUPERTYPES))
    error = complaint(of(MAXIMUM_SUPERTYPES + 1))
    assert error.message == "sub type 64: more than 63 super types above it"
    assert error.location.section == "type"
