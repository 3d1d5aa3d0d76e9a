"""What the guests of one store share in its worker, and what Python knows of it. See also ``engines/host/realm``."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from wasmarium.engines.host import heap_shims, shims
from wasmarium.engines.host.externals import what
from wasmarium.engines.host.guests import Guests, Noted, has_all_frames
from wasmarium.engines.host.interruption import POLL_TYPE
from wasmarium.engines.host.realm import Realm
from wasmarium.engines.host.remote.execution import Stub
from wasmarium.engines.host.remote.externals import (
    RemoteFunction,
    RemoteGlobal,
    RemoteTable,
    RemoteTag,
    RemoteTank,
)
from wasmarium.engines.host.remote.mailbox import DO, REFERENCES_AT, GuestWorker
from wasmarium.engines.host.values import Codec
from wasmarium.errors import Crash, GuestException, Unsupported
from wasmarium.instrument.fuel import FUEL_TYPE
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.store import Store
from wasmarium.runtime.tag import ExceptionInstance, TagInstance
from wasmarium.runtime.values import Value
from wasmarium.types import (
    GlobalType,
    ReferenceType,
    TableType,
    TagType,
    ValueType,
)

if TYPE_CHECKING:
    from wasmarium.engines.host.metering import FuelTank

_MOST = REFERENCES_AT - 4096
"""Bytes of what is sent in one piece to be made."""


class RemoteRealm(Guests):
    """``local`` is the realm of the store on Python's own thread, to which its memories belong. Things in the worker
    have numbers: ``externals`` has for each what Python knows it by, None, or for a function of an instance that
    and its index."""

    def __init__(self, local: Realm, worker: GuestWorker, store: Store) -> None:
        super().__init__()
        self.local = local
        self.worker = worker
        self.limits = store.limits
        self.shares = True
        self.references = _References(self)
        self.externals: list[Any] = []
        self.stubs: dict[int, Stub] = {}
        self._watchman: int | None = None
        self._codecs: dict[tuple[ValueType, ...], Codec] = {}
        self._shims: dict[Any, int] = {}
        self._orders: list[list[Any]] = []
        self._shim_bytes: list[bytes] = []
        self._size = 0
        self._callees: weakref.WeakKeyDictionary[FunctionInstance, int] = weakref.WeakKeyDictionary()
        self._tags: dict[TagInstance, int] = {}
        self._thrown: weakref.WeakValueDictionary[int, ExceptionInstance] = weakref.WeakValueDictionary()
        self._thrown_count = 0

    # ---- orders: what is to be made in the worker ----

    def order(self, maker: str, *arguments: Any) -> None:
        """Let something be made before anything else happens; see worker.js."""
        self._orders.append([maker, *arguments])
        self._size += 16 + sum(len(str(each)) + 2 for each in arguments)
        if self._size > _MOST:
            self.carry_out()

    def carry_out(self) -> None:
        """Let what was ordered be made now. It is Python's turn."""
        if not self._orders:
            return
        text = json.dumps(self._orders, separators=(",", ":")).encode()
        content = (len(text) + 4).to_bytes(4, "little") + text + b"".join(self._shim_bytes)
        self._orders, self._shim_bytes, self._size = [], [], 0
        self.worker.buffer[: len(content)] = content
        self.worker.request(DO, size=len(content))

    def shim(self, make: Callable[[Any], bytes], type: Any) -> int:
        """The number of a compiled shim."""
        key = make, type
        found = self._shims.get(key)
        if found is None:
            data = make(type)
            if self._size + len(data) > _MOST:
                self.carry_out()
            found = self._shims[key] = len(self._shims)
            self._shim_bytes.append(data)
            self._size += len(data)
            self.order("shim", found, len(data))
        return found

    def number(self, external: Any) -> int:
        """A new number."""
        self.externals.append(external)
        return len(self.externals) - 1

    # ---- values ----

    def codec(self, types: Sequence[ValueType]) -> Codec:
        """How values of these types cross. Raises Unsupported where they cannot."""
        key = tuple(types)
        found = self._codecs.get(key)
        if found is None:
            for each in key:
                if isinstance(each, ReferenceType) and not shims.is_function(each):
                    raise Unsupported(
                        f"a value of type {each} cannot cross to a worker, in which a guest that may wait has to run"
                    )
            found = self._codecs[key] = Codec(key)
        return found

    def slots(self, types: Sequence[ValueType]) -> list[int]:
        """Where among these types the references are."""
        return [slot for slot, each in enumerate(types) if isinstance(each, ReferenceType)]

    # ---- numbers of what guests import ----

    def number_of(self, external: ExternalValue, instance: ModuleInstance | None) -> int:
        """What the worker knows ``external`` by. Raises Unsupported for what lives elsewhere."""
        if isinstance(external, RemoteFunction | RemoteTable | RemoteGlobal) and external.realm is self:
            return external.number
        if isinstance(external, FunctionInstance):
            return self._callee(external, instance)
        if isinstance(external, TagInstance):
            return self.tag_number(external)
        if isinstance(external, GlobalInstance) and not external.type.mutable:
            return self._constant(external)
        raise Unsupported(
            f"{what(external)} of Python's own thread cannot be used in a worker, in which a guest that may wait runs"
        )

    def _callee(self, function: FunctionInstance, instance: ModuleInstance | None) -> int:
        stub = Stub(self, function, instance)
        own = function.type
        number = self.number(function)
        self.stubs[number] = stub
        made = self.shim(shims.callee, function.defined)
        self.order("callee", number, made, stub.arguments.size, self.slots(own.parameters), self.slots(own.results))
        return number

    def function_number(self, function: FunctionInstance) -> int:
        """Likewise, of a function that is handed over as a reference."""
        if isinstance(function, RemoteFunction) and function.realm is self:
            return function.number
        found = self._callees.get(function)
        if found is None:
            found = self._callees[function] = self._callee(function, None)
            self.carry_out()
        return found

    def _constant(self, external: GlobalInstance) -> int:
        content = external.type.content
        self.codec((content,))
        if isinstance(content, ReferenceType):
            raise Unsupported("an immutable global with a reference in it cannot cross to a worker")
        number = self.number(external)
        self.order("constant", number, self.shim(_constant, (external.type, external.value)))
        return number

    def tag_number(self, tag: TagInstance) -> int:
        """The number of a tag."""
        if isinstance(tag, RemoteTag) and tag.realm is self:
            return tag.number
        found = self._tags.get(tag)
        if found is None:
            self.payload(tag.type)
            found = self._tags[tag] = self.number(tag)
            self.order("define", found, self.shim(shims.define, tag.type))
            self.open_tag(tag.type, found)
        return found

    def open_tag(self, type: TagType, number: int) -> None:
        """Let the values of exceptions with a tag be read and written."""
        made = self.shim(heap_shims.exception_accessor, type)
        self.order("tag", number, made, self.payload(type).size)

    def payload(self, type: TagType) -> Codec:
        """How what exceptions with such a tag carry crosses. Raises Unsupported where it cannot."""
        assert not isinstance(type.type, int)
        parameters = type.type.function.parameters
        if any(isinstance(each, ReferenceType) for each in parameters):
            raise Unsupported("an exception with a reference in it cannot cross to a worker")
        return self.codec(parameters)

    def function_at(self, number: int) -> FunctionInstance:
        """The function that has a number."""
        if not 0 <= number < len(self.externals):
            raise Crash("a function came out of a guest that nobody knows")
        found = self.externals[number]
        if isinstance(found, tuple):
            instance, index = found
            found = self.externals[number] = instance.function_at(index, number)
        assert isinstance(found, FunctionInstance)
        return found

    # ---- failures ----

    def thrown(self, exception: ExceptionInstance) -> list[Any]:
        """How the worker is told to throw an exception."""
        tag = self.tag_number(exception.tag)
        self.carry_out()
        codec = self.payload(exception.tag.type)
        codec.pack(self, self.worker.buffer, exception.fields)
        number = self._thrown_count = self._thrown_count + 1
        self._thrown[number] = exception
        return [number, tag, list(self.worker.buffer[: codec.size])]

    def failure(self, described: Sequence[Any], noted: Noted | None) -> BaseException:
        """What a call ended with that failed; ``noted`` is what a host function has raised in it, and its name."""
        kind, message, stack, tag = described
        if kind == "exception":
            return self._exception(message, stack, tag)
        if kind == "stopped":
            return self.interrupted(stack)
        if noted is not None:
            return noted[0] if has_all_frames(noted) else self.placed(noted, stack)
        if kind in ("trap", "overflow"):
            return self.trapped(kind, message, stack)
        return Crash(f"the host's WebAssembly says: {message}")

    def cannot_tell_null(self, message: str) -> bool:
        """See :class:`Guests`."""
        return self.local.cannot_tell_null(message)

    def _exception(self, number: int, content: Any, tag: int) -> BaseException:
        known = self._thrown.get(number)
        if known is not None:
            return GuestException(known)
        if tag < 0:
            return Crash("an exception came out of a guest whose tag nobody knows")
        found = self.externals[tag]
        codec = self.payload(found.type)
        return GuestException(ExceptionInstance(found, tuple(codec.unpack(self, bytearray(content)))))

    # ---- what else there is ----

    def new_tank(self) -> FuelTank:
        """Where fuel is kept from the beginning."""
        number = self.number(None)
        self.order("define", number, self.shim(shims.define, FUEL_TYPE))
        return RemoteTank(RemoteGlobal(self, FUEL_TYPE, number))

    def watchman(self) -> int:
        """The number of what safepoints call."""
        if self._watchman is None:
            self._watchman = self.number(None)
            self.order("watchman", self._watchman, self.shim(shims.callee, POLL_TYPE))
        return self._watchman

    def accessor(self, type: GlobalType | TableType, number: int) -> None:
        """Let a global or a table be read and written from now on."""
        content = type.content if isinstance(type, GlobalType) else type.element
        codec = self.codec((content,))
        self.order("accessor", number, self.shim(shims.accessor, type), codec.size, self.slots((content,)))
        self.carry_out()


def _constant(what: tuple[GlobalType, Value]) -> bytes:
    return shims.constant(*what)


class _References:
    """References in the area: numbers of functions; see ``engines/host/references``."""

    def __init__(self, realm: RemoteRealm) -> None:
        self._realm = weakref.ref(realm)

    def _at(self) -> RemoteRealm:
        realm = self._realm()
        assert realm is not None
        return realm

    def put(self, slot: int, type: ReferenceType, value: Value) -> None:
        """Leave ``value`` for the worker."""
        realm = self._at()
        number = -1
        if value is not None:
            assert isinstance(value, FunctionInstance)
            number = realm.function_number(value)
        place = REFERENCES_AT + 4 * slot
        realm.worker.buffer[place : place + 4] = number.to_bytes(4, "little", signed=True)

    def take(self, slot: int, type: ReferenceType) -> Value:
        """What the worker left."""
        realm = self._at()
        place = REFERENCES_AT + 4 * slot
        number = int.from_bytes(realm.worker.buffer[place : place + 4], "little", signed=True)
        return None if number == -1 else realm.function_at(number)
