"""A realm: what the guests of one store share on the host, and what Python knows of it.

JavaScript keeps Python objects alive, and the reverse, and no collector sees through both. So whatever
JavaScript holds of Python here refers to it weakly: a realm goes with the last Python object that
belongs to it, and takes its callbacks along.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Sequence
from time import sleep
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from wasmarium.engines.host import heap_shims, shims
from wasmarium.engines.host.carrying import HostWays, make_import
from wasmarium.engines.host.externals import HostGlobal, HostTable, HostTag, no_room
from wasmarium.engines.host.functions import HostedFunction, Imported, may_wait
from wasmarium.engines.host.glue import Area, Bridge, ExceptionAccessor, Glue, Handle
from wasmarium.engines.host.guests import Guests, Noted, has_all_frames
from wasmarium.engines.host.interruption import Watchman
from wasmarium.engines.host.memory import HostMemory
from wasmarium.engines.host.references import References
from wasmarium.engines.host.rewrite import bounded_memory
from wasmarium.engines.host.traps import CALLS_NULL, SAME_FOR_NULL
from wasmarium.engines.host.values import Codec
from wasmarium.errors import Crash, Exhausted, GuestException, TrapCode, Unsupported, trap
from wasmarium.instrument.fuel import FUEL_TYPE
from wasmarium.instrument.sharing import SharedMemories
from wasmarium.runtime.function import FunctionInstance, Pending
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.tag import ExceptionInstance, TagInstance
from wasmarium.text.parser import parse_module
from wasmarium.types import (
    DefinedType,
    ExternalType,
    FunctionType,
    GlobalType,
    MemoryType,
    ReferenceType,
    StructType,
    TableType,
    TagType,
    ValueType,
    external_kind,
)

if TYPE_CHECKING:
    from wasmarium.engines.host.metering import FuelTank

_PATIENCE = 15
"""Fiftieths of a second."""

AREA_SIZE = 1 << 16
"""Bytes of an area; what is larger takes another way."""

_OF_THE_HOST = HostedFunction | HostMemory | HostTable | HostGlobal | HostTag


class ShimCache:
    """Compiled shims, which all realms of an engine share."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._modules: dict[Any, Handle] = {}
        self._complaint: str | None = None

    def complaint(self, glue: Glue) -> str:
        """What the host says when a null function is called by call_indirect."""
        if self._complaint is None:
            self._complaint = glue.complaint(self._bridge.compile(parse_module(CALLS_NULL)))
        return self._complaint

    def get(self, make: Callable[[Any], bytes], type: Any) -> Handle:
        """The compiled form of ``make(type)``."""
        key = make, type
        found = self._modules.get(key)
        if found is None:
            found = self._modules[key] = self._bridge.compile(make(type))
        return found


class Realm(Guests):
    """See above. ``buffer`` is the area where values cross, ``view`` looks at it and ``room`` is its size."""

    def __init__(self, bridge: Bridge, shim_cache: ShimCache, limits: ResourceLimits, main: Area) -> None:
        super().__init__()
        self.bridge = bridge
        self.limits = limits
        self.area = main
        self.buffer = main.buffer
        self.view = memoryview(main.buffer)
        self.room = len(main.buffer)
        self.glue = bridge.realm(main)
        self.ways = HostWays(self)
        self.references = References(self)
        self.externals: list[Any] = []
        """What guests can hand back to Python, by number."""
        self.pendings: dict[int, tuple[Pending, Imported]] = {}
        """By the area of the run: what it waits for."""
        self.failures: dict[int, Noted] = {}
        """Likewise."""
        self.overflowed = False
        """Whether the last failure is that guest and host, calling one another, used up Python's stack."""
        self.shares = False
        """Whether memories are made so that other threads can have them."""
        self.watchman: Watchman | None = None
        """Who interrupts guests, if that may happen."""
        self.breathing: set[int] = set()
        """The areas of runs that give way to the event loop now and then."""
        self.given_up: set[int] = set()
        """The areas of runs that are to end because nobody waits for them any more."""
        self._shims = shim_cache
        self._codecs: dict[tuple[ValueType, ...], Codec] = {}
        self._imported: list[Imported] = []
        self._tags: dict[TagInstance, Handle] = {}
        self._callees: dict[FunctionInstance, Handle] = {}
        self._exceptions: WeakKeyDictionary[ExceptionInstance, Handle] = WeakKeyDictionary()
        self._thrown: WeakValueDictionary[int, ExceptionInstance] = WeakValueDictionary()
        """By the number that JavaScript has for them."""
        self._exception_count = 0
        self._has_exceptions = self._has_kinds = False
        self._accessors: dict[Any, Any] = {}
        self._areas: list[Area] = []
        weakref.finalize(self, self.glue.destroy)

    # ---- shims ----

    def codec(self, types: Sequence[ValueType]) -> Codec:
        """How values of these types cross."""
        key = tuple(types)
        found = self._codecs.get(key)
        if found is None:
            self._prepare(key)
            found = self._codecs[key] = Codec(key)
        return found

    def _prepare(self, types: Sequence[ValueType]) -> None:
        """What values of these types need. Raises Unsupported where the host lacks it."""
        for each in types:
            if not isinstance(each, ReferenceType):
                continue
            if shims.is_exception(each):
                if not self._has_exceptions:
                    self.glue.useExceptions(self.shim(heap_shims.exceptions, None))
                    self._has_exceptions = True
            elif not self._has_kinds and not shims.is_function(each):
                self._has_kinds = True
                try:
                    self.glue.useKinds(self.shim(heap_shims.kinds, None))
                except Unsupported:
                    # without garbage collection there is nothing to tell apart
                    continue

    def shim(self, make: Callable[[Any], bytes], type: Any) -> Handle:
        """A compiled shim."""
        return self._shims.get(make, type)

    def accessor(self, type: GlobalType | TableType, handle: Handle) -> Any:
        """What gets at a global or a table."""
        self._prepare((type.content if isinstance(type, GlobalType) else type.element,))
        return self.glue.accessor(self.shim(shims.accessor, type), handle)

    def define(self, type: ExternalType) -> Handle:
        """A new memory, table, global or tag. Raises Exhausted."""
        module = self.shim(shims.define, type)
        made = self.glue.define(module)
        if made is None:
            # memories that nobody has any more still take up room
            gc.collect()
            made = self.glue.define(module)
        if self.shares and isinstance(type, MemoryType):
            # so do those of workers, until these have come to their ends
            for _ in range(_PATIENCE):
                if made is not None:
                    break
                sleep(0.02)
                made = self.glue.define(module)
        if made is None:
            raise Exhausted(f"no room for a {external_kind(type)}: {self.glue.failed()[1]}")
        return made

    def memory(self, type: MemoryType, count: int, share: bool) -> HostMemory:
        """A new memory, one of ``count`` that grow where nobody counts. Raises Exhausted."""
        bounded = bounded_memory(type, self.limits, count)
        if share:
            bounded = SharedMemories(self.limits.each_memory(count)).share(bounded)
        made = HostMemory(self, type, self.define(bounded), share)
        self.know(made.handle, made)
        return made

    def tester(self, type: DefinedType) -> Callable[[], int]:
        """Tells whether the object in the first place is of this type."""
        key = "is", type
        found: Callable[[], int] | None = self._accessors.get(key)
        if found is None:
            found = self._accessors[key] = self.glue.tester(self.shim(heap_shims.tester, type))
        return found

    def aggregate(self, type: DefinedType) -> Any:
        """Gets at structs or arrays of this type."""
        found = self._accessors.get(type)
        if found is None:
            composite = type.composite
            assert not isinstance(composite, FunctionType)
            fields = composite.fields if isinstance(composite, StructType) else (composite.element,)
            self._prepare([field.unpacked for field in fields])
            module = self.shim(heap_shims.aggregate_accessor, type)
            found = self._accessors[type] = self.glue.aggregateAccessor(module)
        return found

    def types(self, composite: type) -> list[DefinedType]:
        """All types of this kind that the modules of the store mention."""
        instances = [instance for reference in self.instances if (instance := reference()) is not None]
        found = dict.fromkeys(each for instance in instances for each in instance.types)
        return [each for each in found if isinstance(each.composite, composite)]

    def new_tank(self) -> FuelTank:
        """Where fuel is kept from the beginning."""
        from wasmarium.engines.host.metering import FuelTank

        return FuelTank(HostGlobal(self, FUEL_TYPE, self.define(FUEL_TYPE)))

    def take_area(self) -> Area:
        """An area for one run."""
        return self._areas.pop() if self._areas else self.bridge.area(AREA_SIZE)

    def give_area(self, area: Area) -> None:
        """The run has ended."""
        self._areas.append(area)

    # ---- identities ----

    def know(self, handle: Handle, external: Any) -> None:
        """Let ``handle`` stand for ``external`` when it comes back."""
        self.glue.register(handle, len(self.externals))
        self.externals.append(external)

    def known(self, handle: Handle) -> Any:
        """What a handle stands for, or None."""
        number = self.glue.numberOf(handle)
        return None if number < 0 else self.externals[number]

    def handle_of(self, external: ExternalValue, instance: ModuleInstance | None) -> Handle:
        """What the host knows ``external`` by; ``instance`` is the one that imports it. Unsupported for a
        memory, table or variable of the interpreter."""
        if isinstance(external, _OF_THE_HOST) and external.realm is self:
            return external.handle
        if isinstance(external, HostMemory) and external.declared.shared:
            # the one thing that stores may share
            if self.known(external.handle) is None:
                self.know(external.handle, external)
            return external.handle
        if isinstance(external, FunctionInstance):
            if not self.glue.waits and may_wait(external):
                _, why = self.bridge.blocking()
                raise Unsupported(f"a host function may wait, and this platform cannot suspend WebAssembly: {why}")
            return self._callee(external, instance)
        if isinstance(external, TagInstance):
            return self._tag_handle(external)
        if isinstance(external, GlobalInstance) and not external.type.mutable:
            return self._constant(external)
        raise no_room(external)

    def _constant(self, external: GlobalInstance) -> Handle:
        content = external.type.content
        if shims.is_exception(content) and external.value is not None:
            raise Unsupported("an immutable global with an exception in it cannot come into the host's WebAssembly")
        imports = []
        if isinstance(content, ReferenceType) and not shims.is_exception(content):
            self._prepare((content,))
            self.references.put(0, content, external.value)
            imports.append(self.glue.functionItself(0) if shims.is_function(content) else self.glue.externItself(0))
        module = self.bridge.compile(shims.constant(external.type, external.value))
        exported = self.glue.link(module, self.bridge.array(imports))
        if exported is None:
            raise self.failure(0)
        handle = self.glue.exports(exported, 1)[0]
        self.know(handle, external)
        return handle

    def _callee(self, function: FunctionInstance, instance: ModuleInstance | None) -> Handle:
        imported, callback = make_import(self, function, instance)
        self._imported.append(imported)
        handle = self.glue.callee(self.shim(shims.callee, function.defined), callback)
        self.know(handle, function)
        return handle

    def function_handle(self, function: FunctionInstance) -> Handle:
        """Likewise, of a function that is handed over as a reference."""
        if isinstance(function, HostedFunction) and function.realm is self:
            return function.handle
        found = self._callees.get(function)
        if found is None:
            found = self._callees[function] = self._callee(function, None)
        return found

    def _tag_handle(self, tag: TagInstance) -> Handle:
        if isinstance(tag, HostTag):
            return tag.handle
        found = self._tags.get(tag)
        if found is None:
            found = self._tags[tag] = self.define(tag.type)
            self.know(found, tag)
        return found

    def know_tag(self, tag: HostTag) -> None:
        """A tag that a guest has."""
        self._tags[tag] = tag.handle

    def unknown_function(self, handle: Handle, type: ReferenceType) -> FunctionInstance:
        """A function that came as a reference and was never seen: some guest's own."""
        index = int(handle.name)
        for reference in self.instances:
            instance = reference()
            if instance is not None:
                function = instance.own_function(index, handle)
                if function is not None:
                    return function
        raise Crash("a function came out of a guest that nobody knows")

    # ---- failures ----

    def fail(self, run: int, error: BaseException, name: str | None) -> int:
        """Note what a host function raised; what the shim is to be told."""
        if isinstance(error, GuestException) and isinstance(error.exception, ExceptionInstance):
            self.glue.throwNext(self.exception_handle(error.exception))
            return shims.THROW
        self.failures[run] = error, name
        return shims.FAIL

    def failure(self, run: int) -> BaseException:
        """What a call ended with that failed just now."""
        if self.overflowed:
            self.overflowed = False
            return trap(TrapCode.STACK_OVERFLOW)
        noted = self.failures.pop(run, None)
        if noted is not None and has_all_frames(noted):
            return noted[0]
        kind, message, stack = self.glue.failed()
        if kind == "exception":
            return GuestException(self.exception())
        if noted is not None:
            return self.placed(noted, stack)
        if kind in ("trap", "overflow"):
            return self.trapped(kind, message, stack)
        if kind == "interrupt":
            return KeyboardInterrupt()
        return Crash(f"the host's WebAssembly says: {message}")

    def cannot_tell_null(self, message: str) -> bool:
        """Whether the host says the same of a null function and of one of another type."""
        return SAME_FOR_NULL in message and SAME_FOR_NULL in self._shims.complaint(self.glue)

    # ---- exceptions ----

    def exception(self) -> ExceptionInstance:
        """What a guest has thrown just now."""
        glue = self.glue
        handle = glue.exception()
        number = glue.numberOf(handle)
        known = self._thrown.get(number)
        if known is None:
            tags = list(self._tags)
            found = glue.thrownBy(self.bridge.array([self._tags[tag] for tag in tags]))
            if found < 0:
                raise Crash("an exception came out of a guest whose tag nobody knows")
            tag = tags[found]
            accessor, fields = self._exception_accessor(tag)
            accessor.open(handle)
            known = ExceptionInstance(tag, tuple(fields.unpack(self, self.buffer)))
            self._know_exception(handle, known)
        return known

    def exception_handle(self, exception: ExceptionInstance) -> Handle:
        """What the host knows an exception by."""
        found = self._exceptions.get(exception)
        if found is None:
            accessor, fields = self._exception_accessor(exception.tag)
            fields.pack(self, self.buffer, exception.fields)
            found = accessor.make()
            self._know_exception(found, exception)
        return found

    def _know_exception(self, handle: Handle, exception: ExceptionInstance) -> None:
        self._exception_count += 1
        self.glue.register(handle, self._exception_count)
        self._thrown[self._exception_count] = exception
        self._exceptions[exception] = handle

    def _exception_accessor(self, tag: TagInstance) -> tuple[ExceptionAccessor, Codec]:
        found: tuple[ExceptionAccessor, Codec] | None = self._accessors.get(tag)
        if found is None:
            handle = self._tag_handle(tag)
            defined = tag.type.type
            assert not isinstance(defined, int)
            fields = self.codec(defined.function.parameters)
            module = self.shim(heap_shims.exception_accessor, TagType(defined))
            found = self._accessors[tag] = self.glue.exceptionAccessor(module, handle), fields
        return found
