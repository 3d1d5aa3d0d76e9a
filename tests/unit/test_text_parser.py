"""Text to bytes: expected bytes are written by hand after chapters 5 and 6 of the specification."""

from __future__ import annotations

import pytest

from wasmarium.binary.decoder import decode_module
from wasmarium.errors import Invalid, Malformed
from wasmarium.features import ALL, DEFAULT
from wasmarium.text.parser import assemble, parse_module

PREAMBLE = "0061736d01000000"


def parsed(text: str) -> str:
    """The module's bytes behind the preamble, in hexadecimal, without names."""
    data = parse_module(text, names=False, features=ALL).hex()
    assert data.startswith(PREAMBLE)
    return data.removeprefix(PREAMBLE)


def body(instructions: str, before: str = "") -> str:
    """The bytes of a function body without locals and ``end``."""
    module = decode_module(parse_module(f"(module {before} (func {instructions}))", features=ALL), ALL)
    data = module.data[module.codes[-1].start : module.codes[-1].end]
    assert data[:1] == b"\0"
    assert data[-1:] == b"\x0b"
    return data[1:-1].hex()


# ---- fields ----


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(module)", ""),
        ("", ""),
        ("(module $m (@a b))", ""),
        # types: (i32, f64) -> (i64); a struct; an array; a group with a subtype
        ("(type (func (param i32 f64) (result i64)))", "0107 01 6002 7f7c 017e"),
        ("(type (struct (field i8) (field (mut i16) funcref)))", "0109 01 5f03 7800 7701 7000"),
        ("(type (array (mut (ref null extern))))", "0104 01 5e 6f01"),
        (
            "(rec (type $a (sub (struct))) (type (sub final $a (struct (field (ref $a))))))",
            "010f 01 4e02 50005f00 4f01005f01640000",
        ),
        # an inline import and export; the type comes from the type use
        (
            '(func $f (export "e") (import "m" "n") (param i32))',
            "0105 01 60017f00  0207 01 016d 016e 0000  0705 01 0165 0000",
        ),
        ('(import "m" "n" (global (mut i64)))', "0208 01 016d016e 03 7e01"),
        ('(import "" "" (memory i64 1 2 shared))', "0207 01 00 00 02 070102"),
        ('(import "" "" (table i64 3 externref))', "0207 01 00 00 01 6f 0403"),
        ('(import "" "" (tag (param f32)))', "0105 01 60017d00  0206 01 00 00 04 0000"),
        ("(memory 0 (pagesize 1))", "0504 01 080000"),
        # data gives the memory its size: one page; with pages of one byte, three
        ('(memory (data "abc"))', "0504 01 010101  0b09 01 00 41000b 03616263"),
        ('(memory i64 (pagesize 1) (data "a" "bc"))', "0505 01 0d0303 00  0b09 01 00 42000b 03616263"),
        # a table of two functions, as indices; a table of references, as expressions
        (
            "(func $f) (table funcref (elem $f $f))",
            "0104 01600000 0302 0100 0405 01 70010202 0908 01 00 41000b 02 0000 0a04 01 02 000b",
        ),
        (
            "(table externref (elem (ref.null extern)))",
            "0405 01 6f010101 090b 01 06 00 41000b 6f 01 d06f0b",
        ),
        ("(table 1 (ref null any) (ref.null none))", "0409 01 4000 6e0001 d0710b"),
        ("(global $g (mut f32) (f32.const 1))", "0609 01 7d01 43 0000803f 0b"),
        ("(global i32 i32.const 1 i32.const 2 i32.add)", "0609 01 7f00 4101 4102 6a 0b"),
        ('(export "a" (func $f)) (func $f)', "0104 01600000 0302 0100 0705 01 0161 0000 0a04 01 02000b"),
        ("(func $f) (start $f)", "0104 01600000 0302 0100 0801 00 0a04 01 02000b"),
        ("(tag (param i32))", "0105 01 60017f00 0d03 01 0000"),
        # element segments: declarative indices, passive expressions, active on another table
        ("(func $f) (elem declare func $f)", "0104 01600000 0302 0100 0905 01 03 00 01 00 0a04 01 02000b"),
        (
            "(elem funcref (ref.null func) (item ref.null nofunc))",
            "090a 01 05 70 02 d0700b d0730b",
        ),
        (
            "(table 0 funcref) (table $t 1 funcref) (elem (table $t) (offset i32.const 0) func)",
            "0407 02 700000 700001 0908 01 02 01 41000b 00 00",
        ),
        # data segments: passive, and active on memory 1; the data count only where code needs it
        ('(data "x\\00y")', "0b06 01 01 03 780079"),
        ('(memory 0) (memory $m 0) (data (memory $m) (i32.const 1) "")', "0505 02 0000 0000 0b07 01 02 01 41010b 00"),
        (
            '(memory 0) (data $d "") (func (data.drop $d))',
            "0104 01600000 0302 0100 0503 01 0000 0c01 01 0a07 01 05 00 fc0900 0b 0b03 01 01 00",
        ),
        # locals in runs
        (
            "(func (param i32) (local i32 i32) (local $x i64) (local i64))",
            "0105 01 60017f00 0302 0100 0a08 01 06 02 027f 027e 0b",
        ),
    ],
)
def test_module(text: str, expected: str) -> None:
    assert parsed(text) == expected.replace(" ", "")


def test_types_that_uses_bring_come_last_in_the_order_of_the_text() -> None:
    text = """
      (func (param i32) (block (param i64) (result i64) drop i64.const 0) drop)
      (func (type $t))
      (func (if (param f32) (param) (i32.const 0) (then drop)))
      (type $t (func (param f64)))
    """
    module = decode_module(parse_module(text))
    shown = [str(group.subtypes[0].composite) for group in module.types]
    assert shown == ["(f64) -> ()", "(i32) -> ()", "(i64) -> (i64)", "() -> ()", "(f32) -> ()"]
    assert module.functions == (1, 0, 3)


def test_type_uses_take_the_least_equal_type() -> None:
    module = decode_module(
        parse_module("(rec (type (func)) (type (func))) (type (sub (func))) (type (func)) (type (func)) (func)")
    )
    assert module.functions == (3,)


def test_forms_of_scripts() -> None:
    assert parse_module('(module $m binary "\\00as" "m\\01\\00\\00\\00")').hex() == PREAMBLE
    assert parsed('(module quote "(memory" " 1)")') == "0503010001"
    with pytest.raises(Malformed, match="unexpected token"):
        parse_module('(module binary "a" 1)')
    with pytest.raises(Malformed, match="unexpected token instance"):
        parse_module("(module instance $a $b)")


def test_identifier_of_a_module() -> None:
    assert assemble('(module $"a b")').identifier == "a b"
    assert assemble("(module)").identifier is None


# ---- instructions ----


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        ("nop unreachable", "0100"),
        ("(i32.add (i32.const 1) (i32.const -1))", "4101 417f 6a"),
        ("i64.const 0x7fff_ffff_ffff_ffff", "42ffffffffffffffffff00"),
        ("f64.const -0x1p-1", "44000000000000e0bf"),
        ("block end", "0240 0b"),
        ("block (result i32) end", "027f 0b"),
        ("(block (result (ref null extern)))", "026f 0b"),
        ("(loop $l (br $l))", "0340 0c00 0b"),
        ("block $a block $a br $a br 1 end $a end $a", "0240 0240 0c00 0c01 0b 0b"),
        ("(if (i32.const 0) (then nop) (else unreachable))", "4100 0440 01 05 00 0b"),
        ("(if $l (i32.const 0) (then (br $l)))", "4100 0440 0c00 0b"),
        ("i32.const 0 if $l br $l else $l nop end $l", "4100 0440 0c00 05 01 0b"),
        # the condition is outside of the label
        ("(block $l (if $l (br_if $l (i32.const 0) (i32.const 1)) (then)))", "0240 4100 4101 0d00 0440 0b 0b"),
        ("block br_table 0 1 0 end", "0240 0e02 000100 0b"),
        ("block $x (br_table $x (i32.const 0)) end", "0240 4100 0e0000 0b"),
        ("call 0", "1000"),
        ("call_indirect (type 0)", "110000"),
        ("call_indirect 2 (type 0)", "110002"),
        ("(return_call_indirect $t (type 0) (i32.const 0))", "4100 130000"),
        ("drop select (select (result i32 i64))", "1a 1b 1c02 7f7e"),
        ("select (result)", "1c00"),
        ("local.get 0 local.set 1 local.tee 2 global.get 0 global.set 1", "2000 2101 2202 2300 2401"),
        ("table.get table.get 1 table.set $t", "2500 2501 2600"),
        ("table.init 3 table.init 2 3 table.copy table.copy 1 2", "fc0c0300 fc0c0302 fc0e0000 fc0e0102"),
        ("memory.init 3 memory.init $m 3 memory.copy memory.copy 1 0", "fc080300 fc080300 fc0a0000 fc0a0100"),
        ("memory.size memory.grow 1 memory.fill", "3f00 4001 fc0b00"),
        ("i32.load i32.load offset=8 align=1", "280200 280008"),
        ("i64.store8 1 offset=0xff i64.load32_u align=2", "3c4001ff01 350100"),
        ("i32.load offset=4 i32.load offset=4 align=1", "280204 280004"),
        ("i32.atomic.load atomic.fence memory.atomic.wait64", "fe100200 fe0300 fe020300"),
        ("ref.null func ref.null 0 ref.func 0", "d070 d000 d200"),
        ("ref.test (ref i31) ref.test i31ref ref.cast (ref null 0)", "fb146c fb156c fb1700"),
        ("block br_on_cast 0 anyref (ref eq) end", "0240 fb1801 00 6e6d 0b"),
        ("block br_on_cast_fail 0 (ref any) eqref end", "0240 fb1902 00 6e6d 0b"),
        ("struct.get $s $y struct.get $s 0 array.new_fixed 0 3", "fb020101 fb020100 fb080003"),
        ("v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 -1", "fd0c000102030405060708090a0b0c0d0eff"),
        ("v128.const f32x4 1 -0 nan inf", "fd0c 0000803f 00000080 0000c07f 0000807f"),
        ("v128.const i64x2 -1 0x10", "fd0c ffffffffffffffff 1000000000000000"),
        ("i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31", "fd0d000102030405060708090a0b0c0d0e1f"),
        ("v128.load8_lane 5 v128.load8_lane 1 5 v128.load8_lane offset=2 5", "fd54000005 fd5440010005 fd54000205"),
        ("v128.store16_lane $m align=1 7", "fd59000007"),
        ("throw 0 throw_ref", "0800 0a"),
        (
            "(block $l (try_table (catch 0 $l) (catch_all_ref 0) (nop)))",
            "0240 1f40 02 000000 0300 01 0b 0b",
        ),
        ("try catch 0 rethrow 0 catch_all end", "0640 0700 0900 19 0b"),
        ("(try (do nop) (catch 0 drop) (catch_all))", "0640 01 0700 1a 19 0b"),
        # the label of delegate counts from outside the try
        ("block $b try $t nop delegate $b end", "0240 0640 01 1800 0b"),
        ("(block $b (try $b (do) (delegate $b)))", "0240 0640 1800 0b"),
        ("i64.add128 i64.mul_wide_s", "fc13 fc15"),
    ],
)
def test_instructions(instructions: str, expected: str) -> None:
    before = "(type (func)) (type $s (struct (field $x i32) (field $y i32))) (table $t 0 funcref) (memory $m 0)"
    assert body(instructions, before) == expected.replace(" ", "")


# ---- names ----


def test_identifiers_become_names() -> None:
    text = """
      (module $m (import "" "" (func $imported (param $p i32)))
        (type $s (struct (field $a i32) (field i32) (field $b i32)))
        (func $f (@name "a name") (param $x i32) (param i32) (local $y i32)
          (if $outer (block $first (result i32) (i32.const 0)) (then (loop) (block $last))))
        (table $t 0 funcref) (memory $mem 0) (global $g i32 (i32.const 0)) (tag $tag)
        (elem $e func) (data $d ""))
    """
    names = decode_module(parse_module(text)).names
    assert names.module == "m"
    assert names.functions == {0: "imported", 1: "a name"}
    assert names.locals == {0: {0: "p"}, 1: {0: "x", 2: "y"}}
    # in the order of the bytes: the condition comes before the if
    assert names.labels == {1: {0: "first", 1: "outer", 3: "last"}}
    assert (names.types, names.fields) == ({0: "s"}, {0: {0: "a", 2: "b"}})
    assert (names.tables, names.memories, names.globals, names.tags) == ({0: "t"}, {0: "mem"}, {0: "g"}, {0: "tag"})
    assert (names.elements, names.data) == ({0: "e"}, {0: "d"})


def test_identifiers_that_nothing_can_refer_to_may_be_equal() -> None:
    """Those of parameters in types, imports and tags say something to readers only (section 6.4.5; fuzzing)."""
    twice = "(param $x i32) (param $x i64)"
    module = decode_module(
        parse_module(f'(module (type (func {twice})) (import "" "" (func {twice})) (tag {twice}) (func {twice[:14]}))')
    )
    assert [len(group.subtypes) for group in module.types] == [1, 1]
    assert module.all_functions == (0, 1)


def test_inline_segments_count() -> None:
    text = '(elem $a func) (table funcref (elem)) (elem $b func) (memory (data "")) (data $c "")'
    names = decode_module(parse_module(text)).names
    assert names.elements == {0: "a", 2: "b"}
    assert names.data == {1: "c"}


def test_custom_sections_and_branch_hints() -> None:
    text = """(module (@custom "end" "z") (@custom "early" (before first) "\\00" "a")
      (func (param i32)
        (@metadata.code.branch_hint "\\01") (if (local.get 0) (then
          local.get 0 (@metadata.code.branch_hint "\\00") br_if 0)))
      (@custom "behind types" (after type)) (@custom "before code" (before code)))"""
    module = decode_module(parse_module(text))
    found = [(custom.name, custom.after, module.data[custom.start : custom.end]) for custom in module.customs]
    assert found == [
        ("early", 0, b"\0a"),
        ("behind types", 1, b""),
        ("before code", 3, b""),
        # function 0: the if at byte 3 of its code is likely, the br_if at byte 7 is not
        ("metadata.code.branch_hint", 3, b"\x01\x00\x02\x03\x01\x01\x07\x01\x00"),
        ("end", 10, b"z"),
    ]


# ---- where things come from ----


def test_source_map() -> None:
    text = "\n".join(
        (
            "(module",
            "  (global i32",
            "    (i32.const 7))",
            "  (func $f",
            "    (drop",
            "      (i32.add (i32.const 1)",
            "        (i32.const 2))))",
            ")",
        )
    )
    assembly = assemble(text)
    module = decode_module(assembly.data)
    start = module.codes[0].start
    # locals, i32.const 1, i32.const 2, i32.add, drop, end
    expected = [(1, 6, 17), (3, 7, 10), (5, 6, 8), (6, 5, 6), (7, 7, 24)]
    found = [place for place in assembly.source_map if place[0] > start]
    assert [(offset - start, line, column) for offset, line, column in found] == expected
    place = assembly.source_map.locate(start + 5)
    assert place is not None
    assert (place.line, place.column) == (6, 8)
    # inside of an instruction, and in the expression of the global
    assert assembly.source_map.locate(start + 4) == assembly.source_map.locate(start + 3)
    inside = assembly.source_map.locate(module.globals[0].init.start)
    assert inside is not None
    assert inside.line == 3
    assert assembly.source_map.locate(0) is None


def test_errors_say_where() -> None:
    with pytest.raises(Malformed) as caught:
        parse_module("(module\n  (func\n    i32.foo))")
    location = caught.value.location
    assert (location.line, location.column, location.offset) == (3, 5, 20)
    assert str(caught.value) == "unknown operator i32.foo (at line 3:5, offset 0x14)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(func (i32.const 0x1_0000_0000))", "i32 constant out of range"),
        ("(func (f32.const 1e39))", "constant out of range"),
        ("(func i32.load align=3)", "alignment must be a power of two"),
        ("(func i32.load align=0)", "alignment must be a power of two"),
        ("(func (br $x))", "unknown label $x"),
        ("(func block $x end br $x)", "unknown label $x"),
        ("(func (call $f))", "unknown function $f"),
        ("(func (local.get $x))", "unknown local $x"),
        ("(func (type $t))", "unknown type $t"),
        ("(func (param $x i32) (local $x i32))", "duplicate local $x"),
        ("(func $f) (func $f)", "duplicate func $f"),
        ('(func $f) (import "" "" (func $"f"))', "import after function"),
        ('(memory 0) (func (import "" ""))', "import after memory"),
        ("(type (func)) (func (type 0) (param i32))", "inline function type"),
        ("(func (type 1) (param i32))", "unknown type"),
        ("(func block $a end $b)", "mismatching label"),
        ("(func block end $b)", "mismatching label"),
        ("(func (result i32) (param i32))", "unexpected token"),
        ("(func end)", "unexpected token end"),
        ("(func block)", "unexpected token )"),
        ("(func (block end))", "unexpected token end"),
        ("(func block (else))", "unexpected token else"),
        ("(func (if (i32.const 0)))", "unexpected token )"),
        ("(func (if (then) nop))", "unexpected token nop"),
        ("(func (if (then) (else) (else)))", "unexpected token else"),
        ("(func (i32.add nop))", "unexpected token nop"),
        ("(func (then))", "unexpected token then"),
        ("(func i32.const)", "unexpected token )"),
        ("(func (i32.const 1.0))", "unexpected token 1.0"),
        ("(func (i32.const x))", "unknown operator x"),
        ("(func get_local 0)", "unknown operator get_local"),
        # func may only be left out where the table is not in parentheses
        ("(table 1 funcref) (func $f) (elem (table 0) (i32.const 0) $f)", "unexpected token $f"),
        ("(table 1 funcref) (elem (table 0) (offset i32.const 0))", "unexpected token )"),
        ("(func (v128.const i32x4 1 2 3))", "wrong number of lane literals"),
        ("(func (v128.const i32x4 1 2 3 4 5))", "wrong number of lane literals"),
        ("(func (i8x16.shuffle 1 2 3))", "invalid lane length"),
        ("(func (i8x16.extract_lane_s 256))", "i8 constant out of range"),
        ("(memory 0 (pagesize 3))", "invalid custom page size"),
        ("(memory 0 (pagesize 4294967296))", "constant out of range"),
        ("(start 0) (start 0)", "multiple start sections"),
        ("(type (struct (field $a i32) (field $a i32)))", "duplicate field"),
        ('(export "\\ff" (func 0))', "malformed UTF-8 encoding"),
        ("(func) func", "unexpected token func"),
        ("$m", "unexpected token $m"),
        ("$m (func)", "unexpected token $m"),
        ("(module) (module)", "unexpected token"),
        ("(module", "unexpected token: the text ends inside this"),
        ("(func $)", "empty identifier"),
        ("(@custom)", "@custom annotation: missing section name"),
        ('(func (@custom "x"))', "misplaced @custom annotation"),
        ('(start (@name "x") 0)', "misplaced @name annotation"),
        ('(@metadata.code.branch_hint "\\00") (func)', "annotation: not in a function"),
        ('(func (@metadata.code.branch_hint "\\02") if end)', "annotation:"),
    ],
)
def test_malformed(text: str, message: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_module(text, features=ALL)
    assert caught.value.message.startswith(message) or message in caught.value.message
    assert caught.value.location.line == 1
    assert caught.value.location.column is not None


def test_branch_hint_without_a_branch() -> None:
    with pytest.raises(Invalid, match="invalid target"):
        parse_module('(func (@metadata.code.branch_hint "\\00") nop)')


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("(func try end)", "legacy-exceptions"),
        ("(func i32.atomic.load)", "threads"),
        ("(memory 1 1 shared)", "threads"),
        ("(memory 1 (pagesize 1))", "custom-page-sizes"),
        ("(func i64.add128)", "wide-arithmetic"),
    ],
)
def test_features_that_are_off(text: str, feature: str) -> None:
    with pytest.raises(Malformed, match=f"unknown operator .*'{feature}'"):
        parse_module(text)
    parse_module(text, features=DEFAULT | {feature})


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("(func (param anyref))", "gc"),
        ("(func (param externref))", "reference-types"),
        ("(func (param (ref func)))", "function-references"),
        ("(func (param v128))", "simd"),
        ("(type (struct))", "gc"),
        ("(rec)", "gc"),
        ("(memory i64 1)", "memory64"),
        ("(tag)", "exceptions"),
        ("(func try_table end)", "exceptions"),
        ("(func (return_call 0))", "tail-call"),
    ],
)
def test_features_that_can_be_switched_off(text: str, feature: str) -> None:
    parse_module(text)
    with pytest.raises(Malformed, match=f"unknown operator .*'{feature}'"):
        parse_module(text, features=DEFAULT - {feature})
    assert parse_module("(table 1 funcref)", features=frozenset({"mvp"}))
