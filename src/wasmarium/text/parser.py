"""The text format to the binary format: WAT in, bytes out (specification, chapter 6).

Whether the module is valid is not asked; indices that are numbers are passed on whatever they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from wasmarium.binary.custom import write_branch_hints, write_names
from wasmarium.binary.decoder import SECTION_ORDER
from wasmarium.binary.writing import PREAMBLE, write_custom_section, write_recursive_type, write_section, write_vector
from wasmarium.features import DEFAULT, Features
from wasmarium.leb128 import write_unsigned
from wasmarium.module import Names
from wasmarium.text.annotations import BRANCH_HINTS
from wasmarium.text.fields import ModuleReader
from wasmarium.text.lexer import Tokens
from wasmarium.text.source_map import SourceMap


@dataclass(frozen=True, slots=True)
class Assembly:
    """A module made from text: its bytes, its identifier if it has one, and where they come from."""

    data: bytes
    identifier: str | None
    source_map: SourceMap


def is_text(content: bytes) -> bool:
    """Whether a file is meant as text and not as a binary: it begins with a form, a comment or
    blanks. A picture does not, and neither does a file with nothing in it."""
    first = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    return content != b"" and first[:1] in (b"(", b";", b"")


def parse_module(source: str | bytes, *, names: bool = True, features: Features = DEFAULT) -> bytes:
    """The binary form of the module that ``source`` is, ``(module ...)`` or fields alone.

    The forms ``(module binary ...)`` and ``(module quote ...)`` of scripts are understood too.
    ``names`` says whether identifiers go into a name section. Raises Malformed with line, column and
    offset (in characters of the text) where the text breaks the grammar, and Invalid for a branch hint
    where there is no branch.
    """
    return assemble(source, names=names, features=features).data


def assemble(source: str | bytes, *, names: bool = True, features: Features = DEFAULT) -> Assembly:
    """As :func:`parse_module`, with the source map."""
    tokens = Tokens(source)
    texts = tokens.texts
    if texts[:2] != ["(", "module"]:
        if texts[0][:1] == "$":
            # Only (module has an identifier.
            raise ModuleReader(tokens, 0, 0, features).unexpected(0)
        return assemble_tokens(tokens, 0, texts.index(""), names=names, features=features)
    reader = ModuleReader(tokens, 2, 0, features)
    stop = reader.matching(0)
    if texts[stop + 1]:
        raise reader.unexpected(stop + 1)
    identifier = reader.identifier()
    kind = texts[reader.position]
    if kind not in ("binary", "quote"):
        return assemble_tokens(tokens, 2, stop, names=names, features=features)
    reader.position += 1
    content = reader.strings()
    reader.expect(")")
    if kind == "binary":
        return Assembly(content, identifier, SourceMap(Tokens("")))
    return assemble(content, names=names, features=features)


def assemble_tokens(
    tokens: Tokens, start: int, stop: int, *, names: bool = True, features: Features = DEFAULT
) -> Assembly:
    """The module whose identifier and fields are the tokens from ``start`` to ``stop``."""
    reader = ModuleReader(tokens, start, stop, features)
    reader.module()
    source_map = SourceMap(tokens)
    out = bytearray(PREAMBLE)
    _customs(reader, 0, out)
    previous = 0
    for section in SECTION_ORDER:
        if previous:
            _customs(reader, previous, out)
        if section == 10 and reader.hints:
            write_custom_section(BRANCH_HINTS, write_branch_hints(reader.hints), out)
        _section(reader, section, source_map, out)
        previous = section
    _customs(reader, previous, out)
    if names:
        payload = write_names(_names(reader))
        if payload:
            write_custom_section("name", payload, out)
    identifier = tokens.identifier(start) if tokens.texts[start][:1] == "$" else None
    return Assembly(bytes(out), identifier, source_map)


def _customs(reader: ModuleReader, after: int, out: bytearray) -> None:
    placed = [custom for custom in reader.customs if custom.after == after]
    for custom in sorted(placed, key=lambda custom: custom.late):
        write_custom_section(custom.name, custom.payload, out)


def _section(reader: ModuleReader, section: int, source_map: SourceMap, out: bytearray) -> None:
    content = bytearray()
    if section == 1:
        if reader.types.groups:
            write_vector(reader.types.groups, write_recursive_type, content)
            write_section(1, content, out)
    elif section == 8:
        if reader.start is not None:
            write_unsigned(reader.start, content)
            write_section(8, content, out)
    elif section == 12:
        if reader.uses_data:
            write_unsigned(reader.datas.count, content)
            write_section(12, content, out)
    else:
        buffer = reader.sections[section]
        if not buffer.count:
            return
        write_unsigned(buffer.count, content)
        content += buffer.content
        write_section(section, content, out)
        start = len(out) - len(buffer.content)
        if section == 10:
            for body in reader.bodies:
                source_map.add(start + body.start, body.offsets, body.marks)
        else:
            source_map.add(start, buffer.offsets, buffer.marks)


def _names(reader: ModuleReader) -> Names:
    fields = {index: space.names for index, space in reader.types.fields.items() if space.names}
    return Names(
        reader.module_name,
        reader.functions.names,
        reader.local_names,
        reader.labels_by_function,
        reader.types.names,
        reader.tables.names,
        reader.memories.names,
        reader.globals.names,
        reader.elements.names,
        reader.datas.names,
        fields,
        reader.tags.names,
    )
