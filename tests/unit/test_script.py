"""Running scripts: every kind of command can pass, and can fail with a reason that says what was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import pytest

from wasmarium.bridge.fake import FakePlatform
from wasmarium.engines.interpreter import Interpreter
from wasmarium.errors import Malformed
from wasmarium.features import ALL, DEFAULT
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.script import Report, Session, run_script
from wasmarium.script.folders import features_of


def play(text: str, **session: Any) -> Report:
    return run_script(text, Session(**{"features": ALL, **session}))


def reasons(text: str, **session: Any) -> list[str]:
    """Why commands failed; the others passed."""
    report = play(text, **session)
    assert report.skipped == []
    return [result.reason for result in report.failed]


MODULE = """
(module $m
  (type $s (struct)) (type $a (array i8))
  (tag $t) (func $self (export "self") (result funcref) (ref.func $self))
  (global (export "seven") i32 (i32.const 7))
  (memory (export "memory") 1)
  (func (export "same") (param i32) (result i32) (local.get 0))
  (func (export "long") (param i64) (result i64) (local.get 0))
  (func (export "f32") (param i32) (result f32) (f32.reinterpret_i32 (local.get 0)))
  (func (export "f64") (param i64) (result f64) (f64.reinterpret_i64 (local.get 0)))
  (func (export "vector") (param v128) (result v128) (local.get 0))
  (func (export "extern") (param externref) (result externref) (local.get 0))
  (func (export "any") (param anyref) (result anyref) (local.get 0))
  (func (export "null") (result (ref null func)) (ref.null nofunc))
  (func (export "i31") (result i31ref) (ref.i31 (i32.const 1)))
  (func (export "struct") (result anyref) (struct.new $s))
  (func (export "array") (result eqref) (array.new $a (i32.const 0) (i32.const 3)))
  (func (export "exn") (result exnref) (block $b (result exnref) (try_table (catch_all_ref $b) (throw $t)) unreachable))
  (func (export "two") (result i32 f64) (i32.const 1) (f64.const 0.5))
  (func (export "trap") (unreachable))
  (func (export "divide") (param i32) (result i32) (i32.div_u (i32.const 8) (local.get 0)))
  (func (export "throw") (throw $t))
  (func $deep (export "deep") (call $deep) (nop))
  (func (export "endless") (loop (br 0))))
"""

HOLD = [
    '(assert_return (invoke "same" (i32.const -1)) (i32.const 0xffff_ffff))',
    '(assert_return (invoke $m "same" (i32.const 5)) (either (i32.const 4) (i32.const 5)))',
    '(assert_return (get "seven") (i32.const 7))',
    '(assert_return (invoke "two") (i32.const 1) (f64.const 0.5))',
    '(assert_return (invoke "f32" (i32.const 0x7fc00000)) (f32.const nan:canonical))',
    '(assert_return (invoke "f32" (i32.const 0xffc00001)) (f32.const nan:arithmetic))',
    '(assert_return (invoke "f32" (i32.const 0x7fa00000)) (f32.const nan:0x200000))',
    '(assert_return (invoke "f64" (i64.const 0xfff8000000000000)) (f64.const nan:canonical))',
    '(assert_return (invoke "f64" (i64.const 0x7ff4000000000000)) (f64.const nan:0x4000000000000))',
    '(assert_return (invoke "f32" (i32.const 0x80000000)) (f32.const -0))',
    (
        '(assert_return (invoke "vector" (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 -1))'
        " (v128.const i16x8 0x100 0x302 0x504 0x706 0x908 0xb0a 0xd0c 0xff0e))"
    ),
    (
        '(assert_return (invoke "vector" (v128.const i32x4 0x7fc00000 0x7f800001 0 0xffc00002))'
        " (v128.const f32x4 nan:canonical nan:0x1 0 nan:arithmetic))"
    ),
    '(assert_return (invoke "vector" (v128.const i64x2 0x7ff8000000000000 0)) (v128.const f64x2 nan:canonical 0))',
    '(assert_return (invoke "extern" (ref.extern 3)) (ref.extern 3))',
    '(assert_return (invoke "extern" (ref.extern 3)) (ref.extern))',
    '(assert_return (invoke "extern" (ref.null extern)) (ref.null extern))',
    '(assert_return (invoke "any" (ref.host 4)) (ref.host 4))',
    '(assert_return (invoke "any" (ref.host 4)) (ref.any))',
    '(assert_return (invoke "null") (ref.null))',
    '(assert_return (invoke "null") (ref.null nofunc))',
    '(assert_return (invoke "self") (ref.func))',
    '(assert_return (invoke "i31") (ref.i31))',
    '(assert_return (invoke "i31") (ref.eq))',
    '(assert_return (invoke "struct") (ref.struct))',
    '(assert_return (invoke "array") (ref.array))',
    '(assert_return (invoke "exn") (ref.exn))',
    '(assert_trap (invoke "trap") "unreachable")',
    '(assert_trap (module (func $f (unreachable)) (start $f)) "unreachable")',
    '(assert_trap (module (memory 1) (data (i32.const 0x10000) "x")) "out of bounds memory access")',
    '(assert_exception (invoke "throw"))',
    '(assert_exhaustion (invoke "deep") "call stack exhausted")',
    '(assert_invalid (module (func (result i32))) "type mismatch")',
    '(assert_malformed (module quote "(func $f) (func $f)") "duplicate func")',
    '(assert_malformed (module binary "\\00asm") "unexpected end")',
    '(assert_malformed_custom (module quote "(@custom)") "@custom annotation: missing section name")',
    '(assert_unlinkable (module (import "nobody" "f" (func))) "unknown import")',
    '(assert_unlinkable (module (import "spectest" "global_i32" (func))) "incompatible import type")',
    '(invoke "same" (i32.const 1))',
    '(get "seven")',
    '(register "again")',
    "(module definition $d (memory 65536))",
    '(module binary "\\00asm" "\\01\\00\\00\\00")',
    '(module quote "(func)")',
]


@pytest.mark.parametrize("command", HOLD)
def test_what_holds_passes(command: str) -> None:
    report = play(MODULE + command)
    assert (report.failed, report.skipped) == ([], [])
    assert report.counts == (2, 0, 0)


FAIL = [
    ('(assert_return (invoke "same" (i32.const 1)) (i32.const 2))', "expected (i32.const 2), found (i32.const 1)"),
    ('(assert_return (invoke "same" (i32.const 1)) (i64.const 1))', "expected (i64.const 1), found (i32.const 1)"),
    ('(assert_return (invoke "same" (i32.const -1)))', "expected nothing, found (i32.const -1)"),
    (
        '(assert_return (invoke "two") (i32.const 1))',
        "expected (i32.const 1), found (i32.const 1) (f64.const 0.5)",
    ),
    (
        '(assert_return (invoke "same" (i32.const 1)) (either (i32.const 2) (i32.const 3)))',
        "expected (either (i32.const 2) (i32.const 3)), found (i32.const 1)",
    ),
    ('(assert_return (get "seven") (i32.const 8))', "expected (i32.const 8), found (i32.const 7)"),
    (
        '(assert_return (invoke "f32" (i32.const 0x7fc00001)) (f32.const nan:canonical))',
        "expected (f32.const nan:canonical), found (f32.const nan:0x400001)",
    ),
    (
        '(assert_return (invoke "f64" (i64.const 0x7ff4000000000000)) (f64.const nan:arithmetic))',
        "expected (f64.const nan:arithmetic), found (f64.const nan:0x4000000000000)",
    ),
    (
        '(assert_return (invoke "f64" (i64.const 0x7ff0000000000000)) (f64.const nan:canonical))',
        "expected (f64.const nan:canonical), found (f64.const inf)",
    ),
    (
        '(assert_return (invoke "f32" (i32.const 0)) (f32.const -0))',
        "expected (f32.const -0), found (f32.const 0)",
    ),
    (
        '(assert_return (invoke "vector" (v128.const i64x2 1 2)) (v128.const f64x2 nan:canonical 0))',
        (
            "expected (v128.const f64x2 nan:canonical 0x0000000000000000), found"
            " (v128.const i32x4 0x00000001 0x00000000 0x00000002 0x00000000)"
        ),
    ),
    (
        '(assert_return (invoke "extern" (ref.extern 3)) (ref.extern 4))',
        "expected (ref.extern 4), found (ref.extern 3)",
    ),
    ('(assert_return (invoke "any" (ref.host 3)) (ref.extern 3))', "expected (ref.extern 3), found (ref.host 3)"),
    ('(assert_return (invoke "extern" (ref.null extern)) (ref.extern))', "expected (ref.extern), found (ref.null)"),
    ('(assert_return (invoke "null") (ref.null extern))', "expected (ref.null extern), found (ref.null)"),
    ('(assert_return (invoke "null") (ref.func))', "expected (ref.func), found (ref.null)"),
    ('(assert_return (invoke "struct") (ref.array))', "expected (ref.array), found (ref.struct)"),
    ('(assert_return (invoke "self") (ref.null))', "expected (ref.null), found (ref.func)"),
    ('(assert_return (invoke "i31") (ref.host))', "expected (ref.host), found (ref.i31)"),
    ('(assert_return (invoke "trap"))', "trap: unreachable (at m.trap, instruction 0 unreachable"),
    ('(assert_return (invoke "throw"))', "exception: uncaught exception"),
    ('(invoke "divide" (i32.const 0))', "trap: integer divide by zero"),
    (
        '(assert_trap (invoke "divide" (i32.const 4)) "integer divide by zero")',
        'expected the trap "integer divide by zero", found (i32.const 2)',
    ),
    (
        '(assert_trap (invoke "divide" (i32.const 0)) "unreachable")',
        'expected "unreachable", found trap: integer divide by zero',
    ),
    ('(assert_trap (invoke "throw") "unreachable")', "found exception: uncaught exception"),
    ('(assert_trap (module) "unreachable")', "but the module was instantiated"),
    ('(assert_trap (module (func (result i32))) "unreachable")', "found invalid: type mismatch"),
    ('(assert_exception (invoke "trap"))', "expected an exception, found trap: unreachable"),
    (
        '(assert_exhaustion (invoke "trap") "unreachable")',
        'expected exhaustion, "unreachable", found trap: unreachable',
    ),
    ('(assert_exhaustion (invoke "same" (i32.const 1)) "call stack exhausted")', "found (i32.const 1)"),
    ('(assert_invalid (module) "type mismatch")', "but the module was accepted"),
    ('(assert_invalid (module (func (result i32))) "unknown local")', 'expected "unknown local", found invalid: type'),
    ('(assert_invalid (module quote "(funk)") "type mismatch")', "found malformed: unknown operator funk"),
    ('(assert_malformed (module quote "(func (result i32))") "type mismatch")', "found invalid: type mismatch"),
    ('(assert_malformed (module binary "\\00asm\\01\\00\\00\\00") "unexpected end")', "but the module was accepted"),
    ('(assert_unlinkable (module) "unknown import")', "but the module was instantiated"),
    ("(module (func (result i32)))", "invalid: type mismatch: end expected i32, found nothing (at line"),
    ("(module (funk))", "malformed: unknown operator funk (at line"),
    ('(module (import "nobody" "f" (func)))', "unlinkable: unknown import: `nobody::f` has not been defined"),
    ("(module (func $f (unreachable)) (start $f))", "trap: unreachable"),
    ("(module instance $i $nobody)", "there is no module $nobody to instantiate"),
    ('(register "name" $nobody)', "there is no instance $nobody"),
    ('(invoke "nobody")', 'no function "nobody" is exported'),
    ('(invoke "seven")', 'no function "seven" is exported'),
    ('(get "same")', 'no global "same" is exported'),
    ('(invoke "same")', '"same" takes (i32), not nothing'),
    ('(invoke "same" (i64.const 1))', '"same" takes (i32), not (i64.const 1)'),
    ('(invoke "extern" (ref.null func))', '"extern" takes (externref), not (ref.null func)'),
    ("(wait $nobody)", "there is no thread $nobody"),
]


@pytest.mark.parametrize(("command", "reason"), FAIL)
def test_what_does_not_hold_fails_with_what_was_found(command: str, reason: str) -> None:
    report = play(MODULE + command)
    assert report.counts == (1, 1, 0)
    (result,) = report.failed
    assert reason in result.reason
    assert "\n" not in str(result)
    assert (result.location.line, result.location.column) == (MODULE.count("\n") + 1, 1)


def test_what_wasmarium_has_not_is_skipped() -> None:
    report = play(f'{MODULE}(assert_suspension (invoke "trap") "unhandled")')
    assert report.counts == (1, 0, 1)
    assert report.skipped[0].reason == "wasmarium has no stack switching"


def test_a_script_that_cannot_be_read_is_located() -> None:
    with pytest.raises(Malformed, match="unknown operator") as caught:
        play("(module)\n(assert_nothing)")
    assert caught.value.location.line == 2


def test_passed_commands_are_counted_by_keyword() -> None:
    report = play(
        f'{MODULE}(invoke "same" (i32.const 1))(get "seven")(register "r")(module definition $d)(module instance $i $d)'
        '(assert_trap (module (func $f unreachable) (start $f)) "unreachable")'
    )
    assert report.passed == {"module": 2, "module instance": 1, "register": 1, "action": 2, "assert_trap": 1}


# ---- instances ----


def test_after_a_module_that_fails_nobody_answers_in_its_place() -> None:
    found = reasons(f'{MODULE}(module $m (func (result i32)))(get "seven")(get $m "seven")')
    assert "type mismatch" in found[0]
    assert found[1:] == [
        "there is no instance: its module failed, or none came before",
        "there is no instance $m: its module failed, or none came before",
    ]


def test_what_a_failed_instantiation_wrote_stays() -> None:
    assert not reasons(
        """(module $m (memory (export "m") 1) (func (export "read") (result i32) (i32.load8_u (i32.const 0))))
        (register "m" $m)
        (assert_trap
          (module (import "m" "m" (memory 1)) (data (i32.const 0) "a") (data (i32.const 65536) "b"))
          "out of bounds memory access")
        (assert_return (invoke $m "read") (i32.const 97))"""
    )


def test_instances_of_a_definition_are_apart_and_registered_ones_are_shared() -> None:
    assert not reasons(
        """(module definition $d
          (global $g (export "g") (mut i32) (i32.const 0))
          (func (export "add") (global.set $g (i32.add (global.get $g) (i32.const 1)))))
        (module instance $a $d)
        (module instance $b $d)
        (invoke $a "add") (invoke $a "add") (invoke $b "add")
        (assert_return (get $a "g") (i32.const 2))
        (assert_return (get "g") (i32.const 1))
        (register "a" $a)
        (module (import "a" "add" (func $f)) (func (export "run") (call $f)))
        (invoke "run")
        (assert_return (get $a "g") (i32.const 3))"""
    )


def test_spectest_can_be_imported() -> None:
    assert not reasons(
        """(module
          (import "spectest" "print_i32" (func $p (param i32)))
          (import "spectest" "global_i64" (global $g i64))
          (import "spectest" "global_f32" (global $f f32))
          (import "spectest" "table" (table 10 20 funcref))
          (import "spectest" "memory" (memory 1 2))
          (func (export "g") (result i64 f32) (call $p (i32.const 1)) (global.get $g) (global.get $f)))
        (assert_return (invoke "g") (i64.const 666) (f32.const 666.6))"""
    )


def test_every_script_has_a_world_of_its_own() -> None:
    grow = """(module (import "spectest" "memory" (memory 1))
          (func (export "grow") (result i32) (memory.grow (i32.const 1))))
        (assert_return (invoke "grow") (i32.const 1))"""
    assert reasons(grow) == reasons(grow) == []


# ---- bounds ----


def test_a_call_that_does_not_end_fails_and_the_rest_goes_on() -> None:
    found = reasons(f'{MODULE}(invoke "endless")(assert_return (get "seven") (i32.const 7))', budget=10_000)
    assert found == ["the call did not end within 10,000 instructions"]


def test_a_start_function_that_does_not_end_fails() -> None:
    assert reasons("(module (func $f (loop (br 0))) (start $f))", budget=1000) == [
        "the call did not end within 1,000 instructions"
    ]


def test_memory_beyond_the_limits_is_one_failure() -> None:
    limits = ResourceLimits(memory_bytes=1 << 20)
    (reason,) = reasons('(module (memory 17))(module (func (export "f")))(invoke "f")', limits=limits)
    assert reason.startswith("exhausted: memory of")


def test_a_fault_of_the_engine_is_a_failure_and_not_the_end() -> None:
    class Broken(Interpreter):
        def start(self, function: Any, arguments: Sequence[Any]) -> Any:
            if arguments == [13]:
                raise ZeroDivisionError("a bug\nof ours")
            return super().start(function, arguments)

    script = f'{MODULE}(invoke "same" (i32.const 13))(assert_return (invoke "same" (i32.const 1)) (i32.const 1))'
    assert reasons(script, engine=Broken()) == ["crash: ZeroDivisionError: a bug of ours"]


LOOP = """(module (func (export "sum") (param i32) (result i32) (local i32)
    (loop $l
      (local.set 1 (i32.add (local.get 1) (local.get 0)))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1)))
  (assert_return (invoke "sum" (i32.const 1000)) (i32.const 500500))"""


@pytest.mark.parametrize("after", [0, 1, None, 1 << 40])
def test_compiling_early_or_never_changes_nothing(after: int | None) -> None:
    assert reasons(LOOP, compile_after=after) == []


# ---- threads ----

MEMORY = '(module $Memory (memory (export "shared") 1 1 shared))'
SLEEPER = """(thread $T1 (shared (module $Memory))
  (register "memory" $Memory)
  (module (memory (import "memory" "shared") 1 1 shared)
    (func (export "sleep") (param i64) (result i32)
      (memory.atomic.wait32 (i32.const 0) (i32.const 0) (local.get 0))))
  (assert_return (invoke "sleep" (i64.const TIME)) (i32.const RESULT)))"""
CALLER = """(thread $T2 (shared (module $Memory))
  (register "memory" $Memory)
  (module (memory (import "memory" "shared") 1 1 shared)
    (func (export "wake")
      (loop (br_if 0 (i32.ne (memory.atomic.notify (i32.const 0) (i32.const 1)) (i32.const 1))))))
  (invoke "wake"))"""
WAIT = "(wait $T1)(wait $T2)"
FOREVER = SLEEPER.replace("TIME", "-1").replace("RESULT", "0")


@pytest.mark.parametrize("threads", [FOREVER + CALLER, CALLER + FOREVER])
def test_threads_wake_each_other_in_whatever_order_they_begin(threads: str) -> None:
    report = play(MEMORY + threads + WAIT)
    assert report.failed == []
    assert report.passed == {"module": 3, "register": 2, "assert_return": 1, "action": 1, "thread": 2, "wait": 2}


def test_threads_that_nobody_waits_for_end_too() -> None:
    assert play(MEMORY + FOREVER + CALLER).passed.total() == 9


def test_threads_that_wait_for_one_another_fail() -> None:
    reason = "all threads wait for one another"
    assert reasons(f"{MEMORY}{FOREVER}(wait $T1)") == [reason, reason]


def test_a_wait_ends_in_time() -> None:
    world = FakePlatform()
    sleeper = SLEEPER.replace("TIME", "5_000_000").replace("RESULT", "2")
    assert reasons(f"{MEMORY}{sleeper}(wait $T1)", world=world) == []
    assert world.clock.slept == [5_000_000]  # type: ignore[attr-defined]


def test_threads_know_only_what_is_shared_with_them() -> None:
    (reason,) = reasons('(module $a (func (export "f")))(register "a")(thread $T (invoke $a "f"))(wait $T)')
    assert reason.startswith("there is no instance $a")


# ---- folders ----


@pytest.mark.parametrize(
    ("path", "more", "fewer"),
    [
        ("suite/i32.wast", set(), set()),
        ("suite/proposals/wide-arithmetic/x.wast", {"wide-arithmetic"}, set()),
        ("suite/proposals/unheard-of/x.wast", set(), set()),
        ("suite/legacy/x.wast", {"legacy-exceptions"}, set()),
        ("suite/threads/x.wast", set(), set()),
    ],
)
def test_folders_switch_their_proposal_on(path: str, more: set[str], fewer: set[str]) -> None:
    assert features_of(PurePosixPath(path)) == (DEFAULT | more) - fewer


def test_the_tests_of_threads_know_nothing_of_what_came_later() -> None:
    path = PurePosixPath("proposals/threads/x.wast")
    assert "threads" in features_of(path)
    assert not features_of(path) & {"memory64", "gc", "multi-memory"}
    assert "gc" in features_of(path, frozenset({"gc"}))
