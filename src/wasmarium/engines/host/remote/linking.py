"""Instances in a worker."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from wasmarium.engines.host.engine import HostEngine, HostInstance, Settings
from wasmarium.engines.host.memory import HostMemory
from wasmarium.engines.host.remote.externals import (
    RemoteFunction,
    RemoteGlobal,
    RemoteTable,
    RemoteTag,
    RemoteTank,
)
from wasmarium.engines.host.remote.mailbox import HAS_NULL, LISTEN, Fault
from wasmarium.engines.host.remote.realm import RemoteRealm
from wasmarium.errors import Unsupported
from wasmarium.instrument.depth import DEPTH
from wasmarium.instrument.fuel import FUEL, FUEL_TYPE
from wasmarium.instrument.safepoints import COUNTER, POLL
from wasmarium.module import Module
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.instance import ExternalValue
from wasmarium.runtime.linking import closed_type
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.store import Store
from wasmarium.types import GlobalType, TableType, TagType

if TYPE_CHECKING:
    from wasmarium.engines.host.glue import Handle


class RemoteInstance(HostInstance):
    """An instance in a worker. ``added`` are numbers."""

    __slots__ = ("_numbers", "remote")

    def prepare(self, remote: RemoteRealm) -> list[int]:
        """Give numbers to what the worker's instance will export: for every export its number, or -1. Raises
        Unsupported for what cannot cross."""
        self.remote = remote
        self._numbers: dict[tuple[str, int], int] = {}
        rewritten = self.rewritten
        roles = {position: role for role, position in rewritten.added.items()}
        numbers = []
        for position, (kind, index) in enumerate(rewritten.exports):
            if position in roles:
                number = self.added[roles[position]] = remote.number(None)
            elif kind == "memory" or self._space(kind)[index] is not None or (kind, index) in self._numbers:
                number = -1
            elif rewritten.first_table <= position < rewritten.first_tag:
                # nobody outside knows it
                number = -1
            elif rewritten.first_function is not None and position >= rewritten.first_function:
                number = remote.number((self, index))
            else:
                number = remote.number(None)
                remote.externals[number] = self._make(kind, index, number)
            if number >= 0 and position not in roles:
                self._numbers[kind, index] = number
            numbers.append(number)
        return numbers

    def publish(self) -> None:
        """Offer what the module exports."""
        for export in self.module.exports:
            self.exports[export.name] = self._space(export.kind)[export.index]

    def _make(self, kind: str, index: int, number: int) -> ExternalValue:
        remote = self.remote
        made: ExternalValue
        if kind == "func":
            return self.function_at(index, number)
        external = closed_type(self.module, kind, index)
        if isinstance(external, TableType):
            remote.codec((external.element,))
            made = RemoteTable(remote, external, number)
        elif isinstance(external, GlobalType):
            made = RemoteGlobal(remote, external, number)
        else:
            assert isinstance(external, TagType)
            remote.payload(external)
            made = RemoteTag(remote, external, number)
        self._space(kind)[index] = made
        return made

    def function_at(self, index: int, number: int) -> FunctionInstance:
        """Function ``index``, which has a number."""
        found: FunctionInstance | None = self.functions[index]
        if found is None:
            defined = self.types[self.module.all_functions[index]]
            name = self.module.function_name(index)
            found = self.functions[index] = RemoteFunction(self.remote, defined, number, self, index, name)
        return found

    def has_number(self, kind: str, number: int) -> bool:
        """Whether it is the number of something of its own."""
        return any(key[0] == kind and found == number for key, found in self._numbers.items())

    def _has_null(self, table: int) -> bool:
        place = [each() for each in self.remote.instances].index(self)
        return bool(self.remote.worker.request(HAS_NULL, place, argument=table))


def instantiate(
    engine: HostEngine, store: Store, module: Module, imports: Sequence[ExternalValue], name: str | None, size: int
) -> RemoteInstance:
    """An instance in the worker of its store; imports match, and its memories have ``size`` bytes at first. Raises
    Unsupported where that cannot be, and then nothing is counted; else as :meth:`HostEngine.instantiate`."""
    if store.monitors or store.watch or store.reveal:
        raise Unsupported("a host function may wait, and nothing watches guests in a worker, in which it had to run")
    local = engine.realm(store)
    if store.fuel is not None and local.tank is not None:
        raise Unsupported("a host function may wait, and guests that pay from one store cannot be in several threads")
    remote = engine.remote(store)
    worker = remote.worker
    worker.boot()
    worker.settle()
    if worker.runs or not worker.turn:
        raise Unsupported("a host function may wait, and the worker of its guest is busy with another one of its store")
    settings = Settings.of(store, remote, module)
    compiled = engine.compiled(module, store, settings)
    instance = RemoteInstance(store, module, name, local, settings, compiled)
    handles: list[Handle] = [_handle(remote, external, instance) for external in imports]
    instance.place(imports)
    made = instance.prepare(remote)
    count = len(module.memories)
    store.admit(instance, count, len(module.tables))
    with store.limits.taking(size, "memories"):
        memories = [local.memory(memory.type, count, True) for memory in module.memories]
        instance.memories[len(module.all_memories) - count :] = memories
        handles += [memory.handle for memory in memories]
        if settings.fuel == "shared":
            assert isinstance(remote.tank, RemoteTank)
            handles.append(remote.tank.number)
        remote.carry_out()
        remote.instances.append(weakref.ref(instance))
        worker.mailbox.link(compiled.handle, engine.array(handles), engine.array(made))
        try:
            worker.request(LISTEN)
        except Fault as fault:
            kind, message, stack = fault.described
            failure = partial(remote.failure, (kind, message, stack, -1), None)
            raise remote.refusal(instance, kind, message, failure) from None
    instance.publish()
    _connect(instance, settings)
    return instance


def _handle(remote: RemoteRealm, external: ExternalValue, instance: RemoteInstance) -> Handle:
    if isinstance(external, MemoryInstance):
        if isinstance(external, HostMemory) and external.shared:
            return external.handle
        raise Unsupported("a memory that is not shared cannot be used in a worker, in which a guest that may wait runs")
    return remote.number_of(external, instance)


def _connect(instance: RemoteInstance, settings: Settings) -> None:
    remote, store, added = instance.remote, instance.store, instance.added
    if settings.fuel == "own":
        remote.tank = RemoteTank(RemoteGlobal(remote, FUEL_TYPE, added[FUEL]))
        store.keep_fuel_in(remote.tank)
    if settings.safepoints:
        remote.worker.is_over = store.is_over
        remote.order("fill", added[POLL], remote.watchman())
        remote.order("counter", added[COUNTER])
    if settings.call_depth is not None:
        remote.order("depth", added[DEPTH])
    for tag in instance.tags:
        if isinstance(tag, RemoteTag) and instance.has_number("tag", tag.number):
            remote.open_tag(tag.type, tag.number)
    remote.carry_out()
