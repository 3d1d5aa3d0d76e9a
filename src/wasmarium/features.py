"""The proposals, one row each: what they are called, how far they are, whether they are on.

A *feature* gates instructions (a column of ``instructions/table.py``), sections and types. The set
that a decoder or validator works with is a plain frozenset of names, :data:`DEFAULT` unless told.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """One proposal. ``release`` is the version of the specification that took it in, or None."""

    name: str
    title: str
    release: str | None
    default: bool


FEATURES: tuple[Feature, ...] = (
    Feature("mvp", "the first release", "1.0", True),
    Feature("mutable-globals", "import and export of mutable globals", "1.0", True),
    Feature("sign-extension", "sign-extension operators", "2.0", True),
    Feature("saturating-float-to-int", "non-trapping float-to-int conversions", "2.0", True),
    Feature("multi-value", "several results of functions and blocks", "2.0", True),
    Feature("reference-types", "funcref, externref and table instructions", "2.0", True),
    Feature("bulk-memory", "memory and table copy, fill and init", "2.0", True),
    Feature("simd", "128-bit vectors", "2.0", True),
    Feature("relaxed-simd", "vector instructions with implementation-chosen results", "3.0", True),
    Feature("tail-call", "return_call", "3.0", True),
    Feature("extended-const", "arithmetic in constant expressions", "3.0", True),
    Feature("function-references", "typed function references", "3.0", True),
    Feature("gc", "structs, arrays and casts", "3.0", True),
    Feature("exceptions", "exceptions with exnref", "3.0", True),
    Feature("multi-memory", "several memories", "3.0", True),
    Feature("memory64", "64-bit memories and tables", "3.0", True),
    Feature("threads", "shared memories and atomics", None, False),
    Feature("custom-page-sizes", "memories with pages of one byte", None, False),
    Feature("wide-arithmetic", "128-bit addition and multiplication", None, False),
    Feature("legacy-exceptions", "try, catch, delegate and rethrow", None, False),
)

BY_NAME: dict[str, Feature] = {feature.name: feature for feature in FEATURES}

Features = frozenset[str]
"""The features that are switched on, by name."""

DEFAULT: Features = frozenset(feature.name for feature in FEATURES if feature.default)
ALL: Features = frozenset(BY_NAME)
