"""Which engine executes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wasmarium.engines.base import Engine
from wasmarium.engines.interpreter import Interpreter
from wasmarium.errors import Unsupported, WasmError

if TYPE_CHECKING:
    from wasmarium.bridge import Platform
    from wasmarium.embedding.config import Config

VARIABLE = "WASMARIUM_ENGINE"
"""The variable of the environment that decides where a program leaves the strategy to ``auto``."""

NAMES = ("auto", "interpreter", "host")


def choose(config: Config, platform: Platform) -> tuple[Engine, str | None]:
    """The engine for ``config``, and why it is not the host engine although that was asked for.

    ``auto`` is the host engine where the platform has one, else the interpreter. Raises Unsupported where
    ``host`` was asked for and there is none, WasmError for a variable that makes no sense.
    """
    strategy = config.strategy
    if strategy not in NAMES or strategy == "auto":
        # wasmtime's names leave the choice to us
        strategy = os.environ.get(VARIABLE) or "auto"
        if strategy not in NAMES:
            raise WasmError(f"{VARIABLE} is {strategy!r}; it can be {', '.join(NAMES)}")
    if strategy == "interpreter":
        return Interpreter(), None
    try:
        bridge = platform.webassembly()
    except Unsupported:
        if strategy == "host":
            raise
        return Interpreter(), None
    from wasmarium.engines.host import HostEngine

    return HostEngine(bridge), None
