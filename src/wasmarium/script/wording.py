"""Whether a message is the one that a script expects."""

from __future__ import annotations

from wasmarium.errors import WasmariumError

OTHER_WORDS = (
    # the script's, ours, why
    (
        "unexpected end of section or function",
        "END opcode expected",
        "the reference decoder runs on behind a body that lacks its end; here a body ends where its size says",
    ),
    ("section size mismatch", "END opcode expected", "the same"),
    ("type mismatch: instruction requires", "type mismatch", "wabt's words, left in the tests of exceptions"),
    ("type mismatch: block requires", "type mismatch", "wabt's words"),
)
"""What the official suite says in words of one implementation, and what ours begins with instead."""


def same_words(expected: str, error: WasmariumError) -> bool:
    """Whether ``error`` is what a script means by ``expected``: one says what the other says, or more."""
    found: str = getattr(error, "message", "") or str(error)
    return (
        expected in found
        or expected.startswith(found)
        or any(expected.startswith(theirs) and found.startswith(ours) for theirs, ours, _ in OTHER_WORDS)
    )
