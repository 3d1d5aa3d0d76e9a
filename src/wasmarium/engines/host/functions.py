"""Calls across the border: Python calls functions of guests, guests call Python."""

from __future__ import annotations

import asyncio
import struct
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from wasmarium.engines.base import Finished, Outcome, Raised, Suspended, recursion_of_its_own
from wasmarium.engines.host import shims
from wasmarium.engines.host.calls import InOnePiece, complete, held
from wasmarium.engines.host.memory import HostMemory
from wasmarium.errors import Crash, Trap, TrapCode, trap
from wasmarium.runtime.function import Direct, FunctionInstance, HostFunction, Pending, WasmFunction
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.values import Value
from wasmarium.types import F64, I32, DefinedType

if TYPE_CHECKING:
    from wasmarium.engines.host.engine import HostInstance
    from wasmarium.engines.host.glue import Area, Handle
    from wasmarium.engines.host.realm import Realm
    from wasmarium.engines.host.remote.realm import RemoteRealm

_ENDED, _FAILED = 1, 2
_NOTHING = type(None)


class HostedFunction(HostFunction):
    """A function of a guest that the host runs. For the interpreter it is a function of the host."""

    __slots__ = ("_enter", "_enter_at", "arguments", "handle", "index", "instance", "realm", "results")

    of_guest = True

    def __init__(
        self, realm: Realm, defined: DefinedType, handle: Handle, instance: HostInstance, index: int, name: str
    ) -> None:
        super().__init__(defined, self._called, name, waits=instance.waits)
        self.realm = realm
        self.handle = handle
        self.instance = instance
        self.index = index
        self._enter: Callable[[], bool | None] | None = None
        self._enter_at: Callable[[int], int] | None = None

    def _called(self, instance: ModuleInstance | None, arguments: Sequence[Value]) -> Sequence[Value] | Pending:
        return complete(HostExecution(self, arguments))

    def _prepare(self) -> Callable[[], bool | None]:
        realm, own = self.realm, self.type
        self.arguments, self.results = realm.codec(own.parameters), realm.codec(own.results)
        enter = self._enter = realm.glue.caller(realm.shim(shims.caller, self.defined), self.handle)
        return enter

    def call(self, arguments: Sequence[Value]) -> tuple[Value, ...]:
        """Call and return the results; raises what the call ends with. It cannot be suspended."""
        enter = self._enter
        if enter is None:
            enter = self._prepare()
        realm = self.realm
        buffer = realm.buffer
        layout = self.arguments.plain
        if layout is not None:
            layout.pack_into(buffer, 0, *arguments)
        else:
            self.arguments.pack(realm, buffer, arguments)
        if enter():
            raise realm.failure(0)
        layout = self.results.plain
        if layout is not None:
            return layout.unpack_from(buffer, 0)
        return tuple(self.results.unpack(realm, buffer))

    def quick(self, slow: Callable[[Sequence[Any]], Any]) -> Callable[..., Any] | None:
        """See :class:`~wasmarium.engines.base.Engine`."""
        realm, own = self.realm, self.type
        if self.instance.waits or len(own.results) > 1:
            return None
        arguments, results = realm.codec(own.parameters).signed, realm.codec(own.results).signed
        if arguments is None or results is None:
            return None
        enter = self._enter or self._prepare()
        pack, unpack, buffer = arguments.pack_into, results.unpack_from, realm.buffer
        floats = tuple(index for index, each in enumerate(own.parameters) if each is F64)
        has_result = bool(own.results)

        def call(*given: Any) -> Any:
            # struct would take an integer for a float
            for index in floats:
                if index >= len(given) or type(given[index]) is not float:
                    return slow(given)
            try:
                pack(buffer, 0, *given)
            except struct.error:
                return slow(given)
            if enter():
                raise realm.failure(0)
            return unpack(buffer)[0] if has_result else None

        return call

    def enter_at(self, area: Area, arguments: Sequence[Value]) -> int:
        """Begin a call that can be suspended; the state it is in then."""
        if self._enter is None:
            self._prepare()
        enter = self._enter_at
        realm = self.realm
        if enter is None:
            shim = realm.shim(shims.caller, self.defined)
            enter = self._enter_at = realm.glue.suspendable(shim, self.handle)
        self.arguments.pack(realm, area.buffer, arguments)
        return enter(area.address)


class HostExecution(InOnePiece):
    """An :class:`~wasmarium.engines.base.Execution` on the host.

    It runs in one piece, whatever the budget. After a wait the host goes on by itself, once the
    event loop runs: so an answer that was given leads to Suspended again, until the guest has ended or waits
    for something else.
    """

    _realm: Realm

    def __init__(self, function: HostedFunction, arguments: Sequence[Value]) -> None:
        super().__init__(function.realm)
        self._function = function
        self._arguments = arguments
        self._outcome: Outcome | None = None
        self._area: Area | None = None
        self._waiting: Imported | None = None
        self._answer: int | None = None
        self._spent = 0.0
        self._closing: asyncio.Future[None] | None = None

    def run(self, budget: int | None = None) -> Outcome:
        """Go on. A budget says that the caller can come back, so that the guest may be suspended."""
        outcome = self._outcome
        if outcome is not None:
            return outcome
        if self._area is not None:
            return self._go_on(self._area)
        function, realm = self._function, self._realm
        breathes = budget is not None and function.instance.settings.safepoints
        waits = breathes or (function.instance.waits and (budget is not None or realm.bridge.can_block()))
        if waits and realm.glue.waits:
            area = self._area = realm.take_area()
            if breathes:
                realm.breathing.add(area.address)
            return self._look(area, function.enter_at(area, self._arguments))
        try:
            outcome = Finished(function.call(self._arguments))
        except BaseException as error:
            outcome = Raised(error)
        self._outcome = outcome
        return outcome

    def _go_on(self, area: Area) -> Outcome:
        glue = self._realm.glue
        answer, self._answer = self._answer, None
        if answer is not None:
            progress = glue.progress(area.address)
            glue.resume(area.address, answer)
            return self._under_way(progress)
        return self._look(area, glue.state(area.address))

    def _look(self, area: Area, state: int) -> Outcome:
        """Where the run stands now."""
        realm, address = self._realm, area.address
        if state == _ENDED:
            return self._ended(Finished(tuple(self._function.results.unpack(realm, area.buffer))))
        if state == _FAILED:
            realm.glue.state(address)
            return self._ended(Raised(realm.failure(address)))
        waiting = realm.pendings.pop(address, None)
        if waiting is not None:
            pending, self._waiting = waiting
            return self._suspended(pending)
        noted = realm.failures.get(address)
        if noted is not None and not isinstance(noted[0], Trap):
            # The host tells only later that the run has ended, but there is nothing more to learn.
            del realm.failures[address]
            return self._ended(Raised(noted[0]))
        return self._under_way(realm.glue.progress(address))

    def _under_way(self, progress: Awaitable[None]) -> Outcome:
        self._outcome = Suspended(Pending(progress, lambda result: ()), goes_on=True)
        return self._outcome

    def _suspended(self, pending: Pending) -> Outcome:
        self._outcome = Suspended(pending)
        return self._outcome

    def _ended(self, outcome: Outcome) -> Outcome:
        self._release()
        self._outcome = outcome
        return outcome

    def _release(self) -> None:
        area, self._area = self._area, None
        assert area is not None
        realm = self._realm
        self._spent = realm.glue.spent(area.address)
        realm.breathing.discard(area.address)
        realm.given_up.discard(area.address)
        realm.glue.release(area.address)
        realm.give_area(area)

    @property
    def spent(self) -> int:
        """Nanoseconds that the guest itself has run, of a call that can be suspended."""
        milliseconds = self._spent if self._area is None else self._realm.glue.spent(self._area.address)
        return int(milliseconds * 1e6)

    def close(self) -> None:
        """See :class:`~wasmarium.engines.base.Execution`. The guest is interrupted; nothing collects one that is left
        where it stands, as V8 keeps all that its stack refers to."""
        if self._area is not None:
            self._realm.given_up.add(self._area.address)
            self._closing = asyncio.ensure_future(self._end())

    async def _end(self) -> None:
        glue = self._realm.glue
        while self._area is not None:
            address = self._area.address
            progress = glue.progress(address)
            waiting, self._waiting = self._waiting, None
            answer, self._answer = self._answer, None
            if waiting is not None:
                answer = address | -waiting.fail(address, trap(TrapCode.INTERRUPT))
            if answer is not None:
                glue.resume(address, answer)
                await progress
            # where it stands by now
            self._outcome = None
            self.run()
            if self._area is not None and self._waiting is None:
                await glue.progress(self._area.address)

    def resume(self, values: Sequence[Value] | BaseException) -> None:
        """Answer Suspended; see :class:`~wasmarium.engines.base.Execution`."""
        area = self._area
        if area is None or not isinstance(self._outcome, Suspended):
            raise Crash("resume was called on an execution that does not wait")
        self._outcome = None
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            if isinstance(values, BaseException):
                # whoever waited gave up; the run itself goes on
                self._outcome = Raised(values)
            return
        if isinstance(values, BaseException):
            self._answer = area.address | -waiting.fail(area.address, values)
        else:
            waiting.results.pack(self._realm, area.buffer, values)
            self._answer = area.address


class Import:
    """A function of Python, or of another engine, as an instance imports it. ``name`` is for backtraces; None: a
    guest's, which brings one of its own."""

    __slots__ = ("_code", "_direct", "_function", "_instance", "arguments", "name", "results")

    def __init__(self, realm: Realm | RemoteRealm, function: FunctionInstance, instance: ModuleInstance | None) -> None:
        self.arguments, self.results = realm.codec(function.type.parameters), realm.codec(function.type.results)
        self.name = function.name if isinstance(function, HostFunction) and not function.of_guest else None
        self._code = code_of(function)
        self._direct = function.direct if isinstance(function, HostFunction) else None
        self._function: Any = None
        """The quick way, once it was asked for."""
        self._instance = None if instance is None else weakref.ref(instance)

    def _bind(self, direct: Direct) -> None:
        self._function = direct.function if direct.bind is None else direct.bind(self._instance or _nobody)

    def _expected(self) -> type:
        """What the quick way gives if all is well."""
        types = self.results.types
        return _NOTHING if not types else float if types[0] is F64 else int

    def _call(self, arguments: Sequence[Value]) -> Sequence[Value] | Pending:
        instance = self._instance
        given: Sequence[Value] | Pending = self._code(None if instance is None else instance(), arguments)
        return given


class Imported(Import):
    """An import of a guest on Python's own thread."""

    __slots__ = ("__weakref__", "realm")

    def __init__(self, realm: Realm, function: FunctionInstance, instance: ModuleInstance | None) -> None:
        super().__init__(realm, function, instance)
        self.realm = realm

    def callback(self) -> Callable[[], int | None]:
        """What JavaScript calls. It does not keep this object alive."""
        direct = self._direct
        if direct is not None:
            self._bind(direct)
            arguments, results = self.arguments.signed, self.results.signed
            if direct.bind is not None:
                arguments, results = self.arguments.plain, self.results.plain
            if arguments is not None and results is not None:
                return self._direct_callback(arguments, results)
        reference = weakref.ref(self)

        def call() -> int | None:
            imported = reference()
            return shims.FAIL if imported is None else imported.invoke()

        return call

    def _direct_callback(self, arguments: struct.Struct, results: struct.Struct) -> Callable[[], int | None]:
        reference = weakref.ref(self)
        unpack, buffer = arguments.unpack_from, self.realm.buffer
        first, cells = _cells(self.realm.view, arguments), _cells(self.realm.view, results)
        single = first is not None
        expected = self._expected()

        def call() -> int | None:
            imported = reference()
            if imported is None:
                return shims.FAIL
            try:
                # to unpack takes as long as all the rest
                given = imported._function(first[0]) if single else imported._function(*unpack(buffer))
            except RecursionError as error:
                return imported.recursed(error)
            except BaseException as error:
                return imported.fail(imported.realm.glue.current(), error)
            if type(given) is not expected:
                return imported.finish(given)
            if cells is not None:
                try:
                    cells[0] = given
                except ValueError:
                    return imported.finish(given)
            return None

        return call

    def invoke(self) -> int | None:
        """Call the function with what is in the area, and leave its results there."""
        try:
            return self._settle(self._call(self.arguments.unpack(self.realm, self.realm.buffer)))
        except RecursionError as error:
            return self.recursed(error)
        except BaseException as error:
            return self.fail(self.realm.glue.current(), error)

    def recursed(self, error: RecursionError) -> int:
        """What the shim is to be told of this."""
        try:
            if recursion_of_its_own(error):
                return self.fail(self.realm.glue.current(), error)
        except RecursionError:
            # no call is possible here
            pass
        self.realm.overflowed = True
        return shims.FAIL

    def finish(self, given: Any) -> int | None:
        """Likewise, once the function behind a quick way has given something."""
        direct = self._direct
        assert direct is not None
        try:
            return self._settle(direct.finish(given))
        except RecursionError as error:
            return self.recursed(error)
        except BaseException as error:
            return self.fail(self.realm.glue.current(), error)

    def reachable(self, name: str) -> HostMemory | None:
        """The memory that the calling instance exports under a name, when JavaScript may carry what is in it."""
        instance = None if self._instance is None else self._instance()
        memory = None if instance is None else instance.exports.get(name)
        if not isinstance(memory, HostMemory) or memory.realm is not self.realm or memory.declared.address is not I32:
            return None
        # not `written`, which crosses through the area where the arguments are
        return None if memory.is_watched else memory

    def _settle(self, results: Sequence[Value] | Pending) -> int | None:
        realm = self.realm
        if isinstance(results, Pending):
            run = realm.glue.current()
            if run:
                realm.pendings[run] = results, self
                return shims.WAIT
            results = self._block(results)
        self.results.pack(realm, realm.buffer, results)
        return None

    def _block(self, pending: Pending) -> Sequence[Value]:
        why = (
            "this platform cannot suspend WebAssembly (it lacks JSPI): make the function `async def`, so that guests "
            "are known to need another way"
            if not self.realm.glue.waits
            else "the call cannot be suspended: `await func.call_async(store, …)` can"
        )
        return held(pending, why)

    def fail(self, run: int, error: BaseException) -> int:
        """Let ``error`` come out of the guest; what the shim is to be told."""
        return self.realm.fail(run, error, self.name)


def _cells(view: memoryview, layout: struct.Struct) -> Any:
    """Where the one number of a list is; None where they are more, or none."""
    code: Any = layout.format.removeprefix("<")
    return view.cast(code) if len(code) == 1 else None


def _nobody() -> None:
    return None


def code_of(function: FunctionInstance) -> Callable[[ModuleInstance | None, Sequence[Value]], Any]:
    """What to call for a function, whichever engine it belongs to."""
    if isinstance(function, HostFunction):
        return function.code

    def code(instance: ModuleInstance | None, arguments: Sequence[Value]) -> Sequence[Value] | Pending:
        from wasmarium.engines.interpreter import Interpreter

        return complete(Interpreter().start(function, arguments))

    return code


def may_wait(function: FunctionInstance) -> bool:
    """Whether it is to be expected that calling ``function`` leads to a wait."""
    if isinstance(function, HostFunction):
        return function.waits
    assert isinstance(function, WasmFunction)
    instance = function.instance
    return any(map(may_wait, instance.functions[: instance.module.imported_functions]))
