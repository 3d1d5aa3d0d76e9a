"""The abstract machine of validation: a stack of types and a stack of blocks.

It is the algorithm of the specification's appendix with the unknown types made part of the stack:
each block has a *floor* on the operand stack that its own operands stand on. Popping reaches either
:data:`FLOOR`, which means that there are too few operands, or :data:`ABYSS`, which code that cannot
be reached stands on and out of which operands of any type come. So a pop looks at one value to know
all, and an instruction whose operands are as they should be never asks about blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from wasmarium.errors import Invalid, Location
from wasmarium.types import (
    BOTTOM,
    AbstractHeapType,
    ReferenceType,
    ValueType,
    matches_value,
)
from wasmarium.validation import diagnostics
from wasmarium.validation.context import Context, Signature, Types

FLOOR = ValueType("nothing", None)
ABYSS = ValueType("anything", None)
BOTTOM_REFERENCE = ReferenceType(False, AbstractHeapType("bot", 0, "any", "none", "", "gc"))
"""A reference out of unreachable code: it matches every reference type, and no other type."""

MAXIMUM_OPERANDS = 1_000_000

NOTHING: Signature = ([], [])

Rule = Callable[..., Signature]
"""The rule of an instruction: called with the machine, the instruction's row and its immediates.

It returns the type that the instruction has there, for the caller to apply. Rules of control
instructions work on the stacks themselves and return NOTHING.
"""


class Frame(NamedTuple):
    """An open block. ``opcode`` is the mnemonic of what opened this part of it (if, else, catch).

    ``label`` is what a branch to it carries, ``height`` where its floor stands on the operand stack,
    ``set_locals`` how many locals had been set before it.
    """

    opcode: str
    label: Types
    parameters: Types
    results: Types
    height: int
    set_locals: int


new_frame = partial(tuple.__new__, Frame)
"""A frame from a tuple of its six fields, without a call in Python."""


def matches(sub: ValueType, sup: ValueType) -> bool:
    """Whether a closed ``sub`` may stand where ``sup`` is expected, unreachable code included."""
    return matches_value(sub, sup) or (sub is BOTTOM_REFERENCE and isinstance(sup, ReferenceType))


class Machine:
    """The two stacks and how rules use them. ``here`` says where an error is."""

    declares = False
    """Whether a ``ref.func`` here declares its function, as in a constant expression."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.stack: Types = []
        self.frames: list[Frame] = []
        self.locals: Sequence[ValueType] = ()
        self.parameters = 0
        """How many of the locals are parameters, which always have a value."""
        self.set_locals: dict[int, None] = {}
        """The locals without a default that have a value here, in the order in which they got it."""

    def here(self) -> Location:
        """The place of the instruction that is being validated."""
        raise NotImplementedError

    # ---- operands ----

    def pop(self) -> ValueType:
        """The topmost operand, of whatever type; BOTTOM in unreachable code."""
        value = self.stack[-1]
        if value is ABYSS:
            return BOTTOM
        if value is FLOOR:
            raise diagnostics.type_mismatch(self.here(), "a value", "nothing")
        return self.stack.pop()

    def expect(self, expected: ValueType) -> ValueType:
        """Pop an operand that must match ``expected``; the type that it has."""
        stack = self.stack
        value = stack[-1]
        if value is expected:
            return stack.pop()
        if value is ABYSS:
            return BOTTOM
        if value is FLOOR or not matches(value, expected):
            raise self.mismatch(expected, value)
        return stack.pop()

    def mismatch(self, expected: ValueType, found: ValueType) -> Invalid:
        """The diagnostic that another type was expected."""
        name = self.context.name
        return diagnostics.type_mismatch(self.here(), name(expected), name(found))

    def expect_all(self, expected: Types) -> None:
        """Pop operands that must match these types, the last one on top."""
        if not expected:
            return
        stack = self.stack
        if stack[-len(expected) :] == expected:
            del stack[-len(expected) :]
            return
        for value in reversed(expected):
            if stack[-1] is ABYSS:
                break
            self.expect(value)

    def expect_reference(self) -> ReferenceType:
        """Pop an operand that must be a reference."""
        value = self.pop()
        if value is BOTTOM:
            return BOTTOM_REFERENCE
        if not isinstance(value, ReferenceType):
            raise diagnostics.type_mismatch(self.here(), "a reference", self.context.name(value))
        return value

    def check_all(self, expected: Types) -> None:
        """Check that the topmost operands match, and leave them there with the types expected."""
        stack = self.stack
        if expected and stack[-len(expected) :] != expected:
            self.expect_all(expected)
            stack.extend(expected)

    def look_at_all(self, expected: Types) -> None:
        """Check that the topmost operands match, and leave them there as they are."""
        stack = self.stack
        if expected and stack[-len(expected) :] != expected:
            # What stands on the floor of this block is all that can be popped.
            kept = stack[max(self.frames[-1].height + 1, len(stack) - len(expected)) :]
            self.expect_all(expected)
            stack.extend(kept)

    def apply(self, signature: Signature) -> None:
        """Pop the parameters and push the results of an instruction."""
        parameters, results = signature
        stack = self.stack
        if parameters:
            if stack[-len(parameters) :] == parameters:
                del stack[-len(parameters) :]
            else:
                self.expect_all(parameters)
        if results:
            stack += results
            if len(stack) > MAXIMUM_OPERANDS:
                raise diagnostics.too_many_operands(self.here(), MAXIMUM_OPERANDS)

    # ---- blocks ----

    def open(self, opcode: str, signature: Signature) -> None:
        """Open a block; its parameters are taken from the enclosing one."""
        parameters, results = signature
        if parameters:
            self.expect_all(parameters)
        stack = self.stack
        label = parameters if opcode == "loop" else results
        self.frames.append(new_frame((opcode, label, parameters, results, len(stack), len(self.set_locals))))
        stack.append(FLOOR)
        if parameters:
            stack.extend(parameters)

    def close(self) -> Frame:
        """Close the innermost block (or part of one): its results must be there and nothing else.

        Neither they nor its floor remain on the stack.
        """
        frame = self.frames[-1]
        _, _, _, results, height, set_locals = frame
        self.expect_all(results)
        stack = self.stack
        if len(stack) != height + 1:
            raise diagnostics.operands_left(
                self.here(), self.context.names(results), self.context.names(stack[height + 1 :] + results)
            )
        stack.pop()
        self.frames.pop()
        while len(self.set_locals) > set_locals:
            self.set_locals.popitem()
        return frame

    def unreachable(self) -> None:
        """What follows in this block is never executed."""
        height = self.frames[-1].height
        del self.stack[height:]
        self.stack.append(ABYSS)

    def label(self, depth: int) -> Types:
        """What a branch to the label ``depth`` carries."""
        frames = self.frames
        if depth >= len(frames):
            raise diagnostics.unknown(self.here(), "label", depth)
        return frames[-1 - depth].label

    def block_type(self, block: ValueType | int | None) -> Signature:
        """The type of a block (section 3.2.8)."""
        if block is None:
            return NOTHING
        context = self.context
        if isinstance(block, int):
            if "multi-value" not in context.features:
                raise diagnostics.feature_needed(self.here(), "a block with a type index", "multi-value")
            return context.function_type(block, self.here)
        return [], [context.close(block, self.here)]
