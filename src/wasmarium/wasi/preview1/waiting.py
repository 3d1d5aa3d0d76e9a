"""How a function of preview 1 waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from wasmarium.bridge.base import Waiting
from wasmarium.runtime.function import Pending
from wasmarium.wasi.errno import Errno, WasiError, errno_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wait:
    """The guest waits for ``awaitable``; its result goes to ``finish``, which writes the results
    (or fails, as the function itself might have)."""

    awaitable: Awaitable[Any]
    finish: Callable[[Any], None]


def then(result: T | Awaitable[T], finish: Callable[[T], None]) -> Wait | None:
    """``finish`` the function with ``result``: now, or when it is there."""
    # the test for awaitables is slow, and nearly all results are these
    if not isinstance(result, (int, bytes)) and isinstance(result, Awaitable):
        return Wait(result, finish)
    finish(result)
    return None


def guarded(action: Callable[[], Any]) -> Errno:
    """Run ``action``; the error number it ends with."""
    try:
        action()
    except WasiError as error:
        return error.errno
    except OSError as error:
        return errno_of(error)
    return Errno.SUCCESS


def pending(wait: Wait) -> Pending:
    """``wait`` for the engine. A failure while waiting is a result of the call as well."""
    block: Callable[[], tuple[Any, Exception | None]] | None = None
    inner = wait.awaitable
    if isinstance(inner, Waiting) and (hold := inner.block) is not None:

        def block_guarded() -> tuple[Any, Exception | None]:
            try:
                return hold(), None
            except (WasiError, OSError) as error:
                return None, error

        block = block_guarded

    async def attempt() -> tuple[Any, Exception | None]:
        try:
            return await inner, None
        except (WasiError, OSError) as error:
            return None, error

    def finish(outcome: tuple[Any, Exception | None]) -> tuple[int]:
        result, error = outcome

        def end() -> None:
            if error is not None:
                raise error
            wait.finish(result)

        return (guarded(end).value,)

    return Pending(Waiting(attempt, block), finish)
