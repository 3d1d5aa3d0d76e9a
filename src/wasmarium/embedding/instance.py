"""Instance: a module that lives in a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wasmarium.embedding import calls
from wasmarium.embedding.engine import Engine
from wasmarium.embedding.externals import AsExtern, unwrap_external, wrap_external
from wasmarium.embedding.module import Module
from wasmarium.embedding.store import Store, Storelike, check_owner, resolve
from wasmarium.errors import WasmError
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.linking import start_function


class Instance:
    """A module at work: its functions can be called, its memory read.

    ``imports`` are what the module needs, in the order of ``module.imports``. By name is easier:
    see :class:`Linker`. The module's start function, if it has one, runs at once.

    Raises WasmtimeError when the imports do not match, :class:`Trap` when a segment does not fit or
    the start function traps.
    """

    _instance: ModuleInstance
    _owner: Store
    _exports: InstanceExports | None

    def __init__(self, store: Storelike, module: Module, imports: Sequence[AsExtern]) -> None:
        owner = resolve(store)
        values = [unwrap_external(owner, item) for item in imports]
        self._become(owner, make_instance(owner, module, values))

    def _become(self, owner: Store, instance: ModuleInstance) -> None:
        self._owner = owner
        self._instance = instance
        self._exports = None

    @classmethod
    def _of(cls, owner: Store, instance: ModuleInstance) -> Instance:
        self = cls.__new__(cls)
        self._become(owner, instance)
        return self

    @classmethod
    async def instantiate_async(cls, store: Storelike, module: Module, imports: Sequence[AsExtern]) -> Instance:
        """Like ``Instance(…)``, for start functions that run long or call host functions that wait."""
        owner = resolve(store)
        values = [unwrap_external(owner, item) for item in imports]
        return cls._of(owner, await make_instance_async(owner, module, values))

    @property
    def fallback(self) -> str | None:
        """Why it runs on the interpreter although the host engine was asked for, or None."""
        engine = self._owner.engine
        return engine.fallback or engine._execution.fallback(self._instance.module)

    def exports(self, store: Storelike) -> InstanceExports:
        """What the instance offers, by name: a mapping."""
        check_owner(store, self._owner)
        if self._exports is None:
            self._exports = InstanceExports(self._owner, self._instance)
        return self._exports


class InstanceExports(Mapping[str, AsExtern]):
    """The exports of an instance: ``exports["name"]``, or ``exports[0]`` by position."""

    def __init__(self, owner: Store, instance: ModuleInstance) -> None:
        self._by_name = {name: wrap_external(owner, item) for name, item in instance.exports.items()}
        self._by_index = tuple(self._by_name.values())

    @property
    def by_index(self) -> Sequence[AsExtern]:
        """The exports in the module's order."""
        return self._by_index

    def __getitem__(self, key: str | int) -> AsExtern:
        return self._by_index[key] if isinstance(key, int) else self._by_name[key]

    def __len__(self) -> int:
        return len(self._by_index)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __repr__(self) -> str:
        return f"InstanceExports({', '.join(self._by_name)})"


def check_engine(engine: Engine, module: Module) -> None:
    """Raise WasmtimeError for a module of another engine: it was validated, and is bounded, by other settings."""
    if module.engine is not engine:
        raise WasmError("cross-`Engine` instantiation is not currently supported")


def make_instance(owner: Store, module: Module, imports: Sequence[ExternalValue]) -> ModuleInstance:
    """Instantiate and run the start function, holding the caller."""
    instance = _link(owner, module, imports)
    start = start_function(instance)
    if start is not None:
        calls.call(owner, start, ())
    return instance


async def make_instance_async(owner: Store, module: Module, imports: Sequence[ExternalValue]) -> ModuleInstance:
    """Instantiate and run the start function, letting the event loop run."""
    kept = await owner.engine._execution.ready(owner._runtime, imports)
    instance = _link(owner, module, imports)
    del kept
    start = start_function(instance)
    if start is not None:
        await calls.call_async(owner, start, ())
    return instance


def _link(owner: Store, module: Module, imports: Sequence[ExternalValue]) -> ModuleInstance:
    if not isinstance(module, Module):
        raise TypeError("expected a Module")
    module._check_open()
    check_engine(owner.engine, module)
    engine = owner.engine._execution
    return engine.instantiate(owner._runtime, module._module, imports, module._module.names.module)
