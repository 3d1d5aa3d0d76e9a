"""What a store may take from its host. Guests are hostile: everything that grows has a bound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from wasmarium.errors import Exhausted
from wasmarium.types import MemoryType


@dataclass(slots=True)
class ResourceLimits:
    """Bounds of one store. A guest that asks for more is refused the way the specification allows
    (``memory.grow`` gives -1, a call traps with STACK_OVERFLOW), or its instantiation fails with
    Exhausted.

    ``memory_bytes`` is per memory; ``call_depth`` counts frames of guests on one stack, and
    ``stack_values`` the locals and operands of all of them together.

    ``total_bytes`` is for all memories, tables (8 bytes an element) and long arrays together: many
    that are each within their bounds must not take all that the host has. ``taken`` is how much they have.
    """

    memory_bytes: int = 1 << 32
    table_elements: int = 10_000_000
    instances: int = 10_000
    memories: int = 10_000
    tables: int = 10_000
    call_depth: int = 20_000
    stack_values: int = 10_000_000
    total_bytes: int = 5 << 30
    taken: int = field(default=0, init=False, compare=False)

    def take(self, count: int) -> bool:
        """Count ``count`` bytes more; False, with nothing counted, where they would be too many."""
        if self.taken + count > self.total_bytes:
            return False
        self.taken += count
        return True

    def first_bytes(self, memories: Iterable[MemoryType]) -> int:
        """What memories have at first, all together. Raises Exhausted where one has more than it may."""
        sizes = [memory.limits.minimum * memory.page_size for memory in memories]
        for size in sizes:
            if size > self.memory_bytes:
                raise Exhausted(f"memory of {size} bytes is more than the limit of {self.memory_bytes} bytes")
        return sum(sizes)

    @contextmanager
    def taking(self, count: int, what: str) -> Iterator[None]:
        """Count ``count`` bytes more for ``what``, which is made meanwhile, unless that fails. Raises Exhausted where
        they would be too many."""
        if not self.take(count):
            raise Exhausted(f"{what} of {count} bytes: all held would be more than {self.total_bytes} bytes")
        try:
            yield
        except BaseException:
            self.give_back(count)
            raise

    def each_memory(self, count: int) -> int:
        """Bytes that each of ``count`` memories may have which grow where nobody counts."""
        return min(self.memory_bytes, self.total_bytes // max(1, count))

    def give_back(self, count: int) -> None:
        """Count ``count`` bytes less."""
        self.taken -= count


REFERENCE_BYTES = 8
"""What an element of a table or an array is counted as."""
