"""What wasmtime-py's objects share: they can be closed, and used in a ``with`` block."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from wasmarium.errors import Unsupported


class Managed:
    """An object that may be closed early. Python frees everything in the end anyway; closing makes
    later use of the object an error (ValueError), which shows mistakes."""

    _closed = False

    def close(self) -> None:
        """Give up this object. Closing it again changes nothing."""
        self._closed = True

    def ptr(self) -> Any:
        """Not here: raises WasmtimeError. wasmtime gives the address of its own object in C."""
        self._check_open()
        raise Unsupported(f"{type(self).__name__}.ptr: there is no pointer of C behind an object of wasmarium")

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("already closed")

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
