from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from running import MODES, Modes


@pytest.fixture(params=MODES)
def modes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Modes:
    """Every way to run; a test that takes it runs once in each."""
    return Modes(request.param, monkeypatch)
