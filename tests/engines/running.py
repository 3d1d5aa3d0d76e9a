"""Running a function in every way the interpreter has, so that a test can ask them all alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wasmarium.binary.decoder import decode_module
from wasmarium.engines.base import Finished, Outcome, Raised, Stopped
from wasmarium.engines.interpreter import Interpreter, blocks, machine
from wasmarium.engines.interpreter.compiled import compile_block
from wasmarium.features import ALL
from wasmarium.runtime.function import FunctionInstance, HostFunction
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.linking import instantiate
from wasmarium.runtime.store import Store
from wasmarium.text.parser import parse_module
from wasmarium.types import FunctionType, ValueType, define_function
from wasmarium.validation import validate_module

MODES = ("cold", "compiled", "stepped", "sliced", "mixed")


def host(
    parameters: Sequence[ValueType], results: Sequence[ValueType], code: Callable[..., Any], name: str = ""
) -> HostFunction:
    """A host function; ``code`` gets instance and arguments."""
    defined = define_function(FunctionType(tuple(parameters), tuple(results)))
    return HostFunction(defined, code, name)


def build(
    wat: str,
    imports: Sequence[ExternalValue] = (),
    limits: ResourceLimits | None = None,
    fuel: int | None = None,
    watch: bool = False,
) -> ModuleInstance:
    """An instance of a module in text form, validated first."""
    module = decode_module(parse_module(wat, features=ALL), ALL)
    validate_module(module, ALL)
    store = Store(limits, fuel, watch)
    return instantiate(store, module, imports, lambda function: None)


def start(instance: ModuleInstance, name: str, *arguments: Any) -> machine.Machine:
    function = instance.exports[name]
    assert isinstance(function, FunctionInstance)
    execution = Interpreter().start(function, arguments)
    assert isinstance(execution, machine.Machine)
    return execution


class Modes:
    """Runs executions to their end in one of MODES."""

    def __init__(self, mode: str, monkeypatch: Any) -> None:
        self.mode = mode
        monkeypatch.setattr(blocks, "HEAT", 3 if mode == "mixed" else 1 << 40)
        if mode == "compiled":
            plain = blocks.build

            def build_compiled(block: blocks.Block) -> None:
                plain(block)
                compile_block(block)

            monkeypatch.setattr(blocks, "build", build_compiled)
            monkeypatch.setattr(machine, "build", build_compiled)

    def finish(self, execution: machine.Machine) -> Outcome:
        while True:
            if self.mode == "stepped":
                outcome = execution.step()
            elif self.mode == "sliced":
                outcome = execution.run(2)
            elif self.mode == "mixed":
                outcome = execution.step()
                if isinstance(outcome, Stopped):
                    outcome = execution.run(7)
            else:
                return execution.run()
            if not isinstance(outcome, Stopped):
                return outcome

    def call(self, instance: ModuleInstance, name: str, *arguments: Any) -> tuple[Any, ...]:
        """The results, or the error raised."""
        outcome = self.finish(start(instance, name, *arguments))
        if isinstance(outcome, Raised):
            raise outcome.error
        assert isinstance(outcome, Finished), outcome
        return outcome.values
