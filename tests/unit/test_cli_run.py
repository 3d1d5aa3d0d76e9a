"""`wasmarium run`: the guest's streams, arguments, files, exit status; traps; mistakes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import guest_modules as guests
from wasmarium.cli import main
from wasmarium.cli.run import split

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-m", "wasmarium"]


def start(*arguments: str | os.PathLike[str], stdin: bytes = b"", **options: Any) -> Any:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **options.pop("env", {})}
    command = [*PROGRAM, *map(os.fspath, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, env=environment, timeout=120, **options)


@pytest.fixture
def module(tmp_path: Path) -> Any:
    def write(guest: guests.Guest, name: str = "guest.wasm") -> str:
        path = tmp_path / name
        path.write_bytes(guest.wasm)
        return str(path)

    return write


processes = pytest.mark.cpython("starts processes")


# ---- the guest's world ----------------------------------------------------------------------------------------------


@processes
def test_streams_arguments_and_status_are_the_guests(module) -> None:
    data = bytes(range(256)) * 20
    done = start("run", module(guests.GREETER), "--help", "é", "--", "-x", stdin=data)
    assert done.returncode == 5
    assert done.stdout == b"guest.wasm\0--help\0\xc3\xa9\0--\0-x\0" + data
    assert done.stderr == b"oops\n"


@pytest.mark.parametrize(
    ("line", "ours", "guests_own"),
    [
        ("run a.wasm", "run a.wasm", ""),
        ("run a.wasm --fuel 3", "run a.wasm", "--fuel 3"),
        ("run --fuel 3 a.wasm b", "run --fuel 3 a.wasm", "b"),
        ("run --env=A=1 --dir . a.wasm -- b", "run --env=A=1 --dir . a.wasm", "-- b"),
        ("run --invoke f a.wasm -1", "run --invoke f a.wasm", "-1"),
        ("run -- -a.wasm b", "run -- -a.wasm", "b"),
        ("run --help", "run --help", ""),
        ("run --fuel", "run --fuel", ""),
        ("run", "run", ""),
    ],
)
def test_options_behind_the_file_are_the_guests(line, ours, guests_own) -> None:
    assert split(line.split()) == (ours.split(), guests_own.split())


@processes
def test_status_of_a_guest_that_returns_is_zero(module) -> None:
    done = start("run", module(guests.COMMAND))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@processes
def test_output_arrives_before_the_guest_ends(module) -> None:
    with subprocess.Popen(
        [*PROGRAM, "run", module(guests.GREETER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stdout.read(11) == b"guest.wasm\0"
        for line in (b"first\n", b"second\n"):
            running.stdin.write(line)
            running.stdin.flush()
            assert running.stdout.readline() == line
        running.stdin.close()
        assert running.wait() == 1


# ---- traps ----------------------------------------------------------------------------------------------------------


def test_trap_is_told_with_its_backtrace(module, capsys) -> None:
    assert main(["run", "--invoke", "div", module(guests.CALCULATOR), "1", "0"]) == 134
    assert capsys.readouterr().err.splitlines() == [
        "trap: integer divide by zero",
        "wasm backtrace:",
        "  0: calculator.div, instruction 2 i32.div_s, offset 0x36",
    ]


def test_long_backtrace_is_cut(module, capsys) -> None:
    path = module(guests.RECURSION)
    assert main(["run", "--invoke", "deep", path]) == 134
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "trap: call stack exhausted"
    assert len(lines) == 2 + 32 + 1
    assert lines[-1].startswith("  … and ")


def test_fuel_runs_out(module, capsys) -> None:
    assert main(["run", "--fuel", "1000", "--invoke", "forever", module(guests.LOOPS)]) == 134
    assert capsys.readouterr().err.startswith("trap: all fuel consumed by WebAssembly\nwasm backtrace:\n  0: forever,")


def test_trap_while_starting(module, capsys) -> None:
    assert main(["run", module(guests.START_TRAPS)]) == 134
    assert capsys.readouterr().err.startswith("trap: unreachable\n")


# ---- invoke ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["2", "3"], "5\n"),
        (["-1", "0x10"], "15\n"),
        (["2147483647", "1"], "-2147483648\n"),
        (["4294967295", "0"], "-1\n"),
    ],
)
def test_function_is_called_and_its_result_printed(module, capsys, arguments, output) -> None:
    assert main(["run", "--invoke", "add", module(guests.CALCULATOR), *arguments]) == 0
    assert capsys.readouterr().out == output


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("add", ["1"], "add takes 2 arguments (i32 i32), 1 are given"),
        ("add", ["1", "x"], "add: argument 2 is 'x', which is no i32"),
        ("add", ["1", "4294967296"], "add: argument 2 is '4294967296', which is no i32"),
        ("sub", [], "{path}: no function sub: it exports the functions add, div"),
    ],
)
def test_mistakes_of_a_call(module, capsys, name, arguments, message) -> None:
    path = module(guests.CALCULATOR)
    assert main(["run", "--invoke", name, path, *arguments]) == 1
    assert capsys.readouterr().err == message.format(path=path) + "\n"


def test_reactor_is_initialised_first(module, capsys) -> None:
    assert main(["run", "--invoke", "next", module(guests.REACTOR)]) == 0
    assert capsys.readouterr().out == "101\n"


def test_several_results_are_lines(module, capsys) -> None:
    assert main(["run", "--invoke", "results", module(guests.RESULTS), "1.5", "0x1p-3", "-9223372036854775808"]) == 0
    assert capsys.readouterr().out == "1.5\n0.125\n-9223372036854775808\n"


def test_library_without_a_start_says_what_it_has(module, capsys) -> None:
    path = module(guests.CALCULATOR)
    assert main(["run", path]) == 1
    advice = "it exports the functions add, div; call one with --invoke NAME"
    assert capsys.readouterr().err == f"{path}: no function _start: {advice}\n"


# ---- what cannot run ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "validate", "inspect"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "malformed: magic header not detected (at offset 0x0)"),
        (b"", "malformed: unexpected end (at offset 0x0)"),
        (b"not a module at all", "malformed: magic header not detected (at offset 0x0)"),
        (guests.ILL_TYPED.wasm, "invalid: type mismatch: "),
        (guests.CALCULATOR.wasm[:40], "malformed: "),
    ],
)
def test_one_located_line_and_status_one(tmp_path: Path, capsys, command, content, message) -> None:
    path = tmp_path / "broken.wasm"
    path.write_bytes(content)
    assert main([command, str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{path}: {message}")
    assert err.count("\n") == 1
    assert "offset 0x" in err


@pytest.mark.parametrize("command", ["run", "validate", "inspect"])
def test_missing_file_and_directory(tmp_path: Path, capsys, command) -> None:
    missing = tmp_path / "missing.wasm"
    assert main([command, str(missing)]) == 1
    assert capsys.readouterr().err == f"{missing}: no such file\n"
    assert main([command, str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{tmp_path}: is a directory, not a file\n"


def test_missing_import_is_named(module, capsys) -> None:
    path = module(guests.WANTS_FUNCTION)
    assert main(["run", path]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"{path}: unlinkable: unknown import: `env::f` has not been defined")
    assert err.count("\n") == 1


def test_directory_to_give_must_exist(module, capsys) -> None:
    assert main(["run", "--dir", "no such place::/data", module(guests.GREETER)]) == 1
    assert capsys.readouterr().err == "--dir no such place: no such directory\n"


@pytest.mark.parametrize("arguments", [["run"], ["run", "--fuel", "x", "a"], ["run", "--fuel", "-1", "a"], ["walk"]])
def test_command_line_that_makes_no_sense(capsys, arguments) -> None:
    assert main(arguments) == 2
    assert "usage: wasmarium" in capsys.readouterr().err


# ---- the end of it --------------------------------------------------------------------------------------------------


@processes
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("busy", [True, False])
def test_interruption(module, busy) -> None:
    # busy: the guest copies zeros without end; else it waits for input
    source = os.open("/dev/zero", os.O_RDONLY) if busy else subprocess.PIPE
    with subprocess.Popen(
        [*PROGRAM, "run", module(guests.GREETER)],
        stdin=source,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    ) as running:
        assert running.stdout is not None
        assert running.stdout.read(11) == b"guest.wasm\0"
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=20)
    if busy:
        os.close(source)
    assert (running.returncode, err) == (130, b"")


@processes
@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_broken_pipe_is_quiet(module) -> None:
    path = module(guests.VALUES)
    shell = f"{sys.executable} -m wasmarium inspect --json {path} | true; exit ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(["bash", "-c", shell], capture_output=True, env=environment, timeout=60)
    assert done.stderr == b""
    assert done.returncode in (0, 141)


# ---- real programs --------------------------------------------------------------------------------------------------


@processes
@pytest.mark.shared("guests")
def test_environment_and_directories(shared: Path, tmp_path: Path) -> None:
    variables = ["--env", "A=1=2", "--env", "B", "--env", "MISSING"]
    program = shared / "guests" / "c" / "env.wasm"
    done = start("run", *variables, program, env={"B": "from here", "C": "not given"})
    assert b"env A=1=2\nenv B=from here\nnenv=2 HOME=(null)\n" in done.stdout
    done = start("run", "--dir", f"{tmp_path}::/data", shared / "guests" / "c" / "fileio.wasm", "/data")
    assert (done.returncode, done.stdout[:8]) == (0, b"mkdir 0\n")
