"""Randomness of the operating system."""

from __future__ import annotations

import os

from wasmarium.bridge.base import Random


class NativeRandom(Random):
    """``os.urandom``."""

    def read(self, count: int) -> bytes:
        return os.urandom(count)
