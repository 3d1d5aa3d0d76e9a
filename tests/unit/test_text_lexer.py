"""Tokens, strings, comments and annotations (section 6.3), and where they stand."""

from __future__ import annotations

import pytest

from wasmarium.errors import Malformed
from wasmarium.text.lexer import Tokens


def texts(source: str | bytes) -> list[str]:
    tokens = Tokens(source).texts
    assert tokens[-1] == ""
    return tokens[: tokens.index("")]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", []),
        ("  \t\n\r ", []),
        ("(module)", ["(", "module", ")"]),
        ("nop(nop)nop", ["nop", "(", "nop", ")", "nop"]),
        ("a;;b\nc", ["a", "c"]),
        ("a;;b\rc", ["a", "c"]),
        ("a(;b;)c", ["a", "c"]),
        ("a(;;)c", ["a", "c"]),
        ("a(; (; ;; ;) ;)c", ["a", "c"]),
        ('a(; " ;)c', ["a", "c"]),
        ('(; (; " ;) ;) "x"', ['"x"']),
        ('"(; ;)" ";;"', ['"(; ;)"', '";;"']),
        (";; (;\na", ["a"]),
        ("(; ;; ;) a", ["a"]),
        ('"a""b"', ['"a""b"']),
        ('$x"y"', ['$x"y"']),
        ("a,b;c[d]{e}", ["a", ",", "b", ";", "c", "[", "d", "]", "{", "e", "}"]),
        (r'"\"\\\n\u{1F600}\7f"', [r'"\"\\\n\u{1F600}\7f"']),
        ("offset=4 $a!#$%&'*+-./:<=>?@\\^_`|~", ["offset=4", "$a!#$%&'*+-./:<=>?@\\^_`|~"]),
        ('"ünï"', ['"ünï"']),
    ],
)
def test_tokens(source: str, expected: list[str]) -> None:
    assert texts(source) == expected


@pytest.mark.parametrize(
    ("source", "message", "line", "column"),
    [
        ("a\n  \x01", "illegal character '\\x01'", 2, 3),
        ("é", "illegal character 'é'", 1, 1),
        ('x "abc', "unclosed string", 1, 3),
        ('"ab\nc"', "unclosed string", 1, 1),
        ('"a\x02"', "illegal character '\\x02'", 1, 1),
        (r'"a\q"', "illegal escape", 1, 1),
        (r'"\u{}"', "illegal escape", 1, 1),
        ("a (; (; ;)", "unclosed comment", 1, 3),
        ('$"a\n"', "empty identifier", 1, 2),
        ("(@)", "empty annotation id", 1, 1),
        ("( (@a (b)", "unclosed annotation", 1, 3),
        (b"a\r\nb\xff", "malformed UTF-8 encoding", 2, 2),
        ("a \ud800", "malformed UTF-8 encoding", 1, 3),
    ],
)
def test_what_is_no_token(source: str | bytes, message: str, line: int, column: int) -> None:
    with pytest.raises(Malformed) as caught:
        Tokens(source)
    assert caught.value.message.startswith(message)
    assert (caught.value.location.line, caught.value.location.column) == (line, column)


def test_positions() -> None:
    source = 'ab\r\n (@x y) "é" \n\r(;\n;) (@name "n") z'
    tokens = Tokens(source)
    assert tokens.texts[:3] == ["ab", '"é"', "z"]
    found = [(tokens.location(i).line, tokens.location(i).column, tokens.offset(i)) for i in range(3)]
    assert found == [(1, 1, 0), (2, 9, 12), (5, 16, len(source) - 1)]
    (annotation,) = tokens.annotations
    assert (annotation.id, annotation.tokens, annotation.before) == ("name", ('"n"',), 2)


def test_nested_comments_keep_positions() -> None:
    tokens = Tokens("(; (;\n;) ;) a")
    assert tokens.location(0).line == 2
    assert tokens.location(0).column == 7


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ('""', b""),
        ('"abc"', b"abc"),
        (r'"\00\fF\n\t\r\"\'\\"', b"\x00\xff\n\t\r\"'\\"),
        (r'"\u{41}\u{10_FFFF}"', b"A\xf4\x8f\xbf\xbf"),
        ('"é"', b"\xc3\xa9"),
    ],
)
def test_strings(literal: str, expected: bytes) -> None:
    assert Tokens(literal).string(0) == expected


@pytest.mark.parametrize("literal", [r'"\u{d800}"', r'"\u{110000}"', r'"\u{1_0000_0000_0000_0000}"'])
def test_escapes_that_are_no_scalar_value(literal: str) -> None:
    with pytest.raises(Malformed, match="malformed UTF-8 encoding"):
        Tokens(literal).string(0)


@pytest.mark.parametrize("token", ['"a"b', '"a"@', '"a"$', '"a""b"', r'"\""b'])
def test_a_string_with_more_behind_it_is_no_string(token: str) -> None:
    with pytest.raises(Malformed, match="unknown operator"):
        Tokens(token).string(0)


def test_names_are_utf8() -> None:
    assert Tokens('"ab"').name(0) == "ab"
    with pytest.raises(Malformed, match="malformed UTF-8 encoding"):
        Tokens(r'"\ff"').name(0)


@pytest.mark.parametrize(("token", "name"), [("$a", "a"), ('$"a"', "a"), (r'$"\41 b"', "A b"), ("$a.b:c", "a.b:c")])
def test_identifiers(token: str, name: str) -> None:
    assert Tokens(token).identifier(0) == name


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("$", "empty identifier"),
        ('$""', "empty identifier"),
        ('$a"b"', "unknown operator"),
        (r'$"\ff"', "malformed UTF-8"),
    ],
)
def test_what_is_no_identifier(token: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        Tokens(token).identifier(0)


def test_annotations_may_hold_anything() -> None:
    source = '(@a , ; ] [ }} }x{ ({) ,{{};}] ;) (@"b" (@) (@ x) ")" "(" x")"y) a'
    assert texts(source) == ["a"]
