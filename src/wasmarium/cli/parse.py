"""``wasmarium parse``: the text format to the binary format."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from wasmarium.cli.complaint import Complaint, located, read, save
from wasmarium.errors import WasmError
from wasmarium.features import ALL
from wasmarium.text.parser import parse_module

if TYPE_CHECKING:
    from argparse import _SubParsersAction

MAGIC = b"\0asm"

EXAMPLES = """
examples:
  wasmarium parse sum.wat -o sum.wasm
  wasmarium parse sum.wat | wasm-objdump -x -
  wasmarium print sum.wasm | wasmarium parse - -o same.wasm

Whether the module is valid is not asked: `wasmarium validate sum.wat` does. A problem is one line:

  sum.wat: malformed: unexpected token i33.add (at line 2:5, offset 0x1a)
"""


def configure(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "parse",
        help="translate the text format into the binary format",
        description="Translate a module from the text format (.wat) into the binary format (.wasm).",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-o", "--output", metavar="FILE", default="-", help="where to write (else standard output)")
    parser.add_argument("--strip", action="store_true", help="leave identifiers out: no name section")
    parser.add_argument("file", metavar="FILE", help="a module, .wat; - is standard input")
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Parse and write."""
    path = arguments.file
    content = read(path)
    if content[:4] == MAGIC:
        raise Complaint(f"{path}: is in the binary format already")
    if arguments.output == "-" and sys.stdout.isatty():
        raise Complaint("standard output is a terminal: name a file with -o")
    try:
        module = parse_module(content, names=not arguments.strip, features=ALL)
    except WasmError as error:
        raise located(path, error) from None
    save(arguments.output, module)
    return 0
