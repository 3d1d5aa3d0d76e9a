"""Modules written byte by byte, for the tests of the binary format, and what two modules have in common.

Numbers up to 127 stand for themselves in LEB128, so everything here is kept shorter than that.
"""

from __future__ import annotations

from typing import Any

from wasmarium.module import CustomSection, Expression, Module

PREAMBLE = b"\0asm\1\0\0\0"


def section(number: int, content: bytes | str) -> bytes:
    """A section shorter than 128 bytes; a string is hexadecimal."""
    content = bytes.fromhex(content) if isinstance(content, str) else content
    assert len(content) < 128
    return bytes([number, len(content)]) + content


def module(*sections: bytes) -> bytes:
    """A module of these sections."""
    return PREAMBLE + b"".join(sections)


def custom(name: bytes, payload: bytes | str) -> bytes:
    """A custom section."""
    payload = bytes.fromhex(payload) if isinstance(payload, str) else payload
    return section(0, bytes([len(name)]) + name + payload)


# Every section, with more than one form of entry each. The comments are offsets in the module.
EVERYTHING = module(
    custom(b"first", "0102"),  # 8
    section(
        1,  # 18, content 20
        "05"
        "60 00 00"  # 21
        "60 02 7f 7e 01 63 70"  # 24: the long form of funcref
        "50 00 5f 02 78 01 7c 00"  # 31
        "4e 02 5e 64 01 01 4f 01 02 5f 03 7f 01 6e 00 77 01"  # 39
        "4e 01 60 00 00",  # 56
    ),
    section(
        2,  # 61, content 63
        "05"
        "01 61 01 66 00 01"  # 64
        "01 61 01 74 01 6f 01 02 03"  # 70
        "01 61 01 6d 02 04 01"  # 79
        "01 61 01 67 03 7b 01"  # 86
        "01 61 01 78 04 00 00",  # 93
    ),
    section(3, "02 00 00"),  # 100
    section(4, "02 70 00 0a 40 00 64 70 05 01 02 d2 00 0b"),  # 105, content 107
    section(5, "02 01 01 02 0d 01 02 00"),  # 121, content 123: 64 bits, page of one byte
    section(13, "01 00 00"),  # 131, content 133
    section(6, "02 7f 01 41 80 01 0b 64 02 00 fb 01 02 0b"),  # 136, content 138
    section(
        7,  # 152, content 154
        "05 01 66 00 00 02 c3 a9 01 81 00 00 02 00 01 67 03 80 80 80 00 01 78 04 01",
    ),
    section(8, "01"),  # 179
    section(
        9,  # 182, content 184
        "08"
        "00 41 01 0b 02 01 00"  # 185
        "01 00 01 00"  # 192
        "02 01 41 02 0b 00 01 00"  # 196
        "03 00 01 01"  # 204
        "04 41 03 0b 01 d0 70 0b"  # 208
        "05 6f 00"  # 216
        "06 01 41 04 0b 64 70 01 d2 00 0b"  # 219
        "07 70 01 d2 01 0b",  # 230
    ),
    section(12, "03"),  # 236
    section(10, "02 02 00 0b 04 01 02 7f 0b"),  # 239, content 241
    section(11, "03 00 41 00 0b 02 68 69 01 03 61 62 63 02 01 42 00 0b 00"),  # 250, content 252
    custom(b"name", "00 03 02 6d 65 01 04 01 00 01 66"),  # 271
)


def _plain(thing: Any, data: bytes) -> Any:
    if isinstance(thing, Expression):
        return data[thing.start : thing.end]
    if isinstance(thing, tuple) and not hasattr(thing, "_fields"):
        return tuple(_plain(item, data) for item in thing)
    return thing


def meaning(module: Module) -> dict[str, Any]:
    """All that a module says, without saying where it stands."""
    data = module.data

    def cut(things: tuple[Any, ...], *names: str) -> list[Any]:
        return [tuple(_plain(getattr(thing, name), data) for name in names) for thing in things]

    def payload(item: CustomSection) -> tuple[str, int, bytes]:
        return item.name, item.after, data[item.start : item.end]

    return {
        "sections": [(item.id, item.name, item.count) for item in module.sections],
        "types": module.types,
        "imports": cut(module.imports, "module", "name", "type"),
        "functions": module.functions,
        "tables": cut(module.tables, "type", "init"),
        "memories": cut(module.memories, "type"),
        "tags": cut(module.tags, "type"),
        "globals": cut(module.globals, "type", "init"),
        "exports": cut(module.exports, "name", "kind", "index"),
        "start": module.start,
        "elements": cut(module.elements, "mode", "type", "items", "table", "offset_expression"),
        "data count": module.data_count,
        "codes": [data[code.start : code.end] for code in module.codes],
        "datas": [
            (item.mode, item.memory, _plain(item.offset_expression, data), data[item.start : item.end])
            for item in module.datas
        ],
        "customs": [payload(item) for item in module.customs],
        "names": module.names,
    }
