"""Objects of the garbage-collected heap (specification, sections 4.2.13 to 4.2.15).

Python collects them. References to them compare by identity, but for i31, which compares by value.
An externref may hold any of these as it may hold any Python object, so that ``any.convert_extern``
and ``extern.convert_any`` change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

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
