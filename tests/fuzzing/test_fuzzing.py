"""A short run of every mode of ``scripts/fuzz``, always the same cases; and that faults would be noticed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from fuzzing.case import MODES, Case, Report, dice
from wasm_tools import WASM_TOOLS, needs_wasm_tools
from wasmarium.binary.decoder import decode_module
from wasmarium.features import ALL
from wasmarium.text.parser import parse_module

COMPARABLE = bool(WASM_TOOLS) and importlib.util.find_spec("wasmtime") is not None
if COMPARABLE:
    from fuzzing.corpus import Corpus
    from fuzzing.driver import build_driver
    from fuzzing.execution import run_ours, run_theirs
    from fuzzing.mutation import bodies, cut_body, join, join_bodies, mutate, split
    from fuzzing.oracles import wasm_tools_verdict, wasmtime_verdict
    from fuzzing.shrinking import smaller
    from fuzzing.watchdog import Watchdog
    from fuzzing.work import check, make

pytestmark = [
    pytest.mark.cpython("asks wasm-tools and wasmtime"),
    needs_wasm_tools,
    pytest.mark.skipif(not COMPARABLE, reason="needs wasmtime, to compare with"),
]

SEED = 1
CASES = {"mutate": 60, "generate": 4, "text": 60}
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "fuzz"


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus()


@pytest.mark.parametrize("mode", MODES)
def test_a_short_run_finds_nothing(mode: str, corpus: Corpus) -> None:
    made = 0
    for number in range(CASES[mode]):
        case = make(mode, SEED, number, corpus)
        if case is not None:
            made += 1
            report = check(case, SEED, number)
            assert report.findings == (), f"{mode} case {number} of seed {SEED}"
    assert made > CASES[mode] // 2


def test_cases_come_from_seed_and_number_alone(corpus: Corpus) -> None:
    for mode in ("mutate", "text"):
        first, again = make(mode, 3, 4, corpus), make(mode, 3, 4, Corpus())
        assert first == again
        assert first != make(mode, 3, 5, corpus)


def test_without_shared_data_there_is_a_corpus_too(tmp_path: Path) -> None:
    alone = Corpus(tmp_path)
    for number in range(5):
        random_ = dice("mutate", 1, number)
        data, origin = alone.module(random_)
        assert origin == "own"
        assert mutate(data, random_, [data])[0] is not None
        assert alone.text(random_)[0]


def test_parts_make_the_whole(corpus: Corpus) -> None:
    for number in range(20):
        data, _ = corpus.module(dice("parts", 1, number))
        if wasmtime_verdict(data):
            continue
        pieces = split(data)
        assert facts_of(join(pieces)) == facts_of(data)
        for piece in pieces:
            if piece.number == 10:
                found = bodies(piece.content)
                assert bodies(join_bodies(found)) == found
                for body in found:
                    head, parts = cut_body(body)
                    assert head + b"".join(parts) == body


def facts_of(data: bytes) -> list[tuple[int, bytes]]:
    return [(piece.number, piece.content) for piece in split(data)]


SUM = """(module
  (type $s (struct (field i32) (field (mut i8))))
  (memory (export "memory") 1) (table (export "table") 2 funcref) (global (export "total") (mut i64) (i64.const 0))
  (func (export "sum") (param i32 f64 v128 (ref $s) externref) (result i32 (ref $s) v128 anyref)
    (global.set 0 (i64.add (global.get 0) (i64.const 1)))
    (i32.store (i32.const 8) (local.get 0))
    (table.set (i32.const 1) (ref.null func))
    (i32.div_u (i32.const 100) (i32.load (i32.const 8)))
    (local.get 3) (local.get 2) (ref.i31 (i32.const 5)))
  (func (export "trap") (unreachable)))"""


def test_the_driver_shows_what_happened() -> None:
    data = parse_module(SUM, features=ALL)
    module = decode_module(data, ALL)
    driver = build_driver(module, dice("driver", 1, 1))
    assert wasm_tools_verdict(driver.data, ALL) == ""
    ours, theirs = run_ours(module, driver, "cold"), run_theirs(data, driver)
    ends = {event.end for event in ours.events}
    assert {"ok", "UNREACHABLE"} <= ends
    assert [(event.name, event.end, event.shown) for event in ours.events] == [
        (event.name, event.end, event.shown) for event in theirs.events
    ]
    # Another module under the same driver shows something else.
    other = decode_module(parse_module(SUM.replace("i64.const 1)", "i64.const 2)"), features=ALL), ALL)
    assert [event.shown for event in run_ours(other, driver, "cold").events] != [event.shown for event in ours.events]


def findings_of(report: Report) -> list[str]:
    return [finding.kind for finding in report.findings]


def test_a_wrong_verdict_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzzing.verdicts.validate_module", lambda module, features: None)
    broken = parse_module("(func (result i32))")
    assert any("accepted, but wasm-tools refuses it" in kind for kind in findings_of(check(mutated(broken), 1, 1)))


def mutated(data: bytes) -> Case:
    return Case("mutate", data, "here")


def test_an_exception_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(data: bytes, features: object) -> None:
        raise KeyError("oh")

    monkeypatch.setattr("fuzzing.verdicts.decode_module", fault)
    assert findings_of(check(mutated(b"\0asm\1\0\0\0"), 1, 1)) == ["KeyError in fault of test_fuzzing.py"]


def test_another_result_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from wasmarium.engines.interpreter import operations
    from wasmarium.instructions import numeric

    data = parse_module('(module (func (export "f") (param i32 i32) (result i32) local.get 0 local.get 1 i32.sub))')
    assert findings_of(check(Case("generate", data, "here"), 1, 1)) == []
    monkeypatch.setitem(numeric.EXPRESSIONS, "i32.sub", "({1} - {0} & 0xFFFFFFFF)")
    operations._SIMPLE.pop("i32.sub", None)
    try:
        assert findings_of(check(Case("generate", data, "here"), 1, 1)) == ["wasmtime does something else"]
    finally:
        operations._SIMPLE.pop("i32.sub", None)


def test_the_watchdog_notices_a_hang() -> None:
    with Watchdog("mutate") as watchdog:
        checked = watchdog.check(1, 1, seconds=0.01)
        assert [finding.kind for finding in checked.report.findings] == ["hang"]
        assert watchdog.check(1, 1).report.findings == ()


def test_smaller_keeps_what_is_needed() -> None:
    data = bytes(500) + b"a" + bytes(300) + b"b" + bytes(7)
    assert smaller(data, lambda left: b"a" in left and b"b" in left, 10) == b"ab"


def test_the_command() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "mutate", "--cases", "3", "--seed", "9"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mutate: 3 cases" in done.stdout
    assert "seed 9" in done.stdout
    shown = subprocess.run([sys.executable, SCRIPT, "--help"], capture_output=True, text=True, check=True).stdout
    assert all(f"  {mode}  " in shown for mode in MODES)
