"""Objects of the garbage-collected heap (specification, sections 4.2.13 to 4.2.15).

Python collects them. References to them compare by identity, but for i31, which compares by value.
An externref may hold any of these as it may hold any Python object, so that ``any.convert_extern``
and ``extern.convert_any`` change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wasmarium.errors import TrapCode, trap
from wasmarium.runtime.limits import REFERENCE_BYTES, ResourceLimits
from wasmarium.runtime.values import Value
from wasmarium.types import DefinedType


@dataclass(frozen=True, slots=True)
class I31:
    """An unboxed integer of 31 bits; ``value`` is unsigned, 0 .. 2^31-1."""

    value: int


class StructInstance:
    """A struct. Packed fields hold their unsigned value."""

    __slots__ = ("__weakref__", "fields", "type")

    def __init__(self, type: DefinedType, fields: list[Value]) -> None:
        self.type = type
        self.fields = fields


class ArrayInstance:
    """An array. Packed elements hold their unsigned value."""

    __slots__ = ("__weakref__", "elements", "type")

    def __init__(self, type: DefinedType, elements: list[Value]) -> None:
        self.type = type
        self.elements = elements


LONG = 10_000
"""Elements from which on an array is counted among what the store holds."""


class LongArray(ArrayInstance):
    """An array whose length counts; it is given back when nobody has the array any more."""

    __slots__ = ("_limits",)

    def __init__(self, type: DefinedType, elements: list[Value], limits: ResourceLimits) -> None:
        super().__init__(type, elements)
        self._limits = limits

    def __del__(self) -> None:
        self._limits.give_back(len(self.elements) * REFERENCE_BYTES)


def allocate_array(
    type: DefinedType, count: int, limits: ResourceLimits, elements: Callable[[], list[Value]]
) -> ArrayInstance:
    """An array of the ``count`` elements that ``elements`` makes. Traps with ALLOCATION_TOO_LARGE
    where they are more than a table may have, or than the store or Python has room for."""
    if count < LONG:
        return ArrayInstance(type, elements())
    if count > limits.table_elements or not limits.take(count * REFERENCE_BYTES):
        raise trap(TrapCode.ALLOCATION_TOO_LARGE)
    try:
        return LongArray(type, elements(), limits)
    except BaseException as error:
        limits.give_back(count * REFERENCE_BYTES)
        if isinstance(error, MemoryError):
            raise trap(TrapCode.ALLOCATION_TOO_LARGE) from None
        raise
