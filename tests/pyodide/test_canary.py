"""Tests that must fail inside Pyodide, one for each way in which a failure could get lost.

This file is collected only for Pyodide, where the rig turns the verdicts round: a canary passes when it failed with
the words of its docstring. `npm test` fails when a run did not report every one of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


def test_assertion() -> None:
    """on emscripten one is two"""
    assert sys.platform == "nowhere", f"on {sys.platform} one is two"


def test_exception() -> None:
    """the emscripten bird fell off"""
    raise RuntimeError(f"the {sys.platform} bird fell off")


@pytest.mark.parametrize("number", [1, 2])
def test_parametrised(number: int) -> None:
    """is not the emscripten number"""
    raise AssertionError(f"{number} is not the {sys.platform} number")


@pytest.fixture
def broken_setup() -> None:
    raise RuntimeError(f"no set-up on {sys.platform}")


@pytest.mark.usefixtures("broken_setup")
def test_setup() -> None:
    """no set-up on emscripten"""


@pytest.fixture
def broken_teardown() -> Iterator[None]:
    yield
    raise RuntimeError(f"no teardown on {sys.platform}")


@pytest.mark.usefixtures("broken_teardown")
def test_teardown() -> None:
    """no teardown on emscripten"""


@pytest.mark.xfail(strict=True)
def test_unexpected_success() -> None:
    """[XPASS(strict)]"""


async def test_coroutine_nobody_awaits() -> None:
    """async def functions are not natively supported"""


if sys.platform != "emscripten":

    def test_lost() -> None:
        """it did not run there"""
