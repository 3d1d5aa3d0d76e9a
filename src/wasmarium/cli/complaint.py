"""What a command says when it cannot go on, and how it reads and writes files."""

from __future__ import annotations

import errno
import sys

from wasmarium.errors import WasmError


class Complaint(Exception):
    """One line for standard error; the command then ends with status 1."""


def read(path: str) -> bytes:
    """The content of a file, "-" being standard input. Raises Complaint when it cannot be read."""
    try:
        if path == "-":
            return sys.stdin.buffer.read()
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Complaint(f"{path}: {_reason(error)}") from None


def save(path: str, content: bytes) -> None:
    """Write a file, "-" being standard output. Raises Complaint when that cannot be."""
    try:
        if path == "-":
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        else:
            with open(path, "wb") as file:
                file.write(content)
    except BrokenPipeError:
        raise
    except FileNotFoundError:
        raise Complaint(f"{path}: no such directory") from None
    except OSError as error:
        raise Complaint(f"{path}: {_reason(error)}") from None


def located(path: str, error: WasmError) -> Complaint:
    """What is wrong with a module, in one line: file, kind of problem, message, place."""
    return Complaint(f"{path}: {error.kind}: {' '.join(str(error).split())}")


def _reason(error: OSError) -> str:
    reasons = {
        errno.ENOENT: "no such file",
        errno.EISDIR: "is a directory, not a file",
        errno.EACCES: "permission denied",
    }
    return reasons.get(error.errno or 0, error.strerror or str(error))
