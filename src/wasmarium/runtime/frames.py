"""Functions whose operands are not their parameters: they lie in the guest's memory, at an address that is the one
parameter. So do those that Go's programs import.

A *frame* begins 8 bytes above that address. It is made of words of eight bytes: the operands, and behind them the
result.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wasmarium.runtime.memory import MemoryInstance

WORD = 8
"""Bytes of a word, and from the address to the frame."""

_FORMATS = {
    **dict.fromkeys(("text", "bytes", "values", "buffer", "skip"), "8x"),
    **dict.fromkeys(("number", "length", "count"), "Q"),
    **dict.fromkeys(("half", "half-length"), "I4x"),
    "signed": "q",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """What a pointer in a frame leads to: ``place`` is where the pointer is, in bytes from the beginning of the frame;
    the number ``index`` of those that are passed on says how many units of ``unit`` bytes there are."""

    role: str
    place: int
    index: int
    unit: int


class Layout:
    """What stands in the frames of a function. ``roles`` has a word for each of theirs.

    ``number`` is passed on, unsigned; ``signed`` likewise with its sign, and ``half`` the lower four bytes alone;
    ``skip`` is not. ``text`` and ``bytes`` are pointers to as many bytes as the next word, ``length``, says (or
    ``half-length``, of four bytes); ``values`` to as many words as ``count`` says. What they lead to is passed on
    before everything else, and each length and count in its turn. ``buffer``, with ``length``, is where bytes go that
    the function gives. ``outN``, the last, is where the N bytes of its result go.
    """

    def __init__(self, *roles: str) -> None:
        self.pieces: list[Piece] = []
        """What is passed on."""
        self.buffer: Piece | None = None
        self.out = self.out_size = 0
        """Where in the frame the result is, and its bytes."""
        layout, passed, end = "<", 0, 0
        for word, role in enumerate(roles):
            if role.startswith("out"):
                self.out, self.out_size = word * WORD, int(role[3:])
                continue
            if role in ("text", "bytes", "values", "buffer"):
                piece = Piece(role, word * WORD, passed, WORD if role == "values" else 1)
                if role == "buffer":
                    self.buffer = piece
                else:
                    self.pieces.append(piece)
            elif role != "skip":
                passed += 1
            layout += _FORMATS[role]
            end = word * WORD + (4 if "half" in role else WORD)
        self.numbers = struct.Struct(layout)
        """Of the operands; padded to whole words."""
        self.size = end
        """Bytes of the operands that are there in any case: the last may be half a word."""


@dataclass(frozen=True, slots=True)
class Framed:
    """A quicker way into a function with frames, for engines to which reaching into a guest's memory is dear: see
    ``Carried`` in ``runtime/function.py``. At most two pieces are passed on, none beside a buffer, and no length is a
    ``half-length``.

    ``bind(memory, again)`` makes the function for one memory, and calls ``again`` when it is no longer to be used and
    another is to be asked for. It gives the bytes of its result, or None where there is none; with a buffer it gives a
    pair, of what goes there, which has room, and of that. What it raises comes out of the guest; but after ``declines``
    nothing has been done, and the function itself is called. ``memory`` is under which name its callers export their
    memory.
    """

    layout: Layout
    bind: Callable[[MemoryInstance, Callable[[], None]], Callable[..., Any]]
    declines: type[BaseException]
    memory: str
