"""`wasmarium validate`, `wasmarium inspect`, and the command line as a whole."""

from __future__ import annotations

import io
import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import guest_modules as guests
from binary_bytes import custom
from wasmarium.cli import main
from wasmarium.cli.output import write


@pytest.fixture
def module(tmp_path: Path) -> Any:
    def save(content: bytes, name: str = "guest.wasm") -> str:
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return save


# ---- validate -------------------------------------------------------------------------------------------------------


def test_every_file_gets_its_verdict(module, capsys) -> None:
    good, bad = module(guests.CALCULATOR.wasm, "good.wasm"), module(guests.ILL_TYPED.wasm, "bad.wasm")
    assert main(["validate", good, bad, "missing.wasm", good]) == 1
    out, err = capsys.readouterr()
    assert out == f"{good}: valid\n{good}: valid\n"
    first, second = err.splitlines()
    assert first.startswith(f"{bad}: invalid: type mismatch")
    assert "code section, function 0" in first
    assert "offset 0x25" in first
    assert second == "missing.wasm: no such file"


def test_valid_files_give_status_zero(module, capsys) -> None:
    assert main(["validate", module(guests.CALCULATOR.wasm)]) == 0
    assert capsys.readouterr().err == ""


def test_text_is_checked_too(module, capsys) -> None:
    good = module(b"(module)", "good.wat")
    bad = module(b"(module\n  (func (result i32)))", "bad.wat")
    broken = module(b"(module\n  (funk))", "broken.wat")
    assert main(["validate", good, bad, broken]) == 1
    out, err = capsys.readouterr()
    assert out == f"{good}: valid\n"
    first, second = err.splitlines()
    assert first.startswith(f"{bad}: invalid: type mismatch")
    assert "(at line 2:" in first
    assert second.startswith(f"{broken}: malformed: ")
    assert "(at line 2:" in second


def test_verdicts_as_json(module, capsys) -> None:
    good, bad = module(guests.CALCULATOR.wasm, "good.wasm"), module(guests.ILL_TYPED.wasm, "bad.wasm")
    assert main(["validate", "--json", good, bad, "missing.wasm"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    first, second, third = json.loads(out)
    assert first == {"file": good, "valid": True}
    assert (second["file"], second["valid"], second["error"]["code"]) == (bad, False, "invalid")
    assert (second["error"]["section"], second["error"]["function"], second["error"]["offset"]) == ("code", 0, 0x25)
    assert third["error"] == {"code": "file", "message": "missing.wasm: no such file"}


# ---- inspect --------------------------------------------------------------------------------------------------------


def test_everything_in_a_module_is_shown(module, capsys) -> None:
    path = module(guests.CONSUMER.wasm)
    assert main(["inspect", path]) == 0
    out = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == f"{path}: {len(guests.CONSUMER.wasm)} bytes, a library"
    assert "section offset size entries" in lines
    # the type section's content stands behind magic, version, its id and its size
    assert any(line.startswith("type 0xa ") and line.endswith(" 3") for line in lines)
    assert "imports (6)" in lines
    assert "p.double func i32 → i32" in lines
    assert "exports (3)" in lines
    assert "triple func 1: i32 → i32" in lines
    assert lines[-1].startswith("features: ")
    assert "exceptions" in lines[-1]


def test_everything_as_json(module, capsys) -> None:
    path = module(guests.CALCULATOR.wasm)
    assert main(["inspect", "--json", path]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["name"] == "calculator"
    assert found["size"] == len(guests.CALCULATOR.wasm)
    assert [section["name"] for section in found["sections"]] == ["type", "function", "export", "code", "name"]
    for section in found["sections"]:
        assert 0 < section["offset"] < section["offset"] + section["size"] <= found["size"]
    assert [function["name"] for function in found["functions"]] == ["add", "div"]


def test_producers_are_shown(module, capsys) -> None:
    producers = custom(b"producers", bytes([1, 8]) + b"language" + bytes([1, 3]) + b"WAT" + bytes([1]) + b"9")
    assert main(["inspect", module(guests.COMMAND.wasm + producers)]) == 0
    out = capsys.readouterr().out
    assert "a WASI command" in out
    assert "producers\n  language  WAT 9\n" in out


def test_hostile_names_cannot_forge_lines_or_command_the_terminal(module, capsys) -> None:
    hostile = guests.DEFAULT.wasm.replace(b"\x07\x04\x01\x00", b"\x07\x0c\x01\x08\x1b[2J\nok\x07")
    assert main(["inspect", module(hostile)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\\x1b[2J\\nok\\x07" in out


# ---- the whole ------------------------------------------------------------------------------------------------------


def test_help_teaches_by_examples(capsys) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "examples:\n  wasmarium run hello.wasm one two" in out
    for command in ("run", "validate", "inspect", "parse", "print", "wast"):
        assert main([command, "--help"]) == 0
        assert f"wasmarium {command}" in capsys.readouterr().out


def test_no_command_shows_the_help(capsys) -> None:
    assert main([]) == 2
    assert "examples:" in capsys.readouterr().out


def test_version(capsys) -> None:
    assert main(["--version"]) == 0
    try:
        expected = metadata.version("wasmarium")
    except metadata.PackageNotFoundError:
        expected = "(not installed)"
    assert capsys.readouterr().out == f"wasmarium {expected}\n"


def test_terminals_that_cannot_show_a_character_get_an_escape() -> None:
    raw = io.BytesIO()
    terminal = io.TextIOWrapper(raw, encoding="ascii")
    write("i32 → i32\x1b", terminal)
    assert raw.getvalue() == b"i32 \\u2192 i32\\x1b\n"
