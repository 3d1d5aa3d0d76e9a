"""The functions of WASI preview 1, and of the import module ``wasmarium``, as definitions of a linker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wasmarium.embedding.definition import Recipe
from wasmarium.embedding.store import Store
from wasmarium.errors import WasmError
from wasmarium.hostcalls import MODULE
from wasmarium.hostcalls.signatures import SIGNATURES as HOSTCALLS
from wasmarium.hostcalls.signatures import function_type as hostcall_type
from wasmarium.runtime.function import HostFunction, Pending
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.values import Value
from wasmarium.types import define_function
from wasmarium.wasi.preview1 import MODULES
from wasmarium.wasi.preview1.linking import MAY_WAIT, implementations
from wasmarium.wasi.preview1.signatures import function_type


def wasi_recipes() -> Iterator[tuple[str, str, Recipe]]:
    """Module, name and definition of every function; they work on what the store has when called."""
    for module in MODULES:
        for name in implementations(module):
            yield module, name, _recipe(module, name)


def _recipe(module: str, name: str) -> Recipe:
    defined = define_function(function_type(name))

    def make(store: Store) -> HostFunction:
        def code(instance: ModuleInstance | None, arguments: Sequence[Value]) -> Sequence[Value] | Pending:
            functions = store._wasi_functions
            if functions is None:
                raise WasmError("this store has no WASI: call Store.set_wasi first")
            return functions[module][name].code(instance, arguments)

        return HostFunction(defined, code, name, waits=name in MAY_WAIT)

    return Recipe(defined, make)


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
