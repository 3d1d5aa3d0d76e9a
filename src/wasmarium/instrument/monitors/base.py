"""What all monitors have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from wasmarium.errors import WasmError
from wasmarium.instrument.rewriting import WatchingPass
from wasmarium.module import Module


class Area(Protocol):
    """A part of the memory that was added to a guest."""

    def read(self, address: int, count: int) -> bytes:
        """A copy of ``count`` bytes."""
        ...

    def write(self, address: int, content: bytes) -> None:
        """Store ``content``."""
        ...


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Watched:
    """An instance under watch: its module and name, the pass that rewrote it, and what that added, by
    role: areas (``memories``), and globals as functions that give their value."""

    module: Module
    name: str | None
    made_by: WatchingPass
    memories: dict[str, Area]
    globals: dict[str, Callable[[], int]]

    def function_name(self, index: int) -> str:
        """See :class:`~wasmarium.module.Module`."""
        return self.module.function_name(index)


class Monitor(Protocol):
    """Watches instances. ``kind`` tells what its pass does: passes of one kind do the same."""

    kind: str

    def make_pass(self) -> WatchingPass:
        """The pass that modules need."""
        ...

    def watch(self, watched: Watched) -> None:
        """An instance has been made."""
        ...

    def called(self, watched: Watched) -> None:
        """The guest has called out."""
        ...


class Base:
    """A monitor that keeps its instances, in the order in which they were made."""

    def __init__(self) -> None:
        self.instances: list[Watched] = []

    def watch(self, watched: Watched) -> None:
        """See :class:`Monitor`."""
        self.instances.append(watched)

    def called(self, watched: Watched) -> None:
        """Nothing."""

    def watched(self, instance: int) -> Watched:
        """The instance with this number. Raises WasmError where there is none."""
        if not 0 <= instance < len(self.instances):
            raise WasmError(
                f"no instance {instance} is watched: only those are that were made after Store.attach and do not run "
                "on the interpreter (Instance.fallback says why they do)"
            )
        return self.instances[instance]
