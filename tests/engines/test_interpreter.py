"""The interpreter's own promises, in every way of running: same results, same counts, exact traps.

Expected numbers are worked out by hand in the comments or follow from arithmetic.
"""

from __future__ import annotations

import asyncio
import math
import struct
from typing import Any

import pytest
from running import Modes, build, host, start

from wasmarium.engines.base import Finished, OutOfFuel, Raised, Stopped, Suspended
from wasmarium.errors import GuestException, Trap, TrapCode
from wasmarium.runtime.function import Pending
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.types import I32, I64

FACTORIAL = """(module (func (export "run") (param i64) (result i64) (local i64)
  (local.set 1 (i64.const 1))
  (block (loop
    (br_if 1 (i64.eqz (local.get 0)))
    (local.set 1 (i64.mul (local.get 1) (local.get 0)))
    (local.set 0 (i64.sub (local.get 0) (i64.const 1)))
    (br 0)))
  (local.get 1)))"""


def test_loop_gives_result_and_count(modes: Modes) -> None:
    execution = start(build(FACTORIAL), "run", 20)
    assert modes.finish(execution) == Finished((math.factorial(20),))
    # entry 1, const + set 2; 20 turns of 3 + 4 + 4 + 1 = 12; the last test 3; local.get 1
    assert execution.executed == 1 + 2 + 20 * 12 + 3 + 1


FIBONACCI = """(module (func $fib (export "run") (param i32) (result i32)
  (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
    (then (local.get 0))
    (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                   (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"""


def test_recursion(modes: Modes) -> None:
    assert modes.call(build(FIBONACCI), "run", 12) == (144,)


def test_operands_below_a_block_and_branches_that_move_values(modes: Modes) -> None:
    instance = build("""(module (func (export "run") (param i32) (result i32)
      (i32.const 1000)
      (block (result i32)
        (i32.const 7) (i32.const 100)
        (br_if 0 (local.get 0))
        (drop) (drop)
        (i32.const 5))
      (i32.add)))""")
    assert modes.call(instance, "run", 1) == (1100,)
    assert modes.call(instance, "run", 0) == (1005,)


def test_branch_table_with_values(modes: Modes) -> None:
    instance = build("""(module (func (export "run") (param i32) (result i32)
      (block $a (result i32) (block $b (result i32) (block $c (result i32)
        (br_table $a $b $c $a (i32.const 10) (local.get 0)))
        (br $a (i32.add (i32.const 1))))
        (i32.add (i32.const 2)))))""")
    # straight to $a: 10; through $b: 10 + 2; through $c: 10 + 1; beyond the table: the default $a
    assert [modes.call(instance, "run", i)[0] for i in (0, 1, 2, 3, 0xFFFFFFFF)] == [10, 12, 11, 10, 10]


def test_multi_value_blocks_and_results(modes: Modes) -> None:
    instance = build("""(module
      (func $swap (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
      (func (export "run") (result i32 i64 i32)
        (i32.const 3)
        (block (param i32) (result i32 i64 i32)
          (i32.const 4) (i64.const 5) (call $swap)
          (br 0))))""")
    assert modes.call(instance, "run") == (3, 5, 4)


def test_local_that_is_set_while_its_old_value_waits(modes: Modes) -> None:
    instance = build("""(module (func (export "run") (param i32) (result i32)
      (local.get 0) (local.get 0)
      (local.set 0 (i32.const 50))
      (i32.sub (local.get 0))
      (local.tee 0) (i32.mul (local.get 0))
      (i32.add)))""")
    # 7, 7-50 = -43 kept in the local, squared, plus 7
    assert modes.call(instance, "run", 7) == (43 * 43 + 7,)


def test_load_waits_for_no_later_store(modes: Modes) -> None:
    instance = build("""(module (memory 1) (global $g (mut i32) (i32.const 1))
      (func (export "run") (result i32)
        (i32.store (i32.const 8) (i32.const 11))
        (i32.load (i32.const 8)) (global.get $g)
        (i32.store (i32.const 8) (i32.const 22)) (global.set $g (i32.const 2))
        (i32.shl (i32.const 8)) (i32.add)))""")
    assert modes.call(instance, "run") == (11 + (1 << 8),)


@pytest.mark.parametrize(
    ("body", "code", "instruction"),
    [
        # two traps in one expression: the one whose instruction is first must come, at its index
        (
            "(i32.div_u (i32.const 1) (i32.const 0)) (i32.load (i32.const -1)) (i32.add)",
            TrapCode.INTEGER_DIVISION_BY_ZERO,
            2,
        ),
        (
            "(i32.load (i32.const -1)) (i32.div_u (i32.const 1) (i32.const 0)) (i32.add)",
            TrapCode.MEMORY_OUT_OF_BOUNDS,
            1,
        ),
        (
            "(i32.load (i32.load (i32.const 65532))) (drop) (i32.load (i32.load (i32.const 65533)))",
            TrapCode.MEMORY_OUT_OF_BOUNDS,
            5,
        ),
        ("(i32.store8 (i32.load (i32.const 65536)) (i32.trunc_f64_s (f64.const nan))) (i32.const 0)",
         TrapCode.MEMORY_OUT_OF_BOUNDS, 1),
        ("(i32.store8 (i32.const 65536) (i32.trunc_f64_s (f64.const nan))) (i32.const 0)",
         TrapCode.BAD_CONVERSION_TO_INTEGER, 2),
        ("(select (i32.load (i32.const 65536)) (i32.const 1) (i32.const 0))",
         TrapCode.MEMORY_OUT_OF_BOUNDS, 1),
        ("(i32.div_s (i32.const 0x80000000) (i32.const -1))", TrapCode.INTEGER_OVERFLOW, 2),
        ("(drop (i32.load offset=4294967295 (i32.const 1))) (i32.const 0)", TrapCode.MEMORY_OUT_OF_BOUNDS, 1),
        ("(if (i32.load (i32.const 65533)) (then)) (i32.const 0)", TrapCode.MEMORY_OUT_OF_BOUNDS, 1),
        ("(unreachable)", TrapCode.UNREACHABLE, 0),
        ("(call_indirect (i32.const 0)) (i32.const 0)", TrapCode.INDIRECT_CALL_TO_NULL, 1),
        ("(call_indirect (i32.const 9)) (i32.const 0)", TrapCode.UNDEFINED_ELEMENT, 1),
        ("(call_indirect (i32.const 1)) (i32.const 0)", TrapCode.BAD_SIGNATURE, 1),
        ("(memory.fill (i32.const 65530) (i32.const 1) (i32.const 7)) (i32.const 0)",
         TrapCode.MEMORY_OUT_OF_BOUNDS, 3),
    ],
)  # fmt: skip
def test_trap_tells_its_code_and_instruction(modes: Modes, body: str, code: TrapCode, instruction: int) -> None:
    instance = build(
        f"""(module (memory 1) (table 2 funcref) (elem (i32.const 1) func $other)
          (func $other (param i32))
          (func $leaf (result i32) {body})
          (func $middle (export "run") (result i32) (nop) (call $leaf)))"""
    )
    with pytest.raises(Trap) as caught:
        modes.call(instance, "run")
    trap = caught.value
    assert trap.code is code
    assert [(f.function_name, f.instruction) for f in trap.frames] == [("leaf", instruction), ("middle", 1)]
    data = instance.module.data
    inner = trap.frames[0]
    # the offset is that of the instruction itself: its opcode stands there
    assert inner.offset is not None
    assert data[inner.offset] == {
        "i32.div_u": 0x6E, "i32.div_s": 0x6D, "i32.load": 0x28, "i32.trunc_f64_s": 0xAA,
        "unreachable": 0x00, "call_indirect": 0x11, "memory.fill": 0xFC,
    }[inner.mnemonic or ""]  # fmt: skip


def test_nothing_is_stored_by_a_store_that_traps(modes: Modes) -> None:
    instance = build("""(module (memory 1) (func (export "run")
      (i64.store (i32.const 65529) (i64.const -1))))""")
    with pytest.raises(Trap):
        modes.call(instance, "run")
    assert not any(instance.memories[0].data)


def test_nan_payloads_survive(modes: Modes) -> None:
    instance = build("""(module (memory 1) (data (i32.const 0) "\\01\\00\\a0\\7f\\01\\00\\a0\\ff")
      (func (export "copy") (f32.store (i32.const 8) (f32.load (i32.const 0))))
      (func (export "negate") (f32.store (i32.const 8) (f32.neg (f32.load (i32.const 0)))))
      (func (export "bits") (result i32) (i32.reinterpret_f32 (f32.load (i32.const 4))))
      (func (export "const") (result i64) (i64.reinterpret_f64 (f64.const -nan:0x4000000000001))))""")
    memory = instance.memories[0].data
    modes.call(instance, "copy")
    assert bytes(memory[8:12]) == b"\x01\x00\xa0\x7f"
    modes.call(instance, "negate")
    assert bytes(memory[8:12]) == b"\x01\x00\xa0\xff"
    assert modes.call(instance, "bits") == (0xFFA00001,)
    assert modes.call(instance, "const") == (0xFFF4000000000001,)


@pytest.mark.parametrize("ending", ["return", "br 0", "unreachable"])
def test_operands_that_a_jump_leaves_behind_trap_all_the_same(modes: Modes, ending: str) -> None:
    """Found by fuzzing: compiled code forgot them."""
    text = f"""(module (memory 1) (func (export "f") (param i32 i32) (result i32)
      (i32.add (i32.load (local.get 0)) (i32.const 1)) (i32.div_u (i32.const 6) (local.get 1)) {ending}))"""
    instance = build(text)
    for address, code in ((65536, TrapCode.MEMORY_OUT_OF_BOUNDS), (0, TrapCode.INTEGER_DIVISION_BY_ZERO)):
        with pytest.raises(Trap) as caught:
            modes.call(instance, "f", address, 0)
        assert caught.value.code is code
    if ending != "unreachable":
        assert modes.call(instance, "f", 0, 3) == (2,)


def test_fuel_stops_and_can_be_added(modes: Modes) -> None:
    instance = build(FACTORIAL, fuel=100)
    execution = start(instance, "run", 20)
    assert modes.finish(execution) == OutOfFuel()
    assert modes.finish(execution) == OutOfFuel()
    instance.store.fuel = 1000
    assert modes.finish(execution) == Finished((math.factorial(20),))
    assert execution.executed == 247


def test_throwing_and_catching_without_end_is_stopped_by_its_budget() -> None:
    text = """(module (tag $t) (func (export "run")
      (loop $again (block $caught (try_table (catch_all $caught) (throw $t))) (br $again))))"""
    execution = start(build(text), "run")
    for piece in range(1, 4):
        assert isinstance(execution.run(1000), Stopped)
        assert 900 * piece < execution.executed <= 1000 * piece


def test_endless_loop_is_stopped_by_its_budget() -> None:
    execution = start(build('(module (func (export "run") (loop (br 0))))'), "run")
    for _ in range(3):
        before = execution.executed
        assert execution.run(1000) == Stopped()
        assert before < execution.executed <= before + 1000


def test_guest_recursion_uses_no_python_stack(modes: Modes) -> None:
    instance = build('(module (func $f (export "run") (call $f)))', limits=ResourceLimits(call_depth=5000))
    with pytest.raises(Trap) as caught:
        modes.call(instance, "run")
    assert caught.value.code is TrapCode.STACK_OVERFLOW


def test_many_locals_count_against_the_stack(modes: Modes) -> None:
    limits = ResourceLimits(stack_values=100_000)
    instance = build(f'(module (func $f (export "run") (local {"i32 " * 2000}) (call $f)))', limits=limits)
    with pytest.raises(Trap) as caught:
        modes.call(instance, "run")
    assert caught.value.code is TrapCode.STACK_OVERFLOW
    assert len(caught.value.frames) == 49  # of 2,001 slots each


def test_tail_calls_need_no_stack(modes: Modes) -> None:
    instance = build(
        """(module (func $count (export "run") (param i32 i32) (result i32)
          (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
          (return_call $count (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 2)))))""",
        limits=ResourceLimits(call_depth=3),
    )
    assert modes.call(instance, "run", 500, 0) == (1000,)


def test_host_functions_get_the_instance_and_raise_through(modes: Modes) -> None:
    class Mine(BaseException):
        pass

    error = Mine()
    seen: list[Any] = []

    def double(instance: Any, arguments: Any) -> Any:
        seen.append((instance, list(arguments)))
        if arguments[0] == 13:
            raise error
        return (arguments[0] * 2,)

    instance = build(
        """(module (import "m" "double" (func $d (param i32) (result i32)))
        (func (export "run") (param i32) (result i32) (i32.const 1) (i32.add (call $d (local.get 0)))))""",
        [host([I32], [I32], double)],
    )
    assert modes.call(instance, "run", 20) == (41,)
    assert seen == [(instance, [20])]
    with pytest.raises(Mine) as caught:
        modes.call(instance, "run", 13)
    assert caught.value is error


@pytest.mark.parametrize("error", [IndexError("mine"), OverflowError("mine"), struct.error("mine")])
def test_errors_of_the_host_are_no_traps(modes: Modes, error: Exception) -> None:
    def fail(instance: Any, arguments: Any) -> Any:
        raise error

    instance = build('(module (import "m" "f" (func $f)) (func (export "run") (call $f)))', [host([], [], fail)])
    with pytest.raises(type(error)) as caught:
        modes.call(instance, "run")
    assert caught.value is error


def test_trap_of_the_host_names_it_in_the_backtrace(modes: Modes) -> None:
    def fail(instance: Any, arguments: Any) -> Any:
        raise Trap("no such thing")

    instance = build(
        '(module (import "m" "f" (func $f)) (func $g (export "run") (call $f)))',
        [host([], [], fail, "m.f")],
    )
    with pytest.raises(Trap) as caught:
        modes.call(instance, "run")
    assert [frame.display_name for frame in caught.value.frames] == ["m.f", "g"]


def test_suspended_host_function_is_answered(modes: Modes) -> None:
    async def later() -> int:
        await asyncio.sleep(0)
        return 40

    def wait(instance: Any, arguments: Any) -> Any:
        return Pending(later(), lambda value: (value + arguments[0],))

    instance = build(
        """(module (import "m" "wait" (func $w (param i64) (result i64)))
        (func (export "run") (result i64) (i64.const 100) (i64.add (call $w (i64.const 2)))))""",
        [host([I64], [I64], wait)],
    )
    execution = start(instance, "run")
    outcome = modes.finish(execution)
    assert isinstance(outcome, Suspended)
    assert modes.finish(execution) is outcome
    assert execution.frames()[0].frame.mnemonic == "call"
    execution.resume(outcome.pending.finish(asyncio.run(outcome.pending.awaitable)))  # type: ignore[arg-type]
    assert modes.finish(execution) == Finished((142,))


def test_suspended_host_function_is_answered_with_an_error(modes: Modes) -> None:
    async def never() -> None: ...

    instance = build(
        '(module (import "m" "w" (func $w)) (func (export "run") (call $w)))',
        [host([], [], lambda instance, arguments: Pending(never(), lambda value: ()))],
    )
    execution = start(instance, "run")
    outcome = modes.finish(execution)
    assert isinstance(outcome, Suspended)
    outcome.pending.awaitable.close()  # type: ignore[attr-defined]
    error = IndexError()
    execution.resume(error)
    outcome = modes.finish(execution)
    assert isinstance(outcome, Raised)
    assert outcome.error is error


EXCEPTIONS = """(module (tag $t (param i32)) (tag $u)
  (func $throw (param i32)
    (if (i32.eqz (local.get 0)) (then (throw $u)))
    (throw $t (local.get 0)))
  (func (export "run") (param i32) (result i32)
    (i32.const 1000)
    (block $caught (result i32)
      (block $other
        (try_table (catch $t $caught) (catch_all $other)
          (call $throw (local.get 0)))
        (return (i32.const -1)))
      (i32.const 5))
    (i32.add))
  (func (export "uncaught") (call $throw (i32.const 3))))"""


def test_exceptions_reach_their_handler(modes: Modes) -> None:
    instance = build(EXCEPTIONS)
    assert modes.call(instance, "run", 7) == (1007,)
    assert modes.call(instance, "run", 0) == (1005,)
    with pytest.raises(GuestException) as caught:
        modes.call(instance, "uncaught")
    assert caught.value.exception.fields == (3,)


def test_frames_show_locals_and_operands_where_it_stopped() -> None:
    instance = build("""(module
      (func $inner (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (func $outer (export "run") (param i32) (result i32) (local i64)
        (i32.const 77) (call $inner (i32.mul (local.get 0) (i32.const 2))) (i32.add)))""")
    execution = start(instance, "run", 21)
    shown = []
    while isinstance(execution.step(), Stopped):
        frame = execution.frames()[0]
        shown.append((frame.frame.function_name, frame.frame.mnemonic, frame.locals, frame.operands))
    assert shown[:4] == [
        ("outer", "local.get", (21, 0), (77,)),
        ("outer", "i32.const", (21, 0), (77, 21)),
        ("outer", "i32.mul", (21, 0), (77, 21, 2)),
        ("outer", "call", (21, 0), (77, 42)),
    ]
    assert shown[4] == ("inner", "local.get", (42,), ())
    assert shown[6] == ("inner", "i32.add", (42,), (42, 1))
    assert ("outer", "i32.add", (21, 0), (77, 43)) in shown
    assert execution.run() == Finished((120,))
    assert execution.frames() == []


def test_outer_frames_show_what_lies_below_the_arguments() -> None:
    instance = build("""(module
      (func $inner (param i32) (result i32) (local.get 0))
      (func $outer (export "run") (result i32) (i32.const 77) (call $inner (i32.const 5)) (i32.add)))""")
    execution = start(instance, "run")
    for _ in range(3):
        execution.step()
    inner, outer = execution.frames()
    assert (inner.frame.function_name, inner.locals) == ("inner", (5,))
    assert (outer.frame.function_name, outer.frame.mnemonic, outer.operands) == ("outer", "call", (77,))


def test_written_pages_are_noted_when_watched(modes: Modes) -> None:
    instance = build(
        """(module (memory 1 2)
        (func (export "run")
          (i32.store8 (i32.const 0) (i32.const 1))
          (i64.store (i32.const 0x2ffc) (i64.const 1))
          (drop (memory.grow (i32.const 1)))
          (memory.fill (i32.const 0x10800) (i32.const 0) (i32.const 0x1000))))""",
        watch=True,
    )
    modes.call(instance, "run")
    written = instance.memories[0].written
    assert written is not None
    assert [page for page, mark in enumerate(written) if mark] == [0, 2, 3, 0x10, 0x11]
    assert len(written) == 32


def test_memory_grows_in_place(modes: Modes) -> None:
    instance = build("""(module (memory 1 3) (func (export "run") (result i32 i32 i32 i32)
      (memory.grow (i32.const 1)) (memory.grow (i32.const 2)) (memory.size)
      (i32.store (i32.const 131068) (i32.const 9)) (i32.load (i32.const 131068))))""")
    data = instance.memories[0].data
    assert modes.call(instance, "run") == (1, 0xFFFFFFFF, 2, 9)
    assert instance.memories[0].data is data


def test_deep_expression_is_no_deep_python(modes: Modes) -> None:
    depth = 3000
    body = "(local.get 0) " * (depth + 1) + "(i32.add) " * depth
    instance = build(f'(module (func (export "run") (param i32) (result i32) {body}))')
    assert modes.call(instance, "run", 3) == (3 * (depth + 1),)
    nested = "(i32.add (local.get 0) " * 150 + "(local.get 0)" + ")" * 150
    instance = build(f'(module (func (export "run") (param i32) (result i32) {nested}))')
    assert modes.call(instance, "run", 2) == (2 * 151,)
