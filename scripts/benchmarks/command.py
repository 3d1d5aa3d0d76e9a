"""The command line of the benchmarks.

A benchmark is a program of its own (``decoding.py``, ``kernels.py``) that prints JSON, so that the same
file runs on CPython and inside Pyodide on Node. This module starts it on both and prints the tables.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.guest_command import CASES as GUEST_CASES
from benchmarks.guest_command import GUESTS, PLATFORMS, guest_tables, guests, npm_package

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED = Path(os.environ.get("WASMARIUM_SHARED", ROOT.parent / "shared"))
PEERS = ("pywasm==2.2.3", "pwasm==0.2a0")
SHIM = "@bjorn3/browser_wasi_shim@0.4.2"

EXAMPLES = """
examples:
  scripts/bench decode                    opening and validating modules, in MB/s
  scripts/bench interpreter               the kernels of ../shared/bench beside pywasm's and pwasm's interpreters
  scripts/bench engines                   the host engine beside JavaScript alone, and what a call costs
  scripts/bench wasi                      calls of WASI per second, beside a WASI in JavaScript
  scripts/bench guests                    CPython, QuickJS, MicroPython, esbuild beside a host in JavaScript
  scripts/bench guests --on chrome --guests CPython --cases files
  scripts/bench interpreter --on cpython --sizes medium --kernels fib,crc32

Times differ from machine to machine and from minute to minute: compare only figures of one run, and run with
nothing else going on.
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure wasmarium on CPython and inside Pyodide on Node.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print the raw figures instead of tables")
    commands = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    decode = commands.add_parser("decode", help="decoder and validator on real modules")
    decode.add_argument("modules", nargs="*", type=Path, help="modules to open (default: Pyodide's own, Go's)")
    decode.add_argument("--repeat", type=int, default=5, metavar="N", help="runs; the median counts (5)")
    kernels = commands.add_parser("interpreter", help="interpreters on small kernels")
    kernels.add_argument("--sizes", default="small,medium", help="of tiny, small, medium, large (small,medium)")
    kernels.add_argument("--kernels", default="", help="names, separated by commas (all)")
    kernels.add_argument("--repeat", type=int, default=3, metavar="N", help="rounds; the median counts (3)")
    engines = commands.add_parser("engines", help="the host engine, in Pyodide on Node")
    engines.add_argument("--sizes", default="huge", help="of tiny, small, medium, huge (huge)")
    engines.add_argument("--kernels", default="", help="names, separated by commas (all)")
    engines.add_argument("--repeat", type=int, default=7, metavar="N", help="rounds; the median counts (7)")
    engines.set_defaults(on="pyodide")
    system = commands.add_parser("wasi", help="calls of WASI per second, files in memory")
    system.add_argument("--repeat", type=int, default=3, metavar="N", help="rounds; the best counts (3)")
    guest = commands.add_parser("guests", help="real guests on the host engine, in Pyodide on Node and in Chromium")
    guest.add_argument("--repeat", type=int, default=3, metavar="N", help="rounds; the median counts (3)")
    guest.add_argument("--on", default=",".join(PLATFORMS), help="of node, chrome (both)")
    guest.add_argument("--guests", default=",".join(GUESTS), help=f"of {', '.join(GUESTS)} (all)")
    guest.add_argument("--cases", default=",".join(GUEST_CASES), help=f"of {', '.join(GUEST_CASES)} (all)")
    for command in (decode, kernels, system):
        command.add_argument("--on", choices=("both", "cpython", "pyodide"), default="both")
    arguments = parser.parse_args(argv)
    platforms = ("cpython", "pyodide") if arguments.on == "both" else (arguments.on,)
    if arguments.what == "decode":
        modules = [path.resolve() for path in arguments.modules] or default_modules()
        options = [str(arguments.repeat), *map(str, modules)]
        results = {name: measure(name, "decoding.py", options) for name in platforms}
        show = show_decoding
    elif arguments.what == "wasi":
        module = system_calls()
        results = {name: measure(name, "system_calls.py", [str(arguments.repeat), str(module)]) for name in platforms}
        results["javascript"] = measure_in_javascript(str(arguments.repeat), str(module), str(shim()))
        show = show_system_calls
    elif arguments.what == "guests":
        names, cases, places = (
            _chosen(parser, getattr(arguments, option).split(","), known)
            for option, known in (("guests", GUESTS), ("cases", GUEST_CASES), ("on", PLATFORMS))
        )
        results = guests(ROOT / ".cache" / "peers", shim(), arguments.repeat, places, names, cases, measure)
        show = show_tables
    elif not (SHARED / "bench").is_dir():
        parser.error(f"the kernels are missing: {SHARED / 'bench'} (set WASMARIUM_SHARED)")
    elif arguments.what == "engines":
        big = ROOT / "node_modules/pyodide/pyodide.asm.wasm"
        options = [str(SHARED / "bench"), str(arguments.repeat), arguments.sizes, arguments.kernels]
        options.append(str(big) if big.exists() else "")
        results = {name: measure(name, "engines.py", options) for name in platforms}
        show = show_engines
    else:
        options = [str(SHARED / "bench"), str(peers()), str(arguments.repeat), arguments.sizes, arguments.kernels]
        results = {name: measure(name, "kernels.py", options) for name in platforms}
        show = show_kernels
    if arguments.json:
        print(json.dumps(results, indent=1))
    else:
        show(results)
    return 0


def _chosen(parser: argparse.ArgumentParser, names: list[str], known: Iterable[str]) -> list[str]:
    if unknown := set(names) - set(known):
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose of {', '.join(known)}")
    return names


def default_modules() -> list[Path]:
    """Big modules that are at hand."""
    wanted = (
        ROOT / "node_modules/pyodide/pyodide.asm.wasm",
        SHARED / "guests/go/main.wasm",
        SHARED / "guests/rust/hello.wasm",
    )
    return [path for path in wanted if path.exists()]


def peers() -> Path:
    """Where the other interpreters are; fetched with pip when missing. Test-only: nothing imports
    them but the benchmark."""
    folder = ROOT / ".cache" / "peers"
    stamp = folder / "installed.txt"
    if not stamp.exists() or stamp.read_text() != "\n".join(PEERS):
        print("fetching", *PEERS, file=sys.stderr)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target"]
        subprocess.run([*command, str(folder), *PEERS], check=True)
        stamp.write_text("\n".join(PEERS))
    return folder


def shim() -> Path:
    """Where the WASI in JavaScript is; fetched with npm when missing."""
    return npm_package(ROOT / ".cache" / "peers" / "npm", SHIM)


def system_calls() -> Path:
    """The module that calls, assembled."""
    from wasmarium import wat2wasm

    made = ROOT / ".cache" / "peers" / "system_calls.wasm"
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_bytes(wat2wasm((ROOT / "scripts" / "benchmarks" / "system_calls.wat").read_text()))
    return made


def measure_in_javascript(*options: str) -> Any:
    """Run the program in JavaScript, on the Node that Pyodide runs on; what it prints."""
    print("measuring in JavaScript …", file=sys.stderr)
    nodes = sorted((ROOT / ".cache" / "node").glob("**/bin/node"))
    command = [str(nodes[-1]) if nodes else "node", str(ROOT / "scripts" / "benchmarks" / "system_calls_shim.mjs")]
    done = subprocess.run([*command, *options], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def measure(platform: str, program: str, options: Sequence[str]) -> Any:
    """Run a benchmark program on a platform; what it prints."""
    path = str(ROOT / "scripts" / "benchmarks" / program)
    print(f"measuring on {platform} …", file=sys.stderr)
    if platform == "cpython":
        command = [sys.executable, path]
    else:
        command = ["node", str(ROOT / "scripts" / "run-in-node.mjs"), "--python", path]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([*command, *options], stdout=subprocess.PIPE, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{program} failed on {platform} with status {done.returncode}")
    return json.loads(done.stdout)


def show_decoding(results: dict[str, Any]) -> None:
    for platform, rows in results.items():
        print(f"\n{platform}")
        table(
            ("module", "MB", "structure ms", "MB/s", "validation ms", "MB/s"),
            (
                (
                    row["name"],
                    f"{row['bytes'] / 1e6:.2f}",
                    f"{row['decode'] * 1e3:.1f}",
                    f"{row['bytes'] / row['decode'] / 1e6:.0f}",
                    f"{row['validate'] * 1e3:.0f}",
                    f"{row['bytes'] / row['validate'] / 1e6:.1f}",
                )
                for row in rows
            ),
        )


def show_kernels(results: dict[str, Any]) -> None:
    for platform, found in results.items():
        for size, kernels in found.items():
            engines = list(next(iter(kernels.values())))
            print(f"\n{platform}, {size}: nanoseconds per executed instruction")
            rows = [(name, *(_figure(times[engine]) for engine in engines)) for name, times in kernels.items()]
            means = [geometric_mean(times[engine] for times in kernels.values()) for engine in engines]
            rows.append(("mean", *map(_figure, means)))
            ours = means[0]
            rows.append(("ratio", *(f"{mean / ours:.2f}x" if mean and ours else "" for mean in means)))
            table(("kernel", *engines), rows)


def show_engines(results: dict[str, Any]) -> None:
    for found in results.values():
        kernels, calls = found["kernels"], found["calls"]
        if kernels:
            kinds = list(next(iter(kernels.values()))["ratios"])
            rows = [
                (name, f"{row['bare'] * 1e3:.1f}", *(f"{row['ratios'][kind]:.2f}x" for kind in kinds))
                for name, row in kernels.items()
            ]
            columns = [[row["ratios"][kind] for row in kernels.values()] for kind in kinds]
            rows.append(("mean", "", *(f"{geometric_mean(column):.2f}x" for column in columns)))
            rows.append(("median", "", *(f"{statistics.median(column):.2f}x" for column in columns)))
            print("\nkernels: by JavaScript alone, ms; and how many times that by the host engine")
            table(("kernel", "bare", *kinds), rows)
        rows = [
            (name, f"{row['bare'] * 1e9:.1f}", f"{row['ours'] * 1e9:.1f}", f"{row['ratio']:.2f}x")
            for name, row in calls.items()
        ]
        mean = geometric_mean(row["ratio"] for row in calls.values())
        rows.append(("mean", "", "", "" if mean is None else f"{mean:.2f}x"))
        print("\ncalls, ns: a bare call of Pyodide; by the host engine")
        table(("calls", "bare", "host", "ratio"), rows)
        print("\nendless loops: how long after the request (or the deadline) they stopped, ms")
        table(
            ("loop", "median", "worst"),
            ((name, f"{row['median'] * 1e3:.1f}", f"{row['worst'] * 1e3:.1f}") for name, row in found["stops"].items()),
        )
        if found["rewriting"]:
            print("\nrewriting pyodide.asm.wasm")
            table(
                ("what is put in", "s", "MB before", "MB after"),
                (
                    (name, f"{row['time']:.2f}", f"{row['before'] / 1e6:.1f}", f"{row['after'] / 1e6:.1f}")
                    for name, row in found["rewriting"].items()
                ),
            )


def show_tables(results: dict[str, Any]) -> None:
    for title, head, rows in guest_tables(results):
        print(f"\n{title}")
        table(head, rows)


def show_system_calls(results: dict[str, Any]) -> None:
    columns = {
        engine if engine == platform or platform == "javascript" else f"{platform}, {engine}": rates
        for platform, engines in results.items()
        for engine, rates in engines.items()
    }
    calls = list(next(iter(columns.values())))
    print("\ncalls per second")
    table(("call", *columns), [(call, *(f"{rates[call]:,.0f}" for rates in columns.values())) for call in calls])


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def geometric_mean(values: Iterable[float | None]) -> float | None:
    """Of those that are there; None when one is missing, for then means do not compare."""
    found = list(values)
    if not found or None in found:
        return None
    return math.exp(sum(math.log(value) for value in found if value) / len(found))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        print(
            "  ".join(
                text.ljust(w) if i == 0 else text.rjust(w) for i, (text, w) in enumerate(zip(line, widths, strict=True))
            )
        )
