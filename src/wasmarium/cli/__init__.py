"""The command line: one file per command.

:func:`main` is the console script, and what ``npx wasmarium`` calls inside Pyodide.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import metadata

BROKEN_PIPE = 141
INTERRUPTED = 130
"""What a shell says of a program that died of SIGPIPE, of SIGINT."""

EXAMPLES = """
examples:
  wasmarium run hello.wasm one two           run a WASI program with two arguments
  wasmarium run --dir . sort.wasm data.txt   ... that may use the files of this directory
  wasmarium run --invoke add sum.wasm 2 3    call one function of a module
  wasmarium validate *.wasm                  is every one a valid module?
  wasmarium inspect hello.wasm               what is in it: sections, imports, exports, features
  wasmarium print hello.wasm -o hello.wat    the same as text ...
  wasmarium parse hello.wat -o hello.wasm    ... and back
  wasmarium wast i32.wast                    does everything hold that a test script says?

`wasmarium COMMAND --help` tells more about a command.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (None: the process's own); the exit status.

    0 is success, 1 a problem with a file or a module, 2 a command line that makes no sense, 130 an
    interruption; ``run`` gives the guest's own status, or 134 when it traps.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        status = _dispatch(given)
        if sys.stdout is not None:
            # None where it was closed for us
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone. What Python still holds back must not fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except SystemExit as ended:
        # argparse's: 0 after --help, 2 for a command line that makes no sense
        return ended.code if isinstance(ended.code, int) else 1
    return status


def _dispatch(argv: list[str]) -> int:
    # Imported here, so that an interruption while the package loads is quiet too.
    from wasmarium.cli import inspect, parse, run, validate, wast
    from wasmarium.cli import print as print_
    from wasmarium.cli.complaint import Complaint
    from wasmarium.cli.output import write

    parser = argparse.ArgumentParser(
        prog="wasmarium",
        description="Run, check and look into WebAssembly modules. Needs nothing but Python.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"wasmarium {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in (run, validate, inspect, parse, print_, wast):
        command.configure(commands)
    guest: list[str] = []
    if argv[:1] == ["run"]:
        argv, guest = run.split(argv)
    arguments = parser.parse_args(argv)
    if not hasattr(arguments, "execute"):
        parser.print_help()
        return 2
    arguments.guest = guest
    try:
        status: int = arguments.execute(arguments)
    except Complaint as complaint:
        write(str(complaint), sys.stderr)
        return 1
    return status


def _version() -> str:
    try:
        return metadata.version("wasmarium")
    except metadata.PackageNotFoundError:
        return "(not installed)"
