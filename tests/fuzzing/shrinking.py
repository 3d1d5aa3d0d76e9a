"""Making a case smaller while it stays what it is."""

from __future__ import annotations

import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fuzzing.case import Case
from fuzzing.oracles import wasmtime_verdict
from wasm_tools import WASM_TOOLS

ATTEMPTS = 150
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "fuzz"


def smaller(data: bytes, interesting: Callable[[bytes], bool], seconds: float) -> bytes:
    """``data`` without the pieces that ``interesting`` does not need: halves first, at last single bytes."""
    end = time.monotonic() + seconds
    size = len(data) // 2
    while size >= 1 and time.monotonic() < end:
        at, changed = 0, False
        while at < len(data) and time.monotonic() < end:
            shorter = data[:at] + data[at + size :]
            if interesting(shorter):
                data, changed = shorter, True
            else:
                at += size
        if not changed or size > 1:
            size //= 2
    return data


def smaller_words(data: bytes, interesting: Callable[[bytes], bool], seconds: float) -> bytes:
    """The same for a text, by words between blanks."""
    end = time.monotonic() + seconds
    words = data.split(b" ")
    size = len(words) // 2
    while size >= 1 and time.monotonic() < end:
        at = 0
        while at < len(words) and time.monotonic() < end:
            shorter = words[:at] + words[at + size :]
            if interesting(b" ".join(shorter)):
                words = shorter
            else:
                at += size
        size //= 2
    return b" ".join(words)


def again_command(case: Case, path: str, seed: int, number: int) -> list[str]:
    """The arguments of ``scripts/fuzz`` that check a file as the case was checked."""
    return ["again", case.mode, path, "--seed", str(seed), "--number", str(number)]


def shrink(
    case: Case, kind: str, seed: int, number: int, folder: Path, check: Callable[[Case], tuple[str, ...]]
) -> bytes:
    """The smallest case found that has a finding of ``kind``; valid modules are left to wasm-tools."""
    if case.mode != "text" and not wasmtime_verdict(case.data):
        return _shrink_valid(case, kind, seed, number, folder)

    def interesting(data: bytes) -> bool:
        return kind in check(Case(case.mode, data, case.origin))

    way = smaller_words if case.mode == "text" else smaller
    return way(case.data, interesting, 30)


def _shrink_valid(case: Case, kind: str, seed: int, number: int, folder: Path) -> bytes:
    predicate, source, target = folder / "like.sh", folder / f"case{case.suffix}", folder / "small.wasm"
    source.write_bytes(case.data)
    quoted = " ".join(f"'{part}'" for part in again_command(case, "", seed, number) if part)
    quoted = f"'{sys.executable}' '{SCRIPT}' {quoted}".replace(f"'{case.mode}'", f"'{case.mode}' \"$1\"")
    like = kind.replace("'", "'\\''")
    predicate.write_text(f"#!/bin/sh\nexec {quoted} --like '{like}' >/dev/null 2>&1\n")
    predicate.chmod(predicate.stat().st_mode | stat.S_IXUSR)
    command = [WASM_TOOLS, "shrink", str(predicate), str(source), "-o", str(target), "--attempts", str(ATTEMPTS)]
    try:
        subprocess.run(command, capture_output=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        pass
    return target.read_bytes() if target.exists() else case.data
