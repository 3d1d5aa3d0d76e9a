"""Annotations with a meaning (specification, appendix "Custom Sections"; branch hinting proposal).

``(@custom "name" placement? "bytes"*)`` is a custom section, ``(@metadata.code.branch_hint "\\00")``
a hint for the instruction behind it. ``(@name "...")`` is read where identifiers are.
"""

from __future__ import annotations

from dataclasses import dataclass

from wasmarium.binary.decoder import SECTION_ORDER
from wasmarium.text.lexer import Annotation, Tokens, is_string, string_bytes

SECTION_WORDS = {
    1: "type",
    2: "import",
    3: "func",
    4: "table",
    5: "memory",
    6: "global",
    7: "export",
    8: "start",
    9: "elem",
    10: "code",
    11: "data",
    12: "datacount",
    13: "tag",
}
"""What a placement calls each section, by its id."""

BRANCH_HINTS = "metadata.code.branch_hint"
HINTED = frozenset(("if", "br_if"))
"""The instructions that a branch hint can be for."""

_SECTIONS = {word: section for section, word in SECTION_WORDS.items()}


@dataclass(frozen=True, slots=True)
class PlacedSection:
    """A custom section that stands behind section ``after`` (0: at the beginning); those placed
    directly before the next section are ``late``."""

    name: str
    payload: bytes
    after: int
    late: bool


def read_custom(annotation: Annotation, tokens: Tokens) -> PlacedSection:
    """The custom section that an annotation describes."""
    texts = list(annotation.tokens)

    def fail(message: str) -> Exception:
        return tokens.annotation_error(f"@custom annotation: {message}", annotation)

    def string(text: str) -> bytes:
        if not (text[:1] == '"' and is_string(text)):
            raise fail(f"unexpected token {text}")
        try:
            return string_bytes(text)
        except ValueError:
            raise fail("malformed UTF-8 encoding") from None

    if not texts or texts[0][:1] != '"':
        raise fail("missing section name")
    try:
        name = string(texts.pop(0)).decode()
    except UnicodeDecodeError:
        raise fail("malformed UTF-8 encoding") from None
    after, late = SECTION_ORDER[-1], True
    if texts and texts[0] == "(":
        if len(texts) < 2 or texts[1] not in ("before", "after"):
            raise fail("malformed placement")
        late = texts[1] == "before"
        place = texts[2] if len(texts) > 2 else ""
        if place == ("first" if late else "last"):
            after, late = (0, False) if late else (SECTION_ORDER[-1], False)
        elif place in _SECTIONS:
            rank = SECTION_ORDER.index(_SECTIONS[place])
            after = SECTION_ORDER[rank] if not late else SECTION_ORDER[rank - 1] if rank else 0
        else:
            raise fail("malformed section kind")
        if texts[3:4] != [")"]:
            raise fail("malformed placement")
        del texts[:4]
    return PlacedSection(name, b"".join(map(string, texts)), after, late)


def read_branch_hint(annotation: Annotation, tokens: Tokens) -> bool:
    """Whether a branch is likely, as an annotation says."""
    values = {b"\0": False, b"\1": True}
    if len(annotation.tokens) == 1 and is_string(annotation.tokens[0]):
        likely = values.get(string_bytes(annotation.tokens[0]))
        if likely is not None:
            return likely
    raise tokens.annotation_error(f'@{BRANCH_HINTS} annotation: "\\00" or "\\01" is expected', annotation)
