"""How a guest is to be started, and its arguments as values."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wasmarium.errors import WasmError
from wasmarium.runtime.values import Value
from wasmarium.types import F32, F64, I32, I64, ReferenceType, ValueType


@dataclass(frozen=True, slots=True)
class Plan:
    """``name`` is the guest's own, its argument 0.

    ``invoke`` names the export to call (None runs the command); ``args`` are the guest's arguments
    without its name, or the values for the export; ``stdin`` is all input (None: it is fed live). ``engine`` is
    ``steps`` or ``speed``, see ``engines``."""

    name: str = "guest.wasm"
    invoke: str | None = None
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    stdin: str | None = None
    paused: bool = False
    engine: str = "steps"

    @staticmethod
    def of(plain: Mapping[str, Any]) -> Plan:
        """From plain data; what is missing has its default."""
        return Plan(
            plain.get("name") or "guest.wasm",
            plain.get("invoke"),
            tuple(plain.get("args") or ()),
            tuple((name, value) for name, value in plain.get("env") or ()),
            plain.get("stdin"),
            bool(plain.get("paused")),
            "speed" if plain.get("engine") == "speed" else "steps",
        )


def parse_values(types: Sequence[ValueType], texts: Sequence[str]) -> list[Value]:
    """Arguments of a call from what was typed. Raises WasmError for what cannot be one."""
    if len(types) != len(texts):
        raise WasmError(f"the function takes {len(types)} values, {len(texts)} were given")
    return [_parse(value_type, text.strip()) for value_type, text in zip(types, texts, strict=True)]


def _parse(type: ValueType, text: str) -> Value:
    try:
        if type is I32 or type is I64:
            return _integer(text, 32 if type is I32 else 64)
        if type is F64:
            return float(text)
        if type is F32:
            value = float(text)
            if math.isnan(value) or math.isinf(value):
                return value
            return struct.unpack("<f", struct.pack("<f", value))[0]
    except (ValueError, OverflowError):
        raise WasmError(f"{text!r} is not a value of type {type}") from None
    if isinstance(type, ReferenceType) and type.nullable and text in ("", "null"):
        return None
    raise WasmError(f"a value of type {type} cannot be typed")


def _integer(text: str, bits: int) -> int:
    value = int(text, 0) if text.lower().lstrip("+-").startswith("0x") else int(text)
    if not -(1 << (bits - 1)) <= value < 1 << bits:
        raise ValueError
    return value & ((1 << bits) - 1)
