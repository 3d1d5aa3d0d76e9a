"""Linker: definitions by name, and instances made from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from wasmarium.embedding.commands import command_functions, default_import, is_command, reactor_start
from wasmarium.embedding.definition import Definition, Owned, Recipe
from wasmarium.embedding.engine import Engine
from wasmarium.embedding.externals import AsExtern, unwrap_external, wrap_external
from wasmarium.embedding.function import Func, host_function
from wasmarium.embedding.function_type import FuncType
from wasmarium.embedding.gojs import gojs_recipes
from wasmarium.embedding.instance import Instance, check_engine, make_instance, make_instance_async
from wasmarium.embedding.instance_pre import InstancePre
from wasmarium.embedding.managed import Managed
from wasmarium.embedding.module import Module
from wasmarium.embedding.store import Store, Storelike, resolve
from wasmarium.embedding.wasi_functions import wasi_recipes, wasmarium_recipes
from wasmarium.errors import WasmError
from wasmarium.module import Import
from wasmarium.runtime.function import FunctionInstance, HostFunction
from wasmarium.runtime.instance import ExternalValue
from wasmarium.runtime.linking import match_types, unknown_import
from wasmarium.types import FunctionImport


class Linker(Managed):
    """Finds what modules import, by name.

    >>> from wasmarium import Engine, FuncType, Linker, ValType
    >>> engine = Engine()
    >>> linker = Linker(engine)
    >>> linker.define_func("env", "log", FuncType([ValType.i32()], []), print)

    Then ``linker.instantiate(store, module)`` gives an instance. A program made for WASI needs this,
    from start to end::

        engine = Engine()
        linker = Linker(engine)
        linker.define_wasi()

        wasi = WasiConfig()
        wasi.argv = ["program", "an argument"]
        wasi.inherit_stdout()
        store = Store(engine)
        store.set_wasi(wasi)

        instance = linker.instantiate(store, Module.from_file(engine, "program.wasm"))
        try:
            instance.exports(store)["_start"](store)
        except ExitTrap as exit:
            print("exit code", exit.code)
    """

    def __init__(self, engine: Engine) -> None:
        if not isinstance(engine, Engine):
            raise TypeError("expected an Engine")
        engine._check_open()
        self.engine = engine
        self._shadowing = False
        self._definitions: dict[tuple[str, str], Definition] = {}

    @property
    def allow_shadowing(self) -> bool:
        """Whether names may be defined again, the last definition counting; False at first."""
        return self._shadowing

    @allow_shadowing.setter
    def allow_shadowing(self, allow: bool) -> None:
        self._shadowing = allow

    # ---- defining ----

    def define(self, store: Storelike, module: str, name: str, item: AsExtern) -> None:
        """Define something that lives in ``store`` under two names.

        WasmtimeError when they are taken (unless ``allow_shadowing``) or ``item`` lives elsewhere.
        """
        self._define(module, name, Owned(item, unwrap_external(resolve(store), item)))

    def define_func(
        self, module: str, name: str, ty: FuncType, func: Callable[..., Any], access_caller: bool = False
    ) -> None:
        """Define a Python function, for any store; see :class:`Func` for what it gets and gives."""
        if not isinstance(ty, FuncType):
            raise TypeError("expected a FuncType")
        label = f"{module}.{name}"

        def make(store: Store) -> HostFunction:
            return host_function(store, ty, func, access_caller, label)

        self._define(module, name, Recipe(ty._defined, make))

    def define_wasi(self) -> None:
        """Define the functions of WASI preview 1. What they work on is that of the store
        (``Store.set_wasi``)."""
        for module, name, recipe in wasi_recipes():
            self._define(module, name, recipe)

    def define_wasmarium(self) -> None:
        """Define the import module ``wasmarium``: log, HTTP and WebSocket for guests, who may use what the
        store's policy grants (``Store.set_policy``). Not in wasmtime."""
        for module, name, recipe in wasmarium_recipes():
            self._define(module, name, recipe)

    def define_gojs(self) -> None:
        """Define the import module ``gojs``, for programs that Go compiled for JavaScript (``GOOS=js``); run them
        with :func:`run_gojs`. Not in wasmtime."""
        for module, name, recipe in gojs_recipes():
            self._define(module, name, recipe)

    def define_instance(self, store: Storelike, name: str, instance: Instance) -> None:
        """Define every export of ``instance``, with ``name`` as the first of the two names."""
        if not isinstance(instance, Instance):
            raise TypeError("expected an `Instance`")
        for export, item in instance.exports(store).items():
            self.define(store, name, export, item)

    def define_module(self, store: Storelike, name: str, module: Module) -> None:
        """Define what ``module`` exports, under ``name``.

        A *command* (it exports ``_start``) gets a fresh instance for every call of one of its
        functions. Anything else is a *reactor*: it is instantiated now, and its ``_initialize``, if
        there is one, is called.
        """
        if not isinstance(module, Module):
            raise TypeError("expected a `Module`")
        owner = resolve(store)
        if is_command(module):
            for export, function in command_functions(owner, module, self.instantiate_pre(module)):
                self.define(store, name, export, function)
            return
        instance = self.instantiate(store, module)
        start = reactor_start(module)
        if start is not None:
            initialise = instance.exports(store)[start]
            assert isinstance(initialise, Func)
            initialise(store)
        self.define_instance(store, name, instance)

    def define_unknown_imports_as_traps(self, module: Module) -> None:
        """Define the functions that ``module`` imports and nobody defined; calling one of them
        raises WasmtimeError."""
        for item in self._unknown(module):
            if isinstance(item.type, FunctionImport):
                self._define(item.module, item.name, _refusal(module, item))

    def define_unknown_imports_as_default_values(self, store: Storelike, module: Module) -> None:
        """Define everything that ``module`` imports and nobody defined: functions that give zero or
        null, globals that are, memories and tables as small as may be."""
        owner = resolve(store)
        for item in self._unknown(module):
            value = wrap_external(owner, default_import(owner, module, item))
            self.define(store, item.module, item.name, value)

    def _unknown(self, module: Module) -> Iterable[Import]:
        if not isinstance(module, Module):
            raise TypeError("expected a `Module`")
        wanted = {(item.module, item.name): item for item in module._module.imports}
        return [item for key, item in wanted.items() if key not in self._definitions]

    def _define(self, module: str, name: str, definition: Definition) -> None:
        self._check_open()
        key = module, name
        if key in self._definitions and not self._shadowing:
            raise WasmError(f"import of `{module}::{name}` defined twice")
        self._definitions[key] = definition

    # ---- using ----

    def instantiate(self, store: Storelike, module: Module) -> Instance:
        """An instance of ``module`` whose imports are the definitions of those names.

        WasmtimeError when one is missing or does not fit, :class:`Trap` when starting it traps.
        """
        owner = resolve(store)
        return Instance._of(owner, make_instance(owner, module, self._imports(owner, module)))

    async def instantiate_async(self, store: Storelike, module: Module) -> Instance:
        """Like :meth:`instantiate`, for start functions that run long or call functions that wait."""
        owner = resolve(store)
        return Instance._of(owner, await make_instance_async(owner, module, self._imports(owner, module)))

    def instantiate_pre(self, module: Module) -> InstancePre:
        """Look up the imports of ``module`` once, to make many instances."""
        definitions = self._resolve(module)
        match_types(module._module, [definition.type for definition in definitions])
        return InstancePre(module, definitions)

    def get(self, store: Storelike, module: str, name: str) -> AsExtern:
        """What is defined under two names; WasmtimeError when nothing is."""
        owner = resolve(store)
        definition = self._definitions.get((module, name))
        if definition is None:
            raise WasmError("item not defined in linker")
        return wrap_external(owner, definition.in_store(owner))

    def get_default(self, store: Storelike, name: str) -> Func:
        """The function that stands for the whole module ``name``: its export "" or ``_start``, or one
        that does nothing."""
        owner = resolve(store)
        for export in ("", "_start"):
            definition = self._definitions.get((name, export))
            if definition is None:
                continue
            external = definition.in_store(owner)
            if isinstance(external, FunctionInstance):
                return Func._of(owner, external)
            if not export:
                raise WasmError(f"default export in `{name}` is not a function")
        return Func(owner, FuncType([], []), lambda: None)

    def _imports(self, owner: Store, module: Module) -> list[ExternalValue]:
        return [definition.in_store(owner) for definition in self._resolve(module)]

    def _resolve(self, module: Module) -> list[Definition]:
        self._check_open()
        if not isinstance(module, Module):
            raise TypeError("expected a `Module`")
        check_engine(self.engine, module)
        found = []
        for item in module._module.imports:
            definition = self._definitions.get((item.module, item.name))
            if definition is None:
                raise unknown_import(module._module, item)
            found.append(definition)
        return found


def _refusal(module: Module, item: Import) -> Recipe:
    assert isinstance(item.type, FunctionImport)
    index = item.type.type
    defined = module._module.defined_types[index] if isinstance(index, int) else index

    def refuse(*arguments: Any) -> Any:
        raise WasmError(f"unknown import: `{item.module}::{item.name}` has not been defined")

    def make(store: Store) -> HostFunction:
        return host_function(store, FuncType._of(defined), refuse, False, f"{item.module}.{item.name}")

    return Recipe(defined, make)
