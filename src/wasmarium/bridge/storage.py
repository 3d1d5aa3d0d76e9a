"""Files that are still there next time: a folder of the platform's own storage."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

from wasmarium.errors import WasmError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Storage(ABC):
    """``path`` is a directory that guests can be given; what they leave in it is kept by :meth:`save`."""

    path: str

    @abstractmethod
    async def save(self) -> None:
        """Keep what is there now. Raises OSError where there is no room."""


class DirectoryStorage(Storage):
    """A directory that is kept anyway."""

    def __init__(self, path: str) -> None:
        self.path = path

    async def save(self) -> None:
        return


def check_name(name: str) -> str:
    """``name``, if it can name a storage: letters, digits, _ and -, at most 64. Raises WasmError."""
    if not _NAME.fullmatch(name):
        raise WasmError(f"{name!r} is no name for a storage: letters, digits, _ and -, at most 64")
    return name
