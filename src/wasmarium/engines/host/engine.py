"""The engine itself: modules become instances, functions become executions."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from weakref import WeakKeyDictionary, ref

from wasmarium.binary.code import read_instruction
from wasmarium.engines.base import Execution
from wasmarium.engines.host.detect import refuse
from wasmarium.engines.host.externals import HostGlobal, HostTable, HostTag
from wasmarium.engines.host.functions import HostedFunction, HostExecution, may_wait
from wasmarium.engines.host.glue import Area, Bridge, Handle
from wasmarium.engines.host.interruption import PAUSE, Watchman
from wasmarium.engines.host.memory import HostMemory
from wasmarium.engines.host.metering import FuelTank
from wasmarium.engines.host.realm import AREA_SIZE, Realm, ShimCache
from wasmarium.engines.host.remote.execution import RemoteExecution
from wasmarium.engines.host.remote.externals import RemoteFunction, RemoteGlobal, RemoteTable, RemoteTag
from wasmarium.engines.host.remote.mailbox import GuestWorker
from wasmarium.engines.host.rewrite import Rewritten, bounded_table, rewrite
from wasmarium.engines.host.traps import innermost_place
from wasmarium.engines.host.watching import watch, watch_pages
from wasmarium.engines.interpreter import Interpreter
from wasmarium.errors import Exhausted, Frame, Trap, TrapCode, Unsupported, WasmError
from wasmarium.features import DEFAULT, Features
from wasmarium.instrument import Pass
from wasmarium.instrument.depth import DEPTH, CallDepth
from wasmarium.instrument.dirty import DIRTY, DirtyPages
from wasmarium.instrument.fuel import FUEL, FUEL_TYPE, Fuel
from wasmarium.instrument.monitors import Monitor
from wasmarium.instrument.rewriting import WatchingPass
from wasmarium.instrument.safepoints import COUNTER, POLL, Safepoints
from wasmarium.instrument.sharing import SharedMemories
from wasmarium.module import Module
from wasmarium.runtime import linking
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.linking import closed_type, match_imports
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.store import Store
from wasmarium.runtime.table import TableInstance
from wasmarium.runtime.values import Value
from wasmarium.types import GlobalType, MemoryType, TableType, TagType
from wasmarium.validation import validate_module

if TYPE_CHECKING:
    from wasmarium.engines.host.remote.realm import RemoteRealm


class Settings(NamedTuple):
    """What of a store, and of what is in it, a compiled module depends on."""

    memory_bytes: int
    """Of each memory."""
    table_elements: int
    fuel: str | None
    """None: nobody pays; own: from a global of the module; shared: from one that it imports."""
    safepoints: bool
    call_depth: int | None
    dirty_pages: bool
    share: bool
    reveal: bool
    monitors: tuple[str, ...]
    """Their kinds."""
    remote: bool
    """Whether it is for a worker."""

    @classmethod
    def of(cls, store: Store, realm: Realm | RemoteRealm, module: Module) -> Settings:
        """Those for the next instance in ``store``."""
        fuel = None
        if store.fuel is not None:
            if realm.tank is None and any(isinstance(item.type, TableType) for item in module.imports):
                # in a table, functions outlive an instantiation that fails: they must pay too
                realm.tank = realm.new_tank()
                store.keep_fuel_in(realm.tank)
            fuel = "own" if realm.tank is None else "shared"
        limits = store.limits
        kinds = tuple(dict.fromkeys(monitor.kind for monitor in store.monitors))
        depth = limits.call_depth if limits.call_depth < ResourceLimits().call_depth else None
        asked = store.is_over is not None
        remote = not isinstance(realm, Realm)
        memories = store.watch, store.share or remote or realm.shares, store.reveal
        most = limits.each_memory(len(module.memories))
        return cls(most, limits.table_elements, fuel, asked, depth, *memories, kinds, remote)

    def passes(self, monitors: Sequence[Monitor]) -> tuple[list[Pass], dict[str, Pass]]:
        """What is to be put into the module; what writes something down also by its kind."""
        wanted: dict[str, Pass] = {monitor.kind: monitor.make_pass() for monitor in reversed(monitors)}
        passes: list[Pass] = []
        if self.fuel is not None:
            passes.append(Fuel(shared=self.fuel == "shared"))
        if self.safepoints:
            passes.append(Safepoints())
        if self.call_depth is not None:
            passes.append(CallDepth(self.call_depth))
        if self.share:
            passes.append(SharedMemories(self.memory_bytes))
        if self.dirty_pages:
            wanted[DIRTY] = DirtyPages(self.memory_bytes)
        return [*passes, *wanted.values()], wanted


class Compiled(NamedTuple):
    """A module as the host has it: its number, how it was rewritten and by which passes, and itself."""

    number: int
    rewritten: Rewritten
    passes: dict[str, Pass]
    handle: Handle


class HostInstance(ModuleInstance):
    """An instance on the host. Its lists have only what Python can reach, at the right index; the
    rest is None. ``waits`` says whether calling it may lead to a host function, which might wait. ``added`` are
    the exports that passes added, by their role; ``kept`` lives as long."""

    __slots__ = ("_exported", "added", "kept", "number", "realm", "rewritten", "settings", "waits")

    def __init__(
        self, store: Store, module: Module, name: str | None, realm: Realm, settings: Settings, compiled: Compiled
    ) -> None:
        super().__init__(store, module, name)
        number, rewritten = compiled.number, compiled.rewritten
        self.realm = realm
        self.number = number
        self.rewritten = rewritten
        self.settings = settings
        self.waits = False
        self.added: dict[str, Handle] = {}
        self.kept: list[Any] = []
        self._exported: Handle = None
        nothing = cast(Any, None)
        self.functions = [nothing] * len(module.all_functions)
        self.tables = [nothing] * len(module.all_tables)
        self.memories = [nothing] * len(module.all_memories)
        self.globals = [nothing] * len(module.all_globals)
        self.tags = [nothing] * len(module.all_tags)

    def place(self, imports: Sequence[ExternalValue]) -> None:
        """Put the imports at the beginning of their index spaces."""
        positions = {"func": 0, "table": 0, "memory": 0, "global": 0, "tag": 0}
        for external in imports:
            kind = _kind(external)
            self._space(kind)[positions[kind]] = external
            positions[kind] += 1
            if isinstance(external, HostedFunction):
                self.waits |= external.instance.waits
            elif isinstance(external, FunctionInstance | TableInstance):
                self.waits = True

    def link(self, exported: Handle) -> None:
        """Take over what the host's instance exports."""
        self._exported = exported
        rewritten = self.rewritten
        own = rewritten.first_function if rewritten.first_function is not None else len(rewritten.exports)
        handles = self.realm.glue.exports(exported, own)
        self.added = {role: handles[position] for role, position in rewritten.added.items()}
        for position, (handle, (kind, index)) in enumerate(zip(handles, rewritten.exports, strict=False)):
            if rewritten.first_added <= position < rewritten.first_tag:
                continue
            space = self._space(kind)
            if space[index] is None:
                space[index] = self._wrap(kind, index, handle)
        for export in self.module.exports:
            self.exports[export.name] = self._space(export.kind)[export.index]

    def _space(self, kind: str) -> list[Any]:
        spaces: dict[str, list[Any]] = {
            "func": self.functions,
            "table": self.tables,
            "memory": self.memories,
            "global": self.globals,
            "tag": self.tags,
        }
        return spaces[kind]

    def _wrap(self, kind: str, index: int, handle: Handle) -> ExternalValue:
        realm, module = self.realm, self.module
        known = realm.known(handle)
        if known is not None:
            return cast(ExternalValue, known)
        made: ExternalValue
        if kind == "func":
            name = module.function_name(index)
            made = HostedFunction(realm, self.types[module.all_functions[index]], handle, self, index, name)
        else:
            external = closed_type(module, kind, index)
            if isinstance(external, MemoryType):
                made = HostMemory(realm, external, handle, self.settings.share)
            elif isinstance(external, TableType):
                made = HostTable(realm, external, handle)
            elif isinstance(external, GlobalType):
                made = HostGlobal(realm, external, handle)
            else:
                assert isinstance(external, TagType)
                made = HostTag(realm, external, handle)
                realm.know_tag(made)
        realm.know(handle, made)
        return made

    def calls_full_table(self, frame: Frame) -> bool:
        """Whether the call_indirect at which a frame stands uses a table without any null."""
        if frame.offset is None or frame.mnemonic is None or "call_indirect" not in frame.mnemonic:
            return False
        _, (_, table), _ = read_instruction(self.module.data, frame.offset)
        return not self._has_null(self.rewritten.first_table + table)

    def _has_null(self, table: int) -> bool:
        return self.realm.glue.hasNull(getattr(self._exported, str(table)))

    def explained(self, trap: Trap, stack: str) -> Trap:
        """A trap in this instance, which may be one of code that was put into it."""
        if self.settings.call_depth is None or trap.code is not TrapCode.UNREACHABLE:
            return trap
        place = innermost_place(stack)
        if place is None or not self.rewritten.was_added(*place):
            return trap
        if self.realm.tank is not None and self.realm.tank.overdrawn:
            return trap
        return Trap(TrapCode.STACK_OVERFLOW.message, TrapCode.STACK_OVERFLOW, trap.frames)

    def own_function(self, index: int, handle: Handle) -> FunctionInstance | None:
        """Function ``index``, if it is the one that ``handle`` is."""
        first = self.rewritten.first_function
        if first is None or index >= len(self.functions) or self._exported is None:
            return None
        found = getattr(self._exported, str(first + index))
        if not self.realm.glue.same(found, handle):
            return None
        if self.functions[index] is None:
            self.functions[index] = cast(FunctionInstance, self._wrap("func", index, handle))
        return self.functions[index]


def _kind(external: ExternalValue) -> str:
    if isinstance(external, FunctionInstance):
        return "func"
    if isinstance(external, TableInstance):
        return "table"
    if isinstance(external, MemoryInstance):
        return "memory"
    return "global" if isinstance(external, GlobalInstance) else "tag"


BIG = 1 << 18
"""Bytes of a module that is validated by the host alone: ours would take a tenth of a second and more."""


class HostEngine:
    """The engine that runs guests on the host; see :class:`~wasmarium.engines.base.Engine`.

    What the host cannot do falls back to the interpreter; ``fallback`` says why. ``pause`` is for how many
    milliseconds a guest that may be interrupted runs before it is asked, and gives way if somebody awaits it.
    """

    name = "host"

    def __init__(self, bridge: Bridge, pause: float = PAUSE) -> None:
        self._bridge = bridge
        self._pause = pause
        self._shims = ShimCache(bridge)
        self._interpreter = Interpreter()
        self._realms: WeakKeyDictionary[Store, ref[Realm]] = WeakKeyDictionary()
        self._compiled: WeakKeyDictionary[Module, dict[Settings, Compiled]] = WeakKeyDictionary()
        self._numbers = count()
        self._area: Area = bridge.area(AREA_SIZE)
        self._fallbacks: WeakKeyDictionary[Module, str] = WeakKeyDictionary()
        self._vouched: WeakKeyDictionary[Module, Features] = WeakKeyDictionary()
        self._remotes: WeakKeyDictionary[Store, ref[RemoteRealm]] = WeakKeyDictionary()
        self._way, _ = bridge.blocking()
        self._spare: GuestWorker | None = None
        if self._way == "worker" and not bridge.starts_workers_at_once():
            self._spare = GuestWorker(bridge)

    # ---- running ----

    def start(self, function: FunctionInstance, arguments: Sequence[Value]) -> Execution:
        """Begin a call of ``function``."""
        if isinstance(function, HostedFunction):
            return HostExecution(function, arguments)
        if isinstance(function, RemoteFunction):
            return RemoteExecution(function, arguments)
        return self._interpreter.start(function, arguments)

    def vouches(self, module: Module, features: Features) -> bool:
        """Whether the host finds ``module`` valid, where it is so big that asking the host is much quicker.

        What the host finds invalid is for our own validator, which says where; so is everything where ``features``
        are fewer than the host's.
        """
        if len(module.data) < BIG or not features >= DEFAULT or not self._bridge.validate(module.data):
            return False
        self._vouched[module] = features
        return True

    def quick(self, function: FunctionInstance, slow: Callable[[Sequence[Any]], Any]) -> Callable[..., Any] | None:
        """See :class:`~wasmarium.engines.base.Engine`."""
        return function.quick(slow) if isinstance(function, HostedFunction) else None

    def fallback(self, module: Module) -> str | None:
        """Why instances of ``module`` run on the interpreter instead, or None."""
        return self._fallbacks.get(module)

    # ---- making ----

    def leave(self, store: Store) -> None:
        """See :class:`~wasmarium.engines.base.Engine`."""
        remote = self._remote(store)
        if remote is not None:
            remote.worker.end(WasmError("the store of this guest was closed"))

    def hurry(self) -> None:
        """See :class:`~wasmarium.engines.base.Engine`."""
        for remote in [each() for each in self._remotes.values()]:
            if remote is not None:
                remote.worker.check()
        for reference in self._realms.values():
            realm = reference()
            if realm is not None and realm.watchman is not None:
                instances = [each() for each in realm.instances]
                counters = [each.added[COUNTER] for each in instances if each is not None and COUNTER in each.added]
                realm.glue.hurry(self._bridge.array(counters))

    def realm(self, store: Store) -> Realm:
        """That of a store."""
        reference = self._realms.get(store)
        found = None if reference is None else reference()
        if found is None:
            found = Realm(self._bridge, self._shims, store.limits, self._area)
            # guests in workers may want its memories
            found.shares = self._way == "worker"
            self._realms[store] = ref(found)
        return found

    def remote(self, store: Store) -> RemoteRealm:
        """What is in the worker of a store, which is started if there is none."""
        from wasmarium.engines.host.remote.realm import RemoteRealm

        found = self._remote(store)
        if found is None:
            spare, self._spare = self._spare, None
            found = RemoteRealm(self.realm(store), spare if spare is not None else GuestWorker(self._bridge), store)
            self._remotes[store] = ref(found)
            if spare is not None:
                self._spare = GuestWorker(self._bridge)
        return found

    def _remote(self, store: Store) -> RemoteRealm | None:
        reference = self._remotes.get(store)
        return None if reference is None else reference()

    def _runs_remotely(self, store: Store, imports: Sequence[ExternalValue]) -> bool:
        """Whether an instance with these imports belongs into the worker of its store."""
        if self._way != "worker":
            return False
        if any(isinstance(each, FunctionInstance) and may_wait(each) for each in imports):
            return True
        if any(isinstance(each, RemoteTable | RemoteGlobal | RemoteTag) for each in imports):
            return True
        return store.fuel is not None and self._remote(store) is not None

    async def ready(self, store: Store, imports: Sequence[ExternalValue]) -> Any:
        """See :class:`~wasmarium.engines.base.Engine`."""
        if not self._runs_remotely(store, imports):
            return None
        remote = self.remote(store)
        await remote.worker.boot_later()
        return remote

    def array(self, handles: Sequence[Handle]) -> Handle:
        """An array of JavaScript."""
        return self._bridge.array(handles)

    def memory(self, store: Store, type: MemoryType) -> MemoryInstance:
        """A new memory. Raises Exhausted."""
        realm = self.realm(store)
        with store.limits.taking(store.limits.first_bytes((type,)), "memory"):
            made = realm.memory(type, 1, store.share or realm.shares)
        if store.watch:
            made.watch()
        return made

    def table(self, store: Store, type: TableType, initial: Value) -> TableInstance:
        """A new table. Raises Exhausted."""
        count = type.limits.minimum
        if count > store.limits.table_elements:
            raise Exhausted(f"table of {count} elements is more than the limit of {store.limits.table_elements}")
        realm = self.realm(store)
        made = HostTable(realm, type, realm.define(bounded_table(type, store.limits)))
        realm.know(made.handle, made)
        if initial is not None:
            for index in range(count):
                made.elements[index] = initial
        return made

    def global_variable(self, store: Store, type: GlobalType, value: Value) -> GlobalInstance:
        """A new global."""
        if not type.mutable:
            return GlobalInstance(type, value)
        realm = self.realm(store)
        made = HostGlobal(realm, type, realm.define(type))
        realm.know(made.handle, made)
        made.value = value
        return made

    # ---- instances ----

    def instantiate(
        self, store: Store, module: Module, imports: Sequence[ExternalValue], name: str | None = None
    ) -> ModuleInstance:
        """See :func:`wasmarium.runtime.linking.instantiate`; the start function is left to the caller."""
        match_imports(module, imports)
        size = store.limits.first_bytes(memory.type for memory in module.memories)
        realm = self.realm(store)
        try:
            if self._runs_remotely(store, imports):
                from wasmarium.engines.host.remote.linking import instantiate

                made = instantiate(self, store, module, imports, name, size)
                self._fallbacks.pop(module, None)
                return made
            settings = Settings.of(store, realm, module)
            compiled = self.compiled(module, store, settings)
            instance = HostInstance(store, module, name, realm, settings, compiled)
            shared = (
                [cast(HostGlobal, realm.tank.variable).handle]
                if realm.tank is not None and settings.fuel == "shared"
                else []
            )
            handles = self._bridge.array([realm.handle_of(external, instance) for external in imports] + shared)
        except Unsupported as error:
            self._fallbacks[module] = error.message
            unchecked = self._vouched.pop(module, None)
            if unchecked is not None:
                # The interpreter trusts nobody's validation but ours.
                validate_module(module, unchecked)
            return linking.instantiate(store, module, imports, None, name)
        self._fallbacks.pop(module, None)
        store.admit(instance, len(module.memories), len(module.tables))
        with store.limits.taking(size, "memories"):
            realm.instances.append(ref(instance))
            instance.place(imports)
            exported = realm.glue.link(compiled.handle, handles)
            why = "" if exported is not None else realm.glue.failed()[0]
            if why == "overflow":
                # the memories of instances that nobody has any more still take up room
                gc.collect()
                exported = realm.glue.link(compiled.handle, handles)
            elif why == "size":
                exported = self._bridge.wait(realm.glue.linkLater(compiled.handle, handles))
            if exported is None:
                kind, message, _ = realm.glue.failed()
                raise realm.refusal(instance, kind, message, lambda: realm.failure(0))
        instance.link(exported)
        self._connect(instance, compiled.passes)
        return instance

    def _connect(self, instance: HostInstance, passes: dict[str, Pass]) -> None:
        """Let what was added to an instance have what it needs."""
        realm, store, added, settings = instance.realm, instance.store, instance.added, instance.settings
        if settings.fuel == "own":
            realm.tank = FuelTank(HostGlobal(realm, FUEL_TYPE, added[FUEL]))
            store.keep_fuel_in(realm.tank)
        if settings.safepoints:
            if realm.watchman is None:
                assert store.is_over is not None
                realm.watchman = Watchman(realm, store.is_over, self._pause)
            realm.glue.fillTable(added[POLL], 0, realm.watchman.handle)
        if settings.call_depth is not None:
            realm.glue.beginsAtZero(added[DEPTH])
        pages = passes.get(DIRTY)
        if isinstance(pages, DirtyPages) and pages.places:
            watch_pages(instance, pages)
        for monitor in store.monitors:
            watch(instance, monitor, cast(WatchingPass, passes[monitor.kind]))

    def compiled(self, module: Module, store: Store, settings: Settings) -> Compiled:
        """The module as an instance with ``settings`` needs it. Raises Unsupported, Exhausted."""
        known = self._compiled.setdefault(module, {})
        found = known.get(settings)
        if found is None:
            refuse(module)
            number = next(self._numbers)
            passes, wanted = settings.passes(store.monitors)
            rewritten = rewrite(module, number, store.limits, passes, settings.reveal, settings.remote)
            found = Compiled(number, rewritten, wanted, self._bridge.compile(rewritten.data))
            known[settings] = found
        return found
