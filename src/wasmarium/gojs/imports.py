"""What each import of ``gojs`` does, without regard to where its operands come from and where its result goes.

They are made for one world. Each gets what its layout passes on (see ``runtime/frames.py``) and gives its result
likewise. ``attempts``: it is a call, of which Go wants to know what it threw; the result is a value, and then a byte
that says whether it has not thrown. ``waits``: it may give a Pending.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from wasmarium.errors import GuestExit
from wasmarium.gojs.values import UNDEFINED, Bytes, Function, Thing, Thrown, Value, size_of, text_of, throw
from wasmarium.runtime.frames import Layout
from wasmarium.runtime.function import Pending

if TYPE_CHECKING:
    from wasmarium.gojs.world import World

Operation = Callable[..., Any]


class Import(NamedTuple):
    """``make`` makes it for a world."""

    layout: Layout
    make: Callable[[World], Operation]
    attempts: bool = False
    waits: bool = False


def decoded(text: bytes) -> str:
    """A string of Go."""
    return text.decode("utf-8", "replace")


def _thing(value: Value) -> Thing:
    if not isinstance(value, Thing):
        raise throw("TypeError", f"{text_of(value)} is no object")
    return value


def attempt(world: World, operation: Operation) -> Operation:
    """The whole of an import that attempts something."""

    def call(*operands: Any) -> bytes:
        try:
            return world.heap.packed(operation(*operands)) + b"\x01"
        except Thrown as thrown:
            return failed(world, thrown)

    return call


def failed(world: World, thrown: Thrown) -> bytes:
    """The result of an attempt that came to nothing."""
    return world.heap.packed(thrown.value) + b"\x00"


# ---- runtime ----


def wasm_exit(world: World) -> Operation:
    """runtime.wasmExit(code int32)"""

    def call(code: int) -> None:
        world.ended = code
        raise GuestExit(code)

    return call


def wasm_write(world: World) -> Operation:
    """runtime.wasmWrite(fd uintptr, p unsafe.Pointer, n int32)"""

    def call(content: bytes, number: int, length: int) -> Pending | None:
        written = world.files.write_now(number, content[:])
        return Pending(written, lambda result: ()) if isinstance(written, Awaitable) else None

    return call


def nothing(world: World) -> Operation:
    """runtime.resetMemoryDataView(): views of ours are always new."""
    return lambda: None


def nanotime(world: World) -> Operation:
    """runtime.nanotime1() int64"""
    return lambda: world.monotonic().to_bytes(8, "little")


def walltime(world: World) -> Operation:
    """runtime.walltime() (sec int64, nsec int32)"""

    def call() -> bytes:
        seconds, nanoseconds = divmod(world.realtime(), 1_000_000_000)
        return seconds.to_bytes(8, "little") + nanoseconds.to_bytes(4, "little")

    return call


def schedule_timeout(world: World) -> Operation:
    """runtime.scheduleTimeoutEvent(ms int64) int32"""
    return lambda milliseconds: world.callbacks.set_timer(milliseconds).to_bytes(4, "little")


def clear_timeout(world: World) -> Operation:
    """runtime.clearTimeoutEvent(id int32)"""
    return world.callbacks.clear_timer


def random_data(world: World) -> Operation:
    """runtime.getRandomData(r []byte)"""
    return lambda length: (world.random(length), b"")


# ---- syscall/js ----


def finalize_ref(world: World) -> Operation:
    """finalizeRef(r ref)"""
    return world.heap.release


def string_value(world: World) -> Operation:
    """stringVal(x string) ref"""
    packed = world.heap.packed

    def call(text: bytes, length: int) -> bytes:
        return packed(decoded(text))

    return call


def value_get(world: World) -> Operation:
    """valueGet(v ref, p string) ref"""
    value, packed = world.heap.value, world.heap.packed

    def call(name: bytes, thing: int, length: int) -> bytes:
        return packed(_thing(value(thing)).get(decoded(name)))

    return call


def value_set(world: World) -> Operation:
    """valueSet(v ref, p string, x ref)"""
    heap = world.heap

    def call(text: bytes, owner: int, length: int, given: int) -> None:
        thing, name, value = _thing(heap.value(owner)), decoded(text), heap.value(given)
        more = size_of(name) + size_of(value)
        if name in thing.properties:
            more -= size_of(name) + size_of(thing.properties[name])
        thing.count(world.limits, more)
        thing.set(name, value)

    return call


def value_delete(world: World) -> Operation:
    """valueDelete(v ref, p string)"""

    def call(text: bytes, owner: int, length: int) -> None:
        thing, name = _thing(world.heap.value(owner)), decoded(text)
        if name in thing.properties:
            thing.count(world.limits, -size_of(name) - size_of(thing.properties[name]))
        thing.delete(name)

    return call


def value_index(world: World) -> Operation:
    """valueIndex(v ref, i int) ref"""
    value, packed = world.heap.value, world.heap.packed

    def call(thing: int, index: int) -> bytes:
        return packed(_thing(value(thing)).at(index))

    return call


def value_set_index(world: World) -> Operation:
    """valueSetIndex(v ref, i int, x ref)"""
    heap = world.heap

    def call(owner: int, index: int, given: int) -> None:
        thing, value = _thing(heap.value(owner)), heap.value(given)
        if not isinstance(thing, Bytes):
            # Elements that are replaced go on counting: whoever replaces one that often is no program of Go.
            thing.count(world.limits, 16 + size_of(value))
        thing.put(index, value)

    return call


def value_call(world: World) -> Operation:
    """valueCall(v ref, m string, args []ref) (ref, bool)"""
    heap = world.heap

    def call(text: bytes, arguments: bytes, owner: int, length: int, count: int) -> Value:
        this, name = heap.value(owner), decoded(text)
        return _apply(_thing(this).get(name), this, heap.values(arguments), name)

    return call


def value_invoke(world: World) -> Operation:
    """valueInvoke(v ref, args []ref) (ref, bool)"""
    heap = world.heap

    def call(arguments: bytes, function: int, count: int) -> Value:
        return _apply(heap.value(function), UNDEFINED, heap.values(arguments), "it")

    return call


def value_new(world: World) -> Operation:
    """valueNew(v ref, args []ref) (ref, bool)"""
    heap = world.heap

    def call(arguments: bytes, function: int, count: int) -> Value:
        found = heap.value(function)
        if not isinstance(found, Function):
            raise throw("TypeError", f"{text_of(found)} is not a constructor")
        return found.construct(heap.values(arguments))

    return call


def _apply(found: Value, this: Value, arguments: Sequence[Value], name: str) -> Value:
    if not isinstance(found, Function):
        raise throw("TypeError", f"{name} is not a function")
    return found.code(this, arguments)


def value_length(world: World) -> Operation:
    """valueLength(v ref) int"""

    def call(owner: int) -> bytes:
        value = world.heap.value(owner)
        length = len(value) if isinstance(value, str) else _thing(value).get("length")
        # a program may give its objects any length
        usable = isinstance(length, int | float) and -(2.0**63) <= length < 2.0**63
        return (int(length) if usable else 0).to_bytes(8, "little", signed=True)

    return call


def value_prepare_string(world: World) -> Operation:
    """valuePrepareString(v ref) (ref, int)"""

    def call(owner: int) -> bytes:
        content = text_of(world.heap.value(owner)).encode("utf-8", "surrogatepass")
        made = world.bytes_of(len(content))
        made.data[:] = content
        return world.heap.packed(made) + len(content).to_bytes(8, "little")

    return call


def value_load_string(world: World) -> Operation:
    """valueLoadString(v ref, b []byte)"""

    def call(owner: int, length: int) -> tuple[bytes | bytearray, bytes]:
        content = world.heap.value(owner)
        fits = isinstance(content, Bytes) and len(content.data) <= length
        return content.data if fits else b"", b""

    return call


def value_instance_of(world: World) -> Operation:
    """valueInstanceOf(v ref, t ref) bool"""
    value = world.heap.value
    return lambda thing, kind: bytes((world.is_instance(value(thing), value(kind)),))


def copy_to_go(world: World) -> Operation:
    """copyBytesToGo(dst []byte, src ref) (int, bool)"""

    def call(length: int, owner: int) -> tuple[bytes | bytearray, bytes]:
        source = world.heap.value(owner)
        if not isinstance(source, Bytes):
            return b"", bytes(9)
        content = source.data[:length]
        return content, len(content).to_bytes(8, "little") + b"\x01"

    return call


def copy_to_js(world: World) -> Operation:
    """copyBytesToJS(dst ref, src []byte) (int, bool)"""

    def call(content: bytes, owner: int, length: int) -> bytes:
        target = world.heap.value(owner)
        if not isinstance(target, Bytes):
            return bytes(9)
        taken = content[: len(target.data)]
        target.data[: len(taken)] = taken
        return len(taken).to_bytes(8, "little") + b"\x01"

    return call


IMPORTS: dict[str, Import] = {
    "runtime.wasmExit": Import(Layout("half"), wasm_exit),
    "runtime.wasmWrite": Import(Layout("number", "bytes", "half-length"), wasm_write, waits=True),
    "runtime.resetMemoryDataView": Import(Layout(), nothing),
    "runtime.nanotime1": Import(Layout("out8"), nanotime),
    "runtime.walltime": Import(Layout("out12"), walltime),
    "runtime.scheduleTimeoutEvent": Import(Layout("signed", "out4"), schedule_timeout),
    "runtime.clearTimeoutEvent": Import(Layout("half"), clear_timeout),
    "runtime.getRandomData": Import(Layout("buffer", "length"), random_data),
    "syscall/js.finalizeRef": Import(Layout("half"), finalize_ref),
    "syscall/js.stringVal": Import(Layout("text", "length", "out8"), string_value),
    "syscall/js.valueGet": Import(Layout("number", "text", "length", "out8"), value_get),
    "syscall/js.valueSet": Import(Layout("number", "text", "length", "number"), value_set),
    "syscall/js.valueDelete": Import(Layout("number", "text", "length"), value_delete),
    "syscall/js.valueIndex": Import(Layout("number", "signed", "out8"), value_index),
    "syscall/js.valueSetIndex": Import(Layout("number", "signed", "number"), value_set_index),
    "syscall/js.valueCall": Import(
        Layout("number", "text", "length", "values", "count", "skip", "out9"), value_call, attempts=True
    ),
    "syscall/js.valueInvoke": Import(Layout("number", "values", "count", "skip", "out9"), value_invoke, attempts=True),
    "syscall/js.valueNew": Import(Layout("number", "values", "count", "skip", "out9"), value_new, attempts=True),
    "syscall/js.valueLength": Import(Layout("number", "out8"), value_length),
    "syscall/js.valuePrepareString": Import(Layout("number", "out16"), value_prepare_string),
    "syscall/js.valueLoadString": Import(Layout("number", "buffer", "length"), value_load_string),
    "syscall/js.valueInstanceOf": Import(Layout("number", "number", "out1"), value_instance_of),
    "syscall/js.copyBytesToGo": Import(Layout("buffer", "length", "skip", "number", "out9"), copy_to_go),
    "syscall/js.copyBytesToJS": Import(Layout("number", "bytes", "length", "skip", "out9"), copy_to_js),
    "debug": Import(Layout(), nothing),
}
