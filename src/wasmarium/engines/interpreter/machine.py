"""The machine: activations on an explicit stack, run block by block.

Its whole state is data: the activation ``r`` (locals and operand slots), the block it is in and how
many of its steps are done, and the callers. Between blocks, and in a block between steps, it can be
stopped, looked at and resumed. Guest calls never use Python's own stack.

Traps come as exceptions out of a block; which instruction it was is read off the traceback, so that
knowing it costs nothing while nothing goes wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from types import TracebackType

from wasmarium.engines.base import (
    Finished,
    FrameState,
    Outcome,
    OutOfFuel,
    Raised,
    Stopped,
    Suspended,
    recursion_of_its_own,
)
from wasmarium.engines.interpreter.blocks import STEPS_CODE, Activation, Block, build
from wasmarium.engines.interpreter.calls import Thrown, enter
from wasmarium.engines.interpreter.plan import RETURN
from wasmarium.errors import Crash, Frame, GuestException, Trap, TrapCode, WasmariumError, trap
from wasmarium.runtime.function import FunctionInstance, HostFunction, Pending, WasmFunction
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.tag import ExceptionInstance
from wasmarium.runtime.values import Value

Caller = tuple[Activation, Block, int]
"""An activation that waits for a call: its block to go on with, and the slot for the results."""

_NO_BOUND = 1 << 62


class Machine:
    """An :class:`~wasmarium.engines.base.Execution` of the interpreter."""

    asks = False
    spent = 0

    def __init__(self, function: FunctionInstance, arguments: Sequence[Value]) -> None:
        self.r: Activation = []
        self.callers: list[Caller] = []
        self.values = 0
        """What the activations weigh, see ``Code.weight``; at most ``most_values``."""
        self.entered: Block | None = None
        """Where compiled code has gone on in another activation, which is then ``r``."""
        self.executed = 0
        self._function = function
        self._block: Block | None = None
        self._done = 0
        """How many steps of the present block are done; 0 unless stopped within it."""
        self._outcome: Outcome | None = None
        self._waiting: tuple[Block, int] | Pending | None = None
        self._answer: Sequence[Value] | BaseException | None = None
        self._host_name: str | None = None
        if isinstance(function, WasmFunction):
            limits = function.instance.store.limits
            self.most_values = limits.stack_values
            self._store = function.instance.store
            try:
                self._block = enter(self, function, list(arguments))
            except WasmariumError as error:
                self._outcome = Raised(error)
        else:
            assert isinstance(function, HostFunction)
            self._call_outermost(function, arguments)

    def _call_outermost(self, function: HostFunction, arguments: Sequence[Value]) -> None:
        try:
            results = function.code(None, arguments)
        except BaseException as error:
            self._outcome = Raised(error)
            return
        if isinstance(results, Pending):
            self._waiting = results
            self._outcome = Suspended(results)
        else:
            self._outcome = Finished(tuple(results))

    # ---- running ----

    def run(self, budget: int | None = None) -> Outcome:
        """Go on; see :class:`~wasmarium.engines.base.Execution`."""
        outcome = self._settle()
        if outcome is not None:
            return outcome
        if budget is None:
            budget = _NO_BOUND
        if self._done:
            outcome = self._finish_block()
            if outcome is not None:
                return outcome
        end = self.executed + budget
        while True:
            outcome = self._run_blocks(budget)
            if outcome is not None:
                return outcome
            # A handler caught an exception; throwing and catching without end has to stop too.
            budget = end - self.executed
            if budget <= 0:
                return Stopped()

    def _settle(self) -> Outcome | None:
        """What stands already: the end of the call, or a wait that nobody has answered."""
        outcome = self._outcome
        if isinstance(outcome, Finished | Raised):
            return outcome
        if isinstance(outcome, Suspended):
            if self._answer is None:
                return outcome
            answer, self._answer, self._outcome = self._answer, None, None
            return self._take_answer(answer, outcome.pending.of_guest)
        self._outcome = None
        return None

    def _take_answer(self, answer: Sequence[Value] | BaseException, of_guest: bool) -> Outcome | None:
        waiting, self._waiting = self._waiting, None
        if isinstance(answer, BaseException):
            return self._raised(_from_outside(answer, "", of_guest))
        if isinstance(waiting, tuple):
            following, slot = waiting
            self.r[slot : slot + len(answer)] = answer
            self._block = following
            return None
        self._outcome = Finished(tuple(answer))
        return self._outcome

    def _run_blocks(self, budget: int) -> Outcome | None:
        store = self._store
        fuel = store.fuel
        room = budget if fuel is None or fuel > budget else fuel
        left = room
        block = self._block
        assert block is not None
        if block.cost > room and (fuel is None or fuel >= block.cost):
            # However small the budget, a piece gets somewhere.
            left = room = block.cost
        current = block
        r = self.r
        try:
            while True:
                left -= block.cost
                if left < 0:
                    left += block.cost
                    self._block = block
                    break
                current = block
                following = block.run(r, self)
                if following is not None:
                    block = following
                    continue
                following = self.entered
                if following is not None:
                    self.entered = None
                    r = self.r
                    block = following
                    continue
                if current.host:
                    # What the host sees, and uses, of fuel must be right.
                    self.executed += room - left
                    if store.fuel is not None:
                        store.fuel -= room - left
                    room = left
                assert current.leave is not None
                self._block = current
                following = current.leave(self, r)
                if following is None:
                    self._block = current
                    break
                r = self.r
                block = following
                if current.host and store.fuel is not None:
                    room = left = min(left, store.fuel)
        except Exception as error:
            self._block = current
            pc = self._instruction(current, error.__traceback__)
            self._spend(room - left - _not_reached(current, pc))
            return self._raised(error, pc)
        except BaseException as error:
            # KeyboardInterrupt and the like: the state within the block is not known any more.
            self._block = current
            self._spend(room - left)
            self._outcome = Raised(error)
            raise
        self._spend(room - left)
        if self._outcome is not None:
            return self._outcome
        if store.fuel is not None and store.fuel < block.cost:
            return OutOfFuel()
        return Stopped()

    def _spend(self, count: int) -> None:
        self.executed += count
        if self._store.fuel is not None:
            self._store.fuel = max(0, self._store.fuel - count)

    @property
    def weight(self) -> int:
        """What the present activation weighs."""
        assert self._block is not None
        return self._block.code.weight

    def finish(self, values: list[Value]) -> None:
        """The outermost function returned."""
        self._outcome = Finished(tuple(values))

    # ---- stepping ----

    def step(self) -> Outcome:
        """Execute one instruction; see :class:`~wasmarium.engines.base.Execution`."""
        outcome = self._settle()
        if outcome is not None:
            return outcome
        block = self._built()
        done = self._done
        in_block = done < len(block.steps)
        cost = block.costs[done] if in_block else block.cost - sum(block.costs)
        if self._store.fuel is not None and self._store.fuel < cost:
            return OutOfFuel()
        self._spend(cost)
        try:
            if in_block:
                block.steps[done](self.r)
                self._done = done + 1
            else:
                self._go(block)
        except Exception as error:
            pc = block.pcs[done] if in_block else block.last
            self._done = 0
            return self._raised(error, pc) or Stopped()
        return self._outcome if self._outcome is not None else Stopped()

    def _go(self, block: Block) -> None:
        """Execute what ends the block."""
        self._done = 0
        following = block.next(self.r)
        if following is None:
            assert block.leave is not None
            following = block.leave(self, self.r)
        if following is not None:
            self._block = following

    def _built(self) -> Block:
        """The present block, built, with an instruction of its own left to execute."""
        block = self._block
        assert block is not None
        while True:
            if not block.built:
                build(block)
            if not block.falls or self._done < len(block.steps):
                return block
            if not block.steps:
                # The entry of a function that begins with a loop.
                self._spend(block.cost)
            following = block.next(self.r)
            assert following is not None
            self._block = block = following
            self._done = 0

    def _finish_block(self) -> Outcome | None:
        """Step to the end of a block that was stopped within."""
        while self._done:
            block = self._block
            assert block is not None
            if block.falls and self._done == len(block.steps):
                self._built()
                break
            outcome = self.step()
            if not isinstance(outcome, Stopped):
                return outcome
        return None

    # ---- calls to the host ----

    def call_host(self, function: HostFunction, arguments: list[Value], following: Block, slot: int) -> Block | None:
        """Call ``function`` from the present activation; its results go to ``slot``."""
        assert self._block is not None
        results = self._invoke(function, self._block.code.function.instance, arguments)
        if isinstance(results, Pending):
            self.suspend(results, following, slot)
            return None
        self.r[slot : slot + len(results)] = results
        return following

    def suspend(self, pending: Pending, following: Block, slot: int) -> None:
        """Wait for ``pending``; then its results go to ``slot`` and the call goes on with ``following``."""
        self._waiting = (following, slot)
        self._outcome = Suspended(pending)

    def tail_call_host(self, function: HostFunction, arguments: list[Value]) -> Block | None:
        """Call ``function`` in place of the present activation."""
        assert self._block is not None
        results = self._invoke(function, self._block.code.function.instance, arguments)
        if not self.callers:
            if isinstance(results, Pending):
                self._waiting = results
                self._outcome = Suspended(results)
            else:
                self.finish(list(results))
            return None
        self.r, following, slot = self.callers.pop()
        if isinstance(results, Pending):
            self.suspend(results, following, slot)
            return None
        self.r[slot : slot + len(results)] = results
        return following

    def _invoke(
        self, function: HostFunction, instance: ModuleInstance, arguments: list[Value]
    ) -> Sequence[Value] | Pending:
        try:
            return function.code(instance, arguments)
        except RecursionError as error:
            if recursion_of_its_own(error):
                raise _from_outside(error, function.name, function.of_guest) from None
            # Guest and host calling one another without end use up Python's stack, not ours.
            raise trap(TrapCode.STACK_OVERFLOW) from None
        except BaseException as error:
            raise _from_outside(error, function.name, function.of_guest) from None

    def resume(self, values: Sequence[Value] | BaseException) -> None:
        """Answer Suspended; see :class:`~wasmarium.engines.base.Execution`."""
        if not isinstance(self._outcome, Suspended):
            raise Crash("resume was called on an execution that does not wait")
        self._answer = values

    def close(self) -> None:
        """See :class:`~wasmarium.engines.base.Execution`."""
        self._outcome = Raised(Crash("the call was given up"))

    # ---- what goes wrong ----

    def _instruction(self, block: Block, traceback: TracebackType | None) -> int:
        """The instruction at which ``block`` raised."""
        while traceback is not None:
            frame = traceback.tb_frame
            if frame.f_code is block.compiled:
                return block.lines[traceback.tb_lineno]
            if frame.f_code is STEPS_CODE:
                step = frame.f_locals.get("step")
                inner = traceback.tb_next
                if inner is not None and step is not None and inner.tb_frame.f_code is step.__code__:
                    return block.pcs[block.steps.index(step)]
                return block.last
            traceback = traceback.tb_next
        return block.last

    def _raised(self, error: BaseException, pc: int | None = None) -> Outcome | None:
        """The end of the call by ``error``, or None where a handler of the guest takes it and the call goes on."""
        if isinstance(error, _FromGuest):
            error = error.error
            error.frames = (*error.frames, *self._backtrace(pc))
        elif isinstance(error, _FromHost):
            self._host_name = error.name
            error = error.error
            if isinstance(error, GuestException) and isinstance(error.exception, ExceptionInstance):
                error = Thrown(error.exception)
        if isinstance(error, Thrown):
            if self._handle(error.exception, pc):
                # Where the handler's label is the body of the outermost function, that was the end.
                return self._outcome
            error = GuestException(error.exception)
        elif isinstance(error, _MEMORY_ERRORS) and self._host_name is None:
            error = trap(TrapCode.MEMORY_OUT_OF_BOUNDS)
        elif isinstance(error, MemoryError) and self._host_name is None:
            error = trap(TrapCode.ALLOCATION_TOO_LARGE)
        if isinstance(error, Trap) and not error.frames:
            error.frames = self._backtrace(pc)
        error.__traceback__ = error.__traceback__ if self._host_name is not None else None
        self._host_name = None
        self._outcome = Raised(error)
        return self._outcome

    def _handle(self, exception: ExceptionInstance, pc: int | None) -> bool:
        """Look for a handler, in this activation and then in its callers; True where one took it."""
        self._host_name = None
        block = self._block
        assert block is not None
        at = block.last if pc is None else pc
        while True:
            code = block.code
            tags = code.function.instance.tags
            for handler in code.plan.handlers_at(at):
                for tag, with_reference, jump, keep in handler.clauses:
                    if tag is not None and tags[tag] is not exception.tag:
                        continue
                    values = list(exception.fields) if tag is not None else []
                    if with_reference:
                        values.append(exception)
                    self._done = 0
                    if keep is not None:
                        self.r[code.plan.kept(keep)] = exception
                    if jump.target == RETURN:
                        self._return(values)
                    else:
                        slot = jump.destination
                        self.r[slot : slot + len(values)] = values
                        self._block = code.block(jump.target)
                    return True
            if not self.callers:
                return False
            self.values -= code.weight
            self.r, block, _ = self.callers.pop()
            self._block = block
            at = block.pc - 1

    def _return(self, values: list[Value]) -> None:
        if not self.callers:
            self.finish(values)
            return
        self.values -= self.weight
        self.r, self._block, slot = self.callers.pop()
        self.r[slot : slot + len(values)] = values

    # ---- looking ----

    @property
    def depth(self) -> int:
        """How many activations there are; see :class:`~wasmarium.engines.base.Execution`."""
        return 0 if self._block is None or isinstance(self._outcome, Finished) else len(self.callers) + 1

    def _place(self, block: Block, pc: int) -> Frame:
        function, plan = block.code.function, block.code.plan
        module = function.instance.module
        pc = min(pc, len(plan.rows) - 1)
        offset = plan.offsets[pc]
        start = module.codes[function.index - module.imported_functions].start
        return Frame(
            function.index,
            module.names.functions.get(function.index),
            function.instance.name or module.names.module,
            pc,
            plan.rows[pc].mnemonic,
            offset,
            offset - start,
            module.exported_functions.get(function.index),
        )

    def _backtrace(self, pc: int | None) -> tuple[Frame, ...]:
        frames: list[Frame] = []
        if self._host_name is not None:
            frames.append(Frame(None, self._host_name or None))
        block = self._block
        if block is not None:
            frames.append(self._place(block, block.last if pc is None else pc))
            # A recursion without end would print thousands of lines: the outermost stay out.
            for _, following, _ in reversed(self.callers[-_MOST_FRAMES:]):
                frames.append(self._place(following, following.pc - 1))
        return tuple(frames)

    def frames(self) -> list[FrameState]:
        """The activations, innermost first; see :class:`~wasmarium.engines.base.Execution`."""
        if self._block is None or isinstance(self._outcome, Finished):
            return []
        block = self._block if isinstance(self._outcome, Suspended | Raised) else self._built()
        if isinstance(self._outcome, Suspended) or self._done >= len(block.pcs):
            pc = block.last
        else:
            pc = block.pcs[self._done]
        states = [self._state(block, pc, self.r, block.code.plan.slots[pc])]
        for r, following, slot in reversed(self.callers):
            states.append(self._state(following, following.pc - 1, r, slot))
        return states

    def _state(self, block: Block, pc: int, r: Activation, top: int) -> FrameState:
        count = block.code.plan.locals
        return FrameState(
            block.code.function, self._place(block, pc), tuple(r[:count]), tuple(r[count : max(top, count)])
        )


def _from_outside(error: BaseException, name: str, of_guest: bool) -> _FromGuest | _FromHost:
    if of_guest and isinstance(error, Trap) and error.frames:
        return _FromGuest(error)
    return _FromHost(error, name)


def _not_reached(block: Block, pc: int) -> int:
    """The fuel of a block that was charged for what stands behind instruction ``pc``, where it raised."""
    rest = sum(cost for at, cost in zip(block.pcs, block.costs, strict=True) if at > pc)
    if pc < block.last:
        rest += block.cost - sum(block.costs)
    return rest


_MEMORY_ERRORS = (struct.error, IndexError, OverflowError)
"""What Python raises for an access outside a bytearray; nothing else in a block can raise them."""

_MOST_FRAMES = 256


class _FromGuest(Exception):
    """A trap of a guest that another engine runs, with the backtrace up to here."""

    def __init__(self, error: Trap) -> None:
        super().__init__()
        self.error = error


class _FromHost(Exception):
    """Something that a host function raised: it must come out as it is, not as a trap of ours."""

    def __init__(self, error: BaseException, name: str) -> None:
        super().__init__()
        self.error = error
        self.name = name
