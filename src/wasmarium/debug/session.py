"""A guest that is run in slices, looked into, paused and stepped.

A session is driven from outside: ``advance`` runs the guest for a moment and comes back, so that
whoever drives it can do something else in between, and can pause or stop even a guest that never
waits. ``update`` tells what changed since the last time, as plain data that JSON can carry. Nothing
here knows a page, a protocol or threads.

What is told of the guest is bounded, whatever the guest does: its output, its stack, its tables and
its memory are shown in part where they are large.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wasmarium.binary.decoder import decode_module
from wasmarium.bridge import Platform, platform
from wasmarium.debug.calls import CallWatcher, plain_trap
from wasmarium.debug.network import SessionNetwork
from wasmarium.debug.observation import Look, Observer
from wasmarium.debug.plan import Plan, parse_values
from wasmarium.debug.program import GoProgram
from wasmarium.debug.summary import diagnostic, summary
from wasmarium.debug.values import Plain, plain_value
from wasmarium.debug.waiting import LoopInput, Output, SessionClock, SessionInput, Waiter, plain_output
from wasmarium.debug.world import World, provides, wants_gojs
from wasmarium.engines.base import Engine, Execution, Finished, Outcome, Raised, Stopped, Suspended
from wasmarium.engines.interpreter import Interpreter
from wasmarium.errors import Crash, GuestException, GuestExit, Trap, WasmError
from wasmarium.features import DEFAULT, Features
from wasmarium.module import Module
from wasmarium.policy import Answer
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.linking import instantiate, start_function
from wasmarium.runtime.store import Store
from wasmarium.runtime.values import Value
from wasmarium.text.parser import assemble, is_text
from wasmarium.text.source_map import SourceMap
from wasmarium.types import ValueType
from wasmarium.validation import validate_module

OUTPUT_ROOM, OUTPUT_PIECE = 512 << 10, 32 << 10
"""Bytes of output that are kept for the next updates (beyond, the oldest are skipped), and that one
update carries."""

PIECE = 2_000_000
"""Nanoseconds that one uninterrupted piece of a slice should last."""

MOST_PIECES = 20
"""Pieces of one slice, should the clock stand still."""

LEAST_BUDGET, MOST_BUDGET = 200, 100_000
"""Bounds of the instructions of one piece."""

EVENT_LOOP_PAUSE = 0.02
"""Seconds after which a wait is asked again that the host's event loop ends."""

Call = tuple[FunctionInstance, Sequence[Value]]


class Session:
    """One guest at a time: loaded, started, run, looked into.

    ``platform`` is where time and randomness come from (None: the one this Python runs on).
    ``limits`` bound what the guest may take. States: idle, running, paused, waiting (for input),
    sleeping, and at the end finished (a called function returned), exited, trapped, stopped, failed.
    """

    def __init__(
        self,
        platform_: Platform | None = None,
        engine: Engine | None = None,
        features: Features = DEFAULT,
        limits: ResourceLimits | None = None,
    ) -> None:
        self._platform = platform_ if platform_ is not None else platform()
        self._clock = SessionClock(self._platform.clock)
        self._engine: Engine = engine if engine is not None else Interpreter()
        self._features = features
        self._limits = limits if limits is not None else ResourceLimits(memory_bytes=1 << 31)
        self._module: Module | None = None
        self._look = Look()
        self._budget = LEAST_BUDGET
        self._network: SessionNetwork | None = None
        self._program: GoProgram | None = None
        self._forget()

    def _forget(self) -> None:
        """No run, and nothing to tell of one."""
        if self._network is not None:
            self._network.close()
        if self._program is not None:
            self._program.close()
        self._state = "idle"
        self._paused = False
        self._execution: Execution | None = None
        self._program = None
        self._calls: list[Call] = []
        self._result_types: Sequence[ValueType] = ()
        self._command = False
        self._world: World | None = None
        self._network = None
        self._input = SessionInput(False)
        self._output = Output(OUTPUT_ROOM, OUTPUT_PIECE)
        self._observer: Observer | None = None
        self._watcher: CallWatcher | None = None
        self._waiter: Waiter | None = None
        self._finish_wait: Callable[[Any], Sequence[Value]] | None = None
        self._pause_after_wait = False
        self._depth_wanted: int | None = None
        self._executed_before = 0
        self._active = 0
        self._trap: Trap | None = None
        self._news: Plain = {}

    # ---- loading ----

    def load(self, data: bytes | bytearray | memoryview) -> Plain:
        """Decode and validate a binary, or the text format. Gives ``{"module": …}``, or
        ``{"diagnostic": …}`` with the one problem; in text it has line and column."""
        self._forget()
        self._module = None
        content = bytes(data)
        times = [self._clock.monotonic()]
        source_map: SourceMap | None = None
        try:
            if is_text(content):
                assembly = assemble(content, features=self._features)
                content, source_map = assembly.data, assembly.source_map
            module = decode_module(content, self._features)
            times.append(self._clock.monotonic())
            validate_module(module, self._features)
            times.append(self._clock.monotonic())
        except WasmError as error:
            if source_map is not None:
                error.location = source_map.in_text(error.location)
            return {"diagnostic": diagnostic(error)}
        self._module = module
        return {"module": summary(module, provides, ((times[1] - times[0]) / 1e6, (times[2] - times[1]) / 1e6))}

    # ---- starting ----

    def start(self, plan: Mapping[str, Any], files: Mapping[str, bytes | memoryview] | None = None) -> None:
        """Begin a run of the module that was loaded, with a new instance; ends the run before.

        ``plan`` is plain data, see :class:`~wasmarium.debug.plan.Plan`; ``files`` are what the guest
        finds in ``/data``, by path. What cannot be started is told by ``update`` as a problem.
        """
        self._forget()
        try:
            self._begin(Plan.of(plan), {path: bytes(content) for path, content in (files or {}).items()})
        except Exception as error:
            self._end_by(error)

    def _begin(self, plan: Plan, files: Mapping[str, bytes]) -> None:
        module = self._module
        if module is None:
            raise WasmError("no module is loaded")
        self._input = SessionInput(terminal=plan.stdin is None)
        if plan.stdin is not None:
            self._input.feed(plan.stdin.encode())
            self._input.end()
        stderr = self._output.stream("stderr", terminal=False)
        self._network = SessionNetwork(self._platform, self._clock, lambda line: stderr.write(line.encode()))
        self._world = World(
            self._clock,
            self._platform.random,
            LoopInput(self._input) if wants_gojs(module) else self._input,
            self._output,
            (plan.name, *(plan.args if plan.invoke is None else ())),
            plan.env,
            files,
            self._network,
        )
        store = Store(self._limits, watch=True)
        instance = instantiate(store, module, self._world.imports(module), None)
        self._observer = Observer(instance)
        self._watcher = CallWatcher(module)
        if self._world.go is not None and plan.invoke is None:
            self._program = GoProgram(self._world.go, instance)
        else:
            self._calls = self._planned_calls(instance, plan)
            self._next_call()
        self._state = "running"
        self._paused = plan.paused

    def _planned_calls(self, instance: ModuleInstance, plan: Plan) -> list[Call]:
        """The start function, a reactor's initialisation, and then what the plan asks for."""
        name = plan.invoke if plan.invoke is not None else "_start"
        wanted = instance.exports.get(name)
        if not isinstance(wanted, FunctionInstance):
            raise WasmError(f"the module exports no function {name!r}")
        arguments = parse_values(wanted.type.parameters, plan.args if plan.invoke is not None else ())
        self._command = plan.invoke is None
        self._result_types = wanted.type.results
        calls: list[Call] = []
        if (start := start_function(instance)) is not None:
            calls.append((start, ()))
        initialize = instance.exports.get("_initialize")
        if isinstance(initialize, FunctionInstance) and plan.invoke not in (None, "_initialize"):
            calls.append((initialize, ()))
        calls.append((wanted, arguments))
        return calls

    def _next_call(self) -> None:
        if self._execution is not None:
            self._executed_before += self._execution.executed
        function, arguments = self._calls.pop(0)
        self._execution = self._engine.start(function, arguments)

    # ---- running ----

    @property
    def live(self) -> bool:
        """Whether there is a guest that can still go on."""
        return self._execution is not None or self._program is not None

    @property
    def state(self) -> str:
        """See the class's text."""
        if not self.live:
            return self._state
        if self._paused:
            return "paused"
        if self._waiter is None:
            return "running" if self._execution is not None else "sleeping"
        return "waiting" if self._waiter.for_input else "sleeping"

    def advance(self, seconds: float) -> float | None:
        """Run for about ``seconds``. Gives the seconds until it is worth calling again: 0 when the
        guest could go on at once, None when something else must happen first."""
        if not self.live or self._paused:
            return None
        if self._waiter is not None and not self._end_wait():
            return self._until_due(self._waiter)
        if self._execution is None and not self._continue_program():
            return None if self._program is None else self._until_due(self._program.waiter)
        deadline = self._clock.monotonic() + int(seconds * 1e9)
        for _ in range(MOST_PIECES):
            self._run_piece()
            stands = self._execution is None or self._paused or self._waiter is not None
            if stands or self._clock.monotonic() >= deadline:
                break
        if not self.live or self._paused:
            return None
        return 0.0 if self._waiter is None else self._until_due(self._waiter)

    def _continue_program(self) -> bool:
        """Let a program that is called again and again go on; whether a call of it has begun."""
        program = self._program
        assert program is not None
        try:
            if program.over():
                raise Crash("the program of Go has ended without a word")
        except Exception as error:
            self._end_by(error)
            return False
        if program.call is None:
            return False
        self._calls = [program.call]
        self._next_call()
        return True

    def _until_due(self, waiter: Waiter) -> float | None:
        if waiter.due is not None:
            return max(0.0, (waiter.due - self._clock.monotonic()) / 1e9)
        return EVENT_LOOP_PAUSE if waiter.by_event_loop else None

    def _run_piece(self) -> None:
        """Run for a few milliseconds, and learn how many instructions those are."""
        execution = self._execution
        assert execution is not None
        began, before = self._clock.monotonic(), execution.executed
        outcome = self._run_out(execution) if self._depth_wanted is not None else execution.run(self._budget)
        spent = self._clock.monotonic() - began
        self._active += spent
        if isinstance(outcome, Stopped):
            # Nothing was done where one block is longer than the budget.
            if spent < PIECE // 2 or execution.executed == before:
                self._budget = min(self._budget * 2, MOST_BUDGET)
            elif spent > PIECE * 2:
                self._budget = max(self._budget // 2, LEAST_BUDGET)
        self._take(outcome)

    def _run_out(self, execution: Execution) -> Outcome:
        """Step until the stack is as low as wanted, for the time of one piece."""
        wanted = self._depth_wanted
        assert wanted is not None
        deadline = self._clock.monotonic() + PIECE
        for count in range(1, MOST_BUDGET):
            outcome = execution.step()
            if not isinstance(outcome, Stopped):
                return outcome
            if execution.depth <= wanted:
                self._stand()
                return outcome
            if count % 64 == 0 and self._clock.monotonic() >= deadline:
                break
        return Stopped()

    def _take(self, outcome: Outcome) -> None:
        if isinstance(outcome, Suspended):
            self._waiter = Waiter(outcome.pending.awaitable)
            self._finish_wait = outcome.pending.finish
            self._end_wait()
        elif isinstance(outcome, Finished):
            if self._program is not None:
                self._program.finished()
                self._executed_before += 0 if self._execution is None else self._execution.executed
                self._execution = None
            elif self._calls:
                self._next_call()
            else:
                self._end_well(outcome.values)
        elif isinstance(outcome, Raised):
            self._end_by(outcome.error)

    def _end_wait(self) -> bool:
        """Hand the result of a wait to the guest, if it is there."""
        waiter, finish, execution = self._waiter, self._finish_wait, self._execution
        assert waiter is not None
        assert finish is not None
        assert execution is not None
        if not waiter.over():
            return False
        self._waiter = self._finish_wait = None
        try:
            if waiter.error is not None:
                raise waiter.error
            execution.resume(finish(waiter.result))
        except Exception as error:
            execution.resume(error)
        if self._pause_after_wait:
            self._stand()
        return True

    # ---- control ----

    def pause(self) -> None:
        """Stand still before the next instruction, or while waiting."""
        if self.live:
            self._stand()

    def _stand(self) -> None:
        self._paused = True
        self._pause_after_wait = False
        self._depth_wanted = None

    def resume(self) -> None:
        """Go on."""
        self._paused = False

    def step(self) -> None:
        """Execute one instruction, then stand still; pauses a guest that runs.

        A guest that waits stands still as soon as the wait is over.
        """
        execution = self._execution
        if execution is None:
            return
        if not self._paused:
            self._stand()
        elif self._waiter is not None:
            self._go_on_until_wait_ends()
        else:
            self._take(execution.step())
            if self._waiter is not None:
                self._go_on_until_wait_ends()

    def _go_on_until_wait_ends(self) -> None:
        self._paused = False
        self._pause_after_wait = True

    def step_out(self) -> None:
        """Go on until the innermost function has returned, then stand still."""
        execution = self._execution
        if execution is not None and self._paused:
            self._depth_wanted = execution.depth - 1
            self._paused = False

    def stop(self) -> None:
        """End the guest where it is."""
        if self.live:
            self._end("stopped")

    # ---- input and attention ----

    def answer(self, question: int, answer: str) -> None:
        """What the person says to a question that ``update`` told of: once, always or never."""
        if self._network is not None:
            self._network.questions.answer(question, Answer(answer))

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Bytes for the guest's standard input."""
        self._input.feed(bytes(data))

    def end_input(self) -> None:
        """The guest's standard input ends here."""
        self._input.end()

    def watch(self, look: Mapping[str, Any]) -> None:
        """What ``update`` shall show; see :class:`~wasmarium.debug.observation.Look`."""
        self._look = Look.of(look)

    def read_file(self, path: str) -> bytes | None:
        """A file below ``/data``; None when there is none of that path."""
        return None if self._world is None else self._world.read_file(path)

    # ---- the end ----

    def _end(self, state: str) -> None:
        if self._execution is not None:
            self._executed_before += self._execution.executed
        program, self._program = self._program, None
        if program is not None:
            program.close()
        self._execution = self._waiter = self._finish_wait = None
        if self._network is not None:
            self._network.close()
        self._paused = False
        self._state = state
        self._news["ended"] = True
        if self._world is not None:
            self._news["files"] = self._world.files()

    def _end_well(self, values: Sequence[Value]) -> None:
        if self._command:
            self._end_by(GuestExit(0))
            return
        self._end("finished")
        self._news["results"] = [
            plain_value(value_type, value) for value_type, value in zip(self._result_types, values, strict=True)
        ]

    def _end_by(self, error: BaseException) -> None:
        if isinstance(error, GuestExit):
            self._end("exited")
            self._news["exitCode"] = error.code
        elif isinstance(error, Trap):
            self._end("trapped")
            self._trap = error
            self._news["trap"] = plain_trap(error)
        elif isinstance(error, GuestException):
            self._end("trapped")
            self._news["trap"] = plain_trap(Trap(str(error)))
        else:
            self._end("failed")
            if not isinstance(error, WasmError):
                error = Crash(f"{type(error).__name__}: {error}")
            self._news["problem"] = diagnostic(error)

    # ---- telling ----

    def update(self) -> Plain:
        """What changed since the last update. ``state``, ``instructions`` (executed so far),
        ``seconds`` (that the guest itself has run) and ``depth`` (of its stack) are always there; ``more``
        says that output is left for the next update, and so is ``ended`` with all that it brings."""
        execution = self._execution
        found: Plain = {
            "state": self.state,
            "instructions": self._executed_before + (0 if execution is None else execution.executed),
            "seconds": self._active / 1e9,
            "depth": 0 if execution is None else execution.depth,
        }
        if self._observer is not None:
            found |= self._observer.changes(self._look)
        if self._watcher is not None:
            found |= self._tell_calls(self._watcher)
        if self._network is not None and self._network.questions.changed:
            found["questions"] = self._network.questions.plain()
        pieces, skipped = self._output.take()
        if pieces:
            found["output"] = plain_output(pieces, lambda content: base64.b64encode(content).decode("ascii"))
        if skipped:
            found["skipped"] = skipped
        if self._output.empty:
            found |= self._news
            self._news = {}
        else:
            found["more"] = True
        return found

    def _tell_calls(self, watcher: CallWatcher) -> Plain:
        execution = self._execution
        if execution is None:
            return watcher.none() if self._trap is None else watcher.after_trap(self._trap, self._look.frame)
        if self._paused:
            return watcher.stand(execution, self._look.frame)
        # A guest that waits for a person stands where it stands for long.
        return watcher.sample(execution, self._clock, self.state == "waiting")
