"""Basic blocks: what the machine runs, one call each.

A block is straight-line code and what ends it. ``run(r, machine)`` executes all of it on an activation
``r`` (locals, then operand slots) and returns the next block, or None where the function is left.
Then either the machine has ``entered`` another function already, or ``leave`` (a call or return) goes
on; ``host`` says that it may be a call to the host.

At first ``run`` builds the block: one small closure for every instruction, made from the same text
for all instructions alike. That form can stop anywhere, so stepping and exact fuel use it too. A
block that is run often is compiled to one Python function (``compiled``); between blocks the state
is the same in both forms.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import TYPE_CHECKING, Any

from wasmarium.engines.interpreter.operations import NAMES, Operation
from wasmarium.engines.interpreter.plan import RETURN, WAITS, Jump, Plan
from wasmarium.errors import TrapCode, trap
from wasmarium.instructions.fuel import ENTRY, FREE
from wasmarium.runtime.function import WasmFunction

if TYPE_CHECKING:
    from wasmarium.engines.interpreter.machine import Machine

Activation = list[Any]
Run = Callable[[Activation, "Machine"], "Block | None"]
Next = Callable[[Activation], "Block | None"]
Leave = Callable[["Machine", Activation], "Block | None"]
Step = Callable[[Activation], None]

HEAT = 150
"""Runs after which a block is worth compiling, unless the store says something else: compiling costs
what about as many runs save."""


LONGEST = 2000
"""Steps of a block, after which another one begins: a piece of a run, fuel and compiling go by blocks."""


class Block:
    """See the module's text. ``pc`` is its first instruction; ``steps`` are its instructions one by
    one and ``pcs`` their indices; ``last`` is the index of what ends it, or where it ``falls`` into the
    next block without an instruction of its own, of its last instruction; ``cost`` is its fuel."""

    __slots__ = (
        "built",
        "code",
        "compiled",
        "cost",
        "costs",
        "falls",
        "heat",
        "host",
        "last",
        "leave",
        "lines",
        "next",
        "pc",
        "pcs",
        "run",
        "steps",
    )

    def __init__(self, code: Code, pc: int) -> None:
        self.code = code
        self.pc = pc
        self.cost = 0
        self.heat = code.heat
        self.steps: tuple[Step, ...] = ()
        self.pcs: tuple[int, ...] = ()
        self.costs: tuple[int, ...] = ()
        self.last = pc
        self.built = False
        self.falls = False
        self.next: Next = _not_built
        self.leave: Leave | None = None
        self.host = False
        self.run: Run = _never
        self.compiled: CodeType | None = None
        self.lines: list[int] = []

    def __repr__(self) -> str:
        return f"<block {self.code.function.index}:{self.pc}>"


def _not_built(r: Activation) -> Block | None:
    raise AssertionError("a block is built when it is taken from its code")


def _never(r: Activation, machine: Machine) -> Block | None:
    raise AssertionError("a block can run when it is taken from its code")


class Code:
    """A function ready to run: its plan and the blocks cut so far."""

    __slots__ = ("blocks", "entry", "fresh", "function", "heat", "names", "plan", "weight")

    def __init__(self, function: WasmFunction) -> None:
        self.function = function
        asked = function.instance.store.compile_after
        self.heat = HEAT if asked is None else asked
        self.plan = Plan(function)
        self.fresh = self.plan.fresh
        limits = function.instance.store.limits
        # One number bounds both the frames and what they hold: a small frame counts as a share of all.
        self.weight = max(self.plan.size, limits.stack_values // max(1, limits.call_depth))
        self.blocks: dict[int, Block] = {}
        self.names: dict[str, Any] | None = None
        self.entry = self.block(0)

    def block(self, pc: int) -> Block:
        """The block that begins at instruction ``pc``; it is built when first run."""
        found = self.blocks.get(pc)
        if found is None:
            found = self.blocks[pc] = Block(self, pc)
            _defer(found)
        return found


def _defer(block: Block) -> None:
    """Let the first run build the block. Its cost is not known before, so building charges nothing
    and hands the block back to be run."""

    def build_first(r: Activation, machine: Machine) -> Block | None:
        build(block)
        return block

    block.run = build_first


# ---- single instructions ----

_FACTORIES: dict[str, Callable[..., Step]] = {}


def _factory(found: Operation) -> Callable[..., Step]:
    """A function that makes the closure of an instruction from its slots and arguments. It is pure
    and the same for all with this text, so it is kept for the whole process."""
    names = {f"x{i}": f"x{i}" for i in range(len(found.arguments))}
    body = found.text.format(*(f"r[s{i}]" for i in range(found.pops)), **names)
    if found.pushes:
        body = f"r[d] = {body}" if found.pushes == 1 else f"r[d : d + {found.pushes}] = {body}"
    parameters = [*(f"s{i}" for i in range(found.pops)), *names]
    source = f"def make(d, {', '.join(parameters)}):\n def step(r):\n  {body}\n return step\n"
    namespace = dict(NAMES)
    exec(source, namespace)
    made: Callable[..., Step] = namespace["make"]
    _FACTORIES[found.text] = made
    return made


def _step(found: Operation, slot: int) -> Step:
    base = slot - found.pops
    make = _FACTORIES.get(found.text) or _factory(found)
    return make(base, *range(base, slot), *found.arguments)


# ---- building ----

_PASSED = frozenset("nop block loop try_table try delegate atomic.fence".split())
"""Control instructions with which a block goes on."""


def build(block: Block) -> None:
    """Cut the block from its plan: the steps up to what ends it."""
    code, plan = block.code, block.code.plan
    rows, slots, leaders = plan.rows, plan.slots, plan.leaders
    pc = block.pc
    steps: list[Step] = []
    pcs: list[int] = []
    costs: list[int] = []
    cost = ENTRY if pc == 0 else 0
    while True:
        row = rows[pc]
        mnemonic = row.mnemonic
        if row.kind == "control":
            if mnemonic not in _PASSED and (mnemonic != "end" or pc == len(rows) - 1):
                _finish(block, pc)
                break
        elif row.kind == "atomic" and mnemonic in WAITS:
            _finish(block, pc)
            break
        elif mnemonic != "drop":
            steps.append(_step(plan.operation(pc), slots[pc]))
            pcs.append(pc)
            costs.append(cost + 1)
            cost = 0
        pc += 1
        if pc in leaders or len(steps) == LONGEST:
            block.last = pc - 1
            block.falls = True
            block.next = _goto(code.block(pc), None)
            break
    block.steps, block.pcs, block.costs = tuple(steps), tuple(pcs), tuple(costs)
    block.cost = sum(costs) + cost
    if not block.falls and rows[pc].mnemonic not in FREE:
        block.cost += 1
    block.built = True
    block.run = _cold(block, block.steps, block.next)
    if not block.heat:
        from wasmarium.engines.interpreter.compiled import compile_block

        compile_block(block)


def _cold(block: Block, steps: tuple[Step, ...], following: Next) -> Run:
    def run_steps(r: Activation, machine: Machine) -> Block | None:
        block.heat -= 1
        if not block.heat:
            from wasmarium.engines.interpreter.compiled import compile_block

            compile_block(block)
        for step in steps:
            step(r)
        return following(r)

    return run_steps


STEPS_CODE = _cold(Block.__new__(Block), (), _not_built).__code__
"""How a traceback shows that a block's steps were running."""


def _goto(target: Block | None, jump: Jump | None) -> Next:
    """To ``target`` (None: the function is left), after the moves of ``jump``."""
    if jump is None or not jump.arity or jump.source == jump.destination or target is None:
        return lambda r: target
    source, destination, arity = jump.source, jump.destination, jump.arity
    if arity == 1:

        def move(r: Activation) -> Block | None:
            r[destination] = r[source]
            return target
    else:

        def move(r: Activation) -> Block | None:
            r[destination : destination + arity] = r[source : source + arity]
            return target

    return move


def landing(code: Code, jump: Jump) -> Block:
    """The block to which ``jump`` goes; a jump out of the function goes to a block that returns."""
    if jump.target != RETURN:
        return code.block(jump.target)
    # Negative, so that it is no instruction's; one for every slot that results may come from.
    key = -1 - jump.source
    found = code.blocks.get(key)
    if found is None:
        found = code.blocks[key] = Block(code, len(code.plan.rows) - 1)
        found.next = lambda r: None
        found.run = lambda r, machine: None
        found.leave = _return(jump.source, jump.arity, code.weight)
        found.built = True
    return found


def _branch(code: Code, jump: Jump) -> Next:
    target = landing(code, jump)
    return _goto(target, None if jump.target == RETURN else jump)


def _finish(block: Block, pc: int) -> None:
    """Set what ends the block: the control instruction at ``pc``."""
    code, plan = block.code, block.code.plan
    slot = plan.slots[pc]
    block.last = pc
    jumps = plan.jumps.get(pc, ())
    match plan.rows[pc].mnemonic:
        case "br" | "else" | "catch" | "catch_all":
            block.next = _branch(code, jumps[0])
        case "br_if":
            block.next = _if(slot - 1, _branch(code, jumps[0]), code.block(pc + 1))
        case "if":
            block.next = _unless(slot - 1, _branch(code, jumps[0]), code.block(pc + 1))
        case "br_table":
            # A label may be named a million times; it has one jump.
            ways = {jump: _branch(code, jump) for jump in dict.fromkeys(jumps)}
            block.next = _table(slot - 1, tuple(map(ways.__getitem__, jumps)))
        case "br_on_null" | "br_on_non_null" | "br_on_cast" | "br_on_cast_fail":
            block.next = _on_reference(block, pc, slot - 1, _branch(code, jumps[0]))
        case "return" | "end":
            block.next = lambda r: None
            block.leave = _return(slot - plan.results, plan.results, code.weight)
        case "unreachable":
            block.next = _unreachable
        case _:
            from wasmarium.engines.interpreter.calls import leave_by

            block.next = lambda r: None
            leave_by(block, pc)


def _unreachable(r: Activation) -> Block | None:
    raise trap(TrapCode.UNREACHABLE)


def _if(slot: int, taken: Next, other: Block) -> Next:
    return lambda r: taken(r) if r[slot] else other


def _unless(slot: int, taken: Next, other: Block) -> Next:
    return lambda r: other if r[slot] else taken(r)


def _table(slot: int, targets: tuple[Next, ...]) -> Next:
    last = len(targets) - 1

    def choose(r: Activation) -> Block | None:
        index = r[slot]
        return targets[index if index < last else last](r)

    return choose


def _on_reference(block: Block, pc: int, slot: int, taken: Next) -> Next:
    plan = block.code.plan
    mnemonic = plan.rows[pc].mnemonic
    other = block.code.block(pc + 1)
    if mnemonic == "br_on_null":
        return lambda r: taken(r) if r[slot] is None else other
    if mnemonic == "br_on_non_null":
        return lambda r: other if r[slot] is None else taken(r)
    from wasmarium.engines.interpreter.helpers import matches
    from wasmarium.types import ReferenceType

    target = plan.immediates[pc][0].target.close(block.code.function.instance.types)
    assert isinstance(target, ReferenceType)
    wanted = mnemonic == "br_on_cast"
    return lambda r: taken(r) if matches(r[slot], target) is wanted else other


def _return(source: int, arity: int, weight: int) -> Leave:
    end = source + arity

    def leave(machine: Machine, r: Activation) -> Block | None:
        if not machine.callers:
            machine.finish(r[source:end])
            return None
        caller, following, slot = machine.callers.pop()
        if arity:
            caller[slot : slot + arity] = r[source:end]
        machine.values -= weight
        machine.r = caller
        return following

    return leave
