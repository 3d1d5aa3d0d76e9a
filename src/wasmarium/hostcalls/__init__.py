"""The import module ``wasmarium``: log, HTTP and WebSocket for guests that are plain core modules.

README.md in this folder describes every function byte for byte. ``signatures`` lists each function
once; the files named after a concern implement them; ``linking`` makes host functions of them for an
:class:`~wasmarium.hostcalls.context.Outside`, which holds what one guest has open.
"""

from __future__ import annotations

from wasmarium.hostcalls.context import Outside
from wasmarium.hostcalls.linking import host_functions
from wasmarium.hostcalls.signatures import MODULE

__all__ = ["MODULE", "Outside", "host_functions"]
