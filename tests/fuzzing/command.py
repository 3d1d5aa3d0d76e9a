"""The command line of ``scripts/fuzz``."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fuzzing import differential
from fuzzing.case import MODES, Case, Finding
from fuzzing.shrinking import again_command, shrink
from fuzzing.watchdog import Watchdog, serve
from fuzzing.work import check

ROOT = Path(__file__).resolve().parents[2]
MOST_OF_A_KIND = 3

EPILOG = """\
modes:
  mutate    real modules (../shared, our own) damaged in bytes, sections, bodies, instructions: one error with its
            place, or a module, in bounded time and memory; the verdict of wasm-tools; encode and print give it again
  generate  valid modules from `wasm-tools smith`: accepted, encoded and printed again, and executed with generated
            arguments in every mode of the interpreter and in wasmtime: same results, traps, memories, counts
  text      texts of the official suite damaged token by token: read, or refused, as `wasm-tools parse` does

  Without a mode all three share the time.

  With --differential modules like those of generate run in the interpreter and in the host engine, inside Pyodide on
  Node: same results, traps, memories, fuel.

examples:
  scripts/fuzz --minutes 10
  scripts/fuzz generate --cases 500 --seed 7
  scripts/fuzz --differential --cases 1000
  scripts/fuzz again generate .cache/fuzz/generate-7-31/small.wasm --seed 7 --number 31

What is found is written to a folder of its own: the case, the case made small, what was found, and the line that
checks it again. Known differences stand with their reasons in tests/fuzzing/differences.py.
The exit status is 1 where something was found.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz",
        description="Looks for input that wasmarium takes differently than wasm-tools and wasmtime do, or cannot bear.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("mode", nargs="?", choices=(*MODES, "again", "worker"), metavar="mode", help="|".join(MODES))
    parser.add_argument("rest", nargs="*", metavar="again MODE FILE", help="check one file as a mode does")
    parser.add_argument(
        "--differential", action="store_true", help="interpreter against host engine instead, inside Pyodide on Node"
    )
    parser.add_argument("--minutes", type=float, help="how long (default 1, unless --cases is given)")
    parser.add_argument("--cases", type=int, help="how many cases of each mode")
    parser.add_argument("--seed", type=int, help="where chance begins (default: the clock; it is printed)")
    parser.add_argument("--out", type=Path, default=ROOT / ".cache" / "fuzz", help="where findings go")
    parser.add_argument("--no-shrink", action="store_true", help="do not make findings smaller")
    parser.add_argument("--number", type=int, default=0, help="for again: the number of the case")
    parser.add_argument("--like", metavar="KIND", help="for again: status 0 just if there is a finding of this kind")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = _parser()
    options = parser.parse_intermixed_args(arguments)
    if options.mode == "worker":
        serve(options.rest[0], Path(options.rest[1]))
        return 0
    if options.differential:
        return _differential(options)
    if options.mode == "again":
        if len(options.rest) != 2 or options.rest[0] not in MODES:
            parser.error("again needs a mode and a file")
        return _again(options.rest[0], Path(options.rest[1]), options.seed or 0, options.number, options.like)
    if options.rest:
        parser.error(f"what is {options.rest[0]}?")
    seed = int(time.time()) if options.seed is None else options.seed
    modes = MODES if options.mode is None else (options.mode,)
    minutes = options.minutes if options.minutes is not None else 1.0 if options.cases is None else float("inf")
    found = 0
    for mode in modes:
        found += fuzz(mode, seed, minutes * 60 / len(modes), options.cases, options.out, not options.no_shrink)
    return 1 if found else 0


def _differential(options: argparse.Namespace) -> int:
    if options.mode == "again":
        return differential.again(Path(options.rest[0]))
    seed = int(time.time()) if options.seed is None else options.seed
    minutes = options.minutes if options.minutes is not None else 1.0 if options.cases is None else float("inf")
    return 1 if differential.fuzz(seed, minutes * 60, options.cases, options.out) else 0


def _again(mode: str, file: Path, seed: int, number: int, like: str | None) -> int:
    report = check(Case(mode, file.read_bytes(), str(file)), seed, number)
    for finding in report.findings:
        print(f"{finding.kind}\n{finding.detail}\n")
    if like is not None:
        return 0 if any(finding.kind == like for finding in report.findings) else 1
    print(", ".join(f"{name} {count}" for name, count in report.counts))
    return 1 if report.findings else 0


def fuzz(mode: str, seed: int, seconds: float, cases: int | None, out: Path, shrinking: bool) -> int:
    """Check cases of a mode until the time is over or there were enough; how many findings there were."""
    print(f"{mode}: seed {seed}", flush=True)
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    began = time.monotonic()
    number = 0
    with Watchdog(mode) as watchdog:
        while time.monotonic() - began < seconds and (cases is None or number < cases):
            checked = watchdog.check(seed, number)
            counts.update(dict(checked.report.counts))
            for finding in checked.report.findings:
                kinds[finding.kind] += 1
                if kinds[finding.kind] <= MOST_OF_A_KIND:
                    assert checked.case is not None
                    keep(checked.case, finding, seed, number, out, shrinking and kinds[finding.kind] == 1)
            number += 1
    what = ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
    took = time.monotonic() - began
    print(f"{mode}: {number} cases in {took:.0f} s ({what}), {sum(kinds.values())} findings, seed {seed}", flush=True)
    for kind, count in kinds.most_common():
        print(f"  {count} × {kind}", flush=True)
    return sum(kinds.values())


def keep(case: Case, finding: Finding, seed: int, number: int, out: Path, shrinking: bool) -> None:
    """Write a finding to its folder, made small where that is asked for."""
    folder = out / f"{case.mode}-{seed}-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"case{case.suffix}"
    file.write_bytes(case.data)
    if shrinking and finding.kind not in ("hang", "the process died"):

        def kinds(smaller: Case) -> tuple[str, ...]:
            return tuple(found.kind for found in check(smaller, seed, number).findings)

        small = shrink(case, finding.kind, seed, number, folder, kinds)
        file = folder / f"small{case.suffix}"
        file.write_bytes(small)
    path = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    line = shlex.join(["scripts/fuzz", *again_command(case, str(path), seed, number)])
    with (folder / "findings.txt").open("a", encoding="utf-8") as text:
        text.write(f"{finding.kind}\n{finding.detail}\nfrom {case.origin}\nagain: {line}\n\n")
    print(f"{finding.kind}\n  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
