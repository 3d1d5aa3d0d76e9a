"""Engine: what modules, linkers and stores share."""

from __future__ import annotations

from wasmarium import bridge
from wasmarium.embedding.config import Config
from wasmarium.embedding.managed import Managed
from wasmarium.embedding.selection import choose
from wasmarium.engines.base import Engine as ExecutionEngine


class Engine(Managed):
    """The settings under which modules are validated and run.

    Most programs need one, made without arguments:

    >>> from wasmarium import Engine, Store
    >>> engine = Engine()
    >>> store = Store(engine)

    ``config`` may be used again afterwards; the engine has its own copy of what it said.
    ``platform`` is for tests: where waiting, time and randomness come from (see ``wasmarium.bridge``).
    """

    def __init__(self, config: Config | None = None, *, platform: bridge.Platform | None = None) -> None:
        if config is None:
            config = Config()
        elif not isinstance(config, Config):
            raise TypeError("expected Config")
        config._check_open()
        self._features = config._features()
        self._consumes_fuel = config.consume_fuel
        self._counts_epochs = config.epoch_interruption
        self._epoch = 0
        self._platform = platform if platform is not None else bridge.platform()
        self._fallback: str | None
        self._execution: ExecutionEngine
        self._execution, self._fallback = choose(config, self._platform)

    @property
    def strategy(self) -> str:
        """Which engine executes: ``interpreter`` or ``host``."""
        return self._execution.name

    @property
    def fallback(self) -> str | None:
        """Why it is the interpreter although the host engine was asked for, or None."""
        return self._fallback

    def increment_epoch(self) -> None:
        """Move the epoch on by one. Any thread, signal handler or host function may call it; guests
        whose store's deadline is reached trap soon after. See ``Config.epoch_interruption``."""
        self._epoch += 1
        self._execution.hurry()

    def is_pulley(self) -> bool:
        """Whether wasmtime's own interpreter runs the guests: never."""
        return False
