"""Which place of the text the bytes of a module come from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace

from wasmarium.errors import Location
from wasmarium.text.lexer import Tokens


class SourceMap:
    """For every instruction, and every entry of a section, the token that it was made of.

    It is kept in pieces, one per function or section, each with offsets that rise from its start.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._pieces: list[tuple[int, Sequence[int], Sequence[int]]] = []

    def add(self, start: int, offsets: Sequence[int], marks: Sequence[int]) -> None:
        """A piece at byte ``start``, behind all the others: token ``marks[i]`` is at ``offsets[i]``."""
        if offsets:
            self._pieces.append((start, offsets, marks))

    def locate(self, offset: int) -> Location | None:
        """Line, column and offset in the text of what stands at byte ``offset`` of the module.

        That is the last instruction or entry that begins there or before; None before the first.
        """
        piece = bisect_right(self._pieces, offset, key=lambda piece: piece[0]) - 1
        if piece < 0:
            return None
        start, offsets, marks = self._pieces[piece]
        index = bisect_right(offsets, offset - start) - 1
        return self._tokens.location(marks[max(index, 0)])

    def in_text(self, location: Location) -> Location:
        """``location`` of an error with line and column added where its byte offset has them."""
        found = None if location.offset is None else self.locate(location.offset)
        return location if found is None else replace(location, line=found.line, column=found.column)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Byte offset, line and column of each instruction and entry, by byte offset."""
        for start, offsets, marks in self._pieces:
            for offset, mark in zip(offsets, marks, strict=True):
                location = self._tokens.location(mark)
                assert location.line is not None
                assert location.column is not None
                yield start + offset, location.line, location.column
