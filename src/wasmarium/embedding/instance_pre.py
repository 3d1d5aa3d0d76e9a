"""InstancePre: a module whose imports are found already."""

from __future__ import annotations

from collections.abc import Sequence

from wasmarium.embedding.definition import Definition
from wasmarium.embedding.instance import Instance, make_instance, make_instance_async
from wasmarium.embedding.managed import Managed
from wasmarium.embedding.module import Module
from wasmarium.embedding.store import Storelike, resolve


class InstancePre(Managed):
    """A module with all its imports looked up, made by ``Linker.instantiate_pre``; instances of it
    come without looking them up again, in any store."""

    def __init__(self, module: Module, definitions: Sequence[Definition]) -> None:
        self._module = module
        self._definitions = definitions

    @property
    def module(self) -> Module:
        """The module."""
        return self._module

    def instantiate(self, store: Storelike) -> Instance:
        """A new instance in ``store``. Raises what ``Linker.instantiate`` raises."""
        owner = resolve(store)
        values = [definition.in_store(owner) for definition in self._definitions]
        return Instance._of(owner, make_instance(owner, self._module, values))

    async def instantiate_async(self, store: Storelike) -> Instance:
        """Like :meth:`instantiate`, for start functions that run long or wait."""
        owner = resolve(store)
        values = [definition.in_store(owner) for definition in self._definitions]
        return Instance._of(owner, await make_instance_async(owner, self._module, values))
