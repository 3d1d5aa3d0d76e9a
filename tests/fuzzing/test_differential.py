"""Interpreter against host engine: what is compared, and a first dozen of generated modules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fuzzing.hosted import difference
from fuzzing.world import Event
from wasm_tools import needs_wasm_tools

CALLS = [
    Event("instantiate", "ok", "", "10000:1234", 7),
    Event("call 0", "UNREACHABLE", "", "10000:1234", 3),
    Event("dump", "ok", "01ff", "10000:1234", 9),
]


@pytest.mark.parametrize(
    "change",
    [{"end": "exception"}, {"shown": "01fe"}, {"state": "20000:1234"}, {"fuel": 8}],
    ids=lambda c: next(iter(c)),
)
def test_every_difference_is_seen(change: dict[str, object]) -> None:
    changed = [*CALLS[:2], replace(CALLS[2], **change)]  # type: ignore[arg-type]
    assert difference(CALLS, CALLS) == ""
    assert difference(CALLS, changed) == f"{CALLS[2]}\n{changed[2]}"
    assert difference(CALLS, CALLS[:2]) == "one run ended earlier"


def test_nothing_is_compared_behind_a_bound_of_the_host() -> None:
    ended = [*CALLS[:1], Event("call 0", "STACK_OVERFLOW", "", "10000:9999", 100)]
    assert difference(CALLS, ended) == ""


@needs_wasm_tools
@pytest.mark.cpython("starts programs")
def test_generated_modules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("wasmtime", reason="arguments come from the same place as when comparing with it")
    from fuzzing.differential import fuzz

    assert fuzz(5, float("inf"), 12, tmp_path) == 0
    assert "run 12," in capsys.readouterr().out
