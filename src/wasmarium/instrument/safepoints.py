"""Safepoints: at the entry of every function and at every turn of a loop a guest may be stopped.

JavaScript on the thread of a guest cannot tell it anything while it runs. So the guest counts down, and calls out
when it gets below zero; otherwise a safepoint costs a subtraction and a comparison. Counting begins at
zero, and whoever sets the counter to zero is asked at the next safepoint.

Instructions that may take long by themselves are safepoints too, and count for as much as they have to do: a body may
have thousands of them in a row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from wasmarium.binary.code import read_instruction
from wasmarium.instructions.table import INSTRUCTIONS, Instruction
from wasmarium.instrument.additions import Additions, Item, assemble
from wasmarium.instrument.rewriting import Frame, Plan
from wasmarium.module import Module
from wasmarium.types import I32, I64, MemoryType, TableType, ValueType

COUNTER = "safepoint counter"
"""The role of the exported global."""

POLL = "safepoint function"
"""The role of the exported table: its only element is called, of type [] -> []."""

BULK = 12
"""log2 of the bytes or elements of a bulk instruction that count as much as one safepoint."""

_BULK = re.compile(
    r"(memory|table)\.(fill|copy|init)|table\.grow|array\.(new|new_default|new_data|new_elem|fill|copy|init_.*)"
)

_MOST = (1 << 20) - 1

COUNT = 5_000
"""How many safepoints lie between two that call out: some microseconds."""


class Safepoints:
    """The pass."""

    def prepare(self, plan: Plan) -> None:
        """See :class:`~wasmarium.instrument.rewriting.Pass`."""
        additions = plan.additions
        counter = additions.counter(I32, 0, COUNTER)
        head = assemble(*_count_down(counter))
        tail = assemble(
            ("if", None),
            ("i32.const", COUNT),
            ("global.set", counter),
            *call_out(additions, POLL),
            "end",
        )
        code = head + tail
        for row in INSTRUCTIONS:
            if _BULK.fullmatch(row.mnemonic):
                plan.surround(row, partial(_before, additions, counter, tail))
        plan.unlikely[code] = len(head)
        plan.entries.append(lambda frame: code)
        plan.loops.append(code)


def _count_down(counter: int, *more: Item) -> tuple[Item, ...]:
    """The code that counts one safepoint, and ``more`` that it takes off, and tells whether to call out."""
    return (
        ("global.get", counter),
        *more,
        ("i32.const", 1),
        "i32.sub",
        ("global.set", counter),
        ("global.get", counter),
        ("i32.const", 0),
        "i32.lt_s",
    )


def _before(
    additions: Additions, counter: int, tail: bytes, frame: Frame, row: Instruction, code: bytes
) -> tuple[bytes, bytes]:
    """What a bulk instruction counts for, which its length says."""
    kind = _length_type(additions.module, row, code)
    length = frame.local(kind, "length")
    amount: list[Item] = [(f"{kind}.const", BULK), f"{kind}.shr_u"]
    if kind is I64:
        # what is longer is out of bounds
        amount += [("i64.const", _MOST), "i64.and", "i32.wrap_i64"]
    head = assemble(("local.set", length), *_count_down(counter, ("local.get", length), *amount, "i32.sub"))
    return head + tail + assemble(("local.get", length)), b""


def _length_type(module: Module, row: Instruction, code: bytes) -> ValueType:
    """The type of the last operand of a bulk instruction: its length."""
    group, _, what = row.mnemonic.partition(".")
    if group == "array" or what == "init":
        return I32
    spaces: dict[str, Sequence[MemoryType | TableType]] = {"memory": module.all_memories, "table": module.all_tables}
    _, immediates, _ = read_instruction(code, 0)
    addresses = [spaces[group][index].address for index in immediates]
    return I64 if all(address is I64 for address in addresses) else I32


def call_out(additions: Additions, role: str) -> tuple[Item, ...]:
    """The code that calls the only element of a new table, exported in this role."""
    table = additions.table(1, role)
    return ("i32.const", 0), ("call_indirect", additions.type((), ()), table)
