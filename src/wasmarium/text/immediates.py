"""The text half of every kind of immediate: how it is read and how it is written.

The binary half is in :mod:`wasmarium.instructions.immediates`, where the Python values are described;
the forms here are keyed by the objects there. Most instructions write their immediates one after
the other, as the binary format does; the tuples in ``_FORMS`` are the ones that do not.

A type use that spells out a function type without an index stands for a type that may have to be
defined first; then a reader returns the :class:`FunctionType` in its place, and whoever emits the
instruction looks the index up (types are numbered in the order in which instructions are emitted).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any, Protocol

from wasmarium.instructions import immediates as imm
from wasmarium.instructions.immediates import CastArgument, Catch, Immediate, MemoryArgument
from wasmarium.instructions.table import BY_MNEMONIC, INSTRUCTIONS, Instruction
from wasmarium.text.numbers import (
    F32_FORMAT,
    F64_FORMAT,
    FloatFormat,
    is_number,
    is_unsigned,
    show_floating,
    show_signed,
)
from wasmarium.text.reading import VECTOR_SHAPES, Space, is_index
from wasmarium.text.types import TypeReader
from wasmarium.types import HeapType, ReferenceType, ValueType, reference


class InstructionReader(TypeReader):
    """A reader that knows the index spaces which instructions refer to."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.functions = Space("func", "function")
        self.tables = Space("table", "table")
        self.memories = Space("memory", "memory")
        self.globals = Space("global", "global")
        self.tags = Space("tag", "tag")
        self.elements = Space("elem", "elem segment")
        self.datas = Space("data", "data segment")
        self.locals = Space("local", "local")
        # Identifiers of the blocks that are open, outermost first, and for each one the depths
        # (numbers of blocks around) at which it stands.
        self.labels: list[str | None] = []
        self.label_depths: dict[str, list[int]] = {}

    def push_label(self, name: str | None) -> None:
        """A block begins."""
        if name is not None:
            self.label_depths.setdefault(name, []).append(len(self.labels))
        self.labels.append(name)

    def pop_label(self) -> None:
        """The innermost block is left."""
        name = self.labels.pop()
        if name is not None:
            self.label_depths[name].pop()

    def label(self) -> int:
        """A label index: a number of blocks to leave, or an identifier; the innermost one counts."""
        if self.texts[self.position][:1] != "$":
            return self.unsigned(32)
        depths = self.label_depths.get(self.tokens.identifier(self.position))
        if not depths:
            raise self.error(f"unknown label {self.texts[self.position]}")
        self.position += 1
        return len(self.labels) - 1 - depths[-1]


class Namer(Protocol):
    """How the printer writes an index of each space (by its keyword), types and labels."""

    def index(self, keyword: str, index: int) -> str:
        """``$name`` or the number."""

    def field(self, type_index: int, index: int) -> str:
        """A field of a struct."""

    def label(self, index: int) -> str:
        """A label of the blocks that are open."""

    def block_type(self, index: int) -> str:
        """A type use with its parameters and results spelled out."""


Values = tuple[Any, ...]


class Form:
    """How the immediates of an instruction look in text."""

    __slots__ = ("parse", "show")

    def __init__(
        self,
        parse: Callable[[InstructionReader, Instruction], Values],
        show: Callable[[Values, Instruction, Namer], str],
    ) -> None:
        self.parse = parse
        self.show = show


# ---- one kind at a time ----

_Parse = Callable[[InstructionReader], Any]
_Show = Callable[[Any, Namer], str]
_KINDS: dict[Immediate, tuple[_Parse, _Show]] = {}

_SPACES: dict[Immediate, str] = {
    imm.FUNCTION: "functions",
    imm.TYPE: "types",
    imm.TABLE: "tables",
    imm.MEMORY: "memories",
    imm.GLOBAL: "globals",
    imm.LOCAL: "locals",
    imm.DATA: "datas",
    imm.ELEMENT: "elements",
    imm.TAG: "tags",
}
_KEYWORDS: dict[Immediate, str] = {
    imm.FUNCTION: "func",
    imm.TYPE: "type",
    imm.TABLE: "table",
    imm.MEMORY: "memory",
    imm.GLOBAL: "global",
    imm.LOCAL: "local",
    imm.DATA: "data",
    imm.ELEMENT: "elem",
    imm.TAG: "tag",
}


def _indices(kind: Immediate) -> tuple[_Parse, _Show]:
    attribute, keyword = _SPACES[kind], _KEYWORDS[kind]
    return (
        lambda reader: reader.index(getattr(reader, attribute)),
        lambda value, namer: namer.index(keyword, value),
    )


for _kind in _SPACES:
    _KINDS[_kind] = _indices(_kind)


def _floats(form: FloatFormat) -> tuple[_Parse, _Show]:
    return lambda reader: reader.floating(form), lambda value, namer: show_floating(value, form)


def show_heap_type(heap: HeapType, namer: Namer) -> str:
    """A heap type as the text format has it."""
    return namer.index("type", heap) if isinstance(heap, int) else repr(heap)


def show_value_type(value: ValueType, namer: Namer) -> str:
    """A value type as the text format has it."""
    if value.code is not None or not isinstance(value, ReferenceType):
        return value.name
    return f"(ref {'null ' if value.nullable else ''}{show_heap_type(value.heap, namer)})"


def show_value_types(keyword: str, values: Sequence[ValueType], namer: Namer) -> str:
    """``(keyword t*)``, or nothing for no types."""
    if not values:
        return ""
    return f"({keyword} {' '.join(show_value_type(value, namer) for value in values)})"


def _parse_labels(reader: InstructionReader) -> tuple[int, ...]:
    labels = [reader.label()]
    while is_index(reader.texts[reader.position]):
        labels.append(reader.label())
    return tuple(labels)


def _parse_cast(reader: InstructionReader) -> CastArgument:
    return CastArgument(reader.label(), reader.reference_type(), reader.reference_type())


def _show_cast(value: CastArgument, namer: Namer) -> str:
    types = f"{show_value_type(value.source, namer)} {show_value_type(value.target, namer)}"
    return f"{namer.label(value.label)} {types}"


def _parse_catches(reader: InstructionReader) -> tuple[Catch, ...]:
    catches = []
    while True:
        for kind in imm.CATCH_KINDS:
            if reader.enter(kind):
                tag = None if kind.startswith("catch_all") else reader.index(reader.tags)
                catches.append(Catch(kind, tag, reader.label()))
                reader.expect(")")
                break
        else:
            return tuple(catches)


def _show_catches(catches: tuple[Catch, ...], namer: Namer) -> str:
    shown = []
    for catch in catches:
        tag = "" if catch.tag is None else f" {namer.index('tag', catch.tag)}"
        shown.append(f"({catch.kind}{tag} {namer.label(catch.label)})")
    return " ".join(shown)


def _parse_block_type(reader: InstructionReader) -> Any:
    use = reader.type_use(named=False)
    if use.index is not None:
        return use.index
    parameters, results = use.inline.parameters, use.inline.results
    if parameters or len(results) > 1:
        return use.inline
    return results[0] if results else None


def _show_block_type(value: Any, namer: Namer) -> str:
    if value is None:
        return ""
    return namer.block_type(value) if isinstance(value, int) else f"(result {show_value_type(value, namer)})"


def lanes_of(shape: str, bits: int) -> list[int]:
    """The 16 bytes of ``bits`` cut into lanes of ``shape``, least significant first."""
    width = VECTOR_SHAPES[shape]
    return [bits >> at & ((1 << width) - 1) for at in range(0, 128, width)]


def _parse_vector(reader: InstructionReader) -> int:
    shape = reader.texts[reader.position]
    width = VECTOR_SHAPES.get(shape)
    if width is None:
        raise reader.unexpected()
    reader.position += 1
    lanes = 128 // width
    given = reader.texts[reader.position : reader.position + lanes + 1]
    if any(token in ("(", ")", "") for token in given[:lanes]) or is_number(given[lanes]):
        raise reader.error(f"wrong number of lane literals: {shape} has {lanes}")
    bits = 0
    for at in range(0, 128, width):
        bits |= parse_lane(reader, shape) << at
    return bits


def parse_lane(reader: TypeReader, shape: str) -> int:
    """The bits of one lane of a vector constant."""
    width = VECTOR_SHAPES[shape]
    if shape[0] == "f":
        return reader.floating(F32_FORMAT if width == 32 else F64_FORMAT)
    return reader.integer(width)


def _show_vector(value: int, namer: Namer) -> str:
    return "i32x4 " + " ".join(f"0x{lane:08x}" for lane in lanes_of("i32x4", value))


def _parse_lanes(reader: InstructionReader) -> tuple[int, ...]:
    given = list(takewhile(is_number, reader.texts[reader.position : reader.position + 17]))
    if len(given) != 16:
        raise reader.error("invalid lane length: a shuffle has 16 lanes")
    for at, token in enumerate(given, reader.position):
        if not is_unsigned(token):
            raise reader.error("i8 constant out of range", at)
    return tuple([reader.unsigned(8) for _ in given])


def _parse_value_types(reader: InstructionReader) -> tuple[ValueType, ...]:
    values: list[ValueType] = []
    reader.variables("result", None, values)
    return tuple(values)


_KINDS |= {
    imm.LABEL: (InstructionReader.label, lambda value, namer: namer.label(value)),
    imm.COUNT: (lambda reader: reader.unsigned(32), lambda value, namer: str(value)),
    imm.I32_CONST: (lambda reader: reader.integer(32), lambda value, namer: show_signed(value, 32)),
    imm.I64_CONST: (lambda reader: reader.integer(64), lambda value, namer: show_signed(value, 64)),
    imm.F32_CONST: _floats(F32_FORMAT),
    imm.F64_CONST: _floats(F64_FORMAT),
    imm.V128_CONST: (_parse_vector, _show_vector),
    imm.LANE: (lambda reader: reader.unsigned(8), lambda value, namer: str(value)),
    imm.LANES: (_parse_lanes, lambda value, namer: " ".join(map(str, value))),
    imm.BLOCK_TYPE: (_parse_block_type, _show_block_type),
    imm.VALUE_TYPES: (
        _parse_value_types,
        lambda value, namer: show_value_types("result", value, namer) or "(result)",
    ),
    imm.HEAP_TYPE: (InstructionReader.heap_type, show_heap_type),
    imm.CAST: (_parse_cast, _show_cast),
    imm.LABELS: (_parse_labels, lambda value, namer: " ".join(map(namer.label, value))),
    imm.CATCHES: (_parse_catches, _show_catches),
    imm.ZERO: (lambda reader: 0, lambda value, namer: ""),
}


# ---- instructions that do not simply put one after the other ----


def _sequence(kinds: tuple[Immediate, ...]) -> Form:
    pairs = [_KINDS[kind] for kind in kinds]
    if len(pairs) == 1:
        ((parse_one, show_one),) = pairs
        return Form(
            lambda reader, row: (parse_one(reader),),
            lambda values, row, namer: show_one(values[0], namer),
        )

    def show(values: Values, row: Instruction, namer: Namer) -> str:
        shown = (show(value, namer) for (_, show), value in zip(pairs, values, strict=True))
        return " ".join(filter(None, shown))

    return Form(lambda reader, row: tuple([parse(reader) for parse, _ in pairs]), show)


def _optional(kind: Immediate) -> Form:
    """One index, 0 when it is not there."""
    parse, show = _KINDS[kind]
    return Form(
        lambda reader, row: (parse(reader) if is_index(reader.texts[reader.position]) else 0,),
        lambda values, row, namer: show(values[0], namer) if values[0] else "",
    )


def _segment(segment: Immediate, target: Immediate) -> Form:
    """``target? segment``, in the binary format the other way round."""
    parse_segment, show_segment = _KINDS[segment]
    parse_target, show_target = _KINDS[target]

    def parse(reader: InstructionReader, row: Instruction) -> Values:
        two = is_index(reader.texts[reader.position + 1])
        to = parse_target(reader) if two else 0
        return parse_segment(reader), to

    def show(values: Values, row: Instruction, namer: Namer) -> str:
        shown = show_segment(values[0], namer)
        return f"{show_target(values[1], namer)} {shown}" if values[1] else shown

    return Form(parse, show)


def _copy(kind: Immediate) -> Form:
    """Destination and source, both 0 when they are not there."""
    parse_one, show_one = _KINDS[kind]

    def parse(reader: InstructionReader, row: Instruction) -> Values:
        if not is_index(reader.texts[reader.position]):
            return 0, 0
        return parse_one(reader), parse_one(reader)

    def show(values: Values, row: Instruction, namer: Namer) -> str:
        return " ".join(show_one(value, namer) for value in values) if any(values) else ""

    return Form(parse, show)


def _parse_memory_argument(reader: InstructionReader, row: Instruction, memory: int) -> MemoryArgument:
    offset, align = 0, row.width.bit_length() - 1
    token = reader.texts[reader.position]
    if token.startswith("offset="):
        offset = reader.unsigned(64, "offset=")
        token = reader.texts[reader.position]
    if token.startswith("align="):
        start = reader.position
        size = reader.unsigned(64, "align=")
        if not size or size & (size - 1):
            raise reader.error("alignment must be a power of two", start)
        align = size.bit_length() - 1
    return MemoryArgument(align, offset, memory)


def _parse_access(reader: InstructionReader, row: Instruction) -> Values:
    memory = reader.index(reader.memories) if is_index(reader.texts[reader.position]) else 0
    return (_parse_memory_argument(reader, row, memory),)


def _parse_lane_access(reader: InstructionReader, row: Instruction) -> Values:
    token, following = reader.texts[reader.position : reader.position + 2]
    memory = 0
    # A lone number is the lane.
    if token[:1] == "$" or (is_index(token) and (is_index(following) or following.startswith(("offset=", "align=")))):
        memory = reader.index(reader.memories)
    argument = _parse_memory_argument(reader, row, memory)
    return argument, reader.unsigned(8)


def _show_access(values: Values, row: Instruction, namer: Namer) -> str:
    align, offset, memory = values[0]
    shown = []
    if memory:
        shown.append(namer.index("memory", memory))
    if offset:
        shown.append(f"offset={offset}")
    if 1 << align != row.width:
        shown.append(f"align={1 << align}")
    shown.extend(str(lane) for lane in values[1:])
    return " ".join(shown)


def _parse_indirect_call(reader: InstructionReader, row: Instruction) -> Values:
    table = reader.index(reader.tables) if is_index(reader.texts[reader.position]) else 0
    use = reader.type_use(named=False)
    return use.inline if use.index is None else use.index, table


def _show_indirect_call(values: Values, row: Instruction, namer: Namer) -> str:
    function, table = values
    use = f"(type {namer.index('type', function)})"
    return f"{namer.index('table', table)} {use}" if table else use


def _parse_field(reader: InstructionReader, row: Instruction) -> Values:
    struct = reader.index(reader.types)
    fields = reader.types.fields.get(struct)
    if fields is None:
        if reader.texts[reader.position][:1] == "$":
            raise reader.error(f"unknown field {reader.texts[reader.position]}")
        return struct, reader.unsigned(32)
    return struct, reader.index(fields)


_FORMS: dict[tuple[Immediate, ...], Form] = {
    (imm.TABLE,): _optional(imm.TABLE),
    (imm.MEMORY,): _optional(imm.MEMORY),
    (imm.ELEMENT, imm.TABLE): _segment(imm.ELEMENT, imm.TABLE),
    (imm.DATA, imm.MEMORY): _segment(imm.DATA, imm.MEMORY),
    (imm.TABLE, imm.TABLE): _copy(imm.TABLE),
    (imm.MEMORY, imm.MEMORY): _copy(imm.MEMORY),
    (imm.MEMORY_ARGUMENT,): Form(_parse_access, _show_access),
    (imm.MEMORY_ARGUMENT, imm.LANE): Form(_parse_lane_access, _show_access),
    (imm.TYPE, imm.TABLE): Form(_parse_indirect_call, _show_indirect_call),
    (imm.TYPE, imm.FIELD): Form(
        _parse_field,
        lambda values, row, namer: f"{namer.index('type', values[0])} {namer.field(*values)}",
    ),
}


for _row in INSTRUCTIONS:
    if _row.immediates not in _FORMS:
        _FORMS[_row.immediates] = _sequence(_row.immediates)


def form_of(kinds: tuple[Immediate, ...]) -> Form:
    """How immediates of these kinds look together."""
    return _FORMS[kinds]


def _show_cast_target(values: Values, row: Instruction, namer: Namer) -> str:
    return show_value_type(reference(row.nullable, values[0]), namer)


def parse_variant(rows: tuple[Instruction, ...], reader: InstructionReader) -> tuple[Instruction, Values]:
    """The row that is meant where a mnemonic has two, and its immediates.

    ``select`` is told by its result types, ``ref.test`` and ``ref.cast`` by whether null passes.
    """
    plain, other = rows
    if other.immediates == (imm.HEAP_TYPE,):
        target = reader.reference_type()
        return (other if target.nullable else plain), (target.heap,)
    if reader.opens("result"):
        return other, form_of(other.immediates).parse(reader, other)
    return plain, form_of(plain.immediates).parse(reader, plain)


def show_immediates(row: Instruction, values: Values, namer: Namer) -> str:
    """The immediates of an instruction in text, "" when there is nothing to write."""
    if row.immediates == (imm.HEAP_TYPE,) and len(BY_MNEMONIC[row.mnemonic]) == 2:
        return _show_cast_target(values, row, namer)
    return form_of(row.immediates).show(values, row, namer)
