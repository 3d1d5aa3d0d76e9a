"""Fuel: what is executed is counted, and bounded, exactly as the interpreter does it.

One number is what may still be executed. A block is paid for before it begins; one that cannot be paid whole is not
begun: its payment leaves the number below zero, and traps. After any other trap the rest of the block is given
back, so the count of a run that ended, whichever way, is that of the interpreter.

Not the same: where fuel runs out. Blocks are smaller here, as every end and every loop begins one; so a few
instructions more may be executed before that is noticed. Nor how deep a stack may grow, unless there
is a limit of its own.
"""

from __future__ import annotations

from wasmarium.instrument.additions import assemble
from wasmarium.instrument.rewriting import Plan
from wasmarium.leb128 import write_signed
from wasmarium.types import I64, GlobalType

FUEL = "fuel"
"""The role of the exported global."""

MOST = (1 << 63) - 1
"""The most fuel that the global can hold."""

FUEL_TYPE = GlobalType(I64, True)


class Fuel:
    """The pass. The global is the module's own and exported, or, with ``shared``, imported: so that several
    instances pay from one."""

    def __init__(self, shared: bool = False) -> None:
        self._shared = shared

    def prepare(self, plan: Plan) -> None:
        """See :class:`~wasmarium.instrument.rewriting.Pass`."""
        additions = plan.additions
        index = additions.import_global(FUEL_TYPE) if self._shared else additions.counter(I64, 0, FUEL)
        before = assemble(("global.get", index)) + b"\x42"
        behind = assemble(
            "i64.sub",
            ("global.set", index),
            ("global.get", index),
            ("i64.const", 0),
            "i64.lt_s",
            ("if", None),
            "unreachable",
            "end",
        )

        def pay(cost: int) -> bytes:
            out = bytearray(before)
            write_signed(cost, out)
            return bytes(out + behind)

        plan.payment = pay
