"""What the host's WebAssembly can do: one small module per proposal, which it takes for valid or not. And
what it can do but should not.
"""

from __future__ import annotations

from collections.abc import Mapping

from wasmarium.binary.code import instructions, read_locals
from wasmarium.engines.host.glue import Bridge
from wasmarium.errors import Unsupported
from wasmarium.features import ALL
from wasmarium.module import Module
from wasmarium.text.parser import parse_module

PROBES: Mapping[str, str] = {
    "mvp": "(module)",
    "mutable-globals": '(module (global (export "g") (mut i32) (i32.const 0)))',
    "sign-extension": "(module (func (drop (i32.extend8_s (i32.const 0)))))",
    "saturating-float-to-int": "(module (func (drop (i32.trunc_sat_f32_s (f32.const 0)))))",
    "multi-value": "(module (func (result i32 i32) (i32.const 0) (i32.const 0)))",
    "reference-types": "(module (table 1 externref) (func (drop (table.get (i32.const 0)))))",
    "bulk-memory": "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))))",
    "simd": "(module (func (drop (i8x16.popcnt (v128.const i64x2 0 0)))))",
    "relaxed-simd": ("(module (func (drop (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0)))))"),
    "tail-call": "(module (func $f (return_call $f)))",
    "extended-const": "(module (global i32 (i32.add (i32.const 1) (i32.const 1))))",
    "function-references": "(module (type $t (func)) (func (param (ref $t)) (call_ref $t (local.get 0))))",
    "gc": "(module (type $s (struct (field i8))) (func (drop (struct.new_default $s))))",
    "exceptions": "(module (tag $t) (func (block $h (try_table (catch $t $h) (throw $t)))))",
    "multi-memory": "(module (memory 1) (memory 1))",
    "memory64": "(module (memory i64 1))",
    "threads": "(module (memory 1 1 shared) (func (drop (i32.atomic.load (i32.const 0)))))",
    "custom-page-sizes": "(module (memory 1 (pagesize 1)))",
    "wide-arithmetic": ("(module (func (result i64 i64) (i64.mul_wide_u (i64.const 0) (i64.const 0))))"),
    "legacy-exceptions": "(module (tag $t) (func (try (do) (catch $t))))",
}
"""By the name of the feature."""


def features(bridge: Bridge) -> dict[str, bool]:
    """For every feature whether the host has it."""
    return {name: bridge.validate(parse_module(text, features=ALL)) for name, text in PROBES.items()}


_BLOCKING = frozenset({"memory.atomic.wait32", "memory.atomic.wait64", "memory.atomic.notify"})
_MAY_BLOCK = (b"\xfe\x00", b"\xfe\x01", b"\xfe\x02")


def refuse(module: Module) -> None:
    """Raise Unsupported for a module whose guests wait for one another: the host would hold the whole thread, for
    ever if the one to wake them cannot run meanwhile, or does not let the main thread of a page wait at all."""
    if not any(memory.shared for memory in module.all_memories):
        return
    for code in module.codes:
        body = bytes(module.data[code.start : code.end])
        if not any(piece in body for piece in _MAY_BLOCK):
            continue
        _, start = read_locals(module.data, code.start, code.end)
        for _, row, _ in instructions(module.data, start, code.end):
            if row.mnemonic in _BLOCKING:
                raise Unsupported(f"{row.mnemonic} would hold this thread, and whoever is to end the wait with it")
