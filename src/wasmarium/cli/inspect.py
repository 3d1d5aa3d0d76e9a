"""``wasmarium inspect``: what is in a module?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from wasmarium.cli.complaint import located, read
from wasmarium.cli.output import write
from wasmarium.debug.summary import summary
from wasmarium.embedding.loading import load
from wasmarium.errors import WasmError
from wasmarium.features import ALL
from wasmarium.wasi.preview1 import MODULES

if TYPE_CHECKING:
    from argparse import _SubParsersAction

EXAMPLES = """
Offsets count bytes from the start of the file; an offset and a size are those of a section's content.

  $ wasmarium inspect hello.wasm
  $ wasmarium inspect --json hello.wasm | jq '.imports[].module' | sort -u
"""


def configure(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "inspect",
        help="show what is in a module",
        description="Show a module's sections, imports, exports, types, producers and the features it uses.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="write everything, each function included, as JSON")
    parser.add_argument("file", metavar="FILE", help="a module, .wasm or .wat")
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Decode, validate, show."""
    path = arguments.file
    try:
        module = load(read(path), ALL)
    except WasmError as error:
        raise located(path, error) from None
    found = summary(module, lambda item: item.module in MODULES, (0.0, 0.0))
    for transient in ("decodeMs", "validateMs"):
        del found[transient]
    if arguments.json:
        write(json.dumps(found, indent=2), sys.stdout)
        return 0
    write("\n".join(_lines(path, found)), sys.stdout)
    return 0


def _lines(path: str, found: dict[str, Any]) -> Iterator[str]:
    name = f", module name {found['name']}" if found["name"] else ""
    what = "a WASI command" if found["command"] else "a library"
    yield f"{path}: {found['size']:,} bytes, {what}{name}"
    yield ""
    sections = [
        (
            section["name"] if section["id"] else f'custom "{section["name"]}"',
            f"0x{section['offset']:x}",
            f"{section['size']:,}",
            "" if section["count"] is None else f"{section['count']:,}",
        )
        for section in found["sections"]
    ]
    yield from _table([("section", "offset", "size", "entries"), *sections], right=(1, 2, 3))
    parts: tuple[tuple[str, list[tuple[str, str]]], ...] = (
        ("imports", [(f"{i['module']}.{i['name']}", f"{i['kind']} {i['type']}") for i in found["imports"]]),
        ("exports", [(i["name"], f"{i['kind']} {i['index']}: {i['type']}") for i in found["exports"]]),
        ("types", [(str(index), text) for index, text in enumerate(found["types"])]),
        ("producers", [(field, values) for field, values in found["producers"]]),
    )
    for heading, rows in parts:
        if rows:
            yield ""
            yield f"{heading} ({len(rows)})" if heading != "producers" else heading
            yield from (f"  {line}" for line in _table(rows, right=(0,) if heading == "types" else ()))
    named = sum(1 for function in found["functions"] if function["name"])
    yield ""
    yield f"functions: {len(found['functions']):,}, {named:,} of them with a name"
    yield f"features: {', '.join(found['features']) or 'none beyond the first release'}"


def _table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> Iterator[str]:
    # A line break in a name would forge a line of ours.
    rows = [[cell.replace("\n", "\\n") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
