"""Coverage: which blocks of a guest have been reached. A byte for every block is set to 1 when it begins."""

from __future__ import annotations

from array import array
from bisect import bisect_left

from wasmarium.instructions.immediates import MemoryArgument
from wasmarium.instrument.additions import assemble
from wasmarium.instrument.rewriting import Frame, Plan

COVERAGE = "coverage"
"""The role of the exported memory."""


class CoveredBlocks:
    """The pass. ``blocks`` are the byte offsets in the module at which blocks begin, in their order; the byte of a
    block in the memory has the same position. Blocks in which nothing costs fuel are left out."""

    roles = (COVERAGE,)

    def __init__(self) -> None:
        self.blocks: array[int] = array("Q")
        self._memory = 0

    def prepare(self, plan: Plan) -> None:
        """See :class:`~wasmarium.instrument.rewriting.Pass`."""
        self._memory = plan.additions.memory(1, COVERAGE)
        plan.blocks.append(self._reached)
        plan.finish.append(lambda: plan.additions.set_size(self._memory, len(self.blocks)))

    def _reached(self, frame: Frame, offset: int) -> bytes:
        blocks = self.blocks
        if blocks and offset <= blocks[-1]:
            number = bisect_left(blocks, offset)
        else:
            number = len(blocks)
            blocks.append(offset)
        place = MemoryArgument(0, number, self._memory)
        return assemble(("i32.const", 0), ("i32.const", 1), ("i32.store8", place))
