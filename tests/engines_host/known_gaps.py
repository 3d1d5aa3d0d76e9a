"""Where the host engine does something else than the core suite says: file -> what, and why. Only ever shorter.

A gap is about the commands of the file that stand in ``lines``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """``old_only``: only on hosts that say the same of a null function and of one of another type."""

    lines: frozenset[int]
    reason: str
    old_only: bool = False


def _lines(*runs: int | range) -> frozenset[int]:
    return frozenset(line for run in runs for line in ((run,) if isinstance(run, int) else run))


_CONVERSION = "V8 says of a conversion only that the number is unrepresentable: a NaN gets the code of an overflow"

GAPS: dict[str, Gap] = {
    "array_init_elem": Gap(
        _lines(92, 93), "V8 looks at the segment before the array: where both are too short, the other trap comes"
    ),
    "call_indirect": Gap(
        _lines(662), "V8 14 says the same of null and of another type: null is taken where the table has one", True
    ),
    "conversions": Gap(
        _lines(*(range(first, first + 4) for first in (82, 104, 129, 157, 182, 202, 227, 251))), _CONVERSION
    ),
    "traps": Gap(_lines(range(50, 58)), _CONVERSION),
}
