"""Where ours and an oracle may differ, and why. Everything else that differs is a finding."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from wasmarium.features import Features


@dataclass(frozen=True, slots=True)
class Difference:
    """``ours`` and ``theirs`` are searched in the messages ("" is: accepted); None stands for any.

    ``when`` looks at the input and the features, for what messages do not tell.
    """

    check: str
    ours: str | None
    theirs: str | None
    reason: str
    when: Callable[[bytes, Features], bool] = lambda data, features: True

    def explains(self, check: str, mine: str, other: str, data: bytes, features: Features) -> bool:
        """Whether this is such a difference."""
        return (
            check == self.check and _fits(self.ours, mine) and _fits(self.theirs, other) and self.when(data, features)
        )


def _fits(pattern: str | None, message: str) -> bool:
    if pattern is None:
        return True
    return not message if pattern == "" else re.search(pattern, message) is not None


def _legacy(data: bytes, features: Features) -> bool:
    return re.search(rb"\b(try|do|catch|delegate|rethrow)\b", data) is not None


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "verdict",
        "",
        "zero byte expected",
        "1.0 has a reserved zero byte where 2.0 has an index; we read an index whatever is switched off, so that "
        "a zero of several bytes, which linkers leave in call_indirect, is not refused",
        lambda data, features: not {"reference-types", "multi-memory"} <= features,
    ),
    Difference(
        "text",
        r"^unexpected token [a-z][a-z0-9_]*([.][a-z0-9_.]+)? ",
        "",
        "wasm-tools takes plain instructions behind the first one inside of parentheses, "
        "(i32.add local.get 0); the grammar of section 6.5.11 has only folded ones there",
    ),
    Difference(
        "text",
        r"^unexpected token [)] ",
        "",
        "wasm-tools lets the parenthesis of a folded block close while a plain one inside of it is open, whose end "
        "comes later; in the grammar of section 6.5.11 the instructions between parentheses are whole",
        lambda data, features: re.search(rb"[^(\s]\s+(block|loop|if|try_table)\b[^()]*[()]", data) is not None,
    ),
    Difference(
        "text",
        r"^(unexpected token [+]|unknown data segment|unknown element segment|i8 constant out of range)",
        "",
        "wasm-tools takes +1 for an index; in section 6.3.1 only signed numbers have a sign. "
        "memory.init $m +1 is then one index less",
        lambda data, features: re.search(rb"[+][0-9]", data) is not None,
    ),
    Difference(
        "text",
        "",
        "expected to continue a folded instruction",
        "wasm-tools reads the offset of a segment, where (offset ...) is left out, without blocks and what is in "
        "them; in section 6.6.11 any folded instruction may stand there. Validation refuses it",
        lambda data, features: re.search(rb"\(\s*(elem|data)\b[^()]*\(\s*(block|loop|if|try)", data) is not None,
    ),
    Difference(
        "text",
        "",
        "expected at least one module field",
        "wasm-tools wants some field in a text without (module ...); section 6.6.16 lets it be empty",
    ),
    Difference(
        "text",
        "",
        "unknown operator or unexpected token|expected an instruction",
        "wasm-tools does not parse the exceptions of before 3.0, which are a feature of ours",
        _legacy,
    ),
)


def explained(check: str, mine: str, other: str, data: bytes, features: Features) -> bool:
    """Whether the difference is a known one."""
    return any(row.explains(check, mine, other, data, features) for row in DIFFERENCES)
