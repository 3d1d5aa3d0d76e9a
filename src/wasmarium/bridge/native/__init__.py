"""The bridge on CPython: descriptors of the operating system, its clocks and its randomness."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from wasmarium.bridge.base import Console, Platform, T, Waiting
from wasmarium.bridge.log import Log
from wasmarium.bridge.native.clock import NativeClock
from wasmarium.bridge.native.log import native_log
from wasmarium.bridge.native.random import NativeRandom
from wasmarium.bridge.streams import standard_input, standard_output
from wasmarium.errors import Unsupported

if TYPE_CHECKING:
    from wasmarium.bridge.network import Network
    from wasmarium.bridge.storage import Storage

__all__ = ["NativeClock", "NativePlatform", "NativeRandom"]


class NativePlatform(Platform):
    """CPython on an operating system."""

    name = "native"

    def __init__(self) -> None:
        self.console = Console(standard_input(), standard_output(), standard_output(error=True))
        self.clock = NativeClock()
        self.random = NativeRandom()
        self._network: Network | None = None
        self._kept = _Kept()

    def network(self) -> Network:
        if self._network is None:
            try:
                # late: an extra, and slow to load
                from wasmarium.bridge.native.network import NativeNetwork
            except ImportError as error:
                raise Unsupported(
                    f"the network needs the package {error.name}, which is not installed: "
                    'pip install "wasmarium[native]"'
                ) from None
            self._network = NativeNetwork()
        return self._network

    async def storage(self, name: str) -> Storage:
        from wasmarium.bridge.native.storage import native_storage

        return native_storage(name)

    def log(self) -> Log:
        return native_log()

    def block_on(self, awaitable: Awaitable[T]) -> T:
        if isinstance(awaitable, Waiting) and awaitable.block is not None:
            result: T = awaitable.block()
            return result
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._kept.runner.run(_await(awaitable))
        raise Unsupported("cannot block inside a running event loop; await the call instead")


class _Kept(threading.local):
    """An event loop for each thread that blocks. It is kept from one wait to the next, as asynchronous generators
    belong to the loop on which they began: one that ends takes them along."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        loop = self.runner.get_loop()
        self._end = _End()
        weakref.finalize(self._end, loop.close)


class _End:
    """Goes with the thread."""


async def _await(awaitable: Awaitable[T]) -> T:
    return await awaitable
