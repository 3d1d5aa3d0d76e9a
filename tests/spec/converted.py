"""Scripts of the core suite as wasm-tools reads them: an oracle for the text format.

wasm-tools writes a JSON file of commands, and beside it each module in binary. What it made is kept in
``.cache/spec`` until it, or the script, changes.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from spec.unfolding import unfold
from wasm_tools import WASM_TOOLS

KEPT = Path(__file__).resolve().parents[2] / ".cache" / "spec"


@dataclass(frozen=True)
class Command:
    """``kind`` is the JSON's type: module, assert_return, and so on; ``file`` is its module in binary (None
    without one, or where it is only there as text)."""

    kind: str
    line: int
    file: Path | None


def convert(path: Path) -> list[Command]:
    """The commands of a script."""
    folder = _folder(path)
    document = json.loads((folder / "commands.json").read_text(encoding="utf-8"))
    commands = []
    for item in document["commands"]:
        binary = item.get("filename") if item.get("module_type") == "binary" else item.get("binary_filename")
        commands.append(Command(item["type"], item["line"], folder / binary if binary else None))
    return commands


@cache
def _tool_version() -> str:
    return subprocess.run([WASM_TOOLS, "--version"], capture_output=True, text=True, check=True).stdout


def _folder(path: Path) -> Path:
    """Where the conversion of a script is."""
    source = path.read_text(encoding="utf-8")
    if path.parent.name == "legacy":
        source = unfold(source)
    key = hashlib.sha256(f"{_tool_version()}{source}".encode()).hexdigest()[:16]
    folder = KEPT / f"{path.stem}-{key}"
    if folder.is_dir():
        return folder
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as made:
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
