"""Storage in a browser: the origin private file system, mounted into Pyodide's own.

Pyodide reads all of a folder when it mounts it, and writes the differences back when it is saved. So a guest
works as fast as with any other directory, and what it wrote is lost if nobody saves.
"""

from __future__ import annotations

import errno
from typing import Any

import js
import pyodide_js
from pyodide.ffi import JsException, to_js

from wasmarium.bridge.storage import Storage, check_name
from wasmarium.errors import Unsupported

PLACE = "/wasmarium-storage"
"""Where storages are mounted."""


class BrowserStorage(Storage):
    """A folder of the origin private file system."""

    def __init__(self, path: str, mounted: Any) -> None:
        self.path = path
        self._mounted = mounted

    async def save(self) -> None:
        try:
            await self._mounted.syncfs()
        except JsException as error:
            number = errno.ENOSPC if error.name == "QuotaExceededError" else errno.EIO
            raise OSError(number, f"the browser does not keep it: {error.message}") from None


async def browser_storage(name: str) -> BrowserStorage:
    """Mounts the folder ``name``; mounting it again reads it again. Raises Unsupported."""
    path = f"{PLACE}/{check_name(name)}"
    manager = getattr(getattr(js, "navigator", None), "storage", None)
    if manager is None or not hasattr(manager, "getDirectory"):
        raise Unsupported("there is no storage here: it needs a browser and a page that came by https (or localhost)")
    try:
        root = await manager.getDirectory()
        folder = await root.getDirectoryHandle(name, to_js({"create": True}, dict_converter=js.Object.fromEntries))
        found = pyodide_js.FS.analyzePath(path)
        if found.exists and found.object.mount.mountpoint == path:
            pyodide_js.FS.unmount(path)
        mounted = await pyodide_js.mountNativeFS(path, folder)
    except JsException as error:
        raise Unsupported(f"the browser gives no storage: {error.message}") from None
    return BrowserStorage(path, mounted)
