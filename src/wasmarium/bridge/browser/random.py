"""crypto.getRandomValues."""

from __future__ import annotations

import js

from wasmarium.bridge.base import Random
from wasmarium.bridge.browser.globals import Globals

QUOTA = 65_536
"""Bytes that one call may give (Web Cryptography API, section 10.1.1)."""


class BrowserRandom(Random):
    """The randomness that JavaScript has."""

    def __init__(self) -> None:
        self._js: Globals = js

    def read(self, count: int) -> bytes:
        pieces = []
        while count > 0:
            array = self._js.Uint8Array.new(min(count, QUOTA))
            self._js.crypto.getRandomValues(array)
            pieces.append(array.to_bytes())
            count -= QUOTA
        return b"".join(pieces)
