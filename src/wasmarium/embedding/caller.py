"""Caller: who calls a host function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmarium.embedding.externals import AsExtern, wrap_external
from wasmarium.embedding.store import Store, StoreContext

if TYPE_CHECKING:
    from wasmarium.runtime.instance import ModuleInstance


class Caller(StoreContext):
    """The instance that calls a host function: the first argument of a function that was defined
    with ``access_caller=True``. It stands for the store too, and gives the caller's exports:

    >>> def log(caller, address, length):
    ...     memory = caller["memory"]
    ...     print(memory.read(caller, address, address + length).decode())

    It is valid only until the host function returns.
    """

    def __init__(self, store: Store, instance: ModuleInstance | None) -> None:
        super().__init__(store)
        self._instance = instance

    def __getitem__(self, name: str) -> AsExtern:
        """The caller's export called ``name``; KeyError when there is none, or no caller any more."""
        found = self.get(name)
        if found is None:
            raise KeyError(f"failed to find export {name}")
        return found

    def get(self, name: str) -> AsExtern | None:
        """The caller's export called ``name``, or None."""
        if self._store is None or self._instance is None:
            return None
        found = self._instance.exports.get(name)
        return None if found is None else wrap_external(self._store, found)
