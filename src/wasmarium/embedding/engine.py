"""Engine: what modules, linkers and stores share."""

from __future__ import annotations

from wasmarium import bridge
from wasmarium.embedding.config import Config
from wasmarium.embedding.managed import Managed
from wasmarium.embedding.selection import choose
from wasmarium.engines.base import Engine as ExecutionEngine
from wasmarium.errors import WasmError


class Alarm:
    """A tick of the epoch that is to come; see ``Engine.increment_epoch_after``."""

    def __init__(self, when: int, alarms: list[Alarm]) -> None:
        self._when = when
        self._alarms = alarms

    def cancel(self) -> None:
        """Let it not come; nothing happens when it has come already."""
        if self in self._alarms:
            self._alarms.remove(self)


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
        self._ticks = 0
        self._alarms: list[Alarm] = []
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
        self._check_open()
        self._ticks += 1
        self._execution.hurry()

    def increment_epoch_after(self, seconds: float) -> Alarm:
        """Move the epoch on by one, ``seconds`` from now, unless the :class:`Alarm` is cancelled before. Beyond
        wasmtime: guests notice by themselves, so that no thread is needed (Pyodide has none)."""
        if not 0 <= seconds < 1 << 32:
            raise WasmError(f"{seconds} is no number of seconds to wait")
        made = Alarm(self._platform.clock.monotonic() + int(seconds * 1e9), self._alarms)
        self._alarms.append(made)
        return made

    @property
    def _epoch(self) -> int:
        if self._alarms:
            now = self._platform.clock.monotonic()
            for due in [each for each in self._alarms if each._when <= now]:
                due.cancel()
                self._ticks += 1
        return self._ticks

    def is_pulley(self) -> bool:
        """Whether wasmtime's own interpreter runs the guests: never."""
        return False
