"""Text made to break a reader: it parses or is refused, in bounded time, without Python's own errors."""

from __future__ import annotations

import random

import pytest

from wasmarium.binary.decoder import decode_module
from wasmarium.errors import Invalid, Malformed, Unsupported, WasmError
from wasmarium.features import ALL
from wasmarium.text.parser import parse_module
from wasmarium.text.printer import print_module
from wasmarium.text.script import read_script

DEEP = 100_000


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("(block " * DEEP + ")" * DEEP, id="folded blocks"),
        pytest.param("(i32.eqz " * DEEP + "(i32.const 1)" + ")" * DEEP, id="folded operators"),
        pytest.param("(if (i32.const 1) (then " * DEEP + "))" * DEEP, id="folded ifs"),
        pytest.param("(if " * DEEP + "(i32.const 1)" + "(then))" * DEEP, id="conditions in conditions"),
        pytest.param("block $l " * DEEP + "br $l " + "end " * DEEP, id="plain blocks of one name"),
        pytest.param("block $o " + "block br $o " * DEEP + "end " * DEEP + "end", id="branches to the outermost"),
        pytest.param("(; " * DEEP + ";)" * DEEP, id="comments in comments"),
        pytest.param("(@a " * DEEP + ")" * DEEP, id="annotations in annotations"),
    ],
)
def test_nesting_costs_no_recursion(body: str) -> None:
    assert parse_module(f"(module (func {body}))")


def test_indentation_does_not_grow_for_ever() -> None:
    deep = 20_000
    text = print_module(decode_module(parse_module(f"(func {'(block ' * deep}{')' * deep})")))
    assert len(text) < 400 * deep
    assert parse_module(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("(" * DEEP, id="opening"),
        pytest.param("(module " + "(" * DEEP, id="opening in a module"),
        pytest.param(")" * DEEP, id="closing"),
        pytest.param("(;" * DEEP, id="comments that stay open"),
        pytest.param("(@a " * DEEP, id="annotations that stay open"),
        pytest.param('"' * (DEEP + 1), id="quotes"),
        pytest.param('"' + "\\" * DEEP, id="backslashes"),
        pytest.param("(func (i32.const " + "9" * DEEP + "))", id="an enormous integer"),
        pytest.param("(func (f64.const 1e" + "9" * DEEP + "))", id="an enormous exponent"),
        pytest.param("(module " + "x" * DEEP + ")", id="an enormous word"),
        pytest.param("(type " + "(sub " * DEEP + ")" * DEEP + ")", id="types in types"),
        pytest.param("(func (param " + "(ref " * DEEP + ")" * DEEP + "))", id="references to references"),
        pytest.param("(elem " + "(item " * DEEP + ")" * DEEP + ")", id="items in items"),
        pytest.param("(module " * DEEP + ")" * DEEP, id="modules in modules"),
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_module(text)
    assert len(str(caught.value)) < 300
    try:
        read_script(text)
    except Malformed:
        pass


def test_locals_beyond_all_bounds_are_not_printed() -> None:
    # one function, with locals declared in one run: 2^32 - 1 of i32
    data = bytes.fromhex("0061736d01000000 01040160 0000 03020100 0a0a0108 01ffffffff0f 7f 0b".replace(" ", ""))
    with pytest.raises(Unsupported, match="too many locals to print"):
        print_module(decode_module(data))


MODULE = (
    '(module $m (import "a" "b" (func $i (param i32))) (type $s (struct (field $x (mut i8)) (field $y (ref null $s))))'
    ' (func $f (export "e") (param $p i32) (result i32) (local $l i64) (block $b (result i32) (br_if $b (i32.const 1)'
    " (local.get $p)) (drop) (if (result i32) (local.get 0) (then (call_indirect (param i32) (result i32) (i32.const"
    " 1) (i32.const 0))) (else (i32.load offset=4 align=2 (local.get $p)))))) (table $t 1 funcref) (memory $m 1 2)"
    ' (elem (i32.const 0) $f) (data $d (i32.const 0) "abc\\00") (global $g (mut f64) (f64.const 0x1p-3)) (tag $e))'
)
FUNCTION = (
    "(func (try_table (catch_all 0) (throw 0)) v128.const i32x4 1 2 3 4 i8x16.extract_lane_s 3 drop loop $l br $l end)"
)
SCRIPT = (
    '(assert_return (invoke "f" (f32.const nan:0x1)) (either (v128.const f32x4 0 nan:canonical 1 2) (ref.null)))'
    ' (module binary "\\00asm") (register "x" $m) (assert_trap (get "g") "unreachable")'
)
SEEDS = (MODULE, FUNCTION, SCRIPT)
PIECES = (
    '( ) " $ ; (; ;) (@ @ = . 0x -1 1e9 $x func block end else then nan type import (type 0) result \\ é \x00'.split(
        " "
    )
)


def test_damaged_text_fails_in_our_own_way() -> None:
    source = random.Random(20)
    survived = 0
    for _ in range(1500):
        text = source.choice(SEEDS)
        for _ in range(source.randint(1, 3)):
            at, length = source.randrange(len(text)), source.choice((0, 0, 1, 1, 3, 12))
            text = text[:at] + source.choice(["", source.choice(PIECES)]) + text[at + length :]
        try:
            read_script(text)
        except Malformed:
            pass
        try:
            module = decode_module(parse_module(text, features=ALL), ALL)
        except (Malformed, Invalid):
            continue
        survived += 1
        assert parse_module(print_module(module), features=ALL)
    assert survived > 50


def test_damaged_bytes_are_printed_or_refused() -> None:
    source = random.Random(21)
    good = parse_module(MODULE)
    for _ in range(1500):
        data = bytearray(good)
        for _ in range(source.randint(1, 3)):
            data[source.randrange(8, len(data))] = source.choice(
                (0, 1, 0x0B, 0x40, 0x7F, 0x80, 0xFF, source.randrange(256))
            )
        try:
            module = decode_module(bytes(data), ALL)
            text = print_module(module)
        except WasmError:
            continue
        assert parse_module(text, features=ALL)
