"""Cutting a function body at its instructions, and counting what its blocks cost.

The quick way leaves the work to regular expressions (``grammar``) and other things that Python does at
once. Where they do not see everything, the body is read instruction by instruction.
"""

from __future__ import annotations

import re
from functools import cache

from wasmarium.binary.code import instructions
from wasmarium.instructions.fuel import ENDS_BLOCK, ENTRY, FREE
from wasmarium.instructions.table import BY_OPCODE, INSTRUCTIONS, Instruction
from wasmarium.instrument import grammar

_COSTS, _ENDS, _BOTH = b"cEb"

_ODD = tuple(row for row in INSTRUCTIONS if row.opcode > 0xFF and row.mnemonic in ENDS_BLOCK | FREE)
"""Instructions whose first byte does not tell how they count."""

_MAYBE_ODD = re.compile(b"|".join(re.escape(row.encoded) for row in _ODD))


def _tables() -> tuple[bytes, bytes]:
    classes = bytearray([_COSTS]) * 256
    uncounted = bytearray()
    for code in range(256):
        row = BY_OPCODE.get(code)
        if row is None:
            continue
        if row.mnemonic in ENDS_BLOCK:
            classes[code] = _ENDS if row.mnemonic in FREE else _BOTH
        elif row.mnemonic in FREE:
            uncounted.append(code)
    return bytes(classes), bytes(uncounted)


_CLASSES, _UNCOUNTED = _tables()


class _Classes(dict[bytes, bytes]):
    """The same for the bytes of opcodes."""

    def __missing__(self, code: bytes) -> bytes:
        made = self[code] = code.translate(_CLASSES, _UNCOUNTED)
        return made


_CLASSES_OF_ODD = _Classes(
    (row.encoded, (b"E" if row.mnemonic in FREE else b"b") if row.mnemonic in ENDS_BLOCK else b"") for row in _ODD
)


def ends_block(row: Instruction) -> bool:
    """Whether it is the last one of a block."""
    return row.mnemonic in ENDS_BLOCK


def quick_costs(body: bytes) -> list[int]:
    """What each block of a body costs for which patterns are enough; the entry counts to the first. There is
    one more behind the last ``end``."""
    if _MAYBE_ODD.search(body) is None:
        codes = b"".join(grammar.opcodes().findall(body)).translate(_CLASSES, _UNCOUNTED)
    else:
        codes = b"".join(map(_CLASSES_OF_ODD.__getitem__, grammar.opcodes(_ODD).findall(body)))
    costs = list(map(len, codes.replace(b"b", b"cE").split(b"E")))
    costs[0] += ENTRY
    return costs


def quick_blocks(body: bytes) -> list[bytes] | None:
    """The blocks of a body, or None where a closer look is needed."""
    found = grammar.pieces(ends_block).findall(body)
    return found if sum(map(len, found)) == len(body) else None


@cache
def _groups(special: frozenset[Instruction]) -> re.Pattern[bytes]:
    plain = grammar.pattern(row for row in INSTRUCTIONS if row not in special)
    ends = grammar.pattern(row for row in INSTRUCTIONS if row in special)
    return grammar.compiled(rb"((?:%s)*+)(%s|\Z)" % (plain, ends))


def cut(body: bytes, special: frozenset[Instruction]) -> tuple[list[tuple[bytes, bytes]], bool]:
    """The body as runs of other instructions, each with the special one behind it; there may be none behind the last.
    Also whether patterns were enough for this body."""
    if not special:
        return [(body, b"")], True
    found = _groups(special).findall(body)
    if sum(map(len, map(b"".join, found))) == len(body):
        return found, True
    pieces = []
    start = 0
    rows = list(instructions(body, 0, len(body)))
    for position, (offset, row, _) in enumerate(rows):
        if row in special:
            end = rows[position + 1][0] if position + 1 < len(rows) else len(body)
            pieces.append((body[start:offset], body[offset:end]))
            start = end
    pieces.append((body[start:], b""))
    return pieces, False


def costs(body: bytes, patterns: bool) -> list[int]:
    """What each block of a body costs; ``patterns`` says whether these are enough for it."""
    if patterns:
        return quick_costs(body)
    found = [ENTRY]
    for _, row, _ in instructions(body, 0, len(body)):
        if row.mnemonic not in FREE:
            found[-1] += 1
        if row.mnemonic in ENDS_BLOCK:
            found.append(0)
    return found


def unreached(body: bytes, offset: int) -> int:
    """What the rest of a block costs, behind the instruction at ``offset`` of a body."""
    rest = 0
    for at, row, _ in instructions(body, 0, len(body)):
        if at < offset:
            continue
        if at > offset and row.mnemonic not in FREE:
            rest += 1
        if row.mnemonic in ENDS_BLOCK:
            break
    return rest
