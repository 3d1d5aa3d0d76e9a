"""Constant expressions (specification, section 3.4.14)."""

from __future__ import annotations

from typing import Any

from wasmarium.binary.code import instructions
from wasmarium.errors import Location
from wasmarium.instructions.immediates import I32_CONST, I64_CONST
from wasmarium.instructions.table import INSTRUCTIONS, Instruction
from wasmarium.module import Expression
from wasmarium.types import ValueType
from wasmarium.validation import diagnostics
from wasmarium.validation.code import RULES
from wasmarium.validation.context import Context, look
from wasmarium.validation.machine import NOTHING, Machine

_EXTENDED = [f"{number}.{name}" for number in ("i32", "i64") for name in ("add", "sub", "mul")]
_OTHERS = (
    "ref.null ref.func global.get struct.new struct.new_default array.new array.new_default array.new_fixed"
    " ref.i31 any.convert_extern extern.convert_any end"
)
CONSTANT = dict.fromkeys(_EXTENDED, "extended-const") | dict.fromkeys(_OTHERS.split(), "mvp")
"""Instructions that may be in constant expressions, and the feature that lets them in.

All instructions of kind "const" may be, too.
"""

_INTEGERS = {row.results[0]: row.opcode for row in INSTRUCTIONS if row.immediates in ((I32_CONST,), (I64_CONST,))}


def _is_one_constant(data: bytes, expression: Expression, expected: ValueType) -> bool:
    """Whether an expression is but an integer of this type, as those of data segments are."""
    if data[expression.start] != _INTEGERS.get(expected):
        return False
    position = expression.start + 1
    while data[position] >= 0x80:
        position += 1
    # The decoder has read the number, so it is well formed; only the end follows.
    return position + 2 == expression.end


class ConstantValidator(Machine):
    """Validates constant expressions of one section after the other."""

    declares = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._place = Location()

    def here(self) -> Location:
        return self._place

    def validate(self, expression: Expression, expected: ValueType, section: str) -> None:
        """Check that ``expression``, which stands in ``section``, is constant and of this type."""
        context = self.context
        if _is_one_constant(context.module.data, expression, expected):
            return
        self.stack.clear()
        self.frames.clear()
        self.open("constant", ([], [expected]))
        found = instructions(context.module.data, expression.start, expression.end, context.features)
        for index, (offset, row, immediates) in enumerate(found):
            self._place = Location(section=section, instruction=index, mnemonic=row.mnemonic, offset=offset)
            self._check_constant(row, immediates)
            signature = RULES[row](self, row, *immediates)
            if signature is not NOTHING:
                self.apply(signature)
        # The decoder found the end by the ``end`` that closes the expression, so nothing is open.

    def _check_constant(self, row: Instruction, immediates: tuple[Any, ...]) -> None:
        if row.kind == "const":
            return
        feature = CONSTANT.get(row.mnemonic)
        if feature is None:
            raise diagnostics.not_constant(self.here())
        self.context.need(feature, f"{row.mnemonic} in a constant expression", self.here)
        if row.mnemonic != "global.get":
            return
        index: int = immediates[0]
        if look(self.context.globals, "global", index, self.here).mutable:
            raise diagnostics.not_constant(self.here(), f"of global {index}, which is mutable,")
        if index >= self.context.imported_globals and "gc" not in self.context.features:
            raise diagnostics.not_constant(self.here(), f"of global {index}, which is not imported,")
