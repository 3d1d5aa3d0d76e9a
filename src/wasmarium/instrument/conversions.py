"""Telling NaN from a number that is too large: V8 has one message for both where a float becomes an integer.

Before each conversion that may trap, a NaN meets an ``unreachable`` of its own. Code that was put in belongs to the
next instruction of the original, so that trap is found at the conversion, where no other ``unreachable`` can be.
"""

from __future__ import annotations

import re

from wasmarium.binary.code import read_locals
from wasmarium.instructions.table import INSTRUCTIONS, Instruction
from wasmarium.instrument import grammar
from wasmarium.instrument.additions import assemble
from wasmarium.instrument.rewriting import Frame, Plan
from wasmarium.module import Module

TRUNCATIONS = tuple(row for row in INSTRUCTIONS if re.fullmatch(r"i(32|64)\.trunc_f(32|64)_[su]", row.mnemonic))

_OPCODES = re.compile(b"[%s]" % b"".join(re.escape(row.encoded) for row in TRUNCATIONS))


class Conversions:
    """The pass."""

    def prepare(self, plan: Plan) -> None:
        """See :class:`~wasmarium.instrument.rewriting.Pass`."""
        for row in TRUNCATIONS:
            plan.surround(row, _guard)


def _guard(frame: Frame, row: Instruction, code: bytes) -> tuple[bytes, bytes]:
    (operand,) = row.parameters
    local = frame.local(operand, "converted")
    before = assemble(
        ("local.tee", local),
        ("local.get", local),
        ("local.get", local),
        f"{operand}.ne",
        ("if", None),
        "unreachable",
        "end",
    )
    return before, b""


def converts(module: Module) -> bool:
    """Whether there is such a conversion in the code of a valid module."""
    for start, end in module.codes:
        _, at = read_locals(module.data, start, end)
        code = module.data[at:end]
        # the bytes occur in other places too
        if _OPCODES.search(code) and _OPCODES.search(b"".join(grammar.opcodes().findall(code))):
            return True
    return False
