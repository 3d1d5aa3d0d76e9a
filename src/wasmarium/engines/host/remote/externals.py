"""Functions, tables, globals and tags of guests in a worker, as the runtime's own kinds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from wasmarium.engines.base import Suspended
from wasmarium.engines.host import shims
from wasmarium.engines.host.metering import FuelTank
from wasmarium.engines.host.remote.execution import RemoteExecution, Rest, ended
from wasmarium.engines.host.remote.mailbox import COUNT, ENTER, GROW, SET, Fault
from wasmarium.engines.host.values import Codec
from wasmarium.errors import Crash, TrapCode, trap
from wasmarium.runtime.function import HostFunction, Pending
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.table import TableInstance
from wasmarium.runtime.tag import TagInstance
from wasmarium.runtime.values import Value
from wasmarium.types import I32, DefinedType, GlobalType, TableType, TagType

if TYPE_CHECKING:
    from wasmarium.engines.host.remote.linking import RemoteInstance
    from wasmarium.engines.host.remote.realm import RemoteRealm


class RemoteFunction(HostFunction):
    """A function of a guest in a worker. For other engines it is a function of the host, and may wait."""

    __slots__ = ("_prepared", "arguments", "index", "instance", "number", "realm", "results")

    of_guest = True

    def __init__(
        self, realm: RemoteRealm, defined: DefinedType, number: int, instance: RemoteInstance, index: int, name: str
    ) -> None:
        super().__init__(defined, self._called, name, waits=True)
        self.realm = realm
        self.number = number
        self.instance = instance
        self.index = index
        self.arguments: Codec = realm.codec(self.type.parameters)
        self.results: Codec = realm.codec(self.type.results)
        self._prepared = False

    def _called(self, instance: ModuleInstance | None, arguments: Sequence[Value]) -> Sequence[Value] | Pending:
        execution = RemoteExecution(self, arguments)
        outcome = execution.run(1)
        if isinstance(outcome, Suspended):
            return Pending(Rest(execution, outcome.pending), lambda result: result, of_guest=True)
        return ended(outcome)

    def prepare(self) -> None:
        """Let the worker have what calls it."""
        if not self._prepared:
            realm, own = self.realm, self.type
            made = realm.shim(shims.caller, self.defined)
            parameters, results = realm.slots(own.parameters), realm.slots(own.results)
            realm.order("caller", self.number, made, self.results.size, parameters, results)
            realm.carry_out()
            self._prepared = True


class RemoteGlobal(GlobalInstance):
    """A global in a worker."""

    __slots__ = ("_codec", "_prepared", "number", "realm")

    def __init__(self, realm: RemoteRealm, type: GlobalType, number: int) -> None:
        self.type = type
        self.realm = realm
        self.number = number
        self._codec = realm.codec((type.content,))
        self._prepared = False

    def _reach(self) -> None:
        self.realm.worker.reach("a global")
        if not self._prepared:
            self.realm.accessor(self.type, self.number)
            self._prepared = True

    @property
    def value(self) -> Value:
        """The present value. Raises WasmError while a guest runs and does not end."""
        self._reach()
        self.realm.worker.request(ENTER, self.number)
        return self._codec.unpack(self.realm, self.realm.worker.buffer)[0]

    @value.setter
    def value(self, value: Value) -> None:
        self._reach()
        self._codec.pack(self.realm, self.realm.worker.buffer, (value,))
        self.realm.worker.request(SET, self.number, self._codec.size, 1)


class RemoteTank(FuelTank):
    """The fuel of guests in a worker. While one runs, it is what it was before."""

    def __init__(self, variable: RemoteGlobal) -> None:
        super().__init__(variable)
        self.number = variable.number
        self._worker = variable.realm.worker
        self._known = 0

    def read(self) -> int:
        worker = self._worker
        worker.look()
        if worker.turn and worker.ended is None:
            self._known = super().read()
        return self._known


class RemoteTable(TableInstance):
    """A table in a worker."""

    __slots__ = ("number", "realm")

    def __init__(self, realm: RemoteRealm, type: TableType, number: int) -> None:
        self.declared = type
        self.realm = realm
        self.number = number
        self._limits = realm.limits
        space = (1 << (32 if type.address is I32 else 64)) - 1
        self._maximum = space if type.limits.maximum is None else type.limits.maximum
        self.elements = RemoteElements(self)  # type: ignore[assignment]

    def grow(self, delta: int, initial: Value) -> int:
        before = len(self.elements)
        if before + delta > min(self._maximum, self._limits.table_elements):
            return -1
        elements = self.elements
        assert isinstance(elements, RemoteElements)
        return elements.grow(delta, initial)


class RemoteElements:
    """The elements of a table in a worker with the manners of a list."""

    __slots__ = ("_prepared", "_table")

    def __init__(self, table: RemoteTable) -> None:
        self._table = table
        self._prepared = False

    def _reach(self) -> None:
        table = self._table
        table.realm.worker.reach("a table")
        if not self._prepared:
            table.realm.accessor(table.declared, table.number)
            self._prepared = True

    def _request(self, kind: int, argument: int = 0, slots: int = 0) -> int:
        table = self._table
        try:
            return table.realm.worker.request(kind, table.number, 0, slots, argument)
        except Fault as fault:
            if fault.described[0] == "trap":
                raise trap(TrapCode.TABLE_OUT_OF_BOUNDS) from None
            raise Crash(f"the host's WebAssembly says: {fault}") from None

    def __len__(self) -> int:
        self._reach()
        return self._request(COUNT) & 0xFFFFFFFF

    def __iter__(self) -> Iterator[Value]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        self._reach()
        self._request(ENTER, index)
        table = self._table
        return table.realm.references.take(0, table.declared.element)

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            for position, item in zip(range(*index.indices(len(self))), value, strict=True):
                self[position] = item
            return
        self._reach()
        table = self._table
        table.realm.references.put(0, table.declared.element, value)
        self._request(SET, index, 1)

    def grow(self, delta: int, initial: Value) -> int:
        """Add elements; the size before, or -1."""
        self._reach()
        table = self._table
        table.realm.references.put(0, table.declared.element, initial)
        return self._request(GROW, delta, 1)


class RemoteTag(TagInstance):
    """A tag in a worker."""

    __slots__ = ("__weakref__", "number", "realm")

    def __init__(self, realm: RemoteRealm, type: TagType, number: int) -> None:
        super().__init__(type)
        self.realm = realm
        self.number = number


def what(external: ExternalValue) -> str:
    """What it is, in words."""
    if isinstance(external, MemoryInstance):
        return "a memory"
    if isinstance(external, TableInstance):
        return "a table"
    return "a variable" if isinstance(external, GlobalInstance) else "a tag"
