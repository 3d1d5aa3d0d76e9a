"""The kinds of immediate that an instruction carries, each with its way in and out of the binary.

A kind reads itself from bytes and writes itself into bytes; the text format has its own half in
``wasmarium.text``. The Python values are:

=================  =====================================================================
labelidx … lane    int
i32, i64           int, unsigned canonical (0 .. 2^N-1)
f32, f64           int, the bits of the number (so that every NaN survives)
v128, lanes        int 0 .. 2^128-1 (byte 0 least significant); tuple of 16 lane indices
memarg             MemoryArgument(align, offset, memory)
blocktype          None (no parameters and results), a ValueType (one result), or a type index
valuetypes         tuple of ValueType
heaptype           HeapType (syntactic)
cast               CastArgument(label, source, target)
labels             tuple of label indices, the default last
catches            tuple of Catch
=================  =====================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from wasmarium.errors import Location, Malformed
from wasmarium.leb128 import (
    UNEXPECTED_END,
    Bytes,
    read_signed,
    read_u32,
    read_unsigned,
    write_signed,
    write_unsigned,
)
from wasmarium.types import (
    F32,
    F64,
    HEAP_TYPE_CODES,
    I32,
    I64,
    V128,
    AbstractHeapType,
    HeapType,
    ReferenceType,
    ValueType,
    reference,
)

Reader = Callable[[Bytes, int], tuple[Any, int]]
Writer = Callable[[Any, bytearray], None]


class MemoryArgument(NamedTuple):
    """``align`` is log2 of the alignment hint in bytes, ``offset`` is added to the address."""

    align: int
    offset: int
    memory: int


class CastArgument(NamedTuple):
    """What br_on_cast carries: the label and the reference types of operand and cast."""

    label: int
    source: ReferenceType
    target: ReferenceType


class Catch(NamedTuple):
    """A clause of try_table. ``kind``: catch, catch_ref, catch_all, catch_all_ref."""

    kind: str
    tag: int | None
    label: int


CATCH_KINDS = ("catch", "catch_ref", "catch_all", "catch_all_ref")


class Immediate:
    """A kind of immediate: ``name`` says its role (it is the specification's name for it)."""

    __slots__ = ("name", "read", "write")

    def __init__(self, name: str, read: Reader, write: Writer) -> None:
        self.name = name
        self.read = read
        self.write = write

    def __repr__(self) -> str:
        return self.name


def malformed(message: str, offset: int) -> Malformed:
    """Malformed with nothing but an offset; whoever knows more of the place adds it."""
    return Malformed(message, Location(offset=offset))


def take(data: Bytes, position: int, count: int) -> tuple[bytes, int]:
    """``count`` bytes and the position behind them."""
    end = position + count
    if end > len(data):
        raise malformed(UNEXPECTED_END, position)
    return bytes(data[position:end]), end


# ---- types, which instructions carry too (section 5.3) ----

_NUMERIC_CODES: dict[int, ValueType] = {t.code: t for t in (I32, I64, F32, F64, V128) if t.code is not None}
VALUE_TYPE_CODES: dict[int, ValueType] = {
    **_NUMERIC_CODES,
    **{code: reference(True, heap) for code, heap in HEAP_TYPE_CODES.items()},
}
"""Value types that are one byte."""


def read_heap_type(data: Bytes, position: int) -> tuple[HeapType, int]:
    """A heap type: an abstract one, or a type index (section 5.3.2)."""
    value, end = read_signed(data, position, 33)
    if value >= 0:
        return value, end
    heap = HEAP_TYPE_CODES.get(data[position])
    if heap is None or end != position + 1:
        raise malformed("malformed heap type", position)
    return heap, end


def read_value_type(data: Bytes, position: int) -> tuple[ValueType, int]:
    """A value type (section 5.3.4)."""
    if position >= len(data):
        raise malformed(UNEXPECTED_END, position)
    code = data[position]
    found = VALUE_TYPE_CODES.get(code)
    if found is not None:
        return found, position + 1
    if code == 0x63 or code == 0x64:
        heap, end = read_heap_type(data, position + 1)
        return reference(code == 0x63, heap), end
    raise malformed("malformed value type", position)


def read_reference_type(data: Bytes, position: int) -> tuple[ReferenceType, int]:
    """A reference type (section 5.3.3)."""
    try:
        value, end = read_value_type(data, position)
    except Malformed as error:
        if error.message == "malformed value type":
            raise malformed("malformed reference type", position) from None
        raise
    if not isinstance(value, ReferenceType):
        raise malformed("malformed reference type", position)
    return value, end


def write_heap_type(heap: HeapType, out: bytearray) -> None:
    """Append a heap type in its shortest form."""
    if isinstance(heap, AbstractHeapType):
        out.append(heap.code)
    else:
        assert isinstance(heap, int)
        write_signed(heap, out)


def write_value_type(value: ValueType, out: bytearray) -> None:
    """Append a value type in its shortest form."""
    if value.code is not None:
        out.append(value.code)
    else:
        assert isinstance(value, ReferenceType)
        out.append(0x63 if value.nullable else 0x64)
        write_heap_type(value.heap, out)


# ---- the kinds ----


def _read_block_type(data: Bytes, position: int) -> tuple[ValueType | int | None, int]:
    if position >= len(data):
        raise malformed(UNEXPECTED_END, position)
    code = data[position]
    if code == 0x40:
        return None, position + 1
    if code in VALUE_TYPE_CODES or code == 0x63 or code == 0x64:
        return read_value_type(data, position)
    value, end = read_signed(data, position, 33)
    if value < 0:
        raise malformed("malformed block type", position)
    return value, end


def _write_block_type(value: ValueType | int | None, out: bytearray) -> None:
    if value is None:
        out.append(0x40)
    elif isinstance(value, int):
        write_signed(value, out)
    else:
        write_value_type(value, out)


def _read_memory_argument(data: Bytes, position: int) -> tuple[MemoryArgument, int]:
    flags, end = read_u32(data, position)
    memory = 0
    # Bit 6 says that a memory index follows; anything above is not an alignment at all.
    if flags >= 0x80:
        raise malformed("malformed memop flags", position)
    if flags & 0x40:
        memory, end = read_u32(data, end)
    offset, end = read_unsigned(data, end, 64)
    return MemoryArgument(flags & 0x3F, offset, memory), end


def _write_memory_argument(value: MemoryArgument, out: bytearray) -> None:
    write_unsigned(value.align | (0x40 if value.memory else 0), out)
    if value.memory:
        write_unsigned(value.memory, out)
    write_unsigned(value.offset, out)


def _constant(bits: int) -> tuple[Reader, Writer]:
    mask, sign = (1 << bits) - 1, 1 << (bits - 1)

    def read(data: Bytes, position: int) -> tuple[int, int]:
        value, end = read_signed(data, position, bits)
        return value & mask, end

    def write(value: int, out: bytearray) -> None:
        write_signed((value ^ sign) - sign, out)

    return read, write


def _bits(count: int) -> tuple[Reader, Writer]:
    def read(data: Bytes, position: int) -> tuple[int, int]:
        raw, end = take(data, position, count)
        return int.from_bytes(raw, "little"), end

    def write(value: int, out: bytearray) -> None:
        out += value.to_bytes(count, "little")

    return read, write


def _read_lane(data: Bytes, position: int) -> tuple[int, int]:
    raw, end = take(data, position, 1)
    return raw[0], end


def _write_lane(value: int, out: bytearray) -> None:
    out.append(value)


def _read_lanes(data: Bytes, position: int) -> tuple[tuple[int, ...], int]:
    raw, end = take(data, position, 16)
    return tuple(raw), end


def _write_lanes(value: tuple[int, ...], out: bytearray) -> None:
    out += bytes(value)


def read_count(data: Bytes, position: int, smallest: int = 1) -> tuple[int, int]:
    """The length of a vector whose elements take ``smallest`` bytes or more each.

    A length that the bytes left cannot hold is refused before anything is made for it.
    """
    count, end = read_u32(data, position)
    if count * smallest > len(data) - position:
        raise malformed("length out of bounds", position)
    return count, end


def _read_value_types(data: Bytes, position: int) -> tuple[tuple[ValueType, ...], int]:
    count, position = read_count(data, position)
    values = []
    for _ in range(count):
        value, position = read_value_type(data, position)
        values.append(value)
    return tuple(values), position


def _write_value_types(values: tuple[ValueType, ...], out: bytearray) -> None:
    write_unsigned(len(values), out)
    for value in values:
        write_value_type(value, out)


def _read_labels(data: Bytes, position: int) -> tuple[tuple[int, ...], int]:
    count, position = read_count(data, position)
    labels = []
    for _ in range(count + 1):
        label, position = read_u32(data, position)
        labels.append(label)
    return tuple(labels), position


def _write_labels(labels: tuple[int, ...], out: bytearray) -> None:
    write_unsigned(len(labels) - 1, out)
    for label in labels:
        write_unsigned(label, out)


def _read_cast(data: Bytes, position: int) -> tuple[CastArgument, int]:
    raw, end = take(data, position, 1)
    if raw[0] > 3:
        raise malformed("malformed br_on_cast flags", position)
    label, end = read_u32(data, end)
    source, end = read_heap_type(data, end)
    target, end = read_heap_type(data, end)
    argument = CastArgument(label, reference(bool(raw[0] & 1), source), reference(bool(raw[0] & 2), target))
    return argument, end


def _write_cast(value: CastArgument, out: bytearray) -> None:
    out.append(value.source.nullable | value.target.nullable << 1)
    write_unsigned(value.label, out)
    write_heap_type(value.source.heap, out)
    write_heap_type(value.target.heap, out)


def _read_catches(data: Bytes, position: int) -> tuple[tuple[Catch, ...], int]:
    count, position = read_count(data, position, 2)
    catches = []
    for _ in range(count):
        raw, end = take(data, position, 1)
        if raw[0] >= len(CATCH_KINDS):
            raise malformed("malformed catch clause", position)
        tag = None
        if raw[0] < 2:
            tag, end = read_u32(data, end)
        label, position = read_u32(data, end)
        catches.append(Catch(CATCH_KINDS[raw[0]], tag, label))
    return tuple(catches), position


def _write_catches(catches: tuple[Catch, ...], out: bytearray) -> None:
    write_unsigned(len(catches), out)
    for catch in catches:
        out.append(CATCH_KINDS.index(catch.kind))
        if catch.tag is not None:
            write_unsigned(catch.tag, out)
        write_unsigned(catch.label, out)


def _read_zero(data: Bytes, position: int) -> tuple[int, int]:
    raw, end = take(data, position, 1)
    if raw[0]:
        raise malformed("zero byte expected", position)
    return 0, end


def _index(name: str) -> Immediate:
    return Immediate(name, read_u32, write_unsigned)


LABEL = _index("labelidx")
FUNCTION = _index("funcidx")
TYPE = _index("typeidx")
TABLE = _index("tableidx")
MEMORY = _index("memidx")
GLOBAL = _index("globalidx")
LOCAL = _index("localidx")
DATA = _index("dataidx")
ELEMENT = _index("elemidx")
TAG = _index("tagidx")
FIELD = _index("fieldidx")
COUNT = _index("u32")
I32_CONST = Immediate("i32", *_constant(32))
I64_CONST = Immediate("i64", *_constant(64))
F32_CONST = Immediate("f32", *_bits(4))
F64_CONST = Immediate("f64", *_bits(8))
V128_CONST = Immediate("v128", *_bits(16))
LANE = Immediate("laneidx", _read_lane, _write_lane)
LANES = Immediate("lanes", _read_lanes, _write_lanes)
MEMORY_ARGUMENT = Immediate("memarg", _read_memory_argument, _write_memory_argument)
BLOCK_TYPE = Immediate("blocktype", _read_block_type, _write_block_type)
VALUE_TYPES = Immediate("valuetypes", _read_value_types, _write_value_types)
HEAP_TYPE = Immediate("heaptype", read_heap_type, write_heap_type)
CAST = Immediate("cast", _read_cast, _write_cast)
LABELS = Immediate("labels", _read_labels, _write_labels)
CATCHES = Immediate("catches", _read_catches, _write_catches)
ZERO = Immediate("zero", _read_zero, _write_lane)
