"""What a linker makes of whole modules: commands, reactors, and stand-ins for imports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from wasmarium.embedding.function import Func
from wasmarium.embedding.function_type import FuncType
from wasmarium.embedding.instance_pre import InstancePre
from wasmarium.embedding.module import Module
from wasmarium.errors import WasmError
from wasmarium.module import Import
from wasmarium.runtime.function import HostFunction
from wasmarium.runtime.instance import ExternalValue
from wasmarium.runtime.linking import close_external
from wasmarium.runtime.tag import TagInstance
from wasmarium.runtime.values import default_value
from wasmarium.types import DefinedType, FunctionImport, GlobalType, MemoryType, TableType

if TYPE_CHECKING:
    from wasmarium.embedding.store import Store

_NOTHING = FuncType([], [])

# What toolchains export beside functions; a command's own instance is gone before anyone could use it.
_NOT_FOR_OTHERS = frozenset(
    "memory table __indirect_function_table __data_end __heap_base __dso_handle __rtti_base".split()
)


def _starts(module: Module) -> dict[str, FuncType]:
    return {
        export.name: export.type
        for export in module.exports
        if export.name in ("_start", "_initialize") and isinstance(export.type, FuncType)
    }


def is_command(module: Module) -> bool:
    """Whether the module is a WASI command. WasmError when it is a reactor too, or its ``_start``
    takes or gives anything."""
    starts = _starts(module)
    if len(starts) == 2:
        raise WasmError("Program cannot be both a Command and a Reactor")
    for name, found in starts.items():
        if found != _NOTHING:
            raise WasmError(f"`{name}` has type {found}, it must take and give nothing")
    return "_start" in starts


def reactor_start(module: Module) -> str | None:
    """The name of the function that a reactor wants called first, or None."""
    return "_initialize" if "_initialize" in _starts(module) else None


def command_functions(owner: Store, module: Module, pre: InstancePre) -> Iterator[tuple[str, Func]]:
    """The functions of a command, each of which makes an instance of its own for every call."""
    for export in module.exports:
        if isinstance(export.type, FuncType):
            yield export.name, Func(owner, export.type, _fresh(owner, pre, export.name))
        elif export.name not in _NOT_FOR_OTHERS:
            raise WasmError(f"command export '{export.name}' is not a function")


def _fresh(owner: Store, pre: InstancePre, name: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        function = pre.instantiate(owner).exports(owner)[name]
        assert isinstance(function, Func)
        return function._call_or_wait(*arguments)

    return call


def default_import(owner: Store, module: Module, item: Import) -> ExternalValue:
    """Something of the type that an import asks for, all zero or null. WasmError for a type that has
    no such value."""
    external = close_external(item.type, module._module.defined_types)
    engine = owner.engine._execution
    if isinstance(external, FunctionImport):
        defined = external.type
        assert isinstance(defined, DefinedType)
        types = defined.function.results
        if not all(each.defaultable for each in types):
            raise WasmError(f"`{item.module}::{item.name}` has no default value")
        values = tuple(default_value(each) for each in types)
        return HostFunction(defined, lambda instance, arguments: values, f"{item.module}.{item.name}")
    if isinstance(external, MemoryType):
        return engine.memory(owner._runtime, external)
    if isinstance(external, TableType):
        return engine.table(owner._runtime, external, None)
    if isinstance(external, GlobalType):
        if not external.content.defaultable:
            raise WasmError(f"`{item.module}::{item.name}` has no default value")
        return engine.global_variable(owner._runtime, external, default_value(external.content))
    return TagInstance(external)
