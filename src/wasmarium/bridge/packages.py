"""What the platform's package installer knows: micropip, in Pyodide."""

from __future__ import annotations

import sys


def announce(name: str, version: str) -> bool:
    """Let micropip, and with it ``importlib.metadata``, take the package for installed. False where there is no
    micropip; whoever loads it later asks ``importlib.metadata``."""
    if sys.platform != "emscripten":
        return False
    try:
        import micropip
    except ImportError:
        return False
    # no modules: those it would make are empty
    micropip.add_mock_package(name, version, modules={})
    return True


def withdraw(name: str) -> None:
    """Undo it."""
    import micropip

    micropip.remove_mock_package(name)
