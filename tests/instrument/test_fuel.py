"""Fuel that a guest pays for itself is what the interpreter counts, and nothing else changes."""

from __future__ import annotations

import os

import pytest
from rewritten import FuelSession, Rewriting, rewritten, tank

from spec.suite import FILES, features_for
from wasmarium.binary.decoder import decode_module
from wasmarium.engines.base import Finished, Raised
from wasmarium.engines.interpreter import Interpreter
from wasmarium.errors import Trap, TrapCode
from wasmarium.features import ALL
from wasmarium.instrument import cutting
from wasmarium.instrument.additions import Additions
from wasmarium.instrument.fuel import FUEL, MOST, Fuel
from wasmarium.instrument.rewriting import Plan
from wasmarium.instrument.rewriting import Rewriting as Code
from wasmarium.module import Module
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.store import Store
from wasmarium.script import Session, run_script
from wasmarium.text.parser import parse_module

QUICK = """br_table br_on_cast_fail call_indirect elem fac legacy/try_catch memory_copy return_call_ref
    traps try_table""".split()


def decoded(wat: str) -> Module:
    return decode_module(parse_module(wat, features=ALL), ALL)


@pytest.mark.shared("core")
@pytest.mark.parametrize("name", FILES if os.environ.get("WASMARIUM_TESTS") == "all" else QUICK)
def test_core_suite_costs_the_same(name: str) -> None:
    plain = FuelSession(features_for(name))
    run_script(FILES[name].read_bytes(), plain)
    assert plain.last is not None
    assert plain.last.fuel is not None
    shared = tank()
    report = run_script(FILES[name].read_bytes(), Session(features_for(name), Rewriting(_shared, shared)))
    assert report.failed == []
    assert MOST - shared.value == MOST - plain.last.fuel


def _shared() -> list[Fuel]:
    return [Fuel(shared=True)]


MANY = " ".join(["$a"] * 600)
BODIES = {
    "labels": f"(block $a (br_table {MANY} (local.get 0)))",
    "odd": "(drop (block (result anyref) (br_on_cast_fail 0 anyref (ref i31) (ref.null any)))) (nop) "
    "(i32.store (i32.const 4) (local.get 0))",
    "fence": "(atomic.fence) (i32.store offset=0x1fb18 (i32.const 4) (local.get 0)) (atomic.fence)",
    "wait": "(drop (memory.atomic.wait32 (i32.const 0) (i32.const 1) (i64.const 0))) (nop) (drop (i32.const 1))",
    "types": "(drop (select (result (ref null $t)) (ref.null $t) (ref.null $t) (local.get 0)))",
    "vectors": "(i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.const i64x2 11 3) (v128.const i64x2 4 2)) "
    "(drop)",
    "loops": "(loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))) (nop))",
}


@pytest.mark.parametrize("name", BODIES)
def test_every_body_is_cut_the_same_way_and_the_quick_way_gives_the_same(name: str) -> None:
    head = '(module (type $t (struct)) (memory 3 3 shared) (func (export "f") (param i32)'
    module = decoded(f"{head} {BODIES[name]}))")
    plan = Plan(Additions(module))
    Fuel().prepare(plan)
    quick = Code(plan).content
    plan.entries.append(lambda frame: b"")
    assert Code(plan).content == quick
    made, again = rewritten(module, [Fuel()])
    assert again.data == made.data
    store, other = Store(fuel=1000), Store()
    engine = Interpreter()
    plain = engine.instantiate(store, module, [])
    paying = engine.instantiate(other, again, [])
    variable = paying.exports[f"wasmarium.{FUEL}"]
    assert isinstance(variable, GlobalInstance)
    variable.value = 1000
    for instance in (plain, paying):
        function = instance.exports["f"]
        assert isinstance(function, FunctionInstance)
        outcome = engine.start(function, [5]).run()
        assert isinstance(outcome, Finished), outcome
    assert variable.value == store.fuel


def test_a_block_that_cannot_be_paid_is_not_begun() -> None:
    module = decoded("""(module (memory (export "m") 1) (func (export "f")
      (i32.store8 (i32.const 0) (i32.const 1)) (block (br 0)) (i32.store8 (i32.const 1) (i32.const 1))))""")
    _, again = rewritten(module, [Fuel()])
    for fuel, stored in ((4, [0, 0]), (5, [1, 0]), (7, [1, 0]), (8, [1, 1])):
        engine = Interpreter()
        instance = engine.instantiate(Store(), again, [])
        variable, memory = instance.exports["wasmarium.fuel"], instance.exports["m"]
        assert isinstance(variable, GlobalInstance)
        variable.value = fuel
        outcome = engine.start(instance.exports["f"], []).run()  # type: ignore[arg-type]
        assert list(memory.data[:2]) == stored  # type: ignore[union-attr]
        if fuel == 8:
            assert isinstance(outcome, Finished)
            assert variable.value == 0
        else:
            assert isinstance(outcome, Raised)
            assert isinstance(outcome.error, Trap)
            assert outcome.error.code is TrapCode.UNREACHABLE
            assert variable.value >> 63


def test_the_rest_of_a_block_behind_a_trap() -> None:
    module = decoded("""(module (memory 1) (func
      (drop (i32.load (i32.const 1))) (drop (i32.const 2)) (block (drop (i32.const 3)) (br 0))
      (drop (i32.const 4))))""")
    start, end = module.codes[0]
    body = module.data[start + 1 : end]
    # Behind the load: two constants and the branch; the drops and the block are free.
    assert cutting.unreached(body, body.index(b"\x28")) == 3
    assert cutting.unreached(body, body.index(b"\x0c")) == 0


def test_offsets_lead_back() -> None:
    module = decoded("""(module (global $g (mut i32) (i32.const 1)) (memory 1)
      (func (param i32) (result i32) (local i64)
        (if (local.get 0) (then (global.set $g (i32.const 7)) (br 1 (i32.load (local.get 0)))))
        (loop (result i32) (br_if 0 (i32.eqz (local.get 0))) (i32.load8_u (global.get $g))))
      (func (result i32) (call 0 (i32.const 3))))""")
    for shared in (False, True):
        made, again = rewritten(module, [Fuel(shared)])
        for mnemonic in ("i32.load", "i32.load8_u", "call", "br_if", "global.get", "global.set"):
            assert _offsets(again, mnemonic, made.original_offset) & _offsets(module, mnemonic)


def _offsets(module: Module, mnemonic: str, back: object = None) -> set[int]:
    from wasmarium.binary.code import instructions, read_locals

    found = set()
    for start, end in module.codes:
        _, at = read_locals(module.data, start, end)
        for offset, row, _ in instructions(module.data, at, end):
            if row.mnemonic == mnemonic:
                found.add(offset if back is None else back(offset))  # type: ignore[operator]
    return found
