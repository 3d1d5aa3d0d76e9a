"""Damaging modules: bytes, sections, function bodies, instructions. All by the dice they are given."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from wasmarium.binary.code import instructions, read_locals
from wasmarium.binary.decoder import decode_module
from wasmarium.errors import WasmError
from wasmarium.features import ALL
from wasmarium.instructions.table import INSTRUCTIONS
from wasmarium.leb128 import read_u32, write_unsigned

PREAMBLE = b"\0asm\1\0\0\0"
CODE = 10

INTERESTING = bytes.fromhex(
    "00 01 02 03 04 05 06 07 08 0a 0b 0d 0f 10 11 1a 1b 1c 1f 20 23 3f 40 41 42 4e 4f 50 5e 5f 60 63 64 69 6a 6b 6d"
    " 6e 6f 70 71 72 73 77 78 7b 7c 7d 7e 7f 80 81 c0 d0 d1 d2 d3 d4 d5 d6 fb fc fd fe ff"
)
"""Bytes that mean something to the format: flags, opcodes, types, ends of ranges."""

PIECES = (
    b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\x7f",
    b"\x80\x80\x80\x80\x10",
    b"\x80\x80\x80\x80\x00",
    b"\x80" * 6,
    b"\xff" * 10 + b"\x01",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\xc0\x84\x3d",
    b"\xed\xa0\x80",
    b"\x00\x0b",
    b"\x02\x40\x0b",
)


@dataclass(slots=True)
class Piece:
    """A section: its number and its content."""

    number: int
    content: bytes


def split(data: bytes) -> list[Piece]:
    """The sections of a module whose framing is sound; what is broken behind them is left out."""
    pieces: list[Piece] = []
    position = 8
    while position < len(data):
        number = data[position]
        try:
            size, start = read_u32(data, position + 1)
        except WasmError:
            break
        position = start + size
        if position > len(data):
            break
        pieces.append(Piece(number, data[start:position]))
    return pieces


def join(pieces: list[Piece]) -> bytes:
    """A module of these sections."""
    out = bytearray(PREAMBLE)
    for piece in pieces:
        out.append(piece.number)
        write_unsigned(len(piece.content), out)
        out += piece.content
    return bytes(out)


def bodies(content: bytes) -> list[bytes]:
    """The bodies of a code section, as far as they can be told apart."""
    found: list[bytes] = []
    try:
        count, position = read_u32(content, 0)
        while position < len(content) and len(found) < count:
            size, start = read_u32(content, position)
            position = start + size
            found.append(content[start:position])
    except WasmError:
        pass
    return found


def join_bodies(found: list[bytes]) -> bytes:
    """A code section's content."""
    out = bytearray()
    write_unsigned(len(found), out)
    for body in found:
        write_unsigned(len(body), out)
        out += body
    return bytes(out)


def cut_body(body: bytes) -> tuple[bytes, list[bytes]]:
    """The locals of a body and its instructions, as far as they can be read."""
    parts: list[bytes] = []
    start = offset = 0
    try:
        _, start = read_locals(body, 0, len(body))
        offset = start
        last = -1
        for at, _, _ in instructions(body, start, len(body), ALL):
            if last >= 0:
                parts.append(body[last:at])
            last = offset = at
        parts.append(body[offset:])
    except WasmError:
        parts.append(body[offset:])
    return body[:start], parts


# ---- bytes ----


def damage(data: bytes, random_: random.Random, others: list[bytes], from_: int = 0) -> bytes:
    """A few changes of bytes anywhere from ``from_`` on."""
    changed = bytearray(data)
    for _ in range(random_.choice((1, 1, 1, 2, 3, 8))):
        at = random_.randrange(from_, len(changed) + 1) if len(changed) >= from_ else len(changed)
        match random_.randrange(9):
            case 0 | 1:
                changed[at : at + 1] = bytes([random_.choice(INTERESTING)])
            case 2:
                changed[at : at + 1] = bytes([random_.randrange(256)])
            case 3:
                if at < len(changed):
                    changed[at] ^= 1 << random_.randrange(8)
            case 4:
                if at < len(changed):
                    changed[at] = changed[at] + random_.choice((1, -1)) & 0xFF
            case 5:
                changed[at:at] = bytes([random_.choice(INTERESTING)])
            case 6:
                del changed[at : at + random_.choice((1, 1, 2, 4, 30))]
            case 7:
                other = random_.choice(others)
                start = random_.randrange(len(other) + 1)
                changed[at:at] = other[start : start + random_.choice((1, 4, 20, 200))]
            case 8:
                changed[at : at + random_.choice((0, 1, 1, 5))] = random_.choice(PIECES)
    return bytes(changed)


def truncate(data: bytes, random_: random.Random, others: list[bytes]) -> bytes:
    """Only the beginning."""
    return data[: random_.randrange(len(data) + 1)]


def damage_anywhere(data: bytes, random_: random.Random, others: list[bytes]) -> bytes:
    """Bytes behind the preamble, and rarely the preamble."""
    return damage(data, random_, others, 0 if random_.random() < 0.03 else 8)


# ---- sections ----


def change_sections(data: bytes, random_: random.Random, others: list[bytes]) -> bytes:
    """Sections left out, twice, exchanged, from elsewhere, made up."""
    pieces = split(data)
    for _ in range(random_.choice((1, 1, 2))):
        at = random_.randrange(len(pieces) + 1)
        match random_.randrange(7):
            case 0:
                del pieces[at : at + 1]
            case 1:
                pieces[at:at] = pieces[at : at + 1]
            case 2:
                random_.shuffle(pieces)
            case 3 | 4:
                # A section of another module in the place of the same, or beside it.
                theirs = split(random_.choice(others))
                if theirs:
                    new = random_.choice(theirs)
                    same = [i for i, piece in enumerate(pieces) if piece.number == new.number]
                    if same:
                        pieces[same[0]] = new
                    else:
                        pieces.insert(at, new)
            case 5:
                pieces.insert(at, Piece(random_.randrange(15), random_.randbytes(random_.randrange(20))))
            case 6:
                name = random_.choice((b"name", b"producers", b"target_features", b"dylink.0", b"x"))
                pieces.insert(at, Piece(0, bytes([len(name)]) + name + random_.randbytes(random_.randrange(30))))
    return join(pieces)


def damage_a_section(data: bytes, random_: random.Random, others: list[bytes]) -> bytes:
    """Bytes of one section, whose size is right afterwards."""
    pieces = split(data)
    if not pieces:
        return damage_anywhere(data, random_, others)
    # All kinds alike, however large the code is.
    piece = random_.choice(pieces)
    same = [b"".join(p.content for p in split(random_.choice(others)) if p.number == piece.number) or b"\0"]
    piece.content = damage(piece.content, random_, same)
    return join(pieces)


# ---- code ----


def make_instruction(random_: random.Random) -> bytes:
    """An instruction of any kind, its immediates small or at random."""
    row = random_.choice(INSTRUCTIONS)
    out = bytearray(row.encoded)
    for _ in row.immediates:
        match random_.randrange(4):
            case 0 | 1:
                out.append(random_.choice((0, 0, 0, 1, 1, 2, 3, 5)))
            case 2:
                out.append(random_.choice(INTERESTING))
            case 3:
                out += random_.choice(PIECES)
    if row.kind in ("load", "store", "load_lane", "store_lane", "atomic"):
        out.append(random_.choice((0, 0, 1, 8)))
    if row.mnemonic in ("v128.const", "i8x16.shuffle"):
        out += bytes(random_.randrange(33) for _ in range(16))
    return bytes(out)


def _some_instructions(random_: random.Random, others: list[bytes]) -> list[bytes]:
    codes = [piece for piece in split(random_.choice(others)) if piece.number == CODE]
    found = bodies(codes[0].content) if codes else []
    if not found:
        return [make_instruction(random_)]
    _, parts = cut_body(random_.choice(found)[:5000])
    at = random_.randrange(len(parts))
    return parts[at : at + random_.choice((1, 1, 1, 2, 5, 20))]


def change_instructions(data: bytes, random_: random.Random, others: list[bytes]) -> bytes:
    """Instructions of one body exchanged, left out, put in: all of them still whole instructions."""
    pieces = split(data)
    code = next((piece for piece in pieces if piece.number == CODE), None)
    found = bodies(code.content) if code is not None else []
    if code is None or not found:
        return damage_a_section(data, random_, others)
    index = random_.randrange(len(found))
    head, parts = cut_body(found[index])
    for _ in range(random_.choice((1, 1, 1, 2, 4))):
        at = random_.randrange(len(parts) + 1)
        match random_.randrange(7):
            case 0:
                del parts[at : at + random_.choice((1, 1, 2, 5))]
            case 1:
                parts[at : at + 1] = [make_instruction(random_)]
            case 2:
                parts[at:at] = [make_instruction(random_)]
            case 3:
                parts[at : at + random_.choice((0, 1))] = _some_instructions(random_, others)
            case 4:
                other = random_.randrange(len(parts) + 1)
                parts[at:at] = parts[other : other + random_.choice((1, 2, 5))]
            case 5:
                if at < len(parts):
                    parts[at] = damage(parts[at], random_, [b"\0"])
            case 6:
                # Code that cannot be reached has rules of its own.
                parts[at:at] = [random_.choice((b"\x00", b"\x0c\x00", b"\x0f", b"\x0b", b"\x05"))]
    if random_.random() < 0.1:
        head = damage(head, random_, [b"\1\2\x7f"])
    found[index] = head + b"".join(parts)
    if random_.random() < 0.7:
        # A module with few bodies is judged sooner.
        code.content = join_bodies(found)
    else:
        code.content = join_bodies(found[: index + 1] + [b"\0\0\x0b"] * (len(found) - index - 1))
    return join(pieces)


Mutation = Callable[[bytes, random.Random, list[bytes]], bytes]

MUTATIONS: tuple[Mutation, ...] = (
    damage_anywhere,
    truncate,
    change_sections,
    damage_a_section,
    damage_a_section,
    change_instructions,
    change_instructions,
    change_instructions,
)


def mutate(data: bytes, random_: random.Random, others: list[bytes]) -> tuple[bytes, str]:
    """``data`` changed in some way, with pieces of ``others``; and the name of the way."""
    mutation = random_.choice(MUTATIONS)
    changed = mutation(data, random_, others)
    if random_.random() < 0.1:
        changed = random_.choice(MUTATIONS)(changed, random_, others)
    return changed, mutation.__name__


def decodable(data: bytes) -> bool:
    """Whether ``data`` can be decoded at all."""
    try:
        decode_module(data, ALL)
    except WasmError:
        return False
    return True
