"""Real modules and texts to begin from: shared guests and the official suite where they are, and our own."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import guest_modules
from binary_bytes import EVERYTHING
from shared_data import shared_root
from wasmarium.errors import WasmError
from wasmarium.features import ALL
from wasmarium.leb128 import read_u32
from wasmarium.text.lexer import Tokens
from wasmarium.text.script import ScriptModule, read_script

LARGEST = 60_000
"""Bytes of a module that are worth their time: larger ones say little more."""
LARGEST_SCRIPT = 120_000

_MODULE = b"\0asm\1\0\0\0"
_COMPONENT = b"\0asm\x0d\0\1\0"


def core_modules(data: bytes) -> list[bytes]:
    """The module that a file is, or those inside of a component."""
    if data[:8] == _MODULE:
        return [data]
    found: list[bytes] = []
    if data[:8] != _COMPONENT:
        return found
    position = 8
    while position < len(data):
        section = data[position]
        size, start = read_u32(data, position + 1)
        position = start + size
        if section in (1, 4):  # a core module, a component
            found += core_modules(data[start:position])
    return found


class Corpus:
    """What there is; files are read when the dice choose them."""

    def __init__(self, folder: Path | None = None) -> None:
        root = shared_root() if folder is None else folder
        self.binaries = sorted(
            path
            for name in ("bench", "guests", "npm", "wasi-testsuite")
            for path in (root / name).rglob("*.wasm")
            if path.stat().st_size <= LARGEST * 10
        )
        self.scripts = sorted(
            path
            for path in (root / "core").rglob("*.wast")
            if path.stat().st_size <= LARGEST_SCRIPT and "custom-descriptors" not in path.parts
        )
        own = (guest for guest in vars(guest_modules).values() if isinstance(guest, guest_modules.Guest))
        self.own = [EVERYTHING, *(guest.wasm for guest in own)]

    def module(self, random_: random.Random) -> tuple[bytes, str]:
        """Some module, and where it is from."""
        kind = random_.random()
        if kind < 0.15 or not (self.scripts or self.binaries):
            return random_.choice(self.own), "own"
        if self.scripts and (kind < 0.8 or not self.binaries):
            path = random_.choice(self.scripts)
            modules = _script_modules(path)
            return (random_.choice(modules), path.name) if modules else (random_.choice(self.own), "own")
        path = random_.choice(self.binaries)
        small = [data for data in core_modules(path.read_bytes()) if len(data) <= LARGEST]
        return (random_.choice(small), path.name) if small else (random_.choice(self.own), "own")

    def text(self, random_: random.Random) -> tuple[list[str], str]:
        """The tokens of some module as text, ``(module ...)``, and where it is from."""
        while self.scripts:
            path = random_.choice(self.scripts)
            found = _script_texts(path)
            if found:
                return random_.choice(found), path.name
        own = [guest.text for guest in vars(guest_modules).values() if isinstance(guest, guest_modules.Guest)]
        return [token for token in Tokens(random_.choice(own)).texts if token], "own"


def _modules_of(path: Path) -> list[ScriptModule]:
    try:
        commands = read_script(path.read_bytes())
    except WasmError:
        return []
    found = (getattr(command, "module", None) for command in commands)
    return [module for module in found if isinstance(module, ScriptModule)]


@cache
def _script_modules(path: Path) -> list[bytes]:
    found: list[bytes] = []
    for module in _modules_of(path):
        try:
            found.append(module.to_bytes(ALL))
        except WasmError:
            pass
    return found


@cache
def _script_texts(path: Path) -> list[list[str]]:
    found: list[list[str]] = []
    for module in _modules_of(path):
        if module.kind == "text" and module.tokens is not None and module.stop - module.start < 3000:
            found.append(["(", "module", *module.tokens.texts[module.start : module.stop], ")"])
    return found
