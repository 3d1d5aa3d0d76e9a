"""Reading function bodies: the locals, and the instructions one by one (sections 5.4 and 5.5.14).

Nothing here checks types. ``offset`` is always that of the instruction's first byte, counted from the
start of the module.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from wasmarium.binary.reading import malformed, read_opcode
from wasmarium.errors import Malformed
from wasmarium.features import ALL, Features
from wasmarium.instructions.immediates import (
    I32_CONST,
    I64_CONST,
    MEMORY_ARGUMENT,
    MemoryArgument,
    read_value_type,
)
from wasmarium.instructions.table import BY_OPCODE, INSTRUCTIONS, Instruction
from wasmarium.leb128 import Bytes, read_u32
from wasmarium.types import ValueType

LocalGroups = tuple[tuple[int, ValueType], ...]
"""Locals as the binary format has them, runs of one type: a few bytes can declare very many."""

Decoded = tuple[Instruction, tuple[Any, ...], int]


def read_locals(data: Bytes, start: int, end: int) -> tuple[LocalGroups, int]:
    """The locals that a code entry declares (parameters excluded) and the position of its body.

    Malformed with "too many locals" where they are 2^32 or more.
    """
    if end < len(data):
        data = memoryview(data)[:end]
    count, position = read_u32(data, start)
    groups: list[tuple[int, ValueType]] = []
    total = 0
    for _ in range(count):
        at = position
        number, position = read_u32(data, position)
        total += number
        if total >= 1 << 32:
            raise malformed(f"too many locals: {total}, they must be fewer than 2^32", at)
        value, position = read_value_type(data, position)
        groups.append((number, value))
    return tuple(groups), position


def read_instruction(data: Bytes, position: int, features: Features = ALL) -> Decoded:
    """The row and the immediates of the instruction at ``position``, and the position behind it.

    An instruction of a feature that is not in ``features`` is an illegal opcode. To stop at the end
    of a body pass data that stops there: a slice of a memoryview costs nothing.
    """
    row, position = read_opcode(data, position, features)
    if not row.immediates:
        return row, (), position
    immediates = []
    for kind in row.immediates:
        value, position = kind.read(data, position)
        immediates.append(value)
    return row, tuple(immediates), position


def instructions(
    data: Bytes, start: int, end: int, features: Features = ALL
) -> Iterator[tuple[int, Instruction, tuple[Any, ...]]]:
    """Every instruction of ``data[start:end]`` (a body behind its locals, or a constant expression),
    the closing ``end`` included: offset, row, immediates. Whether the blocks nest is not checked.
    """
    bounded = memoryview(data)[:end]
    position = start
    while position < end:
        offset = position
        row, immediates, position = read_instruction(bounded, offset, features)
        yield offset, row, immediates


def instruction_at(
    data: Bytes, start: int, end: int, offset: int, features: Features = ALL
) -> tuple[int, Instruction | None, int]:
    """Which instruction of ``data[start:end]`` holds the byte at ``offset``: its index from 0, its row
    and its own offset. Behind the last one the row is None. Raises Malformed if it is none, or if one
    before it is none.
    """
    bounded = memoryview(data)[:end]
    index, position = 0, start
    while position < end:
        try:
            row, _, following = read_instruction(bounded, position, features)
        except Malformed as error:
            error.location = replace(error.location, instruction=index)
            raise
        if offset < following:
            return index, row, position
        index, position = index + 1, following
    return index, None, end


def validated_body(data: bytes, start: int, end: int) -> tuple[list[int], list[Instruction], list[tuple[Any, ...]]]:
    """Offsets, rows and immediates of a body that is known to be valid, all at once.

    The commonest shapes (no immediates, a small index or constant, a small memarg) are read in
    place, which is several times quicker than :func:`instructions`.
    """
    offsets: list[int] = []
    rows: list[Instruction] = []
    operands: list[tuple[Any, ...]] = []
    position = start
    while position < end:
        offset = position
        opcode = data[position]
        shape = _SHAPES[opcode]
        if shape == _NOTHING:
            position += 1
            immediates: tuple[Any, ...] = ()
        elif shape == _NUMBER and (byte := data[position + 1]) < _SMALL_BELOW[opcode]:
            position += 2
            immediates = _SMALL[byte]
        elif shape == _MEMORY and data[position + 1] < 0x40 and (byte := data[position + 2]) < 0x80:
            immediates = (MemoryArgument(data[position + 1], byte, 0),)
            position += 3
        else:
            row, immediates, position = read_instruction(data, position)
            offsets.append(offset)
            rows.append(row)
            operands.append(immediates)
            continue
        offsets.append(offset)
        rows.append(BY_OPCODE[opcode])
        operands.append(immediates)
    return offsets, rows, operands


_OTHER, _NOTHING, _NUMBER, _MEMORY = range(4)
_SMALL = tuple((number,) for number in range(0x80))
_SHAPES = [_OTHER] * 256
_SMALL_BELOW = [0x80] * 256
for _row in INSTRUCTIONS:
    if _row.opcode < 0x100:
        if not _row.immediates:
            _SHAPES[_row.opcode] = _NOTHING
        elif _row.immediates == (MEMORY_ARGUMENT,):
            _SHAPES[_row.opcode] = _MEMORY
        elif len(_row.immediates) == 1 and _row.immediates[0].read is read_u32:
            _SHAPES[_row.opcode] = _NUMBER
        elif _row.immediates[0] in (I32_CONST, I64_CONST):
            _SHAPES[_row.opcode] = _NUMBER
            # Bit 6 of a signed number is its sign.
            _SMALL_BELOW[_row.opcode] = 0x40
