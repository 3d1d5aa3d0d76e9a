"""Builds a folder that Pyodide can be loaded from, with some packages in it, and needs no CDN.

    python scripts/pyodide_dist.py OUT PACKAGE...

npm's `pyodide` holds the runtime but no packages, and the wheels its pyodide-lock.json names are not PyPI's
(Pyodide repacks them). So the runtime comes from node_modules, the packages in the versions and with the hashes of
requirements.lock from PyPI, and pyodide-lock.json is rewritten to what is really there.
"""

from __future__ import annotations

import argparse
import email
import email.message
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = ("pyodide.mjs", "pyodide.js", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "package.json")


def read_pins(text: str) -> dict[str, tuple[str, list[str]]]:
    """Reads a hashed requirements file: name -> (version, hashes)."""
    pins: dict[str, tuple[str, list[str]]] = {}
    for entry in re.split(r"\n(?=[A-Za-z0-9])", text):
        if found := re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", entry):
            pins[canonicalize_name(found[1])] = (found[2], re.findall(r"--hash=(\S+)", entry))
    return pins


class Target:
    """The platform that Pyodide is, for pip's tags and for environment markers."""

    def __init__(self, info: dict[str, str]) -> None:
        self.python = ".".join(info["python"].split(".")[:2])
        self.platform = f"pyemscripten_{info['abi_version']}_{info['arch']}"
        self.markers = {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": info["arch"],
            "platform_python_implementation": "CPython",
            "platform_system": "Emscripten",
            "python_full_version": info["python"],
            "python_version": self.python,
            "sys_platform": "emscripten",
            "extra": "",
        }

    @classmethod
    def of_runtime(cls) -> Target:
        """That of the Pyodide in node_modules."""
        return cls(json.loads((ROOT / "node_modules" / "pyodide" / "pyodide-lock.json").read_text())["info"])

    def tags(self) -> list[str]:
        """What pip is told to get wheels for this platform."""
        abi = "cp" + self.python.replace(".", "")
        tags = ["--platform", self.platform, "--python-version", self.python, "--implementation", "cp"]
        return [*tags, "--abi", abi, "--abi", "abi3", "--abi", "none"]

    def download(self, name: str, pin: tuple[str, list[str]], store: Path) -> Path:
        """Returns the wheel of one pinned package, fetched into `store` unless it is there."""
        version, hashes = pin
        for wheel in store.glob("*.whl"):
            got_name, got_version, *_ = parse_wheel_filename(wheel.name)
            if got_name == name and str(got_version) == version and f"sha256:{sha256(wheel)}" in hashes:
                return wheel
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder, "wanted.txt")
            wanted.write_text(" \\\n".join([f"{name}=={version}", *(f"  --hash={h}" for h in hashes)]) + "\n")
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
            how = ["--no-deps", "--only-binary=:all:", "--require-hashes"]
            result = subprocess.run(
                [*pip, *how, *self.tags(), "-r", wanted, "-d", folder],
                capture_output=True,
                text=True,
            )
            if result.returncode:
                raise SystemExit(f"{name}=={version} for Pyodide was not to be had:\n{result.stderr.strip()}")
            (wheel,) = Path(folder).glob("*.whl")
            return Path(shutil.move(wheel, store / wheel.name))


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def inspect(wheel: Path, markers: dict[str, str]) -> tuple[list[str], list[str]]:
    """Returns (names of required packages, top-level import names) of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata_name = next(name for name in names if name.endswith(".dist-info/METADATA"))
        metadata: email.message.Message = email.message_from_bytes(archive.read(metadata_name))
    requirements = [Requirement(text) for text in metadata.get_all("Requires-Dist") or []]
    depends = {canonicalize_name(r.name) for r in requirements if r.marker is None or r.marker.evaluate(markers)}
    imports = set()
    for name in names:
        head, _, rest = name.partition("/")
        if not head.endswith((".dist-info", ".data")) and (rest or head.endswith((".py", ".so"))):
            imports.add(head.split(".")[0])
    return sorted(depends), sorted(imports)


def build(out: Path, packages: list[str]) -> None:
    runtime = ROOT / "node_modules" / "pyodide"
    store = ROOT / ".cache" / "wheels"
    store.mkdir(parents=True, exist_ok=True)
    lock: dict[str, Any] = json.loads((runtime / "pyodide-lock.json").read_text())
    target = Target(lock["info"])
    pins = read_pins((ROOT / "requirements.lock").read_text())

    entries: dict[str, Any] = {}
    wheels: list[Path] = []
    todo = [canonicalize_name(name) for name in packages]
    while todo:
        name = todo.pop()
        if name in entries:
            continue
        if name not in pins:
            raise SystemExit(f"{name} is not in requirements.lock: add it to pyproject.toml and run `npm run lock`")
        wheel = target.download(name, pins[name], store)
        depends, imports = inspect(wheel, target.markers)
        entries[name] = {
            "name": name,
            "version": pins[name][0],
            "file_name": wheel.name,
            "sha256": sha256(wheel),
            "install_dir": "site",
            "package_type": "package",
            "imports": imports,
            "depends": depends,
            "unvendored_tests": False,
        }
        wheels.append(wheel)
        todo += [canonicalize_name(depend) for depend in depends]

    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for file in RUNTIME:
        if (runtime / file).exists():
            shutil.copyfile(runtime / file, out / file)
    for wheel in wheels:
        shutil.copyfile(wheel, out / wheel.name)
    # only what is here: a package that is missing fails at once and by name
    lock["packages"] = dict(sorted(entries.items()))
    (out / "pyodide-lock.json").write_text(json.dumps(lock, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("packages", nargs="*")
    arguments = parser.parse_args()
    build(arguments.out, arguments.packages)
