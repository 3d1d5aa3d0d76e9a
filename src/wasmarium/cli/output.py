"""Writing to a terminal what may come from a hostile module."""

from __future__ import annotations

from typing import TextIO


def write(text: str, stream: TextIO) -> None:
    """Write ``text`` and a newline. Characters that a terminal would obey, and those that it cannot
    show, come as escapes."""
    shown = "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
    encoding = stream.encoding or "utf-8"
    stream.write(shown.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()
