"""Threads for packages that use wasmtime, on a platform that has none.

A thread that cannot start runs when somebody joins it, and a timer that is to move an epoch on becomes an alarm of
the engine. Only threads that have to do with wasmtime are helped: for others, a pool of threads for one, failing at
once is better than a wait without end.
"""

from __future__ import annotations

import sys
import threading
import warnings
import weakref
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from wasmarium.embedding import Engine


class LateThreads:
    """The change of ``threading.Thread.start``, made by :meth:`install` and undone by :meth:`remove`."""

    def __init__(self) -> None:
        self._original: Any = None
        self._changed: Any = None

    def install(self) -> None:
        """Change it. Nothing changes for threads that can start."""
        original = self._original = threading.Thread.start

        def start(thread: threading.Thread) -> None:
            try:
                original(thread)
            except RuntimeError:
                # it also says so of a thread that was started before
                if thread._started.is_set():  # type: ignore[attr-defined]
                    raise
                if isinstance(thread, threading.Timer) and _moves_an_epoch(thread):
                    _set_alarm(thread)
                elif uses_wasmtime(thread):
                    _postpone(thread)
                else:
                    raise

        self._changed = start
        setattr(threading.Thread, "start", start)  # noqa: B010  (its type is that of a method)

    def remove(self) -> None:
        """Change it back, unless somebody else has changed it since."""
        if threading.Thread.start is self._changed:
            setattr(threading.Thread, "start", self._original)  # noqa: B010


def uses_wasmtime(thread: threading.Thread) -> bool:
    """Whether the module where the thread's function was written has imported wasmtime, or something from it, or
    the function, or its arguments, hold something of it."""
    wasmtime = sys.modules.get("wasmtime")
    own = {id(each) for name, each in vars(wasmtime).items() if not name.startswith("__")} if wasmtime else set()
    function = getattr(thread, "_target", None)
    names = list(getattr(getattr(function, "__func__", function), "__globals__", {}).values())
    if any(each is wasmtime if isinstance(each, ModuleType) else id(each) in own for each in names):
        return True
    return any(type(each).__module__.startswith("wasmarium.") for each in _held(thread, function))


def _held(thread: threading.Thread, function: Any) -> Iterator[Any]:
    yield getattr(function, "__self__", None)
    yield from getattr(thread, "_args", ())
    yield from getattr(thread, "_kwargs", {}).values()
    for cell in getattr(function, "__closure__", None) or ():
        try:
            yield cell.cell_contents
        except ValueError:  # nothing in it yet
            pass


def _moves_an_epoch(timer: threading.Timer) -> bool:
    function = timer.function
    return isinstance(getattr(function, "__self__", None), Engine) and function.__name__ == "increment_epoch"


def _set_alarm(timer: threading.Timer) -> None:
    engine: Engine = timer.function.__self__  # type: ignore[attr-defined]
    timer._started.set()  # type: ignore[attr-defined]
    alarm, cancel = engine.increment_epoch_after(timer.interval), timer.cancel

    def stop() -> None:
        alarm.cancel()
        cancel()

    timer.cancel = stop  # type: ignore[method-assign]
    # nothing of it is left to be waited for
    timer.join = lambda timeout=None: None  # type: ignore[method-assign]
    timer.is_alive = lambda: False  # type: ignore[method-assign]


def _postpone(thread: threading.Thread) -> None:
    thread._started.set()  # type: ignore[attr-defined]
    run, left = thread.run, [True]
    never = weakref.finalize(thread, _warn, thread.name)
    never.atexit = False
    weak = weakref.ref(thread)

    def join(timeout: float | None = None) -> None:
        if not left:
            return
        left.clear()
        never.detach()
        try:
            run()
        except SystemExit:
            pass
        except BaseException as error:
            threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, weak())))

    thread.join = join  # type: ignore[method-assign]
    thread.is_alive = lambda: bool(left)  # type: ignore[method-assign]


def _warn(name: str) -> None:
    warnings.warn(
        f"there are no threads here: {name} would have run when joined, but was not, so it did nothing",
        RuntimeWarning,
        stacklevel=2,
    )
