"""Scripts of the core suite as data, and a walker that hands their commands to an engine.

``read_script`` converts a ``.wast`` file with wasm-tools (an oracle for the text format: it writes a JSON
file of commands beside the modules in binary) and reads the result into the dataclasses below. Whoever
can do something with commands is a *player*: an object with a method for every kind of command that it
knows. ``play`` goes through a script and counts; ``PLAYERS`` names the players.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from spec.unfolding import unfold
from wasm_tools import WASM_TOOLS

# ---- commands ----


@dataclass(frozen=True)
class Constant:
    """An argument or an expected result. ``value`` is as in the JSON: a decimal string (floats as bits, or
    "nan:canonical"), a list of them for v128 with its ``lanes``, or None for any value of the type.
    Type "either" has its alternatives in ``value``."""

    type: str
    value: Any = None
    lanes: str | None = None


@dataclass(frozen=True)
class Action:
    """``kind``: "invoke" or "get"; ``module`` None means the latest one."""

    kind: str
    module: str | None
    field: str
    arguments: tuple[Constant, ...]


@dataclass(frozen=True)
class Command:
    """``kind`` is the JSON's type: module, register, assert_return, and so on. What a kind has no use for
    is None or empty; ``file`` is the module in binary (None where it is only there as text)."""

    kind: str
    line: int
    name: str | None = None
    file: Path | None = None
    text_file: Path | None = None
    action: Action | None = None
    expected: tuple[Constant, ...] = ()
    message: str = ""
    alias: str = ""
    """What a module is registered as, or the name of an instance."""


@dataclass(frozen=True)
class Script:
    """One file of the suite. ``name`` is its path in it, like "proposals/threads/atomic"."""

    name: str
    path: Path
    commands: tuple[Command, ...]

    @property
    def folder(self) -> str:
        """ "" for the core files themselves, else the proposal, "legacy" or "custom"."""
        parts = self.name.split("/")
        return parts[-2] if len(parts) > 1 else ""


def _constant(item: dict[str, Any]) -> Constant:
    if item["type"] == "either":
        return Constant("either", tuple(map(_constant, item["values"])))
    return Constant(item["type"], item.get("value"), item.get("lane_type"))


def _command(item: dict[str, Any], folder: Path) -> Command:
    action = item.get("action")
    binary = item.get("filename") if item.get("module_type") == "binary" else item.get("binary_filename")
    text = item.get("filename") if item.get("module_type") == "text" else None
    return Command(
        kind=item["type"],
        line=item["line"],
        name=item.get("module") if item["type"] == "module_instance" else item.get("name"),
        file=folder / binary if binary else None,
        text_file=folder / text if text else None,
        action=action
        and Action(
            action["type"],
            action.get("module"),
            action["field"],
            tuple(map(_constant, action.get("args", ()))),
        ),
        expected=tuple(map(_constant, item.get("expected", ()))),
        message=item.get("text", ""),
        alias=item.get("as") or item.get("instance") or "",
    )


# ---- where scripts come from ----

FOLDERS = ("", "custom", "legacy", "proposals/threads", "proposals/custom-page-sizes", "proposals/wide-arithmetic")


def script_files(core: Path) -> Iterator[tuple[str, Path]]:
    """Name and path of all files of the suite that belong to what wasmarium implements."""
    for folder in FOLDERS:
        for path in sorted((core / folder).glob("*.wast")):
            yield path.relative_to(core).with_suffix("").as_posix(), path


@cache
def _tool_version() -> str:
    return subprocess.run([WASM_TOOLS, "--version"], capture_output=True, text=True, check=True).stdout


def _converted(path: Path, kept: Path) -> Path:
    """The folder of what wasm-tools made of a script; made again only when the script has changed."""
    source = path.read_text(encoding="utf-8")
    if path.parent.name == "legacy":
        source = unfold(source)
    key = hashlib.sha256(f"{_tool_version()}{source}".encode()).hexdigest()[:16]
    folder = kept / f"{path.stem}-{key}"
    if folder.is_dir():
        return folder
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept) as made:
        (Path(made) / path.name).write_text(source, encoding="utf-8")
        done = subprocess.run(
            [WASM_TOOLS, "json-from-wast", path.name, "-o", "commands.json"],
            cwd=made,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"wasm-tools cannot read {path.name}:\n{done.stderr}"
        try:
            Path(made).rename(folder)
        except OSError:
            assert folder.is_dir()  # another process was faster
        else:
            Path(made).mkdir()  # for the clean-up to find
    return folder


def read_script(name: str, path: Path, kept: Path) -> Script:
    """The script as commands; what it was converted to is kept in the folder ``kept``."""
    folder = _converted(path, kept)
    document = json.loads((folder / "commands.json").read_text(encoding="utf-8"))
    return Script(name, path, tuple(_command(item, folder) for item in document["commands"]))


# ---- playing ----


class Skip(Exception):
    """Raised by a player that does not do a command; says why."""


@dataclass
class Score:
    """What came of a script: failures are "line: what went wrong"."""

    passed: Counter[str] = field(default_factory=Counter)
    """By kind of command."""
    failures: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    """By reason."""


Player = Any
"""An object with methods that are named like kinds of command, each taking the Command: it returns when
all is well, raises AssertionError when not, and Skip when it does not do this one."""

PLAYERS: dict[str, Callable[[Script], Player]] = {}
"""By name; each makes a player for one script."""


def play(script: Script, player: Player) -> Score:
    """Hand every command to the player, in order."""
    score = Score()
    for command in script.commands:
        method = getattr(player, command.kind, None)
        if method is None:
            score.skipped[f"{command.kind} is not for this player"] += 1
            continue
        try:
            method(command)
        except Skip as skip:
            score.skipped[str(skip)] += 1
        except AssertionError as error:
            score.failures.append(f"{script.name}.wast:{command.line}: {command.kind}: {error}")
        else:
            score.passed[command.kind] += 1
    return score
