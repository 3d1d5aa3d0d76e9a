"""The bridge to the world outside: the only room that imports ``js`` and ``pyodide``."""

from __future__ import annotations

import sys

from wasmarium.bridge.base import Clock, Console, InputStream, OutputStream, Platform, Random, Waiting

__all__ = ["Clock", "Console", "InputStream", "OutputStream", "Platform", "Random", "Waiting", "platform"]


def platform() -> Platform:
    """The platform this Python runs on, a new object each time. Nothing else chooses."""
    if sys.platform == "emscripten":
        from wasmarium.bridge.browser import BrowserPlatform

        return BrowserPlatform()
    from wasmarium.bridge.native import NativePlatform

    return NativePlatform()
