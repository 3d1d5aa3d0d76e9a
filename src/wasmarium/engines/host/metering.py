"""Fuel of guests that pay for themselves: where it is kept, and what is given back after a trap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmarium.binary.code import read_locals
from wasmarium.errors import Trap, TrapCode
from wasmarium.instrument.cutting import unreached
from wasmarium.instrument.fuel import MOST
from wasmarium.runtime.globals import GlobalInstance

if TYPE_CHECKING:
    from wasmarium.engines.host.engine import HostInstance

_SIGN = 1 << 63


class FuelTank:
    """The global that all guests of a store pay from; see :class:`~wasmarium.runtime.store.Meter`."""

    def __init__(self, variable: GlobalInstance) -> None:
        self.variable = variable
        self._reserve = 0
        """What is more than the global can hold."""

    def read(self) -> int:
        """How much is left."""
        value = self.variable.value
        return self._reserve if value >= _SIGN else value + self._reserve

    def write(self, fuel: int) -> None:
        """Let so much be left."""
        self._reserve = max(0, fuel - MOST)
        self.variable.value = fuel - self._reserve

    @property
    def overdrawn(self) -> bool:
        """Whether a guest has just trapped because it could not pay."""
        return bool(self.variable.value >= _SIGN)

    def settle(self, trapped: Trap, instance: HostInstance | None) -> Trap:
        """The trap that it was, once the books are right; ``instance`` is where it was."""
        value = self.variable.value
        if self.overdrawn:
            self.variable.value = 0
            return Trap(TrapCode.OUT_OF_FUEL.message, TrapCode.OUT_OF_FUEL, trapped.frames)
        pays = instance is not None and instance.rewritten.code is not None
        if pays and trapped.frames and trapped.code is not TrapCode.STACK_OVERFLOW:
            assert instance is not None
            self.variable.value = value + self._unreached(trapped, instance)
        return trapped

    def _unreached(self, trapped: Trap, instance: HostInstance) -> int:
        module, frame = instance.module, trapped.frames[0]
        number = -1 if frame.function_index is None else frame.function_index - module.imported_functions
        if frame.offset is None or not 0 <= number < len(module.codes):
            return 0
        start, end = module.codes[number]
        _, at = read_locals(module.data, start, end)
        return unreached(module.data[at:end], frame.offset - at)
