"""Globals (specification, section 4.2.9)."""

from __future__ import annotations

from wasmarium.runtime.values import Value
from wasmarium.types import GlobalType


class GlobalInstance:
    """A global; ``value`` is in the representation of ``runtime.values``. Engines hold on to it."""

    __slots__ = ("type", "value")

    def __init__(self, type: GlobalType, value: Value) -> None:
        self.type = type
        self.value = value
