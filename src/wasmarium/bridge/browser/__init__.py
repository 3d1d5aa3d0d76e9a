"""The bridge in Pyodide: a page, a worker, or Node. Waiting gives awaitables.

The standard streams are those that Pyodide was given (``setStdin`` and so on; Node's own in Node).
A page hands its terminal in as streams of ``bridge.streams`` instead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from pyodide.ffi import can_run_sync, run_sync

from wasmarium.bridge.base import Console, Platform, T
from wasmarium.bridge.browser.clock import BrowserClock
from wasmarium.bridge.browser.random import BrowserRandom
from wasmarium.bridge.streams import standard_input, standard_output
from wasmarium.errors import Unsupported

if TYPE_CHECKING:
    from wasmarium.bridge.log import Log
    from wasmarium.bridge.network import Network
    from wasmarium.bridge.storage import Storage
    from wasmarium.engines.host.glue import Bridge

__all__ = ["BrowserClock", "BrowserPlatform", "BrowserRandom"]


class BrowserPlatform(Platform):
    """Pyodide. ``waiting`` says how guests of the host engine wait for host functions that wait: ``jspi``, ``worker``,
    ``interpreter``, or what the platform can do best (``auto``). Without JSPI, Python does not wait either."""

    name = "browser"

    def __init__(self, waiting: str = "auto") -> None:
        self._waiting = waiting
        self.console = Console(standard_input(), standard_output(), standard_output(error=True))
        self.clock = BrowserClock()
        self.random = BrowserRandom()
        self._network: Network | None = None

    def network(self) -> Network:
        if self._network is None:
            # late: most guests use none
            from wasmarium.bridge.browser.network import BrowserNetwork

            self._network = BrowserNetwork()
        return self._network

    async def storage(self, name: str) -> Storage:
        from wasmarium.bridge.browser.storage import browser_storage

        return await browser_storage(name)

    def log(self) -> Log:
        from wasmarium.bridge.browser.log import browser_log

        return browser_log()

    def webassembly(self) -> Bridge:
        # late: a page that only interprets need not compile the glue
        from wasmarium.bridge.browser.webassembly import BrowserWebAssembly

        return BrowserWebAssembly(self._waiting)

    def block_on(self, awaitable: Awaitable[T]) -> T:
        if self._waiting in ("auto", "jspi") and can_run_sync():
            result: T = run_sync(awaitable)
            return result
        block: Callable[[], T] | None = getattr(awaitable, "block", None)
        if block is not None:
            return block()
        raise Unsupported("this browser cannot block in Python (it lacks JSPI); await the call instead")
