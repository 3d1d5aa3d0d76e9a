"""Parts of the official core suite with everything in a worker that can be there, whether it waits or not."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from engines_host.known_gaps import GAPS
from engines_host.workers import run
from spec.suite import FILES, features_for
from wasmarium.engines.host import HostEngine
from wasmarium.script import Session, run_script

pytestmark = [pytest.mark.shared("core"), pytest.mark.usefixtures("without_jspi")]

NAMES = """address64 bulk call_indirect conversions data elem f32 fac float_exprs func global i64 if imports
    left-to-right linking memory memory_grow memory-multi return_call_indirect select simd_bitwise simd_conversions
    simd_lane table table_copy_mixed table_grow tag throw_ref traps try_table""".split()


class Everything(HostEngine):
    """Puts every instance into the worker of its store."""

    def _runs_remotely(self, store: Any, imports: Any) -> bool:
        return True

    def remote(self, store: Any) -> Any:
        found = super().remote(store)
        run(found.worker.boot_later())
        return found


@pytest.mark.parametrize("name", NAMES)
def test_file(name: str) -> None:
    from wasmarium.bridge.browser import BrowserPlatform

    made: Counter[str] = Counter()
    stores: set[Any] = set()

    class Watched(Everything):
        def instantiate(self, store: Any, module: Any, imports: Any, name: Any = None) -> Any:
            stores.add(store)
            instance = super().instantiate(store, module, imports, name)
            made[self.fallback(module) or type(instance).__name__] += 1
            return instance

    engine = Watched(BrowserPlatform("worker").webassembly())
    report = run_script(FILES[name].read_bytes(), Session(features_for(name), engine))
    for store in stores:
        engine.leave(store)
    gaps = {line for gap in GAPS if gap.file == name for line in gap.lines}
    assert [str(result) for result in report.failed if result.location.line not in gaps] == []
    assert (report.skipped, report.passed.total() > 0) == ([], True)
    # what is interpreted has a reason that has to do with threads, and it is the smaller part
    others = {why: count for why, count in made.items() if why != "RemoteInstance"}
    assert all("worker" in why or "WebAssembly says" in why for why in others), others
    assert made["RemoteInstance"] > sum(others.values())
