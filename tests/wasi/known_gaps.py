"""What cannot pass yet: (program, storage, platform) -> reason. Only ever shorter.

Storage is ``host`` (a directory) or ``memory``, platform ``cpython`` or ``pyodide``.
"""

from __future__ import annotations

_MILLISECONDS = "Emscripten keeps the times of files in milliseconds"

GAPS: dict[tuple[str, str, str], str] = {
    ("rust/fd_filestat_set", "host", "pyodide"): _MILLISECONDS,
    ("rust/path_filestat", "host", "pyodide"): _MILLISECONDS,
    ("rust/path_link", "host", "pyodide"): "Emscripten has no hard links",
    ("rust/symlink_filestat", "host", "pyodide"): "Emscripten cannot set the times of a symbolic link",
}
