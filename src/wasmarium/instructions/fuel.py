"""What an execution costs: every instruction one, but for some that do nothing by themselves, and every entry
of a function one more. The rule is wasmtime's.

Fuel is paid for a *block* of instructions at a time, before the block begins: straight-line code up to and
with an instruction of :data:`ENDS_BLOCK`.
"""

from __future__ import annotations

FREE = frozenset(
    "block loop else end nop drop unreachable return try_table try catch catch_all delegate atomic.fence".split()
)
"""Instructions that cost nothing."""

ENTRY = 1
"""What the entry of a function costs."""

ENDS_BLOCK = frozenset(
    """loop if else end br br_if br_table br_on_null br_on_non_null br_on_cast br_on_cast_fail return unreachable
    catch catch_all delegate throw throw_ref rethrow call call_indirect call_ref return_call return_call_indirect
    return_call_ref memory.atomic.wait32 memory.atomic.wait64""".split()
)
"""Instructions behind which the next one may be another, or may come only later."""
