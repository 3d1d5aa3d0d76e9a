"""Valid modules, made by ``wasm-tools smith`` from the dice, with features chosen for what is to be tried."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Collection
from pathlib import Path

from fuzzing.oracles import wasm_tools
from wasmarium.text.parser import parse_module

HOST = """(module
  (type $f (func))
  (import "host" "count" (func (param i32) (result i32)))
  (import "host" "mix" (func (param i64 f64 f32) (result f32 i64)))
  (import "host" "nothing" (func))
  (import "host" "refuse" (func (param i32)))
  (import "host" "give" (func (param externref) (result externref)))
  (import "host" "memory" (memory 1 3))
  (import "host" "table" (table 5 20 funcref))
  (import "host" "externs" (table 3 9 externref))
  (import "host" "constant" (global i32))
  (import "host" "variable" (global (mut i64)))
  (import "host" "number" (global (mut f64)))
  (import "host" "nobody" (global externref))
  (import "host" "tag" (tag (param i32)))
)"""
"""What a module made for execution may import; ``execution`` provides it on both sides."""

_NEVER = ("compact-imports", "custom-descriptors", "shared-everything-threads")
_SWITCHED = (
    "bulk-memory exceptions extended-const gc memory64 multi-value reference-types relaxed-simd "
    "saturating-float-to-int sign-extension-ops simd tail-call threads wide-arithmetic custom-page-sizes"
).split()


def arguments(random_: random.Random, *, run: bool, without: Collection[str] = ()) -> list[str]:
    """The options of one module; with ``run`` it is to be executed: closed, with an end, small. ``without`` are
    features that it must not use."""
    # gc needs reference types, and so on: smith refuses what does not fit together.
    off = [name for name in _SWITCHED if random_.random() < 0.15]
    if "reference-types" in off:
        off += ["gc", "exceptions", "tail-call"]
    if "bulk-memory" in off:
        off += ["gc", "threads", "reference-types", "exceptions", "tail-call"]
    if "simd" in off:
        off.append("relaxed-simd")
    if run and random_.random() < 0.5:
        # With threads smith likes to share memories, and those are not run.
        off.append("threads")
    off += without
    found = [f"--{name}-enabled={'false' if name in off else 'true'}" for name in _SWITCHED]
    found += [f"--{name}-enabled=false" for name in _NEVER]
    found += [
        f"--max-memories={random_.choice((1, 1, 2, 4))}",
        f"--max-tables={random_.choice((1, 2, 4))}",
        f"--min-funcs={random_.choice((1, 2, 5))}",
        f"--min-types={random_.choice((1, 4, 10))}",
        f"--max-instructions={random_.choice((10, 50, 100, 300))}",
        f"--min-uleb-size={random_.choice((1, 1, 1, 1, 3, 5))}",
    ]
    if not run:
        return [*found, f"--generate-custom-sections={random_.choice(('true', 'false'))}"]
    found += [
        "--ensure-termination",
        f"--fuel={random_.choice((20, 200, 1000))}",
        "--export-everything=true",
        "--canonicalize-nans=true",
        "--max-memory32-bytes=200000",
        "--max-memory64-bytes=200000",
        "--memory-max-size-required=true",
        "--max-table-elements=200",
        "--table-max-size-required=true",
        "--limit-arrays-in-const-exprs=true",
        f"--disallow-traps={random_.choice(('true', 'false', 'false'))}",
        f"--max-funcs={random_.choice((5, 8, 20))}",
        "--max-exports=60",
    ]
    if random_.random() < 0.8:
        # Of memory: most within bounds, some just out of them.
        found.append(f"--min-memories={random_.choice((0, 1))}")
    return found


def make_module(random_: random.Random, *, run: bool, without: Collection[str] = ()) -> bytes | None:
    """A valid module, or None where smith makes nothing of this seed."""
    options = arguments(random_, run=run, without=without)
    size = random_.choice((300, 1000, 3000, 8000))
    seed = random_.randbytes(size)
    with tempfile.TemporaryDirectory() as folder:
        if run:
            shape = Path(folder, "imports.wasm")
            shape.write_bytes(parse_module(HOST))
            options.append(f"--available-imports={shape}")
        done = wasm_tools("smith", *options, data=seed)
    if done.returncode:
        # 2: nothing comes of this seed. Some combinations of options make smith itself panic.
        if done.returncode == 2 or b"panicked at crates/wasm-smith" in done.stderr:
            return None
        raise RuntimeError(f"wasm-tools smith {' '.join(options)}: {done.stderr.decode('utf-8', 'replace')}")
    return done.stdout
