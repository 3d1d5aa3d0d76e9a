"""Whatever passes put into a module: it stays valid, and does what it did."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import pytest
from rewritten import Rewriting, rewritten

from spec.suite import FILES, features_for
from wasmarium.binary.decoder import decode_module
from wasmarium.features import ALL
from wasmarium.instrument import Pass
from wasmarium.instrument.calls import CountedCalls, TracedCalls
from wasmarium.instrument.coverage import CoveredBlocks
from wasmarium.instrument.depth import CallDepth
from wasmarium.instrument.dirty import DirtyPages
from wasmarium.instrument.fuel import Fuel
from wasmarium.instrument.safepoints import Safepoints
from wasmarium.script import Session, run_script
from wasmarium.text.parser import parse_module

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


def test_hosts_are_told_which_branches_are_unlikely() -> None:
    module = decode_module(
        parse_module("(module (func (param i32) (local i64) (loop (br_if 0 (local.get 0)))) (func))"), ALL
    )
    _, decoded = rewritten(module, [Fuel(), Safepoints()])
    (section,) = (item for item in decoded.customs if item.name == "metadata.code.branch_hint")
    assert section.after < 10
    content = decoded.data[section.start : section.end]
    # two functions; in the first the entry and the loop, in the second the entry
    expected = bytearray([2])
    for index, count in ((0, 2), (1, 1)):
        start, end = decoded.codes[index]
        code = decoded.data[start:end]
        # i32.lt_s is only in safepoints, and the if stands behind it
        places = [at + 1 for at in range(len(code)) if code[at : at + 2] == b"\x48\x04"]
        assert len(places) == count
        expected += bytes([index, count])
        for place in places:
            expected += bytes([place, 1, 0])
    assert content == bytes(expected)
