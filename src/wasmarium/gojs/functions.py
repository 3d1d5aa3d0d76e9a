"""The imports of ``gojs``. Each takes Go's stack pointer; its arguments lie from 8 bytes above it on, its results
behind them.

A Go string or slice is an address and a length of 8 bytes each (a slice has its capacity behind, which nobody needs
here). Lengths and addresses beyond the memory trap.
"""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from wasmarium.errors import GuestExit, Trap
from wasmarium.gojs.values import (
    LONGEST_TEXT,
    UNDEFINED,
    Bytes,
    Function,
    Thing,
    Thrown,
    Value,
    size_of,
    text_of,
    throw,
)
from wasmarium.runtime.function import Direct, HostCode, HostFunction, Pending
from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.values import Value as GuestValue
from wasmarium.types import I32, FunctionType, define_function

if TYPE_CHECKING:
    from wasmarium.gojs.world import World

MODULE = "gojs"

Implementation = Callable[["World", GuestMemory, int], "Pending | None"]
_TYPE = FunctionType((I32,), ())


def function_type(name: str) -> FunctionType:
    """All of them have the same."""
    return _TYPE


def host_functions(world: World) -> dict[str, HostFunction]:
    """Every function of the module for one program, by name."""
    defined = define_function(_TYPE)
    return {name: HostFunction(defined, _code(world, name), name, _direct(world, name)) for name in SIGNATURES}


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

    return Direct(bind(lambda: None), finish, bind)


def finish(given: Pending | None) -> Sequence[GuestValue] | Pending:
    """What the quick way into a function gives, as results."""
    return () if given is None else given


def _call(world: World, name: str) -> Callable[[MemoryInstance, int], Pending | None]:
    implementation = _IMPLEMENTATIONS[name]

    def call(memory: MemoryInstance, sp: int) -> Pending | None:
        try:
            return implementation(world, _FrameMemory(memory, sp), sp)
        except Thrown as thrown:
            raise Trap(f"{name}: {thrown}") from None

    return call


def _memory(instance: ModuleInstance | None) -> MemoryInstance:
    exported = None if instance is None else instance.exports.get("mem")
    if not isinstance(exported, MemoryInstance):
        raise Trap("a program of Go exports its memory as mem")
    return exported


_PAIR = struct.Struct("<QQ")
_FRAME = 64
"""Bytes above the stack pointer that hold arguments, at most."""


class _FrameMemory(GuestMemory):
    """The memory during one call, in which the frame with the arguments is read at once: a read of its own for each
    takes longer than what is done with it."""

    __slots__ = ("_at", "_frame")

    def __init__(self, memory: MemoryInstance, sp: int) -> None:
        super().__init__(memory)
        self._at = sp
        self._frame: bytes | None = None

    def read(self, address: int, count: int) -> bytes:
        start = address - self._at
        end = start + count
        if not 0 <= start <= end <= _FRAME:
            return self.memory.read(address, count)
        frame = self._frame
        if frame is None:
            try:
                frame = self._frame = self.memory.read(self._at, _FRAME)
            except Trap:
                # the stack may end below
                return self.memory.read(address, count)
        return frame[start:end]

    def write(self, address: int, content: bytes | bytearray | memoryview) -> None:
        self._frame = None
        self.memory.write(address, content)

    def read_unsigned(self, address: int, count: int) -> int:
        return int.from_bytes(self.read(address, count), "little")

    def write_unsigned(self, address: int, value: int, count: int) -> None:
        self._frame = None
        super().write_unsigned(address, value, count)

    def scatter(self, vectors: Iterable[tuple[int, int]], content: bytes) -> int:
        self._frame = None
        return super().scatter(vectors, content)


def _int(memory: GuestMemory, address: int, size: int = 8) -> int:
    return int.from_bytes(memory.read(address, size), "little", signed=True)


def _pair(memory: GuestMemory, address: int) -> tuple[int, int]:
    """Address and length of a string or a slice."""
    start, length = _PAIR.unpack(memory.read(address, 16))
    return start, length


def _text(memory: GuestMemory, address: int) -> str:
    start, length = _pair(memory, address)
    memory.memory.check(start, length)
    if length > LONGEST_TEXT:
        raise throw("RangeError", "Invalid string length")
    return memory.read(start, length).decode("utf-8", "replace")


def _thing(value: Value) -> Thing:
    if not isinstance(value, Thing):
        raise throw("TypeError", f"{text_of(value)} is no object")
    return value


# ---- runtime ----


def wasm_exit(world: World, memory: GuestMemory, sp: int) -> None:
    """runtime.wasmExit(code int32)"""
    world.ended = _int(memory, sp + 8, 4) & 0xFFFFFFFF
    raise GuestExit(world.ended)


def wasm_write(world: World, memory: GuestMemory, sp: int) -> Pending | None:
    """runtime.wasmWrite(fd uintptr, p unsafe.Pointer, n int32)"""
    number, start, length = memory.read_unsigned(sp + 8, 8), memory.read_unsigned(sp + 16, 8), _int(memory, sp + 24, 4)
    written = world.files.write_now(number, memory.read(start, max(0, length)))
    return Pending(written, lambda result: ()) if isinstance(written, Awaitable) else None


def nothing(world: World, memory: GuestMemory, sp: int) -> None:
    """runtime.resetMemoryDataView(): views of ours are always new."""


def nanotime(world: World, memory: GuestMemory, sp: int) -> None:
    """runtime.nanotime1() int64"""
    memory.write_unsigned(sp + 8, world.monotonic(), 8)


def walltime(world: World, memory: GuestMemory, sp: int) -> None:
    """runtime.walltime() (sec int64, nsec int32)"""
    seconds, nanoseconds = divmod(world.realtime(), 1_000_000_000)
    memory.write_unsigned(sp + 8, seconds, 8)
    memory.write_unsigned(sp + 16, nanoseconds, 4)


def schedule_timeout(world: World, memory: GuestMemory, sp: int) -> None:
    """runtime.scheduleTimeoutEvent(ms int64) int32"""
    memory.write_unsigned(sp + 16, world.callbacks.set_timer(_int(memory, sp + 8)), 4)


def clear_timeout(world: World, memory: GuestMemory, sp: int) -> None:
    """runtime.clearTimeoutEvent(id int32)"""
    world.callbacks.clear_timer(_int(memory, sp + 8, 4))


def random_data(world: World, memory: GuestMemory, sp: int) -> None:
    """runtime.getRandomData(r []byte)"""
    start, length = _pair(memory, sp + 8)
    memory.read(start, length)
    memory.write(start, world.random(length))


# ---- syscall/js ----


def finalize_ref(world: World, memory: GuestMemory, sp: int) -> None:
    """finalizeRef(r ref)"""
    world.heap.release(memory.read_unsigned(sp + 8, 4))


def string_value(world: World, memory: GuestMemory, sp: int) -> None:
    """stringVal(x string) ref"""
    world.heap.write(memory, sp + 24, _text(memory, sp + 8))


def value_get(world: World, memory: GuestMemory, sp: int) -> None:
    """valueGet(v ref, p string) ref"""
    world.heap.write(memory, sp + 32, _thing(world.heap.read(memory, sp + 8)).get(_text(memory, sp + 16)))


def value_set(world: World, memory: GuestMemory, sp: int) -> None:
    """valueSet(v ref, p string, x ref)"""
    thing = _thing(world.heap.read(memory, sp + 8))
    name, value = _text(memory, sp + 16), world.heap.read(memory, sp + 32)
    more = size_of(name) + size_of(value)
    if name in thing.properties:
        more -= size_of(name) + size_of(thing.properties[name])
    thing.count(world.limits, more)
    thing.set(name, value)


def value_delete(world: World, memory: GuestMemory, sp: int) -> None:
    """valueDelete(v ref, p string)"""
    thing, name = _thing(world.heap.read(memory, sp + 8)), _text(memory, sp + 16)
    if name in thing.properties:
        thing.count(world.limits, -size_of(name) - size_of(thing.properties[name]))
    thing.delete(name)


def value_index(world: World, memory: GuestMemory, sp: int) -> None:
    """valueIndex(v ref, i int) ref"""
    world.heap.write(memory, sp + 24, _thing(world.heap.read(memory, sp + 8)).at(_int(memory, sp + 16)))


def value_set_index(world: World, memory: GuestMemory, sp: int) -> None:
    """valueSetIndex(v ref, i int, x ref)"""
    thing = _thing(world.heap.read(memory, sp + 8))
    index, value = _int(memory, sp + 16), world.heap.read(memory, sp + 24)
    if not isinstance(thing, Bytes):
        # Elements that are replaced go on counting: whoever replaces one that often is no program of Go.
        thing.count(world.limits, 16 + size_of(value))
    thing.put(index, value)


def value_call(world: World, memory: GuestMemory, sp: int) -> None:
    """valueCall(v ref, m string, args []ref) (ref, bool)"""

    def call() -> Value:
        this = world.heap.read(memory, sp + 8)
        name = _text(memory, sp + 16)
        return _apply(_thing(this).get(name), this, world.heap.read_all(memory, sp + 32), name)

    _attempt(world, memory, sp + 56, call)


def value_invoke(world: World, memory: GuestMemory, sp: int) -> None:
    """valueInvoke(v ref, args []ref) (ref, bool)"""

    def call() -> Value:
        found = world.heap.read(memory, sp + 8)
        return _apply(found, UNDEFINED, world.heap.read_all(memory, sp + 16), "it")

    _attempt(world, memory, sp + 40, call)


def value_new(world: World, memory: GuestMemory, sp: int) -> None:
    """valueNew(v ref, args []ref) (ref, bool)"""

    def call() -> Value:
        found = world.heap.read(memory, sp + 8)
        if not isinstance(found, Function):
            raise throw("TypeError", f"{text_of(found)} is not a constructor")
        return found.construct(world.heap.read_all(memory, sp + 16))

    _attempt(world, memory, sp + 40, call)


def _apply(found: Value, this: Value, arguments: Sequence[Value], name: str) -> Value:
    if not isinstance(found, Function):
        raise throw("TypeError", f"{name} is not a function")
    return found.code(this, arguments)


def _attempt(world: World, memory: GuestMemory, address: int, call: Callable[[], Value]) -> None:
    try:
        result, fine = call(), 1
    except Thrown as thrown:
        result, fine = thrown.value, 0
    world.heap.write(memory, address, result)
    memory.write_unsigned(address + 8, fine, 1)


def value_length(world: World, memory: GuestMemory, sp: int) -> None:
    """valueLength(v ref) int"""
    value = world.heap.read(memory, sp + 8)
    length = len(value) if isinstance(value, str) else _thing(value).get("length")
    memory.write_unsigned(sp + 16, int(length) if isinstance(length, int | float) else 0, 8)


def value_prepare_string(world: World, memory: GuestMemory, sp: int) -> None:
    """valuePrepareString(v ref) (ref, int)"""
    content = text_of(world.heap.read(memory, sp + 8)).encode("utf-8", "surrogatepass")
    made = world.bytes_of(len(content))
    made.data[:] = content
    world.heap.write(memory, sp + 16, made)
    memory.write_unsigned(sp + 24, len(content), 8)


def value_load_string(world: World, memory: GuestMemory, sp: int) -> None:
    """valueLoadString(v ref, b []byte)"""
    content = world.heap.read(memory, sp + 8)
    start, length = _pair(memory, sp + 16)
    if isinstance(content, Bytes) and len(content.data) <= length:
        memory.write(start, content.data)


def value_instance_of(world: World, memory: GuestMemory, sp: int) -> None:
    """valueInstanceOf(v ref, t ref) bool"""
    value, kind = world.heap.read(memory, sp + 8), world.heap.read(memory, sp + 16)
    memory.write_unsigned(sp + 24, world.is_instance(value, kind), 1)


def copy_to_go(world: World, memory: GuestMemory, sp: int) -> None:
    """copyBytesToGo(dst []byte, src ref) (int, bool)"""
    start, length = _pair(memory, sp + 8)
    source = world.heap.read(memory, sp + 32)
    if isinstance(source, Bytes):
        content = source.data[:length]
        memory.write(start, content)
        memory.write_unsigned(sp + 40, len(content), 8)
    memory.write_unsigned(sp + 48, isinstance(source, Bytes), 1)


def copy_to_js(world: World, memory: GuestMemory, sp: int) -> None:
    """copyBytesToJS(dst ref, src []byte) (int, bool)"""
    target = world.heap.read(memory, sp + 8)
    start, length = _pair(memory, sp + 16)
    if isinstance(target, Bytes):
        content = memory.read(start, min(length, len(target.data)))
        target.data[: len(content)] = content
        memory.write_unsigned(sp + 40, len(content), 8)
    memory.write_unsigned(sp + 48, isinstance(target, Bytes), 1)


_IMPLEMENTATIONS: dict[str, Implementation] = {
    "runtime.wasmExit": wasm_exit,
    "runtime.wasmWrite": wasm_write,
    "runtime.resetMemoryDataView": nothing,
    "runtime.nanotime1": nanotime,
    "runtime.walltime": walltime,
    "runtime.scheduleTimeoutEvent": schedule_timeout,
    "runtime.clearTimeoutEvent": clear_timeout,
    "runtime.getRandomData": random_data,
    "syscall/js.finalizeRef": finalize_ref,
    "syscall/js.stringVal": string_value,
    "syscall/js.valueGet": value_get,
    "syscall/js.valueSet": value_set,
    "syscall/js.valueDelete": value_delete,
    "syscall/js.valueIndex": value_index,
    "syscall/js.valueSetIndex": value_set_index,
    "syscall/js.valueCall": value_call,
    "syscall/js.valueInvoke": value_invoke,
    "syscall/js.valueNew": value_new,
    "syscall/js.valueLength": value_length,
    "syscall/js.valuePrepareString": value_prepare_string,
    "syscall/js.valueLoadString": value_load_string,
    "syscall/js.valueInstanceOf": value_instance_of,
    "syscall/js.copyBytesToGo": copy_to_go,
    "syscall/js.copyBytesToJS": copy_to_js,
    "debug": nothing,
}
SIGNATURES = tuple(_IMPLEMENTATIONS)
"""Names of the imports."""
