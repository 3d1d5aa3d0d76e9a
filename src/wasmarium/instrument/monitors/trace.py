"""Which functions were called, one after the other."""

from __future__ import annotations

import struct
from collections import deque

from wasmarium.instrument.calls import ENTRY_BYTES, TRACE, TRACED, TracedCalls
from wasmarium.instrument.monitors.base import Base, Watched
from wasmarium.instrument.rewriting import WatchingPass

ROOM = 4096
"""Calls that a guest writes down by itself before Python takes them over."""


class CallTrace(Base):
    """See above. The last ``keep`` calls of each instance are kept, ``total`` counts all."""

    kind = "call trace"

    def __init__(self, keep: int = 10_000) -> None:
        super().__init__()
        self._taken = 0
        self._kept: dict[int, deque[int]] = {}
        self._keep = keep

    def make_pass(self) -> WatchingPass:
        """See :class:`~wasmarium.instrument.monitors.base.Monitor`."""
        return TracedCalls(ROOM)

    def watch(self, watched: Watched) -> None:
        """See :class:`~wasmarium.instrument.monitors.base.Monitor`."""
        super().watch(watched)
        self._kept[id(watched)] = deque(maxlen=self._keep)

    def called(self, watched: Watched) -> None:
        """The room of an instance is full."""
        self._take(watched, ROOM)

    def _take(self, watched: Watched, count: int) -> None:
        self._taken += count
        self._kept[id(watched)].extend(self._read(watched, count))

    def _read(self, watched: Watched, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}I", watched.memories[TRACE].read(0, ENTRY_BYTES * count))

    @property
    def total(self) -> int:
        """Calls in all instances."""
        return self._taken + sum(map(_waiting, self.instances))

    def calls(self, instance: int = 0) -> list[int]:
        """The indices of the functions of an instance (the first one is 0) that were called last, oldest first."""
        watched = self.watched(instance)
        waiting = self._read(watched, _waiting(watched))
        return [*self._kept[id(watched)], *waiting][-self._keep :]

    def names(self, instance: int = 0) -> list[str]:
        """Their names."""
        watched = self.watched(instance)
        return [watched.function_name(index) for index in self.calls(instance)]


def _waiting(watched: Watched) -> int:
    """Calls that the guest has written down since Python took some over."""
    return watched.globals[TRACED]() // ENTRY_BYTES
