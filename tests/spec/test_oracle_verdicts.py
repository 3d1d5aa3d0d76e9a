"""Our verdict about every real module at hand is that of wasm-tools."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared_data import shared_root
from wasm_tools import WASM_TOOLS, needs_wasm_tools
from wasmarium.binary.decoder import decode_module
from wasmarium.errors import Invalid, Malformed
from wasmarium.features import ALL
from wasmarium.leb128 import read_u32
from wasmarium.validation import validate_module

pytestmark = [pytest.mark.cpython("asks the program wasm-tools"), pytest.mark.shared("guests"), needs_wasm_tools]

MODULE = b"\0asm\1\0\0\0"
COMPONENT = b"\0asm\x0d\0\1\0"


def core_modules(data: bytes) -> Iterator[bytes]:
    """The module that a file is, or those inside of a component."""
    if data[:8] == MODULE:
        yield data
    if data[:8] != COMPONENT:
        return
    position = 8
    while position < len(data):
        section = data[position]
        size, start = read_u32(data, position + 1)
        position = start + size
        if section in (1, 4):  # a core module, a component
            yield from core_modules(data[start:position])


def ours(data: bytes) -> str:
    """ "" for a valid module."""
    try:
        validate_module(decode_module(data, ALL), ALL)
    except (Malformed, Invalid) as error:
        return str(error)
    return ""


def theirs(data: bytes) -> str:
    done = subprocess.run([WASM_TOOLS, "validate", "--features", "all"], input=data, capture_output=True)
    return done.stderr.decode() if done.returncode else ""


@pytest.mark.parametrize("folder", ["bench", "guests", "npm", "wasi-testsuite"])
def test_same_verdict(folder: str) -> None:
    files = sorted((shared_root() / folder).rglob("*.wasm"))
    modules = {module: file for file in files for module in core_modules(file.read_bytes())}
    assert modules
    with ThreadPoolExecutor(2) as pool:
        verdicts = pool.map(theirs, modules)
        different = [
            f"{file.relative_to(shared_root())}: ours {mine!r}, wasm-tools {other!r}"
            for (data, file), other in zip(modules.items(), verdicts, strict=True)
            if bool(mine := ours(data)) != bool(other)
        ]
    assert different == []


def test_a_broken_module_is_noticed_by_both() -> None:
    file = shared_root() / "bench" / "fib.wasm"
    broken = file.read_bytes().replace(b"\x0b", b"\x1a", 1)
    assert ours(broken)
    assert theirs(broken)
