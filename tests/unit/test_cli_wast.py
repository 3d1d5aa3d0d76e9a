"""`wasmarium wast`: scripts on the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from wasmarium.cli import main

GOOD = """(module (func (export "two") (result i32) (i32.const 2)))
(assert_return (invoke "two") (i32.const 2))
"""
BAD = GOOD + '(assert_return (invoke "two") (i32.const 3))\n  (assert_suspension (invoke "two") "nobody")'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.wast").write_text(GOOD)
    (tmp_path / "bad.wast").write_text(BAD)
    (tmp_path / "broken.wast").write_text("(module)\n(assert_nothing)")
    return tmp_path


def test_a_line_for_each_file_and_one_for_all(capsys) -> None:
    assert main(["wast", "good.wast", "bad.wast", "broken.wast", "missing.wast"]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "good.wast: 2 passed",
        "bad.wast: 2 passed, 1 failed, 1 skipped",
        "broken.wast: 0 passed, 1 failed",
        "missing.wast: 0 passed, 1 failed",
        "4 passed, 3 failed, 1 skipped",
    ]
    assert err.splitlines() == [
        "bad.wast:3:1: assert_return: expected (i32.const 3), found (i32.const 2)",
        "bad.wast:4:3: assert_suspension: wasmarium has no stack switching (skipped)",
        "broken.wast: malformed: unknown operator assert_nothing (at line 2:2, offset 0xa)",
        "missing.wast: no such file",
    ]


def test_status_zero_when_nothing_failed(capsys) -> None:
    assert main(["wast", "good.wast", "good.wast"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "4 passed, 0 failed, 0 skipped"


def test_results_as_json(capsys) -> None:
    assert main(["wast", "--json", "good.wast", "bad.wast", "broken.wast"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert (found["passed"], found["failed"], found["skipped"]) == (4, 2, 1)
    good, bad, broken = found["files"]
    assert good == {
        "file": "good.wast",
        "passed": 2,
        "failed": 0,
        "skipped": 0,
        "commands": {"assert_return": 1, "module": 1},
        "failures": [],
        "skips": [],
    }
    assert bad["failures"] == [
        {
            "command": "assert_return",
            "line": 3,
            "column": 1,
            "reason": "expected (i32.const 3), found (i32.const 2)",
        }
    ]
    assert [(skip["command"], skip["line"]) for skip in bad["skips"]] == [("assert_suspension", 4)]
    assert broken["failed"] == 1
    assert "assert_nothing" in broken["failures"][0]["reason"]


@pytest.mark.parametrize("options", [["--engine", "auto"], ["--engine", "interpreter"], ["--compile", "always"]])
def test_ways_to_run(options: list[str]) -> None:
    assert main(["wast", *options, "good.wast"]) == 0


@pytest.mark.skipif(sys.platform == "emscripten", reason="there the host engine is")
def test_where_there_is_no_host_engine_it_says_so(capsys) -> None:
    assert main(["wast", "--engine", "host", "good.wast"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "the host engine runs in Pyodide" in err


SHARED = "(module (memory 1 1 shared))"


def test_features_come_from_the_folder_or_are_asked_for(folder: Path, capsys: Any) -> None:
    threads = folder / "proposals" / "threads"
    threads.mkdir(parents=True)
    for file in (threads / "x.wast", folder / "x.wast"):
        file.write_text(SHARED)
    assert main(["wast", "x.wast"]) == 1
    assert "threads" in capsys.readouterr().err
    assert main(["wast", "--features", "threads", "x.wast"]) == 0
    assert main(["wast", "proposals/threads/x.wast"]) == 0


def test_from_within_the_folder_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    legacy = folder / "legacy"
    legacy.mkdir()
    (legacy / "x.wast").write_text("(module (func (try (do) (catch_all))))")
    monkeypatch.chdir(legacy)
    assert main(["wast", "x.wast"]) == 0


def test_hostile_messages_cannot_forge_lines(folder: Path, capsys) -> None:
    (folder / "x.wast").write_text(GOOD + '(assert_trap (invoke "two") "a\\nb\\1b[2J")')
    assert main(["wast", "x.wast"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == 'x.wast:3:1: assert_trap: expected the trap "a\\nb\\x1b[2J", found (i32.const 2)'
