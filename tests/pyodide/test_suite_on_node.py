"""The whole core suite as one program, `npx wasmarium wast`: inside Pyodide on Node the same counts as on CPython."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from spec.suite import FILES, report_of

pytestmark = [pytest.mark.cpython("starts programs"), pytest.mark.shared("core")]

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "scripts" / "run-in-node.mjs"


def test_every_command_of_the_suite_passes() -> None:
    command = [shutil.which("node") or "", str(LAUNCHER), "wast", "--json", *map(str, FILES.values())]
    environment = {**os.environ, "WASMARIUM_ENGINE": "interpreter"}
    done = subprocess.run(command, capture_output=True, cwd=ROOT, env=environment, timeout=800)
    assert done.stderr == b""
    found = json.loads(done.stdout)
    assert (found["failed"], found["skipped"], done.returncode) == (0, 0, 0)
    counts = {name: entry["commands"] for name, entry in zip(FILES, found["files"], strict=True)}
    assert counts == {name: dict(report_of(name).passed) for name in FILES}
