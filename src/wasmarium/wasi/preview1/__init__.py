"""WASI preview 1 (``wasi_snapshot_preview1``) and its predecessor (``wasi_unstable``).

``signatures`` lists every function once; the files named after a concern implement them;
``linking`` makes host functions of them for a :class:`~wasmarium.wasi.preview1.context.Wasi`,
which holds what one guest was given.
"""

from __future__ import annotations

from wasmarium.wasi.preview1.context import Preopen, Wasi
from wasmarium.wasi.preview1.linking import host_functions
from wasmarium.wasi.preview1.signatures import MODULES

__all__ = ["MODULES", "Preopen", "Wasi", "host_functions"]
