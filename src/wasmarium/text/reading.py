"""What every reader of the text format needs: a position in the tokens, and the ways to fail.

The specification's interpreter says "unknown operator" for a word that stands for nothing anywhere
and "unexpected token" for everything else that is out of place; its test suite tells them apart.
"""

from __future__ import annotations

from wasmarium.errors import Malformed
from wasmarium.features import Features
from wasmarium.instructions.table import BY_MNEMONIC
from wasmarium.text.lexer import Annotation, Tokens, is_identifier, is_string, string_bytes
from wasmarium.text.numbers import FloatFormat, OutOfRange, floating, integer, is_number, is_unsigned, unsigned
from wasmarium.types import HEAP_TYPES, I8, I16, NUMERIC_TYPES, ValueType, reference

VALUE_TYPE_WORDS: dict[str, ValueType] = {
    **NUMERIC_TYPES,
    **{value.name: value for value in (reference(True, heap) for heap in HEAP_TYPES.values())},
}
"""Value types that are one word."""

VECTOR_SHAPES = {"i8x16": 8, "i16x8": 16, "i32x4": 32, "i64x2": 64, "f32x4": 32, "f64x2": 64}
"""Bits of a lane."""

_WORDS = frozenset(
    "module definition instance binary quote type rec sub final func struct array field mut param result ref null"
    " local global table memory tag elem data item offset declare import export start then do shared pagesize"
    " catch_ref catch_all_ref nan:canonical nan:arithmetic either register invoke get".split()
).union(VALUE_TYPE_WORDS, HEAP_TYPES, (I8.name, I16.name), VECTOR_SHAPES, BY_MNEMONIC)


def is_index(token: str) -> bool:
    """Whether ``token`` begins as an index does: a number without a sign, or an identifier."""
    return token[:1] == "$" or token[:1].isdecimal()


def _is_known(token: str) -> bool:
    """Whether ``token`` means something somewhere in the text format."""
    first = token[:1]
    if first == '"':
        return is_string(token)
    if first == "$":
        return is_identifier(token)
    if token in _WORDS or first in ("", "(", ")"):
        return True
    if token.startswith(("offset=", "align=")):
        return is_unsigned(token.partition("=")[2])
    return is_number(token)


class Space:
    """The identifiers of one index space.

    ``keyword`` is what the text format calls its members, ``noun`` what messages do; ``names`` are
    the names by index, for the name section. Identifiers that nothing can refer to need not be ``unique``.
    """

    __slots__ = ("count", "indices", "keyword", "names", "noun", "unique")

    def __init__(self, keyword: str, noun: str, *, unique: bool = True) -> None:
        self.unique = unique
        self.keyword = keyword
        self.noun = noun
        self.count = 0
        self.indices: dict[str, int] = {}
        self.names: dict[int, str] = {}


class Reader:
    """A position in ``tokens``. Every method reads there and moves on."""

    def __init__(self, tokens: Tokens, position: int, features: Features) -> None:
        self.tokens = tokens
        self.texts = tokens.texts
        self.position = position
        self.features = features
        # Annotations that nobody has taken yet, by the token that follows them.
        self.name_annotations: dict[int, Annotation] = {}

    # ---- failing ----

    def error(self, message: str, index: int | None = None) -> Malformed:
        """Malformed at token ``index``, or at the current one."""
        return self.tokens.error(message, self.position if index is None else index)

    def unexpected(self, index: int | None = None) -> Malformed:
        """The error for a token that cannot stand where it does."""
        index = self.position if index is None else index
        token = self.texts[index]
        if not token:
            return self.error("unexpected token: the text ends here", index)
        if token in ("$", '$""'):
            return self.error("empty identifier", index)
        shown = token if len(token) <= 60 else f"{token[:60]}..."
        return self.error(f"{'unexpected token' if _is_known(token) else 'unknown operator'} {shown}", index)

    def need(self, feature: str, index: int | None = None) -> None:
        """Malformed unless ``feature`` is on; the token at ``index`` is what needs it."""
        if feature not in self.features:
            index = self.position if index is None else index
            what = self.texts[index]
            raise self.error(f"unknown operator {what}: it needs the feature {feature!r}, which is switched off", index)

    # ---- parentheses and words ----

    def accept(self, token: str) -> bool:
        """Whether the next token is ``token``; if so it is passed."""
        if self.texts[self.position] == token:
            self.position += 1
            return True
        return False

    def expect(self, token: str) -> None:
        """Pass ``token``, which must come next."""
        if self.texts[self.position] != token:
            raise self.unexpected()
        self.position += 1

    def opens(self, keyword: str) -> bool:
        """Whether ``(keyword`` comes next."""
        position = self.position
        return self.texts[position] == "(" and self.texts[position + 1] == keyword

    def enter(self, keyword: str) -> bool:
        """Whether ``(keyword`` comes next; if so it is passed."""
        if self.opens(keyword):
            self.position += 2
            return True
        return False

    def matching(self, opening: int) -> int:
        """The index of the parenthesis that closes the one at ``opening``."""
        texts = self.texts
        position = opening
        depth = 0
        while True:
            token = texts[position]
            if token == "(":
                depth += 1
            elif token == ")":
                depth -= 1
                if not depth:
                    return position
            elif not token:
                raise self.error("unexpected token: the text ends inside this", opening)
            position += 1

    # ---- numbers and strings ----

    def unsigned(self, bits: int, prefix: str = "") -> int:
        """An unsigned integer, behind ``prefix`` in the same token."""
        try:
            value = unsigned(self.texts[self.position][len(prefix) :], bits)
        except OutOfRange as error:
            raise self.error(str(error)) from None
        if value is None:
            raise self.unexpected()
        self.position += 1
        return value

    def integer(self, bits: int) -> int:
        """An integer, with a sign or without."""
        try:
            value = integer(self.texts[self.position], bits)
        except OutOfRange as error:
            raise self.error(str(error)) from None
        if value is None:
            raise self.unexpected()
        self.position += 1
        return value

    def floating(self, form: FloatFormat) -> int:
        """The bits of a floating-point number."""
        try:
            value = floating(self.texts[self.position], form)
        except OutOfRange as error:
            raise self.error(str(error)) from None
        if value is None:
            raise self.unexpected()
        self.position += 1
        return value

    def at_string(self) -> bool:
        """Whether a string literal comes next."""
        return self.texts[self.position][:1] == '"'

    def string(self) -> bytes:
        """A string literal."""
        if not self.at_string():
            raise self.unexpected()
        value = self.tokens.string(self.position)
        self.position += 1
        return value

    def strings(self) -> bytes:
        """Any number of string literals, joined."""
        pieces = []
        while self.at_string():
            pieces.append(self.string())
        return b"".join(pieces)

    def name(self) -> str:
        """A string literal that is UTF-8."""
        if not self.at_string():
            raise self.unexpected()
        value = self.tokens.name(self.position)
        self.position += 1
        return value

    # ---- identifiers ----

    def identifier(self) -> str | None:
        """The name of the identifier that comes next, or None."""
        if self.texts[self.position][:1] != "$":
            return None
        name = self.tokens.identifier(self.position)
        self.position += 1
        return name

    def name_annotation(self) -> str | None:
        """What the annotation ``(@name "...")`` before the next token says, or None."""
        annotation = self.name_annotations.pop(self.position, None)
        if annotation is None:
            return None
        if len(annotation.tokens) != 1 or not is_string(annotation.tokens[0]):
            raise self.tokens.annotation_error("@name annotation: unexpected token", annotation)
        try:
            return string_bytes(annotation.tokens[0]).decode()
        except ValueError:
            raise self.tokens.annotation_error("@name annotation: malformed UTF-8 encoding", annotation) from None

    def bind(self, space: Space) -> int:
        """A new member of ``space``, with the identifier and the name that may come next."""
        at = self.position
        index = space.count
        space.count += 1
        name = self.identifier()
        if name is not None:
            if space.indices.setdefault(name, index) != index and space.unique:
                raise self.error(f"duplicate {space.keyword} {self.texts[at]}", at)
            space.names[index] = name
        annotated = self.name_annotation() if self.name_annotations else None
        if annotated is not None:
            space.names[index] = annotated
        return index

    def index(self, space: Space) -> int:
        """An index into ``space``: a number (whether it exists is not asked) or an identifier."""
        token = self.texts[self.position]
        if token[:1] != "$":
            return self.unsigned(32)
        found = space.indices.get(token[1:]) if '"' not in token else None
        if found is None:
            found = space.indices.get(self.tokens.identifier(self.position))
            if found is None:
                raise self.error(f"unknown {space.noun} {token}")
        self.position += 1
        return found
