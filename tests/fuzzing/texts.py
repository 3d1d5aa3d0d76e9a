"""Text damaged token by token, and what others read in it."""

from __future__ import annotations

import random

from fuzzing.case import Finding, Report
from fuzzing.corpus import Corpus
from fuzzing.differences import explained
from fuzzing.oracles import wasm_tools_parse, wasmtime_verdict, wat2wasm
from fuzzing.verdicts import differing, stem
from text.facts import facts
from wasmarium.binary.decoder import decode_module
from wasmarium.errors import Invalid, Malformed, Unsupported, WasmError
from wasmarium.features import ALL
from wasmarium.instructions.table import INSTRUCTIONS
from wasmarium.text.parser import parse_module
from wasmarium.types import FunctionType, RecursiveType

WORDS = (
    "( ) ( ) module type func param result local import export memory table global elem data tag rec sub final struct "
    "array field mut ref null any eq i31 none nofunc noextern noexn exn extern nullref funcref externref anyref i32 "
    "i64 f32 f64 v128 i8 i16 declare offset item shared pagesize start then else end block loop if try_table catch "
    "catch_ref catch_all catch_all_ref offset=1 offset=0xffffffff align=1 align=2 align=3 align=64 0 1 2 -1 +1 0x7f "
    "0xffff_ffff 4294967295 4294967296 18446744073709551615 18446744073709551616 -9223372036854775808 1_0 1__0 0x "
    'nan inf -inf nan:0x1 nan:canonical 1e10 1e999 0x1p-149 0x1.fffffffp127 1. .5 $x $y $"x" "" "a" "\\00" "\\u{7f}" '
    '"\\ff" $ = ;; (;;) i8x16 i16x8 i32x4 i64x2 f32x4 f64x2'
).split()
"""Words of the format and numbers at the ends of their ranges."""

_MNEMONICS = sorted({row.mnemonic for row in INSTRUCTIONS})


def mutate_tokens(tokens: list[str], random_: random.Random, others: list[str]) -> list[str]:
    """A few tokens exchanged, left out, put in, broken."""
    changed = list(tokens)
    for _ in range(random_.choice((1, 1, 1, 2, 3))):
        at = random_.randrange(len(changed) + 1)
        match random_.randrange(10):
            case 0 | 1:
                changed[at : at + 1] = [random_.choice(WORDS)]
            case 2:
                changed[at:at] = [random_.choice(WORDS)]
            case 3:
                changed[at : at + 1] = [random_.choice(_MNEMONICS)]
            case 4:
                del changed[at : at + random_.choice((1, 1, 2, 4))]
            case 5:
                changed[at : at + random_.choice((0, 1))] = [random_.choice(others)]
            case 6:
                other = random_.randrange(len(changed) + 1)
                if at < len(changed) and other < len(changed):
                    changed[at], changed[other] = changed[other], changed[at]
            case 7:
                start = random_.randrange(len(others))
                changed[at:at] = others[start : start + random_.choice((2, 5, 15))]
            case 8:
                if at < len(changed):
                    word = changed[at]
                    cut = random_.randrange(len(word) + 1)
                    changed[at] = (
                        word[:cut] + random_.choice('"$();@\\x0_+-.=e9é\0 \n') + word[cut + random_.randrange(2) :]
                    )
            case 9:
                # A whole parenthesis, elsewhere.
                start = random_.randrange(len(changed) + 1)
                while start < len(changed) and changed[start] != "(":
                    start += 1
                depth, stop = 0, start
                for stop in range(start, len(changed)):
                    depth += (changed[stop] == "(") - (changed[stop] == ")")
                    if depth <= 0:
                        break
                moved = changed[start : stop + 1]
                if random_.random() < 0.5:
                    del changed[start : stop + 1]
                changed[at:at] = moved
    return changed


def spell(tokens: list[str]) -> bytes:
    """The tokens as a text."""
    return " ".join(tokens).encode("utf-8", "surrogatepass")


def text_case(random_: random.Random, corpus: Corpus) -> tuple[bytes, str]:
    """A damaged text, and from where it comes."""
    tokens, name = corpus.text(random_)
    others, _ = corpus.text(random_)
    return spell(mutate_tokens(tokens, random_, others)), name


def check_text(text: bytes) -> Report:
    """That our parser reads ``text`` as wasm-tools does, or refuses it as that does."""
    findings: list[Finding] = []
    mine, data = "", b""
    try:
        data = parse_module(text, features=ALL)
    except WasmError as error:
        mine = str(error)
        if type(error) not in (Malformed, Invalid, Unsupported):
            findings.append(Finding(f"error of type {type(error).__name__}", mine))
        if error.location.line is None or len(mine) > 1000:
            findings.append(Finding("error of no use", mine[:2000]))
    made, other = wat2wasm(text)
    if bool(other) != bool(mine):
        made, other = wasm_tools_parse(text)
    counts = (("refused" if mine else "accepted", 1),)
    if bool(other) != bool(mine):
        if not explained("text", mine, other, text, ALL):
            kind = "text accepted, but wasm-tools refuses it" if other else "text refused, but wasm-tools accepts it"
            findings.append(
                Finding(
                    f"{kind}: {stem(other or mine)}", f"ours: {mine or 'accepted'}\nwasm-tools: {other or 'accepted'}"
                )
            )
    elif not mine:
        findings += _compare(data, made, text)
    return Report(tuple(findings), counts)


def _other_implicit_types(ours: tuple[object, ...], theirs: tuple[object, ...]) -> bool:
    """Whether the two differ by types that nobody wrote: a function or block without a type of its own
    has the least type that is equal (section 6.6.1). wasm-tools adds one where the equal one is written
    with names or numbers instead, or stands in a group, and takes one that is not final."""
    return set(ours) == set(theirs) or (ours != theirs and _without_plain(ours) == _without_plain(theirs))


def _without_plain(types: tuple[object, ...]) -> list[object]:
    return [
        group
        for group in types
        if not (
            isinstance(group, RecursiveType)
            and len(group.subtypes) == 1
            and isinstance(group.subtypes[0].composite, FunctionType)
        )
    ]


def _compare(data: bytes, made: bytes, text: bytes) -> list[Finding]:
    if data == made:
        return []
    try:
        theirs = facts(decode_module(made, ALL))
    except WasmError as error:
        # Text of features that are not ours ends here, and what is not well-formed in either.
        try:
            decode_module(data, ALL)
        except WasmError:
            return []
        # Nor can they, sometimes: control instructions in constant expressions come out without an end.
        if wasmtime_verdict(made):
            return []
        return [Finding("what wasm-tools makes of the text cannot be decoded", str(error))]
    try:
        ours = facts(decode_module(data, ALL))
    except WasmError as error:
        return [Finding("what we make of the text cannot be decoded", str(error))]
    difference = differing(ours, theirs)
    if not difference or _other_implicit_types(ours["types"], theirs["types"]):
        return []
    return [Finding(f"text means another module: {difference.partition(':')[0]}", difference)]
