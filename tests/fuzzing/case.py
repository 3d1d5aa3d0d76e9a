"""A case and what is found in it."""

from __future__ import annotations

import random
from dataclasses import dataclass

MODES = ("mutate", "generate", "text")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    ``kind`` is one short line that stays the same while a case is made smaller, ``detail`` says all.
    """

    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """Something to try: the bytes of a module or of a text, and from where they come."""

    mode: str
    data: bytes
    origin: str

    @property
    def suffix(self) -> str:
        """What its file is called by."""
        return ".wat" if self.mode == "text" else ".wasm"


@dataclass(frozen=True, slots=True)
class Report:
    """What a check says of one case: the findings, and counts of what happened in it."""

    findings: tuple[Finding, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()


def dice(mode: str, seed: int, number: int) -> random.Random:
    """The source of chance of one case: the same for the same mode, seed and number, everywhere."""
    return random.Random(f"{mode} {seed} {number}")
