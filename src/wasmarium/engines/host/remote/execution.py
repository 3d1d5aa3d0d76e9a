"""Calls of functions in a worker, and of Python's functions by guests there."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Generator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from wasmarium.engines.base import Finished, Outcome, Raised, Suspended, recursion_of_its_own
from wasmarium.engines.host.calls import InOnePiece, Rest, ended, held
from wasmarium.engines.host.functions import Import
from wasmarium.engines.host.guests import Noted
from wasmarium.engines.host.remote.mailbox import ANSWER, CALL
from wasmarium.engines.host.shims import FAIL, THROW
from wasmarium.errors import Crash, GuestException, Trap, TrapCode, WasmError, trap
from wasmarium.runtime.function import FunctionInstance, Pending
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.tag import ExceptionInstance
from wasmarium.runtime.values import Value

if TYPE_CHECKING:
    from wasmarium.engines.host.remote.externals import RemoteFunction
    from wasmarium.engines.host.remote.realm import RemoteRealm

SLICE = 0.02
"""Seconds for which a guest that somebody awaits, and that calls Python again and again, keeps the event loop."""

BRIEF = 1
"""Milliseconds for which the thread is held in the hope that the guest ends or calls Python: where it does, that is
much quicker than a turn of the event loop."""

LAST = 0.1
"""Seconds for a guest whose time is up to say where it is."""

_NO_JSPI = "this platform cannot block in Python (it lacks JSPI): `await func.call_async(store, …)` always works"

AFTER_ANOTHER = "a later call of a guest in this store waits, and has to end first: await them"


class Stub(Import):
    """An import of a guest in a worker."""

    __slots__ = ("_highest", "_kind", "_lowest", "_mask", "_plain")

    def __init__(self, realm: RemoteRealm, function: FunctionInstance, instance: ModuleInstance | None) -> None:
        super().__init__(realm, function, instance)
        direct = self._direct
        self._plain: struct.Struct | None = None
        if direct is not None:
            self._bind(direct)
            self._kind = self._expected()
            bound = direct.bind is not None
            self._plain = self.arguments.plain if bound else self.arguments.signed
            bits = 8 * self.results.size
            self._mask = (1 << bits) - 1
            # its results are signed where its arguments are
            self._lowest, self._highest = (0, self._mask) if bound else (-(1 << bits >> 1), self._mask >> 1)

    def take(self, realm: RemoteRealm) -> Sequence[Value]:
        """The arguments that the guest has left."""
        plain = self._plain
        buffer = realm.worker.buffer
        return self.arguments.unpack(realm, buffer) if plain is None else plain.unpack_from(buffer)

    def call(self, arguments: Sequence[Value]) -> Sequence[Value] | Pending:
        """Call it with what ``take`` gave."""
        direct = self._direct
        if direct is None or self._plain is None:
            return self._call(arguments)
        given: Any = self._function(*arguments)
        kind = type(given)
        if kind is self._kind:
            if given is None:
                return ()
            if kind is float:
                return (given,)
            if self._lowest <= given <= self._highest:
                return (given & self._mask,)
        return direct.finish(given)


class Run:
    """A call that is under way in the worker. ``call`` is what the guest has called and what with, ``answer`` what it
    is to get, once this run is the last that has begun. ``given_up``: nobody wants to know how it ends."""

    def __init__(self, function: RemoteFunction) -> None:
        self.function = function
        self.realm = function.realm
        self.begun = self.given_up = False
        self.call: tuple[Stub, Sequence[Value]] | None = None
        self.stub: Stub | None = None
        self.answer: Sequence[Value] | BaseException | None = None
        self.noted: Noted | None = None
        self.outcome: Outcome | None = None

    @property
    def can_answer(self) -> bool:
        """Whether the guest can have its answer now."""
        worker = self.realm.worker
        return self.answer is not None and worker.turn and bool(worker.runs) and worker.runs[-1] is self

    @property
    def can_go_on(self) -> bool:
        """Whether there is something to do for Python."""
        return self.call is not None or self.can_answer or (self.realm.worker.turn and not self.begun)

    # ---- what the worker says ----

    def calls(self, number: int) -> None:
        """The guest calls an import."""
        stub: Stub = self.realm.stubs[number]
        self.stub = stub
        self.call = stub, stub.take(self.realm)

    def returned(self) -> None:
        """The call has ended well."""
        results = self.function.results
        self.outcome = Finished(tuple(results.unpack(self.realm, self.realm.worker.buffer)))

    def failed(self, described: Sequence[Any]) -> None:
        """It has not."""
        self.outcome = Raised(self.realm.failure(described, self.noted))

    def lost(self, error: BaseException) -> None:
        """The worker is no more."""
        self.call = None
        if self.outcome is None:
            self.outcome = Raised(error)

    # ---- what it is told ----

    def begin(self, arguments: Sequence[Value]) -> None:
        """Call the function."""
        worker, function = self.realm.worker, self.function
        function.prepare()
        function.arguments.pack(self.realm, worker.buffer, arguments)
        self.begun = True
        worker.runs.append(self)
        worker.send(CALL, function.number, function.arguments.size, len(function.arguments.types))

    def send_answer(self) -> None:
        """Let the guest go on."""
        worker, stub, answer = self.realm.worker, self.stub, self.answer
        assert stub is not None
        self.answer = None
        if not isinstance(answer, BaseException):
            assert answer is not None
            try:
                stub.results.pack(self.realm, worker.buffer, answer)
            except BaseException as error:
                answer = error
            else:
                self.noted = None
                worker.send(ANSWER, 0, stub.results.size, len(stub.results.types))
                return
        if isinstance(answer, GuestException) and isinstance(answer.exception, ExceptionInstance):
            payload = json.dumps(self.realm.thrown(answer.exception)).encode()
            worker.buffer[: len(payload)] = payload
            worker.send(ANSWER, THROW, len(payload))
            return
        if isinstance(answer, RecursionError) and not recursion_of_its_own(answer):
            answer = trap(TrapCode.STACK_OVERFLOW)
        self.noted = answer, stub.name
        worker.send(ANSWER, FAIL)

    def give_up(self) -> None:
        """Let it end as soon as that can be, since nobody waits for it."""
        if self.outcome is not None or not self.begun:
            return
        self.given_up = True
        self.call = self.answer = None
        worker = self.realm.worker
        worker.look()
        if self.outcome is None and not worker.turn:
            if worker.is_over is None:
                worker.end_soon(self)
            else:
                worker.check()
        else:
            worker.clear()


class RemoteExecution(InOnePiece):
    """An :class:`~wasmarium.engines.base.Execution` in a worker, in one piece. Without a budget it holds the thread."""

    def __init__(self, function: RemoteFunction, arguments: Sequence[Value]) -> None:
        self._run = Run(function)
        self._arguments = arguments
        self._pending: Pending | None = None
        self._waits_for_host = False
        super().__init__(function.realm)

    def run(self, budget: int | None = None) -> Outcome:
        """Go on. A budget says that the caller can come back."""
        if self._pending is not None:
            return Suspended(self._pending, goes_on=not self._waits_for_host)
        run = self._run
        if run.outcome is None:
            try:
                return self._drive(None if budget is None else monotonic() + SLICE)
            except BaseException:
                run.give_up()
                raise
        return run.outcome

    def _drive(self, until: float | None) -> Outcome:
        run = self._run
        worker = run.realm.worker
        worker.look()
        worker.settle()
        while run.outcome is None:
            worker.check_alive()
            if run.call is not None:
                pending = self._serve(until is not None)
                if pending is not None:
                    return self._suspended(pending)
            if run.can_answer:
                run.send_answer()
            elif worker.turn and not run.begun:
                run.begin(self._arguments)
            if until is None:
                if worker.turn and run.begun:
                    raise WasmError(AFTER_ANOTHER)
                if not run.begun:
                    worker.reach("a function")
                worker.hold()
                continue
            if not worker.turn:
                worker.hold(BRIEF)
            if run.outcome is None and (monotonic() > until or not run.can_go_on):
                return self._suspended(Pending(_Change(run), lambda result: ()), host=False)
        return run.outcome

    def _suspended(self, pending: Pending, host: bool = True) -> Outcome:
        self._pending = pending
        self._waits_for_host = host
        return Suspended(pending, goes_on=not host)

    def _serve(self, may_wait: bool) -> Pending | None:
        """Run what the guest has called; what has to be awaited first."""
        run = self._run
        assert run.call is not None
        (stub, arguments), run.call = run.call, None
        try:
            given = stub.call(arguments)
            if isinstance(given, Pending):
                if may_wait:
                    return given
                given = held(given, _NO_JSPI)
            run.answer = given
        except BaseException as error:
            run.answer = error
        return None

    def resume(self, values: Sequence[Value] | BaseException) -> None:
        """Answer Suspended; see :class:`~wasmarium.engines.base.Execution`."""
        if self._pending is None:
            raise Crash("resume was called on an execution that does not wait")
        self._pending = None
        run = self._run
        if self._waits_for_host:
            if run.outcome is None:
                run.answer = values
        elif isinstance(values, BaseException) and run.outcome is None:
            self._end_soon(values)

    def _end_soon(self, error: BaseException) -> None:
        """Whoever waited had enough: the run is over, if possible by a trap that says where."""
        run = self._run
        worker = run.realm.worker
        if isinstance(error, Trap) and worker.is_over is not None and run.begun:
            worker.check()
            end = monotonic() + LAST
            while run.outcome is None and not worker.turn and worker.ended is None and monotonic() < end:
                worker.hold()
        if run.outcome is None or not isinstance(error, Trap):
            run.give_up()
            run.outcome = Raised(error)

    def hold(self) -> Outcome:
        """Go on after Suspended, holding the thread."""
        pending, self._pending = self._pending, None
        if pending is not None and self._waits_for_host:
            try:
                self._run.answer = held(pending, _NO_JSPI)
            except BaseException as error:
                self._run.answer = error
        return self.run()

    @property
    def spent(self) -> int:
        """Not known."""
        return 0

    def close(self) -> None:
        """See :class:`~wasmarium.engines.base.Execution`."""
        self._pending = None
        self._run.give_up()

    def __del__(self) -> None:
        # anywhere: nothing may be sent
        run = self._run
        if run.begun and run.outcome is None:
            run.given_up = True
            worker = run.realm.worker
            worker.notify()
            if not worker.turn and worker.is_over is None:
                worker.end_soon(run)


class _Change:
    """Awaits what a run waits for: the worker, or the end of another run. Who gives up, gives the run up."""

    __slots__ = ("_run",)

    def __init__(self, run: Run) -> None:
        self._run = run

    def __await__(self) -> Generator[Any, Any, None]:
        return self._wait().__await__()

    def block(self) -> None:
        """Hold the thread for as long."""
        run = self._run
        worker = run.realm.worker
        while run.outcome is None and not run.can_go_on and worker.ended is None:
            worker.settle()
            if worker.turn and not run.can_go_on:
                raise WasmError(AFTER_ANOTHER)
            worker.hold()

    async def _wait(self) -> None:
        run = self._run
        try:
            if run.can_go_on:
                await asyncio.sleep(0)
            else:
                await run.realm.worker.change()
        except BaseException:
            run.give_up()
            raise


class RemoteRest(Rest):
    """The rest of a call in a worker, which goes on while ``block`` holds the thread too."""

    __slots__ = ()

    budget = 1

    _execution: RemoteExecution

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            self._execution.close()
            raise error

    def block(self) -> Sequence[Value]:
        """Hold the thread until the call has ended."""
        return ended(self._execution.hold())
