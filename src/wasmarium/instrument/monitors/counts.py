"""How often functions have been called."""

from __future__ import annotations

import struct
from collections import Counter

from wasmarium.instrument.calls import COUNT_BYTES, COUNTS, CountedCalls
from wasmarium.instrument.monitors.base import Base
from wasmarium.instrument.rewriting import WatchingPass


class CallCounts(Base):
    """See above. A call that could not begin, for want of fuel or room on the stack, does not count."""

    kind = "call counts"

    def make_pass(self) -> WatchingPass:
        """See :class:`~wasmarium.instrument.monitors.base.Monitor`."""
        return CountedCalls()

    def by_index(self, instance: int = 0) -> dict[int, int]:
        """The number of calls of every function that was called, by its index, for an instance (the
        first one is 0)."""
        watched = self.watched(instance)
        module = watched.module
        count = len(module.codes)
        numbers = struct.unpack(f"<{count}Q", watched.memories[COUNTS].read(0, COUNT_BYTES * count))
        own = module.imported_functions
        return {own + number: calls for number, calls in enumerate(numbers) if calls}

    def by_name(self, instance: int = 0) -> dict[str, int]:
        """Likewise by name, the most frequent first; functions of the same name count together."""
        watched = self.watched(instance)
        found = Counter[str]()
        for index, calls in self.by_index(instance).items():
            found[watched.function_name(index)] += calls
        return dict(found.most_common())

    def clear(self) -> None:
        """Begin anew."""
        for watched in self.instances:
            watched.memories[COUNTS].write(0, bytes(COUNT_BYTES * len(watched.module.codes)))
