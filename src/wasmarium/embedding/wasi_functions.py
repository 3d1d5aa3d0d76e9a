"""The functions of WASI preview 1, and of the import module ``wasmarium``, as definitions of a linker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from wasmarium.embedding.definition import Recipe
from wasmarium.embedding.store import Store
from wasmarium.errors import WasmError
from wasmarium.hostcalls import MODULE
from wasmarium.hostcalls.signatures import SIGNATURES as HOSTCALLS
from wasmarium.hostcalls.signatures import function_type as hostcall_type
from wasmarium.runtime.function import Carried, Direct, HostFunction, Lent, Pending
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.values import Value
from wasmarium.types import define_function
from wasmarium.wasi.preview1 import MODULES
from wasmarium.wasi.preview1.linking import MAY_WAIT, finish_direct, implementations
from wasmarium.wasi.preview1.quick import CONSTANT, ROLES, failure
from wasmarium.wasi.preview1.signatures import PREVIEW1, defined_type


def wasi_recipes() -> Iterator[tuple[str, str, Recipe]]:
    """Module, name and definition of every function; they work on what the store has when called."""
    for module in MODULES:
        for name in implementations(module):
            yield module, name, _recipe(module, name)


def _recipe(module: str, name: str) -> Recipe:
    defined = defined_type(name)

    def make(store: Store) -> HostFunction:
        def code(instance: ModuleInstance | None, arguments: Sequence[Value]) -> Sequence[Value] | Pending:
            return _world(store)[module][name].code(instance, arguments)

        def bind(caller: Callable[[], ModuleInstance | None]) -> Callable[..., Any]:
            source: object = None
            made: Callable[..., Any] = code

            def call(*arguments: int) -> Any:
                nonlocal source, made
                functions = _world(store)
                if functions is not source:
                    # the world may be set, and another one too, after the instance was made
                    direct = functions[module][name].direct
                    assert direct is not None
                    assert direct.bind is not None
                    source, made = functions, direct.bind(caller)
                return made(*arguments)

            return call

        def bind_carried(memory: MemoryInstance, again: Callable[[], None], lent: Lent) -> Callable[..., Any]:
            made = _world(store)[module][name].direct
            assert made is not None
            assert isinstance(made.carried, Carried)
            store._wasi_bound.append(again)
            return made.carried.bind(memory, again, lent)

        roles = ROLES.get(name) if module == PREVIEW1 else None
        carried = None if roles is None else Carried(roles, bind_carried, failure, name in CONSTANT)
        direct = Direct(bind(lambda: None), finish_direct, bind, carried)
        return HostFunction(defined, code, name, direct, waits=name in MAY_WAIT)

    return Recipe(defined, make)


def _world(store: Store) -> dict[str, dict[str, HostFunction]]:
    functions = store._wasi_functions
    if functions is None:
        raise WasmError("this store has no WASI: call Store.set_wasi first")
    return functions


def wasmarium_recipes() -> Iterator[tuple[str, str, Recipe]]:
    """The same for the import module ``wasmarium``."""
    for name in HOSTCALLS:
        yield MODULE, name, _hostcall_recipe(name)


def _hostcall_recipe(name: str) -> Recipe:
    defined = define_function(hostcall_type(name))

    def make(store: Store) -> HostFunction:
        def code(instance: ModuleInstance | None, arguments: Sequence[Value]) -> Sequence[Value] | Pending:
            # late: the policy may be set after the instance was made
            return store._hostcall(name).code(instance, arguments)

        return HostFunction(defined, code, name, waits=True)

    return Recipe(defined, make)
