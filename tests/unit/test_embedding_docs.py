"""The public names: all there, spelled like wasmtime-py's, and documented by examples that run."""

from __future__ import annotations

import ast
import doctest
import enum
import inspect
import os
import pydoc
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import guest_modules as guests
import wasmarium
from wasmarium import dropin, embedding

# what belongs to a binding to native code; errors and frames hold nothing that could be given back
NATIVE = {"ptr"}
NEVER_CLOSED = ("Trap", "Frame", "WasmtimeError", "ExitTrap")


def test_names_of_the_package_are_those_of_the_embedding() -> None:
    assert wasmarium.__all__ == sorted([*embedding.__all__, *dropin.__all__])
    assert set(wasmarium.__all__) <= set(dir(wasmarium))
    source = Path(inspect.getfile(wasmarium)).read_text(encoding="utf-8")
    typed = {
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module in ("wasmarium.embedding", "wasmarium.dropin")
        for alias in node.names
    }
    assert typed == set(wasmarium.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        wasmarium.nonsense  # noqa: B018


def members(kind: type) -> dict[str, Any]:
    return {
        name: member
        for base in kind.__mro__
        if base.__module__.startswith("wasmtime")
        for name, member in vars(base).items()
        if not name.startswith("_") and name not in NATIVE and not (name == "close" and kind.__name__ in NEVER_CLOSED)
    }


@pytest.fixture(scope="module")
def wasmtime() -> Any:
    return pytest.importorskip("wasmtime")


def test_every_name_of_wasmtime_is_there(wasmtime) -> None:
    assert set(wasmtime.__all__) - set(wasmarium.__all__) == set()


def test_every_member_of_wasmtime_is_there(wasmtime) -> None:
    missing = []
    for name in wasmtime.__all__:
        theirs, ours = getattr(wasmtime, name), getattr(wasmarium, name)
        if not inspect.isclass(theirs) or issubclass(theirs, enum.Enum):
            continue
        missing += [f"{name}.{member}" for member in members(theirs) if not hasattr(ours, member)]
    assert missing == []


def test_parameters_are_called_the_same(wasmtime) -> None:
    different = []
    for name in wasmtime.__all__:
        theirs, ours = getattr(wasmtime, name), getattr(wasmarium, name)
        if not inspect.isclass(theirs) or issubclass(theirs, enum.Enum | BaseException):
            continue
        pairs = [(f"{name}.{key}", value, getattr(ours, key)) for key, value in members(theirs).items()]
        if name not in ("Caller", "Val", "InstancePre", "Frame", "ImportType", "ExportType", "StoreContext"):
            pairs.append((name, theirs.__init__, ours.__init__))
        for label, their, our in pairs:
            their = getattr(their, "__func__", their)
            if not inspect.isfunction(their):
                continue
            wanted = [each for each in inspect.signature(their).parameters if each not in ("self", "cls")]
            found = [each for each in inspect.signature(our).parameters if each not in ("self", "cls")]
            if found[: len(wanted)] != wanted:
                different.append(f"{label}: {wanted} but {found}")
    assert different == []


# a union of types cannot say anything of itself
@pytest.mark.parametrize("name", [name for name in wasmarium.__all__ if name != "Storelike"])
def test_everything_public_is_documented(name) -> None:
    thing = getattr(wasmarium, name)
    assert thing.__doc__
    assert len(thing.__doc__) > 30
    if not inspect.isclass(thing) or issubclass(thing, enum.Enum | BaseException):
        return
    for key, member in vars(thing).items():
        if not key.startswith("_") and (callable(member) or isinstance(member, property | classmethod)):
            assert getattr(member, "__doc__", None) or getattr(member, "__func__", member).__doc__, f"{name}.{key}"


def modules_with_examples() -> list[Any]:
    files = {inspect.getmodule(getattr(wasmarium, name)) for name in wasmarium.__all__}
    return sorted((module for module in files if module), key=lambda module: module.__name__)


@pytest.mark.parametrize("module", modules_with_examples(), ids=lambda module: module.__name__)
def test_examples_run(module) -> None:
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    assert result.failed == 0


@pytest.mark.parametrize(
    "name", ["Module", "Store", "Func", "Memory", "Table", "Global", "Config", "WasiConfig", "Val"]
)
def test_help_shows_an_example(name) -> None:
    text = pydoc.plain(pydoc.render_doc(getattr(wasmarium, name)))
    assert ">>> from wasmarium import" in text


def test_help_of_a_module_is_a_tutorial() -> None:
    text = pydoc.plain(pydoc.render_doc(wasmarium.Module))
    for piece in ("(func (export", "store = Store()", "module.exports", "Instance(store, module, [])", "Linker"):
        assert piece in text


WASM_TOOLS = shutil.which("wasm-tools", path=os.pathsep.join([str(Path(sys.executable).parent), os.defpath]))


@pytest.mark.skipif(WASM_TOOLS is None, reason="wasm-tools is not installed")
@pytest.mark.parametrize("name", [name for name, value in vars(guests).items() if isinstance(value, guests.Guest)])
def test_guests_of_these_tests_are_what_their_text_says(name) -> None:
    guest = getattr(guests, name)
    done = subprocess.run([WASM_TOOLS or "", "parse", "-"], input=guest.text.encode(), capture_output=True, check=True)
    assert done.stdout == guest.wasm
