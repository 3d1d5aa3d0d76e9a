"""The official test suite of WASI preview 1, and real guests with recorded output.

Each program runs over a real directory, over a file system in memory, and over the one with its changes in
the other; on the interpreter, and in Pyodide on the host engine too. Whatever cannot pass stands in
``known_gaps`` with its reason, and must then fail: the list only shrinks.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from shared_data import shared_root
from wasi.known_gaps import GAPS
from wasi.programs import Ended, Task, run

PLATFORM = "pyodide" if sys.platform == "emscripten" else "cpython"
SUITES = {
    language: f"wasi-testsuite/{language}/testsuite/wasm32-wasip1" for language in ("assemblyscript", "c", "rust")
}
STORAGES = ("host", "memory", "overlay")


@pytest.fixture(params=["interpreter", "host engine"])
def engine(request: pytest.FixtureRequest) -> str:
    """The strategy of an engine."""
    if request.param == "interpreter":
        return "interpreter"
    if PLATFORM == "cpython":
        pytest.skip("the host engine runs in Pyodide only")
    return "host"


def attempt(task: Task, storage: str, engine: str, scratch: Path, name: str, request: pytest.FixtureRequest) -> Ended:
    reason = GAPS.get((name, storage, PLATFORM))
    if reason:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    return run(task, storage, engine, scratch)


def suite_cases() -> list[str]:
    return [
        f"{language}/{path.stem}"
        for language, folder in SUITES.items()
        for path in sorted((shared_root() / folder).glob("*.wasm"))
    ] or ["the suite is missing"]


@pytest.mark.shared("wasi-testsuite")
@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("name", suite_cases())
def test_wasi_testsuite(
    name: str, storage: str, engine: str, shared: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    language, stem = name.split("/")
    folder = shared / SUITES[language]
    description = folder / f"{stem}.json"
    wanted = json.loads(description.read_text()) if description.exists() else {}
    task = Task(folder / f"{stem}.wasm", wanted.get("args", []), wanted.get("env", {}))
    if wanted.get("root"):
        task.directory = tmp_path / "root"
        shutil.copytree(folder / wanted["root"], task.directory)
        # the shared data may be read-only
        for path in (task.directory, *task.directory.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
    ended = attempt(task, storage, engine, tmp_path, name, request)
    assert (ended.code, ended.trap) == (wanted.get("exit_code", 0), None), ended.stderr.decode()
    if "stdout" in wanted:
        assert ended.stdout.decode() == wanted["stdout"]


def guest_cases() -> list[tuple[str, str]]:
    listed = shared_root() / "guests" / "expected.json"
    if not listed.exists():
        return [("0 is missing", "host")]
    found = []
    for index, case in enumerate(json.loads(listed.read_text())):
        name = f"{index} {case['wasm']}"
        found.append((name, "host"))
        # Go starts slowly, and does nothing here that the others do not
        if case.get("dir") and not name.endswith("go/main.wasm"):
            found += [(name, "memory"), (name, "overlay")]
    return found


@pytest.mark.shared("guests")
@pytest.mark.parametrize(("name", "storage"), guest_cases())
def test_real_guests(
    name: str, storage: str, engine: str, shared: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    index, program = name.split(" ")
    case = json.loads((shared / "guests" / "expected.json").read_text())[int(index)]
    task = Task(shared / "guests" / program, case["args"], case.get("env", {}), case.get("stdin", "").encode())
    if case.get("dir"):
        task.directory, task.name = tmp_path / "dir", case["dir"]
        task.directory.mkdir()
    ended = attempt(task, storage, engine, tmp_path, program, request)
    wanted = case["expect"]
    assert ended.stdout.decode() == wanted["stdout"]
    assert ended.stderr.decode() == wanted["stderr"]
    assert (ended.code, ended.trap) == (wanted.get("exit"), wanted.get("trap"))
