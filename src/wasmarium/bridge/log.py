"""What a guest says to whoever looks after it: a console with levels and groups."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

LEVELS = ("trace", "debug", "info", "warning", "error")
"""From the least to the most important."""


class Log(ABC):
    """Lines of text, each with one of ``LEVELS``, in groups that nest."""

    @abstractmethod
    def write(self, level: str, text: str) -> None:
        """One entry."""

    @abstractmethod
    def begin_group(self, label: str) -> None:
        """What follows belongs together."""

    @abstractmethod
    def end_group(self) -> None:
        """The innermost group is over; nothing happens when there is none."""


class LineLog(Log):
    """Hands on lines such as ``[warning] text``, groups as indentation. What could steer a terminal is
    replaced, so that a guest cannot draw over the lines of others."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._depth = 0

    def write(self, level: str, text: str) -> None:
        indent = "  " * min(self._depth, 20)
        for line in text.splitlines() or [""]:
            self._write(f"{indent}[{level}] {plain(line)}\n")

    def begin_group(self, label: str) -> None:
        self.write("group", label)
        self._depth += 1

    def end_group(self) -> None:
        self._depth = max(0, self._depth - 1)


def plain(text: str) -> str:
    """``text`` with a replacement for every character that is not printable."""
    return "".join(each if each.isprintable() or each == "\t" else "\ufffd" for each in text)
