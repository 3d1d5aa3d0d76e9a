"""Tables (specification, sections 4.2.7 and 4.7.7): references that grow element by element.

``elements`` is one list for the whole life of the table. Null is None.
"""

from __future__ import annotations

from collections.abc import Sequence

from wasmarium.errors import Exhausted, TrapCode, trap
from wasmarium.runtime.limits import REFERENCE_BYTES, ResourceLimits
from wasmarium.runtime.values import Value
from wasmarium.types import I32, Limits, TableType


class TableInstance:
    """A table, all its elements ``initial`` at first. Raises Exhausted beyond the store's limit."""

    __slots__ = ("_limits", "_maximum", "declared", "elements")

    def __init__(self, type: TableType, initial: Value, limits: ResourceLimits) -> None:
        self._declare(type, limits)
        minimum = type.limits.minimum
        if minimum > limits.table_elements:
            raise Exhausted(f"table of {minimum} elements is more than the limit of {limits.table_elements}")
        if not limits.take(minimum * REFERENCE_BYTES):
            raise Exhausted(f"table of {minimum} elements: all held would be more than {limits.total_bytes} bytes")
        try:
            self.elements: list[Value] = [initial] * minimum
        except MemoryError:
            limits.give_back(minimum * REFERENCE_BYTES)
            raise Exhausted(f"no room for a table of {minimum} elements") from None

    def _declare(self, type: TableType, limits: ResourceLimits) -> None:
        self.declared = type
        self._limits = limits
        space = (1 << (32 if type.address is I32 else 64)) - 1
        self._maximum = space if type.limits.maximum is None else type.limits.maximum

    @property
    def type(self) -> TableType:
        """The type with the present size as its minimum."""
        declared = self.declared
        limits = Limits(len(self.elements), declared.limits.maximum)
        return TableType(declared.element, limits, declared.address)

    def grow(self, delta: int, initial: Value) -> int:
        """Add ``delta`` elements. Returns the size before, or -1 if it may not be."""
        before = len(self.elements)
        if before + delta > min(self._maximum, self._limits.table_elements):
            return -1
        if not self._limits.take(delta * REFERENCE_BYTES):
            return -1
        try:
            self.elements.extend([initial] * delta)
        except MemoryError:
            self._limits.give_back(delta * REFERENCE_BYTES)
            return -1
        return before

    def get(self, index: int) -> Value:
        """The element at ``index``; traps when out of bounds."""
        if not 0 <= index < len(self.elements):
            raise trap(TrapCode.TABLE_OUT_OF_BOUNDS)
        return self.elements[index]

    def set(self, index: int, value: Value) -> None:
        """Replace the element at ``index``; traps when out of bounds."""
        if not 0 <= index < len(self.elements):
            raise trap(TrapCode.TABLE_OUT_OF_BOUNDS)
        self.elements[index] = value

    def check(self, index: int, count: int) -> None:
        """Trap unless ``count`` elements at ``index`` are inside."""
        if index + count > len(self.elements):
            raise trap(TrapCode.TABLE_OUT_OF_BOUNDS)

    def write(self, index: int, values: Sequence[Value]) -> None:
        """Replace elements from ``index`` on; traps, with nothing replaced, when out of bounds."""
        self.check(index, len(values))
        self.elements[index : index + len(values)] = values

    def fill(self, index: int, value: Value, count: int) -> None:
        """Set ``count`` elements; traps, with nothing set, when out of bounds."""
        self.check(index, count)
        self.elements[index : index + count] = [value] * count
