"""Stopping guests that run: what their safepoints call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any
from weakref import ref

from wasmarium.engines.host import shims
from wasmarium.engines.host.functions import Imported
from wasmarium.errors import TrapCode, trap
from wasmarium.runtime.function import HostFunction, Pending
from wasmarium.types import FunctionType, define_function

if TYPE_CHECKING:
    from wasmarium.engines.host.glue import Handle
    from wasmarium.engines.host.realm import Realm

POLL = "wasmarium.poll"
"""How the function is called; it does not stand in backtraces."""

POLL_TYPE = define_function(FunctionType((), ()))

PAUSE = 4
"""Milliseconds for which JavaScript answers the guests by itself, before it asks Python."""


class _Breath:
    """Lets whatever else the event loop has to do be done."""

    def __await__(self) -> Generator[Any, Any, None]:
        return asyncio.sleep(0).__await__()


class Watchman:
    """Asks ``is_over`` now and then, and stops the guest when it is. A run that somebody awaits gives way to the event
    loop then. ``handle`` is what safepoints call."""

    def __init__(self, realm: Realm, is_over: Callable[[], bool], pause: float) -> None:
        self._is_over = is_over
        self._realm = ref(realm)
        self._function = HostFunction(POLL_TYPE, self._ask, POLL)
        self._imported = Imported(realm, self._function, None)
        callback = realm.bridge.callback(self._imported.callback())
        self.handle: Handle = realm.glue.watchman(realm.shim(shims.callee, POLL_TYPE), callback, pause)

    def _ask(self, instance: Any, arguments: Sequence[Any]) -> Sequence[int] | Pending:
        realm = self._realm()
        if self._is_over() or (realm is not None and realm.glue.current() in realm.given_up):
            raise trap(TrapCode.INTERRUPT)
        if realm is None or realm.glue.current() not in realm.breathing:
            return ()
        return Pending(_Breath(), self._go_on)

    def _go_on(self, result: None) -> Sequence[int]:
        if self._is_over():
            raise trap(TrapCode.INTERRUPT)
        return ()
