"""Running programs that Go compiled for JavaScript (``GOOS=js GOARCH=wasm``). Not in wasmtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from wasmarium.embedding.calls import call_async
from wasmarium.embedding.definition import Recipe
from wasmarium.embedding.instance import Instance
from wasmarium.embedding.module import Module
from wasmarium.embedding.store import Store, Storelike, resolve
from wasmarium.errors import WasmError
from wasmarium.gojs import MODULE, SIGNATURES, Program, World, function_type, host_functions
from wasmarium.gojs.functions import MEMORY, finish, framed
from wasmarium.runtime.frames import Framed
from wasmarium.runtime.function import Direct, FunctionInstance, HostFunction, Pending
from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.values import Value
from wasmarium.types import define_function


def wants_gojs(module: Module) -> bool:
    """Whether a module is a program of Go that expects JavaScript around it."""
    return any(item.module == MODULE for item in module._module.imports)


def gojs_recipes() -> Iterator[tuple[str, str, Recipe]]:
    """Module, name and definition of every function; they work for the program that the store runs."""
    for name in SIGNATURES:
        yield MODULE, name, _recipe(name)


def _recipe(name: str) -> Recipe:
    defined = define_function(function_type(name))

    def make(store: Store) -> HostFunction:
        def code(instance: ModuleInstance | None, arguments: Sequence[Value]) -> Sequence[Value] | Pending:
            return _functions(store)[name].code(instance, arguments)

        def bind(caller: Callable[[], ModuleInstance | None]) -> Callable[..., Any]:
            source: object = None
            made: Callable[..., Any] = code

            def call(sp: int) -> Any:
                nonlocal source, made
                functions = _functions(store)
                if functions is not source:
                    direct = functions[name].direct
                    assert direct is not None
                    assert direct.bind is not None
                    source, made = functions, direct.bind(caller)
                return made(sp)

            return call

        def bind_framed(memory: MemoryInstance, again: Callable[[], None]) -> Callable[..., Any]:
            direct = _functions(store)[name].direct
            assert direct is not None
            assert isinstance(direct.carried, Framed)
            store._gojs_bound.append(again)
            return direct.carried.bind(memory, again)

        direct = Direct(bind(lambda: None), finish, bind, framed(name, bind_framed))
        return HostFunction(defined, code, name, direct, waits=True)

    return Recipe(defined, make)


def _functions(store: Store) -> dict[str, HostFunction]:
    functions = store._gojs
    if functions is None:
        raise WasmError("no program of Go is running in this store: start it with run_gojs")
    return functions


async def run_gojs_async(store: Storelike, instance: Instance) -> None:
    """Run a program that Go compiled for JavaScript, from its start to its end.

    ``instance`` was made by a linker with ``define_gojs``; the world is that of ``Store.set_wasi``: arguments,
    environment, directories, standard streams. Raises :class:`ExitTrap` with the program's status when it ends,
    which it does by nothing else, and WasmtimeError where the module or the store lacks something.
    """
    owner = resolve(store)
    if owner._wasi is None:
        raise WasmError("this store has no WASI: call Store.set_wasi first")
    exports = instance._instance.exports
    memory = exports.get(MEMORY)
    if not isinstance(memory, MemoryInstance):
        raise WasmError("this is no program of Go for JavaScript: it exports no memory as mem")

    async def call(name: str, *arguments: int) -> object:
        function = exports.get(name)
        if not isinstance(function, FunctionInstance) or len(function.type.parameters) != len(arguments):
            raise WasmError(f"this is no program of Go for JavaScript: it exports no function {name} as Go does")
        return await call_async(owner, function, arguments)

    world = World(owner._wasi, owner._access(), owner._runtime.limits)
    owner._run_gojs(host_functions(world))
    try:
        await Program(world, GuestMemory(memory), call).run()
    finally:
        owner._run_gojs(None)


def run_gojs(store: Storelike, instance: Instance) -> None:
    """:func:`run_gojs_async`, holding the caller. Raises WasmtimeError where this platform cannot block."""
    resolve(store).engine._platform.block_on(run_gojs_async(store, instance))
