"""Memories made shared, so that others than the guest's own thread can look at them while it runs.

Nothing else about a memory changes: what is not atomic stays as quick as it was. Only a guest that waits on an atomic
would notice, as that traps in a memory that is not shared and waits in one that is: such modules are refused.
"""

from __future__ import annotations

from wasmarium.binary.code import instructions, read_locals
from wasmarium.errors import Unsupported
from wasmarium.instructions.table import BY_MNEMONIC
from wasmarium.instrument.additions import Additions
from wasmarium.instrument.rewriting import Plan
from wasmarium.types import I64, Limits, MemoryType

_WAITS = tuple(BY_MNEMONIC[name][0].encoded for name in ("memory.atomic.wait32", "memory.atomic.wait64"))

_LARGEST = 34
"""log2 of the bytes of the largest memory that hosts have; they refuse larger bounds of shared ones."""


class SharedMemories:
    """The pass. ``most_bytes`` is the bound of a memory that has none of its own."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes

    def prepare(self, plan: Plan) -> None:
        """See :class:`~wasmarium.instrument.rewriting.Pass`. Raises Unsupported where a body might wait."""
        additions: Additions = plan.additions
        data = plan.module.data
        if not all(memory.shared for memory in plan.module.all_memories) and any(
            _waits(data, code.start, code.end) for code in plan.module.codes
        ):
            raise Unsupported("the memories of a module that waits on atomics cannot be made shared")
        additions.share = self.share
        additions.share_import = self.share_import

    def share(self, memory: MemoryType) -> MemoryType:
        """The type of a memory, shared."""
        return _shared(memory, self._most // memory.page_size)

    def share_import(self, memory: MemoryType) -> MemoryType:
        """Likewise of one that is imported: it may have any bound."""
        return _shared(memory, (1 << (_LARGEST if memory.address is I64 else 32)) // memory.page_size)


def _waits(data: bytes, start: int, end: int) -> bool:
    if all(data.find(code, start, end) < 0 for code in _WAITS):
        return False
    # the same bytes may be within others
    _, body = read_locals(data, start, end)
    return any(row.encoded in _WAITS for _, row, _ in instructions(data, body, end))


def _shared(memory: MemoryType, most: int) -> MemoryType:
    limits = memory.limits
    if limits.maximum is None:
        limits = Limits(limits.minimum, max(most, limits.minimum))
    return MemoryType(limits, memory.address, True, memory.page_size_log2)
