"""Structs, arrays and exceptions of the host's guests: Python gets hold of them, and looks into them."""

from __future__ import annotations

import gc
import struct
from typing import Any

import pytest

from wasmarium.engines.base import Finished, Raised
from wasmarium.engines.host.functions import HostExecution
from wasmarium.errors import GuestException, Unsupported
from wasmarium.instructions.numeric import f32_bits, f32_from_bits
from wasmarium.runtime.heap import I31, ArrayInstance, StructInstance
from wasmarium.runtime.tag import ExceptionInstance

OBJECTS = """(module
  (type $point (sub (struct (field (mut i8)) (field (mut v128)) (field (ref null $point)) (field (mut externref)))))
  (type $more (sub $point (struct (field (mut i8)) (field (mut v128)) (field (ref null $point)) (field (mut externref))
    (field f32))))
  (type $bytes (array (mut i16)))
  (type $points (array (mut (ref null $point))))
  (global $kept (mut (ref null $more)) (ref.null $more))
  (func (export "point") (param externref) (result (ref $point))
    (global.set $kept (struct.new $more (i32.const 0x1fe) (v128.const i64x2 5 6)
      (struct.new_default $point) (local.get 0) (f32.const nan:0x200001)))
    (ref.as_non_null (global.get $kept)))
  (func (export "kept") (result anyref) (global.get $kept))
  (func (export "first") (param (ref $point)) (result i32) (struct.get_s $point 0 (local.get 0)))
  (func (export "bytes") (result (ref $bytes)) (array.new $bytes (i32.const -1) (i32.const 5)))
  (func (export "at") (param (ref $bytes) i32) (result i32) (array.get_s $bytes (local.get 0) (local.get 1)))
  (func (export "points") (result (ref $points)) (array.new_default $points (i32.const 2)))
  (func (export "outside") (result externref) (extern.convert_any (array.new_default $bytes (i32.const 1))))
  (func (export "any") (param anyref) (result anyref) (local.get 0))
  (func (export "extern") (param externref) (result externref) (local.get 0)))"""


class Calls:
    """Calls exports with values of the runtime."""

    def __init__(self, instance: Any) -> None:
        self.exports = instance._instance.exports

    def __call__(self, name: str, *arguments: Any) -> Any:
        outcome = HostExecution(self.exports[name], arguments).run()
        if isinstance(outcome, Raised):
            raise outcome.error
        assert isinstance(outcome, Finished)
        return outcome.values[0] if outcome.values else None


@pytest.fixture
def call(host: Any) -> Calls:
    return Calls(host.instance(OBJECTS))


def test_structs_keep_their_identity_and_can_be_looked_into(call: Calls) -> None:
    thing = object()
    point = call("point", thing)
    assert isinstance(point, StructInstance)
    assert call("kept") is point
    assert call("any", point) is point
    assert call("extern", point) is point
    fields: Any = point.fields
    assert len(fields) == 5
    assert (fields[0], fields[1], fields[3]) == (0xFE, 6 << 64 | 5, thing)
    assert f32_bits(fields[4]) == 0x7FA00001
    inner = fields[2]
    assert inner.type is point.type.supertype
    assert [*inner.fields] == [0, 0, None, None]


def test_fields_can_be_set(call: Calls) -> None:
    point = call("point", None)
    point.fields[0] = 0x80
    point.fields[1] = 1 << 127
    point.fields[3] = point
    assert call("first", point) == 0xFFFFFF80
    assert (point.fields[1], point.fields[3]) == (1 << 127, point)


def test_arrays(call: Calls) -> None:
    array = call("bytes")
    assert isinstance(array, ArrayInstance)
    elements: Any = array.elements
    assert len(elements) == 5
    elements[1:3] = [7, 0x8000]
    assert elements[0:4] == [0xFFFF, 7, 0x8000, 0xFFFF]
    assert call("at", array, 2) == 0xFFFF8000
    points, point = call("points"), call("point", None)
    points.elements[1] = point
    assert [*points.elements] == [None, point]
    assert isinstance(call("outside"), ArrayInstance)


def test_i31_is_a_value(call: Calls) -> None:
    assert call("any", I31(0x7FFFFFFF)) == I31(0x7FFFFFFF)


def test_objects_go_when_nobody_has_them(call: Calls) -> None:
    point = call("point", None)
    references = point.realm.references
    del point
    gc.collect()
    assert [*references._others] == []


def test_structs_of_the_interpreter_are_refused_where_a_guest_would_look_into_them(call: Calls) -> None:
    point = call("point", None)
    foreign = StructInstance(point.type, [0, 0, None, None, 0.0])
    assert call("any", foreign) is foreign
    with pytest.raises(Unsupported, match="of the interpreter"):
        call("first", foreign)


EXCEPTIONS = """(module (tag $t (param i32 i64 f32 f64 v128 externref funcref exnref))
  (tag $other (param i32))
  (func $f (export "throw") (param externref exnref)
    (throw $t (i32.const -1) (i64.const -2) (f32.const nan:0x200001) (f64.const -nan:0x4000000000001)
      (v128.const i64x2 3 4) (local.get 0) (ref.func $f) (local.get 1)))
  (func (export "other") (throw $other (i32.const 5)))
  (func (export "keep") (param externref exnref) (result exnref)
    (block $h (result exnref) (try_table (catch_all_ref $h) (call $f (local.get 0) (local.get 1))) (unreachable)))
  (func (export "throw_ref") (param exnref) (throw_ref (local.get 0)))
  (func (export "same") (param exnref) (result exnref) (local.get 0))
  (func (export "none") (param nullexnref) (result nullexnref) (local.get 0))
  (func (export "open") (param exnref) (result v128 f32)
    (local $v v128) (local $f f32)
    (block $h (result i32 i64 f32 f64 v128 externref funcref exnref)
      (try_table (catch $t $h) (throw_ref (local.get 0))) (unreachable))
    drop drop drop (local.set $v) drop (local.set $f) drop drop (local.get $v) (local.get $f)))"""


def test_exceptions_carry_every_bit_and_every_reference(host: Any) -> None:
    call = Calls(host.instance(EXCEPTIONS))
    thing = object()
    with pytest.raises(GuestException) as inner:
        call("other")
    five = inner.value.exception
    assert five.fields == (5,)
    with pytest.raises(GuestException) as caught:
        call("throw", thing, five)
    exception = caught.value.exception
    i, j, f, d, v, extern, function, nested = exception.fields
    assert (i, j, f32_bits(f), v) == (0xFFFFFFFF, 2**64 - 2, 0x7FA00001, 4 << 64 | 3)
    assert struct.pack("<d", d) == (0xFFF4000000000001).to_bytes(8, "little")
    assert extern is thing
    assert function is call.exports["throw"]
    assert nested is five
    # an exception keeps its identity, in and out
    assert call("same", exception) is exception
    with pytest.raises(GuestException) as again:
        call("throw_ref", exception)
    assert again.value.exception is exception
    kept = call("keep", None, None)
    assert isinstance(kept, ExceptionInstance)
    assert kept.fields[5:] == (None, function, None)
    assert (call("same", None), call("none", None)) == (None, None)
    # one that Python makes
    made = ExceptionInstance(exception.tag, (1, 2, f32_from_bits(0x7F800001), 0.5, 1 << 100, None, None, None))
    outcome = HostExecution(call.exports["open"], [made]).run()
    assert isinstance(outcome, Finished)
    assert (outcome.values[0], f32_bits(outcome.values[1])) == (1 << 100, 0x7F800001)
