"""Interpreter against host engine: generated modules run in both, inside Pyodide on Node, with the same results, traps,
memories and fuel.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fuzzing.case import dice
from fuzzing.driver import build_driver
from fuzzing.execution import has_shared_memory
from fuzzing.smith import make_module
from wasmarium.binary.decoder import decode_module
from wasmarium.features import ALL

ROOT = Path(__file__).resolve().parents[2]
BATCH = 50
WITHOUT = ("relaxed-simd", "custom-page-sizes", "wide-arithmetic")
"""What hosts do not have, or may do in their own way."""


def make(seed: int, number: int, folder: Path) -> dict[str, Any] | None:
    """The case with this number, written to ``folder``; None where nothing comes of it."""
    random_ = dice("differential", seed, number)
    data = make_module(random_, run=True, without=WITHOUT)
    if data is None:
        return None
    module = decode_module(data, ALL)
    if has_shared_memory(module) or any(item.module != "host" for item in module.imports):
        return None
    driver = build_driver(module, random_)
    case = {
        "number": number,
        "module": f"{number}.wasm",
        "driver": f"{number}-driver.wasm",
        "imports": driver.imports,
        "calls": driver.calls,
    }
    (folder / f"{number}.wasm").write_bytes(data)
    (folder / f"{number}-driver.wasm").write_bytes(driver.data)
    return case


def run(folder: Path, cases: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What came of each case; the last may be missing where the process died."""
    (folder / "cases.json").write_text(json.dumps(cases))
    node = shutil.which("node")
    assert node is not None
    script = folder / "run.py"
    tests = str(ROOT / "tests")
    script.write_text(f"import sys\nsys.path.insert(0, {tests!r})\nfrom fuzzing.hosted import main\nmain()\n")
    command = [node, str(ROOT / "scripts" / "run-in-node.mjs"), "--python", str(script), str(folder)]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, env=os.environ.copy(), timeout=60 * len(cases) + 60)
    lines = done.stdout.decode().splitlines()
    yield from map(json.loads, lines)
    if len(lines) < len(cases):
        text = done.stderr.decode("utf-8", "replace")[-2000:]
        yield {"number": cases[len(lines)]["number"], "counts": {"run": 1}, "difference": f"the process died\n{text}"}


def fuzz(seed: int, seconds: float, cases: int | None, out: Path) -> int:
    """Check cases until the time is over or so many were run in both; how many findings there were."""
    print(f"differential: seed {seed}", flush=True)
    counts: Counter[str] = Counter()
    began = time.monotonic()
    number = found = 0
    while time.monotonic() - began < seconds and (cases is None or counts["run"] < cases):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            batch: list[dict[str, Any]] = []
            wanted = BATCH if cases is None else min(BATCH, cases - counts["run"])
            while len(batch) < wanted:
                made = make(seed, number, folder)
                number += 1
                if made is not None:
                    batch.append(made)
            for result in run(folder, batch):
                counts.update(result["counts"])
                if result.get("difference"):
                    found += 1
                    _keep(result, seed, folder, batch, out)
    what = ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
    print(f"differential: {time.monotonic() - began:.0f} s ({what}), {found} findings, seed {seed}", flush=True)
    return found


def _keep(result: dict[str, Any], seed: int, folder: Path, batch: list[dict[str, Any]], out: Path) -> None:
    number = result["number"]
    kept = out / f"differential-{seed}-{number}"
    kept.mkdir(parents=True, exist_ok=True)
    case = next(case for case in batch if case["number"] == number)
    for name in ("module", "driver"):
        shutil.copy(folder / case[name], kept / f"{name}.wasm")
    again = {**case, "module": "module.wasm", "driver": "driver.wasm"}
    (kept / "cases.json").write_text(json.dumps([again]))
    (kept / "findings.txt").write_text(result["difference"] + "\n")
    shown = kept.relative_to(ROOT) if kept.is_relative_to(ROOT) else kept
    lines = [line[:200] for line in result["difference"].splitlines()[:4]]
    first = f"interpreter and host engine differ: scripts/fuzz --differential again {shown}"
    print("\n  ".join([first, *lines]), flush=True)


def again(folder: Path) -> int:
    """Check what was kept in ``folder``; the exit status."""
    cases = json.loads((folder / "cases.json").read_text())
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for file in folder.iterdir():
            shutil.copy(file, copy)
        results = list(run(copy, cases))
    for result in results:
        print(result.get("difference") or "the same", file=sys.stdout)
    return 1 if any(result.get("difference") for result in results) else 0
