"""Every public name and signature of wasmtime-py, as recorded from it, is here too."""

from __future__ import annotations

import ast
import enum
import inspect
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import wasmarium

pytestmark = pytest.mark.shared("oracles")

VERSIONS = (46, 50)

DELIBERATE = {
    "Caller()": "made by the runtime only; wasmtime's takes a pointer",
    "StoreContext()": "likewise",
    "ExitTrap()": "takes the exit code; wasmtime's takes a message and then has no code",
    "ExportType()": "likewise; wasmtime's is empty when made by hand",
    "ImportType()": "likewise",
    "InstancePre()": "likewise",
    "Frame()": "likewise",
    "Storelike()": "a union of types, which nobody calls",
    "WasiConfig.preopen_dir@50": "46's parameters stay; what 50 has as the third is taken there too",
    "WasmtimeError:Managed": "an exception has nothing to be closed",
    "ExitTrap:Managed": "likewise",
    "Trap:Managed": "likewise",
    "Frame:Managed": "plain data has nothing to be closed",
}
"""What differs, and why."""


@dataclass
class Recorded:
    """A class or a function of wasmtime-py."""

    name: str
    signature: str
    bases: list[str] = field(default_factory=list)
    methods: dict[str, str] = field(default_factory=dict)
    properties: dict[str, bool] = field(default_factory=dict)
    """Whether they can be set."""
    members: list[str] = field(default_factory=list)


def recorded(path: Path) -> dict[str, Recorded]:
    """The names outside ``component``."""
    found: dict[str, Recorded] = {}
    current: Recorded | None = None
    for line in path.read_text().splitlines()[1:]:
        if top := re.match(r"(?:class|def) ([\w.]+)(\(.*)", line):
            signature, _, bases = top[2].partition(" bases=")
            current = Recorded(top[1], signature, ast.literal_eval(bases) if bases else [])
            if not current.name.startswith("component."):
                found[current.name] = current
        elif current is None:
            raise ValueError(line)
        elif method := re.match(r"    (?:def|classmethod) (\w+)(\(.*)", line):
            current.methods[method[1]] = method[2]
        elif prop := re.match(r"    prop (\w+) \[(r[ow])\]", line):
            current.properties[prop[1]] = prop[2] == "rw"
        elif line.startswith("    ["):
            current.members = ast.literal_eval(line.strip())
    return found


def parameters(signature: str) -> list[tuple[str, bool]]:
    """Names as they may be passed, ``*`` and ``**`` kept, and whether they may be left out; without self."""
    # what repr() gave for defaults, such as <DirPerms.READ_WRITE: 3>, and for types is no Python
    text = re.sub(r"<[^<>]*>", "0", signature)
    arguments = ast.parse(f"def f{text}: ...").body[0].args  # type: ignore[attr-defined]
    named = [*arguments.posonlyargs, *arguments.args]
    required = len(named) - len(arguments.defaults)
    found = [(each.arg, index >= required) for index, each in enumerate(named)]
    if arguments.vararg:
        found.append((f"*{arguments.vararg.arg}", True))
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found.append((f"={each.arg}", default is not None))
    if arguments.kwarg:
        found.append((f"**{arguments.kwarg.arg}", True))
    return [each for each in found if each[0] not in ("self", "cls")]


def own_parameters(function: Any, bound: bool) -> list[tuple[str, bool]]:
    found = []
    for each in inspect.signature(function).parameters.values():
        prefix = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**", each.KEYWORD_ONLY: "="}.get(each.kind, "")
        found.append((prefix + each.name, bool(prefix.startswith("*")) or each.default is not each.empty))
    return found if bound else found[1:]


def differences(name: str, theirs: list[tuple[str, bool]], ours: list[tuple[str, bool]]) -> list[str]:
    """What a call that wasmtime takes could stumble over."""
    complaints = []
    for position, (parameter, optional) in enumerate(theirs):
        if parameter.startswith("*") and len(ours) > position and ours[position][0].startswith("*"):
            continue
        if position >= len(ours) or ours[position][0] != parameter:
            complaints.append(f"{name}: parameter {position} is {parameter} for wasmtime, here {ours}")
            break
        if optional and not ours[position][1]:
            complaints.append(f"{name}: {parameter} may be left out for wasmtime")
    complaints += [f"{name}: {each} must be given here only" for each, left in ours[len(theirs) :] if not left]
    return complaints


def complaints(api: Any, name: str, theirs: Recorded, version: int) -> list[str]:
    found: list[str] = []
    ours = getattr(api, name, None)
    if ours is None:
        return [f"{name}: missing"]
    if f"{name}()" not in DELIBERATE and not theirs.bases and inspect.isfunction(ours):
        return differences(name, parameters(theirs.signature), own_parameters(ours, True))
    if f"{name}()" not in DELIBERATE and not issubclass(ours, enum.Enum) and "__init__" in vars(ours):
        found += differences(name, parameters(theirs.signature), own_parameters(ours.__init__, False))
    for base in theirs.bases:
        parent = getattr(api, base, None) or {"Exception": Exception, "Enum": enum.Enum}.get(base)
        if parent is not None and f"{name}:{base}" not in DELIBERATE and not issubclass(ours, parent):
            found.append(f"{name}: is no {base}")
    found += [f"{name}.{member}: missing" for member in theirs.members if member not in ours.__members__]
    for method, signature in theirs.methods.items():
        attribute = inspect.getattr_static(ours, method, None)
        if attribute is None:
            found.append(f"{name}.{method}: missing")
            continue
        bound = isinstance(attribute, classmethod | staticmethod)
        got = own_parameters(getattr(ours, method), bound)
        if method.startswith("__") and method != "__call__":
            # Python itself calls these, by position
            continue
        if f"{name}.{method}@{version}" not in DELIBERATE:
            found += differences(f"{name}.{method}", parameters(signature), got)
    for prop, writable in theirs.properties.items():
        attribute = inspect.getattr_static(ours, prop, None)
        if attribute is None:
            found.append(f"{name}.{prop}: missing")
        elif writable and not hasattr(type(attribute), "__set__"):
            found.append(f"{name}.{prop}: cannot be set")
        elif inspect.isroutine(attribute):
            found.append(f"{name}.{prop}: is a method")
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_every_name_and_signature(version: int, shared: Path) -> None:
    api = recorded(shared / "oracles" / f"wasmtime-py-{version}-api.txt")
    assert len(api) > 30
    assert [each for name, theirs in api.items() for each in complaints(wasmarium, name, theirs, version)] == []


def test_what_50_has_as_parameters(tmp_path: Path) -> None:
    wasi = wasmarium.WasiConfig()
    folder = str(tmp_path)
    wasi.preopen_dir(folder, "/a", True)
    wasi.preopen_dir(folder, "/b", False)
    wasi.preopen_dir(folder, "/c", fs_mutable=False)
    wasi.preopen_dir(folder, "/d", wasmarium.DirPerms.READ_ONLY, wasmarium.FilePerms.READ_WRITE)
    granted = [each.permissions for each in wasi._directories]
    assert [(each.change_names, each.write_files) for each in granted] == [
        (True, True),
        (False, False),
        (False, False),
        (False, True),
    ]


def test_a_difference_is_seen(shared: Path) -> None:
    class Api:
        class Table:
            def __init__(self, store: Any, init: Any) -> None: ...
            def get(self, store: Any, index: int) -> None: ...
            def set(self, store: Any, idx: int, val: Any, more: Any) -> None: ...
            def grow(self, store: Any, amt: int, init: Any, more: Any = None) -> None: ...
            def size(self, store: Any) -> None: ...

    theirs = recorded(shared / "oracles" / "wasmtime-py-46-api.txt")["Table"]
    found = complaints(Api, "Table", theirs, 46)
    assert [each.split(" is ")[0] for each in found] == [
        "Table: parameter 1",
        "Table.get: parameter 1",
        "Table.set: more must be given here only",
        "Table.type: missing",
    ]


def test_no_address_of_c() -> None:
    for made in (wasmarium.Engine(), wasmarium.WasiConfig(), wasmarium.ValType.i32()):
        with pytest.raises(wasmarium.WasmtimeError, match="no pointer of C"):
            made.ptr()
