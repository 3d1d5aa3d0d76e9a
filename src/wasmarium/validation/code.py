"""Validation of function bodies (specification, section 3.4 and the algorithm of its appendix).

Every instruction has one rule (see ``machine.Rule``), which is exact about decoding and typing. The
loop over a body is a shortcut in front of the rules: it walks over the bytes with an iterator, and
where the commonest instructions have small immediates and exactly the operands that they expect,
the table of :func:`_shortcuts` says all there is to do. Whatever is not so plain is decoded and
judged by its rule. So nothing is written for speed that could refuse a module or word a message.
"""

# ruff: noqa: B007  (`for byte in iterator: break` is the fastest way to read one byte)

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import accumulate
from operator import length_hint
from typing import Any, overload

from wasmarium.binary.code import instruction_at, read_instruction, read_locals
from wasmarium.errors import Location, Malformed
from wasmarium.features import Features
from wasmarium.instructions import immediates as imm
from wasmarium.instructions.table import BY_MNEMONIC, INSTRUCTIONS, PREFIXES, Instruction
from wasmarium.leb128 import read_u32
from wasmarium.module import Code
from wasmarium.types import I32, ValueType
from wasmarium.validation import aggregates, control, diagnostics, plain
from wasmarium.validation.context import Context, Signature, Types, feature_of
from wasmarium.validation.machine import ABYSS, FLOOR, NOTHING, Machine, Rule, new_frame

MAXIMUM_LOCALS = 50_000
_FEW_LOCALS = 1000

_RULES: dict[str, Rule] = {**plain.RULES, **aggregates.RULES, **control.RULES}
RULES: dict[Instruction, Rule] = {
    row: _RULES[row.mnemonic] if row.mnemonic in _RULES else plain.KINDS[row.kind] for row in INSTRUCTIONS
}
"""The rule of every instruction."""


class RunLengthLocals(Sequence[ValueType]):
    """The types of very many locals: a few bytes can declare 50,000 of them in each of many bodies."""

    def __init__(self, groups: Sequence[tuple[int, ValueType]]) -> None:
        self._types = [value for _, value in groups]
        self._ends = list(accumulate(count for count, _ in groups))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> ValueType: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ValueType]: ...
    def __getitem__(self, index: int | slice) -> ValueType | Sequence[ValueType]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self._types[bisect_right(self._ends, index)]


# ---- the shortcuts ----

_Shortcut = tuple[int, Any, Any, Any]
_KINDS = tuple(range(15))
(_GET, _CONST, _TEE, _SET, _LOAD, _STORE, _TYPED, _BR_IF, _BLOCK, _INDEX) = _KINDS[:10]
"""Kinds of instructions that one byte of an immediate is read for at once. ``typed`` is what has a
type by its index: calls, globals, and after a prefix most instructions."""
(_BINARY, _UNARY, _END, _PLAIN, _SLOW) = _KINDS[10:]
_BY_MNEMONIC = {
    "local.get": _GET,
    "local.set": _SET,
    "local.tee": _TEE,
    "br_if": _BR_IF,
    "end": _END,
}
_BLOCKS = tuple(BY_MNEMONIC[mnemonic][0] for mnemonic in ("block", "loop", "if"))
# How many bytes an integer has if its value cannot be too large, and what the one byte more may be.
_LENGTHS = {
    imm.I32_CONST: (4, frozenset((*range(0x08), *range(0x78, 0x80)))),
    imm.I64_CONST: (9, frozenset((0x00, 0x7F))),
}


def _shortcuts(context: Context) -> list[_Shortcut]:
    """By opcode: a kind and three things that it needs, as the loop of ``_walk`` takes them."""
    table = list(_common_shortcuts(context.features, bool(context.memories) and context.memories[0].address is I32))
    for row in _BLOCKS:
        table[row.opcode] = _BLOCK, row.mnemonic, _block_types(context), row.mnemonic == "if"
    readable: list[Signature | None] = [([], [kind.content]) for kind in context.globals]
    settable: list[Signature | None] = [([kind.content], []) if kind.mutable else None for kind in context.globals]
    for mnemonic, types in (("call", context.functions), ("global.get", readable), ("global.set", settable)):
        table[BY_MNEMONIC[mnemonic][0].opcode] = _TYPED, types, None, None
    return table


@cache
def _common_shortcuts(features: Features, memory32: bool) -> tuple[_Shortcut, ...]:
    """The shortcuts that modules share if they have a memory of 32 bits, or if they have none."""
    table: list[_Shortcut] = [(_SLOW, None, None, None)] * 256
    for row in INSTRUCTIONS:
        if row.opcode > 0xFF or row.feature not in features:
            continue
        arity = len(row.parameters), len(row.results)
        shortcut: _Shortcut | None = None
        if row.mnemonic in _BY_MNEMONIC:
            shortcut = _BY_MNEMONIC[row.mnemonic], None, None, row
        elif row.kind == "const" and row.immediates[0] in _LENGTHS:
            shortcut = _CONST, *_LENGTHS[row.immediates[0]], row.results[0]
        elif row.kind == "simple" and arity == (1, 1):
            shortcut = _UNARY, row.parameters[0], None, row.results[0]
        elif row.kind == "simple" and arity == (2, 1):
            shortcut = _BINARY, row.parameters[0], row.parameters[1], row.results[0]
        elif row.kind in ("load", "store"):
            # Memory arguments of 64-bit memories may be longer, which their rules know.
            if memory32:
                value = row.results[0] if row.kind == "load" else row.parameters[0]
                shortcut = _LOAD if row.kind == "load" else _STORE, I32, row.width.bit_length(), value
        elif len(row.immediates) == 1 and row.immediates[0].read is read_u32:
            shortcut = _INDEX, RULES[row], row, None
        elif not row.immediates:
            shortcut = _PLAIN, RULES[row], row, None
        if shortcut is not None:
            table[row.opcode] = shortcut
    for prefix in PREFIXES:
        table[prefix] = _TYPED, _prefixed(features, prefix), None, None
    return tuple(table)


def _prefixed(features: Features, prefix: int) -> list[Signature | None]:
    """Types of the instructions behind a prefix, where they are simple and without immediates."""
    found: list[Signature | None] = []
    for row in INSTRUCTIONS:
        code = row.opcode & 0xFFF
        simple = row.kind == "simple" and not row.immediates
        if row.opcode >> 12 == prefix and simple and row.feature in features:
            found += [None] * (code + 1 - len(found))
            found[code] = plain.signature_of(row)
    return found


def _block_types(context: Context) -> dict[int, Types]:
    """Results of a block by its block type, for those of one byte and without parameters."""
    found: dict[int, Types] = {0x40: []}
    for code, value in imm.VALUE_TYPE_CODES.items():
        if feature_of(value) in context.features:
            found[code] = [value]
    if "multi-value" in context.features:
        for index, signature in enumerate(context.signatures[:0x40]):
            if signature is not None and not signature[0]:
                found[index] = signature[1]
    return found


class CodeValidator(Machine):
    """Validates one body after the other; all of a module's when :meth:`validate` was called for all."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._shortcuts = _shortcuts(context)
        self._function = 0
        self._all_defaultable = True
        self._start = self._end = 0
        self._body = b""
        self._bytes: Iterator[int] = iter(b"")

    def here(self) -> Location:
        """The place of the instruction at hand: the one that holds the byte read last."""
        last = self._start + len(self._body) - length_hint(self._bytes) - 1
        return self._place(last)

    def _place(self, offset: int) -> Location:
        module = self.context.module
        try:
            index, row, offset = instruction_at(module.data, self._start, self._end, offset, self.context.features)
        except Malformed as error:
            error.location = self._entry(error.location)
            raise
        mnemonic = None if row is None else row.mnemonic
        return self._entry(Location(instruction=index, mnemonic=mnemonic, offset=offset))

    def _last_instruction(self) -> int:
        """Where the last instruction begins, if it is whole."""
        offset = self._place(self._end - 1).offset
        assert offset is not None
        return offset

    def _entry(self, location: Location) -> Location:
        """``location`` with the function named."""
        name = self.context.module.names.functions.get(self._function)
        return replace(location, section="code", function=self._function, function_name=name)

    def validate(self, function: int, code: Code) -> None:
        """Check the body of the function with this index."""
        self._begin(function, code, code.end)
        try:
            self._walk()
        except Malformed as error:
            if error.location.function is None:
                # Decoding knows no more than the offset; looking for the place fails there again.
                self._place(code.end)
            raise
        left = length_hint(self._bytes)
        if self.frames:
            raise diagnostics.end_expected(self._place(code.end))
        if left:
            raise diagnostics.body_too_long(self._place(code.end - left), left)

    def operands(self, function: int, code: Code, offset: int) -> list[ValueType]:
        """The types on the operand stack where the instruction at ``offset`` in a valid body begins, the topmost
        last; out of code that cannot be reached, those that are known."""
        self._begin(function, code, offset)
        self._walk()
        return [each for each in self.stack if each is not FLOOR and each is not ABYSS]

    def _begin(self, function: int, code: Code, end: int) -> None:
        self._function = function
        parameters, results = self.context.functions[function]
        start = self._declare_locals(parameters, code)
        self._start, self._end = start, end
        self._body = self.context.module.data[start:end]
        self._bytes = iter(self._body)
        self.stack.clear()
        self.frames.clear()
        self.open("function", ([], results))

    def _declare_locals(self, parameters: Types, code: Code) -> int:
        """Set the locals of a body that is about to be checked; where its instructions begin."""
        context = self.context
        self.set_locals.clear()
        self.parameters = len(parameters)
        self._all_defaultable = True
        data = context.module.data
        if code.end > code.start and data[code.start] == 0:
            self.locals = parameters
            return code.start + 1

        def where() -> Location:
            return self._entry(Location(offset=code.start))

        try:
            groups, position = read_locals(data, code.start, code.end)
        except Malformed as error:
            error.location = self._entry(error.location)
            raise
        count = len(parameters) + sum(number for number, _ in groups)
        if count > MAXIMUM_LOCALS:
            raise diagnostics.too_many_locals(where(), count, MAXIMUM_LOCALS)
        closed = [(number, context.close(value, where)) for number, value in groups]
        if count <= _FEW_LOCALS:
            types = parameters[:]
            for number, value in closed:
                types += [value] * number
            self.locals = types
        else:
            self.locals = RunLengthLocals([*((1, value) for value in parameters), *closed])
        self._all_defaultable = all(value.defaultable for _, value in closed)
        return position

    def _walk(self) -> None:
        """Check the instructions up to the ``end`` of the function, or to the end of the body."""
        get, const, tee, set_, load, store, typed, br_if, block, _, binary, unary, end, plain_, _ = _KINDS
        context, frames, stack, shortcuts = self.context, self.frames, self.stack, self._shortcuts
        set_locals = self.set_locals
        push, pop = stack.append, stack.pop
        iterator: Any = self._bytes
        local_types = self.locals
        # With locals that must be set first, all access to locals goes by the rules.
        known = min(len(local_types), 0x80) if self._all_defaultable else 0
        local_types = local_types[:known]
        start, size = self._start, len(self._body)
        bounded = memoryview(context.module.data)[: self._end]
        byte = 0
        for opcode in iterator:
            kind, first, second, result = shortcuts[opcode]
            if kind < binary:
                for byte in iterator:
                    break
                consumed = 2
                if kind == get:
                    if byte < known:
                        push(local_types[byte])
                        continue
                elif kind == const:
                    if byte < 0x80:
                        push(result)
                        continue
                    more = first - 1
                    for byte in iterator:
                        if byte < 0x80:
                            break
                        more -= 1
                    if more > 0 or (more == 0 and byte in second):
                        push(result)
                        continue
                    consumed = 2 + first - more
                elif kind == tee:
                    if byte < known and stack[-1] is local_types[byte]:
                        continue
                elif kind == set_:
                    if byte < known and stack[-1] is local_types[byte]:
                        pop()
                        continue
                elif kind <= store:
                    if byte < second:
                        more = 4
                        for byte in iterator:
                            if byte < 0x80:
                                break
                            more -= 1
                        if more > 0:
                            if kind == load:
                                if stack[-1] is first:
                                    stack[-1] = result
                                    continue
                            elif stack[-1] is result and stack[-2] is first:
                                del stack[-2:]
                                continue
                        consumed = 7 - more
                elif kind == typed:
                    if byte > 0x7F:
                        index = byte - 0x80
                        for byte in iterator:
                            break
                        byte = index + (byte << 7) if byte < 0x80 else len(first)
                        consumed = 3
                    if byte < len(first):
                        signature = first[byte]
                        if signature is not None:
                            self.apply(signature)
                            continue
                elif kind == br_if:
                    if byte < len(frames) and byte < 0x80 and stack[-1] is I32 and not frames[~byte].label:
                        pop()
                        continue
                elif kind == block:
                    if byte in second:
                        if result:
                            self.expect(I32)
                        results = second[byte]
                        label = [] if first == "loop" else results
                        frames.append(new_frame((first, label, [], results, len(stack), len(set_locals))))
                        push(FLOOR)
                        continue
                elif byte < 0x80:
                    signature = first(self, second, byte)
                    if signature is not NOTHING:
                        self.apply(signature)
                    continue
            else:
                consumed = 1
                if kind == binary:
                    if stack[-1] is second and stack[-2] is first:
                        pop()
                        stack[-1] = result
                        continue
                elif kind == unary:
                    if stack[-1] is first:
                        stack[-1] = result
                        continue
                elif kind == end:
                    _, _, parameters, results, _, _ = frames[-1]
                    if (stack[-1] is FLOOR or stack[-1] is ABYSS) and not results and not parameters and not set_locals:
                        pop()
                        frames.pop()
                    else:
                        control.end(self, result)
                    if frames:
                        continue
                    return
                elif kind == plain_:
                    signature = first(self, second)
                    if signature is not NOTHING:
                        self.apply(signature)
                    continue
            left = length_hint(iterator)
            # When the bytes ran out, the immediates may have been shorter than they had to be.
            position = start + size - left - consumed if left else self._last_instruction()
            row, immediates, position = read_instruction(bounded, position, context.features)
            signature = RULES[row](self, row, *immediates)
            if signature is not NOTHING:
                self.apply(signature)
            iterator.__setstate__(position - start)
            if not frames:
                return
