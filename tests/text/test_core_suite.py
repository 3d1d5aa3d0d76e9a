"""The official core suite read by our own text format: modules, commands, and what must be refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest

from spec.converted import convert
from spec.suite import FILES, each_file, features_for
from text.facts import facts
from wasm_tools import needs_wasm_tools
from wasmarium.binary.decoder import decode_module
from wasmarium.errors import Invalid, Malformed, WasmError
from wasmarium.features import ALL
from wasmarium.text.parser import parse_module
from wasmarium.text.printer import print_module
from wasmarium.text.script import (
    AssertInvalid,
    AssertMalformed,
    AssertTrap,
    AssertUnlinkable,
    Command,
    DefineModule,
    ScriptModule,
    read_script,
)

pytestmark = pytest.mark.shared("core")

# Functions without a type of their own. Section 6.6.1 lets them have the least equal type of the module, be it
# written (rec (type (func))) or (type (sub final (func))); wasm-tools adds another, or takes one that is not final.
OTHER_IMPLICIT_TYPES = {
    ("type-rec", 45),
    ("type-rec", 185),
    ("type-rec", 197),
    ("type-subtyping", 344),
    ("type-subtyping", 373),
}


@cache
def commands_of(name: str) -> tuple[Command, ...]:
    return read_script(FILES[name].read_bytes())


def module_of(command: Command) -> ScriptModule | None:
    if isinstance(command, DefineModule | AssertMalformed | AssertInvalid | AssertUnlinkable):
        return command.module
    if isinstance(command, AssertTrap) and isinstance(command.action, ScriptModule):
        return command.action
    return None


def modules(name: str) -> Iterator[tuple[Command, bytes | None]]:
    """Every module of a file that is not malformed, as bytes; None for a branch hint that is out of place."""
    for command in commands_of(name):
        module = module_of(command)
        if module is not None and not isinstance(command, AssertMalformed):
            if isinstance(command, AssertInvalid) and command.custom:
                with pytest.raises(Invalid, match=re.escape(command.message)):
                    module.to_bytes(features_for(name))
                yield command, None
            else:
                yield command, module.to_bytes(features_for(name))


@each_file
def test_modules_parse(name: str) -> None:
    for _, data in modules(name):
        assert data is None or data[:4] == b"\0asm"


@each_file
def test_malformed_text_is_refused(name: str) -> None:
    for command in commands_of(name):
        if isinstance(command, AssertMalformed) and command.module.kind != "binary":
            with pytest.raises(Malformed) as caught:
                command.module.to_bytes(features_for(name))
            assert command.message in caught.value.message, f"line {command.location.line}"
            assert caught.value.location.line is not None


@each_file
def test_printed_and_parsed_again(name: str) -> None:
    for command, data in modules(name):
        if data is None:
            continue
        try:
            module = decode_module(data, ALL)
        except WasmError:
            assert isinstance(command, AssertInvalid)
            continue
        again = decode_module(parse_module(print_module(module), features=ALL), ALL)
        assert facts(again) == facts(module), f"line {command.location.line}"


@pytest.mark.cpython("asks the program wasm-tools")
@needs_wasm_tools
@each_file
def test_same_modules_as_wasm_tools(name: str) -> None:
    theirs = [
        command.file.read_bytes()
        for command in convert(FILES[name])
        if command.file is not None and not command.kind.startswith("assert_malformed")
    ]
    ours = list(modules(name))
    for (command, data), expected in zip(ours, theirs, strict=True):
        if data is not None and data != expected and (name, command.location.line) not in OTHER_IMPLICIT_TYPES:
            same = facts(decode_module(expected, ALL))
            assert facts(decode_module(data, ALL)) == same, f"line {command.location.line}"


@pytest.mark.long("reads the whole core suite")
def test_commands_of_the_suite() -> None:
    """The suite had more than these when this was written."""
    counts: dict[str, int] = {}
    for name in FILES:
        for command in commands_of(name):
            kind = type(command).__name__
            counts[kind] = counts.get(kind, 0) + 1
    assert counts["DefineModule"] > 2300
    assert counts["AssertReturn"] > 52000
    assert counts["AssertTrap"] > 5000
    assert counts["AssertInvalid"] > 2800
    assert counts["AssertMalformed"] > 2000
    assert counts["AssertUnlinkable"] > 250
    assert counts["AssertException"] > 40
    assert counts["AssertExhaustion"] > 10
    assert counts["Perform"] > 400
    assert counts["Register"] > 80
    assert counts["InstantiateModule"] == 3
