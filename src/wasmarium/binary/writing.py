"""Writing the pieces of a module in canonical form: every integer in the fewest bytes, every choice the shortest.

Each function appends to ``out``. Expressions and bodies come as bytes, ``end`` included, so that a
caller can pass on what it has read, or what :func:`write_instruction` made. Assembled like this::

    content = bytearray()
    write_vector(types, write_recursive_type, content)
    write_section(1, content, out)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, TypeVar

from wasmarium.instructions.immediates import write_value_type
from wasmarium.instructions.table import Instruction
from wasmarium.leb128 import Bytes, write_unsigned
from wasmarium.types import (
    FUNC,
    FUNCREF,
    I64,
    ArrayType,
    CompositeType,
    ExternalType,
    FieldType,
    FunctionImport,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    PackedType,
    RecursiveType,
    ReferenceType,
    StructType,
    SubType,
    TableType,
    TagType,
    ValueType,
    reference,
)

MAGIC = b"\0asm"
VERSION = b"\1\0\0\0"
PREAMBLE = MAGIC + VERSION
"""The eight bytes that a core module begins with (section 5.5.16)."""

EXTERNAL_KINDS = ("func", "table", "memory", "global", "tag")
"""Kinds of imports and exports, by their byte."""

_Item = TypeVar("_Item")


# ---- conventions (sections 5.1 and 5.2) ----


def write_bytes(data: Bytes, out: bytearray) -> None:
    """Bytes, with their length before them."""
    write_unsigned(len(data), out)
    out += data


def write_name(name: str, out: bytearray) -> None:
    """A name in UTF-8, with its length before it."""
    write_bytes(name.encode(), out)


def write_vector(items: Sequence[_Item], write: Callable[[_Item, bytearray], None], out: bytearray) -> None:
    """A vector, each item written by ``write``."""
    write_unsigned(len(items), out)
    for item in items:
        write(item, out)


def write_section(section: int, content: Bytes, out: bytearray, width: int = 1) -> None:
    """A section: its id, its size in ``width`` bytes or more, and its content (section 5.5.2).

    Some tools always give the size five bytes, so that they can fill it in afterwards.
    """
    out.append(section)
    start = len(out)
    write_unsigned(len(content), out)
    missing = width - (len(out) - start)
    if missing > 0:
        out[-1] |= 0x80
        out += b"\x80" * (missing - 1) + b"\x00"
    out += content


def write_custom_section(name: str, payload: Bytes, out: bytearray, width: int = 1) -> None:
    """A custom section (section 5.5.3)."""
    content = bytearray()
    write_name(name, content)
    content += payload
    write_section(0, content, out, width)


# ---- types (section 5.3) ----


def write_result_type(types: Sequence[ValueType], out: bytearray) -> None:
    """A vector of value types."""
    write_vector(types, write_value_type, out)


def write_field_type(field: FieldType, out: bytearray) -> None:
    """A field of a struct, or the element of an array."""
    if isinstance(field.storage, PackedType):
        out.append(field.storage.code)
    else:
        write_value_type(field.storage, out)
    out.append(field.mutable)


def write_composite_type(composite: CompositeType, out: bytearray) -> None:
    """A function, struct or array type."""
    if isinstance(composite, FunctionType):
        out.append(0x60)
        write_result_type(composite.parameters, out)
        write_result_type(composite.results, out)
    elif isinstance(composite, StructType):
        out.append(0x5F)
        write_vector(composite.fields, write_field_type, out)
    else:
        assert isinstance(composite, ArrayType)
        out.append(0x5E)
        write_field_type(composite.element, out)


def write_subtype(subtype: SubType, out: bytearray) -> None:
    """A composite type with its supertypes; a final one without any needs no more than itself."""
    if subtype.supertypes or not subtype.final:
        out.append(0x4F if subtype.final else 0x50)
        write_unsigned(len(subtype.supertypes), out)
        for supertype in subtype.supertypes:
            assert isinstance(supertype, int)
            write_unsigned(supertype, out)
    write_composite_type(subtype.composite, out)


def write_recursive_type(group: RecursiveType, out: bytearray) -> None:
    """A group of types; a group of one is written as that type."""
    if len(group.subtypes) == 1:
        write_subtype(group.subtypes[0], out)
    else:
        out.append(0x4E)
        write_vector(group.subtypes, write_subtype, out)


def _write_limits(limits: Limits, flags: int, out: bytearray) -> None:
    out.append(flags | (limits.maximum is not None))
    write_unsigned(limits.minimum, out)
    if limits.maximum is not None:
        write_unsigned(limits.maximum, out)


def write_memory_type(memory: MemoryType, out: bytearray) -> None:
    """A memory type; the usual page size goes without saying."""
    sized = memory.page_size_log2 != 16
    _write_limits(memory.limits, memory.shared << 1 | (memory.address is I64) << 2 | sized << 3, out)
    if sized:
        write_unsigned(memory.page_size_log2, out)


def write_table_type(table: TableType, out: bytearray) -> None:
    """A table type."""
    write_value_type(table.element, out)
    _write_limits(table.limits, (table.address is I64) << 2, out)


def write_global_type(global_type: GlobalType, out: bytearray) -> None:
    """A global type."""
    write_value_type(global_type.content, out)
    out.append(global_type.mutable)


def write_tag_type(tag: TagType, out: bytearray) -> None:
    """A tag type, the attribute 0 before its type index."""
    assert isinstance(tag.type, int)
    out.append(0)
    write_unsigned(tag.type, out)


def write_external_type(external: ExternalType, out: bytearray) -> None:
    """The type of an import, its kind before it."""
    if isinstance(external, FunctionImport):
        assert isinstance(external.type, int)
        out.append(0)
        write_unsigned(external.type, out)
    elif isinstance(external, TableType):
        out.append(1)
        write_table_type(external, out)
    elif isinstance(external, MemoryType):
        out.append(2)
        write_memory_type(external, out)
    elif isinstance(external, GlobalType):
        out.append(3)
        write_global_type(external, out)
    else:
        out.append(4)
        write_tag_type(external, out)


# ---- instructions (section 5.4) ----


def write_instruction(row: Instruction, immediates: Sequence[Any], out: bytearray) -> None:
    """An instruction with the values of its immediates, in the order of its row."""
    out += row.encoded
    for kind, value in zip(row.immediates, immediates, strict=True):
        kind.write(value, out)


def group_locals(types: Iterable[ValueType]) -> list[tuple[int, ValueType]]:
    """Locals one by one as runs of equal types."""
    return [(len(list(run)), value) for value, run in groupby(types)]


def write_locals(groups: Sequence[tuple[int, ValueType]], out: bytearray) -> None:
    """The locals of a function: runs of a type, each with its length."""
    write_unsigned(len(groups), out)
    for count, value in groups:
        write_unsigned(count, out)
        write_value_type(value, out)


def write_code(groups: Sequence[tuple[int, ValueType]], body: Bytes, out: bytearray) -> None:
    """A code entry: its size, its locals, its body."""
    entry = bytearray()
    write_locals(groups, entry)
    entry += body
    write_bytes(entry, out)


# ---- entries of sections (section 5.5) ----


def write_import(module: str, name: str, external: ExternalType, out: bytearray) -> None:
    """An import."""
    write_name(module, out)
    write_name(name, out)
    write_external_type(external, out)


def write_export(name: str, kind: str, index: int, out: bytearray) -> None:
    """An export of EXTERNAL_KINDS."""
    write_name(name, out)
    out.append(EXTERNAL_KINDS.index(kind))
    write_unsigned(index, out)


def write_table(table: TableType, init: Bytes | None, out: bytearray) -> None:
    """A table, with the expression for its elements if it has one."""
    if init is not None:
        out += b"\x40\x00"
    write_table_type(table, out)
    if init is not None:
        out += init


def write_global(global_type: GlobalType, init: Bytes, out: bytearray) -> None:
    """A global and the expression for its value."""
    write_global_type(global_type, out)
    out += init


def write_element_segment(
    mode: str,
    element: ReferenceType,
    items: Sequence[int | Bytes],
    table: int,
    place: Bytes | None,
    out: bytearray,
) -> None:
    """An element segment of ``mode`` active, passive or declarative.

    ``items`` are all function indices or all expressions. Indices need the type (ref func); a segment
    of that type without any items is written as one of indices. ``table`` and ``place``, the
    expression for the offset, are for active ones.
    """
    indices = [item for item in items if isinstance(item, int)]
    short = element is reference(False, FUNC) and len(indices) == len(items)
    flags = 0 if short else 4
    if mode != "active":
        flags |= 3 if mode == "declarative" else 1
    elif table or not (short or element is FUNCREF):
        flags |= 2
    write_unsigned(flags, out)
    if mode == "active":
        assert place is not None
        if flags & 2:
            write_unsigned(table, out)
        out += place
    if flags & 3:
        if short:
            out.append(0)
        else:
            write_value_type(element, out)
    if short:
        write_vector(indices, write_unsigned, out)
    else:
        write_unsigned(len(items), out)
        for item in items:
            assert not isinstance(item, int)
            out += item


def write_data_segment(data: Bytes, memory: int, place: Bytes | None, out: bytearray) -> None:
    """A data segment: active with the expression ``place`` for its offset, passive without."""
    if place is None:
        out.append(1)
    else:
        out.append(2 if memory else 0)
        if memory:
            write_unsigned(memory, out)
        out += place
    write_bytes(data, out)
