"""The JavaScript world that Go's own WebAssembly programs want (``GOOS=js GOARCH=wasm``), in Python.

Such a program imports the module ``gojs``, through which it handles values of JavaScript: it reads
properties, calls functions, and is called back. Nothing of a real JavaScript is behind it here, so the same
program runs on CPython too, on either engine, and reaches nothing that its policy does not grant:

* ``values`` are the objects, ``heap`` the numbers by which Go knows them,
* ``imports`` is what they do, ``functions`` how they are called, ``callbacks`` what waits for its turn to call Go,
* ``filesystem``, ``process`` and ``world`` are the globals ``fs``, ``process`` and the others, made of what
  WASI guests are given,
* ``program`` runs a program from its start to its end.

What the imports mean is told by Go's runtime/sys_wasm.go and syscall/js; Go gives no promise that it stays.
This is how Go 1.21 to 1.27 have it.
"""

from __future__ import annotations

from wasmarium.gojs.functions import MODULE, SIGNATURES, function_type, host_functions
from wasmarium.gojs.program import Program
from wasmarium.gojs.world import World

__all__ = ["MODULE", "SIGNATURES", "Program", "World", "function_type", "host_functions"]
