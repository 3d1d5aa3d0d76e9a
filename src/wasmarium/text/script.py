"""Reading ``.wast`` scripts: modules with commands that say what they must do.

The format is that of the specification's interpreter, with the additions that its official test suite
and the threads proposal use. Values and expected results keep the bits of numbers, so that every NaN
can be told from every other; who runs a script converts them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from wasmarium.errors import Location
from wasmarium.features import ALL, DEFAULT, Features
from wasmarium.text.fields import FIELD_WORDS
from wasmarium.text.immediates import parse_lane
from wasmarium.text.lexer import Tokens
from wasmarium.text.numbers import F32_FORMAT, F64_FORMAT
from wasmarium.text.parser import Assembly, assemble, assemble_tokens
from wasmarium.text.reading import VECTOR_SHAPES
from wasmarium.text.source_map import SourceMap
from wasmarium.text.types import TypeReader
from wasmarium.types import F32, F64, HEAP_TYPES, I32, I64, AbstractHeapType, ValueType

NAN_KINDS = ("nan:canonical", "nan:arithmetic")


# ---- values and patterns ----


@dataclass(frozen=True, slots=True)
class Number:
    """A number. ``bits``: an integer unsigned, a floating-point number as its bits."""

    type: ValueType
    bits: int


@dataclass(frozen=True, slots=True)
class NanPattern:
    """A result that is a NaN. ``kind``: "nan:canonical" (payload with only its top bit set) or
    "nan:arithmetic" (payload with at least its top bit set); the sign is free."""

    type: ValueType
    kind: str


@dataclass(frozen=True, slots=True)
class Vector:
    """A vector of ``shape`` (i8x16 ... f64x2). ``lanes`` are bits, in results also NaN patterns."""

    shape: str
    lanes: tuple[int | NanPattern, ...]

    @property
    def bits(self) -> int:
        """The vector as one number, lane 0 least significant. For vectors without patterns."""
        width = VECTOR_SHAPES[self.shape]
        bits = 0
        for i, lane in enumerate(self.lanes):
            assert isinstance(lane, int)
            bits |= lane << i * width
        return bits


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference, or a result that is one.

    ``kind`` is "null", "func", "extern", "host", or for results "any", "eq", "i31", "struct", "array",
    "exn". ``heap`` is the type of a null (None: any null at all), ``value`` the number of an extern or
    host reference (None: any).
    """

    kind: str
    heap: AbstractHeapType | str | None = None
    value: int | None = None


@dataclass(frozen=True, slots=True)
class Either:
    """A result that is one of several."""

    alternatives: tuple[Pattern, ...]


Value = Number | Vector | Reference
Pattern = Number | NanPattern | Vector | Reference | Either


# ---- modules and actions ----


@dataclass(frozen=True, slots=True)
class ScriptModule:
    """A module in a script. ``kind``: text, binary or quote; ``identifier`` has no dollar sign."""

    kind: str
    identifier: str | None
    location: Location
    content: bytes = field(repr=False, default=b"")
    """The bytes of a binary module, the text of a quoted one."""
    tokens: Tokens | None = field(repr=False, default=None)
    start: int = 0
    stop: int = 0

    def assemble(self, features: Features = DEFAULT, *, names: bool = True) -> Assembly:
        """The module's bytes and where they come from. Raises Malformed as the parser does."""
        if self.kind == "binary":
            return Assembly(self.content, self.identifier, SourceMap(Tokens("")))
        if self.kind == "quote":
            return assemble(self.content, names=names, features=features)
        assert self.tokens is not None
        return assemble_tokens(self.tokens, self.start, self.stop, names=names, features=features)

    def to_bytes(self, features: Features = DEFAULT) -> bytes:
        """The module's bytes. Raises Malformed as the parser does."""
        return self.assemble(features).data


@dataclass(frozen=True, slots=True)
class Invoke:
    """Call an exported function. ``module`` is an identifier, None for the latest module."""

    module: str | None
    name: str
    arguments: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Get:
    """Read an exported global."""

    module: str | None
    name: str


Action = Invoke | Get


# ---- commands ----


@dataclass(frozen=True, slots=True)
class Command:
    """Something that a script says, and where."""

    location: Location


@dataclass(frozen=True, slots=True)
class DefineModule(Command):
    """``(module ...)``: the module must be valid; it is instantiated unless it is a ``definition``."""

    module: ScriptModule
    definition: bool


@dataclass(frozen=True, slots=True)
class InstantiateModule(Command):
    """``(module instance $instance? $definition?)``: a new instance of a definition, or the latest."""

    instance: str | None
    definition: str | None


@dataclass(frozen=True, slots=True)
class Register(Command):
    """``(register "name" $module?)``: an instance's exports can be imported under a name."""

    name: str
    module: str | None


@dataclass(frozen=True, slots=True)
class Perform(Command):
    """An action on its own."""

    action: Action


@dataclass(frozen=True, slots=True)
class AssertReturn(Command):
    """The action ends normally with these results."""

    action: Action
    results: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class AssertTrap(Command):
    """The action, or instantiating the module, traps."""

    action: Action | ScriptModule
    message: str


@dataclass(frozen=True, slots=True)
class AssertExhaustion(Command):
    """The action runs out of some resource."""

    action: Action
    message: str


@dataclass(frozen=True, slots=True)
class AssertException(Command):
    """The action ends in an exception that nobody catches."""

    action: Action


@dataclass(frozen=True, slots=True)
class AssertSuspension(Command):
    """The action suspends without anybody to resume it."""

    action: Action
    message: str


@dataclass(frozen=True, slots=True)
class AssertMalformed(Command):
    """The module cannot be read; ``custom`` says that only a custom section or annotation is wrong."""

    module: ScriptModule
    message: str
    custom: bool


@dataclass(frozen=True, slots=True)
class AssertInvalid(Command):
    """The module can be read and is not valid; ``custom`` as in :class:`AssertMalformed`."""

    module: ScriptModule
    message: str
    custom: bool


@dataclass(frozen=True, slots=True)
class AssertUnlinkable(Command):
    """The module is valid and cannot be linked."""

    module: ScriptModule
    message: str


@dataclass(frozen=True, slots=True)
class Thread(Command):
    """``(thread $name (shared (module $m))* command*)``: commands that run beside the others."""

    name: str
    shared: tuple[str, ...]
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Wait(Command):
    """``(wait $name)``: until a thread has ended."""

    name: str


# ---- reading ----


def read_script(source: str | bytes) -> tuple[Command, ...]:
    """The commands of a script. Text that is a bare module is one command.

    Raises Malformed where the script itself breaks the grammar; what its modules say is read only
    when :meth:`ScriptModule.assemble` is called.
    """
    tokens = Tokens(source)
    reader = _ScriptReader(tokens, 0, ALL)
    end = tokens.texts.index("")
    if end and tokens.texts[0] == "(" and tokens.texts[1] in FIELD_WORDS:
        location = tokens.location(0)
        module = ScriptModule("text", None, location, tokens=tokens, stop=end)
        return (DefineModule(location, module, False),)
    return reader.commands(end, nested=False)


class _ScriptReader(TypeReader):
    """A reader of commands."""

    def commands(self, stop: int, *, nested: bool) -> tuple[Command, ...]:
        """The commands up to token ``stop``."""
        commands = []
        while self.position < stop:
            location = self.tokens.location(self.position)
            self.expect("(")
            keyword = self.texts[self.position]
            read = _COMMANDS.get(keyword)
            if read is not None:
                self.position += 1
                commands.append(read(self, location))
                self.expect(")")
            elif keyword == "thread" and not nested:
                commands.append(self._thread(location))
            else:
                raise self.unexpected()
        return tuple(commands)

    def _required(self) -> str:
        name = self.identifier()
        if name is None:
            raise self.unexpected()
        return name

    def _message(self) -> str:
        return self.string().decode("utf-8", "replace")

    # ---- modules ----

    def _module(self, location: Location) -> DefineModule | InstantiateModule:
        """What follows ``(module``."""
        if self.accept("instance"):
            return InstantiateModule(location, self.identifier(), self.identifier())
        definition = self.accept("definition")
        return DefineModule(location, self._module_content(location, self.position - 1 - definition), definition)

    def _module_content(self, location: Location, keyword: int) -> ScriptModule:
        """A module from its identifier on; the keyword ``module`` is token ``keyword``."""
        start = self.position
        identifier = self.identifier()
        kind = self.texts[self.position]
        if kind in ("binary", "quote"):
            self.position += 1
            return ScriptModule(kind, identifier, location, self.strings())
        stop = self.matching(keyword - 1)
        self.position = stop
        return ScriptModule("text", identifier, location, tokens=self.tokens, start=start, stop=stop)

    def _enclosed_module(self) -> ScriptModule:
        """``(module ...)`` inside an assertion."""
        location = self.tokens.location(self.position)
        self.expect("(")
        keyword = self.position
        self.expect("module")
        self.accept("definition")
        module = self._module_content(location, keyword)
        self.expect(")")
        return module

    def _register(self, location: Location) -> Register:
        return Register(location, self.name(), self.identifier())

    # ---- actions ----

    def _action(self) -> Action:
        """``(invoke ...)`` or ``(get ...)``."""
        self.expect("(")
        action: Action
        if self.accept("invoke"):
            action = self._invoke()
        elif self.accept("get"):
            action = self._get()
        else:
            raise self.unexpected()
        self.expect(")")
        return action

    def _invoke(self) -> Invoke:
        module, name = self.identifier(), self.name()
        arguments: list[Value] = []
        while self.texts[self.position] == "(":
            value = self._pattern()
            if isinstance(value, NanPattern | Either):
                raise self.error("unexpected token: a pattern is no argument")
            arguments.append(value)
        return Invoke(module, name, tuple(arguments))

    def _get(self) -> Get:
        return Get(self.identifier(), self.name())

    # ---- values ----

    def _pattern(self, *, choice: bool = False) -> Pattern:
        start = self.position
        self.expect("(")
        keyword = self.texts[self.position]
        self.position += 1
        pattern: Pattern
        if keyword in ("i32.const", "i64.const"):
            pattern = Number(I32 if keyword[1] == "3" else I64, self.integer(int(keyword[1:3])))
        elif keyword in ("f32.const", "f64.const"):
            lane = self._float_lane("f32x4" if keyword[1] == "3" else "f64x2")
            pattern = lane if isinstance(lane, NanPattern) else Number(F32 if keyword[1] == "3" else F64, lane)
        elif keyword == "v128.const":
            pattern = self._vector()
        elif keyword.startswith("ref."):
            self.position -= 1
            pattern = self._reference(keyword.removeprefix("ref."))
        elif keyword == "either" and not choice:
            alternatives = []
            while self.texts[self.position] == "(":
                alternatives.append(self._pattern(choice=True))
            pattern = Either(tuple(alternatives))
        else:
            raise self.unexpected(start + 1)
        self.expect(")")
        return pattern

    def _float_lane(self, shape: str) -> int | NanPattern:
        token = self.texts[self.position]
        if token in NAN_KINDS:
            self.position += 1
            return NanPattern(F32 if shape == "f32x4" else F64, token)
        return self.floating(F32_FORMAT if shape == "f32x4" else F64_FORMAT)

    def _vector(self) -> Vector:
        shape = self.texts[self.position]
        width = VECTOR_SHAPES.get(shape)
        if width is None:
            raise self.unexpected()
        self.position += 1
        lane: Callable[[], int | NanPattern] = lambda: parse_lane(self, shape)  # noqa: E731
        if shape[0] == "f":
            lane = lambda: self._float_lane(shape)  # noqa: E731
        return Vector(shape, tuple([lane() for _ in range(128 // width)]))

    def _reference(self, kind: str) -> Reference:
        start = self.position
        self.position += 1
        token = self.texts[self.position]
        if kind == "null":
            if token == ")":
                return Reference(kind)
            self.position += 1
            if token[:1] != "$" and token not in HEAP_TYPES:
                raise self.unexpected(self.position - 1)
            return Reference(kind, HEAP_TYPES.get(token, token))
        if kind not in ("host", *HEAP_TYPES):
            raise self.unexpected(start)
        value = None
        if token != ")":
            value = self.unsigned(32)
        return Reference(kind, value=value)

    # ---- assertions ----

    def _assert_return(self, location: Location) -> AssertReturn:
        action = self._action()
        results = []
        while self.texts[self.position] == "(":
            results.append(self._pattern())
        return AssertReturn(location, action, tuple(results))

    def _assert_trap(self, location: Location) -> AssertTrap:
        action = self._enclosed_module() if self.opens("module") else self._action()
        return AssertTrap(location, action, self._message())

    def _thread(self, location: Location) -> Thread:
        stop = self.matching(self.position - 1)
        self.position += 1
        name = self._required()
        shared = []
        while self.enter("shared"):
            self.expect("(")
            self.expect("module")
            shared.append(self._required())
            self.expect(")")
            self.expect(")")
        commands = self.commands(stop, nested=True)
        self.expect(")")
        return Thread(location, name, tuple(shared), commands)


_Read = Callable[[_ScriptReader, Location], Command]

_COMMANDS: dict[str, _Read] = {
    "module": _ScriptReader._module,
    "register": _ScriptReader._register,
    "invoke": lambda reader, location: Perform(location, reader._invoke()),
    "get": lambda reader, location: Perform(location, reader._get()),
    "assert_return": _ScriptReader._assert_return,
    "assert_trap": _ScriptReader._assert_trap,
    "assert_exhaustion": lambda reader, location: AssertExhaustion(location, reader._action(), reader._message()),
    "assert_exception": lambda reader, location: AssertException(location, reader._action()),
    "assert_suspension": lambda reader, location: AssertSuspension(location, reader._action(), reader._message()),
    "assert_malformed": lambda reader, location: AssertMalformed(
        location, reader._enclosed_module(), reader._message(), False
    ),
    "assert_malformed_custom": lambda reader, location: AssertMalformed(
        location, reader._enclosed_module(), reader._message(), True
    ),
    "assert_invalid": lambda reader, location: AssertInvalid(
        location, reader._enclosed_module(), reader._message(), False
    ),
    "assert_invalid_custom": lambda reader, location: AssertInvalid(
        location, reader._enclosed_module(), reader._message(), True
    ),
    "assert_unlinkable": lambda reader, location: AssertUnlinkable(
        location, reader._enclosed_module(), reader._message()
    ),
    "wait": lambda reader, location: Wait(location, reader._required()),
}
