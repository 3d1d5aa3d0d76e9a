"""The imports of ``gojs`` as functions of the host. Each takes Go's stack pointer; its arguments lie from 8 bytes above
it on, its results behind them.

A Go string or slice is an address and a length of 8 bytes each (a slice has its capacity behind, which nobody needs
here). Lengths and addresses beyond the memory trap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from wasmarium.errors import Trap
from wasmarium.gojs.imports import IMPORTS, Operation, attempt, failed
from wasmarium.gojs.values import LONGEST_TEXT, Thrown, throw
from wasmarium.runtime.frames import WORD, Framed, Layout, Piece
from wasmarium.runtime.function import Direct, HostCode, HostFunction, Pending
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.values import Value as GuestValue
from wasmarium.types import I32, FunctionType, define_function

if TYPE_CHECKING:
    from wasmarium.gojs.world import World

MODULE = "gojs"

SIGNATURES = tuple(IMPORTS)
"""Names of the imports."""

MOST_ARGUMENTS = 1 << 16
"""Arguments of one call."""

MEMORY = "mem"
"""What programs export their memory as."""

_TYPE = FunctionType((I32,), ())


def function_type(name: str) -> FunctionType:
    """All of them have the same."""
    return _TYPE


def host_functions(world: World) -> dict[str, HostFunction]:
    """Every function of the module for one program, by name."""
    defined = define_function(_TYPE)
    return {name: HostFunction(defined, _code(world, name), name, _direct(world, name)) for name in SIGNATURES}


def framed(name: str, bind: Callable[[MemoryInstance, Callable[[], None]], Callable[..., Any]]) -> Framed | None:
    """The quicker way into a function that ``bind`` makes, where there is one."""
    found = IMPORTS[name]
    return None if found.waits else Framed(found.layout, bind, Thrown, MEMORY)


def operation(world: World, name: str) -> Operation:
    """What an import does."""
    found = IMPORTS[name]
    made = found.make(world)
    return attempt(world, made) if found.attempts else made


def _code(world: World, name: str) -> HostCode:
    call = _call(world, name)

    def code(instance: ModuleInstance | None, arguments: Sequence[GuestValue]) -> Sequence[GuestValue] | Pending:
        return call(_memory(instance), arguments[0]) or ()

    return code


def _direct(world: World, name: str) -> Direct:
    call = _call(world, name)

    def bind(caller: Callable[[], ModuleInstance | None]) -> Callable[[int], Pending | None]:
        memory: MemoryInstance | None = None

        def bound(sp: int) -> Pending | None:
            nonlocal memory
            if memory is None:
                memory = _memory(caller())
            return call(memory, sp)

        return bound

    made = operation(world, name)
    return Direct(bind(lambda: None), finish, bind, framed(name, lambda memory, again: made))


def finish(given: Pending | None) -> Sequence[GuestValue] | Pending:
    """What the quick way into a function gives, as results."""
    return () if given is None else given


def _call(world: World, name: str) -> Callable[[MemoryInstance, int], Pending | None]:
    """The function itself, which looks up in the memory what its operands lead to."""
    layout, attempts = IMPORTS[name].layout, IMPORTS[name].attempts
    made = operation(world, name)

    def call(memory: MemoryInstance, sp: int) -> Pending | None:
        frame = sp + WORD
        try:
            given, start = _run(made, layout, memory, frame)
        except Thrown as thrown:
            if not attempts:
                raise Trap(f"{name}: {thrown}") from None
            given, start = failed(world, thrown), 0
        if given is None or isinstance(given, Pending):
            return given
        if layout.buffer is not None:
            content, given = given
            memory.write(start, content)
        memory.write(frame + layout.out, given)
        return None

    return call


def _run(made: Operation, layout: Layout, memory: MemoryInstance, frame: int) -> tuple[Any, int]:
    """What it gives, and where its buffer is."""
    content = memory.read(frame, layout.size) if layout.size else b""
    numbers = layout.numbers.unpack(content.ljust(layout.numbers.size, b"\0"))

    def find(piece: Piece) -> tuple[int, int]:
        start = int.from_bytes(content[piece.place : piece.place + WORD], "little")
        length = numbers[piece.index] * piece.unit
        memory.check(start, length)
        return start, length

    pieces = [_content(memory, piece, *find(piece)) for piece in layout.pieces]
    start = 0 if layout.buffer is None else find(layout.buffer)[0]
    return made(*pieces, *numbers), start


def _content(memory: MemoryInstance, piece: Piece, start: int, length: int) -> bytes | _Unread:
    if piece.role == "bytes":
        return _Unread(memory, start, length)
    if piece.role == "text" and length > LONGEST_TEXT:
        raise throw("RangeError", "Invalid string length")
    if piece.role == "values" and length > MOST_ARGUMENTS * WORD:
        raise throw("RangeError", f"more than {MOST_ARGUMENTS} arguments")
    return memory.read(start, length)


class _Unread:
    """Bytes of which only those are read that are wanted, for they may be very many."""

    __slots__ = ("_length", "_memory", "_start")

    def __init__(self, memory: MemoryInstance, start: int, length: int) -> None:
        self._memory, self._start, self._length = memory, start, length

    def __getitem__(self, wanted: slice) -> bytes:
        return self._memory.read(self._start, min(self._length, self._length if wanted.stop is None else wanted.stop))


def _memory(instance: ModuleInstance | None) -> MemoryInstance:
    exported = None if instance is None else instance.exports.get(MEMORY)
    if not isinstance(exported, MemoryInstance):
        raise Trap("a program of Go exports its memory as mem")
    return exported
