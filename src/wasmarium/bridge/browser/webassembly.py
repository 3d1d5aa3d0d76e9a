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

from wasmarium.bridge.browser.network import on_node
from wasmarium.engines.host.glue import Area, Glue, Handle, Mailbox, Ways
from wasmarium.errors import Unsupported, WasmError


class PinnedArea:
    """Bytes that stay where they are; see :class:`~wasmarium.engines.host.glue.Area`."""

    def __init__(self, size: int) -> None:
        self.buffer = bytearray(size)
        # ctypes holds the buffer, so that nothing can resize it
        self._pin = (ctypes.c_char * size).from_buffer(self.buffer)
        self.address = ctypes.addressof(self._pin)


WAYS = ("auto", "jspi", "worker", "interpreter")
"""How guests may wait: as the platform can do it best, or in one of its ways."""


class BrowserWebAssembly:
    """See :class:`~wasmarium.engines.host.glue.Bridge`. ``way`` is one of WAYS. Raises Unsupported where there is
    none of that kind."""

    def __init__(self, way: str = "auto") -> None:
        self._memory = _pyodide_memory()
        self._make: Any = run_js(_source("glue.js"))
        on_bytes = run_js(_ON_BYTES)
        self._validate = on_bytes(run_js("(bytes) => WebAssembly.validate(bytes)"))
        self._compile = on_bytes(run_js("(bytes) => new WebAssembly.Module(bytes)"))
        self._compile_later = on_bytes(run_js("(bytes) => WebAssembly.compile(bytes)"))
        self._mailbox: Any = None
        self._ways: Any = None
        self._blocking = _blocking(way)

    def validate(self, data: bytes) -> bool:
        return bool(self._validate(create_proxy(data)))

    def compile(self, data: bytes) -> Handle:
        try:
            try:
                return self._compile(create_proxy(data))
            except JsException as error:
                # Chromium compiles no more than 8 MB at once on the thread of a page
                if error.name != "RangeError" or not self.can_block():
                    raise
                return run_sync(self._compile_later(create_proxy(data)))
        except JsException as error:
            raise Unsupported(f"this platform's WebAssembly says: {error.message}") from None

    def realm(self, area: Area) -> Glue:
        return cast(Glue, self._make(self._memory, area.address, len(area.buffer), self.suspends()))

    def area(self, size: int) -> Area:
        return PinnedArea(size)

    def callback(self, function: Callable[..., Any]) -> Handle:
        return create_proxy(function)

    def ways(self, area: Area, resolve: Handle) -> Ways:
        if self._ways is None:
            self._ways = run_js(files(__package__).joinpath("carrying.js").read_text("utf-8"))
        return cast(Ways, self._ways(self._memory, area.address, len(area.buffer), resolve))

    def array(self, handles: Sequence[Handle]) -> Handle:
        return to_js(handles)

    def can_block(self) -> bool:
        return self.suspends() and bool(can_run_sync())

    def wait(self, promise: Awaitable[Handle]) -> Handle:
        if not self.can_block():
            raise Unsupported("Python may not wait here (see the capability `blocks`)")
        return run_sync(promise)

    def suspends(self) -> bool:
        return self._blocking[0] == "jspi"

    def blocking(self) -> tuple[str, str]:
        return self._blocking

    def mailbox(self, head: Area, area: Area) -> Mailbox:
        if self._mailbox is None:
            self._mailbox = run_js(_source("mailbox.js"))
        source = _source("worker.js")
        return cast(Mailbox, self._mailbox(self._memory, source, head.address, area.address, len(area.buffer)))

    def starts_workers_at_once(self) -> bool:
        return on_node()

    def has_shared_memory(self) -> bool:
        return hasattr(js, "SharedArrayBuffer")


def _source(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _blocking(way: str) -> tuple[str, str]:
    """How guests wait, and why."""
    if way not in WAYS:
        raise WasmError(f"guests cannot wait by {way!r}: it can be {', '.join(WAYS)}")
    if way in ("auto", "jspi"):
        if hasattr(js.WebAssembly, "Suspending"):
            return "jspi", "the host suspends WebAssembly (JSPI)"
        if way == "jspi":
            raise Unsupported("this platform cannot suspend WebAssembly: it lacks JSPI")
    lacks = "JSPI is not to be used" if way in ("worker", "interpreter") else "it lacks JSPI"
    missing = "workers are not to be used" if way == "interpreter" else _no_workers()
    if not missing:
        return "worker", f"{lacks}, and there are workers and shared memory"
    if way == "worker":
        raise Unsupported(f"guests cannot wait in workers here: {missing}")
    return "interpreter", f"{lacks}, and {missing}"


def _no_workers() -> str:
    """Why guests cannot run in workers, or nothing."""
    if not hasattr(js, "SharedArrayBuffer"):
        return "there is no SharedArrayBuffer (a page has it only when its server sends the headers COOP and COEP)"
    if on_node():
        return "" if hasattr(js.process, "getBuiltinModule") else "this Node is too old for workers: take 22 or newer"
    isolated = getattr(js, "crossOriginIsolated", False)
    if not isolated:
        return "shared memory cannot be sent to workers (its server does not send the headers COOP and COEP)"
    return "" if hasattr(js, "Worker") and hasattr(js, "Blob") else "there are no workers"


_ON_BYTES = """(call) => (bytes) => {
  const view = bytes.getBuffer("u8");
  try {
    return call(view.data);
  } finally {
    view.release();
    bytes.destroy();
  }
}"""
"""A function of bytes of JavaScript becomes one of a proxy of bytes of Python, which are not copied before."""


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
