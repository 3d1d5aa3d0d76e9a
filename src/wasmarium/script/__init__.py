"""Running ``.wast`` scripts: modules with commands that say what they must do.

``text/script.py`` reads a script; here its commands are carried out one by one, and each is judged by
itself: passed, failed (with the reason and the place), or skipped (with the reason). What the official
suite of the specification says is therefore a call of :func:`run_script` per file.
"""

from __future__ import annotations

from wasmarium.script.agent import Session
from wasmarium.script.report import Report, Result
from wasmarium.script.scheduler import run_script

__all__ = ["Report", "Result", "Session", "run_script"]
