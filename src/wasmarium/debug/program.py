"""A program of Go's for JavaScript in a session: calls, one after the other, and waits between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wasmarium.debug.waiting import Wait, Waiter
from wasmarium.errors import WasmError
from wasmarium.gojs import Program, World
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.values import Value


class GoProgram:
    """Drives the program; ``call`` is what it wants to be called next, or None while it waits; ``for_input``
    tells whether for input, among others. Raises WasmError for an instance that is no such program."""

    def __init__(self, world: World, instance: ModuleInstance, for_input: Callable[[], bool]) -> None:
        memory = instance.exports.get("mem")
        if not isinstance(memory, MemoryInstance):
            raise WasmError("this is no program of Go for JavaScript: it exports no memory as mem")
        self.for_input = for_input
        self._exports = instance.exports
        self._finished = 0
        self._wanted = 0
        self.call: tuple[FunctionInstance, Sequence[Value]] | None = None
        self.waiter = Waiter(Program(world, GuestMemory(memory), self._request).run())

    async def _request(self, name: str, *arguments: int) -> None:
        function = self._exports.get(name)
        if not isinstance(function, FunctionInstance) or len(function.type.parameters) != len(arguments):
            raise WasmError(f"this is no program of Go for JavaScript: it exports no function {name} as Go does")
        self.call = function, arguments
        self._wanted += 1
        number = self._wanted
        await Wait(lambda: self._finished >= number, lambda: None)

    def finished(self) -> None:
        """The call has returned."""
        self.call = None
        self._finished += 1

    def over(self) -> bool:
        """Whether the program has ended; else it wants a call, or waits. Raises what it ended with."""
        if not self.waiter.over():
            return False
        if self.waiter.error is not None:
            raise self.waiter.error
        return True

    def close(self) -> None:
        """Give it up."""
        self.waiter.close()
