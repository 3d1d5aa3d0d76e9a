"""Func: a function, of a guest or of the host."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from wasmarium.embedding import calls
from wasmarium.embedding.caller import Caller
from wasmarium.embedding.externals import External
from wasmarium.embedding.function_type import FuncType
from wasmarium.embedding.store import Storelike, check_owner, resolve
from wasmarium.embedding.value import Converter, to_python, to_value
from wasmarium.errors import WasmError
from wasmarium.runtime.function import Direct, FunctionInstance, HostFunction, Pending
from wasmarium.runtime.values import Value
from wasmarium.types import EXTERNREF, F64, I32, I64

if TYPE_CHECKING:
    from wasmarium.embedding.store import Store
    from wasmarium.runtime.instance import ModuleInstance


class Func(External):
    """A function that can be called with a store and its arguments.

    A function of a guest comes out of ``instance.exports(store)``. A Python function becomes one
    that guests can import:

    >>> from wasmarium import Func, FuncType, Store, ValType
    >>> store = Store()
    >>> i32 = ValType.i32()
    >>> double = Func(store, FuncType([i32], [i32]), lambda x: 2 * x)
    >>> double(store, 21)
    42

    Arguments are plain Python values: ``int`` for i32 and i64 (results are signed), ``float`` for f32
    and f64, a ``Func`` or ``None`` for funcref, anything for externref. No results give ``None``,
    one gives the value, several give a list.

    What a Python function raises comes out of the call as the same object, however many frames
    of guests are in between. A Python function may be ``async``: the guest then waits for it.
    """

    _external: FunctionInstance

    def __init__(self, store: Storelike, ty: FuncType, func: Callable[..., Any], access_caller: bool = False) -> None:
        """``func`` is called with one Python value per parameter of ``ty`` and must give what the
        results say. With ``access_caller`` it gets a :class:`Caller` first."""
        owner = resolve(store)
        if not isinstance(ty, FuncType):
            raise TypeError("expected a FuncType")
        self._become(owner, host_function(owner, ty, func, access_caller))

    @classmethod
    def _of(cls, store: Store, function: FunctionInstance) -> Func:
        self = cls.__new__(cls)
        self._become(store, function)
        return self

    def _become(self, store: Store, function: FunctionInstance) -> None:
        self._owner = store
        self._external = function
        self._incoming: list[Converter] | None = None
        self._outgoing: list[Converter] = []
        self._quick: Callable[..., Any] | None = None

    def type(self, store: Storelike) -> FuncType:
        """Parameters and results."""
        check_owner(store, self._owner)
        return FuncType._of(self._external.defined)

    def __call__(self, store: Storelike, *params: Any) -> Any:
        """Call the function and wait until it returns.

        Raises :class:`Trap` when the guest traps, :class:`ExitTrap` when it exits, TypeError for an
        argument that does not fit, WasmtimeError for a wrong number of arguments. Where a
        host function waits and the platform cannot block (inside a running event loop, or in a
        browser without JSPI) it raises WasmtimeError: use :meth:`call_async` there.
        """
        quick = self._quick
        if quick is not None and store is self._owner and not store._closed:
            return quick(*params)
        owner = check_owner(store, self._owner)
        if self._incoming is None:
            self._quick = owner.engine._execution.quick(self._external, self._call)
        return self._call(params)

    def _call(self, params: Sequence[Any]) -> Any:
        return self._results(calls.call(self._owner, self._external, self._arguments(params)))

    async def call_async(self, store: Storelike, *params: Any) -> Any:
        """Like a call, to be awaited: long runs are cut into slices, so that the event loop goes on
        meanwhile, and host functions may wait. Works everywhere; can be cancelled. On the host engine only
        guests that can be interrupted (``Config.epoch_interruption``) are cut; others run until they wait."""
        owner = check_owner(store, self._owner)
        return self._results(await calls.call_async(owner, self._external, self._arguments(params)))

    def _call_or_wait(self, *params: Any) -> Any:
        """For a host function that calls on: the results, or an awaitable of them."""
        outcome = calls.finish_or_wait(self._owner, calls.start(self._owner, self._external, self._arguments(params)))
        return self._results(outcome) if isinstance(outcome, tuple) else self._later(outcome)

    @property
    def _func(self) -> SimpleNamespace:
        # wasmtime-py makes a new Func whenever a table is asked, too, so packages (wasmhost) tell functions apart
        # by these two numbers of its C struct
        return SimpleNamespace(store_id=id(self._owner), __private=id(self._external))

    async def _later(self, outcome: Awaitable[tuple[Value, ...]]) -> Any:
        return self._results(await outcome)

    def _arguments(self, params: Sequence[Any]) -> list[Value]:
        incoming = self._incoming
        if incoming is None:
            owner, function = self._owner, self._external.type
            incoming = self._incoming = [to_value(owner, each) for each in function.parameters]
            self._outgoing = [to_python(owner, each) for each in function.results]
        if len(params) != len(incoming):
            word = "many" if len(params) > len(incoming) else "few"
            raise WasmError(f"too {word} parameters provided: given {len(params)}, expected {len(incoming)}")
        return [convert(given) for convert, given in zip(incoming, params, strict=True)]

    def _results(self, values: Sequence[Value]) -> Any:
        results = [convert(value) for convert, value in zip(self._outgoing, values, strict=True)]
        if not results:
            return None
        return results[0] if len(results) == 1 else results


def host_function(
    store: Store, ty: FuncType, func: Callable[..., Any], access_caller: bool, name: str | None = None
) -> HostFunction:
    """The runtime's function for a Python one. ``name`` is for backtraces."""
    function = ty._defined.function
    incoming = [to_python(store, each) for each in function.parameters]
    outgoing = [to_value(store, each) for each in function.results]
    # A promise may be the very object that an externref shall refer to.
    takes_awaitables = function.results == (EXTERNREF,)

    def results(given: Any) -> list[Value]:
        if len(outgoing) == 1:
            return [outgoing[0](given)]
        if not outgoing:
            if given is not None:
                raise WasmError("callback produced results when it shouldn't")
            return []
        if len(given) != len(outgoing):
            raise WasmError("callback produced wrong number of results")
        return [convert(item) for convert, item in zip(outgoing, given, strict=True)]

    def code(instance: ModuleInstance | None, arguments: Sequence[Value]) -> Sequence[Value] | Pending:
        values = [convert(value) for convert, value in zip(incoming, arguments, strict=True)]
        if not access_caller:
            given = func(*values)
            if _waits(given, takes_awaitables):
                return Pending(given, results)
            return results(given)
        caller = Caller(store, instance)
        try:
            given = func(caller, *values)
            if _waits(given, takes_awaitables):
                waiting = _release(given, caller)
                caller = Caller(store, None)
                return Pending(waiting, results)
            return results(given)
        finally:
            caller._invalidate()

    def finish(given: Any) -> Sequence[Value] | Pending:
        return Pending(given, results) if _waits(given, False) else results(given)

    plain = all(each in (I32, I64, F64) for each in (*function.parameters, *function.results))
    direct = Direct(func, finish) if plain and len(outgoing) < 2 and not access_caller else None
    waits = inspect.iscoroutinefunction(func)
    return HostFunction(ty._defined, code, name or str(getattr(func, "__name__", "")), direct, waits)


def _waits(given: Any, takes_awaitables: bool) -> bool:
    return inspect.iscoroutine(given) or (not takes_awaitables and inspect.isawaitable(given))


async def _release(given: Any, caller: Caller) -> Any:
    try:
        return await given
    finally:
        caller._invalidate()
