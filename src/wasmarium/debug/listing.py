"""The code of one function, instruction by instruction, as text."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from wasmarium.binary.code import instructions, read_locals
from wasmarium.debug.values import Plain, value_text
from wasmarium.errors import Frame
from wasmarium.instructions.immediates import CastArgument, MemoryArgument
from wasmarium.instructions.table import Instruction
from wasmarium.module import Module
from wasmarium.types import F32, F64, I32, I64, ValueType

AROUND = 40
"""Instructions shown before and behind the one that comes next."""

_OPENERS = {"block", "loop", "if", "try", "try_table"}
_CLOSERS = {"end", "else", "catch", "catch_all", "delegate"}

# The index space that an immediate names, by the immediate's own name.
_SPACES = {
    "funcidx": "functions",
    "typeidx": "types",
    "tableidx": "tables",
    "memidx": "memories",
    "globalidx": "globals",
    "dataidx": "data",
    "elemidx": "elements",
    "tagidx": "tags",
}


class FunctionListing:
    """The instructions of function ``index``, which must not be an import."""

    def __init__(self, module: Module, index: int) -> None:
        self._module = module
        self._index = index
        code = module.codes[index - module.imported_functions]
        _, body = read_locals(module.data, code.start, code.end)
        self._code = list(instructions(module.data, body, code.end))
        self._depths: list[int] = []
        depth = 0
        for _, row, _ in self._code:
            if row.mnemonic in _CLOSERS:
                depth = max(0, depth - 1)
            self._depths.append(depth)
            if row.mnemonic in _OPENERS or (row.mnemonic in _CLOSERS and row.mnemonic not in ("end", "delegate")):
                depth += 1

    def around(self, instruction: int) -> Plain:
        """The lines around one instruction."""
        first = max(0, instruction - AROUND)
        last = min(len(self._code), instruction + AROUND + 1)
        return {
            "function": self._index,
            "name": Frame(self._index, self._module.names.functions.get(self._index)).display_name,
            "length": len(self._code),
            "lines": [self._line(at) for at in range(first, last)],
        }

    def _line(self, at: int) -> Plain:
        offset, row, immediates = self._code[at]
        return {"instruction": at, "offset": offset, "depth": self._depths[at], "text": self._text(row, immediates)}

    def _text(self, row: Instruction, immediates: Sequence[Any]) -> str:
        parts = [row.mnemonic]
        for kind, value in zip(row.immediates, immediates, strict=True):
            parts.append(self._immediate(kind.name, value, row))
        return " ".join(part for part in parts if part)

    def _immediate(self, kind: str, value: Any, row: Instruction) -> str:
        names = self._module.names
        if kind in _SPACES:
            return _named(getattr(names, _SPACES[kind]).get(value), value)
        if kind == "localidx":
            return _named(names.locals.get(self._index, {}).get(value), value)
        if kind == "i32":
            return value_text(I32, value)
        if kind == "i64":
            return value_text(I64, value)
        if kind == "f32":
            return value_text(F32, struct.unpack("<f", value.to_bytes(4, "little"))[0])
        if kind == "f64":
            return value_text(F64, struct.unpack("<d", value.to_bytes(8, "little"))[0])
        if kind == "v128":
            return f"0x{value:032x}"
        if isinstance(value, MemoryArgument):
            return _memory_text(value, row)
        if isinstance(value, CastArgument):
            return f"{value.label} {value.source} {value.target}"
        if kind == "blocktype":
            return self._block_text(value)
        if kind == "catches":
            return " ".join(
                f"({clause.kind}{'' if clause.tag is None else f' {clause.tag}'} {clause.label})" for clause in value
            )
        if kind == "zero":
            return ""
        if isinstance(value, tuple):
            return " ".join(str(item) for item in value)
        return str(value)

    def _block_text(self, value: ValueType | int | None) -> str:
        if value is None:
            return ""
        if isinstance(value, int):
            return f"(type {value})"
        return f"(result {value})"


def _named(name: str | None, index: int) -> str:
    return str(index) if name is None else f"${name}"


def _memory_text(value: MemoryArgument, row: Instruction) -> str:
    parts = []
    if value.memory:
        parts.append(str(value.memory))
    if value.offset:
        parts.append(f"offset={value.offset}")
    if 1 << value.align != row.width:
        parts.append(f"align={1 << value.align}")
    return " ".join(parts)
