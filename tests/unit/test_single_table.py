"""The instruction table is the only place where an opcode, an immediate or a signature is written.

Shown by changing it: see ``moved_table.py``. If a decoder, an encoder, a validator, an engine or the text format
knew an opcode by itself, it would now meet another instruction there.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import wasmarium
from moved_table import NEW, moved
from wasmarium.instructions.table import BY_OPCODE, INSTRUCTIONS, PREFIXES

pytestmark = pytest.mark.cpython("a second interpreter, in which the table is another one")


LONG = 30_000


def suitable(script: bytes) -> bool:
    """Whether a script has nothing but text, and not too much of it."""
    return b"binary" not in script and len(script) < LONG


def on_moved_table(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).parents[1] / "moved_table.py"
    return subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, timeout=500)


# Numbers in hexadecimal and bytes that nobody can read, by the rooms that may hold them, and what they are there.
CODES = {
    "leb128.py": "the continuation and the sign of an integer: 40 7F 80",
    "types.py": "the codes of types: 69 6A 6B 6C 6D 6E 6F 70 71 72 73 74 77 78 7B 7C 7D 7E 7F",
    "binary/types.py": "type constructors and flags of limits: 00 01 02 03 04 05 08 0F 4E 4F 50 5E 5F 60 63 64 80",
    "binary/writing.py": "the preamble, type constructors, tables with a value, padding: 4E 4F 50 5E 5F 60 80 ..",
    "binary/reading.py": "the twelve bits that a row has behind a prefix: 1000",
    "binary/code.py": "which integers are one byte, and which opcodes: 40 80 100",
    "binary/decoder.py": "integers of several bytes, the flags of table and data entries: 00 40 7E 80 FF ..",
    "gojs/heap.py": "the head of a NaN that is a reference: 7FF8",
    "validation/code.py": "integers of several bytes, an empty block type: 00 08 40 78 7F 80 FF FFF",
    "validation/constant.py": "integers of several bytes: 80",
}
ELSEWHERE = "characters, bounds and masks of integers, separators: 01 20 7F FF 10FFFF .."


def numbers_in(file: Path) -> list[str]:
    """The hexadecimal numbers in a file that could be opcodes, and ``..`` for bytes that cannot be read."""
    found: list[str] = []
    with file.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type == tokenize.NUMBER and re.match("0[xX]", token.string):
                number = int(token.string, 16)
                found += [] if number > 0xFD_FFFF else [f"{number:02X}"]
            elif token.type == tokenize.STRING and re.match("(?i)(rb|br|b)[\"']", token.string):
                value = ast.literal_eval(token.string)
                if len(value) > 1 and (not value.isascii() or not value.decode().isprintable() or b"\\x" in value):
                    found.append("..")
    return found


def test_nothing_else_writes_codes() -> None:
    """What a table of other opcodes cannot show: an opcode known twice where the second knowledge is only used when
    it happens to hold. Code is written and matched by mnemonic, so numbers have no business elsewhere."""
    package = Path(wasmarium.__file__).parent
    surprising = {}
    for file in sorted(package.rglob("*.py")):
        room = file.relative_to(package).as_posix()
        if room.split("/")[0] in {"instructions", "wasi"}:
            continue
        allowed = CODES.get(room, ELSEWHERE).rpartition(": ")[2].split()
        if extra := set(numbers_in(file)) - set(allowed):
            surprising[room] = extra
    assert surprising == {}


def test_no_opcode_stays() -> None:
    opcodes = {moved(row.opcode) for row in INSTRUCTIONS}
    assert len(opcodes) == len(INSTRUCTIONS)
    assert [row for row in INSTRUCTIONS if moved(row.opcode) == row.opcode] == []
    assert not opcodes & set(PREFIXES)
    assert {opcode >> 12 for opcode in opcodes} == {opcode >> 12 for opcode in BY_OPCODE}


@pytest.mark.shared("core")
def test_everything_follows_a_table_of_other_opcodes(shared: Path) -> None:
    """Scripts of the suite give the same on a table with other opcodes."""
    scripts = [path for path in sorted((shared / "core").glob("*.wast")) if suitable(path.read_bytes())]
    outcome = on_moved_table("wast", *scripts)
    *_, last = outcome.stdout.splitlines()
    assert last.endswith(" passed, 0 failed, 0 skipped"), outcome.stdout + outcome.stderr
    assert int(last.partition(" ")[0]) > 4_000


def test_one_more_row_is_one_more_instruction(tmp_path: Path) -> None:
    """A row and what it computes: the text format, the validator, both directions of the binary, and the engine
    have it, with nothing else said."""
    text = tmp_path / "new.wat"
    text.write_text(
        f'(module (func (export "f") (param i32 i32 i32) (result i32)\n'
        f"  ({NEW} 8 (local.get 0) (local.get 1) (local.get 2))))"
    )
    binary, wrong = text.with_suffix(".wasm"), tmp_path / "wrong.wat"
    assert on_moved_table("parse", text, "-o", binary).returncode == 0
    assert bytes([moved(0xEE), 8]) in binary.read_bytes()
    assert f"{NEW} 8" in on_moved_table("print", binary).stdout
    assert on_moved_table("run", "--invoke", "f", binary, "5", "3", "7").stdout == "9\n"
    assert on_moved_table("run", "--invoke", "f", binary, "2", "3", "7").stdout == "8\n"

    wrong.write_text(text.read_text().replace("(local.get 2)", "(f32.const 2)"))
    refused = on_moved_table("validate", wrong)
    told = refused.stdout + refused.stderr
    assert refused.returncode == 1
    assert "type mismatch" in told
    assert NEW in told
    wrong.write_text(text.read_text().replace(f"{NEW} 8", f"{NEW} 9"))
    refused = on_moved_table("validate", wrong)
    assert refused.returncode == 1
    assert "lane index" in refused.stdout + refused.stderr
