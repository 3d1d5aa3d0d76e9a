"""What the tests inside Pyodide stand on; on CPython only the parts that hold everywhere are checked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from shared_data import shared_root

inside = pytest.mark.skipif(sys.platform != "emscripten", reason="is about Pyodide")


@inside
def test_wasmarium_comes_from_the_wheel() -> None:
    import wasmarium

    assert "site-packages" in str(wasmarium.__file__)


@inside
def test_tests_lie_in_the_virtual_file_system() -> None:
    assert Path(__file__).is_relative_to("/repo/tests")


@pytest.mark.shared("guests")
def test_shared_guests_are_there(shared: Path) -> None:
    assert shared == shared_root()
    assert (shared / "guests" / "c" / "hello.wasm").read_bytes()[:4] == b"\0asm"


@pytest.mark.parametrize("text", ["", "undefined", "ä\n\0"])
def test_parametrised_with_odd_names(text: str) -> None:
    assert text.encode().decode() == text


@pytest.mark.xfail(reason="expected failures arrive as such")
def test_expected_failure() -> None:
    raise AssertionError


@inside
def test_python_can_wait_for_a_promise() -> None:
    from pyodide.ffi import can_run_sync

    assert can_run_sync()
