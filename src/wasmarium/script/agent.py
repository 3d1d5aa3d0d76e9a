"""Carrying out commands: a method for each kind.

A method returns when the command passed, and raises :class:`Refuted` when it found something else. It
is a generator, because what it calls may take long or wait: it then yields, and the scheduler lets
other threads of the script go on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from wasmarium.binary.decoder import decode_module
from wasmarium.bridge import Platform, platform
from wasmarium.engines.base import Engine, Finished, OutOfFuel, Raised, Stopped, Suspended
from wasmarium.engines.interpreter import Interpreter
from wasmarium.errors import (
    Exhausted,
    GuestException,
    Invalid,
    Malformed,
    Trap,
    TrapCode,
    Unlinkable,
    WasmariumError,
    WasmError,
)
from wasmarium.features import DEFAULT, Features
from wasmarium.module import Module
from wasmarium.runtime.atomics import Waiter
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.linking import start_function, unknown_import
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.store import Store
from wasmarium.runtime.values import Value
from wasmarium.script.report import Refuted, Report, Result, Skip
from wasmarium.script.values import fits, matches, runtime_value, show, show_pattern
from wasmarium.script.wording import same_words
from wasmarium.text.script import (
    Action,
    AssertException,
    AssertExhaustion,
    AssertInvalid,
    AssertMalformed,
    AssertReturn,
    AssertSuspension,
    AssertTrap,
    AssertUnlinkable,
    Command,
    DefineModule,
    Get,
    InstantiateModule,
    Perform,
    Register,
    ScriptModule,
    Thread,
    Wait,
)
from wasmarium.types import ValueType
from wasmarium.validation import validate_module

SLICE = 100_000
"""Instructions after which another thread of the script has its turn."""

Blocker = Callable[[], bool] | Waiter | None
"""Until when a thread of the script cannot go on: a condition, a wait of its guest; None: it can."""

Steps = Generator[Blocker, None, None]
Results = list[tuple[ValueType, Value]]


@dataclass(slots=True)
class Session:
    """How to run a script. ``budget`` is the number of instructions that one call may take, so that
    no command lasts for ever; ``compile_after`` as in :class:`~wasmarium.runtime.store.Store`;
    ``world`` has the time and waits."""

    features: Features = DEFAULT
    engine: Engine = field(default_factory=Interpreter)
    limits: ResourceLimits = field(default_factory=ResourceLimits)
    budget: int = 50_000_000
    compile_after: int | None = None
    world: Platform = field(default_factory=platform)

    def store(self) -> Store:
        """What all instances of a script live in."""
        return Store(self.limits, compile_after=self.compile_after)


class Agent:
    """A thread of a script: the instances that it knows and what its modules can import."""

    def __init__(self, session: Session, store: Store, report: Report, registered: dict[str, dict[str, ExternalValue]]):
        self.session = session
        self.report = report
        self.registered = registered
        self.instances: dict[str, ModuleInstance] = {}
        self.threads: dict[str, Agent] = {}
        self.started: list[tuple[Agent, Sequence[Command]]] = []
        """Threads for the scheduler to take over."""
        self.ended = False
        self._store = store
        self._current: ModuleInstance | None = None
        self._definitions: dict[str | None, Module] = {}

    def play(self, commands: Sequence[Command]) -> Steps:
        """Carry out all commands, whatever comes of each."""
        report = self.report
        for command in commands:
            word, carry_out = _COMMANDS[type(command)]
            try:
                yield from carry_out(self, command)
            except Refuted as found:
                report.failed.append(Result(word, command.location, str(found)))
            except Skip as reason:
                report.skipped.append(Result(word, command.location, str(reason)))
            except WasmariumError as error:
                report.failed.append(Result(word, command.location, describe(error)))
            except Exception as error:
                # A fault of ours must not keep the other commands from being judged.
                text = " ".join(str(error).split())
                report.failed.append(Result(word, command.location, f"crash: {error.__class__.__name__}: {text}"))
            else:
                report.passed[word] += 1
        self.ended = True

    # ---- modules ----

    def _module(self, source: ScriptModule) -> Module:
        features = self.session.features
        assembly = source.assemble(features)
        try:
            module = decode_module(assembly.data, features)
            validate_module(module, features)
        except WasmError as error:
            error.location = assembly.source_map.in_text(error.location)
            raise
        return module

    def _instantiate(self, module: Module, name: str | None) -> Generator[Blocker, None, ModuleInstance]:
        imports = []
        for item in module.imports:
            found = self.registered.get(item.module, {}).get(item.name)
            if found is None:
                raise unknown_import(module, item)
            imports.append(found)
        instance = self.session.engine.instantiate(self._store, module, imports, name)
        start = start_function(instance)
        if start is not None:
            yield from self._call(start, ())
        return instance

    def _define(self, command: DefineModule) -> Steps:
        name = command.module.identifier
        if not command.definition:
            # When it fails, the commands that follow must not be asked of an older instance.
            self._current = None
            if name is not None:
                self.instances.pop(name, None)
        module = self._module(command.module)
        self._definitions[None] = self._definitions[name] = module
        if not command.definition:
            self._adopt(name, (yield from self._instantiate(module, name)))

    def _new_instance(self, command: InstantiateModule) -> Steps:
        self._current = None
        definition = self._definitions.get(command.definition)
        if definition is None:
            raise Refuted(f"there is no module{_dollar(command.definition)} to instantiate")
        self._adopt(command.instance, (yield from self._instantiate(definition, command.instance)))

    def _adopt(self, name: str | None, instance: ModuleInstance) -> None:
        self._current = instance
        if name is not None:
            self.instances[name] = instance

    def _instance(self, name: str | None) -> ModuleInstance:
        instance = self._current if name is None else self.instances.get(name)
        if instance is None:
            raise Refuted(f"there is no instance{_dollar(name)}: its module failed, or none came before")
        return instance

    def _register(self, command: Register) -> Steps:
        self.registered[command.name] = self._instance(command.module).exports
        yield from ()

    # ---- actions ----

    def _call(
        self, function: FunctionInstance, arguments: Sequence[Value]
    ) -> Generator[Blocker, None, Sequence[Value]]:
        execution = self.session.engine.start(function, arguments)
        budget = self.session.budget
        while True:
            match execution.run(min(SLICE, budget)):
                case Finished(values):
                    return values
                case Raised(error):
                    raise error
                case Suspended(pending) if isinstance(pending.awaitable, Waiter):
                    yield pending.awaitable
                    execution.resume(pending.finish(pending.awaitable.result))
                case Suspended(pending):
                    execution.resume(pending.finish(self.session.world.block_on(pending.awaitable)))
                case Stopped():
                    budget = self.session.budget - execution.executed
                    if budget <= 0:
                        raise Refuted(f"the call did not end within {self.session.budget:,} instructions")
                    yield None
                case OutOfFuel():
                    raise Refuted("the call has no fuel, although nobody counts it")

    def _perform(self, action: Action) -> Generator[Blocker, None, Results]:
        found = self._instance(action.module).exports.get(action.name)
        if isinstance(action, Get):
            if not isinstance(found, GlobalInstance):
                raise Refuted(f'no global "{action.name}" is exported')
            return [(found.type.content, found.value)]
        if not isinstance(found, FunctionInstance):
            raise Refuted(f'no function "{action.name}" is exported')
        types = found.type.parameters
        if len(types) != len(action.arguments) or not all(map(fits, action.arguments, types)):
            wanted, given = " ".join(map(str, types)), " ".join(map(show_pattern, action.arguments))
            raise Refuted(f'"{action.name}" takes ({wanted}), not {given or "nothing"}')
        values = yield from self._call(found, [runtime_value(argument) for argument in action.arguments])
        return list(zip(found.type.results, values, strict=True))

    def _action(self, command: Perform) -> Steps:
        yield from self._perform(command.action)

    # ---- assertions about actions ----

    def _assert_return(self, command: AssertReturn) -> Steps:
        found = yield from self._perform(command.action)
        expected = command.results
        for pattern, (kind, value) in zip(expected, found, strict=False):
            if not matches(pattern, kind, value):
                break
        else:
            if len(expected) == len(found):
                return
        wanted = " ".join(map(show_pattern, expected))
        raise Refuted(f"expected {wanted or 'nothing'}, found {_shown(found)}")

    def _expect(self, action: Action | ScriptModule, what: str, kind: type[WasmariumError]) -> Generator[Any, Any, Any]:
        """What an action, or instantiating a module, raises; Refuted unless it is a ``kind``."""
        try:
            if isinstance(action, ScriptModule):
                yield from self._instantiate(self._module(action), action.identifier)
                raise Refuted(f"expected {what}, but the module was instantiated")
            results = yield from self._perform(action)
        except kind as error:
            return error
        except WasmariumError as error:
            raise Refuted(f"expected {what}, found {describe(error)}") from None
        raise Refuted(f"expected {what}, found {_shown(results)}")

    def _assert_trap(self, command: AssertTrap) -> Steps:
        error = yield from self._expect(command.action, f'the trap "{command.message}"', Trap)
        _compare(command.message, error)

    def _assert_exhaustion(self, command: AssertExhaustion) -> Steps:
        expected = f'exhaustion, "{command.message}"'
        error = yield from self._expect(command.action, expected, WasmariumError)
        if not isinstance(error, Exhausted) and getattr(error, "code", None) is not TrapCode.STACK_OVERFLOW:
            raise Refuted(f"expected {expected}, found {describe(error)}")
        _compare(command.message, error)

    def _assert_exception(self, command: AssertException) -> Steps:
        yield from self._expect(command.action, "an exception", GuestException)

    def _assert_suspension(self, command: AssertSuspension) -> Steps:
        yield from ()
        raise Skip("wasmarium has no stack switching")

    # ---- assertions about modules ----

    def _refused(self, source: ScriptModule, message: str, kind: type[WasmError]) -> None:
        expected = f'a module that is {kind.kind}, "{message}"'
        try:
            self._module(source)
        except (Malformed, Invalid) as error:
            if type(error) is not kind:
                raise Refuted(f"expected {expected}, found {describe(error)}") from None
            if error.location.offset is None:
                raise Refuted(f"it is not said where: {describe(error)}") from None
            _compare(message, error)
            return
        raise Refuted(f"expected {expected}, but the module was accepted")

    def _assert_malformed(self, command: AssertMalformed) -> Steps:
        self._refused(command.module, command.message, Malformed)
        yield from ()

    def _assert_invalid(self, command: AssertInvalid) -> Steps:
        self._refused(command.module, command.message, Invalid)
        yield from ()

    def _assert_unlinkable(self, command: AssertUnlinkable) -> Steps:
        expected = f'a module that is {Unlinkable.kind}, "{command.message}"'
        error = yield from self._expect(command.module, expected, Unlinkable)
        _compare(command.message, error)

    # ---- threads ----

    def _thread(self, command: Thread) -> Steps:
        thread = Agent(self.session, self._store, self.report, {"spectest": self.registered["spectest"]})
        for name in command.shared:
            instance = thread.instances[name] = self._instance(name)
            for value in instance.exports.values():
                if isinstance(value, MemoryInstance):
                    value.has_other_agents = True
        self.threads[command.name] = thread
        self.started.append((thread, command.commands))
        yield from ()

    def _wait(self, command: Wait) -> Steps:
        thread = self.threads.pop(command.name, None)
        if thread is None:
            raise Refuted(f"there is no thread{_dollar(command.name)}")
        yield lambda: thread.ended


def describe(error: WasmariumError) -> str:
    """An error in one line."""
    if isinstance(error, Trap):
        place = f" (at {error.frames[0]})" if error.frames else ""
        return f"trap: {error.message}{place}"
    kind = error.kind if isinstance(error, WasmError) else "exception"
    return f"{kind}: {' '.join(str(error).split())}"


def _compare(expected: str, error: WasmariumError) -> None:
    if not same_words(expected, error):
        raise Refuted(f'expected "{expected}", found {describe(error)}')


def _shown(results: Results) -> str:
    return " ".join(show(kind, value) for kind, value in results) or "nothing"


def _dollar(name: str | None) -> str:
    return "" if name is None else f" ${name}"


_COMMANDS: dict[type[Command], tuple[str, Callable[[Agent, Any], Steps]]] = {
    DefineModule: ("module", Agent._define),
    InstantiateModule: ("module instance", Agent._new_instance),
    Register: ("register", Agent._register),
    Perform: ("action", Agent._action),
    AssertReturn: ("assert_return", Agent._assert_return),
    AssertTrap: ("assert_trap", Agent._assert_trap),
    AssertExhaustion: ("assert_exhaustion", Agent._assert_exhaustion),
    AssertException: ("assert_exception", Agent._assert_exception),
    AssertSuspension: ("assert_suspension", Agent._assert_suspension),
    AssertMalformed: ("assert_malformed", Agent._assert_malformed),
    AssertInvalid: ("assert_invalid", Agent._assert_invalid),
    AssertUnlinkable: ("assert_unlinkable", Agent._assert_unlinkable),
    Thread: ("thread", Agent._thread),
    Wait: ("wait", Agent._wait),
}
