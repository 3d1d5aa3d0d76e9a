"""A guest's log on the standard error stream."""

from __future__ import annotations

import sys

from wasmarium.bridge.log import LineLog


def native_log() -> LineLog:
    """Lines on standard error, wherever that leads by then."""
    return LineLog(lambda line: print(line, end="", file=sys.stderr))
