"""Stores whose guests wait in a worker, as where there is no JSPI."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from engines_host.stores import new_store
from wasmarium import Func, FuncType, Instance, Linker, Module, ValType

I32, I64, F32, F64 = ValType.i32(), ValType.i64(), ValType.f32(), ValType.f64()


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gives. It is the test that waits here, not a guest."""
    from pyodide.ffi import run_sync

    return run_sync(coroutine)


@contextmanager
def nobody_has_jspi() -> Iterator[None]:
    """As in a browser without it. What of Pyodide waits by it for these tests has taken hold of it long before."""
    from js import Object, Reflect, WebAssembly

    taken = {name: Object.getOwnPropertyDescriptor(WebAssembly, name) for name in ("Suspending", "promising")}
    for name in taken:
        Reflect.deleteProperty(WebAssembly, name)
    try:
        yield
    finally:
        for name, description in taken.items():
            Object.defineProperty(WebAssembly, name, description)


class Away:
    """A store whose guests run in a worker when what they import may wait."""

    def __init__(self, network: Any = None, **settings: Any) -> None:
        from wasmarium.bridge.browser import BrowserPlatform

        platform = BrowserPlatform("worker")
        if network is not None:
            platform.network = lambda: network  # type: ignore[method-assign]
        self.store = new_store(platform=platform, **settings)
        self.engine = self.store.engine

    def instance(self, wat: str, *imports: Any) -> Any:
        """An instance in the worker."""
        made: Any = run(Instance.instantiate_async(self.store, Module(self.engine, wat), imports))
        assert made.fallback is None, made.fallback
        return made

    def exports(self, wat: str, *imports: Any) -> Any:
        """Its exports."""
        return self.instance(wat, *imports).exports(self.store)

    def world(self, wat: str) -> Any:
        """Likewise, of one that imports from WASI and from ``wasmarium``."""
        linker = Linker(self.engine)
        linker.define_wasi()
        linker.define_wasmarium()
        made: Any = run(linker.instantiate_async(self.store, Module(self.engine, wat)))
        assert made.fallback is None, made.fallback
        return made.exports(self.store)

    def function(self, parameters: list[ValType], results: list[ValType], function: Any, caller: bool = False) -> Func:
        """A function that may wait, whatever ``function`` does: so whoever imports it belongs into a worker."""
        made = Func(self.store, FuncType(parameters, results), function, caller)
        made._external.waits = True  # type: ignore[attr-defined]
        return made

    @property
    def worker(self) -> Any:
        """The worker of the store."""
        execution: Any = self.engine._execution
        return execution.remote(self.store._runtime).worker
