"""Where the shared test data is: real guests, official suites, recorded outputs of other runtimes.

It lies beside the checkout, as ``../shared``, or where the environment variable ``WASMARIUM_SHARED`` says; where there
is neither, ``npm run fetch-suites`` puts the public suites into ``.cache/shared``. Tests that need it are marked
``@pytest.mark.shared("guests")`` and take the fixture ``shared``; without it they are skipped. Inside Pyodide the
marked folders are copied in before the tests run.
"""

from __future__ import annotations

import os
from pathlib import Path

FETCHED = frozenset({"core"})
"""What scripts/fetch-suites.mjs can fetch."""


def shared_root() -> Path:
    """The folder of the shared test data, whether or not it is there."""
    named = os.environ.get("WASMARIUM_SHARED")
    if named:
        return Path(named)
    checkout = Path(__file__).resolve().parents[1]
    beside = checkout.parent / "shared"
    return beside if beside.is_dir() else checkout / ".cache" / "shared"


def missing(*folders: str) -> str:
    """Why a test that needs these folders cannot run, and what to do; "" when it can."""
    root = shared_root()
    absent = [name for name in folders if not (root / name).is_dir()]
    if not absent:
        return ""
    fetch = "run `npm run fetch-suites`, or " if FETCHED.issuperset(absent) else ""
    return (
        f"needs {', '.join(absent)} of the shared test data: {fetch}put the folder `shared` beside the checkout "
        "or set WASMARIUM_SHARED to where it is"
    )
