"""Host functions that want what pointers lead to, and not the pointers (see ``Carried``).

Between their callee and Python stands a function of JavaScript (``bridge/browser/carrying.js``), which copies what the
pointers lead to into the area and the results to where they belong. So a call crosses to Python once; a function that
reaches into the guest's memory itself crosses again for each piece. Whatever is not as it should be, that function
gets: it is the one truth, and says what is wrong.
"""

from __future__ import annotations

import struct
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wasmarium.engines.host import shims
from wasmarium.engines.host.functions import Imported
from wasmarium.errors import Crash
from wasmarium.runtime.frames import Framed, Layout
from wasmarium.runtime.function import Carried, FunctionInstance, HostFunction, Lent, Pending
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.types import I32, I64, ValueType

if TYPE_CHECKING:
    from wasmarium.engines.host.glue import Handle, Ways
    from wasmarium.engines.host.memory import HostMemory
    from wasmarium.engines.host.realm import Realm

SLOW, DONE, KEEP = -4, -5, -6
"""Answers beside those of a callee: the call is none for this way; the results are in the area already; the result is
the same at every call."""

_FRAME, _GIVEN, _RESULT, _BYTES = 16, 120, 128, 256
"""Where in the area frames are, the number of bytes for a buffer, results, and bytes."""
_SIZE = struct.Struct("<I")

Maker = Callable[[], Callable[[], "int | None"]]
"""A method that makes a callback."""

LENT = 4096
"""Bytes that are lent at most."""

_FORMATS = {I32: "I", I64: "Q"}
_INWARD, _OUTWARD, _VECTORS = ("string", "gather"), ("buffer", "scatter"), ("gather", "scatter")
_ALIGNED = 8
"""Results that are structures hold something of 64 bits."""


class Plan:
    """What the roles of a function's parameters mean for the area."""

    def __init__(self, roles: tuple[str, ...], types: tuple[ValueType, ...]) -> None:
        self.bytes = self.result = self.more = self.stream = -1
        self.vectors = self.inward = False
        self.size, self.alignment = 0, 1
        self.length = 0
        """Which of the numbers that are passed on says how many bytes there are."""
        layout, place, passed = "<", 0, 0
        for role, each in zip(roles, types, strict=True):
            code = _FORMATS[each]
            size = struct.calcsize(f"<{code}")
            if role in (*_INWARD, *_OUTWARD):
                self.bytes = place
                self.vectors, self.inward = role in _VECTORS, role in _INWARD
            elif role.startswith(("out", "put")):
                self.result, self.size = place, int(role[3:])
                self.alignment = min(self.size, _ALIGNED)
            elif role == "more":
                self.more = place
            elif role == "stream":
                self.stream = place
            passes = role in ("number", "stream", "length", "count") or role.startswith("put")
            if role in ("length", "count"):
                self.length = passed
            layout += code if passes else f"{size}x"
            passed += passes
            place += size
        self.numbers = struct.Struct(layout)
        result = self.result, self.size, self.alignment, self.more
        self.places = (self.bytes, self.vectors, self.inward, *result, self.stream)
        """The same for carrying.js."""
        gives_count = self.bytes >= 0 and not self.inward
        self.packed = {4: struct.Struct("<I"), 8: struct.Struct("<Q")}.get(self.size)
        assert self.packed is not None or not gives_count


class _Standing(Imported, ABC):
    """An import that stands behind JavaScript which carries. ``bound`` is what is bound to ``memory``."""

    __slots__ = ("bound", "memory", "plain")

    plain: Handle
    """What the callee calls."""

    def __init__(self, realm: Realm, function: HostFunction, instance: ModuleInstance) -> None:
        super().__init__(realm, function, instance)
        self.bound: Callable[..., Any] = _nothing_yet
        self.memory: Any = None

    @abstractmethod
    def quick_callback(self) -> Callable[[], int | None]:
        """What JavaScript calls once the area has everything."""

    @abstractmethod
    def bind(self, memory: HostMemory, again: Callable[[], None]) -> Callable[..., Any]:
        """The function for one memory."""

    def forget(self) -> None:
        """It is no longer to be used."""
        self.bound = _nothing_yet

    def find(self, name: str) -> None:
        """Find the memory: before the first call there is none."""
        memory = self.reachable(name)
        if memory is None:
            return
        reference = weakref.ref(self)

        def again() -> None:
            imported = reference()
            if imported is not None:
                imported.forget()

        memory.before_watching.append(again)
        self.bound = self.bind(memory, again)
        self.memory = memory
        self.plain.use(memory.handle)


class CarriedImport(_Standing):
    """The import of a function whose operands are its parameters."""

    __slots__ = ("_area", "_lent", "_plan", "_way")

    def __init__(self, realm: Realm, function: HostFunction, way: Carried, instance: ModuleInstance) -> None:
        super().__init__(realm, function, instance)
        self._way = way
        self._plan = Plan(way.roles, function.type.parameters)
        lends = self._plan.stream >= 0
        self._area = realm.bridge.area(Lent.HEAD + LENT) if lends else None
        self._lent = Lent(bytearray(Lent.HEAD) if self._area is None else self._area.buffer)
        lent_at = 0 if self._area is None else self._area.address
        self.plain = realm.ways.carrier(self.callback, self.quick_callback, self._plan, lent_at)

    @property
    def keeps(self) -> bool:
        """Whether the result is the same at every call."""
        return self._way.constant

    def quick_callback(self) -> Callable[[], int | None]:
        """What JavaScript calls once the area has everything."""
        return _callback(self, self._plan)

    def bind(self, memory: HostMemory, again: Callable[[], None]) -> Callable[..., Any]:
        """See above."""
        return self._way.bind(memory, again, self._lent)

    def forget(self) -> None:
        """See above."""
        self._lent.take_back()
        self.plain.forget()
        super().forget()

    def answer(self, given: Any) -> int | None:
        """What the callee is told when the function has given what is no plain result."""
        if given is NotImplemented:
            if self.bound is _nothing_yet:
                self.find("memory")
            return SLOW
        if isinstance(given, Pending):
            answer = self.finish(given)
            return DONE if answer is None else answer
        raise Crash(f"a function that carries has given {given!r}")

    def failed(self, error: BaseException) -> int:
        """Likewise, when it has raised something."""
        if isinstance(error, RecursionError):
            return self.recursed(error)
        number = self._way.failure(error)
        return self.fail(self.realm.glue.current(), error) if number is None else number


def _nothing_yet(*arguments: Any) -> Any:
    return NotImplemented


def _callback(imported: CarriedImport, plan: Plan) -> Callable[[], int | None]:
    """What JavaScript calls once the area has everything. Like other callbacks it keeps nothing alive."""
    reference = weakref.ref(imported)
    buffer, view = imported.realm.buffer, imported.realm.view
    unpack, packed, length = plan.numbers.unpack_from, plan.packed, plan.length
    inward, outward = plan.bytes >= 0 and plan.inward, plan.bytes >= 0 and not plan.inward
    pack = _no_number if packed is None else packed.pack_into
    structure = KEEP if imported.keeps else None
    result = slice(_RESULT, _RESULT + plan.size + (4 if plan.more >= 0 else 0))

    def call() -> int | None:
        imported = reference()
        if imported is None:
            return shims.FAIL
        try:
            numbers = unpack(buffer)
            if inward:
                given = imported.bound(bytes(view[_BYTES : _BYTES + numbers[length]]), *numbers)
            else:
                given = imported.bound(*numbers)
            if given is None:
                return None
            kind = type(given)
            if kind is int:
                pack(buffer, _RESULT, given)
            elif kind is not bytes:
                return imported.answer(given)
            elif outward:
                count = len(given)
                view[_BYTES : _BYTES + count] = given
                pack(buffer, _RESULT, count)
            else:
                view[result] = given
                return structure
        except BaseException as error:
            return imported.failed(error)
        return None

    return call


def _no_number(buffer: bytearray, place: int, number: int) -> None:
    raise Crash("a function that carries has given a number, and has nowhere to put it")


class FramedImport(_Standing):
    """The import of a function with frames."""

    __slots__ = ("_way",)

    def __init__(self, realm: Realm, function: HostFunction, way: Framed, instance: ModuleInstance) -> None:
        super().__init__(realm, function, instance)
        self._way = way
        self.plain = realm.ways.framer(self.callback, self.quick_callback, way.layout)

    def quick_callback(self) -> Callable[[], int | None]:
        """What JavaScript calls once the area has everything."""
        return _framed_callback(self, self._way.layout)

    def bind(self, memory: HostMemory, again: Callable[[], None]) -> Callable[..., Any]:
        """See above."""
        return self._way.bind(memory, again)

    def answer(self, given: Any) -> int | None:
        """See :class:`CarriedImport`."""
        if given is NotImplemented:
            self.find(self._way.memory)
            return SLOW
        raise Crash(f"a function with frames has given {given!r}")

    def failed(self, error: BaseException) -> int:
        """See :class:`CarriedImport`."""
        if isinstance(error, self._way.declines):
            return SLOW
        if isinstance(error, RecursionError):
            return self.recursed(error)
        return self.fail(self.realm.glue.current(), error)


def _framed_callback(imported: FramedImport, layout: Layout) -> Callable[[], int | None]:
    """See :func:`_callback`."""
    reference = weakref.ref(imported)
    buffer, view = imported.realm.buffer, imported.realm.view
    unpack, count = layout.numbers.unpack_from, len(layout.pieces)
    result = slice(_RESULT, _RESULT + layout.out_size)
    first = layout.pieces[0].index if count else 0
    unit = layout.pieces[0].unit if count else 0
    second = layout.pieces[1] if count > 1 else None

    def call() -> int | None:
        imported = reference()
        if imported is None:
            return shims.FAIL
        try:
            numbers = unpack(buffer, _FRAME)
            if not count:
                given = imported.bound(*numbers)
            else:
                end = _BYTES + unit * numbers[first]
                content = bytes(view[_BYTES:end])
                if second is None:
                    given = imported.bound(content, *numbers)
                else:
                    more = bytes(view[end : end + second.unit * numbers[second.index]])
                    given = imported.bound(content, more, *numbers)
            kind = type(given)
            if kind is bytes:
                view[result] = given
            elif kind is tuple:
                content, given = given
                size = len(content)
                view[_BYTES : _BYTES + size] = content
                view[result] = given
                _SIZE.pack_into(buffer, _GIVEN, size)
            elif given is not None:
                return imported.answer(given)
        except BaseException as error:
            return imported.failed(error)
        return None

    return call


def make_import(realm: Realm, function: FunctionInstance, instance: ModuleInstance | None) -> tuple[Imported, Handle]:
    """An import, and what its callee is to call."""
    direct = function.direct if isinstance(function, HostFunction) else None
    if direct is not None and direct.carried is not None and instance is not None:
        assert isinstance(function, HostFunction)
        way = direct.carried
        if isinstance(way, Framed):
            framed = FramedImport(realm, function, way, instance)
            return framed, framed.plain
        carried = CarriedImport(realm, function, way, instance)
        return carried, carried.plain
    imported = Imported(realm, function, instance)
    return imported, realm.ways.later(imported.callback)


class HostWays:
    """Ways from the guests of a realm to Python. Callbacks are made when they are called first."""

    def __init__(self, realm: Realm) -> None:
        makers: list[weakref.WeakMethod[Maker]] = []
        self._makers = makers
        bridge, reference = realm.bridge, weakref.ref(realm)

        def resolve(number: int) -> Handle:
            try:
                make = makers[number]()
                return None if make is None else bridge.callback(make())
            except RecursionError:
                realm = reference()
                if realm is not None:
                    realm.overflowed = True
                return None

        self._resolve, self._bridge, self._area = resolve, bridge, realm.area
        self._ways: Ways | None = None

    @property
    def _made(self) -> Ways:
        ways = self._ways
        if ways is None:
            ways = self._ways = self._bridge.ways(self._area, self._bridge.callback(self._resolve))
        return ways

    def _number(self, make: Maker) -> int:
        self._makers.append(weakref.WeakMethod(make))
        return len(self._makers) - 1

    def later(self, make: Maker) -> Handle:
        """A way to the callback that a method makes."""
        return self._made.later(self._number(make))

    def carrier(
        self,
        slow: Maker,
        quick: Maker,
        plan: Plan,
        lent_at: int,
    ) -> Handle:
        """A way that carries, to ``quick``, and for what is not as it should be to ``slow``; what is lent is at
        ``lent_at``."""
        return self._made.carrier(self._number(slow), self._number(quick), *plan.places, lent_at)

    def framer(self, slow: Maker, quick: Maker, layout: Layout) -> Handle:
        """The same for a function with frames."""
        pieces = [number for piece in layout.pieces for number in (piece.place, piece.unit)]
        pieces += [-1] * (4 - len(pieces))
        room = -1 if layout.buffer is None else layout.buffer.place
        frame = layout.size, *pieces, room, layout.out, layout.out_size
        return self._made.framer(self._number(slow), self._number(quick), *frame)
