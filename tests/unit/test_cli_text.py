"""`wasmarium parse` and `wasmarium print`: modules to bytes and back."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

import guest_modules as guests
from wasmarium.binary.decoder import decode_module
from wasmarium.cli import main
from wasmarium.features import ALL

WRITTEN = {name: guest for name, guest in vars(guests).items() if isinstance(guest, guests.Guest)}

ADD = b"""(module $sums
  (func $add (export "add") (param $a i32) (result i32)
    (i32.add (local.get $a) (i32.const 2))))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def feed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.parametrize("name", WRITTEN)
def test_what_was_printed_is_parsed_to_the_same_module(name: str, folder: Path) -> None:
    (folder / "first.wasm").write_bytes(WRITTEN[name].wasm)
    for command in (
        "print first.wasm -o first.wat",
        "parse first.wat -o second.wasm",
        "print second.wasm -o second.wat",
        "parse second.wat -o third.wasm",
    ):
        assert main(command.split()) == 0
    assert (folder / "first.wat").read_text(encoding="utf-8").startswith("(module")
    assert (folder / "second.wat").read_bytes() == (folder / "first.wat").read_bytes()
    assert (folder / "third.wasm").read_bytes() == (folder / "second.wasm").read_bytes()


def test_names_go_in_unless_they_are_stripped(folder: Path) -> None:
    (folder / "add.wat").write_bytes(ADD)
    assert (
        main(["parse", "add.wat", "-o", "named.wasm"]) == main(["parse", "--strip", "add.wat", "-o", "bare.wasm"]) == 0
    )
    named, bare = ((folder / file).read_bytes() for file in ("named.wasm", "bare.wasm"))
    assert decode_module(named).names.functions == {0: "add"}
    assert decode_module(bare).customs == ()
    assert named.startswith(bare)


def test_standard_streams(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    feed(monkeypatch, ADD)
    assert main(["parse", "-"]) == 0
    binary = capsysbinary.readouterr().out
    assert binary[:4] == b"\0asm"
    feed(monkeypatch, binary)
    assert main(["print", "-"]) == 0
    assert b"func $add" in capsysbinary.readouterr().out


def test_text_is_printed_anew(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "add.wat").write_bytes(ADD.replace(b"\n", b""))
    assert main(["print", "add.wat"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") > 3
    assert "local.get $a" in out


@pytest.mark.parametrize(
    "text",
    [
        "(func (try (do) (catch_all)))",
        "(memory 1 1 shared)",
        "(memory 5 (pagesize 1))",
        "(func (param i64 i64) (result i64 i64) (i64.mul_wide_s (local.get 0) (local.get 1)))",
    ],
)
def test_modules_of_proposals_go_both_ways(text: str, folder: Path) -> None:
    (folder / "new.wat").write_text(f"(module {text})")
    assert main(["parse", "new.wat", "-o", "new.wasm"]) == 0
    assert main(["print", "new.wasm", "-o", "again.wat"]) == 0
    assert main(["validate", "new.wat", "new.wasm", "again.wat"]) == 0
    assert main(["inspect", "new.wasm"]) == 0
    assert main(["validate", "--features", "3.0", "new.wasm"]) == 1
    assert main(["validate", "--features", f"3.0,{','.join(ALL)}", "new.wasm"]) == 0


def complaint(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err.rstrip("\n")


def test_problems_are_one_line_each(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "broken.wat").write_bytes(b"(module\n  (funk))")
    (folder / "broken.wasm").write_bytes(b"\0asm\1\0\0\0\x0a\x05")
    (folder / "empty.wasm").write_bytes(b"")
    (folder / "picture.wasm").write_bytes(b"\x89PNG")
    assert complaint(capsys, "parse", "broken.wat").startswith(
        "broken.wat: malformed: unknown operator funk (at line 2:"
    )
    assert complaint(capsys, "print", "broken.wat").startswith(
        "broken.wat: malformed: unknown operator funk (at line 2:"
    )
    assert complaint(capsys, "print", "broken.wasm").startswith("broken.wasm: malformed: length out of bounds")
    assert complaint(capsys, "print", "empty.wasm").startswith("empty.wasm: malformed: unexpected end")
    assert complaint(capsys, "print", "picture.wasm").startswith("picture.wasm: malformed: magic header not detected")
    assert complaint(capsys, "parse", "broken.wasm") == "broken.wasm: is in the binary format already"
    assert complaint(capsys, "parse", "missing.wat") == "missing.wat: no such file"


def test_where_it_cannot_be_written_nothing_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "add.wat").write_bytes(ADD)
    assert complaint(capsys, "parse", "add.wat", "-o", "nowhere/add.wasm") == "nowhere/add.wasm: no such directory"
    assert complaint(capsys, "print", "add.wat", "-o", ".").startswith(".: is a directory")


def test_bytes_do_not_go_to_a_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "add.wat").write_bytes(ADD)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert complaint(capsys, "parse", "add.wat") == "standard output is a terminal: name a file with -o"


def test_unknown_features_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--features", "3.0,nonsense", "x.wasm"]) == 2
    assert "there is no feature 'nonsense'; beyond 3.0 there are threads" in " ".join(capsys.readouterr().err.split())
