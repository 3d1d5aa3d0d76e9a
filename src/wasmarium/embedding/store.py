"""Store: what guests live in, and what they may use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Union
from weakref import ref

from wasmarium.embedding.engine import Engine
from wasmarium.embedding.managed import Managed
from wasmarium.errors import Unsupported, WasmError
from wasmarium.hostcalls import Outside
from wasmarium.hostcalls import host_functions as hostcall_functions
from wasmarium.network import Access
from wasmarium.policy import Policy
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.store import Store as RuntimeStore
from wasmarium.wasi.preview1 import MODULES, host_functions

if TYPE_CHECKING:
    from wasmarium.embedding.caller import Caller
    from wasmarium.embedding.wasi_config import WasiConfig
    from wasmarium.instrument.monitors import Monitor
    from wasmarium.runtime.function import HostFunction
    from wasmarium.wasi.preview1 import Wasi

U64 = (1 << 64) - 1


class Store(Managed):
    """The home of instances, memories, tables, globals and functions.

    Everything that is called or read is given the store that it lives in:

    >>> from wasmarium import Limits, Memory, MemoryType, Store
    >>> store = Store()
    >>> memory = Memory(store, MemoryType(Limits(1, None)))
    >>> memory.write(store, b"hello", 100)
    5
    >>> bytes(memory.read(store, 100, 105))
    b'hello'

    ``engine`` is a new one unless given. ``data`` is any object of yours; :meth:`data` gives it back.
    """

    def __init__(self, engine: Engine | None = None, data: Any = None) -> None:
        if engine is None:
            engine = Engine()
        elif not isinstance(engine, Engine):
            raise TypeError("expected an Engine")
        engine._check_open()
        self.engine = engine
        self._data = data
        self._deadline = 0
        self._until: int | None = None
        self._policy: Policy | None = None
        self._network: Access | None = None
        self._hostcalls: tuple[Outside, dict[str, HostFunction]] | None = None
        self._wasi: Wasi | None = None
        self._gojs: dict[str, HostFunction] | None = None
        self._wasi_functions: dict[str, dict[str, HostFunction]] | None = None
        self._wasi_bound: list[Callable[[], None]] = []
        """To be called when the functions are replaced by others."""
        self._gojs_bound: list[Callable[[], None]] = []
        """Likewise, when it is another program of Go that runs, or none."""
        self._runtime = RuntimeStore(ResourceLimits(), 0 if engine._consumes_fuel else None)
        if engine._counts_epochs:
            this = ref(self)
            self._runtime.is_over = lambda: (store := this()) is not None and store._is_over()

    def data(self) -> Any:
        """What was given as ``data``."""
        self._check_open()
        return self._data

    def gc(self) -> None:
        """Nothing to do: Python collects what no guest refers to."""
        self._check_open()

    def set_fuel(self, fuel: int) -> None:
        """Let guests execute ``fuel`` more instructions, whatever was left before.

        Needs ``Config.consume_fuel``, else WasmtimeError.
        """
        self._fuel()
        self._runtime.fuel = fuel & U64

    def get_fuel(self) -> int:
        """How many instructions guests may still execute. Needs ``Config.consume_fuel``."""
        return self._fuel()

    def _fuel(self) -> int:
        self._check_open()
        fuel = self._runtime.fuel
        if fuel is None:
            raise WasmError("fuel is not configured in this store")
        return fuel

    def set_epoch_deadline(self, ticks_after_current: int) -> None:
        """Interrupt guests once the engine's epoch has moved on by this many ticks from now.

        Counts only with ``Config.epoch_interruption``; then it must be called before any guest runs.
        """
        self._check_open()
        self._deadline = self.engine._epoch + ticks_after_current
        self.engine._execution.hurry()

    def _is_over(self) -> bool:
        """Whether guests are to be interrupted."""
        if self.engine._epoch >= self._deadline:
            return True
        return self._until is not None and self.engine._platform.clock.monotonic() >= self._until

    def set_limits(
        self,
        memory_size: int = -1,
        table_elements: int = -1,
        instances: int = -1,
        tables: int = -1,
        memories: int = -1,
    ) -> None:
        """Bound what guests may take. A negative number leaves that bound as it is.

        ``memory_size`` is in bytes and for each memory; ``table_elements`` is for each table; the
        rest count what the store may hold. A module that asks for more cannot be instantiated
        (WasmtimeError); growing beyond gives the guest -1.

        On the host engine memories and tables keep the bounds that held when they were made, and the guest's structs
        and arrays have none but the host's own.
        """
        self._check_open()
        limits = self._runtime.limits
        for name, bound in (
            ("memory_bytes", memory_size),
            ("table_elements", table_elements),
            ("instances", instances),
            ("tables", tables),
            ("memories", memories),
        ):
            if bound >= 0:
                setattr(limits, name, bound)

    def attach(self, monitor: Monitor) -> None:
        """Let ``monitor`` watch the instances that are made from now on; see ``wasmarium.instrument.monitors``.

        Only with the host engine, else WasmtimeError. Not in wasmtime.
        """
        self._check_open()
        if not all(hasattr(monitor, name) for name in ("kind", "make_pass", "watch", "called")):
            raise TypeError("expected a Monitor")
        if self.engine.strategy != "host":
            raise Unsupported("monitors need the host engine")
        self._runtime.monitors.append(monitor)

    def watch_memories(self, *, share: bool = False) -> None:
        """Let the memories that are made from now on note where they are written: ``Memory.written`` tells it.

        ``share`` makes them SharedArrayBuffers too, which other threads can look at while the guest runs:
        ``Memory.host_buffer`` gives them. That needs the host engine and a platform that has such buffers, else
        WasmtimeError; modules that wait on atomics of an unshared memory are interpreted then. Not in wasmtime.
        """
        self._check_open()
        if share:
            if self.engine.strategy != "host":
                raise Unsupported("shared buffers need the host engine")
            if not self.engine._platform.webassembly().has_shared_memory():
                raise Unsupported("shared buffers need SharedArrayBuffer, which only a cross-origin isolated page has")
            self._runtime.share = True
        self._runtime.watch = True

    def set_policy(self, policy: Policy) -> None:
        """Grant guests what ``policy`` says, and nothing else of it: the network, and what of a
        :class:`WasiConfig` reaches them; bound their memory, fuel and time. Before :meth:`set_wasi`.

        Without it they have no network. ``policy.fuel`` needs ``Config.consume_fuel`` (else WasmtimeError),
        ``policy.wall_time``, which begins now, ``Config.epoch_interruption``. Not in wasmtime.
        """
        self._check_open()
        if not isinstance(policy, Policy):
            raise TypeError("expected a Policy")
        if self._wasi is not None or self._network is not None:
            raise WasmError("the policy comes before set_wasi, and before any guest")
        if policy.fuel is not None:
            self.set_fuel(policy.fuel)
        if policy.wall_time is not None:
            if not self.engine._counts_epochs:
                raise WasmError("a policy with wall_time needs Config.epoch_interruption")
            self._until = self.engine._platform.clock.monotonic() + policy.wall_time
            if self._deadline == 0:
                self.set_epoch_deadline(U64)
        if policy.memory is not None:
            self.set_limits(memory_size=policy.memory)
        self._policy = policy

    def _access(self) -> Access:
        """The guests' way to the network, made when it is needed first."""
        if self._network is None:
            self._network = Access(self.engine._platform.network, self._policy or Policy())
        return self._network

    def _hostcall(self, name: str) -> HostFunction:
        """One function of the import module ``wasmarium``."""
        self._check_open()
        if self._hostcalls is None:
            platform = self.engine._platform
            outside = Outside(access=self._access(), clock=platform.clock, log=platform.log())
            self._hostcalls = outside, hostcall_functions(outside)
        return self._hostcalls[1][name]

    def set_wasi(self, wasi: WasiConfig) -> None:
        """Give guests the WASI world that ``wasi`` describes: arguments, files, standard streams.

        ``Linker.define_wasi`` provides the functions. Files and directories that it names are opened
        now; :meth:`close` closes them.
        """
        self._check_open()
        if not isinstance(wasi, Managed) or not hasattr(wasi, "_build"):
            raise TypeError("expected a WasiConfig")
        made = wasi._build(self.engine._platform, self._access(), self._policy)
        if self._wasi is not None:
            self._wasi.close()
        self._wasi = made
        self._wasi_functions = {module: host_functions(made, module) for module in MODULES}
        while self._wasi_bound:
            self._wasi_bound.pop()()

    def _run_gojs(self, functions: dict[str, HostFunction] | None) -> None:
        self._gojs = functions
        while self._gojs_bound:
            self._gojs_bound.pop()()

    def close(self) -> None:
        """Give up the store, and close the files and connections that its guests have open."""
        super().close()
        if "_runtime" in self.__dict__:
            self.engine._execution.leave(self._runtime)
        hostcalls = self.__dict__.get("_hostcalls")
        if hostcalls is not None:
            hostcalls[0].close()
        wasi = self.__dict__.get("_wasi")
        if wasi is not None:
            wasi.close()

    def set_wasi_http(self) -> None:
        """Not there yet: raises WasmtimeError."""
        raise Unsupported("wasi:http comes with the component model")

    def _context(self) -> Store:
        self._check_open()
        return self


class StoreContext:
    """A store as a callback sees it, for as long as the callback runs."""

    def __init__(self, store: Store) -> None:
        self._store: Store | None = store

    def _context(self) -> Store:
        if self._store is None:
            raise ValueError("caller is no longer valid")
        return self._store._context()

    def _invalidate(self) -> None:
        self._store = None


Storelike = Union[Store, "Caller", StoreContext]
"""What may stand for a store."""


def resolve(store: Storelike) -> Store:
    """The store itself. TypeError when it is none, ValueError when its time is over."""
    context = getattr(store, "_context", None)
    if context is None:
        raise TypeError("expected a Store")
    found: Store = context()
    return found


def check_owner(store: Storelike, owner: Store) -> Store:
    """The store itself, which must be ``owner``."""
    found = resolve(store)
    if found is not owner:
        raise WasmError("object used with the wrong store")
    return found
