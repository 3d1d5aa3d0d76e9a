"""Dirty pages: which parts of its memories a guest has written to.

A map has a byte for every 4 KiB, set to 1 by whatever writes there, as ``runtime.memory`` has it. The maps of all
memories lie one behind the other in an area that the host reads and clears. A write is
noted when it has succeeded, by its first and its last byte.
"""

from __future__ import annotations

from typing import Any

from wasmarium.binary.code import read_instruction
from wasmarium.instructions.immediates import MemoryArgument
from wasmarium.instructions.table import INSTRUCTIONS, Instruction
from wasmarium.instrument.additions import Item, Place, assemble
from wasmarium.instrument.rewriting import Frame, Plan
from wasmarium.types import I32, I64, MemoryType, ValueType

DIRTY = "dirty pages"
"""The role of the area."""

_OPERANDS = tuple(f"operand {number}" for number in range(3))

SHIFT = 12
"""log2 of the bytes that one byte of a map stands for."""


class DirtyPages:
    """The pass. ``most_bytes`` is how large a memory can become. ``places`` are, by memory, where in the area its
    map begins."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self.places: list[int] = []
        self._memories: tuple[MemoryType, ...] = ()
        self._place = Place(0, 0, 0)
        self._arguments: dict[bytes, MemoryArgument] = {}
        # most stores of a module look like some other one
        self._before: dict[tuple[int, ...], bytes] = {}
        self._behind: dict[tuple[int, ...], bytes] = {}

    def prepare(self, plan: Plan) -> None:
        """See :class:`~wasmarium.instrument.rewriting.Pass`."""
        self._memories = plan.module.all_memories
        if not self._memories:
            return
        at = 0
        for memory in self._memories:
            self.places.append(at)
            most = max(self._most, memory.limits.minimum * memory.page_size)
            if memory.limits.maximum is not None:
                most = min(most, memory.limits.maximum * memory.page_size)
            # one more, so that nothing lies behind the last map
            at += -(-most >> SHIFT) + 1
        self._place = plan.additions.area(at, DIRTY)
        for row in INSTRUCTIONS:
            if row.mnemonic in ("memory.fill", "memory.copy", "memory.init"):
                plan.surround(row, self._bulk)
            elif row.kind in ("store", "store_lane") or (row.kind == "atomic" and _writes(row)):
                plan.surround(row, self._store)

    def _mark(self, memory: int, address: int, offset: int) -> list[Item]:
        """Note a write at ``offset`` behind what the local ``address`` holds."""
        kind = self._memories[memory].address
        items: list[Item] = [("local.get", address)]
        if offset:
            items += [(f"{kind}.const", offset), f"{kind}.add"]
        items += [(f"{kind}.const", SHIFT), f"{kind}.shr_u"]
        if kind is I64:
            items.append("i32.wrap_i64")
        return [*items, ("i32.const", 1), ("i32.store8", self._place.at(self.places[memory]))]

    def _store(self, frame: Frame, row: Instruction, code: bytes) -> tuple[bytes, bytes]:
        argument = self._arguments.get(code)
        if argument is None:
            argument = self._arguments[code] = read_instruction(code, 0)[1][0]
        address = frame.local(self._memories[argument.memory].address, "address")
        values = tuple([frame.local(each, name) for name, each in zip(_OPERANDS, row.parameters, strict=False)])
        own = address, *values
        before = self._before.get(own)
        if before is None:
            items: list[Item] = [("local.set", value) for value in reversed(values)]
            items += [("local.tee", address), *(("local.get", value) for value in values)]
            before = self._before[own] = assemble(*items)
        key = argument.memory, address, argument.offset, row.width
        behind = self._behind.get(key)
        if behind is None:
            items = self._mark(argument.memory, address, argument.offset)
            if row.width > 1:
                items += self._mark(argument.memory, address, argument.offset + row.width - 1)
            behind = self._behind[key] = assemble(*items)
        return before, behind

    def _bulk(self, frame: Frame, row: Instruction, code: bytes) -> tuple[bytes, bytes]:
        immediates: tuple[Any, ...] = read_instruction(code, 0)[1]
        memory = immediates[1] if row.mnemonic == "memory.init" else immediates[0]
        kind = self._memories[memory].address
        operands: list[ValueType] = [kind, I32, I32]
        if row.mnemonic == "memory.fill":
            operands[2] = kind
        elif row.mnemonic == "memory.copy":
            operands[1] = self._memories[immediates[1]].address
            operands[2] = kind if operands[1] is kind else I32
        to, second, count = (frame.local(each, f"bulk {i}") for i, each in enumerate(operands))
        before: list[Item] = [("local.set", count), ("local.set", second), ("local.tee", to)]
        before += [("local.get", second), ("local.get", count)]
        length: list[Item] = [("local.get", count)]
        if kind is I64 and operands[2] is I32:
            length.append("i64.extend_i32_u")
        page: list[Item] = [(f"{kind}.const", SHIFT), f"{kind}.shr_u"]
        if kind is I64:
            page.append("i32.wrap_i64")
        behind: list[Item] = [
            *length,
            f"{kind}.eqz",
            "i32.eqz",
            ("if", None),
            ("local.get", to),
            *page,
            ("i32.const", self._place.address + self.places[memory]),
            "i32.add",
            ("i32.const", 1),
            ("local.get", to),
            *length,
            f"{kind}.add",
            (f"{kind}.const", 1),
            f"{kind}.sub",
            *page,
            ("local.get", to),
            *page,
            "i32.sub",
            ("i32.const", 1),
            "i32.add",
            ("memory.fill", self._place.memory),
            "end",
        ]
        return assemble(*before), assemble(*behind)


def _writes(row: Instruction) -> bool:
    return ".store" in row.mnemonic or ".rmw" in row.mnemonic
