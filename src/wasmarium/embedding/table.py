"""Table: references by index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmarium.embedding.externals import External
from wasmarium.embedding.store import Storelike, check_owner, resolve
from wasmarium.embedding.table_type import TableType
from wasmarium.embedding.value import Val, to_python, to_value
from wasmarium.embedding.value_type import ValType
from wasmarium.errors import Exhausted, WasmError
from wasmarium.runtime.table import TableInstance

if TYPE_CHECKING:
    from wasmarium.embedding.store import Store


class Table(External):
    """A table: functions, or other references, that guests call or use by their index.

    >>> from wasmarium import Limits, Store, Table, TableType, ValType
    >>> store = Store()
    >>> table = Table(store, TableType(ValType.externref(), Limits(2, None)), "nothing yet")
    >>> table.set(store, 1, ["any", "object"])
    >>> table.get(store, 0), table.get(store, 1)
    ('nothing yet', ['any', 'object'])
    >>> table.grow(store, 3, None)
    2
    """

    _external: TableInstance

    def __init__(self, store: Storelike, ty: TableType, init: Any) -> None:
        """A new table whose elements all are ``init``."""
        owner = resolve(store)
        if not isinstance(ty, TableType):
            raise TypeError("expected a TableType")
        self._owner = owner
        initial = to_value(owner, ty._type.element)(init)
        self._external = owner.engine._execution.table(owner._runtime, ty._type, initial)

    @classmethod
    def _of(cls, store: Store, table: TableInstance) -> Table:
        self = cls.__new__(cls)
        self._owner = store
        self._external = table
        return self

    def type(self, store: Storelike) -> TableType:
        """Its type, as it was declared."""
        check_owner(store, self._owner)
        return TableType._of(self._external.declared)

    def size(self, store: Storelike) -> int:
        """The number of elements."""
        check_owner(store, self._owner)
        return len(self._external.elements)

    def grow(self, store: Storelike, amt: int, init: Any) -> int:
        """Add ``amt`` elements that are ``init``; the size before. WasmtimeError if that may not be."""
        owner = check_owner(store, self._owner)
        if amt < 0:
            raise WasmError("cannot grow by negative amount")
        table = self._external
        before = table.grow(amt, to_value(owner, table.declared.element)(init))
        if before < 0:
            raise Exhausted(f"failed to grow table by `{amt}`")
        return before

    def get(self, store: Storelike, idx: int) -> Any:
        """The element at ``idx``: a :class:`Func`, or the object of an externref; None when there is
        no such index.

        Null comes as a :class:`Val` that equals None, so that it differs from a wrong index; so
        does, as in wasmtime-py, every object that is false.
        """
        owner = check_owner(store, self._owner)
        table = self._external
        if not 0 <= idx < len(table.elements):
            return None
        element = table.declared.element
        value = to_python(owner, element)(table.elements[idx])
        return value if value else Val(ValType._of(element), value)

    def set(self, store: Storelike, idx: int, val: Any) -> None:
        """Replace the element at ``idx``. WasmtimeError when there is no such index, TypeError when
        ``val`` does not fit."""
        owner = check_owner(store, self._owner)
        table = self._external
        value = to_value(owner, table.declared.element)(val)
        if not 0 <= idx < len(table.elements):
            raise WasmError("undefined element: out of bounds table access")
        table.elements[idx] = value
