"""Putting code into functions: what passes ask for, and the code section that comes of it.

A *pass* is given a :class:`Plan` and says there what it wants where. Nothing that a body does is changed: what is
put in leaves the operand stack as it was. Where a pass asks only for payment of blocks, which is
what fuel needs, whole bodies are rewritten by a few calls of regular expressions; everything else goes piece
by piece. Both give the same bytes.

Places that trap or call stay where they are in the order of things, so a byte offset of the rewritten code has
one of the original: :meth:`Rewriting.original_offset`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Protocol

from wasmarium.binary.code import LocalGroups, read_locals
from wasmarium.binary.writing import write_locals
from wasmarium.instructions.fuel import ENDS_BLOCK
from wasmarium.instructions.table import BY_MNEMONIC, BY_OPCODE, INSTRUCTIONS, Instruction
from wasmarium.instrument import cutting
from wasmarium.instrument.additions import Additions, Place
from wasmarium.leb128 import read_u32, write_unsigned
from wasmarium.module import Module
from wasmarium.types import ValueType

Segment = tuple[int, bytes]
"""Code, and the length of the original for which it stands: 0 where it was put in."""

CALLS = frozenset(row for row in INSTRUCTIONS if row.mnemonic in ("call", "call_indirect", "call_ref"))
_CATCHES = frozenset(BY_MNEMONIC["catch"] + BY_MNEMONIC["catch_all"])
(_TRY_TABLE,) = BY_MNEMONIC["try_table"]
_LOOPS = frozenset(BY_MNEMONIC["loop"])
_GLOBALS = frozenset(BY_MNEMONIC["global.get"] + BY_MNEMONIC["global.set"])
_ENDS = frozenset(row for row in INSTRUCTIONS if row.mnemonic in ENDS_BLOCK)


class Frame:
    """The locals of one function, to which a pass may add."""

    def __init__(self, index: int, parameters: int, groups: LocalGroups) -> None:
        self.index = index
        self.groups = groups
        self._first = parameters + sum(count for count, _ in groups)
        self._taken: dict[tuple[ValueType, str], int] = {}

    def local(self, type: ValueType, name: str) -> int:
        """A local of this type that is used under this name; its index."""
        return self._taken.setdefault((type, name), self._first + len(self._taken))

    def header(self) -> bytes | None:
        """The declaration of all locals, or None where it is what it was."""
        if not self._taken:
            return None
        out = bytearray()
        write_locals([*self.groups, *((1, each) for each, _ in self._taken)], out)
        return bytes(out)


Around = Callable[[Frame, Instruction, bytes], tuple[bytes, bytes]]
"""Of an instruction in its bytes: what to put before it, and behind it."""


class Plan:
    """What passes want in a module; in the order in which they were asked."""

    def __init__(self, additions: Additions) -> None:
        self.additions = additions
        self.before_payment: list[Callable[[Frame], bytes]] = []
        """At the entry of a function, before anything is paid for."""
        self.payment: Callable[[int], bytes] | None = None
        """At the beginning of a block that costs so much; never 0."""
        self.entries: list[Callable[[Frame], bytes]] = []
        """At the entry of a function."""
        self.loops: list[bytes] = []
        """At the beginning of every turn of a loop."""
        self.blocks: list[Callable[[Frame, int], bytes]] = []
        """At the beginning of a block that costs something, which has this byte offset in the module."""
        self.returns: list[Callable[[Frame], bytes]] = []
        """Where a function goes on after a call, or after it caught something."""
        self.unlikely: dict[bytes, int] = {}
        """Code that is put in, and where in it an ``if`` stands whose condition hardly ever holds. A host that is
        told so keeps what is in registers there."""
        self.around: dict[Instruction, Around] = {}

    @property
    def module(self) -> Module:
        """The original."""
        return self.additions.module

    def surround(self, row: Instruction, around: Around) -> None:
        """Put code around an instruction, within what others have put there."""
        outer = self.around.get(row)
        if outer is None:
            self.around[row] = around
            return

        def both(frame: Frame, row: Instruction, code: bytes) -> tuple[bytes, bytes]:
            before, behind = outer(frame, row, code)
            inner_before, inner_behind = around(frame, row, code)
            return before + inner_before, inner_behind + behind

        self.around[row] = both

    @property
    def only_payment(self) -> bool:
        """Whether it has nothing but ``payment``."""
        others = (self.before_payment, self.entries, self.loops, self.blocks, self.returns, self.around)
        return not any(others) and self.additions.first_moved_global is None


class Pass(Protocol):
    """One kind of instrumentation."""

    def prepare(self, plan: Plan) -> None:
        """Add to the module what is needed, and say what code is to go where."""
        ...


class WatchingPass(Pass, Protocol):
    """One that writes down what happens, in what it adds: ``roles`` of areas, globals and tables."""

    @property
    def roles(self) -> tuple[str, ...]:
        """They are exported, the areas within one memory."""
        ...


class Rewriting:
    """The code of a module, rewritten as a plan says. ``content`` is that of its code section. It does not
    keep the module alive."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._landings = _landings(plan)
        self._counts = plan.payment is not None or bool(plan.blocks)
        self._special = self._specials()
        self._moves_globals = plan.additions.first_moved_global is not None
        self._rows = _Rows()
        self._turns = b"".join(plan.loops)
        self._starts: array[int]
        self.unlikely: dict[int, list[int]] = {}
        """By function: the offsets from its locals on of branches that are hardly ever taken."""
        self.content = self._write()

    @property
    def module(self) -> Module:
        """The original."""
        return self._plan.module

    def _specials(self) -> frozenset[Instruction]:
        """Where bodies are cut: there is something to be done at each of these."""
        plan = self._plan
        special = self._landings | frozenset(plan.around)
        if self._counts:
            special |= _ENDS
        if plan.loops:
            special |= _LOOPS
        if plan.additions.first_moved_global is not None:
            special |= _GLOBALS
        return special

    @property
    def areas(self) -> dict[str, Place]:
        """By their roles: where in the memory that was added passes write something down."""
        return self._plan.additions.areas

    # ---- all functions ----

    def _write(self) -> bytes:
        module = self.module
        out: list[bytes] = []
        count = bytearray()
        write_unsigned(len(module.codes), count)
        out.append(bytes(count))
        rewrite = self._quick if self._plan.only_payment and self._plan.payment is not None else self._piecewise
        payments = _Payments(self._plan.payment) if self._plan.payment is not None else {}
        own = module.imported_functions
        for number, (start, end) in enumerate(module.codes):
            header, body = rewrite(own + number, start, end, payments)
            size = bytearray()
            write_unsigned(len(header) + len(body), size)
            out += (bytes(size), header, body)
        positions = list(accumulate(map(len, out)))
        self._starts = array("Q", positions[1::3])
        return b"".join(out)

    def _quick(self, index: int, start: int, end: int, payments: Mapping[int, bytes]) -> tuple[bytes, bytes]:
        data = self.module.data
        at = _behind_locals(data, start)
        body = data[at:end]
        blocks = cutting.quick_blocks(body)
        if blocks is None:
            return self._piecewise(index, start, end, payments)
        costs = cutting.quick_costs(body)
        costs.pop()
        pieces: list[bytes] = [b""] * (2 * len(blocks))
        pieces[::2] = map(payments.__getitem__, costs)
        pieces[1::2] = blocks
        return data[start:at], b"".join(pieces)

    def _piecewise(self, index: int, start: int, end: int, payments: Mapping[int, bytes]) -> tuple[bytes, bytes]:
        frame, at = self._frame(index, start, end)
        segments = self._segments(frame, at, end, payments)
        body = b"".join([code for _, code in segments])
        header = frame.header() or self.module.data[start:at]
        if self._plan.unlikely:
            self._hint(index, len(header), segments)
        return header, body

    def _hint(self, index: int, position: int, segments: Sequence[Segment]) -> None:
        """Note where in a function there are branches that are hardly ever taken."""
        places = []
        for length, code in segments:
            if not length and code:
                for unlikely, at in self._plan.unlikely.items():
                    found = code.find(unlikely)
                    if found >= 0:
                        places.append(position + found + at)
            position += len(code)
        if places:
            self.unlikely[index] = sorted(places)

    def _frame(self, index: int, start: int, end: int) -> tuple[Frame, int]:
        groups, at = read_locals(self.module.data, start, end)
        return Frame(index, len(self.module.function_type(index).parameters), groups), at

    # ---- one function ----

    def _segments(self, frame: Frame, at: int, end: int, payments: Mapping[int, bytes]) -> list[Segment]:
        plan = self._plan
        body = self.module.data[at:end]
        pieces, patterns = cutting.cut(body, self._special)
        costs = iter(cutting.costs(body, patterns)) if self._counts else None
        segments: list[Segment] = [(0, self._entry(frame, at, costs, payments))]
        put = segments.append
        rows, special_rows, arounds, landings = self._rows, self._special, plan.around, self._landings
        for run, special in pieces:
            if run:
                put((len(run), run))
            if not special:
                # the last piece, where its end is nothing special
                break
            at += len(run) + len(special)
            row = rows[special]
            behind = b""
            if row in arounds:
                before, behind = arounds[row](frame, row, special)
                if before:
                    put((0, before))
                put((len(special), special))
            elif self._moves_globals and row in _GLOBALS:
                put((len(special), self._moved_global(special)))
            else:
                put((len(special), special))
            if row in _ENDS and at < end and row in special_rows:
                cost = next(costs) if costs is not None else 0
                if cost or row in landings or row in _LOOPS:
                    behind += self._behind(frame, row, at, cost, payments)
            if behind:
                put((0, behind))
        return segments

    def _entry(self, frame: Frame, at: int, costs: Iterator[int] | None, payments: Mapping[int, bytes]) -> bytes:
        """What goes to the beginning of a function whose body begins at ``at``."""
        plan = self._plan
        made = [make(frame) for make in plan.before_payment]
        if costs is not None:
            cost = next(costs)
            if plan.payment is not None:
                made.append(payments[cost])
        made += [make(frame) for make in plan.entries]
        made += [cover(frame, at) for cover in plan.blocks]
        return b"".join(made)

    def _behind(self, frame: Frame, row: Instruction, at: int, cost: int, payments: Mapping[int, bytes]) -> bytes:
        """What goes between a block that ended with ``row`` and the next, at offset ``at``."""
        plan = self._plan
        made = []
        if row in self._landings:
            made += [make(frame) for make in plan.returns]
        if cost and plan.payment is not None:
            made.append(payments[cost])
        if row in _LOOPS:
            made.append(self._turns)
        if cost:
            made += [cover(frame, at) for cover in plan.blocks]
        return b"".join(made)

    def _moved_global(self, special: bytes) -> bytes:
        index, _ = read_u32(special, 1)
        first = self._plan.additions.first_moved_global
        assert first is not None
        out = bytearray(special[:1])
        write_unsigned(index + (index >= first), out)
        return bytes(out)

    # ---- back to the original ----

    def original_offset(self, index: int, offset: int) -> int:
        """The offset in the original module of a byte of function ``index``, given its offset in ``content``.
        For one that was put in that of the next original instruction."""
        original, length, within = self._find(index, offset)
        return original + max(0, min(within, length - 1))

    def was_added(self, index: int, offset: int) -> bool:
        """Whether the byte of function ``index`` at this offset in ``content`` is one that was put in."""
        return self._find(index, offset)[1] == 0

    def _find(self, index: int, offset: int) -> tuple[int, int, int]:
        """The segment that has an offset: where it begins in the original, its length there, and how far
        within the offset is."""
        module = self.module
        number = index - module.imported_functions
        start, end = module.codes[number]
        frame, at = self._frame(index, start, end)
        payments = _Payments(self._plan.payment) if self._plan.payment is not None else {}
        segments = self._segments(frame, at, end, payments)
        header = frame.header()
        here = self._starts[number] + (at - start if header is None else len(header))
        for length, code in segments:
            if offset < here + len(code):
                return at, length, offset - here
            here += len(code)
            at += length
        return at, 0, 0

    def function_at(self, offset: int) -> int:
        """The function that has this offset in ``content``."""
        return bisect_right(self._starts, offset) - 1 + self.module.imported_functions


class _Payments(dict[int, bytes]):
    """The code that pays, by what is to be paid."""

    def __init__(self, make: Callable[[int], bytes]) -> None:
        super().__init__({0: b""})
        self._make = make

    def __missing__(self, cost: int) -> bytes:
        made = self[cost] = self._make(cost)
        return made


def _landings(plan: Plan) -> frozenset[Instruction]:
    """Behind what ``plan.returns`` is to go. What a try_table catches may come to any label."""
    if not plan.returns:
        return frozenset()
    found = CALLS | _CATCHES
    if any(plan.module.data.find(_TRY_TABLE.encoded, start, end) >= 0 for start, end in plan.module.codes):
        found |= _LOOPS | frozenset(BY_MNEMONIC["end"])
    return found


class _Rows(dict[bytes, Instruction]):
    """The rows of instructions, by their bytes."""

    def __missing__(self, code: bytes) -> Instruction:
        row = BY_OPCODE.get(code[0])
        if row is None:
            number, _ = read_u32(code, 1)
            row = BY_OPCODE[code[0] << 12 | number]
        self[code] = row
        return row


def _behind_locals(data: bytes, start: int) -> int:
    """The position of the body of a code entry."""
    if not data[start]:
        return start + 1
    _, at = read_locals(data, start, len(data))
    return at
