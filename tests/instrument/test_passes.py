"""Whatever passes put into a module: it stays valid, and does what it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from rewritten import Rewriting

from spec.suite import FILES, features_for
from wasmarium.instrument import Pass
from wasmarium.instrument.depth import CallDepth
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
    "all": lambda: [Fuel(), Safepoints(), CallDepth(1 << 30)],
}

suite = pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.long("the whole core suite")) for name in FILES],
)


@pytest.mark.shared("core")
@pytest.mark.parametrize("passes", PASSES)
@suite
def test_core_suite(name: str, passes: str) -> None:
    engine = Rewriting(PASSES[passes])
    report = run_script(FILES[name].read_bytes(), Session(features_for(name), engine))
    assert [str(result) for result in report.failed] == []
    assert report.passed.total() > 0


def test_quick_files_are_of_the_suite() -> None:
    assert len(FILES) < 2 or FILES.keys() >= set(QUICK)
