"""What every reader of the binary format needs: a position that moves, and the ways to fail.

A reader may run beyond its section into the rest of the module; whoever called it compares the
position with the declared size afterwards. That is how the specification's own decoder works, and
its test suite expects the messages which come of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from wasmarium.errors import Location, Malformed, Unsupported, WasmError
from wasmarium.features import Features
from wasmarium.instructions.table import BY_MNEMONIC, BY_OPCODE, INSTRUCTIONS, PREFIXES, Instruction
from wasmarium.leb128 import UNEXPECTED_END, Bytes, read_u32, read_unsigned

MAXIMUM_COUNT = 1_000_000
"""Most entries of any one section, the limit that browsers set as well (JavaScript API, "limits").

It bounds the memory that a hostile module can make its decoded form take.
"""


def malformed(message: str, offset: int) -> Malformed:
    """Malformed at ``offset`` of the module; the section is added by :func:`in_section`."""
    return Malformed(message, Location(offset=offset))


def switched_off(message: str, what: str, feature: str, offset: int) -> Malformed:
    """What the grammar without ``feature`` says (``message``), and the feature that would help."""
    return malformed(f"{message}: {what} needs the feature {feature!r}, which is switched off", offset)


def in_section(error: WasmError, section: str | None) -> WasmError:
    """``error`` with its section named, unless it names one already."""
    if error.location.section is None:
        error.location = replace(error.location, section=section)
    return error


def read_opcode(data: Bytes, position: int, features: Features) -> tuple[Instruction, int]:
    """The row of the instruction at ``position`` and where its immediates begin.

    Malformed with "illegal opcode" when there is none, or when ``features`` lacks what brings it.
    """
    if position >= len(data):
        raise malformed(UNEXPECTED_END, position)
    opcode = data[position]
    end = position + 1
    if opcode in PREFIXES:
        code, end = read_u32(data, end)
        # A row has twelve bits for it; a greater code must not look like one with a longer prefix.
        opcode = opcode << 12 | code if code < 0x1000 else -1
    row = BY_OPCODE.get(opcode)
    if row is None or row.feature not in features:
        shown = f"{data[position]:02x}"
        if data[position] in PREFIXES:
            shown += f" {read_u32(data, position + 1)[0]:02x}"
        if row is None:
            raise malformed(f"illegal opcode {shown}", position)
        raise switched_off(f"illegal opcode {shown}", row.mnemonic, row.feature, position)
    return row, end


_END, _DELEGATE = BY_MNEMONIC["end"][0], BY_MNEMONIC["delegate"][0]
_DIVIDING = frozenset(BY_MNEMONIC[name][0] for name in ("else", "catch", "catch_all"))
_OPENING = frozenset(row for row in INSTRUCTIONS if row.opens_block)


def skip_expression(data: Bytes, position: int, features: Features) -> int:
    """Where the expression at ``position`` ends: behind the ``end`` that closes it (section 5.4.9).

    Blocks are counted, not nested, so their depth costs nothing.
    """
    depth = 0
    while True:
        row, end = read_opcode(data, position, features)
        for immediate in row.immediates:
            _, end = immediate.read(data, end)
        if row in _OPENING:
            depth += 1
        elif row is _END or row is _DELEGATE:
            if depth == 0:
                break
            depth -= 1
        elif depth == 0 and row in _DIVIDING:
            break
        position = end
    if row is not _END:
        raise malformed(f"END opcode expected, found {row.mnemonic}", position)
    return end


_Entry = TypeVar("_Entry")


class Cursor:
    """A position in the bytes of a module. Every method reads there and moves on."""

    def __init__(self, data: bytes, position: int, features: Features) -> None:
        self.data = data
        self.position = position
        self.features = features

    def byte(self) -> int:
        """One byte."""
        position = self.position
        if position >= len(self.data):
            raise malformed(UNEXPECTED_END, position)
        self.position = position + 1
        return self.data[position]

    def u32(self) -> int:
        """An unsigned integer of 32 bits."""
        value, self.position = read_u32(self.data, self.position)
        return value

    def u64(self) -> int:
        """An unsigned integer of 64 bits."""
        value, self.position = read_unsigned(self.data, self.position, 64)
        return value

    def length(self) -> int:
        """How many bytes or entries (of one byte or more) follow; never more than there are."""
        position = self.position
        value, self.position = read_u32(self.data, position)
        # Counted from the length itself, as the specification's decoder does.
        if value > len(self.data) - position:
            raise malformed("length out of bounds", position)
        return value

    def count(self, what: str) -> int:
        """A length of a vector of ``what``, within the limit of this implementation."""
        position = self.position
        value = self.length()
        if value > MAXIMUM_COUNT:
            raise Unsupported(f"too many {what}: {value}, the limit is {MAXIMUM_COUNT}", Location(offset=position))
        return value

    def vector(self, what: str, entry: Callable[[], _Entry]) -> tuple[_Entry, ...]:
        """A vector of ``what``, each read by ``entry``."""
        return tuple([entry() for _ in range(self.count(what))])

    def skip(self, count: int) -> int:
        """Pass ``count`` bytes that must be there; where they begin."""
        start = self.position
        if count > len(self.data) - start:
            raise malformed(UNEXPECTED_END, start)
        self.position = start + count
        return start

    def name(self) -> str:
        """A name: UTF-8 with its length before it (section 5.2.4)."""
        length = self.length()
        start = self.skip(length)
        try:
            return self.data[start : start + length].decode()
        except UnicodeDecodeError as error:
            raise malformed("malformed UTF-8 encoding", start + error.start) from None

    def need(self, feature: str, message: str, what: str, offset: int) -> None:
        """Malformed unless ``feature`` is on; see :func:`switched_off`."""
        if feature not in self.features:
            raise switched_off(message, what, feature, offset)
