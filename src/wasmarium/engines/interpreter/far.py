"""Access to a memory that is no buffer of Python's: one of the host engine, which an interpreted guest imports.

Each access crosses to the host once. The names are those of ``operations`` with ``far_`` before them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from wasmarium.instructions import numeric


def _reader(form: str) -> Callable[[Any, int], tuple[Any, ...]]:
    layout = struct.Struct(form)
    unpack, width = layout.unpack, layout.size

    def read(data: Any, address: int) -> tuple[Any, ...]:
        return unpack(data.read(address, width))

    return read


def _writer(form: str) -> Callable[[Any, int, Any], None]:
    pack = struct.Struct(form).pack

    def write(data: Any, address: int, value: Any) -> None:
        data.write(address, pack(value))

    return write


def far_load_f32(data: Any, address: int) -> float:
    return numeric.f32_from_bytes(data.read(address, 4), 0)


def far_store_f32(data: Any, address: int, value: float) -> None:
    content = bytearray(4)
    numeric.f32_to_bytes(content, 0, value)
    data.write(address, content)


NAMES: dict[str, Any] = {
    **{
        f"far_{name}": _reader(form)
        for name, form in (
            *(("u16", "<H"), ("s16", "<h"), ("u32", "<I"), ("s32", "<i")),
            *(("u64", "<Q"), ("u128", "<16s"), ("d64", "<d")),
        )
    },
    **{
        f"far_{name}": _writer(form)
        for name, form in (("p16", "<H"), ("p32", "<I"), ("p64", "<Q"), ("p128", "<16s"), ("pd64", "<d"))
    },
    "far_load_f32": far_load_f32,
    "far_store_f32": far_store_f32,
}
"""What texts about such a memory mention."""
