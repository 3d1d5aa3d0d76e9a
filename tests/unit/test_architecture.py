"""The shape of the house, checked: imports only go down, and what else DESIGN promises about files.

Every rule is a function from a tree of sources to a list of complaints, and is tried on a tree that breaks it.
"""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

# Ground floor first. A module may import from its own floor and from those below it; inside one floor no cycles.
FLOORS = (
    "errors features leb128",
    "types",
    "instructions",
    "module",
    "binary text",
    "validation",
    "runtime",
    # the host engine runs what was rewritten
    "instrument",
    "engines",
    "bridge",
    "policy",
    "network",
    "wasi",
    "hostcalls gojs",
    "component",
    "debug",
    "observe",
    "script",
    "embedding",
    "dropin",
    "notebook cli",
    "__init__",
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms.split()}

LONGEST_FILE = 600
# the only room where the platform's own modules may be named
PLATFORM_ROOM = "bridge"
PLATFORM_MODULES = {"js", "pyodide", "pyodide_js", "micropip"}
# the extra `native`, without which everything works but the network on CPython: modules -> the only file that may
EXTRA_MODULES = {"aiohttp": "wasmarium.bridge.native.network", "yarl": "wasmarium.bridge.native.network"}

TOP_LEVEL = {"src", "web", "tests", "scripts", "pyproject.toml", "package.json", "README.md", "LICENSE"}
LOCK_FILES = {"requirements.lock", "package-lock.json"}


class Package:
    """The sources of a package: module name -> (file, syntax tree)."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.modules: dict[str, tuple[Path, ast.Module]] = {}
        for file in sorted(folder.rglob("*.py")):
            parts = [self.name, *file.relative_to(folder).with_suffix("").parts]
            if parts[-1] == "__init__":
                parts.pop()
            self.modules[".".join(parts)] = (file, ast.parse(file.read_text(encoding="utf-8")))

    def room(self, module: str) -> str:
        """The first part below the package; the package's own module is the top floor, its __main__ the CLI's."""
        parts = module.split(".")
        if len(parts) == 1:
            return "__init__"
        return "cli" if parts[1] == "__main__" else parts[1]

    def imports(self, module: str, *, executed_only: bool = False) -> Iterator[tuple[str, int]]:
        """Absolute names that a module imports, with lines; `from a import b` is a.b where that is a module.

        With `executed_only`, what stands under `if TYPE_CHECKING` or inside a function is left out.
        """
        file, tree = self.modules[module]
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        for node in _statements(tree, executed_only):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, node.lineno
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    upward = package.split(".")[: len(package.split(".")) - node.level + 1]
                    base = ".".join([*upward, base] if base else upward)
                for alias in node.names:
                    full = f"{base}.{alias.name}"
                    yield (full if full in self.modules else base), node.lineno


def _statements(node: ast.AST, executed_only: bool) -> Iterator[ast.stmt]:
    """All statements below a node; imports are nowhere else, and expressions are most of a tree."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        if field == "body" and executed_only and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        for child in getattr(node, field, ()):
            if isinstance(child, ast.stmt):
                yield child
            if not (executed_only and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)):
                yield from _statements(child, executed_only)


def upward_imports(package: Package) -> list[str]:
    """Imports that go up, even for types or late: a floor does not know what stands on it."""
    complaints = []
    for module in package.modules:
        room = package.room(module)
        if room not in LEVEL:
            complaints.append(f"{module}: the room {room} is on no floor; add it to FLOORS where it belongs")
            continue
        for target, line in package.imports(module):
            if target.split(".")[0] != package.name:
                continue
            there = package.room(target)
            if LEVEL.get(there, len(FLOORS)) > LEVEL[room]:
                complaints.append(f"{module}:{line} imports {target}, from {room} up to {there}")
    return complaints


def cycles(package: Package) -> list[str]:
    """Circles of modules that import each other when they are executed."""
    graph = {
        module: sorted({t for t, _ in package.imports(module, executed_only=True) if t in package.modules} - {module})
        for module in package.modules
    }
    done: set[str] = set()
    path: list[str] = []
    found = []

    def visit(module: str) -> None:
        if module in path:
            found.append(" → ".join([*path[path.index(module) :], module]))
        elif module not in done:
            path.append(module)
            for target in graph[module]:
                visit(target)
            path.pop()
            done.add(module)

    for module in graph:
        visit(module)
    return found


def foreign_imports(package: Package) -> list[str]:
    """Imports from outside the standard library, and the platform's modules outside of their room."""
    complaints = []
    for module in package.modules:
        for target, line in package.imports(module):
            top = target.split(".")[0]
            if top == package.name or top in sys.stdlib_module_names:
                continue
            if EXTRA_MODULES.get(top) == module:
                continue
            if top not in PLATFORM_MODULES:
                complaints.append(f"{module}:{line} imports {target}, which is not in the standard library")
            elif package.room(module) != PLATFORM_ROOM:
                complaints.append(f"{module}:{line} imports {target} outside {PLATFORM_ROOM}/")
    return complaints


def long_files(package: Package) -> list[str]:
    counts = {file: len(file.read_text(encoding="utf-8").splitlines()) for file, _ in package.modules.values()}
    return [f"{file.name} has {count} lines" for file, count in counts.items() if count > LONGEST_FILE]


RULES = (upward_imports, cycles, foreign_imports, long_files)


@cache
def the_package() -> Package:
    spec = importlib.util.find_spec("wasmarium")
    assert spec is not None
    assert spec.origin is not None
    return Package(Path(spec.origin).parent)


@pytest.mark.parametrize("rule", RULES)
def test_rule_holds(rule) -> None:
    assert rule(the_package()) == []


def test_public_names_are_sorted_and_there() -> None:
    wasmarium = importlib.import_module("wasmarium")
    names = list(wasmarium.__all__)
    assert names == sorted(set(names))
    assert [name for name in names if not hasattr(wasmarium, name)] == []
    tree = the_package().modules["wasmarium"][1]
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("wasmarium"))
        for alias in node.names
    }
    assert {name for name in imported if not name.startswith("_")} - set(names) == set()


@pytest.mark.cpython("looks at the repository, and only its package and tests are inside")
def test_top_level_is_fixed() -> None:
    root = Path(__file__).resolve().parents[2]
    listing = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout
    top = {line.split("/")[0] for line in listing.splitlines()}
    assert {name for name in top if not name.startswith(".")} - TOP_LEVEL - LOCK_FILES == set()


@pytest.mark.cpython("looks at the repository, and only its package and tests are inside")
def test_one_version() -> None:
    root = Path(__file__).resolve().parents[2]
    python = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    node = json.loads((root / "package.json").read_text(encoding="utf-8"))
    assert (python["name"], python["version"]) == (node["name"], node["version"])


# ---- the rules can fail -------------------------------------------------------------------------------------------


def tree(folder: Path, files: dict[str, str]) -> Package:
    for name, text in files.items():
        file = folder / "wasmarium" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Package(folder / "wasmarium")


GOOD = {
    "__init__.py": "from .errors import Trap\n__all__ = ['Trap']\n",
    "errors.py": "import enum\n",
    "runtime/__init__.py": "",
    "runtime/memory.py": "from ..errors import Trap\nfrom . import limits\n",
    "runtime/limits.py": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .memory import MemoryInstance\n"
    ),
    "bridge/browser.py": "import js\nfrom pyodide.ffi import run_sync\n",
    "cli/__init__.py": "from wasmarium.runtime.memory import MemoryInstance\n",
}


def test_good_tree_has_no_complaints(tmp_path: Path) -> None:
    package = tree(tmp_path, GOOD)
    assert [rule(package) for rule in RULES] == [[]] * len(RULES)


@pytest.mark.parametrize(
    ("file", "text", "rule", "says"),
    [
        pytest.param(
            "runtime/memory.py",
            "from ..wasi import errno\n",
            upward_imports,
            "from runtime up to wasi",
            id="sideways-up",
        ),
        pytest.param(
            "runtime/memory.py", "import wasmarium.cli\n", upward_imports, "from runtime up to cli", id="absolute-up"
        ),
        pytest.param(
            "errors.py", "from . import runtime\n", upward_imports, "from errors up to runtime", id="from-package-up"
        ),
        pytest.param(
            "errors.py",
            "def f():\n    from .types import I32\n",
            upward_imports,
            "from errors up to types",
            id="late-up",
        ),
        pytest.param(
            "runtime/store.py",
            "from wasmarium import Store\n",
            upward_imports,
            "from runtime up to __init__",
            id="from-top-up",
        ),
        pytest.param("attic/old.py", "", upward_imports, "on no floor", id="no-floor"),
        pytest.param(
            "runtime/limits.py",
            "from .memory import MemoryInstance\n",
            cycles,
            "wasmarium.runtime.limits →",
            id="cycle",
        ),
        pytest.param("runtime/limits.py", "import js\n", foreign_imports, "imports js outside bridge/", id="js"),
        pytest.param(
            "wasi/clock.py",
            "def f():\n    from pyodide.ffi import run_sync\n",
            foreign_imports,
            "outside bridge/",
            id="late-pyodide",
        ),
        pytest.param(
            "bridge/native.py",
            "import requests.sessions\n",
            foreign_imports,
            "not in the standard library",
            id="third-party",
        ),
        pytest.param("module.py", "#\n" * 601, long_files, "module.py has 601 lines", id="long"),
    ],
)
def test_bad_tree_is_noticed(tmp_path: Path, file: str, text: str, rule, says: str) -> None:
    complaints = rule(tree(tmp_path, {**GOOD, file: text}))
    assert len(complaints) == 1
    assert says in complaints[0]


def test_no_file_hides_behind_a_folder_of_its_name() -> None:
    """Python takes the folder, and the file beside it is read by nobody."""
    package = importlib.util.find_spec("wasmarium")
    assert package is not None
    assert package.origin is not None
    files = sorted(Path(package.origin).parent.rglob("*.py"))
    assert [file.name for file in files if file.with_suffix("").is_dir()] == []
