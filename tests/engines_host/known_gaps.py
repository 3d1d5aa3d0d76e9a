"""Where the host engine does something else than the core suite says: the commands of a file that stand in
``lines``, on ``hosts``, and why. Only ever shorter.
"""

from __future__ import annotations

from typing import NamedTuple

OLD_V8, V8, SPIDERMONKEY = "V8 14", "V8", "SpiderMonkey"
"""Node 26 has V8 14, browsers have later ones."""


class Gap(NamedTuple):
    """See above."""

    file: str
    lines: frozenset[int]
    hosts: tuple[str, ...]
    reason: str


def _lines(*runs: int | range) -> frozenset[int]:
    return frozenset(line for run in runs for line in ((run,) if isinstance(run, int) else run))


_SEGMENT = "SpiderMonkey has one message for an array and for a segment that is too short: the array is taken"

GAPS = (
    Gap(
        "array_init_elem",
        _lines(92, 93),
        (OLD_V8, V8),
        "V8 looks at the segment before the array: where both are too short, the other trap comes",
    ),
    Gap("array_init_elem", _lines(89, 115), (SPIDERMONKEY,), _SEGMENT),
    Gap(
        "array_init_data", _lines(72, 110, 200, 201, 202, 203, 205, 207, 208, 209, 210, 212), (SPIDERMONKEY,), _SEGMENT
    ),
    Gap(
        "call_indirect",
        _lines(662),
        (OLD_V8,),
        "V8 14 says the same of null and of another type: null is taken where the table has one",
    ),
)
