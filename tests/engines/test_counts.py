"""What is counted as executed is the same however a function runs, and however it ends (found by fuzzing)."""

from __future__ import annotations

import pytest
from running import Modes, build, start

from wasmarium.engines.base import Finished, OutOfFuel, Raised
from wasmarium.engines.interpreter import Interpreter, blocks, machine
from wasmarium.errors import Trap, TrapCode
from wasmarium.runtime.globals import GlobalInstance


def test_a_trap_counts_no_more_than_what_was_reached(modes: Modes) -> None:
    instance = build(
        """(module (memory 1) (func (export "f") (param i32) (result i32)
             (drop (i32.add (i32.const 1) (i32.const 2)))
             (i32.load (local.get 0)) (drop (i32.const 1)) (drop (i32.const 2)) (i32.const 3) (i32.add)))""",
        fuel=1000,
    )
    execution = start(instance, "f", 65536)
    outcome = modes.finish(execution)
    assert isinstance(outcome, Raised)
    assert isinstance(outcome.error, Trap)
    assert outcome.error.code is TrapCode.MEMORY_OUT_OF_BOUNDS
    # The entry, three instructions, local.get and the load.
    assert execution.executed == 6
    assert instance.store.fuel == 1000 - 6


def test_a_trap_of_what_ends_a_block_counts(modes: Modes) -> None:
    instance = build('(module (table 1 funcref) (func (export "f") i32.const 0 call_indirect nop i32.const 5 drop))')
    execution = start(instance, "f")
    assert isinstance(modes.finish(execution), Raised)
    assert execution.executed == 3


def test_what_traps_before_a_local_is_set_traps_in_order(modes: Modes) -> None:
    """The second load reads the local, so it was evaluated when that was set, and the first one later."""
    instance = build(
        """(module (memory 0) (func (export "f") (param i32) (result i32)
             (i32.load8_u (i32.const 7)) (i32.load (local.get 0)) (local.set 0 (i32.const 1)) i32.add))"""
    )
    execution = start(instance, "f", 0)
    outcome = modes.finish(execution)
    assert isinstance(outcome, Raised)
    assert isinstance(outcome.error, Trap)
    assert outcome.error.frames[0].mnemonic == "i32.load8_u"
    # The entry, the constant and the load.
    assert execution.executed == 3


def test_a_function_that_begins_with_a_loop_has_an_entry_too(modes: Modes) -> None:
    instance = build('(module (func (export "f") (loop (br_if 0 (i32.const 0)))))', fuel=10)
    execution = start(instance, "f")
    assert isinstance(modes.finish(execution), Finished)
    assert execution.executed == 3
    assert instance.store.fuel == 7


def test_a_handler_that_returns_from_the_outermost_function_ends_the_call(modes: Modes) -> None:
    """The block that threw ran again and again, until there was no fuel left."""
    instance = build(
        """(module (tag $t) (global (export "g") (mut i32) (i32.const 0))
             (func (export "f") (try_table (catch $t 0)
               (global.set 0 (i32.add (global.get 0) (i32.const 1))) (throw $t))))""",
        fuel=1000,
    )
    execution = start(instance, "f")
    assert isinstance(modes.finish(execution), Finished)
    counter = instance.exports["g"]
    assert isinstance(counter, GlobalInstance)
    assert counter.value == 1
    # The entry, four for the global, throw; opening a block is free.
    assert execution.executed == 6
    assert instance.store.fuel == 1000 - 6


def test_looking_before_the_first_instruction_costs_nothing_twice() -> None:
    instance = build('(module (func (export "f") (loop (br_if 0 (i32.const 0)))))')
    execution = start(instance, "f")
    assert len(execution.frames()) == 1
    execution.run()
    assert execution.executed == 3


def test_straight_code_stops_within_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body may be one block of a million instructions; a piece of a run is not."""
    count = 3 * blocks.LONGEST
    instance = build(f"(module (func (export \"f\") (result i32) (i32.const 0) {'(i32.const 1) i32.add ' * count}))")
    instance.store.fuel = 2 * count
    execution = start(instance, "f")
    stops = 0
    while True:
        before = execution.executed
        outcome = execution.run(100)
        assert execution.executed - before <= blocks.LONGEST + 1
        if isinstance(outcome, OutOfFuel):
            break
        stops += 1
    assert stops >= 4
    # The piece that did not fit was not begun.
    assert 2 * count - blocks.LONGEST <= execution.executed <= 2 * count
    instance.store.fuel = 10 * count
    outcome = execution.run()
    assert isinstance(outcome, Finished)
    assert outcome.values == (count,)
    assert execution.executed == 2 + 2 * count


@pytest.mark.parametrize("compile_after", [0, None])
def test_operands_outlive_the_end_of_a_long_block(compile_after: int | None) -> None:
    count = blocks.LONGEST + 500
    instance = build(
        f'(module (func (export "f") (param i32) (result i32) {"local.get 0 " * count}{"i32.add " * (count - 1)}))'
    )
    instance.store.compile_after = compile_after
    execution = Interpreter().start(instance.exports["f"], (3,))  # type: ignore[arg-type]
    assert isinstance(execution, machine.Machine)
    outcome = execution.run()
    assert isinstance(outcome, Finished)
    assert outcome.values == (3 * count,)


def test_a_label_named_very_often_has_one_way(modes: Modes) -> None:
    instance = build(
        f"""(module (func (export "f") (param i32) (result i32)
              (block $a (block $b (block $c (br_table {"$a $b " * 500} $c (local.get 0))) (return (i32.const 3)))
              (return (i32.const 2))) (i32.const 1)))"""
    )
    for index, expected in ((0, 1), (1, 2), (998, 1), (999, 2), (1000, 3), (0xFFFFFFFF, 3)):
        assert modes.call(instance, "f", index) == (expected,)
    function = instance.exports["f"]
    jumps = function.compiled.plan.jumps  # type: ignore[union-attr]
    assert len(set(max(jumps.values(), key=len))) == 3
