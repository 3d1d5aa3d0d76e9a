"""The protocol that every engine keeps.

A call is an :class:`Execution`: started with its arguments, it runs in pieces, and each piece ends
in an :data:`Outcome`. Suspension is a result, not an exception: ``Suspended``, ``OutOfFuel`` and
``Stopped`` can be resumed by calling ``run`` again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from wasmarium.errors import Frame, WasmariumError
from wasmarium.features import Features
from wasmarium.module import Module
from wasmarium.runtime import linking
from wasmarium.runtime.function import FunctionInstance, Pending
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.store import Store
from wasmarium.runtime.table import TableInstance
from wasmarium.runtime.values import Value
from wasmarium.types import GlobalType, MemoryType, TableType


@dataclass(frozen=True, slots=True)
class Finished:
    """The call returned these results."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Raised:
    """The call ended abnormally: a Trap (with its backtrace), a GuestExit, a GuestException, or
    whatever a host function raised, as the same object."""

    error: BaseException

    @property
    def deliberate(self) -> bool:
        """Whether it is one of wasmarium's own errors and not a fault of host code."""
        return isinstance(self.error, WasmariumError)


@dataclass(frozen=True, slots=True)
class Suspended:
    """A host function waits. Give its results to ``Execution.resume`` when they are there.

    ``goes_on``: not for anything outside. The guest goes on by itself once the event loop runs, and ``pending`` is
    over when it stands again."""

    pending: Pending
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class OutOfFuel:
    """The store's fuel is used up; add some and run again, or give up."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The budget of this piece is used up, or a stop was asked for; run again to go on."""


Outcome = Finished | Raised | Suspended | OutOfFuel | Stopped


@dataclass(frozen=True, slots=True)
class FrameState:
    """A look at one activation, innermost first in ``Execution.frames``.

    ``instance`` and ``function`` say what runs; ``frame`` where it stands (the instruction that is
    next, or for outer frames the call that waits). ``locals`` and ``operands`` are copies in the
    representation of ``runtime.values``; operands of outer frames are those below the arguments.
    """

    function: FunctionInstance
    frame: Frame
    locals: tuple[Value, ...]
    operands: tuple[Value, ...]


class Execution(Protocol):
    """A call under way. ``asks``: it runs in one piece, and its guest asks ``Store.is_over`` by itself."""

    asks: bool

    @property
    def executed(self) -> int:
        """Instructions executed so far (counted as fuel is: block, loop, end and so on are free)."""
        ...

    @property
    def spent(self) -> int:
        """Nanoseconds that the guest itself has run, where the engine knows that; else 0, and whoever calls ``run``
        can measure it."""
        ...

    @property
    def depth(self) -> int:
        """How many activations there are, as ``len(frames())`` would tell, without looking at them."""
        ...

    def run(self, budget: int | None = None) -> Outcome:
        """Go on until the call ends, waits, or has executed about ``budget`` instructions (None: no
        bound). Running on after Finished or Raised gives the same outcome again."""
        ...

    def step(self) -> Outcome:
        """Execute exactly one instruction (a call to a host function is one)."""
        ...

    def resume(self, values: Sequence[Value] | BaseException) -> None:
        """Answer Suspended: the results of the host function, or what it raised."""
        ...

    def frames(self) -> list[FrameState]:
        """The activations, innermost first; empty when the call has ended."""
        ...

    def close(self) -> None:
        """Give the call up. It is not to be used any more, and its guest does not go on."""
        ...


class Engine(Protocol):
    """A way to execute functions of instances, and to make what its guests can use."""

    name: str

    def instantiate(
        self, store: Store, module: Module, imports: Sequence[ExternalValue], name: str | None = None
    ) -> ModuleInstance:
        """See :func:`wasmarium.runtime.linking.instantiate`; the start function is left to the caller."""
        ...

    async def ready(self, store: Store, imports: Sequence[ExternalValue]) -> Any:
        """Return as soon as an instance with these imports can be made at once; something to keep until then."""
        ...

    def quick(self, function: FunctionInstance, slow: Callable[[Sequence[Any]], Any]) -> Callable[..., Any] | None:
        """A quick way to call ``function``, or None. It takes plain numbers, integers signed, and gives such
        a number or None; arguments that are not that simple are handed to ``slow``."""
        ...

    def memory(self, store: Store, type: MemoryType) -> MemoryInstance:
        """A new memory. Raises Exhausted beyond the limits of the store."""
        ...

    def table(self, store: Store, type: TableType, initial: Value) -> TableInstance:
        """A new table. Raises Exhausted beyond the limits of the store."""
        ...

    def global_variable(self, store: Store, type: GlobalType, value: Value) -> GlobalInstance:
        """A new global."""
        ...

    def fallback(self, module: Module) -> str | None:
        """Why instances of ``module`` run on the interpreter instead, or None."""
        ...

    def vouches(self, module: Module, features: Features) -> bool:
        """Whether what will execute ``module``, of which only the structure was read, has validated all of it by
        itself. If not, whoever asks has to, before anything of it is instantiated."""
        ...

    def leave(self, store: Store) -> None:
        """Nothing of ``store`` is to run any more, and what runs of it elsewhere is ended."""
        ...

    def hurry(self) -> None:
        """``Store.is_over`` may say something else now: guests that run are to look soon."""
        ...

    def start(self, function: FunctionInstance, arguments: Sequence[Value]) -> Execution:
        """Begin a call; ``arguments`` must match the function's type already."""
        ...


class InPython:
    """The part of an engine that makes things, where memories and the rest are Python's own objects."""

    def instantiate(
        self, store: Store, module: Module, imports: Sequence[ExternalValue], name: str | None = None
    ) -> ModuleInstance:
        """See :class:`Engine`, also for the rest."""
        return linking.instantiate(store, module, imports, None, name)

    async def ready(self, store: Store, imports: Sequence[ExternalValue]) -> Any:
        """At once."""

    def quick(self, function: FunctionInstance, slow: Callable[[Sequence[Any]], Any]) -> Callable[..., Any] | None:
        """None."""
        return None

    def memory(self, store: Store, type: MemoryType) -> MemoryInstance:
        """A new memory, watched if the store wants that."""
        memory = MemoryInstance(type, store.limits)
        if store.watch:
            memory.watch()
        return memory

    def table(self, store: Store, type: TableType, initial: Value) -> TableInstance:
        """A new table."""
        return TableInstance(type, initial, store.limits)

    def global_variable(self, store: Store, type: GlobalType, value: Value) -> GlobalInstance:
        """A new global."""
        return GlobalInstance(type, value)

    def fallback(self, module: Module) -> str | None:
        """None."""
        return None

    def vouches(self, module: Module, features: Features) -> bool:
        """No."""
        return False

    def leave(self, store: Store) -> None:
        """Nothing: it runs nowhere else."""

    def hurry(self) -> None:
        """Nothing: whoever runs the guest looks between two pieces."""


_MANY_FRAMES = 30
"""Frames of engines that no program has on its stack which is not lost in a recursion: each call has a few."""


def recursion_of_its_own(error: RecursionError) -> bool:
    """Whether an error that came out of a host function is that function's own; else guests and host functions that
    call one another have used up Python's stack, and where that is noticed says nothing."""
    frames = 0
    traceback = error.__traceback__
    while traceback is not None:
        name = str(traceback.tb_frame.f_globals.get("__name__"))
        frames += name.startswith("wasmarium.engines.")
        traceback = traceback.tb_next
    return frames < _MANY_FRAMES
