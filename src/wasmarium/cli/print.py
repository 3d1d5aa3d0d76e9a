"""``wasmarium print``: a module in the text format."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from wasmarium.binary.decoder import decode_module
from wasmarium.cli.complaint import located, read, save
from wasmarium.errors import WasmError
from wasmarium.features import ALL
from wasmarium.text.parser import is_text, parse_module
from wasmarium.text.printer import print_module

if TYPE_CHECKING:
    from argparse import _SubParsersAction

EXAMPLES = """
examples:
  wasmarium print hello.wasm | less
  wasmarium print hello.wasm -o hello.wat
  wasmarium print scribbled.wat                  text comes out tidied up

What is printed is the same module when parsed again. Names of the name section become identifiers, other
custom sections annotations. Whether the module is valid is not asked.
"""


def configure(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "print",
        help="show a module in the text format",
        description="Translate a module from the binary format (.wasm) into the text format (.wat).",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-o", "--output", metavar="FILE", default="-", help="where to write (else standard output)")
    parser.add_argument("file", metavar="FILE", help="a module, .wasm or .wat; - is standard input")
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Decode and print."""
    path = arguments.file
    content = read(path)
    try:
        if is_text(content):
            content = parse_module(content, features=ALL)
        text = print_module(decode_module(content, ALL))
    except WasmError as error:
        raise located(path, error) from None
    save(arguments.output, text.encode())
    return 0
