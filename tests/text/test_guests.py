"""Real programs, printed and parsed again: the same modules come back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import guest_modules
from shared_data import missing, shared_root
from spec.test_oracle_verdicts import core_modules
from text.facts import facts
from wasm_tools import WASM_TOOLS, needs_wasm_tools
from wasmarium.binary.decoder import decode_module
from wasmarium.features import ALL
from wasmarium.text.parser import parse_module
from wasmarium.text.printer import print_function, print_module

GUESTS = shared_root() / "guests"
FILES = [] if missing("guests") else sorted(path.relative_to(GUESTS).as_posix() for path in GUESTS.rglob("*.wasm"))
# Two programs of 5 MB take a minute each inside Pyodide, where their small neighbours say as much.
BIG = {"go/main.wasm", "go-js/main.wasm"}

WRITTEN = {name: guest for name, guest in vars(guest_modules).items() if isinstance(guest, guest_modules.Guest)}


@pytest.mark.parametrize("name", WRITTEN)
def test_written_guest_is_what_wasm_tools_makes_of_it(name: str) -> None:
    guest = WRITTEN[name]
    assert parse_module(guest.text) == guest.wasm or facts(decode_module(parse_module(guest.text), ALL)) == facts(
        decode_module(guest.wasm, ALL)
    )


@pytest.mark.shared("guests")
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.cpython("takes a minute inside")) if n in BIG else n for n in FILES]
)
def test_printed_and_parsed_again(name: str) -> None:
    for data in core_modules((GUESTS / name).read_bytes()):
        module = decode_module(data, ALL)
        again = decode_module(parse_module(print_module(module), features=ALL), ALL)
        assert facts(again) == facts(module)


@pytest.mark.shared("guests")
@pytest.mark.cpython("asks the program wasm-tools")
@needs_wasm_tools
@pytest.mark.parametrize("folded", [False, True])
def test_what_wasm_tools_prints(folded: bool) -> None:
    path = GUESTS / "c" / "fileio.wasm"
    text = subprocess.run(
        [WASM_TOOLS, "print", *(["--fold-instructions"] if folded else []), path], capture_output=True, check=True
    ).stdout
    assert facts(decode_module(parse_module(text), ALL)) == facts(decode_module(path.read_bytes(), ALL))


@pytest.mark.shared("guests")
@pytest.mark.cpython("asks the program wasm-tools")
@needs_wasm_tools
def test_wasm_tools_reads_what_is_printed(tmp_path: Path) -> None:
    data = (GUESTS / "c" / "fileio.wasm").read_bytes()
    (tmp_path / "printed.wat").write_text(print_module(decode_module(data)), encoding="utf-8")
    made = subprocess.run([WASM_TOOLS, "parse", tmp_path / "printed.wat"], capture_output=True, check=True).stdout
    assert facts(decode_module(made, ALL)) == facts(decode_module(data, ALL))


@pytest.mark.shared("guests")
def test_functions_alone_are_lines_of_the_module() -> None:
    module = decode_module((GUESTS / "c" / "hello.wasm").read_bytes())
    whole = print_module(module).splitlines()
    for index in range(len(module.all_functions)):
        listing = print_function(module, index)
        lines = listing.text.splitlines()
        assert len(lines) == len(listing.offsets)
        at = whole.index(f"  {lines[0]}")
        assert [line.removeprefix("  ") for line in whole[at : at + len(lines)]] == lines
