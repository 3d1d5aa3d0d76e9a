"""Leaving a function by a call, a tail call or an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmarium.engines.interpreter import helpers
from wasmarium.engines.interpreter.blocks import Activation, Block, Code, Leave
from wasmarium.engines.interpreter.plan import WAITS
from wasmarium.errors import TrapCode, trap
from wasmarium.runtime.function import FunctionInstance, HostFunction, Pending, WasmFunction
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.tag import ExceptionInstance

if TYPE_CHECKING:
    from wasmarium.engines.interpreter.machine import Machine


class Thrown(Exception):
    """A guest's exception on its way to a handler."""

    def __init__(self, exception: ExceptionInstance) -> None:
        super().__init__()
        self.exception = exception


def code_of(function: WasmFunction) -> Code:
    """The function's code, made when it is first called."""
    code = function.compiled
    if code is None:
        code = function.compiled = Code(function)
    assert isinstance(code, Code)
    return code


def admit(machine: Machine, code: Code) -> None:
    """Count an activation of ``code``, or trap where there is no room for it."""
    values = machine.values + code.weight
    if values > machine.most_values:
        raise trap(TrapCode.STACK_OVERFLOW)
    machine.values = values


def enter(machine: Machine, function: WasmFunction, arguments: Activation) -> Block:
    """Begin the first activation."""
    code = code_of(function)
    admit(machine, code)
    machine.r = arguments + code.fresh
    return code.entry


def call(machine: Machine, r: Activation, function: FunctionInstance, slot: int, following: Block) -> Block | None:
    """Call any function; its arguments are in ``r`` from ``slot`` on, and its results go there."""
    arguments = r[slot : slot + len(function.type.parameters)]
    if isinstance(function, WasmFunction):
        code = code_of(function)
        admit(machine, code)
        machine.callers.append((r, following, slot))
        machine.r = arguments + code.fresh
        return code.entry
    assert isinstance(function, HostFunction)
    machine.r = r
    return machine.call_host(function, arguments, following, slot)


def tail_call(machine: Machine, r: Activation, function: FunctionInstance, slot: int, weight: int) -> Block | None:
    """Call in place of the present activation, whose weight is ``weight``."""
    if isinstance(function, WasmFunction):
        return _replace(machine, r, function, slot, slot + len(function.type.parameters), weight)
    assert isinstance(function, HostFunction)
    machine.values -= weight
    return machine.tail_call_host(function, r[slot : slot + len(function.type.parameters)])


def _replace(machine: Machine, r: Activation, function: WasmFunction, slot: int, end: int, weight: int) -> Block:
    code = function.compiled
    if code is None:
        code = code_of(function)
    values = machine.values - weight + code.weight
    if values > machine.most_values:
        raise trap(TrapCode.STACK_OVERFLOW)
    machine.values = values
    machine.r = r[slot:end] + code.fresh
    entry: Block = code.entry
    return entry


def leave_by(block: Block, pc: int) -> None:
    """Set how ``block`` leaves by the instruction at ``pc``."""
    plan = block.code.plan
    instance = block.code.function.instance
    immediates = plan.immediates[pc]
    slot = plan.slots[pc]
    mnemonic = plan.rows[pc].mnemonic
    if mnemonic == "throw":
        block.leave = _throw(instance.tags[immediates[0]], slot)
        return
    if mnemonic == "throw_ref":
        block.leave = _throw_reference(slot - 1)
        return
    if mnemonic == "rethrow":
        block.leave = _throw_reference(plan.rethrown(pc))
        return
    if mnemonic in WAITS:
        memory, offset = instance.memories[immediates[0].memory], immediates[0].offset
        block.leave = _wait(memory, offset, plan.rows[pc].width, slot - 3, block.code.block(pc + 1))
        return
    weight = block.code.weight
    tail = mnemonic.startswith("return_")
    following = block.code.block(pc + 1) if not tail else block
    if mnemonic.endswith("call"):
        function = instance.functions[immediates[0]]
        base = slot - len(function.type.parameters)
        if isinstance(function, WasmFunction):
            block.leave = _tail_call(function, base, weight) if tail else _call(function, base, following)
        elif tail:
            block.leave = lambda machine, r: tail_call(machine, r, function, base, weight)
        else:
            block.leave = lambda machine, r: call(machine, r, function, base, following)
        block.host = isinstance(function, HostFunction)
        return
    block.host = True
    expected = instance.types[immediates[0]]
    at = slot - 1
    base = at - len(expected.function.parameters)
    if mnemonic.endswith("call_ref"):

        def find(r: Activation) -> FunctionInstance:
            return helpers.referenced_callee(r[at])
    else:
        table = instance.tables[immediates[1]]

        def find(r: Activation) -> FunctionInstance:
            return helpers.indirect_callee(table, r[at], expected)

    if tail:
        block.leave = lambda machine, r: tail_call(machine, r, find(r), base, weight)
    else:
        block.leave = lambda machine, r: call(machine, r, find(r), base, following)


def _call(function: WasmFunction, slot: int, following: Block) -> Leave:
    end = slot + len(function.type.parameters)

    def leave(machine: Machine, r: Activation) -> Block | None:
        code = function.compiled
        if code is None:
            code = code_of(function)
        admit(machine, code)
        machine.callers.append((r, following, slot))
        machine.r = r[slot:end] + code.fresh
        entry: Block = code.entry
        return entry

    return leave


def _tail_call(function: WasmFunction, slot: int, weight: int) -> Leave:
    end = slot + len(function.type.parameters)
    return lambda machine, r: _replace(machine, r, function, slot, end, weight)


def _wait(memory: MemoryInstance, offset: int, width: int, slot: int, following: Block) -> Leave:
    from wasmarium.runtime.atomics import wait

    def leave(machine: Machine, r: Activation) -> Block | None:
        result = wait(memory, r[slot] + offset, r[slot + 1], r[slot + 2], width)
        if isinstance(result, Pending):
            machine.suspend(result, following, slot)
            return None
        r[slot] = result
        return following

    return leave


def _throw(tag: Any, slot: int) -> Leave:
    function = tag.type.type.function

    def leave(machine: Machine, r: Activation) -> Block | None:
        raise Thrown(ExceptionInstance(tag, tuple(r[slot - len(function.parameters) : slot])))

    return leave


def _throw_reference(slot: int) -> Leave:
    def leave(machine: Machine, r: Activation) -> Block | None:
        exception = r[slot]
        if exception is None:
            raise trap(TrapCode.NULL_EXCEPTION_REFERENCE)
        raise Thrown(exception)

    return leave
