"""The official core suite on the host engine: what does not hold stands in ``known_gaps``, and nothing else."""

from __future__ import annotations

import pytest

from engines_host.known_gaps import GAPS, OLD_V8, SPIDERMONKEY, V8
from spec.suite import FILES, each_file, features_for
from wasmarium import bridge
from wasmarium.engines.host import HostEngine
from wasmarium.engines.host.traps import CALLS_NULL, SAME_FOR_NULL
from wasmarium.runtime.store import Store
from wasmarium.script import Session, run_script
from wasmarium.text.parser import parse_module

pytestmark = pytest.mark.shared("core")


@pytest.fixture(scope="module")
def engine() -> HostEngine:
    return HostEngine(bridge.platform().webassembly())


@pytest.fixture(scope="module")
def host(engine: HostEngine) -> str:
    """Which one it is, told by its words."""
    compiled = bridge.platform().webassembly().compile(parse_module(CALLS_NULL))
    complaint = engine.realm(Store()).glue.complaint(compiled)
    if complaint == "indirect call to null":
        return SPIDERMONKEY
    return OLD_V8 if SAME_FOR_NULL in complaint else V8


@each_file
def test_file(name: str, engine: HostEngine, host: str) -> None:
    report = run_script(FILES[name].read_bytes(), Session(features_for(name), engine))
    expected = {line for gap in GAPS if gap.file == name and host in gap.hosts for line in gap.lines}
    surprises = [str(result) for result in report.failed if result.location.line not in expected]
    assert surprises == []
    assert {result.location.line for result in report.failed} == expected
    assert report.skipped == []
    assert report.passed.total() > 0


def test_gaps_are_of_files_of_the_suite() -> None:
    assert FILES.keys() >= {gap.file for gap in GAPS}
