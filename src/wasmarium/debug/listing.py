"""The code of functions around a place, line by line."""

from __future__ import annotations

from dataclasses import dataclass

from wasmarium.debug.values import Plain, frame_of
from wasmarium.errors import WasmError
from wasmarium.module import Module
from wasmarium.text.printer import ModulePrinter

AROUND = 40
"""Instructions shown before and behind the one that comes next."""


@dataclass(frozen=True, slots=True)
class Line:
    """An instruction: where it stands in the module, how deep in blocks, and its text."""

    offset: int
    depth: int
    text: str


class Listings:
    """The functions of a module as text; each is printed when it is first asked for."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._printer = ModulePrinter(module)
        self._lines: dict[int, list[Line]] = {}

    def around(self, function: int, instruction: int) -> Plain | None:
        """The lines around one instruction; None for a function that cannot be printed."""
        try:
            lines = self._of(function)
        except WasmError:
            return None
        first = max(0, instruction - AROUND)
        return {
            "function": function,
            "name": frame_of(self._module, function).display_name,
            "length": len(lines),
            "lines": [
                {"instruction": index, "offset": line.offset, "depth": line.depth, "text": line.text}
                for index, line in enumerate(lines[first : instruction + AROUND + 1], first)
            ],
        }

    def _of(self, function: int) -> list[Line]:
        found = self._lines.get(function)
        if found is None:
            printed = self._printer.function(function)
            found = [
                Line(offset, (len(text) - len(text.lstrip())) // 2 - 1, text.strip())
                for text, offset in zip(printed.text.split("\n"), printed.offsets, strict=False)
                if offset is not None
            ]
            # In the text format the last `end` is only the closing parenthesis.
            found.append(Line(self._module.codes[function - self._module.imported_functions].end - 1, 0, "end"))
            self._lines[function] = found
        return found
