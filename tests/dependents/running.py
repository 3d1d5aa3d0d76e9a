"""Runs a job, as a script of its own: ``python running.py JOB WASMTIME``, or inside Pyodide in place."""

from __future__ import annotations

import contextlib
import os
import runpy
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn


def run(job: Path, version: str) -> None:
    """Run the job with wasmarium as wasmtime."""
    import wasmarium

    installed = wasmarium.install_as_wasmtime(version, force=True)
    try:
        runpy.run_path(str(job), run_name="__main__")
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(f"the job exits with {ended.code!r}") from None
    finally:
        installed.remove()


def run_here(job: Path, version: str) -> str:
    """Run it in this process, as if it had one of its own; what it, and its guests, write to standard output."""
    before, directory = set(sys.modules), os.getcwd()
    leave, os._exit = os._exit, _exit
    try:
        with _captured() as output:
            run(job, version)
            sys.stdout.flush()
            output.seek(0)
            return output.read().decode("utf-8", "replace")
    finally:
        os._exit = leave  # type: ignore[assignment]
        os.chdir(directory)
        for name in set(sys.modules) - before:
            if name.partition(".")[0] not in ("wasmarium", "encodings"):
                del sys.modules[name]


def _exit(code: int) -> NoReturn:
    raise SystemExit(code)


@contextlib.contextmanager
def _captured() -> Iterator[tempfile._TemporaryFileWrapper[bytes]]:
    with tempfile.NamedTemporaryFile() as file:
        yield_to, stream, sys.stdout = os.dup(1), sys.stdout, open(1, "w", closefd=False)  # noqa: SIM115
        os.dup2(file.fileno(), 1)
        try:
            yield file
        finally:
            sys.stdout.flush()
            os.dup2(yield_to, 1)
            os.close(yield_to)
            sys.stdout = stream


if __name__ == "__main__":
    _, name, wanted = sys.argv
    sys.argv = [name]
    run(Path(name), wanted)
