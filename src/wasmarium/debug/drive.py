"""A guest that runs for a moment at a time, on whichever engine.

The interpreter comes back after a number of instructions. A guest on the host runs while the event loop does: it is
asked where it stands when that has had its turn, and goes on when it is asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wasmarium.bridge import Clock
from wasmarium.debug.program import GoProgram
from wasmarium.debug.waiting import Waiter
from wasmarium.engines.base import Engine, Execution, Finished, Outcome, Raised, Stopped, Suspended
from wasmarium.errors import Crash
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.values import Value

PIECE = 2_000_000
"""Nanoseconds that one uninterrupted piece of a slice should last."""

MOST_PIECES = 20
"""Pieces of one slice, should the clock stand still."""

LEAST_BUDGET, MOST_BUDGET = 200, 100_000
"""Bounds of the instructions of one piece."""

EVENT_LOOP_PAUSE = 0.02
"""Seconds after which a wait is asked again that the host's event loop ends."""

Call = tuple[FunctionInstance, Sequence[Value]]


class Drive:
    """Runs ``calls`` one after the other, or what ``program`` asks for. ``ended`` is told, once, how it ended: with
    the results of the last call, or with what was raised."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        ended: Callable[[Finished | Raised], None],
        calls: Sequence[Call] = (),
        program: GoProgram | None = None,
    ) -> None:
        self.paused = False
        self.execution: Execution | None = None
        """The call under way; a program has none while it sleeps."""
        self._engine = engine
        self._clock = clock
        self._ended = ended
        self._calls = list(calls)
        self._program = program
        self._waiter: Waiter | None = None
        self._finish_wait: Callable[[Any], Sequence[Value]] | None = None
        self._goes_on = False
        self._pause_after_wait = False
        self._depth_wanted: int | None = None
        self._budget = LEAST_BUDGET
        self._executed_before = 0
        self._spent_before = 0
        self._active = 0
        if program is None:
            self._next_call()

    # ---- what it is doing ----

    @property
    def state(self) -> str:
        """running, paused, waiting (for input) or sleeping."""
        if self.paused:
            return "paused"
        if self._waiter is not None and not self._goes_on:
            return "waiting" if self._waiter.for_input else "sleeping"
        if self.execution is not None:
            return "running"
        return "waiting" if self._program is not None and self._program.for_input() else "sleeping"

    @property
    def executed(self) -> int:
        """Instructions so far."""
        return self._executed_before + (0 if self.execution is None else self.execution.executed)

    @property
    def spent(self) -> int:
        """Nanoseconds that the guest itself has run."""
        return self._active + self._spent_before + (0 if self.execution is None else self.execution.spent)

    @property
    def depth(self) -> int:
        """Of its stack, where that is known."""
        return 0 if self.execution is None else self.execution.depth

    @property
    def steps(self) -> bool:
        """Whether it can be executed instruction by instruction."""
        return self.execution is None or not self.execution.asks

    # ---- running ----

    def advance(self, seconds: float) -> float | None:
        """Run for about ``seconds``. Gives the seconds until it is worth calling again: 0 when the
        guest could go on at once, None when something else must happen first."""
        if self.paused:
            return None
        if self._waiter is not None and not self._end_wait():
            return self._until_due(self._waiter)
        if self.execution is None and not self._continue_program():
            return None if self._program is None else self._until_due(self._program.waiter)
        deadline = self._clock.monotonic() + int(seconds * 1e9)
        for _ in range(MOST_PIECES):
            self._run_piece()
            stands = self.execution is None or self.paused or self._waiter is not None
            if stands or self._clock.monotonic() >= deadline:
                break
        if self.paused or (self.execution is None and self._program is None):
            return None
        return 0.0 if self._waiter is None else self._until_due(self._waiter)

    def _next_call(self) -> None:
        self._leave()
        function, arguments = self._calls.pop(0)
        self.execution = self._engine.start(function, arguments)

    def _leave(self) -> None:
        """The call under way is no more."""
        self._executed_before, self._spent_before = self.executed, self.spent - self._active
        self.execution = None

    def _continue_program(self) -> bool:
        """Let a program that is called again and again go on; whether a call of it has begun."""
        program = self._program
        assert program is not None
        try:
            if program.over():
                raise Crash("the program of Go has ended without a word")
        except Exception as error:
            self._end(Raised(error))
            return False
        if program.call is None:
            return False
        self._calls = [program.call]
        self._next_call()
        return True

    def _until_due(self, waiter: Waiter) -> float | None:
        if self._goes_on:
            return 0.0
        if waiter.due is not None:
            return max(0.0, (waiter.due - self._clock.monotonic()) / 1e9)
        return EVENT_LOOP_PAUSE if waiter.by_event_loop else None

    def _run_piece(self) -> None:
        """Run for a few milliseconds, and learn how many instructions those are."""
        execution = self.execution
        assert execution is not None
        if execution.asks:
            self._take(execution.run(0))
            return
        began, before = self._clock.monotonic(), execution.executed
        outcome = self._run_out(execution) if self._depth_wanted is not None else execution.run(self._budget)
        spent = self._clock.monotonic() - began
        self._active += spent
        if isinstance(outcome, Stopped):
            # Nothing was done where one block is longer than the budget.
            if spent < PIECE // 2 or execution.executed == before:
                self._budget = min(self._budget * 2, MOST_BUDGET)
            elif spent > PIECE * 2:
                self._budget = max(self._budget // 2, LEAST_BUDGET)
        self._take(outcome)

    def _run_out(self, execution: Execution) -> Outcome:
        """Step until the stack is as low as wanted, for the time of one piece."""
        wanted = self._depth_wanted
        assert wanted is not None
        deadline = self._clock.monotonic() + PIECE
        for count in range(1, MOST_BUDGET):
            outcome = execution.step()
            if not isinstance(outcome, Stopped):
                return outcome
            if execution.depth <= wanted:
                self.stand()
                return outcome
            if count % 64 == 0 and self._clock.monotonic() >= deadline:
                break
        return Stopped()

    def _take(self, outcome: Outcome) -> None:
        if isinstance(outcome, Suspended):
            self._waiter = Waiter(outcome.pending.awaitable)
            self._finish_wait = outcome.pending.finish
            self._goes_on = outcome.goes_on
            self._end_wait()
        elif isinstance(outcome, Finished):
            if self._program is not None:
                self._program.finished()
                self._leave()
            elif self._calls:
                self._next_call()
            else:
                self._end(outcome)
        elif isinstance(outcome, Raised):
            self._end(outcome)

    def _end_wait(self) -> bool:
        """Hand the result of a wait to the guest, if it is there."""
        waiter, finish, execution = self._waiter, self._finish_wait, self.execution
        assert waiter is not None
        assert finish is not None
        assert execution is not None
        if not waiter.over():
            return False
        self._waiter = self._finish_wait = None
        self._goes_on = False
        try:
            if waiter.error is not None:
                raise waiter.error
            execution.resume(finish(waiter.result))
        except Exception as error:
            execution.resume(error)
        if self._pause_after_wait:
            self.stand()
        return True

    def _end(self, outcome: Finished | Raised) -> None:
        self.close()
        self._ended(outcome)

    def close(self) -> None:
        """The guest ends where it is."""
        if self.execution is not None:
            self.execution.close()
        self._leave()
        program, self._program = self._program, None
        if program is not None:
            program.close()
        self._waiter = self._finish_wait = None
        self.paused = False

    # ---- control ----

    def stand(self) -> None:
        """Stand still before the next instruction, or while waiting."""
        self.paused = True
        self._pause_after_wait = False
        self._depth_wanted = None

    def step(self) -> None:
        """Execute one instruction, then stand still; pauses a guest that runs, or that cannot be stepped.

        A guest that waits stands still as soon as the wait is over.
        """
        execution = self.execution
        if execution is None:
            return
        if not self.paused or not self.steps:
            self.stand()
        elif self._waiter is not None:
            self._go_on_until_wait_ends()
        else:
            self._take(execution.step())
            if self._waiter is not None:
                self._go_on_until_wait_ends()

    def _go_on_until_wait_ends(self) -> None:
        self.paused = False
        self._pause_after_wait = True

    def step_out(self) -> None:
        """Go on until the innermost function has returned, then stand still."""
        execution = self.execution
        if execution is not None and self.paused and self.steps:
            self._depth_wanted = execution.depth - 1
            self.paused = False
