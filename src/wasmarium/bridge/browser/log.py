"""A guest's log on the browser's console."""

from __future__ import annotations

import sys
from typing import Any

import js

from wasmarium.bridge.browser.network import on_node
from wasmarium.bridge.log import LineLog, Log

_METHODS = {"trace": "debug", "debug": "debug", "info": "info", "warning": "warn", "error": "error"}


class ConsoleLog(Log):
    """``console.debug`` and so on, and its groups."""

    def __init__(self) -> None:
        self._console: Any = js.console

    def write(self, level: str, text: str) -> None:
        # as an argument: in the first one % would mean something
        getattr(self._console, _METHODS[level])("%s", text)

    def begin_group(self, label: str) -> None:
        self._console.group("%s", label)

    def end_group(self) -> None:
        self._console.groupEnd()


def browser_log() -> Log:
    """The console; in Node, whose console writes to standard output, standard error."""
    if on_node():
        return LineLog(lambda line: print(line, end="", file=sys.stderr))
    return ConsoleLog()
