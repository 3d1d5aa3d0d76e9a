"""Custom sections whose content is known: names, producers, features, branch hints, linking.

The name section is read leniently, because a guest runs as well without names: what is broken is
left out. The others raise Malformed with an offset; nobody needs them to run a module. Ranges are
those of :class:`wasmarium.module.CustomSection`, the section's own name excluded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

from wasmarium.binary.reading import Cursor, malformed
from wasmarium.binary.writing import write_name, write_section
from wasmarium.errors import Malformed
from wasmarium.features import ALL
from wasmarium.leb128 import UNEXPECTED_END, read_u32, write_unsigned
from wasmarium.module import Names

NAME_MAPS = {
    1: "functions",
    4: "types",
    5: "tables",
    6: "memories",
    7: "globals",
    8: "elements",
    9: "data",
    11: "tags",
}
"""Subsections of the name section that name the things of one index space (section 7.4.1)."""

INDIRECT_NAME_MAPS = {2: "locals", 3: "labels", 10: "fields"}
"""Those that name things within each thing of an index space."""


def read_names(data: bytes, start: int, end: int) -> Names:
    """What the name section at ``data[start:end]`` says. Never fails.

    Bytes that are not UTF-8 become U+FFFD; a subsection that breaks off keeps what stood before.
    """
    names = Names()
    module: str | None = None
    position = start
    while position < end:
        kind = data[position]
        try:
            size, begin = read_u32(data, position + 1)
        except Malformed:
            break
        position = min(begin + size, end)
        try:
            if kind == 0:
                module, _ = _read_loose_name(data, begin, position)
            elif kind in NAME_MAPS:
                _read_name_map(data, begin, position, getattr(names, NAME_MAPS[kind]))
            elif kind in INDIRECT_NAME_MAPS:
                _read_indirect_name_map(data, begin, position, getattr(names, INDIRECT_NAME_MAPS[kind]))
        except Malformed:
            continue
    if module is None:
        return names
    return Names(module, **{field.name: getattr(names, field.name) for field in fields(Names)[1:]})


def _read_loose_name(data: bytes, position: int, end: int) -> tuple[str, int]:
    length, start = read_u32(data, position)
    position = start + length
    if position > end:
        raise malformed(UNEXPECTED_END, start)
    return data[start:position].decode("utf-8", "replace"), position


def _read_name_map(data: bytes, position: int, end: int, into: dict[int, str]) -> int:
    """Read a map into ``into`` and say where it ends; what was read stays when it breaks off."""
    count, position = read_u32(data, position)
    for _ in range(count):
        if position >= end:
            raise malformed(UNEXPECTED_END, position)
        index, position = read_u32(data, position)
        name, position = _read_loose_name(data, position, end)
        into[index] = name
    return position


def _read_indirect_name_map(data: bytes, position: int, end: int, into: dict[int, dict[int, str]]) -> None:
    count, position = read_u32(data, position)
    for _ in range(count):
        if position >= end:
            raise malformed(UNEXPECTED_END, position)
        index, position = read_u32(data, position)
        position = _read_name_map(data, position, end, into.setdefault(index, {}))


def write_names(names: Names) -> bytes:
    """The payload of a name section that says ``names``; empty maps are left out."""
    out = bytearray()
    content = bytearray()
    if names.module is not None:
        write_name(names.module, content)
        write_section(0, content, out)
    for kind in sorted(NAME_MAPS | INDIRECT_NAME_MAPS):
        content = bytearray()
        if kind in NAME_MAPS:
            flat: dict[int, str] = getattr(names, NAME_MAPS[kind])
            _write_name_map(flat, content)
            used = bool(flat)
        else:
            nested: dict[int, dict[int, str]] = getattr(names, INDIRECT_NAME_MAPS[kind])
            write_unsigned(len(nested), content)
            for index in sorted(nested):
                write_unsigned(index, content)
                _write_name_map(nested[index], content)
            used = bool(nested)
        if used:
            write_section(kind, content, out)
    return bytes(out)


def _write_name_map(names: dict[int, str], out: bytearray) -> None:
    write_unsigned(len(names), out)
    for index in sorted(names):
        write_unsigned(index, out)
        write_name(names[index], out)


# ---- the strict ones ----


class _Payload(Cursor):
    """A cursor that stops at the end of its section."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        # Cutting the tail off is what makes every method of the cursor stop there.
        super().__init__(data[:end], start, ALL)

    @property
    def more(self) -> bool:
        return self.position < len(self.data)

    def finish(self) -> None:
        if self.more:
            raise malformed("section size mismatch: bytes left over", self.position)

    def pair(self) -> tuple[str, str]:
        first = self.name()
        return first, self.name()


@dataclass(frozen=True, slots=True)
class Producer:
    """One field of the producers section: "language", "processed-by" or "sdk", with its values."""

    field: str
    values: tuple[tuple[str, str], ...]
    """Pairs of name and version."""


def read_producers(data: bytes, start: int, end: int) -> tuple[Producer, ...]:
    """The producers section (tool conventions, "Producers Section")."""
    payload = _Payload(data, start, end)

    def field() -> Producer:
        name = payload.name()
        return Producer(name, payload.vector("producers", payload.pair))

    found = payload.vector("producers", field)
    payload.finish()
    return found


@dataclass(frozen=True, slots=True)
class TargetFeature:
    """A feature that the tool chain used (``prefix`` "+"), or forbids ("-")."""

    prefix: str
    name: str


def read_target_features(data: bytes, start: int, end: int) -> tuple[TargetFeature, ...]:
    """The target_features section (tool conventions, "Target Features Section")."""
    payload = _Payload(data, start, end)

    def feature() -> TargetFeature:
        at = payload.position
        prefix = chr(payload.byte())
        if prefix not in "+-=":
            raise malformed("malformed target feature prefix", at)
        return TargetFeature(prefix, payload.name())

    found = payload.vector("features", feature)
    payload.finish()
    return found


@dataclass(frozen=True, slots=True)
class BranchHint:
    """A hint for the branch at ``offset``, counted from the first byte of the function's locals."""

    offset: int
    likely: bool


def read_branch_hints(data: bytes, start: int, end: int) -> dict[int, tuple[BranchHint, ...]]:
    """The metadata.code.branch_hint section: hints by function index (branch hinting proposal)."""
    payload = _Payload(data, start, end)

    def hint() -> BranchHint:
        offset = payload.u32()
        at = payload.position
        if payload.u32() != 1:
            raise malformed("malformed branch hint size", at)
        at = payload.position
        value = payload.byte()
        if value > 1:
            raise malformed("malformed branch hint", at)
        return BranchHint(offset, value == 1)

    found: dict[int, tuple[BranchHint, ...]] = {}
    for _ in range(payload.count("functions")):
        function = payload.u32()
        found[function] = payload.vector("branch hints", hint)
    payload.finish()
    return found


def write_branch_hints(hints: Mapping[int, Sequence[BranchHint]]) -> bytes:
    """The payload of a metadata.code.branch_hint section."""
    out = bytearray()
    write_unsigned(len(hints), out)
    for function in sorted(hints):
        write_unsigned(function, out)
        write_unsigned(len(hints[function]), out)
        for hint in hints[function]:
            write_unsigned(hint.offset, out)
            out += bytes((1, hint.likely))
    return bytes(out)


@dataclass(slots=True)
class DynamicLinking:
    """What the dylink.0 section says (tool conventions, "Dynamic Linking"). Sizes are in bytes and
    table elements, alignments are powers of two given by their log2."""

    memory_size: int = 0
    memory_align: int = 0
    table_size: int = 0
    table_align: int = 0
    needed: tuple[str, ...] = ()
    exports: tuple[tuple[str, int], ...] = ()
    """Name and flags of symbols."""
    imports: tuple[tuple[str, str, int], ...] = ()
    """Module, name and flags of symbols."""
    runtime_path: tuple[str, ...] = ()
    unknown: tuple[tuple[int, bytes], ...] = ()
    """Subsections of other kinds."""


def read_dynamic_linking(data: bytes, start: int, end: int) -> DynamicLinking:
    """The dylink.0 section."""
    payload = _Payload(data, start, end)
    found = DynamicLinking()

    def memory_information() -> None:
        found.memory_size, found.memory_align = payload.u32(), payload.u32()
        found.table_size, found.table_align = payload.u32(), payload.u32()

    def needed() -> None:
        found.needed = payload.vector("libraries", payload.name)

    def exports() -> None:
        found.exports = payload.vector("symbols", lambda: (payload.name(), payload.u32()))

    def imports() -> None:
        found.imports = payload.vector("symbols", lambda: (payload.name(), payload.name(), payload.u32()))

    def runtime_path() -> None:
        found.runtime_path = payload.vector("paths", payload.name)

    readers: dict[int, Callable[[], None]] = {
        1: memory_information,
        2: needed,
        3: exports,
        4: imports,
        5: runtime_path,
    }
    while payload.more:
        kind = payload.byte()
        size = payload.length()
        begin = payload.skip(size)
        after = payload.position
        if kind in readers:
            payload.position = begin
            readers[kind]()
            if payload.position != after:
                raise malformed("section size mismatch", begin)
        else:
            found.unknown += ((kind, data[begin:after]),)
    return found
