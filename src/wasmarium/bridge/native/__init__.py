"""The bridge on CPython: descriptors of the operating system, its clocks and its randomness."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from wasmarium.bridge.base import Console, Platform, T, Waiting
from wasmarium.bridge.native.clock import NativeClock
from wasmarium.bridge.native.random import NativeRandom
from wasmarium.bridge.streams import standard_input, standard_output
from wasmarium.errors import Unsupported

__all__ = ["NativeClock", "NativePlatform", "NativeRandom"]


class NativePlatform(Platform):
    """CPython on an operating system."""

    name = "native"

    def __init__(self) -> None:
        self.console = Console(standard_input(), standard_output(), standard_output(error=True))
        self.clock = NativeClock()
        self.random = NativeRandom()

    def block_on(self, awaitable: Awaitable[T]) -> T:
        if isinstance(awaitable, Waiting) and awaitable.block is not None:
            result: T = awaitable.block()
            return result
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(_await(awaitable))
        raise Unsupported("cannot block inside a running event loop; await the call instead")


async def _await(awaitable: Awaitable[T]) -> T:
    return await awaitable
