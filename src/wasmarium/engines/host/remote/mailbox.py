"""The turns of Python and of the worker of a store, and the stack of runs that are under way there."""

from __future__ import annotations

import asyncio
import json
import struct
import weakref
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from wasmarium.errors import Exhausted, TrapCode, Unsupported, WasmError, trap

if TYPE_CHECKING:
    from wasmarium.engines.host.glue import Area, Bridge, Mailbox
    from wasmarium.engines.host.remote.execution import Run

CALL, ANSWER, LISTEN, DO, ENTER, SET, COUNT, GROW, HAS_NULL = range(1, 10)
"""What Python asks; as in worker.js."""

RETURNED, FAILED, IMPORTED, DONE, FAULT = range(1, 6)
"""What it is told."""

AREA_SIZE = 1 << 16
REFERENCES_AT = AREA_SIZE - 4 * 1024
"""Where in the area the references of a list of values are, by their position: numbers, or -1 for null."""

PAUSE = 4
"""Milliseconds between two looks at what may interrupt a guest."""

GRACE = 1.0
"""Seconds that a guest has to notice that it is to stop, before its worker is ended."""

BUSY = 2.0
"""Seconds for which whoever cannot be awaited waits until the guest that runs has ended, or calls Python."""

BOOT = 20.0
"""Seconds that a worker may take to start where the thread can be held for it."""

_HEAD = struct.Struct("<5i")


class GuestWorker:
    """The worker. ``buffer`` is the area where values cross; ``turn``: whether it is Python's."""

    def __init__(self, bridge: Bridge) -> None:
        self._head: Area = bridge.area(_HEAD.size)
        self._area: Area = bridge.area(AREA_SIZE)
        self.buffer = self._area.buffer
        self.mailbox: Mailbox = bridge.mailbox(self._head, self._area)
        self.turn = False
        self.runs: list[Run] = []
        """Those that have begun and have not ended, each called by the one before, or beside it."""
        self.is_over: Callable[[], bool] | None = None
        self.ended: BaseException | None = None
        """Why there is no worker any more."""
        self._reply: tuple[int, int] | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._told_at: float | None = None
        self._stop = -1
        self._finalizer = weakref.finalize(self, self.mailbox.end)

    # ---- the turn ----

    def look(self) -> None:
        """Take what the worker may have said."""
        if not self.turn:
            self._arrived(self.mailbox.look())

    def _arrived(self, kind: int) -> None:
        if not kind:
            return
        if kind < 0:
            self.end(Exhausted(f"the worker of a guest has ended: {self.mailbox.failure()}"))
            return
        self.turn = True
        self._told_at = None
        _, number, size, _, level = _HEAD.unpack_from(self._head.buffer)
        if kind == IMPORTED:
            self.runs[level - 1].calls(number)
        elif kind == RETURNED:
            self.runs.pop().returned()
        elif kind == FAILED:
            self.runs.pop().failed(json.loads(bytes(self.buffer[:size])))
        else:
            self._reply = kind, number if kind == DONE else size
        self.notify()
        self.clear()

    def clear(self) -> None:
        """Let a run end that nobody waits for any more, once it is on top."""
        if self.turn and self.runs and self.runs[-1].given_up:
            # whoever is still interested hears where it was
            self.runs[-1].noted = trap(TrapCode.INTERRUPT), None
            self.send(ANSWER, -1)

    def settle(self) -> None:
        """Likewise, and wait for it. Nobody waits for what is on top then."""
        self.clear()
        while not self.turn and self.runs and self.runs[-1].given_up and self.ended is None:
            self.hold()

    def send(self, kind: int, number: int = 0, size: int = 0, slots: int = 0, argument: int = 0) -> None:
        """Give the turn to the worker."""
        self.turn = False
        self.check()
        self.mailbox.send(kind, number, size, slots, argument)
        self.notify()

    def hold(self, milliseconds: float = PAUSE) -> None:
        """Hold the thread until it is Python's turn, for some milliseconds at most."""
        if self.turn or self.ended is not None:
            return
        self._arrived(self.mailbox.hold(milliseconds))
        if not self.turn:
            self.check()

    async def change(self) -> None:
        """Return when it may be worth to look again."""
        if self.ended is not None:
            return
        if self.turn:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(future)
            await future
        else:
            stops = self.is_over is not None or (self.runs and self.runs[-1].given_up)
            await self.mailbox.later(PAUSE if stops else 0)
            self.look()
            if not self.turn:
                self.check()

    def notify(self) -> None:
        """Let everybody who waits look again."""
        waiters, self._waiters = self._waiters, []
        for future in waiters:
            if not future.done():
                future.set_result(None)

    def reach(self, what: str) -> None:
        """Hold the thread until it is Python's turn. Raises WasmError when that takes too long."""
        self.look()
        self.settle()
        end = monotonic() + BUSY
        while not self.turn:
            self.check_alive()
            if monotonic() > end:
                raise WasmError(f"{what} cannot be reached: a guest of its store is running in a worker")
            self.hold()
        self.check_alive()

    def request(self, kind: int, number: int = 0, size: int = 0, slots: int = 0, argument: int = 0) -> int:
        """Ask for something that no guest is needed for; the answer. It is Python's turn. Raises Fault."""
        self.send(kind, number, size, slots, argument)
        while not self.turn:
            self.check_alive()
            self.hold()
        self.check_alive()
        assert self._reply is not None
        (told, answer), self._reply = self._reply, None
        if told == FAULT:
            raise Fault(*json.loads(bytes(self.buffer[:answer])))
        return answer

    def check_alive(self) -> None:
        """Raise why there is no worker any more, if so."""
        if self.ended is not None:
            raise self.ended

    # ---- beginning and ending ----

    def boot(self) -> None:
        """Wait until the worker is there. Raises Unsupported where that needs the event loop."""
        self.look()
        end = monotonic() + BOOT
        while not self.turn or self.ended is not None:
            if self.ended is not None:
                raise Unsupported(f"a host function may wait, and its guest has no worker: {self.ended}")
            if (not self.mailbox.starts and not self.mailbox.up()) or monotonic() > end:
                raise Unsupported(
                    "a host function may wait, and the worker that its guest would run in is still starting, which "
                    "takes a turn of the event loop: `await Instance.instantiate_async(…)`"
                )
            self.hold()

    async def boot_later(self) -> None:
        """Likewise, and let the event loop run. Where it does not start, :meth:`boot` says so."""
        end = monotonic() + BOOT
        while not self.mailbox.up() and not self.mailbox.failure() and monotonic() < end:
            await self.mailbox.later(50)

    def check(self) -> None:
        """Tell the guest that runs if it is to stop, and end it if it does not."""
        over = self.is_over is not None and self.is_over()
        # those below stand, and end when they are on top
        stop = 0 if over else len(self.runs) if self.runs and self.runs[-1].given_up else -1
        if stop != self._stop:
            self._stop = stop
            self.mailbox.stop(stop)
        if stop < 0 or self.turn:
            self._told_at = None
        elif self._told_at is None:
            self._told_at = monotonic()
        elif monotonic() - self._told_at > GRACE:
            self.end(runs_with=trap(TrapCode.INTERRUPT) if over else None)

    def end_soon(self, run: Run) -> None:
        """Likewise where nothing else stops ``run``, if it does not end by itself."""
        this = weakref.ref(self)

        def end() -> None:
            worker = this()
            if worker is None:
                return
            worker.look()
            if run.outcome is None and not worker.turn and worker.runs and worker.runs[-1] is run:
                worker.end()

        try:
            asyncio.get_running_loop().call_later(GRACE, end)
        except RuntimeError:
            self.end()

    def end(self, why: WasmError | None = None, runs_with: BaseException | None = None) -> None:
        """End the worker, whatever it does. ``runs_with`` is what runs end with, if not with ``why``."""
        if self.ended is not None:
            return
        if why is None:
            why = WasmError("the worker of this guest was ended, because it did not stop when it had to")
        self.ended = why
        self._finalizer()
        runs, self.runs = self.runs, []
        self.turn = True
        for run in runs:
            run.lost(runs_with if runs_with is not None else why)
        self.notify()


class Fault(Exception):
    """What JavaScript said to a request: kind, message, stack, as ``Glue.failed`` gives them."""

    def __init__(self, kind: str, message: str, stack: str, _: int) -> None:
        super().__init__(message)
        self.described = kind, message, stack
