"""File systems for guests.

``base`` says what a file and a directory can do, one path component at a time; ``paths`` walks whole
paths over that, so that no implementation can let a guest out of the directory it was given;
``memory``, ``host``, ``restricted`` and ``overlay`` are implementations.
"""

from __future__ import annotations

from wasmarium.wasi.filesystem.base import Directory, Entry, File, FileType, Node, Stat
from wasmarium.wasi.filesystem.host import host_directory
from wasmarium.wasi.filesystem.memory import MemoryFileSystem
from wasmarium.wasi.filesystem.overlay import OverlayFileSystem
from wasmarium.wasi.filesystem.restricted import RestrictedDirectory, read_only

__all__ = [
    "Directory",
    "Entry",
    "File",
    "FileType",
    "MemoryFileSystem",
    "Node",
    "OverlayFileSystem",
    "RestrictedDirectory",
    "Stat",
    "host_directory",
    "read_only",
]
