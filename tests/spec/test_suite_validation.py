"""The official core suite: what it says about well-formed and valid modules."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from shared_data import missing, shared_root
from spec import validation  # noqa: F401  (it enters its player)
from spec.runner import PLAYERS, Score, play, read_script, script_files
from wasm_tools import needs_wasm_tools

pytestmark = [
    pytest.mark.cpython("converts the suite with the program wasm-tools"),
    pytest.mark.shared("core"),
    needs_wasm_tools,
]
CORE = shared_root() / "core"
FILES = dict(script_files(CORE)) if not missing("core") else {"core": CORE}


KEPT = Path(__file__).resolve().parents[2] / ".cache" / "spec"


@cache
def score_of(name: str) -> Score:
    script = read_script(name, FILES[name], KEPT)
    return play(script, PLAYERS["validation"](script))


@pytest.mark.parametrize("name", FILES)
def test_file(name: str) -> None:
    assert score_of(name).failures == []


def test_commands_are_really_judged() -> None:
    """The suite had more than these when this was written."""
    judged = sum((score_of(name).passed for name in FILES), Counter())
    assert judged["module"] > 2300
    assert judged["assert_invalid"] > 2800
    assert judged["assert_malformed"] > 800
