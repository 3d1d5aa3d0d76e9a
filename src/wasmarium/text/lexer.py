"""Tokens of the text format (specification, section 6.3) and where they stand.

The whole text is cut by one regular expression into a list of strings, the cheapest form that
Python can make and walk through; where a token stands is worked out only when somebody asks, by
running the expression once more. Classes of tokens are told apart by their first character.

Annotations (``(@id ...)``) may stand between any two tokens, so they are taken out of the list; the
ones that mean something to us are kept aside with the index of the token that follows them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from wasmarium.errors import Location, Malformed

_IDCHAR = r"[0-9A-Za-z!#$%&'*+\-./:<=>?@\\^_`|~]"
_ESCAPE = r"\\(?:[0-9A-Fa-f]{2}|[nrt\\'\"]|u\{[0-9A-Fa-f]++(?:_[0-9A-Fa-f]++)*+\})"
_UNCLOSED = rf'"(?:[^"\\\x00-\x1f\x7f]|{_ESCAPE})*+'
_STRING = f'{_UNCLOSED}"'
_SPACE = (
    r"(?:[ \t\n\r]++|;;[^\n\r]*+"
    # A block comment without another one in it.
    r"|\(;[^(;]*+(?:;(?!\))[^(;]*+|\((?!;)[^(;]*+)*+;\))*+"
)
# An atom is all that could be a reserved token: whether it is a word, a number, a string or nothing
# of the sort is found out by who needs it.
_TOKEN = rf"\((?!;)(?:@{_IDCHAR}*+(?:{_STRING})?+)?+|\)|(?:{_IDCHAR}++|{_STRING})++|;(?!;)|[,\[\]{{}}]"

# Where nothing fits, one last match takes the whole rest, so that a text which cannot be cut
# shows itself by its last token.
_CUT = re.compile(rf"{_SPACE}({_TOKEN}|\Z|[\s\S]++)")
_ONE_TOKEN = re.compile(_TOKEN)
_ONE_STRING = re.compile(_STRING)
_STRING_START = re.compile(_UNCLOSED)
_OUTSIDE_COMMENT = re.compile(rf"{_STRING}|;;[^\n\r]*+|\(;")
_INSIDE_COMMENT = re.compile(r"\(;|;\)")
_NO_NEWLINE = re.compile(r"[^\n\r]")
_NEWLINE = re.compile(r"\r\n|\n|\r")
_BYTE_ESCAPE = re.compile(rb"\\(?:([0-9A-Fa-f]{2})|u\{([0-9A-Fa-f_]+)\}|([nrt\\'\"]))")
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\", b"'": b"'", b'"': b'"'}

IDENTIFIER_NAME = re.compile(rf"{_IDCHAR}+")
"""What may follow the ``$`` of an identifier without quotes."""

KNOWN_ANNOTATIONS = frozenset(("custom", "name", "metadata.code.branch_hint"))


@dataclass(frozen=True, slots=True)
class Annotation:
    """An annotation. ``before`` is the index of the token that follows it.

    ``tokens`` are its content with all parentheses kept; ``index`` counts every token of the text.
    """

    id: str
    tokens: tuple[str, ...]
    before: int
    index: int


class Tokens:
    """The tokens of ``source``: ``texts``, closed by an empty one (or more).

    Raises Malformed when the text cannot be cut into tokens: "illegal character", "unclosed
    string", "unclosed annotation", "malformed UTF-8 encoding" and the like.
    """

    def __init__(self, source: str | bytes) -> None:
        self.source = _decode(source)
        self._scanned = self.source
        self.texts: list[str] = _CUT.findall(self.source)
        if not self._is_cut():
            self._scanned = _without_comments(self.source)
            self.texts = _CUT.findall(self._scanned)
            if not self._is_cut():
                raise self._lexical_error()
        self.annotations: list[Annotation] = []
        # For each token its index among all, once annotations were taken out.
        self._kept: list[int] | None = None
        if "(@" in self._scanned:
            self._take_annotations()

    def _is_cut(self) -> bool:
        # Behind the rest that could not be cut stands one empty match.
        rest = self.texts[-2] if len(self.texts) > 1 else ""
        return not rest or _ONE_TOKEN.fullmatch(rest) is not None

    @cached_property
    def _offsets(self) -> list[int]:
        return [match.start(1) for match in _CUT.finditer(self._scanned)]

    @cached_property
    def _lines(self) -> list[int]:
        return _line_starts(self.source)

    def offset(self, index: int) -> int:
        """Where in the text (characters from its start) token ``index`` begins."""
        return self._offsets[self._kept[index] if self._kept is not None else index]

    def location(self, index: int) -> Location:
        """Line, column and offset (in characters of the text) of token ``index``."""
        return _locate(self._lines, self.offset(index))

    def error(self, message: str, index: int) -> Malformed:
        """Malformed at token ``index``."""
        return Malformed(message, self.location(index))

    def annotation_error(self, message: str, annotation: Annotation) -> Malformed:
        """Malformed at ``annotation``."""
        return self._raw_error(message, annotation.index)

    def _raw_error(self, message: str, index: int) -> Malformed:
        return Malformed(message, _locate(self._lines, self._offsets[index]))

    def string(self, index: int) -> bytes:
        """The bytes that the string literal ``index`` denotes; Malformed if it is none."""
        text = self.texts[index]
        if text[:1] != '"':
            raise self.error(f"unexpected token {text}", index)
        if text[-1] != '"' or (text.count('"') > 2 and not is_string(text)):
            raise self.error(f"unknown operator {text}", index)
        try:
            return string_bytes(text)
        except ValueError:
            raise self.error("malformed UTF-8 encoding: an escape is no Unicode scalar value", index) from None

    def name(self, index: int) -> str:
        """The string literal ``index`` as text; Malformed if it is not UTF-8."""
        try:
            return self.string(index).decode()
        except UnicodeDecodeError:
            raise self.error("malformed UTF-8 encoding", index) from None

    def identifier(self, index: int) -> str:
        """The name that identifier ``index`` (``$name`` or ``$"name"``) stands for."""
        text = self.texts[index]
        if text in ("$", '$""'):
            raise self.error("empty identifier", index)
        if not is_identifier(text):
            raise self.error(f"unknown operator {text}", index)
        if '"' not in text:
            return text[1:]
        try:
            return string_bytes(text[1:]).decode()
        except ValueError:
            raise self.error("malformed UTF-8 encoding", index) from None

    def _take_annotations(self) -> None:
        everything, end = self.texts, len(self.texts)
        self.texts, self._kept = [], []
        index = 0
        while index < end:
            token = everything[index]
            if token[:2] != "(@":
                self.texts.append(token)
                self._kept.append(index)
                index += 1
                continue
            start, depth = index, 1
            name = self._annotation_id(token, index)
            while depth:
                index += 1
                token = everything[index]
                if not token:
                    raise self._raw_error("unclosed annotation", start)
                depth += 1 if token[0] == "(" else -1 if token == ")" else 0
            if name in KNOWN_ANNOTATIONS:
                content = tuple(everything[start + 1 : index])
                self.annotations.append(Annotation(name, content, len(self.texts), start))
            index += 1

    def _annotation_id(self, token: str, index: int) -> str:
        name = token[2:]
        if '"' in name:
            if name[0] != '"':
                raise self._raw_error(f"unknown operator {token}", index)
            try:
                name = string_bytes(name).decode()
            except ValueError:
                raise self._raw_error("malformed UTF-8 encoding", index) from None
        if not name:
            raise self._raw_error("empty annotation id", index)
        return name

    def _lexical_error(self) -> Malformed:
        text = self._scanned
        offset = len(text) - len(self.texts[-2])
        before = self.texts[-3] if len(self.texts) > 2 and text[offset - 1] not in " \t\n\r" else ""
        if text[offset] == '"':
            if before == "(@":
                message = "empty annotation id"
            elif before == "$":
                message = "empty identifier"
            else:
                message = _string_fault(text, offset)
        elif text.startswith("(;", offset):
            message = "unclosed comment"
        else:
            message = f"illegal character {text[offset]!r}"
        return Malformed(message, _locate(self._lines, offset))


def is_string(token: str) -> bool:
    """Whether ``token``, which begins with a quote, is one string literal and nothing else."""
    return _ONE_STRING.fullmatch(token) is not None


def is_identifier(token: str) -> bool:
    """Whether ``token``, which begins with a dollar sign, is an identifier."""
    return '"' not in token or _ONE_STRING.fullmatch(token, 1) is not None


def string_bytes(literal: str) -> bytes:
    """The bytes that a string literal (with its quotes) denotes.

    Raises ValueError for an escape ``\\u{...}`` of something that is no Unicode scalar value.
    """
    raw = literal[1:-1].encode()
    return _BYTE_ESCAPE.sub(_unescape, raw) if b"\\" in raw else raw


def _unescape(match: re.Match[bytes]) -> bytes:
    byte, scalar, character = match.groups()
    if byte is not None:
        return bytes([int(byte, 16)])
    if scalar is not None:
        code = int(scalar, 16)
        if code > 0x10FFFF:
            raise ValueError(code)
        # That of a surrogate is a ValueError as well.
        return chr(code).encode()
    return _ESCAPED[character]


def _line_starts(source: str) -> list[int]:
    return [0, *(match.end() for match in _NEWLINE.finditer(source))]


def _locate(lines: list[int], offset: int) -> Location:
    line = bisect_right(lines, offset)
    return Location(offset=offset, line=line, column=offset - lines[line - 1] + 1)


def _decode(source: str | bytes) -> str:
    try:
        if isinstance(source, bytes):
            return source.decode()
        if not source.isascii():
            source.encode()
        return source
    except UnicodeDecodeError as error:
        before = source[: error.start].decode()  # type: ignore[union-attr]
    except UnicodeEncodeError as error:
        before = source[: error.start]
    raise Malformed("malformed UTF-8 encoding", _locate(_line_starts(before), len(before)))


def _without_comments(source: str) -> str:
    """``source`` with every closed block comment blanked out and nothing moved."""
    pieces: list[str] = []
    position = done = 0
    while opening := _OUTSIDE_COMMENT.search(source, position):
        position = opening.end()
        if opening[0] != "(;":
            continue
        depth = 1
        while depth:
            edge = _INSIDE_COMMENT.search(source, position)
            if edge is None:
                return "".join([*pieces, source[done:]])
            position = edge.end()
            depth += 1 if edge[0] == "(;" else -1
        pieces.append(source[done : opening.start()])
        pieces.append(_NO_NEWLINE.sub(" ", source[opening.start() : position]))
        done = position
    return "".join([*pieces, source[done:]])


def _string_fault(text: str, offset: int) -> str:
    match = _STRING_START.match(text, offset)
    assert match is not None
    after = text[match.end() : match.end() + 1]
    if after == "\\":
        return "illegal escape"
    if after in ("", "\n", "\r"):
        return "unclosed string"
    return f"illegal character {after!r}"
