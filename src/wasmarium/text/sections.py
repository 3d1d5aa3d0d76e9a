"""Sections as they grow: entries with the tokens that they come from, expressions and segments."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

from wasmarium.binary.writing import write_data_segment, write_element_segment, write_instruction
from wasmarium.instructions.table import BY_MNEMONIC, Instruction
from wasmarium.leb128 import write_unsigned
from wasmarium.text.code import CodeReader
from wasmarium.text.reading import Space, is_index
from wasmarium.types import FUNC, FUNCREF, I64, ReferenceType, ValueType, reference

INDICES_TYPE = reference(False, FUNC)
"""The type of an element segment of function indices."""


class SectionBuffer:
    """The entries of a section, with the tokens that they come from."""

    __slots__ = ("content", "count", "marks", "offsets")

    def __init__(self) -> None:
        self.count = 0
        self.content = bytearray()
        self.offsets: list[int] = []
        self.marks: list[int] = []

    def begin(self, index: int) -> bytearray:
        """A new entry, made of token ``index``, begins at the end of what is returned."""
        self.count += 1
        self.offsets.append(len(self.content))
        self.marks.append(index)
        return self.content


@dataclass(slots=True)
class Expression:
    """A constant expression, with where its instructions begin and the tokens they come from."""

    code: bytes
    offsets: list[int]
    marks: list[int]


@dataclass(slots=True)
class FunctionBody:
    """Where in the code section a body is, and what its instructions come from."""

    start: int
    offsets: array[int]
    marks: array[int]


class SectionReader(CodeReader):
    """A reader that puts what it has read into sections."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.sections = {section: SectionBuffer() for section in (2, 3, 4, 5, 6, 7, 9, 10, 11, 13)}

    # ---- expressions ----

    def expression(self, stop: int) -> Expression:
        """The instructions up to token ``stop`` as a constant expression."""
        self.begin()
        self.locals = Space("local", "local")
        self.forget_locals()
        self.instructions(stop)
        return Expression(bytes(self.out), self.offsets, self.marks)

    def _one_folded(self) -> Expression:
        """An expression that is a single folded instruction."""
        if self.texts[self.position] != "(":
            raise self.unexpected()
        return self.expression(self.matching(self.position) + 1)

    def wrapped(self, keyword: str) -> Expression:
        """``(keyword expr)`` or a single folded instruction."""
        start = self.position
        if not self.enter(keyword):
            return self._one_folded()
        expression = self.expression(self.matching(start))
        self.expect(")")
        return expression

    def zero(self, address: ValueType, mark: int) -> Expression:
        """The expression for the offset 0, made up for what is at token ``mark``."""
        row = BY_MNEMONIC["i64.const" if address is I64 else "i32.const"][0]
        return self._made_up(row, 0, mark)

    def _made_up(self, row: Instruction, value: int, mark: int) -> Expression:
        code = bytearray()
        write_instruction(row, (value,), code)
        write_instruction(BY_MNEMONIC["end"][0], (), code)
        return Expression(bytes(code), [0, len(code) - 1], [mark, mark])

    def mark(self, section: int, end: int, expression: Expression) -> None:
        """``expression`` ends at ``end`` in the content of a section."""
        start = end - len(expression.code)
        buffer = self.sections[section]
        buffer.offsets.extend(start + offset for offset in expression.offsets)
        buffer.marks.extend(expression.marks)

    # ---- element segments ----

    def inline_elements(self, table: int, element: ReferenceType, address: ValueType, start: int) -> int:
        """The elements that a table is defined with, up to the parenthesis; how many there are."""
        items = self._element_items(element)
        self.expect(")")
        if element is FUNCREF and all(isinstance(item, int) for item in items):
            element = INDICES_TYPE
        self.segment("active", element, items, table, self.zero(address, start), start)
        return len(items)

    def _element_items(self, element: ReferenceType) -> list[int | Expression]:
        """Indices, or expressions; in a table of anything but functions, indices mean expressions."""
        items: list[int | Expression] = []
        if is_index(self.texts[self.position]):
            while is_index(self.texts[self.position]):
                start = self.position
                index = self.index(self.functions)
                if element is FUNCREF:
                    items.append(index)
                else:
                    items.append(self._made_up(BY_MNEMONIC["ref.func"][0], index, start))
            return items
        while self.texts[self.position] == "(":
            items.append(self.wrapped("item"))
        return items

    def function_indices(self) -> list[int | Expression]:
        """Any number of function indices."""
        items: list[int | Expression] = []
        while is_index(self.texts[self.position]):
            items.append(self.index(self.functions))
        return items

    def segment(
        self,
        mode: str,
        element: ReferenceType,
        items: list[int | Expression],
        table: int,
        place: Expression | None,
        start: int,
    ) -> None:
        """Add an element segment that comes from token ``start``; see ``write_element_segment``."""
        out = self.sections[9].begin(start)
        begin = len(out)
        codes = [item if isinstance(item, int) else item.code for item in items]
        write_element_segment(mode, element, codes, table, None if place is None else place.code, out)
        self._mark_place(9, begin, table, place)
        end = len(out) - sum(len(code) for code in codes if not isinstance(code, int))
        for item in items:
            if not isinstance(item, int):
                end += len(item.code)
                self.mark(9, end, item)

    def _mark_place(self, section: int, begin: int, index: int, place: Expression | None) -> None:
        """The expression for the offset of a segment that begins at ``begin``."""
        if place is None:
            return
        head = bytearray(1)
        # The flags are one byte; their second bit says that an index follows.
        if self.sections[section].content[begin] & 2:
            write_unsigned(index, head)
        self.mark(section, begin + len(head) + len(place.code), place)

    # ---- data segments ----

    def data_segment(self, data: bytes, memory: int, place: Expression | None, start: int) -> None:
        """Add a data segment that comes from token ``start``."""
        out = self.sections[11].begin(start)
        begin = len(out)
        write_data_segment(data, memory, None if place is None else place.code, out)
        self._mark_place(11, begin, memory, place)
