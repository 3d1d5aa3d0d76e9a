"""From the runtime's objects to the public ones and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.instance import ExternalValue
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.table import TableInstance

if TYPE_CHECKING:
    from wasmarium.embedding.function import Func
    from wasmarium.embedding.global_variable import Global
    from wasmarium.embedding.memory import Memory
    from wasmarium.embedding.shared_memory import SharedMemory
    from wasmarium.embedding.store import Store
    from wasmarium.embedding.table import Table
    from wasmarium.embedding.tag import Tag

AsExtern = Union["Func", "Table", "Memory", "SharedMemory", "Global", "Tag"]
"""Anything that can be imported and exported."""


class External:
    """What the public classes of this kind share: the runtime's object and the store it lives in."""

    _external: ExternalValue
    _owner: Store


def wrap_external(store: Store, external: ExternalValue) -> AsExtern:
    """The public object for what an instance exports."""
    from wasmarium.embedding.function import Func
    from wasmarium.embedding.global_variable import Global
    from wasmarium.embedding.memory import Memory
    from wasmarium.embedding.shared_memory import SharedMemory
    from wasmarium.embedding.table import Table
    from wasmarium.embedding.tag import Tag

    if isinstance(external, FunctionInstance):
        return Func._of(store, external)
    if isinstance(external, MemoryInstance):
        return SharedMemory._of(external) if external.declared.shared else Memory._of(store, external)
    if isinstance(external, TableInstance):
        return Table._of(store, external)
    if isinstance(external, GlobalInstance):
        return Global._of(store, external)
    return Tag._of(store, external)


def unwrap_external(store: Store, item: AsExtern) -> ExternalValue:
    """The runtime's object for a public one. TypeError for anything else, WasmError when it lives in
    another store."""
    from wasmarium.embedding.shared_memory import SharedMemory
    from wasmarium.errors import WasmError

    if isinstance(item, SharedMemory):
        return item._memory
    if not isinstance(item, External):
        raise TypeError("expected a Func, Global, Memory, SharedMemory, Tag, or Table")
    if item._owner is not store:
        raise WasmError("cross-`Store` instantiation is not currently supported")
    return item._external
