"""Coverage: which blocks of a guest have been reached. A byte for every block is set to 1 when it begins."""

from __future__ import annotations

from array import array
from bisect import bisect_left

from wasmarium.instrument.additions import Place, assemble
from wasmarium.instrument.rewriting import Frame, Plan
from wasmarium.leb128 import write_unsigned

COVERAGE = "coverage"
"""The role of the area."""


class CoveredBlocks:
    """The pass. ``blocks`` are the byte offsets in the module at which blocks begin, in their order; the byte of a
    block in the area has the same position. Blocks in which nothing costs fuel are left out."""

    roles = (COVERAGE,)

    def __init__(self) -> None:
        self.blocks: array[int] = array("Q")
        self._place = Place(0, 0, 0)
        self._head = b""

    def prepare(self, plan: Plan) -> None:
        """See :class:`~wasmarium.instrument.rewriting.Pass`."""
        # there cannot be more blocks than bytes; what is not used takes no room
        most = sum(end - start for start, end in plan.module.codes)
        self._place = plan.additions.area(most, COVERAGE)
        whole = assemble(("i32.const", 0), ("i32.const", 1), ("i32.store8", self._place.at(0)))
        address = bytearray()
        write_unsigned(self._place.address, address)
        # the address stands last
        self._head = whole.removesuffix(address)
        plan.blocks.append(self._reached)

    def _reached(self, frame: Frame, offset: int) -> bytes:
        blocks = self.blocks
        if blocks and offset <= blocks[-1]:
            number = bisect_left(blocks, offset)
        else:
            number = len(blocks)
            blocks.append(offset)
        code = bytearray(self._head)
        write_unsigned(self._place.address + number, code)
        return bytes(code)
