"""Cases are checked in a process of its own, with bounds on time and memory: whatever happens there is a finding."""

from __future__ import annotations

import faulthandler
import json
import resource
import select
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fuzzing.case import Case, Finding, Report
from fuzzing.corpus import Corpus
from fuzzing.shrinking import SCRIPT
from fuzzing.work import check, make

SECONDS = 120
"""For one case, by the clock; nearly all take less than one. Generous, because other programs may be running."""
MEMORY = 6 << 30
"""Of address space, for the worker; wasmtime's compiler has its share of it."""


# ---- inside ----


def serve(mode: str, folder: Path) -> None:
    """The worker: reads ``seed number`` lines, writes a JSON line for each."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    corpus = Corpus()
    for line in sys.stdin:
        seed, number = map(int, line.split())
        # Where it hangs is shown before it is ended.
        faulthandler.dump_traceback_later(SECONDS - 10)
        case = make(mode, seed, number, corpus)
        answer: dict[str, Any] = {"counts": [["nothing made", 1]], "findings": [], "origin": ""}
        if case is not None:
            current = folder / "current"
            current.write_bytes(case.data)
            report = check(case, seed, number)
            answer = {
                "counts": report.counts,
                "findings": [asdict(finding) for finding in report.findings],
                "origin": case.origin,
            }
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps(answer), flush=True)


# ---- outside ----


@dataclass(frozen=True, slots=True)
class Checked:
    """A case that was checked; its bytes where something was found."""

    report: Report
    case: Case | None


class Watchdog:
    """Starts the worker, asks it, and starts another one when it is gone."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self._folder = tempfile.TemporaryDirectory()
        self._errors = Path(self._folder.name, "errors")
        self._worker: subprocess.Popen[str] | None = None

    def __enter__(self) -> Watchdog:
        return self

    def __exit__(self, *reason: object) -> None:
        self._end()
        self._folder.cleanup()

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            worker.communicate()

    def _start(self) -> subprocess.Popen[str]:
        with self._errors.open("w") as errors:
            return subprocess.Popen(
                [sys.executable, str(SCRIPT), "worker", self.mode, self._folder.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def check(self, seed: int, number: int, seconds: float = SECONDS) -> Checked:
        """Have the case with this number made and checked."""
        current = Path(self._folder.name, "current")
        current.unlink(missing_ok=True)
        if self._worker is None:
            self._worker = self._start()
        worker = self._worker
        assert worker.stdin is not None
        assert worker.stdout is not None
        line = ""
        try:
            worker.stdin.write(f"{seed} {number}\n")
            worker.stdin.flush()
            if select.select([worker.stdout], [], [], seconds)[0]:
                line = worker.stdout.readline()
                problem = "the process died"
            else:
                problem = "hang"
        except BrokenPipeError:
            problem = "the process died"
        if not line:
            self._end()
            said = self._errors.read_text(errors="replace")[-4000:]
            data = current.read_bytes() if current.exists() else b""
            return Checked(Report((Finding(problem, said),)), Case(self.mode, data, ""))
        answer = json.loads(line)
        findings = tuple(Finding(**finding) for finding in answer["findings"])
        report = Report(findings, tuple((name, count) for name, count in answer["counts"]))
        case = Case(self.mode, current.read_bytes(), answer["origin"]) if findings else None
        return Checked(report, case)
