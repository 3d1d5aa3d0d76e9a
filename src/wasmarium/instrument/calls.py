"""Calls: how often each function was called, and which were called one after the other."""

from __future__ import annotations

from wasmarium.instrument.additions import assemble
from wasmarium.instrument.rewriting import Frame, Plan
from wasmarium.instrument.safepoints import call_out
from wasmarium.types import I32

COUNTS = "call counts"
"""The role of the area."""

COUNT_BYTES = 8

TRACE = "call trace"
"""The role of the area."""

TRACED = "traced calls"
"""The role of the exported global: how many bytes of the area are filled."""

FULL = "call trace function"
"""The role of the exported table: its only element, of type [] -> [], is called when the area is full."""

ENTRY_BYTES = 4


class CountedCalls:
    """The pass that counts. For every function of the module's own the area has an i64, in their order."""

    roles = (COUNTS,)

    def prepare(self, plan: Plan) -> None:
        """See :class:`~wasmarium.instrument.rewriting.Pass`."""
        module = plan.module
        area = plan.additions.area(COUNT_BYTES * len(module.codes), COUNTS)

        def count(frame: Frame) -> bytes:
            place = area.at(COUNT_BYTES * (frame.index - module_imports), align=3)
            zero = ("i32.const", 0)
            return assemble(zero, zero, ("i64.load", place), ("i64.const", 1), "i64.add", ("i64.store", place))

        module_imports = module.imported_functions
        plan.entries.append(count)


class TracedCalls:
    """The pass that writes down. The area has the indices of called functions, an i32 each, one behind the
    other; when there are ``room`` of them, what is in the table is called, and the next ones overwrite them."""

    roles = (TRACE, TRACED, FULL)

    def __init__(self, room: int) -> None:
        self._room = room

    def prepare(self, plan: Plan) -> None:
        """See :class:`~wasmarium.instrument.rewriting.Pass`."""
        additions = plan.additions
        area = additions.area(ENTRY_BYTES * self._room, TRACE)
        filled = additions.counter(I32, 0, TRACED)
        drain = call_out(additions, FULL)

        def note(frame: Frame) -> bytes:
            return assemble(
                ("global.get", filled),
                ("i32.const", frame.index),
                ("i32.store", area.at(0, align=2)),
                ("global.get", filled),
                ("i32.const", ENTRY_BYTES),
                "i32.add",
                ("global.set", filled),
                ("global.get", filled),
                ("i32.const", ENTRY_BYTES * self._room),
                "i32.eq",
                ("if", None),
                *drain,
                ("i32.const", 0),
                ("global.set", filled),
                "end",
            )

        plan.entries.append(note)
