"""The interpreter running modules as passes rewrote them, and what scripts of the core suite then do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from wasmarium.binary.code import read_locals
from wasmarium.binary.decoder import decode_module
from wasmarium.engines.base import Execution, Outcome, Raised
from wasmarium.engines.interpreter import Interpreter
from wasmarium.errors import Trap, TrapCode
from wasmarium.features import ALL
from wasmarium.instrument import Instrumented, Pass, instrument
from wasmarium.instrument.cutting import unreached
from wasmarium.instrument.fuel import MOST
from wasmarium.module import Module
from wasmarium.runtime.function import FunctionInstance, HostFunction
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.store import Store
from wasmarium.runtime.table import TableInstance
from wasmarium.runtime.values import Value
from wasmarium.script import Session
from wasmarium.types import I64, FunctionType, GlobalType, define_function
from wasmarium.validation import validate_module


@dataclass
class FuelSession(Session):
    """A session whose stores have fuel; ``last`` is the latest of them."""

    last: Store | None = None

    def store(self) -> Store:
        self.last = Store(self.limits, MOST, compile_after=self.compile_after)
        return self.last


def rewritten(module: Module, passes: Sequence[Pass]) -> tuple[Instrumented, Module]:
    """A module with what passes put into it, which must be valid."""
    made = instrument(module, passes)
    decoded = decode_module(made.data, ALL)
    validate_module(decoded, ALL)
    return made, decoded


class Rewriting(Interpreter):
    """An engine that does to every module what ``passes`` say. Where ``tank`` is given, all instances pay from it."""

    def __init__(self, passes: Callable[[], Sequence[Pass]], tank: GlobalInstance | None = None) -> None:
        super().__init__()
        self._passes = passes
        self._tank = tank
        self.questions = 0
        """How often guests called out."""
        self._made: dict[Module, tuple[Instrumented, Module]] = {}

    def instantiate(
        self, store: Store, module: Module, imports: Sequence[ExternalValue], name: str | None = None
    ) -> ModuleInstance:
        made, decoded = rewritten(module, self._passes())
        self._made[decoded] = made, module
        instance = super().instantiate(store, decoded, [*imports, self._tank] if self._tank else imports, name)
        for name, export in instance.exports.items():
            if name.startswith("wasmarium.") and isinstance(export, TableInstance):
                export.elements[0] = HostFunction(_NOTHING, self._asked)
            elif name == "wasmarium.fuel" and isinstance(export, GlobalInstance):
                export.value = MOST
        return instance

    def _asked(self, instance: ModuleInstance | None, arguments: Sequence[Value]) -> Sequence[Value]:
        self.questions += 1
        return ()

    def start(self, function: FunctionInstance, arguments: Sequence[Value]) -> Execution:
        return _Settling(super().start(function, arguments), self)  # type: ignore[return-value]

    def settle(self, trap: Trap, decoded: Module) -> None:
        """Give back what a function that trapped did not reach, and tell where it was in the original."""
        frame = trap.frames[0]
        if trap.code is TrapCode.STACK_OVERFLOW or frame.function_index is None:
            return
        assert frame.offset is not None
        made, module = self._made[decoded]
        offset = made.original_offset(frame.offset)
        start, end = module.codes[frame.function_index - module.imported_functions]
        _, at = read_locals(module.data, start, end)
        trap.frames = (replace(frame, offset=offset), *trap.frames[1:])
        assert self._tank is not None
        self._tank.value += unreached(module.data[at:end], offset - at)


class _Settling:
    """An execution; see ``Rewriting.settle``."""

    def __init__(self, execution: Execution, engine: Rewriting) -> None:
        self._execution = execution
        self._engine = engine

    def run(self, budget: int | None = None) -> Outcome:
        outcome = self._execution.run(budget)
        if isinstance(outcome, Raised) and isinstance(outcome.error, Trap) and self._engine._tank is not None:
            states = self._execution.frames()
            if states:
                self._engine.settle(outcome.error, states[0].function.instance.module)
        return outcome

    def __getattr__(self, name: str) -> object:
        return getattr(self._execution, name)


_NOTHING = define_function(FunctionType((), ()))


def tank() -> GlobalInstance:
    """A full one."""
    return GlobalInstance(GlobalType(I64, True), MOST)
