"""The calls under way: backtraces, locals, operands and the code around, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wasmarium.binary.code import read_locals
from wasmarium.bridge import Clock
from wasmarium.debug.listing import Listings
from wasmarium.debug.values import Plain, plain_frame, plain_value
from wasmarium.engines.base import Execution, FrameState
from wasmarium.errors import Frame, Trap
from wasmarium.features import Features
from wasmarium.module import Module
from wasmarium.runtime.function import WasmFunction
from wasmarium.types import ValueType
from wasmarium.validation import code_validator
from wasmarium.validation.code import CodeValidator

MOST_FRAMES = 60
"""Frames told of a deep stack: half of them innermost, half outermost."""

MOST_VALUES = 200
"""Locals, and operands, told of one frame."""

_SAMPLE_SHARE = 0.02
"""How much of the guest's time may go into sampling its stack."""

_SAMPLE_PAUSE = 100_000_000
"""Nanoseconds between two samples at least."""


def plain_trap(trap: Trap) -> Plain:
    """A trap with its backtrace."""
    frames, omitted = _ends([plain_frame(frame) for frame in trap.frames])
    return {
        "code": None if trap.code is None else trap.code.name,
        "message": trap.message,
        "frames": frames,
        "omitted": omitted,
    }


class CallWatcher:
    """Tells of the stack of one execution after the other, and of the code that runs."""

    def __init__(self, module: Module, features: Features) -> None:
        self._module = module
        self._features = features
        self._told: list[Plain] | None = None
        self._next_sample = 0
        self._listings: Listings | None = None
        self._listed: tuple[int, int | None] | None = None
        self._locals: dict[int, list[tuple[str | None, ValueType]]] = {}
        self._types: dict[tuple[int, int], list[ValueType]] = {}
        """By function and offset: those of the operands."""
        self._validator: CodeValidator | None = None

    def sample(self, execution: Execution, clock: Clock, at_once: bool) -> Plain:
        """The frames of a guest that runs, without their values, if it is time for that (``at_once``:
        in any case)."""
        now = clock.monotonic()
        if now < self._next_sample and not at_once:
            return {}
        states = execution.frames()
        found = self._frames([plain_frame(state.frame) for state in states])
        spent = clock.monotonic() - now
        self._next_sample = now + max(_SAMPLE_PAUSE, int(spent / _SAMPLE_SHARE))
        return found

    def stand(self, execution: Execution, selected: int) -> Plain:
        """The frames of a guest that stands still, with their values, and the code of one of them."""
        states = execution.frames()
        inner, outer = states[: MOST_FRAMES // 2], states[MOST_FRAMES // 2 :]
        kept = inner + outer[-MOST_FRAMES // 2 :]
        rows = [self._with_values(state) for state in kept]
        found = self._frames(rows, len(states) - len(kept))
        if selected < len(kept):
            found |= self._listing(kept[selected].frame)
        return found

    def after_trap(self, trap: Trap, selected: int) -> Plain:
        """The frames that a trap ended, and the code of one of them."""
        frames, omitted = _ends([plain_frame(frame) for frame in trap.frames])
        found = self._frames(frames, omitted)
        kept, _ = _ends(list(trap.frames))
        if selected < len(kept):
            found |= self._listing(kept[selected])
        return found

    def none(self) -> Plain:
        """Nothing runs any more."""
        return self._frames([])

    def _frames(self, rows: list[Plain], omitted: int | None = None) -> Plain:
        if omitted is None:
            rows, omitted = _ends(rows)
        if rows == self._told:
            return {}
        self._told = rows
        return {"frames": rows, "framesOmitted": omitted}

    def _with_values(self, state: FrameState) -> Plain:
        row = plain_frame(state.frame)
        function = state.function
        if isinstance(function, WasmFunction):
            named = self._local_types(function, len(state.locals))
            row["locals"] = [
                {"name": name} | plain_value(value_type, value)
                for (name, value_type), value in zip(named, state.locals, strict=False)
            ]
            row["operands"] = self._operands(function, state)
        return row

    def _operands(self, function: WasmFunction, state: FrameState) -> list[Plain]:
        """The topmost operands; those of an outer frame are without the arguments of its call."""
        offset, values = state.frame.offset, state.operands
        if not values or offset is None:
            return []
        place = function.index, offset
        types = self._types.get(place)
        if types is None:
            if self._validator is None:
                self._validator = code_validator(self._module, self._features)
            code = self._module.codes[function.index - self._module.imported_functions]
            types = self._types[place] = self._validator.operands(function.index, code, offset)
        rows = list(zip(types, values, strict=False))[-MOST_VALUES:]
        return [plain_value(value_type, value) for value_type, value in rows]

    def _local_types(self, function: WasmFunction, count: int) -> list[tuple[str | None, ValueType]]:
        known = self._locals.get(function.index)
        if known is None:
            module = function.instance.module
            code = module.codes[function.index - module.imported_functions]
            groups, _ = read_locals(module.data, code.start, code.end)
            types = list(function.type.parameters)
            for number, value_type in groups:
                types += [value_type] * min(number, MOST_VALUES, count)
            names = module.names.locals.get(function.index, {})
            known = [(names.get(i), value_type) for i, value_type in enumerate(types[:MOST_VALUES])]
            self._locals[function.index] = known
        return known

    def _listing(self, frame: Frame) -> Plain:
        index = frame.function_index
        place = (-1 if index is None else index, frame.instruction)
        if place == self._listed:
            return {}
        self._listed = place
        if index is None or frame.instruction is None:
            return {}
        if self._listings is None:
            self._listings = Listings(self._module)
        listing = self._listings.around(index, frame.instruction)
        return {} if listing is None else {"listing": listing}


def _ends(rows: Sequence[Any]) -> tuple[list[Any], int]:
    """Both ends of a long list, and how many are left out between them."""
    if len(rows) <= MOST_FRAMES:
        return list(rows), 0
    half = MOST_FRAMES // 2
    return [*rows[:half], *rows[-half:]], len(rows) - 2 * half
