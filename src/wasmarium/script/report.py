"""What came of the commands of a script."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from wasmarium.errors import Location


@dataclass(frozen=True, slots=True)
class Result:
    """A command that did not pass, and why. ``command`` is its keyword, as in ``assert_return``;
    ``location`` is where it stands in the script."""

    command: str
    location: Location
    reason: str

    def __str__(self) -> str:
        return f"{self.location.line}:{self.location.column}: {self.command}: {self.reason}"


@dataclass(slots=True)
class Report:
    """The results of a script. ``passed`` counts commands by keyword; the others are listed in the
    order in which they were carried out."""

    passed: Counter[str] = field(default_factory=Counter)
    failed: list[Result] = field(default_factory=list)
    skipped: list[Result] = field(default_factory=list)

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many passed, failed, were skipped."""
        return self.passed.total(), len(self.failed), len(self.skipped)


class Refuted(Exception):
    """A command found something else than it says; the message says what."""


class Skip(Exception):
    """A command cannot be carried out here; the message says why."""
