"""Where the shared test data is: real guests, official suites, recorded outputs of other runtimes.

It lies beside the checkout, as ``../shared``, or where the environment variable ``WASMARIUM_SHARED`` says. Tests that
need it are marked ``@pytest.mark.shared("guests")`` and take the fixture ``shared``; without it they are skipped.
Inside Pyodide the marked folders are copied in before the tests run.
"""

from __future__ import annotations

import os
from pathlib import Path


def shared_root() -> Path:
    """The folder of the shared test data, whether or not it is there."""
    named = os.environ.get("WASMARIUM_SHARED")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "shared"


def missing(*folders: str) -> str:
    """Why a test that needs these folders cannot run, and what to do; "" when it can."""
    root = shared_root()
    absent = [name for name in folders if not (root / name).is_dir()]
    if not absent:
        return ""
    return (
        f"needs {', '.join(absent)} of the shared test data: put the folder `shared` beside the checkout "
        "or set WASMARIUM_SHARED to where it is"
    )
