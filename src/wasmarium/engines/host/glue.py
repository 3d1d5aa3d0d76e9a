"""What the engine asks of JavaScript, as types. ``wasmarium.bridge.browser.webassembly`` gives it.

A *handle* is an object of JavaScript, opaque here: a module, a function, a memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

Handle = Any

Failure = tuple[str, str, str]
"""Kind (trap, overflow, size, exception, link, interrupt, other), message, and stack as the host writes it."""


class Bytes(Protocol):
    """The bytes of one memory. Those that take a count return True when it is out of bounds; what is
    read goes to the area, what is written comes from there."""

    def size(self) -> int: ...
    def read(self, address: int, count: int, /) -> bool | None: ...
    def write(self, address: int, count: int, /) -> bool | None: ...
    def fill(self, address: int, byte: int, count: int, /) -> None: ...
    def gather(self, pieces: int, /) -> None: ...
    def scatter(self, pieces: int, /) -> bool | None: ...
    def grow(self, delta: int, /) -> int: ...
    def growLong(self, delta: int, /) -> int: ...  # noqa: N802
    def slice(self, address: int, count: int, /) -> Any: ...


class Accessor(Protocol):
    """Gets at a global or a table; values pass through the area. ``set`` and ``grow`` answer True where they trap."""

    enter: Callable[..., Any]
    set: Callable[..., Any]
    size: Callable[[], int]
    grow: Callable[[int], int]


class ExceptionAccessor(Protocol):
    """Opens the exceptions of a tag, and makes new ones; their values pass through the area."""

    open: Callable[[Handle], None]
    make: Callable[[], Handle]


class Glue(Protocol):
    """One realm of the glue, see ``bridge/browser/glue.js``. ``waits``: whether guests can be suspended."""

    waits: bool

    def link(self, module: Handle, handles: Any, /) -> Handle | None: ...
    def linkLater(self, module: Handle, handles: Any, /) -> Awaitable[Handle | None]: ...  # noqa: N802
    def exports(self, exported: Handle, count: int, /) -> Sequence[Handle]: ...
    def define(self, module: Handle, /) -> Handle | None: ...
    def caller(self, module: Handle, function: Handle, /) -> Callable[[], bool | None]: ...
    def suspendable(self, module: Handle, function: Handle, /) -> Callable[[int], int]: ...
    def state(self, address: int, /) -> int: ...
    def progress(self, address: int, /) -> Awaitable[None]: ...
    def resume(self, address: int, answer: int, /) -> None: ...
    def spent(self, address: int, /) -> float: ...
    def release(self, address: int, /) -> Any: ...
    def current(self) -> int: ...
    def failed(self) -> Sequence[str]: ...
    def callee(self, module: Handle, callback: Any, /) -> Handle: ...
    def watchman(self, module: Handle, callback: Any, pause: float, /) -> Handle: ...
    def hurry(self, counters: Any, /) -> None: ...
    def beginsAtZero(self, depth: Handle, /) -> Any: ...  # noqa: N802
    def fillTable(self, table: Handle, index: int, handle: Handle, /) -> None: ...  # noqa: N802
    def destroy(self) -> None: ...
    def alive(self) -> int: ...
    def thrownBy(self, tags: Any, /) -> int: ...  # noqa: N802
    def exception(self) -> Handle: ...
    def throwNext(self, exception: Handle, /) -> None: ...  # noqa: N802
    def exceptionAccessor(self, module: Handle, tag: Handle, /) -> ExceptionAccessor: ...  # noqa: N802
    def useExceptions(self, module: Handle, /) -> None: ...  # noqa: N802
    def putException(self, slot: int, exception: Handle, /) -> None: ...  # noqa: N802
    def clearException(self, slot: int, /) -> None: ...  # noqa: N802
    def takeException(self, slot: int, /) -> bool: ...  # noqa: N802
    def number(self, slot: int, /) -> float: ...
    def setNumber(self, slot: int, number: float, /) -> None: ...  # noqa: N802
    def useKinds(self, module: Handle, /) -> None: ...  # noqa: N802
    def tester(self, module: Handle, /) -> Callable[[], int]: ...
    def aggregateAccessor(self, module: Handle, /) -> Any: ...  # noqa: N802
    def register(self, handle: Handle, number: int, /) -> Any: ...
    def numberOf(self, handle: Handle, /) -> int: ...  # noqa: N802
    def forget(self) -> Sequence[int]: ...
    def setNull(self, slot: int, is_function: bool, /) -> Any: ...  # noqa: N802
    def setFunction(self, slot: int, handle: Handle, /) -> Any: ...  # noqa: N802
    def setToken(self, slot: int, number: int, /) -> Any: ...  # noqa: N802
    def setOther(self, slot: int, handle: Handle, /) -> Any: ...  # noqa: N802
    def functionAt(self, slot: int, /) -> int | None: ...  # noqa: N802
    def functionItself(self, slot: int, /) -> Handle: ...  # noqa: N802
    def externAt(self, slot: int, /) -> int | None: ...  # noqa: N802
    def other(self, slot: int, /) -> Handle: ...
    def externItself(self, slot: int, /) -> Handle: ...  # noqa: N802
    def complaint(self, module: Handle, /) -> str: ...
    def hasNull(self, table: Handle, /) -> bool: ...  # noqa: N802
    def same(self, a: Handle, b: Handle, /) -> bool: ...
    def memory(self, memory: Handle, /) -> Bytes: ...
    def accessor(self, module: Handle, external: Handle, /) -> Accessor: ...


class Area(Protocol):
    """A piece of Python's memory that shims reach. ``buffer`` never moves; ``address`` is where it is."""

    buffer: bytearray
    address: int


class Bridge(Protocol):
    """The ``WebAssembly`` of the platform."""

    def validate(self, data: bytes, /) -> bool:
        """Whether the host takes these bytes for a valid module."""
        ...

    def compile(self, data: bytes, /) -> Handle:
        """A module. Raises Unsupported, with the host's words, when the host does not take it."""
        ...

    def realm(self, area: Area, /) -> Glue:
        """New glue, whose shims use ``area``."""
        ...

    def area(self, size: int, /) -> Area:
        """A new area of ``size`` bytes."""
        ...

    def callback(self, function: Callable[[], int | None], /) -> Handle:
        """``function`` for JavaScript, until the glue destroys it."""
        ...

    def array(self, handles: Sequence[Handle], /) -> Handle:
        """An array of JavaScript."""
        ...

    def can_block(self) -> bool:
        """Whether Python may wait for a promise right now."""
        ...

    def wait(self, promise: Awaitable[Handle], /) -> Handle:
        """Wait for what a promise gives. Raises Unsupported where Python may not wait."""
        ...

    def suspends(self) -> bool:
        """Whether guests can be suspended (JSPI)."""
        ...

    def has_shared_memory(self) -> bool:
        """Whether there is SharedArrayBuffer."""
        ...
