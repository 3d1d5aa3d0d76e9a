"""Storage on CPython: a directory where programs keep their data."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wasmarium.bridge.storage import DirectoryStorage, check_name


def native_storage(name: str) -> DirectoryStorage:
    """``wasmarium/NAME`` in the user's data folder, made if it is missing. Raises OSError."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    else:
        base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    folder = Path(base, "wasmarium", check_name(name))
    folder.mkdir(parents=True, exist_ok=True)
    return DirectoryStorage(str(folder))
