"""More shims: what Python may do with exceptions and with objects of the host's garbage-collected heap.

JavaScript can hold such an object but look at nothing of it, and an exception it shows only in numbers
of its own. WebAssembly itself can do both, so small modules do it: values pass through the area and
the tables of references, as in calls.
"""

from __future__ import annotations

from wasmarium.engines.host.shims import REFERENCES, Body, Shim
from wasmarium.instructions.immediates import Catch
from wasmarium.types import (
    EXNREF,
    HEAP_TYPES,
    I32,
    ArrayType,
    DefinedType,
    FieldType,
    FunctionType,
    Limits,
    PackedType,
    StructType,
    TableType,
    TagType,
    ValueType,
    reference,
)

_OTHER, _STRUCT, _ARRAY = range(3)
"""What ``kind`` answers."""


def _object(body: Body) -> None:
    """Push what is in the first place of the table of objects."""
    body.emit("i32.const", 0)
    body.emit("table.get", 0)
    body.emit("any.convert_extern")


def kinds(nothing: None = None) -> bytes:
    """``kind(slot)``: whether there is a struct (1), an array (2) or neither (0)."""
    shim = Shim()
    shim.environment((reference(True, HEAP_TYPES["any"]),))
    body = shim.function("kind", (I32,), (I32,), ())
    for heap, answer in (("struct", _STRUCT), ("array", _ARRAY)):
        body.emit("local.get", 0)
        body.emit("table.get", 0)
        body.emit("any.convert_extern")
        body.emit("ref.test", HEAP_TYPES[heap])
        body.emit("if", None)
        body.emit("i32.const", answer)
        body.emit("return")
        body.emit("end")
    body.emit("i32.const", _OTHER)
    return shim.bytes()


def tester(type: DefinedType) -> bytes:
    """``is()``: whether the object in the first place is of this type."""
    shim = Shim()
    shim.environment((reference(True, HEAP_TYPES["any"]),))
    body = shim.function("is", (), (I32,), ())
    _object(body)
    body.emit("ref.test", shim.defined(type))
    return shim.bytes()


def aggregate_accessor(type: DefinedType) -> bytes:
    """Gets at the object of this type in the first place: ``get(i)`` leaves field or element i in the
    area, or in the first place; ``set(i)`` takes it from there, references from the second place;
    ``length()`` of an array. An immutable one is not set, it is no field or element that is not there."""
    composite = type.composite
    assert not isinstance(composite, FunctionType)
    shim = Shim()
    fields = composite.fields if isinstance(composite, StructType) else (composite.element,)
    shim.environment((reference(True, HEAP_TYPES["any"]), *(field.unpacked for field in fields)))
    for i, field in enumerate(fields):
        indices = (shim.defined(type), i) if isinstance(composite, StructType) else (shim.defined(type),)
        suffix = str(i) if isinstance(composite, StructType) else ""
        content: ValueType = field.unpacked
        get = shim.function(f"get{suffix}", (I32,), (), (I32, content))
        _area(get, 1)
        _it(get, shim, type)
        if isinstance(composite, ArrayType):
            get.emit("local.get", 0)
        get.emit(_getter(composite, field), *indices)
        get.emit("local.set", 2)
        get.store((content,), 2, 1)
        if field.mutable:
            put = shim.function(f"set{suffix}", (I32,), (), (I32,))
            _area(put, 1)
            _it(put, shim, type)
            if isinstance(composite, ArrayType):
                put.emit("local.get", 0)
            put.load((content,), 1, first=1)
            put.emit("struct.set" if isinstance(composite, StructType) else "array.set", *indices)
    if isinstance(composite, ArrayType):
        length = shim.function("length", (), (I32,), ())
        _it(length, shim, type)
        length.emit("array.len")
    return shim.bytes()


def _area(body: Body, local: int) -> None:
    body.emit("global.get", 0)
    body.emit("local.set", local)


def _it(body: Body, shim: Shim, type: DefinedType) -> None:
    _object(body)
    body.emit("ref.cast", shim.defined(type))


def _getter(composite: StructType | ArrayType, field: FieldType) -> str:
    word = "struct.get" if isinstance(composite, StructType) else "array.get"
    return f"{word}_u" if isinstance(field.storage, PackedType) else word


# ---- exceptions ----


def exceptions(nothing: None = None) -> bytes:
    """The table ``it`` of references to exceptions; ``put(slot)`` stores what ``throw`` throws there,
    ``clear(slot)`` null; ``take(slot)`` throws what is there, and answers 1 for null."""
    shim = Shim()
    shim.import_function("throw", (), ())
    put = shim.function("put", (I32,), (), (EXNREF,))
    put.emit("block", EXNREF)
    put.emit("try_table", None, (Catch("catch_all_ref", None, 0),))
    put.emit("call", 0)
    put.emit("end")
    put.emit("unreachable")
    put.emit("end")
    put.emit("local.set", 1)
    put.emit("local.get", 0)
    put.emit("local.get", 1)
    put.emit("table.set", 0)
    clear = shim.function("clear", (I32,), (), ())
    clear.emit("local.get", 0)
    clear.emit("ref.null", HEAP_TYPES["exn"])
    clear.emit("table.set", 0)
    take = shim.function("take", (I32,), (I32,), ())
    take.emit("local.get", 0)
    take.emit("table.get", 0)
    take.emit("ref.is_null")
    take.emit("if", None)
    take.emit("i32.const", 1)
    take.emit("return")
    take.emit("end")
    take.emit("local.get", 0)
    take.emit("table.get", 0)
    take.emit("throw_ref")
    shim.own_table(TableType(EXNREF, Limits(REFERENCES)))
    return shim.bytes()


def exception_accessor(tag: TagType) -> bytes:
    """Of the tag ``it``: ``open()`` leaves the values of what ``throw`` throws in the area, ``make()`` throws a new
    exception with values from there."""
    assert isinstance(tag.type, DefinedType)
    parameters = tag.type.function.parameters
    shim = Shim()
    shim.import_function("throw", (), ())
    shim.environment(parameters)
    shim.import_other("it", TagType(shim.defined(tag.type)))
    open_ = shim.function("open", (), (), (I32, *parameters))
    _area(open_, 0)
    open_.emit("block", shim.type(FunctionType((), tuple(parameters))))
    open_.emit("try_table", None, (Catch("catch", 0, 0),))
    open_.emit("call", 0)
    open_.emit("end")
    open_.emit("unreachable")
    open_.emit("end")
    for local in reversed(range(len(parameters))):
        open_.emit("local.set", 1 + local)
    open_.store(parameters, 1, 0)
    make = shim.function("make", (), (), (I32,))
    _area(make, 0)
    make.load(parameters, 0)
    make.emit("throw", 0)
    return shim.bytes()
