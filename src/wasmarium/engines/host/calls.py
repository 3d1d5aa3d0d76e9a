"""What calls of guests have in common, on Python's own thread and in a worker: they run in one piece, and may wait."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from wasmarium.engines.base import Execution, Finished, FrameState, Outcome, Raised, Suspended
from wasmarium.errors import TrapCode, Unsupported, trap
from wasmarium.runtime.function import Pending
from wasmarium.runtime.values import Value

if TYPE_CHECKING:
    from wasmarium.engines.host.realm import Realm
    from wasmarium.engines.host.remote.realm import RemoteRealm


class InOnePiece:
    """The part of an :class:`~wasmarium.engines.base.Execution` that is the same wherever the host runs it."""

    asks = True
    depth = 0

    def __init__(self, realm: Realm | RemoteRealm) -> None:
        self._realm = realm
        tank = realm.tank
        self._before = 0 if tank is None else tank.read()

    @property
    def executed(self) -> int:
        """See :class:`~wasmarium.engines.base.Execution`; 0 where nobody pays."""
        tank = self._realm.tank
        return 0 if tank is None else self._before - tank.read()

    def step(self) -> Outcome:
        """Not on the host."""
        raise Unsupported("the host engine cannot step: use the interpreter")

    def frames(self) -> list[FrameState]:
        """None: the host does not show them."""
        return []


class Rest:
    """The rest of a call, which goes on when it is awaited; it may be given up."""

    __slots__ = ("_execution", "_pending")

    budget: ClassVar[int | None] = None
    """What the execution is to run with."""

    def __init__(self, execution: Execution, pending: Pending) -> None:
        self._execution = execution
        self._pending = pending

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._finish().__await__()

    async def _finish(self) -> Any:
        execution = self._execution
        outcome: Outcome = Suspended(self._pending)
        while isinstance(outcome, Suspended):
            pending = outcome.pending
            try:
                values: Sequence[Value] | BaseException = pending.finish(await pending.awaitable)
            except BaseException as error:
                self._failed(error)
                values = error
            execution.resume(values)
            outcome = execution.run(self.budget)
        return ended(outcome)

    def _failed(self, error: BaseException) -> None:
        """Raise what is not for the guest."""


def complete(execution: Execution, rest: type[Rest] = Rest) -> Sequence[Value] | Pending:
    """The results of a call, or what it waits for and how it then goes on. Raises what it ends with."""
    outcome = execution.run(rest.budget)
    if isinstance(outcome, Suspended):
        return Pending(rest(execution, outcome.pending), lambda result: result, of_guest=True)
    return ended(outcome)


def ended(outcome: Outcome) -> Sequence[Value]:
    """The results of a call that does not go on. Raises what it ended with."""
    if isinstance(outcome, Finished):
        return outcome.values
    if isinstance(outcome, Raised):
        raise outcome.error
    raise trap(TrapCode.OUT_OF_FUEL)


def held(pending: Pending, why: str) -> Sequence[Value]:
    """The results of a host function that waits, while the thread is held. Raises Unsupported where that cannot be;
    ``why`` says so."""
    block = getattr(pending.awaitable, "block", None)
    if block is not None:
        return pending.finish(block())
    close = getattr(pending.awaitable, "close", None)
    if close is not None:
        close()
    raise Unsupported(f"a host function waits, and {why}")
