"""Host functions for linking: the rows of ``signatures`` with what implements them."""

from __future__ import annotations

from wasmarium.hostcalls import handles, http, log, websocket
from wasmarium.hostcalls.context import Outside
from wasmarium.hostcalls.signatures import SIGNATURES, function_type
from wasmarium.runtime.function import HostFunction
from wasmarium.types import define_function
from wasmarium.wasi.preview1.linking import Implementation, host_code

_CONCERNS = (log, http, websocket, handles)


def implementations() -> dict[str, Implementation]:
    """What implements each function, by name."""
    return {
        name: next(getattr(concern, name) for concern in _CONCERNS if hasattr(concern, name)) for name in SIGNATURES
    }


def host_functions(outside: Outside) -> dict[str, HostFunction]:
    """Every function for one guest, by name."""
    return {
        name: HostFunction(define_function(function_type(name)), host_code(outside, implementation), name)
        for name, implementation in implementations().items()
    }
