"""Regular expressions for instructions, made from the instruction table.

They are for bodies that are known to be valid: they tell where instructions begin and end, not whether these
make sense. Each alternative begins with other bytes than the rest, so a body that is matched without
gaps has been cut at its instructions. What a regular expression cannot count (a br_table of more
than :data:`MOST_LABELS` labels) and integers that are written longer than need be in odd places are not
matched: whoever sees a gap reads the body with ``binary.code`` instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache

from wasmarium.instructions import immediates as imm
from wasmarium.instructions.immediates import Immediate
from wasmarium.instructions.table import INSTRUCTIONS, Instruction
from wasmarium.leb128 import write_unsigned

MOST_LABELS = 511
"""Labels of a br_table, the default aside, up to which there is a pattern."""

_MOST_TYPES = 4
_MOST_CATCHES = 16

_INTEGER = rb"[\x80-\xff]*+[\x00-\x7f]"
_HEAP = _INTEGER
_TYPE = rb"(?:[\x63\x64]" + _HEAP + rb"|[\x00-\x62\x65-\x7f])"
_CATCH = rb"(?:[\x00\x01]" + _INTEGER * 2 + rb"|[\x02\x03]" + _INTEGER + rb")"


def _vector(item: bytes, most: int, extra: int = 0) -> bytes:
    """Up to ``most`` items behind their number, and ``extra`` more."""

    def repeated(count: int) -> bytes:
        return b"(?:%s){%d}" % (item, count) if count else b""

    def number(count: int) -> bytes:
        out = bytearray()
        write_unsigned(count, out)
        return re.escape(bytes(out))

    return b"(?:%s)" % b"|".join(number(n) + repeated(n + extra) for n in range(most + 1))


_PATTERNS: dict[Immediate, bytes] = {
    imm.F32_CONST: rb".{4}",
    imm.F64_CONST: rb".{8}",
    imm.V128_CONST: rb".{16}",
    imm.LANES: rb".{16}",
    imm.LANE: rb".",
    imm.ZERO: rb".",
    imm.MEMORY_ARGUMENT: rb"(?:[\x00-\x3f]" + _INTEGER + rb"|[\x40-\x7f]" + _INTEGER * 2 + rb")",
    imm.BLOCK_TYPE: rb"(?:[\x63\x64]" + _HEAP + rb"|[\x80-\xff]++[\x00-\x7f]|[\x00-\x62\x65-\x7f])",
    imm.VALUE_TYPES: _vector(_TYPE, _MOST_TYPES),
    imm.LABELS: _vector(_INTEGER, MOST_LABELS, 1),
    imm.CATCHES: _vector(_CATCH, _MOST_CATCHES),
    imm.CAST: rb"." + _INTEGER * 3,
}
"""By the kind; every other kind is an integer."""


def _class(codes: Iterable[int]) -> bytes:
    return b"[%s]" % b"".join(re.escape(bytes([code])) for code in sorted(codes))


_COMMONEST = (_INTEGER, b"", _PATTERNS[imm.MEMORY_ARGUMENT])
"""What follows the commonest opcodes: these alternatives come first."""


def pattern(rows: Iterable[Instruction]) -> bytes:
    """What matches one instruction of ``rows``."""
    shapes: dict[bytes, list[bytes]] = {}
    for row in rows:
        shape = b"".join(_PATTERNS.get(kind, _INTEGER) for kind in row.immediates)
        shapes.setdefault(shape, []).append(row.encoded)
    first: list[bytes] = []
    rest: list[bytes] = []
    for shape in sorted(shapes, key=lambda shape: _COMMONEST.index(shape) if shape in _COMMONEST else 9):
        plain = [code[0] for code in shapes[shape] if len(code) == 1]
        if plain:
            first.append(_class(plain) + shape)
        prefixed: dict[tuple[bytes, bytes], list[int]] = {}
        for code in shapes[shape]:
            if len(code) > 1:
                prefixed.setdefault((code[:1], code[2:]), []).append(code[1])
        rest += [re.escape(head) + _class(codes) + re.escape(tail) + shape for (head, tail), codes in prefixed.items()]
    return b"|".join(first + rest)


def compiled(text: bytes) -> re.Pattern[bytes]:
    """``text`` as a pattern in which a dot is any byte."""
    return re.compile(text, re.DOTALL)


@cache
def opcodes(whole: tuple[Instruction, ...] = ()) -> re.Pattern[bytes]:
    """Finds all instructions and gives the first byte of each; of those in ``whole`` all of the opcode."""
    given = [re.escape(row.encoded) for row in whole]
    return compiled(b"(?=(%s))(?:%s)" % (b"|".join([*given, b"."]), pattern(INSTRUCTIONS)))


@cache
def pieces(special: Callable[[Instruction], bool]) -> re.Pattern[bytes]:
    """Finds runs of instructions that end with a special one."""
    plain = pattern(row for row in INSTRUCTIONS if not special(row))
    ends = pattern(row for row in INSTRUCTIONS if special(row))
    return compiled(rb"(?:%s)*+(?:%s)" % (plain, ends))
