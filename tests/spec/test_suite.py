"""The official core suite runs, and everything holds that it says: nothing fails and nothing is skipped."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache

import pytest

from shared_data import missing, shared_root
from spec.suite import FILES, REPRESENTATIVES, each_file, report_of
from wasmarium.script import Report

pytestmark = pytest.mark.shared("core")

ORACLE = "oracles/core-conversion-counts.json"
KEYWORDS = {
    "assert_uninstantiable": "assert_trap",
    "assert_malformed_custom": "assert_malformed",
    "assert_invalid_custom": "assert_invalid",
    "module_definition": "module",
    "module_instance": "module instance",
}
"""What wasm-tools calls some commands, and we."""


def everything_passed(report: Report) -> bool:
    assert [str(result) for result in (*report.failed, *report.skipped)] == []
    return report.passed.total() > 0


@each_file
def test_file(name: str) -> None:
    assert everything_passed(report_of(name))


@each_file
def test_file_with_all_code_compiled_at_once(name: str) -> None:
    assert everything_passed(report_of(name, compile_after=0))


@cache
def counts() -> dict[str, Counter[str]]:
    """How many commands of each kind wasm-tools found in the files that it can read."""
    found = {}
    for entry in json.loads((shared_root() / ORACLE).read_text(encoding="utf-8")):
        if entry["ok"]:
            counter = found[entry["file"].removesuffix(".wast")] = Counter[str]()
            for kind, count in entry["counts"].items():
                counter[KEYWORDS.get(kind, kind)] += count
    return found


@pytest.mark.shared("oracles")
@each_file
def test_no_command_was_left_out(name: str) -> None:
    if name not in counts():
        assert name.startswith("legacy/")  # folded try, which wasm-tools does not know
        return
    assert report_of(name).passed == counts()[name]


def test_representatives_are_files_of_the_suite() -> None:
    assert missing("core") or FILES.keys() >= REPRESENTATIVES
