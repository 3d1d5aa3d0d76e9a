"""The part of the rig that runs inside Pyodide."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import zlib
from typing import Any

import pytest


class _Recorder:
    """Collects every report of a session, serialised by pytest itself."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.config: pytest.Config

    def pytest_configure(self, config: pytest.Config) -> None:
        self.config = config

    def _record(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        self.reports.append(self.config.hook.pytest_report_to_serializable(config=self.config, report=report))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._record(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._record(report)


def run(arguments: str) -> str:
    """Runs pytest with a JSON list of arguments.

    Gives `[reports, what pytest printed]` packed, as the way out is a terminal on Node.
    """
    recorder = _Recorder()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        pytest.main(["-q", "--color=no", "-p", "no:cacheprovider", *json.loads(arguments)], plugins=[recorder])
    result = [recorder.reports, printed.getvalue()]
    return base64.b64encode(zlib.compress(json.dumps(result).encode())).decode()
