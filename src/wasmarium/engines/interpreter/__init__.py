"""The interpreter: complete, portable, and able to stop after any instruction.

Its representation, from which the rest follows: an activation is one Python list, locals first and
then a slot for each operand; validated code tells the slot of every operand in advance
(``plan``). Instructions are closures over slot numbers, grouped in basic blocks (``blocks``); blocks
that run often are compiled to Python functions (``compiled``). The ``machine`` keeps the calls on
a list of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from wasmarium.engines.base import Execution, InPython
from wasmarium.engines.interpreter.machine import Machine
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.values import Value

__all__ = ["Interpreter"]


class Interpreter(InPython):
    """The engine that runs everywhere; see :class:`~wasmarium.engines.base.Engine`."""

    name = "interpreter"

    def start(self, function: FunctionInstance, arguments: Sequence[Value]) -> Execution:
        """Begin a call of ``function``."""
        return Machine(function, arguments)
