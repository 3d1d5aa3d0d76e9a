"""What the tests of the embedding API share."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import pytest


@pytest.fixture(params=["wasmarium", "wasmtime"])
def api(request: pytest.FixtureRequest) -> Any:
    """The module under test, and then wasmtime-py itself: a test that takes this says what both do."""
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return importlib.import_module(request.param)
