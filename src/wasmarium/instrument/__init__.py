"""Rewriting modules so that they count, stop and tell what they do, wherever they run.

A *pass* (``fuel``, …) says what code goes where; ``rewriting`` puts it there, ``additions`` is what the module
gets besides, and ``assembling`` writes it all. ``cutting`` and ``grammar`` find the instructions. Passes
compose: one rewriting does the work of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wasmarium.instrument.additions import Additions
from wasmarium.instrument.assembling import Surface, write_module
from wasmarium.instrument.rewriting import Pass, Plan, Rewriting
from wasmarium.module import Module

__all__ = ["Instrumented", "Pass", "instrument", "rewritten_by"]


@dataclass(frozen=True, slots=True)
class Instrumented:
    """A module as it was rewritten.

    ``data`` is the new module, ``code_start`` where in it the content of the code section begins. ``exports``
    tells by its role what was added: its kind and index.
    """

    original: Module

    data: bytes
    code_start: int
    exports: dict[str, tuple[str, int]]
    rewriting: Rewriting

    def original_offset(self, offset: int) -> int:
        """The offset in the original module that belongs to one in the code of the new module."""
        within = offset - self.code_start
        return self.rewriting.original_offset(self.rewriting.function_at(within), within)


def rewritten_by(module: Module, passes: Sequence[Pass]) -> tuple[Additions, Rewriting]:
    """What passes add to a valid module, and its code."""
    additions = Additions(module)
    plan = Plan(additions)
    for each in passes:
        each.prepare(plan)
    return additions, Rewriting(plan)


def instrument(module: Module, passes: Sequence[Pass]) -> Instrumented:
    """A valid module with what ``passes`` ask for. What they add is exported under ``wasmarium.`` and its role."""
    additions, rewriting = rewritten_by(module, passes)
    surface = Surface.of(module)
    surface.added = [(f"wasmarium.{role}", kind, index) for role, (kind, index) in additions.exports.items()]
    data, start = write_module(module, surface, additions, rewriting.content, rewriting.unlikely)
    return Instrumented(module, bytes(data), start, additions.exports, rewriting)
