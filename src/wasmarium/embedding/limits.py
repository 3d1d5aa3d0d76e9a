"""Limits: how small and how large a memory or a table may be."""

from __future__ import annotations

from wasmarium import types


class Limits:
    """Bounds of a size, in pages of a memory or in elements of a table. ``max`` may be ``None``.

    >>> from wasmarium import Limits
    >>> Limits(1, None) == Limits(1, None)
    True
    """

    def __init__(self, min: int, max: int | None) -> None:
        self.min = min
        self.max = max

    @classmethod
    def _of(cls, limits: types.Limits) -> Limits:
        return cls(limits.minimum, limits.maximum)

    def _unwrap(self) -> types.Limits:
        return types.Limits(self.min, self.max)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Limits) and (self.min, self.max) == (other.min, other.max)

    __hash__ = None  # type: ignore[assignment]  # the bounds can be changed

    def __repr__(self) -> str:
        return f"Limits({self.min}, {self.max})"
