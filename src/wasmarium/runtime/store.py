"""The store (specification, section 4.2.3): what belongs together, and what bounds it.

Python's own references keep functions, memories and the rest alive, so a store needs no address
spaces; it holds the limits, the fuel and the engine, and counts what was made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from wasmarium.errors import Exhausted
from wasmarium.runtime.limits import ResourceLimits

if TYPE_CHECKING:
    from wasmarium.runtime.instance import ModuleInstance


class Meter(Protocol):
    """Where fuel is kept that guests pay for themselves, in code that was put into them."""

    def read(self) -> int:
        """How much is left."""
        ...

    def write(self, fuel: int) -> None:
        """Let so much be left."""
        ...


class Store:
    """A store. ``watch`` asks that every memory made in it notes its writes. ``compile_after`` is how often
    a piece of code runs before the engine may compile it (0: it is compiled at once, None: as the
    engine thinks best). ``is_over``, if it is there before instances are made, tells whether guests
    are to be interrupted; engines whose guests run in one piece ask it now and then. ``monitors`` watch the
    instances that are made from now on, where the engine can do that. ``share`` asks that every memory made in
    it is one that other threads of the host can look at, where there is such a thing. ``reveal`` asks that instances
    show all their tables, memories and globals to Python, exported or not."""

    __slots__ = (
        "__weakref__",
        "_fuel",
        "_meter",
        "compile_after",
        "instances",
        "is_over",
        "limits",
        "memories",
        "monitors",
        "reveal",
        "share",
        "tables",
        "watch",
    )

    def __init__(
        self,
        limits: ResourceLimits | None = None,
        fuel: int | None = None,
        watch: bool = False,
        compile_after: int | None = None,
    ) -> None:
        self.limits = limits if limits is not None else ResourceLimits()
        self._fuel = fuel
        self._meter: Meter | None = None
        self.watch = watch
        self.compile_after = compile_after
        self.is_over: Callable[[], bool] | None = None
        self.monitors: list[Any] = []
        self.share = False
        self.reveal = False
        self.instances: list[ModuleInstance] = []
        self.memories = 0
        self.tables = 0

    @property
    def fuel(self) -> int | None:
        """The number of instructions that guests may still execute, or None for no bound. Whether there is a
        bound must be known before instances are made."""
        return self._fuel if self._fuel is None or self._meter is None else self._meter.read()

    @fuel.setter
    def fuel(self, fuel: int | None) -> None:
        self._fuel = fuel
        if self._meter is not None and fuel is not None:
            self._meter.write(fuel)

    def keep_fuel_in(self, meter: Meter) -> None:
        """From now on ``meter`` knows how much is left."""
        if self._fuel is not None:
            meter.write(self._fuel)
        self._meter = meter

    def admit(self, instance: ModuleInstance, memories: int, tables: int) -> None:
        """Count an instance and what it brings; raises Exhausted beyond the limits."""
        limits = self.limits
        for what, count, bound in (
            ("instances", len(self.instances) + 1, limits.instances),
            ("memories", self.memories + memories, limits.memories),
            ("tables", self.tables + tables, limits.tables),
        ):
            if count > bound:
                raise Exhausted(f"{count} {what} are more than the limit of {bound}")
        self.instances.append(instance)
        self.memories += memories
        self.tables += tables
