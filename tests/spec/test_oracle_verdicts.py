"""Our verdict about every real module at hand is that of wasm-tools."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared_data import shared_root
from wasm_tools import WASM_TOOLS, needs_wasm_tools
from wasmarium.binary.decoder import decode_module
from wasmarium.errors import Invalid, Malformed
from wasmarium.features import ALL
from wasmarium.validation import validate_module

pytestmark = [pytest.mark.cpython("asks the program wasm-tools"), needs_wasm_tools]

FOLDERS = ("bench", "guests", "npm", "wasi-testsuite", "component-json", "hooks", "recipes")
MODULE = b"\0asm\1\0\0\0"


def ours(data: bytes) -> str:
    """ "" for a valid module."""
    try:
        validate_module(decode_module(data, ALL), ALL)
    except (Malformed, Invalid) as error:
        return str(error)
    return ""


def theirs(file: Path) -> str:
    done = subprocess.run([WASM_TOOLS, "validate", "--features", "all", file], capture_output=True, text=True)
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize("folder", FOLDERS)
def test_same_verdict(folder: str) -> None:
    files = [file for file in sorted((shared_root() / folder).rglob("*.wasm")) if file.read_bytes()[:8] == MODULE]
    if not files:
        pytest.skip(f"no modules in {folder} of the shared test data")
    with ThreadPoolExecutor(2) as pool:
        verdicts = pool.map(theirs, files)
        different = [
            f"{file}: ours {mine!r}, wasm-tools {other!r}"
            for file, mine, other in zip(files, (ours(file.read_bytes()) for file in files), verdicts, strict=True)
            if bool(mine) != bool(other)
        ]
    assert different == []
