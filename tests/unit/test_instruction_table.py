"""The instruction table against two independent readers of the format, wasm-tools and wasmtime.

Every row is written as text; what wasm-tools makes of that text is what the row must read and write. Which values
the immediates have is said here, once, beside how the text says it.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from wasm_tools import WASM_TOOLS, needs_wasm_tools
from wasmarium.binary.code import read_instruction
from wasmarium.binary.decoder import decode_module
from wasmarium.binary.writing import write_instruction
from wasmarium.errors import Malformed
from wasmarium.features import ALL
from wasmarium.instructions.immediates import DATA, CastArgument, Catch, MemoryArgument
from wasmarium.instructions.table import BY_OPCODE, INSTRUCTIONS, PREFIXES, Instruction
from wasmarium.types import EXNREF, HEAP_TYPES, I32, I64, reference

EQ, ANY = HEAP_TYPES["eq"], HEAP_TYPES["any"]

# by name of the immediate: text and value; a second one of the same name has the next
SAMPLES: dict[str, list[tuple[str, Any]]] = {
    "labelidx": [("300", 300)],
    "funcidx": [("200", 200)],
    "typeidx": [("3", 3), ("200", 200)],
    "tableidx": [("5", 5), ("201", 201)],
    "memidx": [("6", 6), ("202", 202)],
    "globalidx": [("7", 7)],
    "localidx": [("16384", 16384)],
    "dataidx": [("8", 8)],
    "elemidx": [("9", 9)],
    "tagidx": [("203", 203)],
    "fieldidx": [("10", 10)],
    "u32": [("4294967295", 4294967295)],
    "i32": [("-2147483648", 0x8000_0000)],
    "i64": [("-65", 2**64 - 65)],
    "f32": [("-nan:0x200001", 0xFFA0_0001)],
    "f64": [("nan:0x4000000000001", 0x7FF4_0000_0000_0001)],
    "v128": [("i8x16 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 -1", 0xFF0F_0E0D_0C0B_0A09_0807_0605_0403_0201)],
    "laneidx": [("1", 1)],
    "lanes": [(" ".join(map(str, range(16, 32))), tuple(range(16, 32)))],
    "heaptype": [("eq", EQ)],
    "valuetypes": [("(result i64 exnref)", (I64, EXNREF))],
    "labels": [("1 2 300", (1, 2, 300))],
    "zero": [("", 0)],
    "blocktype": [("(result i32)", I32)],
    "catches": [
        (
            "(catch 1 2) (catch_ref 203 4) (catch_all 5) (catch_all_ref 300)",
            (
                Catch("catch", 1, 2),
                Catch("catch_ref", 203, 4),
                Catch("catch_all", None, 5),
                Catch("catch_all_ref", None, 300),
            ),
        )
    ],
}

# rows whose text has another order than their bytes, or other words: opcode -> (text, values)
SPECIAL: dict[int, tuple[str, tuple[Any, ...]]] = {
    0x11: ("call_indirect 5 (type 200)", (200, 5)),
    0x13: ("return_call_indirect 5 (type 200)", (200, 5)),
    0xFC00C: ("table.init 5 9", (9, 5)),
    0xFC008: ("memory.init 6 8", (8, 6)),
    0xFB014: ("ref.test (ref eq)", (EQ,)),
    0xFB015: ("ref.test (ref null eq)", (EQ,)),
    0xFB016: ("ref.cast (ref 3)", (3,)),
    0xFB017: ("ref.cast (ref null eq)", (EQ,)),
    0xFB018: (
        "br_on_cast 300 anyref (ref eq)",
        (CastArgument(300, reference(True, ANY), reference(False, EQ)),),
    ),
    0xFB019: (
        "br_on_cast_fail 1 (ref any) (ref null 3)",
        (CastArgument(1, reference(False, ANY), reference(True, 3)),),
    ),
}

# what has to stand around an instruction: bytes before it, text before it, text behind it
AROUND: dict[str, tuple[int, str, str]] = {
    "block": (0, "", "end"),
    "loop": (0, "", "end"),
    "if": (0, "", "end"),
    "try_table": (0, "", "end"),
    "try": (0, "", "catch_all end"),
    "else": (2, "if", "end"),
    "end": (2, "block", ""),
    "catch": (2, "try", "end"),
    "catch_all": (2, "try", "end"),
    "delegate": (2, "try", ""),
}


def sample(row: Instruction) -> tuple[str, tuple[Any, ...]]:
    """The row as text, and the values that its immediates have there."""
    if row.opcode in SPECIAL:
        return SPECIAL[row.opcode]
    words, values = [row.mnemonic], []
    seen: dict[str, int] = {}
    for kind in row.immediates:
        if kind.name == "memarg":
            # the memory is wanted first, the alignment in bytes
            words.append(f"2 offset=300 align={row.width}")
            values.append(MemoryArgument(row.width.bit_length() - 1, 300, 2))
            continue
        number = seen[kind.name] = seen.get(kind.name, -1) + 1
        text, value = SAMPLES[kind.name][number]
        words.append(text)
        values.append(value)
    return " ".join(words), tuple(values)


@pytest.fixture(scope="module")
def assembled(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The body of a function for every row, as wasm-tools assembles it: no locals, the row, end."""
    folder: Path = tmp_path_factory.mktemp("table")
    functions = []
    for row in INSTRUCTIONS:
        _, before, behind = AROUND.get(row.mnemonic, (0, "", ""))
        functions.append(f"(func {before} {sample(row)[0]} {behind})\n")
    source, binary = folder / "rows.wat", folder / "rows.wasm"
    source.write_text(f"(module\n{''.join(functions)})", encoding="utf-8")
    subprocess.run([WASM_TOOLS, "parse", source, "-o", binary], check=True)
    module = decode_module(binary.read_bytes())
    return [module.data[code.start : code.end] for code in module.codes]


@needs_wasm_tools
def test_rows_are_read_and_written_as_wasm_tools_does(assembled: list[bytes]) -> None:
    assert len(assembled) == len(INSTRUCTIONS)
    for row, data in zip(INSTRUCTIONS, assembled, strict=True):
        skipped, _, _ = AROUND.get(row.mnemonic, (0, "", ""))
        start = 1 + skipped
        found, immediates, end = read_instruction(data, start)
        assert found is row
        assert immediates == sample(row)[1], row
        # an opening instruction has its own end, try a catch_all before it; what closes has none
        assert data[end:] in (b"\x0b", b"\x0b\x0b", b"\x19\x0b\x0b"), row
        out = bytearray()
        write_instruction(row, immediates, out)
        assert out == data[start:end], row


def test_every_cut_of_an_instruction_is_malformed() -> None:
    for row in INSTRUCTIONS:
        out = bytearray()
        write_instruction(row, sample(row)[1], out)
        assert read_instruction(out, 0) == (row, sample(row)[1], len(out))
        for length in range(len(out)):
            with pytest.raises(Malformed, match=r"unexpected end|length out of bounds"):
                read_instruction(bytes(out[:length]), 0)


def ask(tmp_path: Path, script: list[str], features: str) -> None:
    """Have wasm-tools check every command of a script."""
    file = tmp_path / "rows.wast"
    file.write_text("\n".join(script), encoding="utf-8")
    result = subprocess.run([WASM_TOOLS, "wast", "--features", features, file], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def typed(row: Instruction, **changes: str) -> str:
    """A module whose function takes what the row takes, executes it and returns what it returns."""
    parameters = list(row.parameters)
    text, _ = sample(row)
    if row.width:
        parameters.insert(0, I32)
        text = f"{row.mnemonic} align={changes.get('align', row.width)}"
        if row.lanes:
            text += f" {changes.get('lane', row.lanes - 1)}"
    elif row.lanes:
        lane = changes.get("lane", str(row.lanes - 1))
        text = f"{row.mnemonic} {lane}" + (" 0" * 15 if row.mnemonic == "i8x16.shuffle" else "")
    gets = " ".join(f"local.get {i}" for i in range(len(parameters)))
    signature = f"(param {' '.join(map(str, parameters))}) (result {' '.join(map(str, row.results))})"
    return f"(module (memory 1) (func {signature} {gets} {text}))"


def test_which_rows_have_a_signature_of_their_own() -> None:
    kinds = {row.kind for row in INSTRUCTIONS if row.parameters or row.results}
    assert kinds == {"simple", "const", "load", "store", "load_lane", "store_lane", "atomic"}


@needs_wasm_tools
def test_signatures_widths_and_lanes(tmp_path: Path) -> None:
    fixed = [row for row in INSTRUCTIONS if row.parameters or row.results]
    assert len(fixed) > 450
    ask(tmp_path, [typed(row) for row in fixed], "all")
    ask(tmp_path, [typed(row) for row in fixed if row.feature == "mvp"], "mvp")
    script = [
        f'(assert_invalid {typed(row, align=str(2 * row.width))} "alignment must not be larger than natural")'
        for row in fixed
        if row.width and row.kind != "atomic"
    ]
    script += [
        f'(assert_invalid {typed(row, lane=str(row.lanes))} "SIMD index out of bounds")' for row in fixed if row.lanes
    ]
    ask(tmp_path, script, "all")


@needs_wasm_tools
@pytest.mark.parametrize("feature", sorted({row.feature for row in INSTRUCTIONS} - {"mvp"}))
def test_without_its_feature_a_row_is_refused(tmp_path: Path, feature: str) -> None:
    script = []
    for row in INSTRUCTIONS:
        # wasm-tools refuses try while it still reads, where no command of a script can expect it
        if row.feature != feature or (feature == "legacy-exceptions" and row.mnemonic != "rethrow"):
            continue
        refusal = "is not enabled"
        if DATA in row.immediates and feature == "bulk-memory":
            refusal = "requires the bulk-memory proposal"
        _, before, behind = AROUND.get(row.mnemonic, (0, "", ""))
        script.append(f'(assert_invalid (module (func unreachable {before} {sample(row)[0]} {behind})) "{refusal}")')
    ask(tmp_path, script, f"all,-{feature}")


def test_rows_are_unique_and_complete() -> None:
    assert len(INSTRUCTIONS) == len(BY_OPCODE)
    for row in INSTRUCTIONS:
        assert row.feature in ALL
        assert row.opcode < 0x100 or row.opcode >> 12 in PREFIXES
        assert (row.width > 0) == any(kind.name == "memarg" for kind in row.immediates)
        assert (row.lanes > 0) == any(kind.name in ("laneidx", "lanes") for kind in row.immediates)


def leb(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


# Opcodes that wasmtime's reader knows of proposals that wasmarium has no row of.
OTHER_PROPOSALS = {
    *range(0xE0, 0xE7),  # stack switching
    0xFC012,  # memory control: memory.discard
    *range(0xFB020, 0xFB027),  # custom descriptors
    *range(0xFE04F, 0xFE077),  # shared-everything threads
}


@pytest.mark.cpython("wasmtime is a native extension")
def test_no_opcode_is_missing_and_none_is_too_many() -> None:
    wasmtime = pytest.importorskip("wasmtime", reason="needs wasmtime, to compare with")
    config = wasmtime.Config()
    for name in dir(config):
        if name.startswith("wasm_"):
            setattr(config, name, True)
    engine = wasmtime.Engine(config)

    def known(opcode: bytes) -> bool:
        body = b"\0\0" + opcode + bytes(40)  # no locals, unreachable
        code = b"\1" + leb(len(body)) + body
        module = b"\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\x0a" + leb(len(code)) + code
        with pytest.raises(wasmtime.WasmtimeError) as caught:
            wasmtime.Module.validate(engine, module)
        return re.search("illegal opcode|unknown 0x.. subopcode", str(caught.value)) is None

    single = [code for code in range(256) if code not in PREFIXES and code != 0x0B]
    theirs = {code for code in single if known(bytes([code]))} | {0x0B}
    theirs |= {
        prefix << 12 | code for prefix in PREFIXES for code in range(0x200) if known(bytes([prefix]) + leb(code))
    }
    assert theirs - OTHER_PROPOSALS == set(BY_OPCODE)
