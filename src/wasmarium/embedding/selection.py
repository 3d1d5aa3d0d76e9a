"""Which engine executes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wasmarium.engines.base import Engine
from wasmarium.engines.interpreter import Interpreter
from wasmarium.errors import WasmError

if TYPE_CHECKING:
    from wasmarium.bridge import Platform
    from wasmarium.embedding.config import Config

VARIABLE = "WASMARIUM_ENGINE"
"""The variable of the environment that decides where a program leaves the strategy to ``auto``."""

NAMES = ("auto", "interpreter", "host")


def choose(config: Config, platform: Platform) -> tuple[Engine, str | None]:
    """The engine for ``config``, and why it is not the host engine although that was asked for.

    Raises Unsupported where there is no host engine at all, WasmError for a variable that makes no sense.
    """
    strategy = config.strategy
    if strategy not in NAMES or strategy == "auto":
        # wasmtime's names leave the choice to us
        strategy = os.environ.get(VARIABLE) or "auto"
        if strategy not in NAMES:
            raise WasmError(f"{VARIABLE} is {strategy!r}; it can be {', '.join(NAMES)}")
    if strategy != "host":
        return Interpreter(), None
    from wasmarium.engines.host import HostEngine

    bridge = platform.webassembly()
    for setting, what in (("consume_fuel", "fuel"), ("epoch_interruption", "interruption by epochs")):
        if getattr(config, setting):
            return Interpreter(), f"the host engine has no {what}"
    return HostEngine(bridge), None
