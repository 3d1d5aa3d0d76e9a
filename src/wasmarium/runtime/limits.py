"""What a store may take from its host. Guests are hostile: everything that grows has a bound."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class ResourceLimits:
    """Bounds of one store. A guest that asks for more is refused the way the specification allows
    (``memory.grow`` gives -1, a call traps with STACK_OVERFLOW), or its instantiation fails with
    Exhausted.

    ``memory_bytes`` is per memory; ``call_depth`` counts frames of guests on one stack, and
    ``stack_values`` the locals and operands of all of them together.
    """

    memory_bytes: int = 1 << 32
    table_elements: int = 10_000_000
    instances: int = 10_000
    memories: int = 10_000
    tables: int = 10_000
    call_depth: int = 20_000
    stack_values: int = 10_000_000
