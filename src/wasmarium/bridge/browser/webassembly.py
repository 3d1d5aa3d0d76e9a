"""The ``WebAssembly`` of the browser or of Node, for the host engine."""

from __future__ import annotations

import ctypes
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Any, cast

import js
import pyodide_js
from pyodide.code import run_js
from pyodide.ffi import JsException, can_run_sync, create_proxy, run_sync, to_js

from wasmarium.engines.host.glue import Area, Glue, Handle
from wasmarium.errors import Unsupported


class PinnedArea:
    """Bytes that stay where they are; see :class:`~wasmarium.engines.host.glue.Area`."""

    def __init__(self, size: int) -> None:
        self.buffer = bytearray(size)
        # ctypes holds the buffer, so that nothing can resize it
        self._pin = (ctypes.c_char * size).from_buffer(self.buffer)
        self.address = ctypes.addressof(self._pin)


class BrowserWebAssembly:
    """See :class:`~wasmarium.engines.host.glue.Bridge`."""

    def __init__(self) -> None:
        self._memory = _pyodide_memory()
        self._make: Any = run_js(files(__package__).joinpath("glue.js").read_text("utf-8"))

    def validate(self, data: bytes) -> bool:
        return bool(js.WebAssembly.validate(_bytes(data)))

    def compile(self, data: bytes) -> Handle:
        array = _bytes(data)
        try:
            try:
                return js.WebAssembly.Module.new(array)
            except JsException as error:
                # Chromium compiles no more than 8 MB at once on the thread of a page
                if error.name != "RangeError" or not can_run_sync():
                    raise
                return run_sync(js.WebAssembly.compile(array))
        except JsException as error:
            raise Unsupported(f"this platform's WebAssembly says: {error.message}") from None

    def realm(self, area: Area) -> Glue:
        return cast(Glue, self._make(self._memory, area.address, len(area.buffer)))

    def area(self, size: int) -> Area:
        return PinnedArea(size)

    def callback(self, function: Callable[[], int | None]) -> Handle:
        return create_proxy(function)

    def array(self, handles: Sequence[Handle]) -> Handle:
        return to_js(handles)

    def can_block(self) -> bool:
        return bool(can_run_sync())

    def wait(self, promise: Awaitable[Handle]) -> Handle:
        if not can_run_sync():
            raise Unsupported("Python may not wait here (see the capability `blocks`)")
        return run_sync(promise)

    def suspends(self) -> bool:
        return hasattr(js.WebAssembly, "Suspending")

    def has_shared_memory(self) -> bool:
        return hasattr(js, "SharedArrayBuffer")


def _bytes(data: bytes) -> Any:
    array = js.Uint8Array.new(len(data))
    array.assign(data)
    return array


def _pyodide_memory() -> Any:
    """The WebAssembly.Memory that Python itself lives in. Unsupported where this Pyodide hides it."""
    found = run_js(
        # by its name: Pyodide may come from another realm, where WebAssembly.Memory is another class
        """(m) => {
          const is = (v) => Object.prototype.toString.call(v) === "[object WebAssembly.Memory]";
          return is(m.memory) ? m.memory : Object.values(m).find(is);
        }"""
    )(pyodide_js._module)
    if found is None:
        raise Unsupported("the host engine needs the memory of Pyodide, which this version does not show")
    return found
