"""Threads for packages that start one and wait for it, on a platform that has none.

A thread that cannot start runs when somebody joins it. Only threads whose function comes from a module
that uses wasmtime are helped: for others, a pool of threads for one, failing at once is better than a wait without
end.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any


class LateThreads:
    """The change of ``threading.Thread.start``, made by :meth:`install` and undone by :meth:`remove`."""

    def __init__(self) -> None:
        self._start: Callable[[threading.Thread], None] | None = None

    def install(self) -> None:
        """Change it. Nothing changes for threads that can start."""
        original = self._start = threading.Thread.start

        def start(thread: threading.Thread) -> None:
            try:
                original(thread)
            except RuntimeError:
                # it also says so of a thread that was started before
                if thread._started.is_set() or not uses_wasmtime(getattr(thread, "_target", None)):  # type: ignore[attr-defined]
                    raise
                _postpone(thread)

        setattr(threading.Thread, "start", start)  # noqa: B010  (its type is that of a method)

    def remove(self) -> None:
        """Change it back."""
        if self._start is not None:
            setattr(threading.Thread, "start", self._start)  # noqa: B010
            self._start = None


def uses_wasmtime(function: Any) -> bool:
    """Whether the module where ``function`` was written has imported wasmtime, or something from it."""
    names = getattr(getattr(function, "__func__", function), "__globals__", {})
    wasmtime = sys.modules.get("wasmtime")
    own = {id(each) for name, each in vars(wasmtime).items() if not name.startswith("__")} if wasmtime else set()
    return any(each is wasmtime if isinstance(each, ModuleType) else id(each) in own for each in list(names.values()))


def _postpone(thread: threading.Thread) -> None:
    thread._started.set()  # type: ignore[attr-defined]
    left = [thread.run]

    def join(timeout: float | None = None) -> None:
        if not left:
            return
        run = left.pop()
        try:
            run()
        except SystemExit:
            pass
        except BaseException as error:
            threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, thread)))

    thread.join = join  # type: ignore[method-assign]
    thread.is_alive = lambda: bool(left)  # type: ignore[method-assign]
