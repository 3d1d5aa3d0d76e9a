"""What passes write down in memories that they added, for Python to look at."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from wasmarium.engines.host.externals import HostGlobal
from wasmarium.engines.host.memory import HostMemory
from wasmarium.instrument.additions import NOTES
from wasmarium.instrument.dirty import DIRTY, DirtyPages
from wasmarium.instrument.monitors import Monitor, Watched
from wasmarium.instrument.rewriting import WatchingPass
from wasmarium.runtime.function import HostCode, HostFunction
from wasmarium.types import I32, FunctionType, GlobalType, Limits, MemoryType, define_function

if TYPE_CHECKING:
    from wasmarium.engines.host.engine import HostInstance
    from wasmarium.engines.host.glue import Handle

_ADDED_MEMORY = MemoryType(Limits(0))
_COUNTER = GlobalType(I32, True)
_CALLED_OUT = define_function(FunctionType((), ()))


def watch_pages(instance: HostInstance, pages: DirtyPages) -> None:
    """Let the memories of an instance know what it writes to."""
    maps = _area(instance, DIRTY)
    for index, place in enumerate(pages.places):
        memory = _memory_at(instance, index)
        if memory is not None:
            memory.watched_by(partial(_add, maps, place))


def _memory_at(instance: HostInstance, index: int) -> HostMemory | None:
    memory: Any = instance.memories[index]
    return memory if isinstance(memory, HostMemory) else None


def _add(maps: Notes, place: int, noted: bytearray) -> None:
    """Move the bytes of a map over."""
    count = len(noted)
    fresh = maps.read(place, count)
    if 1 in fresh:
        if 1 in noted:
            both = int.from_bytes(fresh, "little") | int.from_bytes(noted, "little")
            fresh = both.to_bytes(count, "little")
        noted[:] = fresh
        maps.write(place, bytes(count))


def watch(instance: HostInstance, monitor: Monitor, made_by: WatchingPass) -> None:
    """Show an instance to a monitor."""
    memories: dict[str, Any] = {}
    counters: dict[str, Callable[[], int]] = {}
    tables: list[Handle] = []
    assert instance.rewritten.code is not None
    for role in made_by.roles:
        if role in instance.rewritten.code.areas:
            memories[role] = _area(instance, role)
            continue
        handle = instance.added[role]
        kind, _ = instance.rewritten.exports[instance.rewritten.added[role]]
        if kind == "global":
            counters[role] = partial(getattr, HostGlobal(instance.realm, _COUNTER, handle), "value")
        else:
            tables.append(handle)
    watched = Watched(instance.module, instance.name, made_by, memories, counters)
    monitor.watch(watched)
    for table in tables:
        function = HostFunction(_CALLED_OUT, _call_out(monitor, watched))
        instance.kept.append(function)
        instance.realm.glue.fillTable(table, 0, instance.realm.function_handle(function))


def _call_out(monitor: Monitor, watched: Watched) -> HostCode:
    # JavaScript keeps what is in a table
    this, that = weakref.ref(monitor), weakref.ref(watched)

    def called(instance: Any, arguments: Sequence[Any]) -> Sequence[Any]:
        found, seen = this(), that()
        if found is not None and seen is not None:
            found.called(seen)
        return ()

    return called


class Notes:
    """An area of the memory that was added to an instance; see :class:`~wasmarium.instrument.monitors.base.Area`."""

    def __init__(self, memory: HostMemory, address: int) -> None:
        self._memory = memory
        self._address = address

    def read(self, address: int, count: int) -> bytes:
        """A copy of ``count`` bytes."""
        return self._memory.read(self._address + address, count)

    def write(self, address: int, content: bytes) -> None:
        """Store ``content``."""
        self._memory.write(self._address + address, content)


def _area(instance: HostInstance, role: str) -> Notes:
    assert instance.rewritten.code is not None
    place = instance.rewritten.code.areas[role]
    return Notes(HostMemory(instance.realm, _ADDED_MEMORY, instance.added[NOTES]), place.address)
