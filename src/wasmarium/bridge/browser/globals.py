"""The part of JavaScript's global object that the bridge uses, as types."""

from __future__ import annotations

from typing import Any, Protocol


class TypedArray(Protocol):
    """A typed array, as Pyodide shows it."""

    def to_bytes(self) -> bytes: ...


class TypedArrayClass(Protocol):
    """Uint8Array or Int32Array."""

    def new(self, source: Any, /) -> TypedArray: ...


class BufferClass(Protocol):
    """SharedArrayBuffer."""

    def new(self, size: int, /) -> Any: ...


class Crypto(Protocol):
    """The Web Cryptography API."""

    def getRandomValues(self, array: TypedArray, /) -> TypedArray: ...  # noqa: N802


class DateClass(Protocol):
    """Date."""

    def now(self) -> float: ...


class Performance(Protocol):
    """High resolution time, in milliseconds."""

    def now(self) -> float: ...


class Atomics(Protocol):
    """Atomics."""

    def wait(self, array: TypedArray, index: int, value: int, milliseconds: float, /) -> str: ...


class Globals(Protocol):
    """``js``."""

    Atomics: Atomics
    Date: DateClass
    Int32Array: TypedArrayClass
    SharedArrayBuffer: BufferClass
    Uint8Array: TypedArrayClass
    crypto: Crypto
    performance: Performance
