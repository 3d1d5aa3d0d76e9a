"""The official core suite: which files there are, and what came of running them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from shared_data import missing, shared_root
from wasmarium.features import Features
from wasmarium.script import Report, Session, run_script
from wasmarium.script.folders import features_of

CORE = shared_root() / "core"

FOLDERS = ("", "custom", "legacy", "proposals/threads", "proposals/custom-page-sizes", "proposals/wide-arithmetic")
"""Those that are about what wasmarium implements: WebAssembly 3.0 and these proposals."""

FILES = {
    path.relative_to(CORE).with_suffix("").as_posix(): path
    for folder in FOLDERS
    for path in sorted((CORE / folder).glob("*.wast"))
} or {missing("core"): Path()}
"""By the name within the suite, like "i32" or "proposals/threads/atomic"."""

REPRESENTATIVES = frozenset(
    """
    address64 align annotations array_copy array_new_elem binary br_on_cast_fail br_table bulk call_indirect comments
    const conversions data elem exports extern f32 f64_bitwise fac float_exprs float_literals func global i31 i64 if
    imports instance int_literals labels left-to-right linking local_init memory memory_grow memory_init64 memory-multi
    names ref_cast ref_test return_call_indirect select simd_bitwise simd_conversions simd_f64x2_rounding
    simd_i16x8_q15mulr_sat_s simd_i8x16_arith2 simd_lane simd_load16_lane struct table table_copy_mixed table_grow
    throw_ref token traps try_table type-rec type-subtyping unreached-invalid utf8-import-field
    i32x4_relaxed_trunc relaxed_madd_nmadd
    """.split()
)
"""Files of the top level that have something of everything and are quick. Inside Pyodide the tests take these and
the files of all other folders, unless the whole suite is asked for."""

_LONG = pytest.mark.long("the whole core suite: a minute or more inside Pyodide")

each_file = pytest.mark.parametrize(
    "name", [name if "/" in name or name in REPRESENTATIVES else pytest.param(name, marks=_LONG) for name in FILES]
)
"""A test with this runs for every file."""


def features_for(name: str) -> Features:
    """What is on for a file of the suite."""
    return features_of(FILES[name])


@cache
def report_of(name: str, compile_after: int | None = None) -> Report:
    """What came of running a file; it is run once."""
    return run_script(FILES[name].read_bytes(), Session(features_for(name), compile_after=compile_after))
