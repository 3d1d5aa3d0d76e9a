"""The globals of a program: what Go's library looks for, made of what WASI guests are given."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wasmarium.errors import Denied, GuestExit
from wasmarium.gojs.callbacks import Callbacks
from wasmarium.gojs.fetch import Fetching
from wasmarium.gojs.filesystem import Files, components
from wasmarium.gojs.heap import Heap
from wasmarium.gojs.values import (
    LONGEST_ARRAY,
    THING_BYTES,
    UNDEFINED,
    Array,
    Bytes,
    Function,
    Thing,
    Value,
    argument,
    joined,
    number_of,
    size_of,
    text_of,
    throw,
)
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.wasi.errno import Errno, WasiError
from wasmarium.wasi.filesystem.base import FileType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmarium.network import Access
    from wasmarium.wasi.preview1 import Wasi


class World:
    """What one program sees. ``ended`` is its exit status, None before it has ended.

    Everything comes from ``wasi``: arguments, environment, files, clocks and randomness, as far as its policy
    grants them; ``access`` is its way to the network, None where there is none. What it keeps in objects and strings
    is counted in ``limits``, beside its memory.
    """

    def __init__(self, wasi: Wasi, access: Access | None = None, limits: ResourceLimits | None = None) -> None:
        self.wasi = wasi
        self.limits = limits if limits is not None else ResourceLimits()
        self.ended: int | None = None
        self.callbacks = Callbacks(wasi.clock)
        self.files = Files(wasi, self.callbacks)
        self.pending: Thing | None = None
        self.go = Thing({"_pendingEvent": None, "_makeFuncWrapper": Function(self._wrapper)})
        self._object = Function(lambda this, arguments: Thing(), lambda arguments: Thing())
        self._array = Function(lambda this, arguments: self._new_array(arguments), self._new_array)
        self._bytes = Function(_not_called, self._new_bytes)
        self.globals = Thing(
            {
                "Object": self._object,
                "Array": self._array,
                "Uint8Array": self._bytes,
                "Error": Function(_error, lambda arguments: _error(UNDEFINED, arguments)),
                "Date": Function(_not_called, self._new_date),
                "fs": self.files.thing(),
                "process": self._process(),
                "path": Thing({"resolve": Function(self._resolve)}),
                "console": Thing({name: Function(self._print) for name in ("log", "warn", "error", "info", "debug")}),
                "crypto": Thing({"getRandomValues": Function(self._random_values)}),
            }
        )
        if access is not None:
            self.globals.properties.update(Fetching(access, self.callbacks).globals())
        self.heap = Heap(self.globals, self.go, self.limits)

    # ---- what functions need ----

    def monotonic(self) -> int:
        """Nanoseconds. Raises Denied where clocks are not granted."""
        self._need("clocks")
        return self.wasi.clock.monotonic()

    def realtime(self) -> int:
        """Nanoseconds since 1970. Raises Denied where clocks are not granted."""
        self._need("clocks")
        return self.wasi.clock.realtime()

    def random(self, count: int) -> bytes:
        """Random bytes. Raises Denied where randomness is not granted."""
        self._need("randomness")
        return self.wasi.random.read(count)

    def _need(self, capability: str) -> None:
        try:
            self.wasi.need(capability)
        except WasiError:
            raise Denied(f"the program needs {capability}, which it was not granted") from None

    def is_instance(self, value: Value, kind: Value) -> bool:
        """``value instanceof kind``."""
        if not isinstance(value, Thing):
            return False
        makers = {Array: self._array, Bytes: self._bytes}
        return kind is self._object or kind is (value.maker or makers.get(type(value)))

    def _wrapper(self, this: Value, arguments: Sequence[Value]) -> Function:
        """A function of Go's: called, it leaves an event, with which Go is then resumed."""
        number = argument(arguments, 0)

        def code(this: Value, arguments: Sequence[Value]) -> Value:
            event = Thing({"id": number, "this": this, "args": Array(arguments), "result": UNDEFINED})
            self.go.set("_pendingEvent", event)
            self.pending = event
            return UNDEFINED

        return Function(code)

    # ---- globals ----

    def _process(self) -> Thing:
        def gives(value: Value) -> Function:
            return Function(lambda this, arguments: value)

        return Thing(
            {
                **{name: gives(0) for name in ("getuid", "getgid", "geteuid", "getegid", "umask")},
                "getgroups": gives(Array()),
                "pid": 1,
                "ppid": 0,
                "argv0": "wasmarium",
                "cwd": Function(lambda this, arguments: self.files.current),
                "chdir": Function(self._change_directory),
                "exit": Function(self._exit),
                "hrtime": Function(self._high_resolution_time),
            }
        )

    def _exit(self, this: Value, arguments: Sequence[Value]) -> Value:
        self.ended = number_of(argument(arguments, 0)) & 0xFFFFFFFF
        raise GuestExit(self.ended)

    def _change_directory(self, this: Value, arguments: Sequence[Value]) -> Value:
        path = text_of(argument(arguments, 0))
        try:
            if self.files.look(path, follow=True).kind is not FileType.DIRECTORY:
                raise WasiError(Errno.NOTDIR)
        except WasiError as problem:
            raise throw("Error", f"chdir {path}", code=f"E{problem.errno.name}") from None
        self.files.current = self._joined(path)
        return UNDEFINED

    def _joined(self, path: str) -> str:
        return "/" + "/".join(components(self.files.absolute(path)))

    def _resolve(self, this: Value, arguments: Sequence[Value]) -> str:
        path = ""
        for part in map(text_of, arguments):
            path = part if part.startswith("/") else joined("/", (path, part)) if path else part
        return self._joined(path or ".")

    def _high_resolution_time(self, this: Value, arguments: Sequence[Value]) -> Array:
        return Array(list(divmod(self.monotonic(), 1_000_000_000)))

    def _new_date(self, arguments: Sequence[Value]) -> Thing:
        now = self.realtime() // 1_000_000
        return Thing(
            {
                "getTime": Function(lambda this, arguments: now),
                "getTimezoneOffset": Function(lambda this, arguments: 0),
                "toISOString": Function(
                    lambda this, arguments: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now // 1000))
                ),
            }
        )

    def _print(self, this: Value, arguments: Sequence[Value]) -> Value:
        line = joined(" ", map(text_of, arguments)) + "\n"
        self.files.write_later(2, line.encode("utf-8", "replace"))
        return UNDEFINED

    def _random_values(self, this: Value, arguments: Sequence[Value]) -> Value:
        target = argument(arguments, 0)
        if not isinstance(target, Bytes):
            raise throw("TypeError", "a Uint8Array is expected")
        target.data[:] = self.random(len(target.data))
        return target

    def bytes_of(self, size: int) -> Bytes:
        """A new Uint8Array, all zeros. Raises Exhausted."""
        made = Bytes()
        made.count(self.limits, THING_BYTES + size)
        made.data = bytearray(size)
        return made

    def _new_bytes(self, arguments: Sequence[Value]) -> Bytes:
        given = argument(arguments, 0)
        length = len(given.data) if isinstance(given, Bytes) else len(given.items) if isinstance(given, Array) else None
        if length is None:
            length = number_of(given)
            if not 0 <= length <= LONGEST_ARRAY:
                raise throw("RangeError", f"Invalid typed array length: {length}")
        made = self.bytes_of(length)
        if isinstance(given, Bytes):
            made.data[:] = given.data
        elif isinstance(given, Array):
            made.data[:] = bytes(number_of(item) & 0xFF for item in given.items)
        return made

    def _new_array(self, arguments: Sequence[Value]) -> Array:
        made = Array(arguments)
        made.count(self.limits, THING_BYTES + sum(map(size_of, arguments)))
        return made


def _not_called(this: Value, arguments: Sequence[Value]) -> Value:
    raise throw("TypeError", "it has to be made with new")


def _error(this: Value, arguments: Sequence[Value]) -> Thing:
    return Thing({"name": "Error", "message": text_of(argument(arguments, 0))})
