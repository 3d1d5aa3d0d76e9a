"""The pytest plugin on the host's side."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pyodide_rig.session import PyodideSession

CANARY = "test_canary.py"


class Rig:
    """Runs every collected test inside Pyodide and passes its reports on."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        runtimes = [name for name in config.option.runtime.split(",") if name != "host"]
        if len(runtimes) != 1:
            raise pytest.UsageError("--run-in-pyodide needs exactly one --runtime: node, chrome or firefox")
        (self.runtime,) = runtimes
        self.session: PyodideSession | None = None
        self.shipped: set[str] = set()
        self.serves = self.indexed = False
        self.items: dict[str, list[pytest.Item]] = {}
        self.reports: dict[str, list[pytest.TestReport]] = {}
        self.canaries: dict[str, str] = {}

    def pytest_report_header(self) -> str:
        return f"inside Pyodide: {self.runtime}"

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            self.items.setdefault(item.nodeid.split("::")[0], []).append(item)

    # first: what the host would do for a test (fixtures, pytest-pyodide's own hooks) must not happen
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool:
        if item.nodeid not in self.reports:
            file = item.nodeid.split("::")[0]
            self.reports.update(self._run_file(file, self.items[file]))
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self.reports[item.nodeid]:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _run_file(self, file: str, items: list[pytest.Item]) -> dict[str, list[pytest.TestReport]]:
        """Runs the wanted tests of one file and returns the reports for each of them."""
        option = self.config.option
        some = option.keyword or option.markexpr or "::" in "".join(self.config.args)
        try:
            session = self._ready(items)
            # one of the canaries does not exist inside
            raw, printed = session.run([file] if not some or file.endswith(CANARY) else [item.nodeid for item in items])
        except (pytest.UsageError, KeyboardInterrupt):
            raise
        except Exception as error:
            # Pyodide itself broke: these tests failed, the next file gets a new one
            self._close()
            return {item.nodeid: [failure(item, f"Pyodide failed:\n{error}")] for item in items}
        reports: dict[str, list[pytest.TestReport]] = {item.nodeid: [] for item in items}
        trouble = f"it did not run there\n{printed}"
        for data in raw:
            report = self.config.hook.pytest_report_from_serializable(config=self.config, data=data)
            if isinstance(report.longrepr, list):  # a skip's place and reason, which JSON has no tuple for
                report.longrepr = tuple(report.longrepr)
            if isinstance(report, pytest.CollectReport):
                trouble = report.longreprtext
            elif report.nodeid in reports:
                reports[report.nodeid].append(report)
        for item in items:
            if not complete(reports[item.nodeid]):
                reports[item.nodeid] = [failure(item, trouble)]
            if item.path.name == CANARY:
                reports[item.nodeid] = [self._judge_canary(item, reports[item.nodeid])]
        return reports

    def _ready(self, items: list[pytest.Item]) -> PyodideSession:
        if self.session is None:
            self.session = PyodideSession(self.config, self.runtime)
        folders = {folder for item in items for marker in item.iter_markers("shared") for folder in marker.args}
        for folder in sorted(folders - self.shipped):
            self.session.ship_shared(folder)
            self.shipped.add(folder)
        if not self.serves and any("servers" in getattr(item, "fixturenames", ()) for item in items):
            self.session.start_servers()
            self.serves = True
        if not self.indexed and any("index" in getattr(item, "fixturenames", ()) for item in items):
            self.session.offer_packages()
            self.indexed = True
        return self.session

    def _judge_canary(self, item: pytest.Item, reports: list[pytest.TestReport]) -> pytest.TestReport:
        """A canary passes when it failed, and failed inside Pyodide for the reason that it gives."""
        failed = [report for report in reports if report.failed]
        reason = item.function.__doc__  # type: ignore[attr-defined]
        if failed and any(reason in f"{report.longreprtext}" for report in failed):
            self.canaries[item.nodeid] = "failed"
            return pytest.TestReport.from_item_and_call(item, pytest.CallInfo.from_call(lambda: None, "call"))
        outcomes = ", ".join(f"{report.when} {report.outcome}\n{report.longreprtext}" for report in reports)
        self.canaries[item.nodeid] = "did not fail as it must"
        return failure(item, f"the canary must fail and say {reason!r}, but: {outcomes}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.canaries:
            failed = sum(verdict == "failed" for verdict in self.canaries.values())
            terminalreporter.write_line(
                f"canary: {failed} of {len(self.canaries)} tests that must fail inside Pyodide ({self.runtime}) did"
            )
        if record := os.environ.get("WASMARIUM_CANARY"):
            Path(record).write_text(json.dumps(self.canaries))

    def _close(self) -> None:
        if self.session is not None:
            self.session.close()
        self.session = None
        self.serves = self.indexed = False
        self.shipped.clear()

    def pytest_unconfigure(self) -> None:
        self._close()


def complete(reports: list[Any]) -> bool:
    """Whether a test really ran to an outcome: its call was reported, or its set-up ended it."""
    return any(r.when == "call" or (r.when == "setup" and not r.passed) for r in reports)


def failure(item: pytest.Item, text: str) -> pytest.TestReport:
    """A report that the test failed inside Pyodide without telling so itself."""
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={item.name: 1},
        outcome="failed",
        longrepr=f"[inside Pyodide] {text}",
        when="call",
        sections=[],
        duration=0.0,
    )
