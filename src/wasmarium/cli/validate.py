"""``wasmarium validate``: is this a valid module?"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from wasmarium.cli.complaint import Complaint, located, read
from wasmarium.cli.features import parse_features
from wasmarium.cli.output import write
from wasmarium.debug.summary import diagnostic
from wasmarium.embedding.loading import load
from wasmarium.errors import WasmError
from wasmarium.features import ALL, Features

if TYPE_CHECKING:
    from argparse import _SubParsersAction

EXAMPLES = """
The status is 0 when every file is valid, else 1. A problem is one line on standard error:

  $ wasmarium validate broken.wasm
  broken.wasm: invalid: type mismatch ... (at code section, function 3 $main, instruction 7 i32.add, offset 0x51)

With --json standard output is one list, an object for each file:

  $ wasmarium validate --json broken.wasm | jq '.[] | select(.valid | not)'

A module may use all that wasmarium knows, unless --features says less:

  $ wasmarium validate --features 3.0 new.wasm
  $ wasmarium validate --features 3.0,threads new.wasm
"""


def configure(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "validate",
        help="check modules against the rules of WebAssembly",
        description="Check modules against the rules of WebAssembly 3.0 and of proposals to come.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="write the verdicts as JSON to standard output")
    parser.add_argument(
        "--features", type=parse_features, default=ALL, metavar="LIST", help="what modules may use (default: all)"
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a module, .wasm or .wat")
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Check each file."""
    verdicts = []
    for path in arguments.files:
        verdict = _check(path, arguments.features, quiet=arguments.json)
        verdicts.append(verdict)
    if arguments.json:
        write(json.dumps(verdicts, indent=2), sys.stdout)
    return 0 if all(verdict["valid"] for verdict in verdicts) else 1


def _check(path: str, features: Features, quiet: bool) -> dict[str, Any]:
    verdict: dict[str, Any] = {"file": path, "valid": False}
    try:
        load(read(path), features)
    except Complaint as complaint:
        problem = complaint
        verdict["error"] = {"code": "file", "message": str(complaint)}
    except WasmError as error:
        problem = located(path, error)
        verdict["error"] = diagnostic(error)
    else:
        if not quiet:
            write(f"{path}: valid", sys.stdout)
        return {"file": path, "valid": True}
    if not quiet:
        write(str(problem), sys.stderr)
    return verdict
