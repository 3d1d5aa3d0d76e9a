"""Which code has been reached."""

from __future__ import annotations

from typing import NamedTuple

from wasmarium.instrument.coverage import COVERAGE, CoveredBlocks
from wasmarium.instrument.monitors.base import Base, Watched
from wasmarium.instrument.rewriting import WatchingPass


class FunctionCoverage(NamedTuple):
    """Of function ``function``, ``reached`` blocks of ``blocks`` have begun; ``missing`` is where the rest begin."""

    function: int
    name: str
    reached: int
    blocks: int
    missing: tuple[int, ...]


class Coverage(Base):
    """See above. A *block* is straight-line code; it is known by the byte offset in the module at which it begins."""

    kind = "coverage"

    def make_pass(self) -> WatchingPass:
        """See :class:`~wasmarium.instrument.monitors.base.Monitor`."""
        return CoveredBlocks()

    def reached(self, instance: int = 0) -> list[int]:
        """The offsets of all blocks of an instance (the first one is 0) that have begun."""
        blocks, flags = self._look(self.watched(instance))
        return [offset for offset, flag in zip(blocks, flags, strict=True) if flag]

    def functions(self, instance: int = 0) -> list[FunctionCoverage]:
        """The same, function by function."""
        watched = self.watched(instance)
        module = watched.module
        blocks, flags = self._look(watched)
        rows = []
        position = 0
        for number, (_, end) in enumerate(module.codes):
            index = module.imported_functions + number
            first = position
            while position < len(blocks) and blocks[position] < end:
                position += 1
            missing = tuple(blocks[at] for at in range(first, position) if not flags[at])
            count = position - first
            rows.append(FunctionCoverage(index, watched.function_name(index), count - len(missing), count, missing))
        return rows

    def clear(self) -> None:
        """Forget what has been reached."""
        for watched in self.instances:
            _, flags = self._look(watched)
            watched.memories[COVERAGE].write(0, bytes(len(flags)))

    @staticmethod
    def _look(watched: Watched) -> tuple[list[int], bytes]:
        made_by = watched.made_by
        assert isinstance(made_by, CoveredBlocks)
        blocks = made_by.blocks
        return list(blocks), watched.memories[COVERAGE].read(0, len(blocks))
