"""What all tests share. This file also runs inside Pyodide, so it imports nothing but pytest and its neighbours."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from shared_data import missing, shared_root

INSIDE_PYODIDE = sys.platform == "emscripten"


def pytest_configure(config: pytest.Config) -> None:
    if not INSIDE_PYODIDE and config.getoption("run_in_pyodide", False):
        from pyodide_rig.plugin import Rig

        config.pluginmanager.register(Rig(config), "pyodide-rig")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # its tests must fail, and only inside Pyodide does somebody wait for that
    return True if collection_path.name == "test_canary.py" and not _inside(config) else None


def _inside(config: pytest.Config) -> bool:
    """Whether the tests run inside Pyodide, seen from there or from its host."""
    return INSIDE_PYODIDE or bool(config.getoption("run_in_pyodide", False))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _inside(config) and os.environ.get("WASMARIUM_TESTS") != "all":
        long = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if not item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
    for item in items:
        if INSIDE_PYODIDE and (marker := item.get_closest_marker("cpython")):
            item.add_marker(pytest.mark.skip(reason=f"on CPython only: {marker.args[0]}"))
        for marker in item.iter_markers("shared"):
            if why := missing(*marker.args):
                item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared test data. A test that takes it is marked ``shared`` with the folders it reads."""
    return shared_root()
