"""Driving a call to its end: slices, waiting, fuel, epochs.

An engine runs a call in pieces (see ``engines.base``). Here the pieces are put together again, in
two ways: :func:`finish` holds the caller until the call has ended, :func:`finish_async` lets the
event loop breathe in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

from wasmarium.bridge import Waiting
from wasmarium.engines.base import Execution, Finished, OutOfFuel, Raised, Suspended
from wasmarium.errors import Trap, TrapCode, Unsupported
from wasmarium.runtime.function import FunctionInstance, Pending
from wasmarium.runtime.values import Value

if TYPE_CHECKING:
    from wasmarium.embedding.store import Store

SLICE = 50_000
"""Instructions between two looks at the epoch, or two breaths of the event loop: some 10 ms on
CPython, some 25 ms in Pyodide."""


def start(store: Store, function: FunctionInstance, arguments: Sequence[Value]) -> Execution:
    """A call of ``function``, not yet begun to run."""
    return store.engine._execution.start(function, arguments)


def finish(store: Store, execution: Execution) -> tuple[Value, ...]:
    """Run to the end, holding the caller. Raises what the call raises; Unsupported where a host
    function waits and this platform cannot block."""
    budget = SLICE if store.engine._counts_epochs and not execution.asks else None
    while True:
        pending = _piece(store, execution, budget)
        if isinstance(pending, tuple):
            return pending
        if pending is not None:
            _answer(execution, pending, _block(store, execution, pending))


async def finish_async(store: Store, execution: Execution, pending: Pending | None = None) -> tuple[Value, ...]:
    """Run to the end in slices; ``pending`` is what the call waits for already. Raises what the call
    raises; may be cancelled at any slice."""
    while True:
        if pending is not None:
            result: object
            try:
                result = await _in_time(store, execution, pending.awaitable)
            except asyncio.CancelledError:
                execution.close()
                raise
            except GeneratorExit:
                raise
            except BaseException as error:
                result = Failure(error)
            _answer(execution, pending, result)
        piece = _piece(store, execution, SLICE)
        if isinstance(piece, tuple):
            return piece
        if piece is None:
            await asyncio.sleep(0)
        pending = piece


def finish_or_wait(store: Store, execution: Execution) -> tuple[Value, ...] | Awaitable[tuple[Value, ...]]:
    """Run until the call ends or first waits; then the rest is to be awaited."""
    while True:
        piece = _piece(store, execution, SLICE)
        if isinstance(piece, tuple):
            return piece
        if piece is not None:
            return finish_async(store, execution, piece)


class Failure:
    """What an awaitable raised; a result may be an exception too, so the two are told apart."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _piece(store: Store, execution: Execution, budget: int | None) -> tuple[Value, ...] | Pending | None:
    """Run one piece: the results when it ended, Pending when it waits, None when there is more."""
    if store.engine._counts_epochs and not execution.asks and store._is_over():
        raise _trap(execution, TrapCode.INTERRUPT)
    outcome = execution.run(budget)
    if isinstance(outcome, Finished):
        return outcome.values
    if isinstance(outcome, Raised):
        raise outcome.error
    if isinstance(outcome, Suspended):
        return outcome.pending
    if isinstance(outcome, OutOfFuel):
        # What is left does not pay for the next stretch of code; wasmtime says that nothing is left.
        store._runtime.fuel = 0
        raise _trap(execution, TrapCode.OUT_OF_FUEL)
    return None


def _trap(execution: Execution, code: TrapCode) -> Trap:
    return Trap(code.message, code, tuple(state.frame for state in execution.frames()))


async def _in_time(store: Store, execution: Execution, awaitable: Awaitable[object]) -> object:
    """The result of ``awaitable``, unless the store's time is up before."""
    if store._until is None:
        return await awaitable
    left = store._until - store.engine._platform.clock.monotonic()
    try:
        async with asyncio.timeout(left / 1e9) as limit:
            return await awaitable
    except TimeoutError:
        if limit.expired():
            raise _trap(execution, TrapCode.INTERRUPT) from None
        raise


def _block(store: Store, execution: Execution, pending: Pending) -> object:
    platform = store.engine._platform
    try:
        if store._until is not None:
            try:
                return platform.block_on(Waiting(lambda: _in_time(store, execution, pending.awaitable)))
            except Unsupported:
                # inside a running event loop a thread can be held, but by no clock
                pass
        return platform.block_on(pending.awaitable)
    except Unsupported as error:
        close = getattr(pending.awaitable, "close", None)
        if close is not None:
            close()
        raise Unsupported(
            f"a host function waits, and {error.message}: `await func.call_async(store, …)` always works"
        ) from None
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        return Failure(error)


def _answer(execution: Execution, pending: Pending, result: object) -> None:
    if isinstance(result, Failure):
        execution.resume(result.error)
        return
    try:
        values: Sequence[Value] | BaseException = pending.finish(result)
    except BaseException as error:
        values = error
    execution.resume(values)


def call(store: Store, function: FunctionInstance, arguments: Sequence[Value]) -> tuple[Value, ...]:
    """Call and hold the caller until the call has ended."""
    return finish(store, start(store, function, arguments))


async def call_async(store: Store, function: FunctionInstance, arguments: Sequence[Value]) -> tuple[Value, ...]:
    """Call and let the event loop run meanwhile."""
    return await finish_async(store, start(store, function, arguments))
