"""Whatever passes put into a module: it stays valid, and does what it did."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import pytest
from rewritten import Rewriting

from spec.suite import FILES, features_for
from wasmarium.instrument import Pass
from wasmarium.instrument.calls import CountedCalls, TracedCalls
from wasmarium.instrument.coverage import CoveredBlocks
from wasmarium.instrument.depth import CallDepth
from wasmarium.instrument.dirty import DirtyPages
from wasmarium.instrument.fuel import Fuel
from wasmarium.instrument.safepoints import Safepoints
from wasmarium.script import Session, run_script

QUICK = """br_table bulk call_indirect data elem fac func_ptrs imports legacy/rethrow legacy/try_catch
    legacy/try_delegate memory_copy memory-multi memory_trap64 proposals/threads/atomic return_call_indirect simd_lane
    simd_store16_lane simd_store store struct throw_ref traps try_table type-subtyping""".split()

PASSES: dict[str, Callable[[], Sequence[Pass]]] = {
    "fuel": lambda: [Fuel()],
    "safepoints": lambda: [Safepoints()],
    "depth": lambda: [CallDepth(1 << 30)],
    "dirty pages": lambda: [DirtyPages(1 << 32)],
    "coverage": lambda: [CoveredBlocks()],
    "calls": lambda: [CountedCalls(), TracedCalls(10)],
    "all": lambda: [
        Fuel(),
        Safepoints(),
        CallDepth(1 << 30),
        DirtyPages(1 << 32),
        CoveredBlocks(),
        CountedCalls(),
        TracedCalls(100),
    ],
}


CASES = [(name, passes) for passes in PASSES for name in QUICK]
if os.environ.get("WASMARIUM_TESTS") == "all":
    CASES += [(name, "all") for name in FILES if name not in QUICK]


@pytest.mark.shared("core")
@pytest.mark.parametrize(("name", "passes"), CASES)
def test_core_suite(name: str, passes: str) -> None:
    engine = Rewriting(PASSES[passes])
    report = run_script(FILES[name].read_bytes(), Session(features_for(name), engine))
    # a function that outlives a failed instantiation has no fuel here; the host's engine gives it some
    expected = {"linking": 2, "linking0": 1}.get(name, 0) if passes in ("fuel", "all") else 0
    assert len(report.failed) == expected, [str(result) for result in report.failed]
    assert report.passed.total() > 0


def test_quick_files_are_of_the_suite() -> None:
    assert len(FILES) < 2 or FILES.keys() >= set(QUICK)
