"""``wasmarium wast``: does everything hold that a script says?"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmarium.bridge import platform
from wasmarium.cli.complaint import Complaint, located, read
from wasmarium.cli.features import parse_features
from wasmarium.cli.output import write
from wasmarium.embedding.config import Config
from wasmarium.embedding.selection import NAMES, VARIABLE, choose
from wasmarium.engines.base import Engine
from wasmarium.errors import Malformed, WasmError
from wasmarium.script import Report, Result, Session, run_script
from wasmarium.script.folders import features_of

if TYPE_CHECKING:
    from argparse import _SubParsersAction

COMPILING = {"auto": None, "always": 0, "never": sys.maxsize}
"""After how many runs a piece of code is compiled; see ``Store.compile_after``."""

DESCRIPTION = """
Run .wast scripts, the format of the official tests: modules, and commands that say what they must do.
Every command is judged by itself. The last line counts commands; the status is 0 when none failed.
"""

EXAMPLES = """
examples:
  wasmarium wast i32.wast                          one file
  wasmarium wast testsuite/*.wast                  all of WebAssembly 3.0 (`npm run fetch-suites` gets the suite)
  wasmarium wast testsuite/proposals/threads/*.wast
  wasmarium wast --json mine.wast | jq '.files[].failures[]'

What fails, or is skipped, is one line each on standard error:

  mine.wast:12:1: assert_return: expected (i32.const 4), found (i32.const 5)

Files in folders named legacy or proposals/NAME get that feature on top of WebAssembly 3.0.
"""


def configure(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "wast",
        help="run test scripts",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--engine",
        choices=NAMES,
        # the reference, which has every feature; elsewhere the fastest is the default
        default=os.environ.get(VARIABLE) or "interpreter",
        help="what executes: the interpreter (unless WASMARIUM_ENGINE says otherwise), or in Pyodide the WebAssembly "
        "of the browser or of Node; auto is the fastest there is",
    )
    parser.add_argument(
        "--compile",
        choices=COMPILING,
        default="auto",
        help="when the interpreter compiles code: for testing it (auto: what runs often)",
    )
    parser.add_argument(
        "--features",
        type=parse_features,
        default=frozenset(),
        metavar="LIST",
        help='switch these on too, as in "threads,legacy-exceptions", or "all"',
    )
    parser.add_argument("--json", action="store_true", help="write the results as JSON to standard output")
    parser.add_argument("files", nargs="+", metavar="FILE", help="a script, .wast")
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Run each file."""
    config = Config()
    try:
        config.strategy = arguments.engine
        engine, _ = choose(config, platform())
    except WasmError as error:
        raise Complaint(f"{error.kind}: {error}") from None
    files = [_run(path, engine, arguments) for path in arguments.files]
    total = {key: sum(file[key] for file in files) for key in ("passed", "failed", "skipped")}
    if arguments.json:
        write(json.dumps({"files": files, **total}, indent=2), sys.stdout)
    else:
        write(", ".join(f"{count} {key}" for key, count in total.items()), sys.stdout)
    return 1 if total["failed"] else 0


def _run(path: str, engine: Engine, arguments: argparse.Namespace) -> dict[str, Any]:
    features = features_of(Path(path).absolute(), arguments.features)
    session = Session(features, engine, compile_after=COMPILING[arguments.compile])
    try:
        report = run_script(read(path), session)
    except Complaint as complaint:
        return _unreadable(path, complaint, arguments.json)
    except Malformed as error:
        return _unreadable(path, located(path, error), arguments.json)
    if not arguments.json:
        _tell(path, report)
    passed, failed, skipped = report.counts
    return {
        "file": path,
        "passed": passed,
        "failed": failed,
        "skipped": skipped,
        "commands": dict(sorted(report.passed.items())),
        "failures": [_plain(result) for result in report.failed],
        "skips": [_plain(result) for result in report.skipped],
    }


def _tell(path: str, report: Report) -> None:
    for result in report.failed:
        write(f"{path}:{_line(result)}", sys.stderr)
    for result in report.skipped:
        write(f"{path}:{_line(result)} (skipped)", sys.stderr)
    counts = zip(report.counts, ("passed", "failed", "skipped"), strict=True)
    told = [f"{count} {what}" for count, what in counts if count or what == "passed"]
    write(f"{path}: {', '.join(told)}", sys.stdout)


def _line(result: Result) -> str:
    # A line break in a message would forge a line of ours.
    return str(result).replace("\n", "\\n")


def _plain(result: Result) -> dict[str, Any]:
    place = result.location
    return {"command": result.command, "line": place.line, "column": place.column, "reason": result.reason}


def _unreadable(path: str, complaint: Complaint, quiet: bool) -> dict[str, Any]:
    """A file that could not be run counts as one failure."""
    if not quiet:
        write(str(complaint), sys.stderr)
        write(f"{path}: 0 passed, 1 failed", sys.stdout)
    failure = {"command": None, "line": None, "column": None, "reason": str(complaint)}
    return {
        "file": path,
        "passed": 0,
        "failed": 1,
        "skipped": 0,
        "commands": {},
        "failures": [failure],
        "skips": [],
    }
