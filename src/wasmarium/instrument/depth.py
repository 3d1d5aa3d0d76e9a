"""A bound for the depth of calls: how many functions of an instance wait for one another at most.

Each function has its depth in a local, and tells it to whom it calls by a global, after every call and before every
tail call. Nothing is done where a function ends, so whoever calls an instance from outside sets the global to
zero, unless the instance waits for that call.
"""

from __future__ import annotations

from wasmarium.instructions.table import BY_MNEMONIC, Instruction
from wasmarium.instrument.additions import assemble
from wasmarium.instrument.rewriting import Frame, Plan
from wasmarium.types import I32

DEPTH = "depth"
"""The role of the exported global. It is above the limit when that was the trap."""


class CallDepth:
    """The pass. ``limit`` is at least 1."""

    def __init__(self, limit: int) -> None:
        self._limit = min(limit, (1 << 31) - 1)

    def prepare(self, plan: Plan) -> None:
        """See :class:`~wasmarium.instrument.rewriting.Pass`."""
        depth = plan.additions.counter(I32, 0, DEPTH)

        def enter(frame: Frame) -> bytes:
            own = frame.local(I32, "depth")
            return assemble(
                ("global.get", depth),
                ("i32.const", 1),
                "i32.add",
                ("local.tee", own),
                ("global.set", depth),
                ("local.get", own),
                ("i32.const", self._limit),
                "i32.gt_u",
                ("if", None),
                "unreachable",
                "end",
            )

        def back(frame: Frame) -> bytes:
            return assemble(("local.get", frame.local(I32, "depth")), ("global.set", depth))

        def leave(frame: Frame, row: Instruction, code: bytes) -> tuple[bytes, bytes]:
            own = frame.local(I32, "depth")
            return assemble(("local.get", own), ("i32.const", 1), "i32.sub", ("global.set", depth)), b""

        plan.before_payment.append(enter)
        plan.returns.append(back)
        for mnemonic in ("return_call", "return_call_indirect", "return_call_ref"):
            plan.surround(BY_MNEMONIC[mnemonic][0], leave)
