"""The bridge to the world outside: the only room that imports ``js`` and ``pyodide``."""

from __future__ import annotations

import os
import sys

from wasmarium.bridge.base import Clock, Console, InputStream, OutputStream, Platform, Random, Waiting

__all__ = ["Clock", "Console", "InputStream", "OutputStream", "Platform", "Random", "Waiting", "platform"]


WAITING = "WASMARIUM_WAITING"
"""The variable of the environment that says how guests of the host engine wait: see ``browser.BrowserPlatform``."""


def platform() -> Platform:
    """The platform this Python runs on, a new object each time. Nothing else chooses."""
    if sys.platform == "emscripten":
        from wasmarium.bridge.browser import BrowserPlatform

        return BrowserPlatform(os.environ.get(WAITING) or "auto")
    from wasmarium.bridge.native import NativePlatform

    return NativePlatform()
