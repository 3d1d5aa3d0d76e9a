"""The option ``--features``, for commands that need not take everything for granted."""

from __future__ import annotations

import argparse

from wasmarium.features import ALL, DEFAULT, FEATURES, Features

RELEASED = "3.0"
"""What stands for the features of that version of the specification."""


def parse_features(text: str) -> Features:
    """Names and "3.0" or "all", separated by commas. Raises ArgumentTypeError."""
    chosen: Features = frozenset()
    for word in text.split(","):
        if word == "all":
            chosen |= ALL
        elif word == RELEASED:
            chosen |= DEFAULT
        elif word in ALL:
            chosen |= {word}
        else:
            names = ", ".join(feature.name for feature in FEATURES if not feature.default)
            raise argparse.ArgumentTypeError(f"there is no feature {word!r}; beyond {RELEASED} there are {names}")
    return chosen
