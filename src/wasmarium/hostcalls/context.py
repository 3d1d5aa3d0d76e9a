"""What one guest has of the world outside: its handles, its log, its way to the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from wasmarium.bridge.base import Clock
from wasmarium.bridge.log import Log
from wasmarium.bridge.signal import Signal
from wasmarium.hostcalls.signatures import Flags
from wasmarium.network import Access, Connection, Fetch
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import fail
from wasmarium.wasi.preview1.waiting import Wait

MOST_HANDLES = 256
"""That a guest may have at once; beyond it gets MFILE."""

OpenT = TypeVar("OpenT", bound=Fetch | Connection)


class Outside:
    """Everything is handed in; nothing is taken from the host unasked."""

    def __init__(self, *, access: Access, clock: Clock, log: Log) -> None:
        self.access = access
        self.clock = clock
        self.log = log
        self._open: dict[int, Fetch | Connection] = {}
        self._next = 1
        self.rest: dict[int, tuple[bytes, bool]] = {}
        """What is left of a message that did not fit, and whether it is text; by handle."""
        self._decided: dict[str, bool] = {}

    def need(self, capability: str, otherwise: Errno = Errno.ACCES) -> None:
        """Fail unless the policy grants ``capability``; it is asked once only."""
        granted = self._decided.get(capability)
        if granted is None:
            granted = self._decided[capability] = self.access.policy.allows(capability)
        if not granted:
            fail(otherwise)

    def check_room(self) -> None:
        """MFILE unless there is room for one more handle."""
        if len(self._open) >= MOST_HANDLES:
            fail(Errno.MFILE)

    def add(self, opened: Fetch | Connection) -> int:
        """A handle for it. None is used twice, so that a guest's mistake is not another one's data."""
        self.check_room()
        handle = self._next
        self._next += 1
        self._open[handle] = opened
        return handle

    def get(self, handle: int, kind: type[OpenT]) -> OpenT:
        """What is behind a handle; BADF when that is nothing of ``kind``."""
        found = self._open.get(handle)
        if not isinstance(found, kind):
            fail(Errno.BADF)
        return found

    def any(self, handle: int) -> Fetch | Connection:
        """What is behind a handle; BADF for nothing."""
        found = self._open.get(handle)
        if found is None:
            fail(Errno.BADF)
        return found

    def drop(self, handle: int) -> None:
        """Give a handle up. What is under way is aborted."""
        opened = self.any(handle)
        del self._open[handle]
        self.rest.pop(handle, None)
        _end(opened)

    def close(self) -> None:
        """Give up every handle, when the guest has ended."""
        while self._open:
            _end(self._open.popitem()[1])
        self.rest.clear()

    def when(self, signal: Signal, ready: Callable[[], bool], flags: Flags, finish: Callable[[], None]) -> Wait | None:
        """``finish`` as soon as ``ready``; AGAIN instead of waiting where the guest asked for that."""
        if ready():
            finish()
            return None
        if Flags.NONBLOCK not in flags:
            return Wait(signal.wait(ready, _nothing), lambda _: finish())
        turn = self.access.network.turn()
        if turn is None:
            fail(Errno.AGAIN)

        def after(_: None) -> None:
            if not ready():
                fail(Errno.AGAIN)
            finish()

        return Wait(turn, after)


def _end(opened: Fetch | Connection) -> None:
    if isinstance(opened, Fetch):
        opened.abort()
    else:
        opened.close()


def _nothing() -> None:
    return
