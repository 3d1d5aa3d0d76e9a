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
from collections.abc import Mapping, Sequence
from typing import Any

from wasmarium.binary.decoder import decode_module
from wasmarium.bridge import Platform, platform
from wasmarium.debug.calls import CallWatcher, plain_trap
from wasmarium.debug.drive import Call, Drive
from wasmarium.debug.engines import Engines, Guest
from wasmarium.debug.network import SessionNetwork
from wasmarium.debug.observation import Look, Observer
from wasmarium.debug.plan import Plan, parse_values
from wasmarium.debug.program import GoProgram
from wasmarium.debug.summary import diagnostic, summary
from wasmarium.debug.values import Plain, plain_value
from wasmarium.debug.waiting import LoopInput, Output, SessionClock, SessionInput, plain_output
from wasmarium.debug.world import World, provides, wants_gojs
from wasmarium.engines.base import Engine, Finished, Raised
from wasmarium.errors import Crash, GuestException, GuestExit, Trap, WasmError
from wasmarium.features import ALL, Features
from wasmarium.module import Module
from wasmarium.policy import Answer
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.linking import start_function
from wasmarium.runtime.values import Value
from wasmarium.text.parser import assemble, is_text
from wasmarium.text.source_map import SourceMap
from wasmarium.types import ValueType

OUTPUT_ROOM, OUTPUT_PIECE = 512 << 10, 32 << 10
"""Bytes of output that are kept for the next updates (beyond, the oldest are skipped), and that one
update carries."""


class Session:
    """One guest at a time: loaded, started, run, looked into.

    ``platform`` is where time and randomness come from (None: the one this Python runs on).
    ``engine`` is what steps through guests, ``limits`` bound what they may take. States: idle, running,
    paused, waiting (for input), sleeping, and at the end finished (a called function returned), exited,
    trapped, stopped, failed.
    """

    def __init__(
        self,
        platform_: Platform | None = None,
        engine: Engine | None = None,
        features: Features = ALL,
        limits: ResourceLimits | None = None,
    ) -> None:
        self._platform = platform_ if platform_ is not None else platform()
        self._clock = SessionClock(self._platform.clock)
        self._features = features
        limits = limits if limits is not None else ResourceLimits(memory_bytes=1 << 31)
        self._engines = Engines(self._platform, engine, features, limits)
        self._module: Module | None = None
        self._look = Look()
        self._network: SessionNetwork | None = None
        self._drive: Drive | None = None
        self._forget()

    def _forget(self) -> None:
        """No run, and nothing to tell of one."""
        if self._network is not None:
            self._network.close()
        if self._drive is not None:
            self._drive.close()
        self._state = "idle"
        self._drive = None
        self._guest: Guest | None = None
        self._result_types: Sequence[ValueType] = ()
        self._command = False
        self._world: World | None = None
        self._network = None
        self._input = SessionInput(False)
        self._output = Output(OUTPUT_ROOM, OUTPUT_PIECE)
        self._observer: Observer | None = None
        self._watcher: CallWatcher | None = None
        self._instructions: int | None = 0
        self._spent = 0
        self._trap: Trap | None = None
        self._news: Plain = {}
        self._news_of_start: Plain = {}

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
            self._engines.validate(module)
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
        for_loop = LoopInput(self._input)
        self._world = World(
            self._clock,
            self._platform.random,
            for_loop if wants_gojs(module) else self._input,
            self._output,
            (plan.name, *(plan.args if plan.invoke is None else ())),
            plan.env,
            files,
            self._network,
        )
        self._guest = guest = self._engines.make(plan.engine, module, self._world.imports(module))
        instance = guest.instance
        self._news_of_start = {"engine": guest.way} | ({} if guest.why is None else {"fallback": guest.why})
        self._observer = Observer(instance)
        self._watcher = CallWatcher(module, self._features)
        calls: Sequence[Call] = ()
        program: GoProgram | None = None
        if self._world.go is not None and plan.invoke is None:
            program = GoProgram(self._world.go, instance, for_loop.awaited)
        else:
            calls = self._planned_calls(instance, plan)
        self._drive = Drive(guest.engine, self._clock, self._end_of_calls, calls, program)
        self._drive.paused = plan.paused

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

    # ---- running ----

    @property
    def live(self) -> bool:
        """Whether there is a guest that can still go on."""
        return self._drive is not None

    @property
    def state(self) -> str:
        """See the class's text."""
        return self._state if self._drive is None else self._drive.state

    def advance(self, seconds: float) -> float | None:
        """Run for about ``seconds``. Gives the seconds until it is worth calling again: 0 when the
        guest could go on at once, None when something else must happen first."""
        return None if self._drive is None else self._drive.advance(seconds)

    # ---- control ----

    def pause(self) -> None:
        """Stand still before the next instruction, or while waiting."""
        if self._drive is not None:
            self._drive.stand()

    def resume(self) -> None:
        """Go on."""
        if self._drive is not None:
            self._drive.paused = False

    def step(self) -> None:
        """Execute one instruction, then stand still; pauses a guest that runs, or that cannot be stepped.

        A guest that waits stands still as soon as the wait is over.
        """
        if self._drive is not None:
            self._drive.step()

    def step_out(self) -> None:
        """Go on until the innermost function has returned, then stand still."""
        if self._drive is not None:
            self._drive.step_out()

    def stop(self) -> None:
        """End the guest where it is."""
        if self._drive is not None:
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
        drive, self._drive = self._drive, None
        if drive is not None:
            drive.close()
            self._instructions, self._spent = self._executed(drive), drive.spent
        if self._network is not None:
            self._network.close()
        self._output.close()
        self._state = state
        self._news["ended"] = True
        if self._world is not None:
            self._news["files"] = self._world.files()

    def _end_of_calls(self, outcome: Finished | Raised) -> None:
        if isinstance(outcome, Raised):
            self._end_by(outcome.error)
        elif self._command:
            self._end_by(GuestExit(0))
        else:
            self._end_well(outcome.values)

    def _end_well(self, values: Sequence[Value]) -> None:
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
        """What changed since the last update. ``state``, ``instructions`` (executed so far, or None where nobody
        counts), ``seconds`` (that the guest itself has run) and ``depth`` (of its stack) are always there; ``more``
        says that output is left for the next update, and so is ``ended`` with all that it brings."""
        drive = self._drive
        found: Plain = {
            "state": self.state,
            "instructions": self._instructions if drive is None else self._executed(drive),
            "seconds": (self._spent if drive is None else drive.spent) / 1e9,
            "depth": 0 if drive is None else drive.depth,
            **self._news_of_start,
        }
        self._news_of_start = {}
        if self._observer is not None:
            found |= self._observer.changes(self._look, drive is None or drive.paused)
        if self._watcher is not None:
            found |= self._tell_calls(self._watcher)
        if self._guest is not None and self._guest.called is not None:
            found |= self._guest.called.changes(self._clock, drive is None or drive.paused)
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

    def _executed(self, drive: Drive) -> int | None:
        return drive.executed if self._guest is not None and self._guest.counts_instructions else None

    def _tell_calls(self, watcher: CallWatcher) -> Plain:
        drive = self._drive
        execution = None if drive is None else drive.execution
        if drive is None or execution is None:
            return watcher.none() if self._trap is None else watcher.after_trap(self._trap, self._look.frame)
        if drive.paused:
            return watcher.stand(execution, self._look.frame)
        # A guest that waits for a person stands where it stands for long.
        return watcher.sample(execution, self._clock, self.state == "waiting")
