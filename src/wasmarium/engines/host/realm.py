"""A realm: what the guests of one store share on the host, and what Python knows of it.

JavaScript keeps Python objects alive, and the reverse, and no collector sees through both. So whatever
JavaScript holds of Python here refers to it weakly: a realm goes with the last Python object that
belongs to it, and takes its callbacks along.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from wasmarium.engines.host import shims
from wasmarium.engines.host.externals import HostGlobal, HostTable, HostTag, no_room
from wasmarium.engines.host.functions import HostedFunction, Imported
from wasmarium.engines.host.glue import Area, Bridge, Glue, Handle
from wasmarium.engines.host.memory import HostMemory
from wasmarium.engines.host.references import References
from wasmarium.engines.host.traps import CALLS_NULL, SAME_FOR_NULL, backtrace, make_trap
from wasmarium.engines.host.values import Codec
from wasmarium.errors import Crash, Frame, GuestException, Trap, TrapCode, trap
from wasmarium.runtime.function import FunctionInstance, Pending
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.table import TableInstance
from wasmarium.runtime.tag import ExceptionInstance, TagInstance
from wasmarium.text.parser import parse_module
from wasmarium.types import F32, F64, I64, ExternalType, GlobalType, ReferenceType, TableType, ValueType

if TYPE_CHECKING:
    from wasmarium.engines.host.engine import HostInstance

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


class Realm:
    """See above. ``buffer`` is the area where values cross, ``view`` looks at it and ``room`` is its size."""

    def __init__(self, bridge: Bridge, shim_cache: ShimCache, limits: ResourceLimits, main: Area) -> None:
        self.bridge = bridge
        self.limits = limits
        self.area = main
        self.buffer = main.buffer
        self.view = memoryview(main.buffer)
        self.room = len(main.buffer)
        self.glue = bridge.realm(main)
        self.references = References(self)
        self.externals: list[Any] = []
        """What guests can hand back to Python, by number."""
        self.instances: list[weakref.ref[HostInstance]] = []
        self.pendings: dict[int, tuple[Pending, Imported]] = {}
        """By the area of the run: what it waits for."""
        self.failures: dict[int, tuple[BaseException, str]] = {}
        """Likewise: the exception that a host function raised, and the name of that function."""
        self.overflowed = False
        """Whether the last failure is that guest and host, calling one another, used up Python's stack."""
        self._shims = shim_cache
        self._codecs: dict[tuple[ValueType, ...], Codec] = {}
        self._imported: list[Imported] = []
        self._tags: dict[TagInstance, Handle] = {}
        self._exceptions: dict[ExceptionInstance, Handle] = {}
        self._areas: list[Area] = []
        weakref.finalize(self, self.glue.destroy)

    # ---- shims ----

    def codec(self, types: Sequence[ValueType]) -> Codec:
        """How values of these types cross."""
        key = tuple(types)
        found = self._codecs.get(key)
        if found is None:
            found = self._codecs[key] = Codec(key)
        return found

    def shim(self, make: Callable[[Any], bytes], type: Any) -> Handle:
        """A compiled shim."""
        return self._shims.get(make, type)

    def accessor(self, type: GlobalType | TableType, handle: Handle) -> Any:
        """What gets at a global or a table."""
        make: Callable[[Any], bytes] = shims.global_accessor if isinstance(type, GlobalType) else shims.table_accessor
        return self.glue.accessor(self.shim(make, type), handle)

    def define(self, type: ExternalType) -> Handle:
        """A new memory, table, global or tag."""
        return self.glue.define(self.shim(shims.define, type))

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
        """What the host knows ``external`` by; ``instance`` is the one that imports it. WasmError for a
        memory, table or variable of the interpreter."""
        if isinstance(external, _OF_THE_HOST) and external.realm is self:
            return external.handle
        if isinstance(external, FunctionInstance):
            return self._callee(external, instance)
        if isinstance(external, TagInstance):
            return self._tag_handle(external)
        if isinstance(external, GlobalInstance) and not external.type.mutable:
            return self._constant(external)
        kind = {MemoryInstance: "a memory", TableInstance: "a table"}.get(type(external), "a variable")
        raise no_room(kind)

    def _constant(self, external: GlobalInstance) -> Handle:
        content = external.type.content
        shims.check((content,))
        imports = []
        if isinstance(content, ReferenceType):
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
        imported = Imported(self, function, instance)
        self._imported.append(imported)
        callback = self.bridge.callback(imported.callback())
        handle = self.glue.callee(self.shim(shims.callee, function.defined), callback)
        self.know(handle, function)
        return handle

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

    def fail(self, run: int, error: BaseException, name: str) -> int:
        """Note what a host function raised; what the shim is to be told."""
        if isinstance(error, GuestException) and isinstance(error.exception, ExceptionInstance):
            self.glue.throwNext(self._exception_handle(error.exception))
            return shims.THROW
        self.failures[run] = error, name
        return shims.FAIL

    def failure(self, run: int, called: HostInstance | None = None) -> BaseException:
        """What a call ended with that failed just now."""
        if self.overflowed:
            self.overflowed = False
            return trap(TrapCode.STACK_OVERFLOW)
        noted = self.failures.pop(run, None)
        if noted is not None and not (isinstance(noted[0], Trap) and not noted[0].frames):
            return noted[0]
        kind, message, stack = self.glue.failed()
        if kind == "exception":
            return self._guest_exception()
        found: list[HostInstance] = []
        lookup = self._lookup(called, found)
        if noted is not None:
            error, name = noted
            assert isinstance(error, Trap)
            error.frames = (Frame(None, name or None), *backtrace(stack, lookup))
            return error
        if kind in ("trap", "overflow"):
            made = make_trap(kind, message, stack, lookup)
            # the first instance that was looked up is where the trap was
            unclear = made.code is TrapCode.BAD_SIGNATURE and found and self._cannot_tell_null(message)
            if unclear and not found[0].calls_full_table(made.frames[0]):
                code = TrapCode.INDIRECT_CALL_TO_NULL
                return Trap(code.message, code, made.frames)
            return made
        return Crash(f"the host's WebAssembly says: {message}")

    def _cannot_tell_null(self, message: str) -> bool:
        """Whether the host says the same of a null function and of one of another type."""
        return SAME_FOR_NULL in message and SAME_FOR_NULL in self._shims.complaint(self.glue)

    def _lookup(self, called: HostInstance | None, found: list[HostInstance]) -> Any:
        def lookup(number: int | None) -> Any:
            for reference in self.instances:
                instance = reference()
                if instance is None:
                    continue
                if instance is called if number is None else instance.number == number:
                    found.append(instance)
                    return instance.module, instance.name, instance.rewritten.shift
            return None

        return lookup

    # ---- exceptions ----

    def _guest_exception(self) -> BaseException:
        glue = self.glue
        handle = glue.exception()
        known = self.known(handle)
        if known is None:
            tags = list(self._tags)
            found = glue.thrownBy(self.bridge.array([self._tags[tag] for tag in tags]))
            if found < 0:
                return Crash("an exception came out of a guest whose tag nobody knows")
            known = ExceptionInstance(tags[found], tuple(self._fields(tags[found])))
            self._exceptions[known] = handle
            self.know(handle, known)
        return known.cause if isinstance(known.cause, BaseException) else GuestException(known)

    def _fields(self, tag: TagInstance) -> list[Any]:
        values = []
        glue = self.glue
        assert not isinstance(tag.type.type, int)
        for index, each in enumerate(tag.type.type.function.parameters):
            glue.field(self._tags[tag], index, 0)
            if isinstance(each, ReferenceType):
                if shims.is_function(each):
                    glue.takeFunction(0)
                values.append(self.references.take(0, each))
            elif each in (F32, F64):
                values.append(float(glue.number(0)))
            elif each is I64:
                values.append(int(glue.integer(0)) & (1 << 64) - 1)
            else:
                values.append(int(glue.number(0)) & 0xFFFFFFFF)
        return values

    def _exception_handle(self, exception: ExceptionInstance) -> Handle:
        found = self._exceptions.get(exception)
        if found is not None:
            return found
        tag = self._tag_handle(exception.tag)
        assert not isinstance(exception.tag.type.type, int)
        types = exception.tag.type.type.function.parameters
        for slot, (each, value) in enumerate(zip(types, exception.fields, strict=True)):
            if isinstance(each, ReferenceType):
                self.references.put(slot, each, value)
                if shims.is_function(each):
                    self.glue.copyFunction(slot)
            elif each is I64:
                self.glue.setInteger(slot, str(value))
            else:
                self.glue.setNumber(slot, value)
        handle = self._exceptions[exception] = self.glue.makeException(tag, len(types))
        self.know(handle, exception)
        return handle
