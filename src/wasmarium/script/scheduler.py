"""Running a script: its own commands, and beside them those of its threads, in turns.

One after another each thread goes on until it has used up a slice of instructions or has to wait. So
every run is the same, and is one of the orders in which threads may run.
"""

from __future__ import annotations

from wasmarium.bridge import Platform
from wasmarium.runtime.atomics import Waiter
from wasmarium.script.agent import Agent, Blocker, Session, Steps
from wasmarium.script.report import Refuted, Report
from wasmarium.script.spectest import spectest
from wasmarium.text.script import read_script

LONGEST_WAIT = 10_000_000_000
"""Nanoseconds that a guest may wait for a notification; a script that says more does not mean it."""


def run_script(source: str | bytes, session: Session | None = None) -> Report:
    """Run the commands of a script. Raises Malformed where the script itself breaks the grammar."""
    session = session if session is not None else Session()
    commands = read_script(source)
    report = Report()
    store = session.store()
    main = Agent(session, store, report, {"spectest": spectest(session.engine, store, session.features)})
    _Scheduler(session.world).run(main, main.play(commands))
    return report


class _Running:
    """A thread under way, and what it waits for; a wait of its guest ends by itself at ``deadline``."""

    def __init__(self, agent: Agent, steps: Steps) -> None:
        self.agent = agent
        self.steps = steps
        self.blocker: Blocker = None
        self.deadline: int | None = None


class _Scheduler:
    def __init__(self, world: Platform) -> None:
        self._world = world

    def run(self, main: Agent, steps: Steps) -> None:
        """Until all have ended."""
        threads = [_Running(main, steps)]
        while threads:
            ready = [thread for thread in threads if self._may_go_on(thread)]
            for thread in ready:
                self._advance(thread)
            if not ready and not self._sleep(threads):
                for thread in threads:
                    self._advance(thread, Refuted("all threads wait for one another"))
            for thread in tuple(threads):
                threads += [_Running(agent, agent.play(commands)) for agent, commands in thread.agent.started]
                thread.agent.started.clear()
            threads = [thread for thread in threads if not thread.agent.ended]

    def _advance(self, thread: _Running, error: Refuted | None = None) -> None:
        try:
            thread.blocker = next(thread.steps) if error is None else thread.steps.throw(error)
        except StopIteration:
            return
        if isinstance(thread.blocker, Waiter):
            thread.deadline = None
            if thread.blocker.timeout is not None:
                thread.deadline = self._world.clock.monotonic() + min(thread.blocker.timeout, LONGEST_WAIT)

    def _may_go_on(self, thread: _Running) -> bool:
        blocker = thread.blocker
        if not isinstance(blocker, Waiter):
            return blocker is None or blocker()
        if not blocker.over and thread.deadline is not None and self._world.clock.monotonic() >= thread.deadline:
            blocker.over = True
        return blocker.over

    def _sleep(self, threads: list[_Running]) -> bool:
        """Until the first wait ends by itself; False where none does."""
        deadlines = [
            thread.deadline for thread in threads if isinstance(thread.blocker, Waiter) and thread.deadline is not None
        ]
        if not deadlines:
            return False
        world = self._world
        waiting = world.clock.sleep(max(0, min(deadlines) - world.clock.monotonic()))
        if waiting is not None:
            world.block_on(waiting)
        return True
