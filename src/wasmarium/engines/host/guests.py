"""The guests of a store that run in one thread, and what it means when they fail."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wasmarium.engines.host.interruption import POLL
from wasmarium.engines.host.traps import Lookup, a_table_is_too_small, backtrace, make_trap
from wasmarium.errors import Exhausted, Frame, Trap, TrapCode, WasmError, trap

if TYPE_CHECKING:
    from wasmarium.engines.host.engine import HostInstance
    from wasmarium.engines.host.metering import FuelTank

Noted = tuple[BaseException, "str | None"]
"""What a host function has raised, and the name of that function; None for a guest's that another engine runs."""


class Guests(ABC):
    """See above."""

    def __init__(self) -> None:
        self.instances: list[weakref.ref[HostInstance]] = []
        self.tank: FuelTank | None = None
        """What guests pay from, if they do."""

    @abstractmethod
    def cannot_tell_null(self, message: str) -> bool:
        """Whether the host says the same of a null function and of one of another type."""

    def trapped(self, kind: str, message: str, stack: str) -> Trap:
        """The trap for an error of the host."""
        found: list[HostInstance] = []
        made = make_trap(kind, message, stack, self._lookup(found))
        # the first instance that was looked up is where the trap was
        instance = found[0] if found else None
        if instance is not None:
            made = instance.explained(made, stack)
        if self.tank is not None:
            made = self.tank.settle(made, instance)
        if (
            made.code is TrapCode.BAD_SIGNATURE
            and instance is not None
            and self.cannot_tell_null(message)
            and not instance.calls_full_table(made.frames[0])
        ):
            code = TrapCode.INDIRECT_CALL_TO_NULL
            return Trap(code.message, code, made.frames)
        return made

    def placed(self, noted: Noted, stack: str) -> BaseException:
        """The trap of a host function with the frames of its callers too."""
        error, name = noted
        assert isinstance(error, Trap)
        host = () if name == POLL else (Frame(None, name or None),)
        inner = error.frames if name is None else host
        error.frames = (*inner, *backtrace(stack, self._lookup([])))
        return error

    def interrupted(self, stack: str) -> Trap:
        """The trap for a guest that was stopped."""
        return Trap(TrapCode.INTERRUPT.message, TrapCode.INTERRUPT, tuple(backtrace(stack, self._lookup([]))))

    def refusal(
        self, instance: HostInstance, kind: str, message: str, failure: Callable[[], BaseException]
    ) -> BaseException:
        """Why the host did not make an instance; ``failure`` is that if it is an error of the guest."""
        if kind == "overflow":
            return Exhausted(f"no room for the instance: {message}")
        if kind == "link":
            return WasmError(f"the host refuses the imports: {message}")
        error = failure()
        if isinstance(error, Trap) and error.code is TrapCode.MEMORY_OUT_OF_BOUNDS and a_table_is_too_small(instance):
            return trap(TrapCode.TABLE_OUT_OF_BOUNDS)
        return error

    def _lookup(self, found: list[HostInstance]) -> Lookup:
        """``found`` gets the instances that were looked up."""

        def lookup(number: int) -> Any:
            for reference in self.instances:
                instance = reference()
                if instance is not None and instance.number == number:
                    found.append(instance)
                    return instance.module, instance.name, instance.rewritten.original_offset
            return None

        return lookup


def has_all_frames(noted: Noted) -> bool:
    """Whether an error comes out of the guests as it is: only a trap tells where it was."""
    error, name = noted
    return not (isinstance(error, Trap) and (not error.frames or name is None))
