"""Modules to text: how it looks, that names are kept, and that everything can be read again."""

from __future__ import annotations

import dataclasses

import pytest

from text.facts import facts
from wasmarium.binary.custom import write_names
from wasmarium.binary.decoder import decode_module
from wasmarium.binary.writing import write_custom_section
from wasmarium.errors import Malformed
from wasmarium.features import ALL
from wasmarium.module import Code, Module, Names
from wasmarium.text.parser import parse_module
from wasmarium.text.printer import print_function, print_module


def module_of(text: str) -> Module:
    return decode_module(parse_module(text, features=ALL), ALL)


def again(module: Module) -> Module:
    return decode_module(parse_module(print_module(module), features=ALL), ALL)


def test_how_it_looks() -> None:
    text = """
      (module $demo
        (import "env" "log" (func $log (param i32)))
        (type $point (struct (field $x (mut f64)) (field i8)))
        (memory $memory 1 2)
        (global $count (mut i32) (i32.const -1))
        (export "run" (func $run))
        (func $run (param $n i32) (param i64 i64) (result i32) (local $i i32) (local f32)
          (block $done (loop
            (br_if $done (i32.eqz (local.get $n)))
            (call $log (i32.load offset=4 align=1 (local.get 1)))
            (br 0)))
          (if (result i32) (i32.const 1) (then (global.get $count)) (else (i32.const 0x10))))
        (elem $table-less declare func $run)
        (data $text (i32.const 8) "Hi\\n\\"\\ff"))
    """
    assert (
        print_module(module_of(text))
        == """\
(module $demo
  (type $point (;0;) (struct (field $x (mut f64)) (field i8)))
  (type (;1;) (func (param i32)))
  (type (;2;) (func (param i32 i64 i64) (result i32)))
  (import "env" "log" (func $log (;0;) (type 1) (param i32)))
  (memory $memory (;0;) 1 2)
  (global $count (;0;) (mut i32) i32.const -1)
  (export "run" (func $run))
  (elem $table-less (;0;) declare func $run)
  (func $run (;1;) (type 2) (param $n i32) (param i64 i64) (result i32)
    (local $i i32)
    (local f32)
    block $done
      loop ;; label = @2
        local.get $n
        i32.eqz
        br_if $done
        local.get 1
        i32.load offset=4 align=1
        call $log
        br 0 (;@2;)
      end
    end
    i32.const 1
    if (result i32) ;; label = @1
      global.get $count
    else
      i32.const 16
    end
  )
  (data $text (;0;) (i32.const 8) "Hi\\n\\"\\ff")
)
"""
    )


EVERYTHING = """
(module
  (rec
    (type $a (sub (struct (field (ref null $b)))))
    (type $b (sub final $a (struct (field (ref null $b)) (field i16)))))
  (rec)
  (type $f (func (param i32) (result i32 i64)))
  (type (array (mut (ref any))))
  (type (sub (func)))
  (import "m" "table" (table $it i64 1 2 (ref null $f)))
  (import "m" "memory" (memory 1 1 shared))
  (import "m" "global" (global (mut externref)))
  (import "m" "tag" (tag $tag (type $f)))
  (table 1 funcref (ref.null func))
  (memory i64 0) (memory 0 (pagesize 1))
  (tag (param f32))
  (global (ref i31) (ref.i31 (i32.const 5)))
  (global i32 (i32.add (i32.const 1) (i32.const 2)))
  (export "" (table 0)) (export "\\u{202e}\\"" (tag 0))
  (start $start)
  (func $start
    (drop (block (type $f) (i32.const 1) (i64.const 2)))
    (block $l (block (block $l (br $l) (br 1) (br 2) (br 3))))
    (try_table (catch $tag 0) (catch_ref 0 0) (catch_all 0) (catch_all_ref 0))
    (try (do) (catch $tag (rethrow 0)) (catch_all))
    (block $outer (try (do (br $outer)) (delegate $outer)))
    (br_table 0 1 2 0 (i32.const 1))
    (call_indirect $it (type $f) (i32.const 0))
    (select (result i32 f32)) (select) (select (result))
    (memory.init 2 $d) (memory.copy 1 0) (memory.fill 1) (table.copy 1 0) (table.init $it $e) (table.get)
    (ref.test (ref $a)) (ref.cast anyref) (br_on_cast 0 (ref null $a) (ref $b)) (ref.null $a) (ref.null noexn)
    (struct.get $b 1) (array.new_fixed 3 2) (array.copy 3 3)
    (v128.const i32x4 1 2 3 -1) (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    (v128.load8_lane 1 offset=3 align=1 2) (i64.atomic.rmw8.add_u) (atomic.fence)
    (f32.const nan:0x7) (f32.const -inf) (f64.const 0x1.8p-1070) (f32.const 16777217)
    (i64.const -9223372036854775808) (i64.sub128))
  (elem $e (table 1) (offset (i32.const 1)) funcref (ref.func $start) (item ref.null func))
  (elem (i64.const 0) (ref null $f))
  (elem func)
  (elem (offset (i32.add (i32.const 1) (i32.const 1))) func $start $start)
  (data $d (memory 1) (offset (global.get 1)) "a")
  (data "")
  (@custom "c\\"" (before first) "\\00\\01") (@custom "behind" (after tag) "x") (@custom "end")
)
"""


def test_everything_comes_back() -> None:
    module = module_of(EVERYTHING)
    assert facts(again(module)) == facts(module)


def test_long_data_is_cut_into_lines() -> None:
    data = bytes(range(256)) * 2
    text = "".join(f"\\{byte:02x}" for byte in data)
    module = module_of(f'(data "{text}") (data "")')
    printed = print_module(module)
    assert max(map(len, printed.splitlines())) < 250
    assert facts(again(module)) == facts(module)


def named(text: str, names: Names) -> Module:
    """The module with a name section."""
    out = bytearray(parse_module(text, names=False))
    write_custom_section("name", write_names(names), out)
    return decode_module(bytes(out))


def test_names_that_are_no_identifiers() -> None:
    functions = {0: "two words", 1: "dup", 2: "dup", 3: "", 4: "dup_2", 5: '"\\\n\u202e', 6: "λ", 7: "ok"}
    locals_ = {7: {0: "x", 1: "x", 2: "", 3: "x_1"}}
    labels = {7: {0: "l", 1: "l", 2: "", 3: "a b"}}
    body = "(block (block (block (block (br 0) (br 1) (br 2) (br 3) (br 4)))))"
    text = "(func)" * 7 + f"(func (param i32 i32) (local i32 i32) {body} (call 2) (local.set 1 (local.get 0)))"
    module = named(text, Names(functions=functions, locals=locals_, labels=labels, module="the module"))
    printed = print_module(module)
    assert printed.startswith('(module $"the module"\n')
    assert '(func $"two words" (;0;)' in printed
    assert '(func $dup_10 (@name "dup") (;2;)' in printed
    assert '(func (@name "") (;3;)' in printed
    assert '(func $"\\"\\\\\\n\\u{202e}" (;5;)' in printed
    assert '(func $"λ" (;6;)' in printed
    assert "call $dup_10" in printed
    assert facts(again(module)) == facts(module)


def test_names_of_what_is_not_there_are_left_out() -> None:
    names = Names(functions={0: "f", 9: "g"}, locals={0: {5: "x"}, 7: {0: "y"}}, types={3: "t"}, fields={0: {0: "z"}})
    module = named("(func)", names)
    assert again(module).names == Names(functions={0: "f"})


def test_hidden_labels_are_numbers() -> None:
    listing = print_function(module_of("(func (block $l (block $l (br 1) (br 0))))"), 0)
    assert [line.strip() for line in listing.text.splitlines()[3:5]] == ["br 1 (;@1;)", "br $l"]


def test_one_function() -> None:
    module = module_of(
        '(import "a" "b" (func $i (param i32))) (func $f (local i32) (block nop) (call $i (i32.const 3)))'
    )
    listing = print_function(module, 1)
    assert listing.text.splitlines() == [
        "(func $f (;1;) (type 1)",
        "  (local i32)",
        "  block ;; label = @1",
        "    nop",
        "  end",
        "  i32.const 3",
        "  call $i",
        ")",
    ]
    start = module.codes[0].start + 3  # behind one run of locals
    assert listing.offsets == (None, None, start, start + 2, start + 3, start + 4, start + 6, None)
    assert listing.line_of(start + 4) == 5
    assert listing.line_of(start + 5) is None
    assert print_function(module, 0).text == '(import "a" "b" (func $i (;0;) (type 0) (param i32)))\n'
    with pytest.raises(IndexError):
        print_function(module, 2)


def test_branch_hints_stand_beside_their_branches() -> None:
    module = module_of('(func (i32.const 0) (@metadata.code.branch_hint "\\01") (if (then)))')
    assert '(@metadata.code.branch_hint "\\01")\n    if' in print_module(module)
    assert facts(again(module)) == facts(module)


@pytest.mark.parametrize("payload", [b"\x01\x00\x01\x00\x01\x01", b"\x01\x05\x00", b"\xff"])
def test_branch_hints_that_fit_nowhere_are_a_custom_section(payload: bytes) -> None:
    text = '(@custom "metadata.code.branch_hint" (after func) "{}") (func nop)'
    module = module_of(text.format("".join(f"\\{byte:02x}" for byte in payload)))
    assert "@custom" in print_module(module)
    assert facts(again(module)) == facts(module)


def test_what_is_not_valid_is_printed_all_the_same() -> None:
    module = module_of(
        '(export "x" (func 7)) (global i32 (local.get 3)) (func (param $p i32) (local.get 9) (br 12) (call 99)'
        " (struct.get 5 1) (block (type 8)) (drop (i32.const 1))) (data (memory 4) (i32.const 0))"
    )
    assert facts(again(module)) == facts(module)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("0b0b", "unexpected instruction"),
        ("050b", "unexpected else"),
        ("0240050b0b", "unexpected else in block"),
        ("0240", "unexpected end"),
        ("ff0b", "illegal opcode"),
    ],
)
def test_bodies_that_cannot_be_written(body: str, message: str) -> None:
    good = parse_module("(func nop nop nop nop nop)")
    module = decode_module(good)
    code = bytes.fromhex("00" + body)
    start = module.codes[0].start
    data = good[:start] + code + good[start + len(code) :]
    broken = dataclasses.replace(module, data=data, codes=(Code(start, start + len(code)),))
    with pytest.raises(Malformed, match=message):
        print_module(broken)
