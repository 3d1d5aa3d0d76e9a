"""Tags and the exceptions that carry them (specification, sections 4.2.10 and 4.2.18)."""

from __future__ import annotations

from dataclasses import dataclass

from wasmarium.runtime.values import Value
from wasmarium.types import TagType


class TagInstance:
    """A tag; its identity is what a handler compares."""

    __slots__ = ("type",)

    def __init__(self, type: TagType) -> None:
        self.type = type


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class ExceptionInstance:
    """An exception that was thrown: its tag and the values it carries."""

    tag: TagInstance
    fields: tuple[Value, ...]
