"""`npx wasmarium` (the command line inside Pyodide on Node) does what `wasmarium` does on CPython.

Both are started as programs, on the recorded cases of the shared guests and on Python modules that show how arguments,
files, streams, environment and exit status go in and come out.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared_data import shared_root

pytestmark = pytest.mark.cpython("starts programs")

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "scripts" / "run-in-node.mjs"
NODE = shutil.which("node") or ""
# what the console script does, from the sources whether or not the package is installed
CONSOLE_SCRIPT = "import sys; sys.argv[0] = 'wasmarium'; from wasmarium.cli import main; sys.exit(main())"
ON_CPYTHON = [sys.executable, "-c", CONSOLE_SCRIPT]
INSIDE_PYODIDE = [NODE, str(LAUNCHER)]


def start(command: list[str], *, stdin: bytes = b"", cwd: Path = ROOT, env: dict[str, str] | None = None) -> Any:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **(env or {})}
    return subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, env=environment, timeout=300)


Python = Callable[..., Any]


@pytest.fixture
def python(tmp_path: Path) -> Python:
    """Runs a piece of Python inside Pyodide, with arguments."""

    def run(code: str, *arguments: str, **options: Any) -> Any:
        script = tmp_path / "script.py"
        script.write_text(code, encoding="utf-8")
        return start([*INSIDE_PYODIDE, "--python", str(script), *arguments], **options)

    return run


# ---- the way in and out ---------------------------------------------------------------------------------------------


def test_streams_are_byte_exact() -> None:
    data = bytes(range(256)) * 4000 + b"\r\n\0"
    encoded = start([*INSIDE_PYODIDE, "--python", "base64", "-e"], stdin=data)
    assert (encoded.returncode, base64.b64decode(encoded.stdout), encoded.stderr) == (0, data, b"")
    decoded = start([*INSIDE_PYODIDE, "--python", "base64", "-d"], stdin=encoded.stdout)
    assert (decoded.returncode, decoded.stdout, decoded.stderr) == (0, data, b"")


def test_files_below_the_working_directory_and_elsewhere_are_there(tmp_path: Path, python: Python) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "ä b.txt").write_bytes(b"near")
    (tmp_path / "far.txt").write_bytes(b"far")
    code = f"print(open('ä b.txt').read(), open('../far.txt').read(), open({str(tmp_path / 'far.txt')!r}).read())"
    result = python(f"{code}; open('made', 'w').write('inside')", cwd=tmp_path / "here")
    assert result.stdout.startswith(b"near far far\n")
    assert (tmp_path / "here" / "made").read_text() == "inside"


@pytest.mark.parametrize(("code", "status"), [("0", 0), ("7", 7), ("None", 0), ("255", 255), ("'words'", 1)])
def test_exit_status(code: str, status: int, python: Python) -> None:
    result = python(f"import sys; sys.exit({code})")
    assert (result.returncode, result.stderr) == (status, b"words\n" if status == 1 else b"")


def test_uncaught_exception_is_a_traceback_and_status_one(python: Python) -> None:
    result = python("def f(): 1 // 0\nf()")
    assert result.returncode == 1
    assert result.stderr.rstrip().endswith(b"ZeroDivisionError: division by zero")


def test_environment_stays_outside(python: Python) -> None:
    code = "import os; print(sorted(os.environ), os.environ.get('WASMARIUM_X'))"
    result = python(code, env={"SECRET_TOKEN": "1", "WASMARIUM_X": "ü"})
    names, _, value = result.stdout.decode().splitlines()[0].rpartition(" ")
    assert value == "ü"
    assert "SECRET_TOKEN" not in names
    assert "USER" not in names


def test_arguments_arrive_as_they_are(python: Python) -> None:
    arguments = ["", "a b", "ü", "--", "-x", "'\"\\"]
    result = python("import sys; print(ascii(sys.argv[1:]))", *arguments)
    assert result.stdout.decode().strip() == ascii(arguments)


def test_python_can_wait_for_a_promise(python: Python) -> None:
    code = "import asyncio; from pyodide.ffi import run_sync; print(run_sync(asyncio.sleep(0.01, 'waited')))"
    assert python(code).stdout.startswith(b"waited\n")


def test_random_numbers_differ_between_runs(python: Python) -> None:
    code = "import random, os; print(random.random(), os.urandom(8))"
    assert python(code).stdout != python(code).stdout


# ---- the same command line ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    ["", "--help", "--version", "run --help", "wast --help", "run", "validate README.md", "parse README.md"],
)
def test_same_output_as_on_cpython(arguments: str) -> None:
    commands = ([*command, *arguments.split()] for command in (ON_CPYTHON, INSIDE_PYODIDE))
    here, there = (start(command, env={"COLUMNS": "80"}) for command in commands)
    assert (there.returncode, there.stdout, there.stderr) == (here.returncode, here.stdout, here.stderr)


# the specification's words for wasmtime's names
TRAP_WORDS = {"UNREACHABLE": "unreachable", "INTEGER_DIVISION_BY_ZERO": "integer divide by zero"}


def cases() -> list[Any]:
    file = shared_root() / "guests" / "expected.json"
    recorded = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return [pytest.param(case, id=f"{case['wasm']}-{'-'.join(case['args'])}") for case in recorded]


@pytest.mark.shared("guests")
@pytest.mark.parametrize("command", [ON_CPYTHON, INSIDE_PYODIDE], ids=["cpython", "pyodide"])
@pytest.mark.parametrize("case", cases())
def test_recorded_guest(case: dict[str, Any], command: list[str], shared: Path, tmp_path: Path) -> None:
    options = [part for name, value in case.get("env", {}).items() for part in ("--env", f"{name}={value}")]
    if "dir" in case:
        options += ["--dir", f"{tmp_path}::{case['dir']}"]
    guest = str(shared / "guests" / case["wasm"])
    result = start([*command, "run", *options, guest, *case["args"]], stdin=case.get("stdin", "").encode())
    expected = case["expect"]
    assert result.stdout.decode(errors="replace") == expected["stdout"]
    stderr = result.stderr.decode(errors="replace")
    if "trap" in expected:
        # what a shell shows for a program that aborted; the guest's own errors come first
        assert result.returncode == 128 + 6
        assert stderr.startswith(expected["stderr"])
        assert TRAP_WORDS[expected["trap"]] in stderr.removeprefix(expected["stderr"])
    else:
        assert (result.returncode, stderr) == (expected["exit"], expected["stderr"])
