"""The encoder: canonical modules come out as they were, all others as ones that mean the same."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from binary_bytes import EVERYTHING, PREAMBLE, custom, meaning, module, section
from wasm_tools import WASM_TOOLS, needs_wasm_tools
from wasmarium.binary import writing
from wasmarium.binary.decoder import decode_module
from wasmarium.binary.encoder import encode_module
from wasmarium.features import ALL
from wasmarium.instructions.table import BY_MNEMONIC
from wasmarium.types import FUNC, FUNCREF, I32, I64, Limits, MemoryType, TableType, reference

CANONICAL = [
    PREAMBLE,
    module(section(1, "00"), section(3, "00"), section(10, "00"), section(12, "00")[:0], section(11, "00")),
    module(custom(b"a", "00"), custom(b"a", ""), section(1, "01 60 00 00"), custom(b"", ""), custom(b"z", "ff")),
    module(section(1, "01 60 03 7f 70 6e 02 7b 64 70")),
    module(section(1, "02 4e 00 4e 02 50 00 5f 00 4f 01 00 5f 01 78 00")),
    # a supertype is an unsigned index, a heap type a signed one
    module(section(1, "01 50 01 64 60 01 63 e4 00 00")),
    module(section(5, "03 00 01 05 00 80 80 80 80 10 0c 01 00")),
    module(section(4, "02 70 00 00 40 00 64 70 01 01 02 d2 00 0b")),
    # the eight forms of element segments
    module(section(9, "02 00 41 00 0b 02 00 01 01 00 00")),
    module(section(9, "02 02 01 41 00 0b 00 01 00 03 00 00")),
    module(section(9, "02 04 41 00 0b 00 05 6f 01 d0 6f 0b")),
    module(section(9, "03 06 00 41 00 0b 6f 00 06 01 41 00 0b 70 00 07 70 00")),
    module(section(9, "01 05 64 70 01 d2 00 0b")),
    # integers in bodies and expressions are not the encoder's business
    module(section(6, "01 7f 00 41 80 00 0b"), section(11, "02 00 41 80 80 00 0b 01 aa 02 01 41 00 0b 00")),
    module(section(3, "01 00"), section(10, "01 05 00 41 80 00 0b")),
    # sizes of sections in five bytes, as Go writes them
    PREAMBLE + bytes.fromhex("00 82 80 80 80 00 01 78 01 81 80 80 80 00 00"),
]


@pytest.mark.parametrize("data", CANONICAL, ids=range(len(CANONICAL)))
def test_canonical_modules_come_out_as_they_were(data: bytes) -> None:
    assert encode_module(decode_module(data, ALL)) == data


# one thing twice, the longer way first
LONGER = [
    (section(1, "01 4e 01 4f 00 60 01 63 70 00"), section(1, "01 60 01 70 00")),
    (section(5, "01 08 01 10"), section(5, "01 00 01")),
    (section(9, "01 02 00 41 00 0b 00 01 00"), section(9, "01 00 41 00 0b 01 00")),
    (section(9, "01 06 00 41 00 0b 70 00"), section(9, "01 04 41 00 0b 00")),
    (section(9, "01 05 64 70 00"), section(9, "01 01 00 00")),
    (section(11, "01 02 00 41 00 0b 01 aa"), section(11, "01 00 41 00 0b 01 aa")),
    (section(3, "01 80 00") + section(10, "81 00 82 80 00 00 0b"), section(3, "01 00") + section(10, "01 02 00 0b")),
    (section(7, "01 81 80 00 61 00 80 00"), section(7, "01 01 61 00 00")),
    (custom(b"", "")[:1] + b"\3\x81\0x", custom(b"x", "")),
]


@pytest.mark.parametrize(("longer", "shorter"), LONGER)
def test_longer_ways_to_say_a_thing_become_the_shortest(longer: bytes, shorter: bytes) -> None:
    decoded = decode_module(PREAMBLE + longer, ALL)
    again = encode_module(decoded)
    assert again == PREAMBLE + shorter
    assert meaning(decode_module(again, ALL)) == meaning(decoded)


def test_everything_survives() -> None:
    decoded = decode_module(EVERYTHING, ALL)
    again = decode_module(encode_module(decoded), ALL)
    assert meaning(again) == meaning(decoded)
    assert encode_module(again) == again.data


def test_a_changed_module_gets_the_sections_that_it_needs() -> None:
    decoded = decode_module(EVERYTHING, ALL)
    changed = replace(decoded, sections=(), start=None, customs=decoded.customs[1:])
    again = decode_module(encode_module(changed), ALL)
    assert [item.name for item in again.sections] == [
        item.name for item in decoded.sections if item.name not in ("start", "first")
    ]
    assert again.start is None


@pytest.mark.shared("guests")
def test_all_guests_come_out_as_they_were(shared: Path) -> None:
    tried = 0
    for file in sorted((shared / "guests").rglob("*.wasm")):
        data = file.read_bytes()
        if data[6] == 1:  # a component
            continue
        decoded = decode_module(data, ALL)
        assert encode_module(decoded) == data, file.name
        tried += 1
    assert tried > 10


WAT = """(module $m
  (rec (type $s (sub (struct (field $x (mut i8)) (field (ref null $a))))) (type $a (array (mut (ref $s)))))
  (type $f (func (param i32 f64) (result v128 (ref $a))))
  (import "env" "f" (func $imported (type $f)))
  (import "env" "m" (memory i64 1 2 shared))
  (table $t i64 1 (ref null $s) (struct.new_default $s))
  (table $u 1 2 funcref)
  (memory $n 1 (pagesize 1))
  (tag $e (param i32))
  (global $g (mut i64) (i64.add (i64.const 1) (i64.const -2)))
  (export "run" (func $run)) (export "t" (table $t)) (export "e" (tag $e))
  (start $run)
  (elem $p func $run $imported)
  (elem (table $u) (i32.const 0) funcref (ref.func $run) (ref.null nofunc))
  (elem declare func $run)
  (data $d (memory $n) (i32.const 3) "hello")
  (data "passive")
  (@custom "hello" (after code) "payload")
  (func $run (local $i i32) (local i32 f32)
    (block $b (loop $l (br_if $b (i32.eqz (local.get $i))) (br $l)))
    (memory.init $n $d (i32.const 0) (i32.const 0) (i32.const 0))
    (block $q (try_table (catch_all $q) (throw $e (i32.const 1))))))
"""


@needs_wasm_tools
@pytest.mark.parametrize("strip", [False, True])
def test_what_wasm_tools_writes_comes_out_as_it_was(tmp_path: Path, strip: bool) -> None:
    source, binary = tmp_path / "m.wat", tmp_path / "m.wasm"
    source.write_text(WAT, encoding="utf-8")
    subprocess.run([WASM_TOOLS, "parse", source, "-o", binary], check=True)
    if strip:
        subprocess.run([WASM_TOOLS, "strip", "--all", binary, "-o", binary], check=True)
    data = binary.read_bytes()
    decoded = decode_module(data, ALL)
    assert encode_module(decoded) == data
    if not strip:
        assert decoded.names.module == "m"
        assert decoded.names.functions == {0: "imported", 1: "run"}
        assert decoded.names.fields == {0: {0: "x"}}
        assert decoded.names.labels[1] == {0: "b", 1: "l", 2: "q"}


@needs_wasm_tools
def test_a_module_built_from_pieces_is_what_wasm_tools_makes_of_the_same_text(tmp_path: Path) -> None:
    """The pieces as the text parser uses them, against (module …) with the same content."""
    source, binary = tmp_path / "m.wat", tmp_path / "m.wasm"
    source.write_text(
        """(module
          (type (func (param i32) (result i64)))
          (import "a" "é" (global i32))
          (func (type 0) (local i32 i32 i64) i64.const -1)
          (table 0 10 (ref null func))
          (memory 1 2)
          (export "run" (func 0))
          (elem (i32.const 1) func 0)
          (data (i32.const 300) "hi"))""",
        encoding="utf-8",
    )
    subprocess.run([WASM_TOOLS, "parse", source, "-o", binary], check=True)

    def content(write, *arguments) -> bytes:
        out = bytearray(b"\1")
        write(*arguments, out)
        return bytes(out)

    def expression(*instructions) -> bytes:
        out = bytearray()
        for mnemonic, *immediates in (*instructions, ("end",)):
            writing.write_instruction(BY_MNEMONIC[mnemonic][0], immediates, out)
        return bytes(out)

    out = bytearray(writing.PREAMBLE)
    types = bytearray(b"\1\x60")
    writing.write_result_type([I32], types)
    writing.write_result_type([I64], types)
    writing.write_section(1, types, out)
    constant = decode_module(module(section(2, "01 00 00 03 7f 00"))).imports[0].type
    writing.write_section(2, content(writing.write_import, "a", "é", constant), out)
    writing.write_section(3, b"\1\0", out)
    writing.write_section(4, content(writing.write_table, TableType(FUNCREF, Limits(0, 10)), None), out)
    writing.write_section(5, content(writing.write_memory_type, MemoryType(Limits(1, 2))), out)
    writing.write_section(7, content(writing.write_export, "run", "func", 0), out)
    place = expression(("i32.const", 1))
    nonnull = reference(False, FUNC)
    writing.write_section(9, content(writing.write_element_segment, "active", nonnull, [0], 0, place), out)
    groups = writing.group_locals([I32, I32, I64])
    assert groups == [(2, I32), (1, I64)]
    body = expression(("i64.const", 2**64 - 1))
    writing.write_section(10, content(writing.write_code, groups, body), out)
    place = expression(("i32.const", 300))
    writing.write_section(11, content(writing.write_data_segment, b"hi", 0, place), out)
    assert bytes(out) == binary.read_bytes()
