"""The host engine: guests run on the ``WebAssembly`` of the browser, or of Node.

A module is validated as always, rewritten a little (``rewrite``), compiled by the host and linked to the
same Python objects that the interpreter uses. How values cross: generated *shims* (``shims``), small
modules that load and store them in an *area* of Pyodide's own memory, where Python packs and unpacks
them with ``struct``. So one crossing moves all values of a call, every bit of a NaN survives, an
i64 needs no BigInt and a v128 can cross. References go through tables
(``references``); what guests make on the host's heap can be looked into (``aggregates``).

A guest that waits for a host function is suspended (JSPI), or waits in a worker (``remote``), or is interpreted.

What belongs to one store is a ``realm``. JavaScript is reached only through the :class:`Bridge` that
``wasmarium.bridge`` hands in.
"""

from __future__ import annotations

from wasmarium.engines.host.engine import HostEngine
from wasmarium.engines.host.glue import Bridge

__all__ = ["Bridge", "HostEngine"]
