"""Exceptions in their old form: try, catch, catch_all, rethrow, delegate, in every way to run."""

from __future__ import annotations

import pytest
from running import Modes, build

from wasmarium.errors import GuestException, Trap
from wasmarium.runtime.instance import ModuleInstance

TAGS = """(tag $a (param i32)) (tag $b (param i32 i64)) (tag $none)
  (func $throw_a (param i32) (throw $a (local.get 0)))
  (func $choose (param i32)
    (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $a (i32.const 10))))
    (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $b (i32.const 20) (i64.const 21))))
    (if (i32.eq (local.get 0) (i32.const 3)) (then (throw $none)))
    (if (i32.eq (local.get 0) (i32.const 4)) (then (unreachable))))"""


def module(body: str, signature: str = "(param i32) (result i32)") -> ModuleInstance:
    return build(f'(module {TAGS} (func (export "run") {signature} {body}))')


CLAUSES = """
  (i32.const 100)
  (try (result i32)
    (do (call $choose (local.get 0)) (i32.const 1))
    (catch $a)
    (catch $b (drop) (i32.const 5) (i32.add))
    (catch_all (i32.const 3)))
  (i32.add)"""


@pytest.mark.parametrize(("argument", "expected"), [(0, 101), (1, 110), (2, 125), (3, 103)])
def test_the_clause_of_the_tag_gets_the_values_above_what_was_there(modes: Modes, argument: int, expected: int) -> None:
    assert modes.call(module(CLAUSES), "run", argument) == (expected,)


def test_traps_are_not_caught(modes: Modes) -> None:
    with pytest.raises(Trap, match="unreachable"):
        modes.call(module(CLAUSES), "run", 4)


def test_what_no_clause_wants_goes_on(modes: Modes) -> None:
    body = """(try (result i32)
      (do (try (result i32) (do (call $choose (local.get 0)) (i32.const 1)) (catch $a)))
      (catch $b (drop) (i32.const 7) (i32.add)))"""
    instance = module(body)
    assert [modes.call(instance, "run", i) for i in range(3)] == [(1,), (10,), (27,)]
    with pytest.raises(GuestException) as caught:
        modes.call(instance, "run", 3)
    assert caught.value.exception.fields == ()


def test_a_clause_is_not_guarded_by_its_own_try(modes: Modes) -> None:
    body = """(try (result i32)
      (do (try (result i32)
        (do (throw $a (i32.const 1)))
        (catch $a (throw $a (i32.add (i32.const 1))))
        (catch_all (i32.const -1))))
      (catch $a (i32.const 40) (i32.add)))"""
    assert modes.call(module(body), "run", 0) == (42,)


RETHROW = """
  (try (result i32)
    (do
      (try (result i32)
        (do (throw $a (i32.const 1)))
        (catch $a
          (drop)
          (try (result i32)
            (do (throw $b (i32.const 2) (i64.const 3)))
            (catch $b (drop) (drop) (rethrow DEPTH))))))
    (catch $a)
    (catch $b (i32.wrap_i64) (i32.add)))"""


@pytest.mark.parametrize(("depth", "expected"), [(0, 5), (1, 1)])
def test_rethrow_throws_what_the_clause_at_its_label_caught(modes: Modes, depth: int, expected: int) -> None:
    assert modes.call(module(RETHROW.replace("DEPTH", str(depth))), "run", 0) == (expected,)


def test_the_same_exception_is_rethrown_to_the_host(modes: Modes) -> None:
    instance = module("(try (do (call $throw_a (i32.const 9))) (catch_all (rethrow 0))) (i32.const 0)")
    with pytest.raises(GuestException) as caught:
        modes.call(instance, "run", 0)
    assert caught.value.exception.fields == (9,)


def test_each_activation_keeps_what_it_caught(modes: Modes) -> None:
    body = """
      (try (result i32)
        (do (throw $a (local.get 0)))
        (catch $a
          (drop)
          (if (local.get 0)
            (then (drop (call $self (i32.sub (local.get 0) (i32.const 1))))))
          (try (result i32) (do (rethrow 1)) (catch $a))))"""
    instance = build(f'(module {TAGS} (func $self (export "run") (param i32) (result i32) {body}))')
    assert modes.call(instance, "run", 5) == (5,)


DELEGATE = """
  (try (result i32)
    (do
      (try (result i32)
        (do
          (try (result i32)
            (do (call $throw_a (i32.const 1)) (i32.const 0))
            (delegate DEPTH)))
        (catch $a (i32.const 10) (i32.add))))
    (catch $a (i32.const 20) (i32.add)))"""


@pytest.mark.parametrize(("depth", "expected"), [(0, 11), (1, 21)])
def test_delegate_asks_the_try_of_its_label_next(modes: Modes, depth: int, expected: int) -> None:
    assert modes.call(module(DELEGATE.replace("DEPTH", str(depth))), "run", 0) == (expected,)


def test_delegate_may_leave_the_function(modes: Modes) -> None:
    inner = f"(func $inner (param i32) (result i32) {DELEGATE.replace('DEPTH', '2')})"
    instance = build(
        f"""(module {TAGS} {inner} (func (export "run") (param i32) (result i32)
          (try (result i32) (do (call $inner (i32.const 0))) (catch $a (i32.const 30) (i32.add)))))"""
    )
    assert modes.call(instance, "run", 0) == (31,)


def test_delegate_to_a_block_asks_the_try_around_it(modes: Modes) -> None:
    body = """
      (try (result i32)
        (do
          (block $b (result i32)
            (try (result i32)
              (do (try (result i32) (do (call $throw_a (i32.const 1)) (i32.const 0)) (delegate $b)))
              (catch_all (i32.const -1)))))
        (catch $a (i32.const 20) (i32.add)))"""
    assert modes.call(module(body), "run", 0) == (21,)


def test_delegate_to_a_try_that_is_catching_already_passes_it(modes: Modes) -> None:
    body = """
      (try (result i32)
        (do
          (try $t (result i32)
            (do (throw $none))
            (catch_all (try (result i32) (do (call $throw_a (i32.const 1)) (i32.const 0)) (delegate $t)))))
        (catch $a (i32.const 50) (i32.add)))"""
    assert modes.call(module(body), "run", 0) == (51,)


def test_a_try_can_be_branched_out_of_and_has_parameters(modes: Modes) -> None:
    body = """
      (i32.const 1) (local.get 0)
      (try $t (param i32) (result i32)
        (do (if (i32.eqz (local.get 0)) (then (br $t (i32.const 70)))) (throw $a))
        (catch $a (br_if $t (i32.eq (local.get 0) (i32.const 5))) (drop) (i32.const 90)))
      (i32.add)"""
    instance = module(body)
    assert [modes.call(instance, "run", i) for i in (0, 5, 6)] == [(71,), (6,), (91,)]


def test_in_a_loop(modes: Modes) -> None:
    """Throws on every even number below the argument; returns twice the sum of those plus the odd ones."""
    body = """(local i32 i32)
      (loop $l
        (local.set 2 (i32.add (local.get 2)
          (try (result i32)
            (do (if (i32.eqz (i32.and (local.get 1) (i32.const 1))) (then (call $throw_a (local.get 1)))) (local.get 1))
            (catch $a (i32.const 2) (i32.mul)))))
        (local.set 1 (i32.add (local.get 1) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get 1) (local.get 0))))
      (local.get 2)"""
    assert modes.call(module(body), "run", 20) == (sum(i * (2 - i % 2) for i in range(20)),)


def test_what_cannot_be_reached_needs_no_sense(modes: Modes) -> None:
    body = """
      (return (i32.const 1))
      (try (do (unreachable)) (catch $a (drop) (try (do) (delegate 0))) (catch_all (rethrow 0)))
      (try (do (unreachable) (throw $a)) (delegate 0))
      (i32.const 2)"""
    assert modes.call(module(body), "run", 0) == (1,)


def test_both_forms_catch_each_other(modes: Modes) -> None:
    body = """
      (block $caught (result i32)
        (try_table (catch $a $caught)
          (try (do (call $throw_a (i32.const 3))) (catch $b (drop) (drop)) (catch_all (rethrow 0))))
        (i32.const 0))
      (try (result i32)
        (do (block $x (result i32 exnref) (try_table (catch_ref $a $x) (throw $a (i32.const 4))) (unreachable))
          (throw_ref))
        (catch $a))
      (i32.add)"""
    assert modes.call(module(body), "run", 0) == (7,)
