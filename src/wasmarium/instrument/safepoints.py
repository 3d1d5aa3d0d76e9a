"""Safepoints: at the entry of every function and at every turn of a loop a guest may be stopped.

JavaScript on the thread of a guest cannot tell it anything while it runs. So the guest counts down, and calls out
when it gets below zero; otherwise a safepoint costs a subtraction and a comparison. Counting begins at
zero, and whoever sets the counter to zero is asked at the next safepoint.
"""

from __future__ import annotations

from wasmarium.instrument.additions import Additions, Item, assemble
from wasmarium.instrument.rewriting import Plan
from wasmarium.types import I32

COUNTER = "safepoint counter"
"""The role of the exported global."""

POLL = "safepoint function"
"""The role of the exported table: its only element is called, of type [] -> []."""

COUNT = 5_000
"""How many safepoints lie between two that call out: some microseconds."""


class Safepoints:
    """The pass."""

    def prepare(self, plan: Plan) -> None:
        """See :class:`~wasmarium.instrument.rewriting.Pass`."""
        additions = plan.additions
        counter = additions.counter(I32, 0, COUNTER)
        head = assemble(
            ("global.get", counter),
            ("i32.const", 1),
            "i32.sub",
            ("global.set", counter),
            ("global.get", counter),
            ("i32.const", 0),
            "i32.lt_s",
        )
        tail = assemble(
            ("if", None),
            ("i32.const", COUNT),
            ("global.set", counter),
            *call_out(additions, POLL),
            "end",
        )
        code = head + tail
        plan.unlikely[code] = len(head)
        plan.entries.append(lambda frame: code)
        plan.loops.append(code)


def call_out(additions: Additions, role: str) -> tuple[Item, ...]:
    """The code that calls the only element of a new table, exported in this role."""
    table = additions.table(1, role)
    return ("i32.const", 0), ("call_indirect", additions.type((), ()), table)
