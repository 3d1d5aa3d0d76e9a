"""The plan of a function: its instructions, the height of the operand stack before each, its jumps.

Validated code has one operand height at every instruction that can be reached, so an activation is
one list, locals first, then a slot for every operand, and every instruction knows its slots. A
:class:`Plan` is made in one pass when a function is first called; blocks are cut from it as they
are reached (``blocks``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from wasmarium.binary.code import read_locals, validated_body
from wasmarium.engines.interpreter.operations import Operation, operation, stack_change
from wasmarium.errors import Location, Unsupported
from wasmarium.instructions.table import Instruction
from wasmarium.runtime.function import WasmFunction
from wasmarium.runtime.values import Value, default_value
from wasmarium.types import FunctionType, ValueType

WAITS = frozenset({"memory.atomic.wait32", "memory.atomic.wait64"})
"""Instructions that may suspend the call, so they end their block as calls do."""

RETURN = -1
"""The target of a jump that leaves the function."""


class Jump:
    """To instruction ``target`` with the top ``arity`` operands moved from slot ``source`` to
    ``destination`` (slots of the activation)."""

    __slots__ = ("arity", "destination", "source", "target")

    def __init__(self, target: int, arity: int, source: int, destination: int) -> None:
        self.target = target
        self.arity = arity
        self.source = source
        self.destination = destination


class Clause(NamedTuple):
    """What a handler catches: exceptions of tag ``tag`` (an index; None: all). Their values go where
    ``jump`` says, and behind them the exception itself if ``with_reference``. ``keep`` is the number under
    which it is kept for rethrow (see ``Plan.kept``), or None."""

    tag: int | None
    with_reference: bool
    jump: Jump
    keep: int | None = None


@dataclass(frozen=True, slots=True)
class Handler:
    """A try_table or try: it guards instructions ``start`` up to ``end``, with its clauses in order.
    ``depth`` is the number of blocks around it. With ``delegate`` it has no clauses, but the next
    handler to be asked has at most this depth."""

    start: int
    end: int
    clauses: tuple[Clause, ...]
    depth: int
    delegate: int | None = None


class _Control:
    """A block that is open while the plan is made."""

    __slots__ = (
        "clauses",
        "condition",
        "dead",
        "guarded",
        "height",
        "is_loop",
        "jumps",
        "keep",
        "parameters",
        "pc",
        "results",
    )

    def __init__(self, pc: int, is_loop: bool, height: int, parameters: int, results: int, dead: bool) -> None:
        self.pc = pc
        self.is_loop = is_loop
        self.height = height
        self.parameters = parameters
        self.results = results
        self.dead = dead
        self.jumps: list[Jump] = []
        self.condition: Jump | None = None
        self.clauses: list[Clause] = []
        self.guarded: int | None = None
        """Where the instructions that the clauses are for end, once that is known."""
        self.keep: int | None = None
        """In the catching part of a try, what is kept there; as in :class:`Clause`."""


class Plan:
    """See the module's text. All lists are by instruction index; ``slots[i]`` is the first free slot
    before instruction i, or -1 where it cannot be reached."""

    def __init__(self, function: WasmFunction) -> None:
        instance, module = function.instance, function.instance.module
        code = module.codes[function.index - module.imported_functions]
        groups, self.body = read_locals(module.data, code.start, code.end)
        type_ = function.type
        self.results = len(type_.results)
        self.parameters = len(type_.parameters)
        fresh: list[Value] = []
        for count, value_type in groups:
            closed = value_type.close(instance.types)
            fresh += [default_value(closed) if closed.defaultable else None] * count
        self.locals = self.parameters + len(fresh)
        self.offsets, self.rows, self.immediates = validated_body(module.data, self.body, code.end)
        self.slots: list[int] = [-1] * len(self.rows)
        self.jumps: dict[int, tuple[Jump, ...]] = {}
        self.handlers: list[Handler] = []
        self.leaders: set[int] = set()
        self._instance = instance
        self._function = function.index
        self._lay_out()
        self.fresh = fresh + [None] * (self.size - self.locals)
        """What follows the arguments in a new activation."""

    def _lay_out(self) -> None:
        rows, slots = self.rows, self.slots
        outermost = _Control(-1, False, self.locals, 0, self.results, False)
        self._controls = [outermost]
        self._height = highest = self.locals
        self._dead = False
        self._kept = 0
        self._rethrown: dict[int, int] = {}
        for pc, row in enumerate(rows):
            if row.kind == "control":
                if not self._dead:
                    slots[pc] = self._height
                self._control(pc, row)
            elif not self._dead:
                slots[pc] = height = self._height
                change = stack_change(row)
                if change is None:
                    found = self.operation(pc)
                    change = found.pushes - found.pops
                self._height = height + change
            if self._height > highest:
                highest = self._height
        self._kept_from = highest + 1
        self.size = self._kept_from + self._kept
        del self._controls

    def operation(self, pc: int) -> Operation:
        """What instruction ``pc``, no control instruction, does. Raises Unsupported."""
        try:
            return operation(self.rows[pc], self.immediates[pc], self._instance)
        except KeyError:
            raise self._unsupported(pc) from None

    def _unsupported(self, pc: int) -> Unsupported:
        row = self.rows[pc]
        where = Location(
            "code",
            self._function,
            self._instance.module.names.functions.get(self._function),
            pc,
            row.mnemonic,
            self.offsets[pc],
        )
        return Unsupported(f"the interpreter cannot execute {row.mnemonic} yet", where)

    def _block_type(self, block_type: ValueType | int | None) -> tuple[int, int]:
        if block_type is None:
            return 0, 0
        if isinstance(block_type, int):
            type_ = self._instance.types[block_type].function
            return len(type_.parameters), len(type_.results)
        return 0, 1

    def _jump(self, label: int) -> Jump:
        control = self._controls[-1 - label]
        arity = control.parameters if control.is_loop else control.results
        jump = Jump(RETURN, arity, self._height - arity, control.height)
        if control.is_loop:
            jump.target = control.pc + 1
            self.leaders.add(control.pc + 1)
        else:
            control.jumps.append(jump)
        return jump

    def _called(self, row: Instruction, immediates: tuple[Any, ...]) -> FunctionType:
        if row.mnemonic in ("call", "return_call"):
            function = self._instance.functions[int(immediates[0])]
            return function.type
        defined = self._instance.types[int(immediates[0])]
        return defined.function

    def _control(self, pc: int, row: Instruction) -> None:
        controls = self._controls
        match row.mnemonic:
            case "block" | "loop" | "try_table" | "try":
                parameters, results = self._block_type(self.immediates[pc][0])
                control = _Control(
                    pc, row.mnemonic == "loop", self._height - parameters, parameters, results, self._dead
                )
                if row.mnemonic == "try_table" and not self._dead:
                    control.clauses = self._clauses(pc)
                controls.append(control)
            case "if":
                parameters, results = self._block_type(self.immediates[pc][0])
                if not self._dead:
                    self._height -= 1
                control = _Control(pc, False, self._height - parameters, parameters, results, self._dead)
                if not self._dead:
                    # Where the condition is false; the parameters stay where they are.
                    control.condition = Jump(RETURN, 0, 0, 0)
                    self.jumps[pc] = (control.condition,)
                controls.append(control)
            case "else":
                control = controls[-1]
                if not self._dead:
                    jump = Jump(RETURN, 0, 0, 0)
                    control.jumps.append(jump)
                    self.jumps[pc] = (jump,)
                if control.condition is not None:
                    control.condition.target = pc + 1
                    control.condition = None
                    self.leaders.add(pc + 1)
                self._dead = control.dead
                self._height = control.height + control.parameters
            case "catch" | "catch_all":
                self._catch(pc, controls[-1])
            case "end":
                self._end(pc, controls.pop())
            case "delegate":
                control = controls.pop()
                if not control.dead:
                    # Its label counts from outside of the try.
                    outside = len(controls) - 1 - self.immediates[pc][0]
                    self.handlers.append(Handler(control.pc + 1, pc, (), len(controls), outside))
                self._end(pc, control)
            case "br" | "br_table" | "br_if" | "br_on_null" | "br_on_non_null" | "br_on_cast" | "br_on_cast_fail":
                if not self._dead:
                    self._branch(pc, row.mnemonic)
            case "rethrow":
                keep = controls[-1 - self.immediates[pc][0]].keep
                if not self._dead and keep is not None:
                    self._rethrown[pc] = keep
                self._dead = True
            case "return" | "unreachable" | "throw" | "throw_ref":
                self._dead = True
            case "call" | "call_indirect" | "call_ref":
                if not self._dead:
                    type_ = self._called(row, self.immediates[pc])
                    self._height -= len(type_.parameters) + (row.mnemonic != "call")
                    self._height += len(type_.results)
            case "return_call" | "return_call_indirect" | "return_call_ref":
                self._dead = True
            case "nop" | "atomic.fence":
                pass
            case _:
                raise self._unsupported(pc)

    def _branch(self, pc: int, mnemonic: str) -> None:
        immediates = self.immediates[pc]
        if mnemonic == "br":
            self.jumps[pc] = (self._jump(immediates[0]),)
            self._dead = True
        elif mnemonic == "br_if":
            self._height -= 1
            self.jumps[pc] = (self._jump(immediates[0]),)
        elif mnemonic == "br_table":
            self._height -= 1
            made = {label: self._jump(label) for label in dict.fromkeys(immediates[0])}
            self.jumps[pc] = tuple(map(made.__getitem__, immediates[0]))
            self._dead = True
        elif mnemonic == "br_on_null":
            self._height -= 1
            self.jumps[pc] = (self._jump(immediates[0]),)
            self._height += 1
        elif mnemonic == "br_on_non_null":
            self.jumps[pc] = (self._jump(immediates[0]),)
            self._height -= 1
        else:
            self.jumps[pc] = (self._jump(immediates[0].label),)

    def _clauses(self, pc: int) -> list[Clause]:
        # What is caught is put where the label wants it, so nothing has to move.
        return [
            Clause(catch.tag, catch.kind.endswith("_ref"), self._jump(catch.label)) for catch in self.immediates[pc][1]
        ]

    def _catch(self, pc: int, control: _Control) -> None:
        """A part of a try ends, and one that catches begins."""
        if not self._dead:
            jump = Jump(RETURN, 0, 0, 0)
            control.jumps.append(jump)
            self.jumps[pc] = (jump,)
        if control.guarded is None:
            control.guarded = pc
            control.keep = sum(outer.keep is not None for outer in self._controls)
            self._kept = max(self._kept, control.keep + 1)
        tag = self.immediates[pc][0] if self.rows[pc].mnemonic == "catch" else None
        if not control.dead:
            control.clauses.append(Clause(tag, False, Jump(pc + 1, 0, 0, control.height), control.keep))
            self.leaders.add(pc + 1)
        self._dead = control.dead
        self._height = control.height
        if tag is not None:
            self._height += len(self._instance.tags[tag].type.type.function.parameters)

    def _end(self, pc: int, control: _Control) -> None:
        if not self._controls:
            # The end of the function: jumps to its label return.
            return
        reached = not self._dead
        if control.condition is not None:
            control.condition.target = pc + 1
            self.leaders.add(pc + 1)
            reached = True
        for jump in control.jumps:
            jump.target = pc + 1
            self.leaders.add(pc + 1)
            reached = True
        if control.clauses:
            end = pc if control.guarded is None else control.guarded
            self.handlers.append(Handler(control.pc + 1, end, tuple(control.clauses), len(self._controls)))
        self._dead = control.dead or not reached
        self._height = control.height + control.results

    def kept(self, keep: int) -> int:
        """The slot of what clauses keep under this number: behind those of all operands."""
        return self._kept_from + keep

    def rethrown(self, pc: int) -> int:
        """The slot of what the rethrow at ``pc`` throws."""
        return self.kept(self._rethrown[pc])

    def handlers_at(self, pc: int) -> Iterator[Handler]:
        """The handlers to ask when instruction ``pc`` throws, in this order."""
        most = len(self.rows)
        # They are kept in the order of their ends, so inner ones come before outer ones.
        for handler in self.handlers:
            if handler.start <= pc < handler.end and handler.depth <= most:
                if handler.delegate is None:
                    yield handler
                else:
                    most = handler.delegate
