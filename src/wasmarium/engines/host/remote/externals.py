"""Functions, tables, globals and tags of guests in a worker, as the runtime's own kinds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wasmarium.engines.host import shims
from wasmarium.engines.host.calls import complete
from wasmarium.engines.host.externals import OutsideElements, OutsideTable
from wasmarium.engines.host.metering import FuelTank
from wasmarium.engines.host.remote.execution import RemoteExecution, RemoteRest
from wasmarium.engines.host.remote.mailbox import COUNT, ENTER, GROW, SET, Fault
from wasmarium.engines.host.values import Codec
from wasmarium.errors import Crash, TrapCode, trap
from wasmarium.runtime.function import HostFunction, Pending
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.tag import TagInstance
from wasmarium.runtime.values import Value
from wasmarium.types import DefinedType, GlobalType, TableType, TagType

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
        return complete(RemoteExecution(self, arguments), RemoteRest)

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


class RemoteTable(OutsideTable):
    """A table in a worker."""

    __slots__ = ("number",)

    def __init__(self, realm: RemoteRealm, type: TableType, number: int) -> None:
        super().__init__(RemoteElements(realm, type, number))
        self.number = number


class RemoteElements(OutsideElements):
    """Its elements."""

    __slots__ = ("_number", "_prepared")

    realm: RemoteRealm

    def __init__(self, realm: RemoteRealm, type: TableType, number: int) -> None:
        super().__init__(realm, type)
        self._number = number
        self._prepared = False

    def _reach(self) -> None:
        self.realm.worker.reach("a table")
        if not self._prepared:
            self.realm.accessor(self.type, self._number)
            self._prepared = True

    def _request(self, kind: int, argument: int = 0, slots: int = 0) -> int:
        try:
            return self.realm.worker.request(kind, self._number, 0, slots, argument)
        except Fault as fault:
            if fault.described[0] == "trap":
                raise trap(TrapCode.TABLE_OUT_OF_BOUNDS) from None
            raise Crash(f"the host's WebAssembly says: {fault}") from None

    def _size(self) -> int:
        return self._request(COUNT)

    def _get(self, index: int) -> None:
        self._request(ENTER, index)

    def _set(self, index: int) -> None:
        self._request(SET, index, 1)

    def _grow(self, delta: int) -> int:
        return self._request(GROW, delta, 1)


class RemoteTag(TagInstance):
    """A tag in a worker."""

    __slots__ = ("__weakref__", "number", "realm")

    def __init__(self, realm: RemoteRealm, type: TagType, number: int) -> None:
        super().__init__(type)
        self.realm = realm
        self.number = number
