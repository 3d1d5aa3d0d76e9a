"""One case of a mode: making it from seed and number, and checking it. This is what runs in the worker."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable

from fuzzing.case import Case, Finding, Report, dice
from fuzzing.corpus import Corpus
from fuzzing.execution import check_execution
from fuzzing.mutation import mutate
from fuzzing.smith import make_module
from fuzzing.texts import check_text, text_case
from fuzzing.verdicts import check_module, judge
from wasmarium.features import ALL, DEFAULT, FEATURES, Features

_STANDS_ON = (
    ("function-references", "reference-types"),
    ("gc", "function-references"),
    ("exceptions", "reference-types"),
    # To us they are two ways to the same tags; wasm-tools has none without the newer one.
    ("legacy-exceptions", "exceptions"),
    ("relaxed-simd", "simd"),
)
"""Proposals that make no sense without another one; bases first."""


def chosen_features(random_: random.Random) -> Features:
    """Mostly all features, for which verdicts cost least; now and then a release, or all but one."""
    kind = random_.random()
    if kind < 0.92:
        return ALL
    if kind < 0.95:
        return DEFAULT
    if kind < 0.97:
        last = random_.choice(("1.0", "2.0"))
        return frozenset(row.name for row in FEATURES if row.release is not None and row.release <= last)
    off = {random_.choice([row.name for row in FEATURES if row.name != "mvp"])}
    for name, base in _STANDS_ON:
        if base in off:
            off.add(name)
    return ALL - off


def make(mode: str, seed: int, number: int, corpus: Corpus) -> Case | None:
    """The case with this number, or None where nothing comes of it."""
    random_ = dice(mode, seed, number)
    if mode == "mutate":
        data, origin = corpus.module(random_)
        others = [corpus.module(random_)[0] for _ in range(2)]
        changed, way = mutate(data, random_, others)
        return Case(mode, changed, f"{origin} {way}")
    if mode == "text":
        text, origin = text_case(random_, corpus)
        return Case(mode, text, origin)
    made = make_module(random_, run=random_.random() < 0.75)
    return None if made is None else Case(mode, made, "smith")


def check(case: Case, seed: int, number: int) -> Report:
    """Check a case; an exception that no check expects is a finding."""
    random_ = dice(f"check {case.mode}", seed, number)
    try:
        return _CHECKS[case.mode](case.data, random_)
    except Exception as error:
        name = type(error).__name__
        last = traceback.extract_tb(error.__traceback__)[-1]
        detail = "".join(traceback.format_exception(error))
        return Report((Finding(f"{name} in {last.name} of {last.filename.rpartition('/')[2]}", detail),))


def _check_mutated(data: bytes, random_: random.Random) -> Report:
    return check_module(data, chosen_features(random_), text=random_.random() < 0.2)


def _check_generated(data: bytes, random_: random.Random) -> Report:
    report = check_module(data)
    if judge(data, ALL).error is not None:
        return report
    run = check_execution(data, random_)
    return Report(report.findings + run.findings, report.counts + run.counts)


def _check_text(data: bytes, random_: random.Random) -> Report:
    return check_text(data)


_CHECKS: dict[str, Callable[[bytes, random.Random], Report]] = {
    "mutate": _check_mutated,
    "generate": _check_generated,
    "text": _check_text,
}
