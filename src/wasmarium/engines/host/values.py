"""Values between Python and the area, where shims find them.

The area has the numbers and vectors of a list one behind the other, little-endian, without gaps. An f32 goes
by its bits, so that a signalling NaN stays one; a vector as two halves. References are not in the area:
the realm puts them into its tables.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Protocol

from wasmarium.engines.host.shims import size
from wasmarium.instructions.numeric import f32_bits, f32_from_bits
from wasmarium.runtime.values import Value
from wasmarium.types import F32, F64, I32, I64, V128, ReferenceType, ValueType

_FORMATS = {I32: "I", I64: "Q", F32: "I", F64: "d", V128: "QQ"}
_HALF = (1 << 64) - 1


class Ground(Protocol):
    """The realm that values belong to."""

    @property
    def references(self) -> Any:
        """Puts references to where shims find them, and takes them from there."""
        ...


class Codec:
    """How a list of values of certain types is written to an area, and read.

    ``plain`` is the struct where nothing but its own conversion is needed, else None: then callers may
    skip ``pack`` and ``unpack``. ``signed`` is the same for signed integers.
    """

    def __init__(self, types: Sequence[ValueType]) -> None:
        self.types = tuple(types)
        self.size = size(types)
        layout = struct.Struct("<" + "".join(_FORMATS.get(each, "") for each in types))
        self.layout = layout
        plain = all(each in (I32, I64, F64) for each in types)
        self.plain = layout if plain else None
        self.signed = struct.Struct(layout.format.lower()) if plain else None

    def pack(self, realm: Ground, buffer: bytearray, values: Sequence[Value], first: int = 0) -> None:
        """Write ``values``, which have the right types; references begin at place ``first``."""
        plain = self.plain
        if plain is not None:
            plain.pack_into(buffer, 0, *values)
            return
        items: list[Any] = []
        for slot, (each, value) in enumerate(zip(self.types, values, strict=True), first):
            if isinstance(each, ReferenceType):
                realm.references.put(slot, each, value)
            elif each is F32:
                items.append(f32_bits(value))
            elif each is V128:
                items += (value & _HALF, value >> 64)
            else:
                items.append(value)
        self.layout.pack_into(buffer, 0, *items)

    def unpack(self, realm: Ground, buffer: bytearray) -> Sequence[Value]:
        """Read the values."""
        plain = self.plain
        if plain is not None:
            return plain.unpack_from(buffer, 0)
        items = iter(self.layout.unpack_from(buffer, 0))
        values: list[Value] = []
        for slot, each in enumerate(self.types):
            if isinstance(each, ReferenceType):
                values.append(realm.references.take(slot, each))
            elif each is F32:
                values.append(f32_from_bits(next(items)))
            elif each is V128:
                low = next(items)
                values.append(low | next(items) << 64)
            else:
                values.append(next(items))
        return values
