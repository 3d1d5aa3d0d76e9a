"""Function instances (specification, section 4.2.6): those of a module and those of the host."""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from wasmarium.runtime.frames import Framed
from wasmarium.runtime.values import Value
from wasmarium.types import DefinedType, FunctionType

if TYPE_CHECKING:
    from wasmarium.runtime.instance import ModuleInstance
    from wasmarium.runtime.memory import MemoryInstance


@dataclass(frozen=True, slots=True)
class Pending:
    """What a host function returns when it must wait: the guest is suspended, not the thread.

    When ``awaitable`` is done, its result goes through ``finish``, which gives the results of the
    call (or raises, as the host function itself might have). ``of_guest``: see :class:`HostFunction`.
    """

    awaitable: Awaitable[Any]
    finish: Callable[[Any], Sequence[Value]]
    of_guest: bool = False


HostCode = Callable[["ModuleInstance | None", Sequence[Value]], "Sequence[Value] | Pending"]
"""The code of a host function: it gets the calling instance (None when the host itself calls) and
the arguments, and returns the results or Pending. It may raise Trap, GuestExit, or anything else,
which comes out of the guest as the same object."""


class Lent:
    """Bytes that a function lends: what guests would ask for next, and may have without asking.

    ``buffer`` begins with three numbers of 32 bits: the number of the stream that they belong to, plus one (0: none is
    lent); how many were taken, and how many there are; then come the bytes. Who lends sets ``take_back``, which ends
    it and is called before anything else may happen to the stream.
    """

    __slots__ = ("buffer", "take_back")

    HEAD = 16
    """Where the bytes begin."""

    def __init__(self, buffer: bytearray) -> None:
        self.buffer = buffer
        self.take_back: Callable[[], None] = _nothing

    def give(self, stream: int, content: bytes, take_back: Callable[[], None]) -> None:
        """Lend ``content``, which has room in the buffer."""
        self.buffer[self.HEAD : self.HEAD + len(content)] = content
        _LENT.pack_into(self.buffer, 0, stream + 1, 0, len(content))
        self.take_back = take_back

    def end(self) -> int:
        """Lend nothing more; how many bytes were taken."""
        taken: int = _LENT.unpack_from(self.buffer, 0)[1]
        _LENT.pack_into(self.buffer, 0, 0, 0, 0)
        self.take_back = _nothing
        return taken


_LENT = struct.Struct("<III")


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Carried:
    """A still quicker way into a host function that gives an error number, for engines to which reaching into a
    guest's memory is dear: they look up what pointers lead to beforehand, and put results there afterwards.

    ``roles`` has a word for each parameter. ``number`` is passed on, unsigned, and ``skip`` is not; ``stream`` is the
    number of one whose bytes may be lent. ``string`` is a
    pointer to as many bytes as the next parameter, ``length``, says; ``gather`` one to as many vectors as ``count``
    says. Their bytes are passed on before everything else. ``buffer`` with ``length``, and ``scatter`` with ``count``,
    is where bytes go that the function gives; the number of bytes that there is room for is passed on. ``outN`` is
    where its result goes, an integer of N = 4 or 8 bytes, or else as many bytes; beside ``buffer`` and ``scatter``
    it is the number of bytes. ``putN`` is the same, and passed on too. ``more`` is where four further bytes of the
    result go.

    ``bind(memory, again, lent)`` makes the function for one memory, and calls ``again`` when it is no longer to be
    used and another is to be asked for. It gives its result (None where there is none), a Pending, or NotImplemented,
    with nothing done, when the call is none for it; a result is never negative. ``failure`` gives the error number for
    an exception that it raises, or None when that is to come out of the guest. ``constant``: until then the result,
    which is some bytes, is the same at every call.
    """

    roles: tuple[str, ...]
    bind: Callable[[MemoryInstance, Callable[[], None], Lent], Callable[..., Any]]
    failure: Callable[[BaseException], int | None]
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Direct:
    """The quick way into a host function all of whose parameters and results are i32, i64 or f64, with
    one result at most: ``function`` is called with plain numbers, integers signed. What it gives is the
    result if it is a number that fits (None for no result); else ``finish`` makes the results of it, or raises.

    With ``bind`` the function has to know who calls: ``bind(caller)`` makes one for all calls of the instance that
    ``caller()`` gives, and its integers are unsigned."""

    function: Callable[..., Any]
    finish: Callable[[Any], Sequence[Value] | Pending]
    bind: Callable[[Callable[[], ModuleInstance | None]], Callable[..., Any]] | None = None
    carried: Carried | Framed | None = None


class FunctionInstance:
    """A function: ``defined`` is its canonical type, ``type`` the function type itself."""

    __slots__ = ("__weakref__", "defined", "type")

    def __init__(self, defined: DefinedType) -> None:
        self.defined = defined
        self.type: FunctionType = defined.function


class HostFunction(FunctionInstance):
    """A function of the host. ``name`` is for backtraces; engines may use ``direct`` instead of ``code``. ``waits``:
    whether it is to be expected that it gives a Pending; guests that import it then run where they can wait."""

    __slots__ = ("code", "direct", "name", "waits")

    of_guest: ClassVar[bool] = False
    """Whether it is a guest's after all, that another engine runs: its traps come with a backtrace to go on from."""

    def __init__(
        self, defined: DefinedType, code: HostCode, name: str = "", direct: Direct | None = None, waits: bool = False
    ) -> None:
        super().__init__(defined)
        self.code = code
        self.name = name
        self.direct = direct
        self.waits = waits


class WasmFunction(FunctionInstance):
    """Function ``index`` of an instance's module. ``compiled`` is the engine's own, or None."""

    __slots__ = ("compiled", "index", "instance")

    def __init__(self, defined: DefinedType, instance: ModuleInstance, index: int) -> None:
        super().__init__(defined)
        self.instance = instance
        self.index = index
        self.compiled: Any = None
