"""Global: one value that guests share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmarium.embedding.externals import External
from wasmarium.embedding.global_type import GlobalType
from wasmarium.embedding.store import Storelike, check_owner, resolve
from wasmarium.embedding.value import Val, to_python, to_value
from wasmarium.embedding.value_type import ValType
from wasmarium.errors import WasmError
from wasmarium.runtime.globals import GlobalInstance

if TYPE_CHECKING:
    from wasmarium.embedding.store import Store


class Global(External):
    """A global variable or constant.

    >>> from wasmarium import Global, GlobalType, Store, ValType
    >>> store = Store()
    >>> counter = Global(store, GlobalType(ValType.i32(), mutable=True), 41)
    >>> counter.set_value(store, counter.value(store) + 1)
    >>> counter.value(store)
    42
    """

    _external: GlobalInstance

    def __init__(self, store: Storelike, ty: GlobalType, val: Any) -> None:
        """A new global that holds ``val``; TypeError when that does not fit."""
        owner = resolve(store)
        if not isinstance(ty, GlobalType):
            raise TypeError("expected a GlobalType")
        self._owner = owner
        value = to_value(owner, ty._type.content)(val)
        self._external = owner.engine._execution.global_variable(owner._runtime, ty._type, value)

    @classmethod
    def _of(cls, store: Store, instance: GlobalInstance) -> Global:
        self = cls.__new__(cls)
        self._owner = store
        self._external = instance
        return self

    def type(self, store: Storelike) -> GlobalType:
        """What it holds and whether it may change."""
        check_owner(store, self._owner)
        return GlobalType._of(self._external.type)

    def value(self, store: Storelike) -> Any:
        """The present value. Null comes as a :class:`Val` that equals None."""
        owner = check_owner(store, self._owner)
        content = self._external.type.content
        value = to_python(owner, content)(self._external.value)
        return value if value is not None else Val(ValType._of(content), None)

    def set_value(self, store: Storelike, val: Any) -> None:
        """Change the value. WasmtimeError for a constant, TypeError when ``val`` does not fit."""
        owner = check_owner(store, self._owner)
        value = to_value(owner, self._external.type.content)(val)
        if not self._external.type.mutable:
            raise WasmError("immutable global cannot be set")
        self._external.value = value
