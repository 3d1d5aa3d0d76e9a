"""Builds the wheel once more through pyodide-build and compares it, byte for byte, with the one in dist/.

    python scripts/pyodide_build_check.py

pyodide-build wants a cross-build environment, which it would download. A pure Python package needs next to nothing of
it: variables, the lock file and the sysconfig data, and all of that is in npm's `pyodide`. So a small one is made here.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = ROOT / "node_modules" / "pyodide"
WORK = ROOT / ".cache" / "pyodide-build"
SYSCONFIG = "_sysconfigdata__emscripten_wasm32-emscripten"


def makefile(version: str, info: dict[str, str]) -> str:
    """The variables that pyodide-build reads, from `make .output_vars`."""
    major, minor, micro = info["python"].split(".")
    variables = {
        "PYODIDE_VERSION": version,
        "PYODIDE_ABI_VERSION": info["abi_version"],
        "PYODIDE_EMSCRIPTEN_VERSION": info["platform"].removeprefix("emscripten_").replace("_", "."),
        "SKIP_EMSCRIPTEN_VERSION_CHECK": "1",
        "PLATFORM_TRIPLET": "wasm32-emscripten",
        "SYSCONFIG_NAME": SYSCONFIG,
        "PYVERSION": info["python"],
        "PYMAJOR": major,
        "PYMINOR": minor,
        "PYMICRO": micro,
        "CPYTHONINSTALL": "$(PYODIDE_ROOT)/cpython/installs/python-$(PYVERSION)",
        "TARGETINSTALLDIR": "$(CPYTHONINSTALL)",
        "SYSCONFIGDATA_DIR": "$(CPYTHONINSTALL)/sysconfigdata",
        "PYTHONINCLUDE": f"$(CPYTHONINSTALL)/include/python{major}.{minor}",
        "CFLAGS_BASE": "",
        "CXXFLAGS_BASE": "",
        "LDFLAGS_BASE": "",
        "PIP_CONSTRAINT": "",
    }
    return "".join(f"export {name}={value}\n" for name, value in variables.items()) + ".output_vars:\n\t@env\n"


def make_environment(archive: Path) -> None:
    """Writes the cross-build environment as the archive that pyodide-build would have downloaded."""
    lock = (RUNTIME / "pyodide-lock.json").read_bytes()
    info: dict[str, str] = json.loads(lock)["info"]
    version: str = json.loads((RUNTIME / "package.json").read_text())["version"]
    with zipfile.ZipFile(RUNTIME / "python_stdlib.zip") as stdlib:
        sysconfig_data = stdlib.read(f"{SYSCONFIG}.py")
    root = "xbuildenv/pyodide-root"
    python = f"{root}/cpython/installs/python-{info['python']}"
    files = {
        f"{root}/Makefile.envs": makefile(version, info).encode(),
        f"{root}/dist/pyodide-lock.json": lock,
        f"{python}/sysconfigdata/{SYSCONFIG}.py": sysconfig_data,
        f"{python}/include/python{info['python'].rpartition('.')[0]}/.keep": b"",
        "xbuildenv/requirements.txt": b"",
    }
    with tarfile.open(archive, "w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def build() -> Path:
    """Builds a copy of the sources (pyodide-build leaves files in the tree it builds) and returns the wheel."""
    shutil.rmtree(WORK, ignore_errors=True)
    tree = WORK / "tree"
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, tree / name)
    archive = WORK / "xbuildenv.tar"
    make_environment(archive)
    programs = Path(sys.executable).parent
    environment = os.environ | {
        "DEFAULT_CROSS_BUILD_ENV_URL": archive.as_uri(),
        "PYODIDE_XBUILDENV_PATH": str(WORK / "xbuildenv"),
        "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
    }
    command = [str(programs / "pyodide"), "build", "--no-isolation", "--outdir", str(WORK / "dist"), "."]
    result = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"pyodide build failed:\n{result.stdout}{result.stderr}")
    (wheel,) = (WORK / "dist").glob("*.whl")
    return wheel


def main() -> None:
    if sys.version_info < (3, 12):
        print("pyodide-build for this Pyodide needs Python 3.12; not checked")
        return
    (ours,) = (ROOT / "dist").glob("*.whl")
    theirs = build()
    digests = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in (ours, theirs)]
    if ours.name != theirs.name or digests[0] != digests[1]:
        raise SystemExit(f"the wheels differ:\n  {digests[0]} {ours}\n  {digests[1]} {theirs}")
    print(f"{ours.name}: pyodide-build gives the same {ours.stat().st_size} bytes")


if __name__ == "__main__":
    main()
