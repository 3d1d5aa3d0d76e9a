"""Printing instructions: function bodies line by line, constant expressions in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wasmarium.binary.code import LocalGroups, instructions, read_locals
from wasmarium.errors import Location, Malformed, Unsupported
from wasmarium.instructions import immediates as imm
from wasmarium.instructions.table import BY_MNEMONIC, INSTRUCTIONS, Instruction
from wasmarium.module import Code, Expression, Module
from wasmarium.text.annotations import BRANCH_HINTS
from wasmarium.text.immediates import show_immediates, show_value_type
from wasmarium.text.naming import Identifiers, ModuleNamer, show_identifier
from wasmarium.types import FunctionType, ValueType

MAXIMUM_LOCALS = 50_000
"""Most locals that a function is printed with, the limit that browsers set (JavaScript API, "limits").

A few bytes can declare 2^32 of them, and the text format names each one.
"""

_INDENT = "  "
# Nesting beyond this is not indented any more: it would be more spaces than code.
_DEEPEST = 40

_END = BY_MNEMONIC["end"][0]
# The rows of what may separate parts of a block, with the openers that it may stand in.
_PARTS = {
    BY_MNEMONIC[part][0]: frozenset(openers.split())
    for part, openers in {"else": "if", "catch": "try catch", "catch_all": "try catch", "delegate": "try"}.items()
}
_OPENERS = frozenset(row for row in INSTRUCTIONS if imm.BLOCK_TYPE in row.immediates)
_STRUCTURE = _OPENERS | _PARTS.keys() | {_END}
_LABELLED = frozenset(
    row for row in INSTRUCTIONS if not {imm.LABEL, imm.LABELS, imm.CAST, imm.CATCHES}.isdisjoint(row.immediates)
)
_BARE = {row: row.mnemonic for row in INSTRUCTIONS if not row.immediates and row not in _STRUCTURE}

Lines = Iterator[tuple[int | None, str]]
"""Lines without their newline, each with the byte offset of the instruction in it, if there is one."""


def _broken(message: str, offset: int) -> Malformed:
    return Malformed(message, Location(offset=offset))


class CodePrinter:
    """Prints the instructions of one module."""

    def __init__(self, module: Module, namer: ModuleNamer, hints: Mapping[int, bool]) -> None:
        """``hints``: what branch hints say, by the byte offset of the branch in the module."""
        self.module = module
        self.namer = namer
        self.hints = hints
        self._shown: dict[tuple[Instruction, tuple[Any, ...]], str] = {}

    # ---- functions ----

    def function(self, index: int, indent: str) -> Lines:
        """``(func ...)`` for a function of the module's own, over several lines."""
        module, namer = self.module, self.namer
        code = module.codes[index - module.imported_functions]
        groups, start = read_locals(module.data, code.start, code.end)
        type_index = module.all_functions[index]
        function = namer.function_type(type_index) or FunctionType((), ())
        locals_ = self._locals(index, function, groups)
        head = f"{indent}(func {self.define('func', index)} (type {namer.index('type', type_index)})"
        head += self.signature(function, locals_)
        lines = self._body(index, start, code.end, f"{indent}  ")
        first = len(function.parameters)
        types = [value for count, value in groups for _ in range(count)]
        yield None, head
        for line in self._variables("local", types, first, locals_):
            yield None, f"{indent}  {line}"
        yield from lines
        yield None, f"{indent})"

    def _locals(self, index: int, function: FunctionType, groups: LocalGroups) -> Identifiers:
        count = sum(number for number, _ in groups)
        if count > MAXIMUM_LOCALS:
            raise Unsupported(
                f"too many locals to print: {count}, the limit is {MAXIMUM_LOCALS}", Location(function=index)
            )
        names = self.module.names.locals.get(index, {})
        identifiers = Identifiers(names, count + len(function.parameters))
        self.namer.spaces["local"] = identifiers
        return identifiers

    def define(self, keyword: str, index: int) -> str:
        """What stands behind the keyword where something is defined: identifier, name, number."""
        binding = self.namer.spaces[keyword].binding(index)
        return f"{binding} (;{index};)" if binding else f"(;{index};)"

    def signature(self, function: FunctionType, names: Identifiers) -> str:
        shown = list(self._variables("param", function.parameters, 0, names))
        shown.extend(self._variables("result", function.results, 0, Identifiers({}, 0)))
        return "".join(f" {text}" for text in shown)

    def _variables(self, keyword: str, types: Sequence[ValueType], first: int, names: Identifiers) -> Iterator[str]:
        """``(keyword ...)`` for variables number ``first`` and on; those without a name together."""
        unnamed: list[str] = []
        for index, value in enumerate(types, first):
            shown = show_value_type(value, self.namer)
            if index in names:
                if unnamed:
                    yield f"({keyword} {' '.join(unnamed)})"
                    unnamed = []
                yield f"({keyword} {names.binding(index)} {shown})"
            else:
                unnamed.append(shown)
        if unnamed:
            yield f"({keyword} {' '.join(unnamed)})"

    def type_use(self, index: int, function: int | None = None) -> str:
        """``(type x)`` with parameters and results; ``function`` is the one whose names they have."""
        shown = f"(type {self.namer.index('type', index)})"
        signature = self.namer.function_type(index)
        if signature is None:
            return shown
        names = {} if function is None else self.module.names.locals.get(function, {})
        return shown + self.signature(signature, Identifiers(names, len(signature.parameters)))

    # ---- instructions ----

    def _body(self, function: int | None, start: int, end: int, indent: str) -> Lines:
        """The lines of a body, or of an expression (``function`` None), which has no comments."""
        names = {} if function is None else self.module.names.labels.get(function, {})
        blocks = 0
        # Rows of the blocks that are open; a part takes the place of its opener.
        open_blocks: list[Instruction] = []
        namer, hints, shown = self.namer, self.hints, self._shown
        shown.clear()
        namer.labels.clear()
        namer.label_depths.clear()
        outer, closed = indent, False
        for offset, row, values in instructions(self.module.data, start, end):
            if closed:
                raise _broken("unexpected instruction behind the end of a function", offset)
            if hints and offset in hints:
                yield None, f'{indent}(@{BRANCH_HINTS} "\\0{int(hints[offset])}")'
            line = _BARE.get(row)
            if line is not None:
                yield offset, indent + line
            elif row not in _STRUCTURE:
                if row in _LABELLED:
                    yield offset, f"{indent}{row.mnemonic} {show_immediates(row, values, namer)}"
                    continue
                line = shown.get((row, values))
                if line is None:
                    immediates = show_immediates(row, values, namer)
                    line = shown[row, values] = f"{row.mnemonic} {immediates}" if immediates else row.mnemonic
                yield offset, indent + line
            elif row in _OPENERS:
                name = names.get(blocks)
                blocks += 1
                line = self._opener(row, values, name)
                if name is None and function is not None:
                    line += f" ;; label = @{len(namer.labels)}"
                yield offset, indent + line
                open_blocks.append(row)
                indent = self._indent(outer, open_blocks)
            elif not open_blocks:
                if row is not _END:
                    raise _broken(f"unexpected {row.mnemonic} outside of any block", offset)
                closed = True
            else:
                if row is _END or row.mnemonic == "delegate":
                    namer.pop_label()
                if row is not _END and open_blocks[-1].mnemonic not in _PARTS[row]:
                    raise _broken(f"unexpected {row.mnemonic} in {open_blocks[-1].mnemonic}", offset)
                immediates = show_immediates(row, values, namer)
                open_blocks.pop()
                indent = self._indent(outer, open_blocks)
                yield offset, f"{indent}{row.mnemonic}{' ' if immediates else ''}{immediates}"
                if row is not _END and row.mnemonic != "delegate":
                    open_blocks.append(row)
                    indent = self._indent(outer, open_blocks)
        if not closed:
            raise _broken("unexpected end of section or function", end)

    @staticmethod
    def _indent(outer: str, open_blocks: list[Instruction]) -> str:
        return outer + _INDENT * min(len(open_blocks), _DEEPEST)

    def _opener(self, row: Instruction, values: tuple[Any, ...], name: str | None) -> str:
        namer = self.namer
        label = show_identifier(name) if name else ""
        parts = [row.mnemonic, label, '(@name "")' if name == "" else "", show_immediates(row, values, namer)]
        namer.push_label(label)
        return " ".join(filter(None, parts))

    def expression(self, expression: Expression) -> tuple[str, int]:
        """A constant expression without its ``end`` in one line, and its number of instructions."""
        self.namer.spaces["local"] = Identifiers({}, 0)
        shown: list[str] = []
        for _, line in self._body(None, expression.start, expression.end, ""):
            shown.append(line.strip())
        return " ".join(shown), len(shown)

    def wrapped(self, keyword: str, expression: Expression) -> str:
        """``(keyword expr)``, or the one instruction folded."""
        shown, count = self.expression(expression)
        return f"({shown})" if count == 1 else f"({keyword} {shown})" if shown else f"({keyword})"


def body_of(module: Module, index: int) -> Code | None:
    """The code of a function, None when it is imported or there is none."""
    own = index - module.imported_functions
    return module.codes[own] if 0 <= own < len(module.codes) else None
