"""What a linker keeps under a name: something of one store, or a function for every store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from wasmarium.embedding.externals import AsExtern, unwrap_external
from wasmarium.embedding.store import Store
from wasmarium.runtime.function import HostFunction
from wasmarium.runtime.instance import ExternalValue
from wasmarium.runtime.linking import type_of
from wasmarium.types import DefinedType, ExternalType, FunctionImport


class Definition(Protocol):
    """Something that modules can import."""

    @property
    def type(self) -> ExternalType:
        """Its closed type."""
        ...

    def in_store(self, store: Store) -> ExternalValue:
        """The runtime's object; WasmtimeError when it lives in another store."""
        ...


@dataclass(frozen=True, slots=True)
class Owned:
    """Something that lives in a store."""

    item: AsExtern
    external: ExternalValue

    @property
    def type(self) -> ExternalType:
        return type_of(self.external)

    def in_store(self, store: Store) -> ExternalValue:
        return unwrap_external(store, self.item)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A host function that is made anew in every store."""

    defined: DefinedType
    make: Callable[[Store], HostFunction]

    @property
    def type(self) -> ExternalType:
        return FunctionImport(self.defined)

    def in_store(self, store: Store) -> ExternalValue:
        return self.make(store)
