"""The two ways to run a session's guest: watched step by step, or at the full speed of the host."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest

from wasmarium.bridge import Clock, Platform
from wasmarium.debug.values import Plain, frame_of
from wasmarium.engines.base import Engine
from wasmarium.engines.host import HostEngine
from wasmarium.engines.interpreter import Interpreter
from wasmarium.errors import Unsupported
from wasmarium.features import Features
from wasmarium.instrument.fuel import MOST
from wasmarium.instrument.monitors import CallCounts
from wasmarium.module import Module
from wasmarium.runtime.instance import ExternalValue, ModuleInstance
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.store import Store
from wasmarium.validation import validate_module

STEPS, SPEED = "steps", "speed"

BREATH = 12
"""Milliseconds after which a guest at full speed lets the event loop have its turn."""

MOST_COUNTED = 2 << 20
"""Bytes of a module up to which instructions are counted at full speed: preparing larger ones would take more than half
as long again, which are seconds."""

MOST_CALLED = 40
"""Functions that are told of those that were called most."""

_PAUSE, _SHARE = 100_000_000, 0.02
"""Nanoseconds between two looks at the counts at least, and how much of the time they may take."""


class Guest:
    """An instance, and the engine that runs it. ``counts`` tells its calls, at full speed; ``why``, why it does
    not run at that although that was asked for."""

    def __init__(
        self, instance: ModuleInstance, engine: Engine, counts: CallCounts | None = None, why: str | None = None
    ) -> None:
        self.instance = instance
        self.engine = engine
        self.counts_instructions = counts is None or instance.store.fuel is not None
        self.called = None if counts is None else Called(counts, instance.module)
        self.why = why

    @property
    def way(self) -> str:
        """``steps`` or ``speed``."""
        return STEPS if self.called is None else SPEED


class Called:
    """Tells which functions were called most."""

    def __init__(self, counts: CallCounts, module: Module) -> None:
        self._counts = counts
        self._module = module
        self._next = 0
        self._told: list[Plain] = []

    def changes(self, clock: Clock, at_once: bool) -> Plain:
        """What is new, if it is time for that (``at_once``: in any case)."""
        began = clock.monotonic()
        if began < self._next and not at_once:
            return {}
        found = self._counts.by_index()
        rows = [
            {"function": index, "name": frame_of(self._module, index).display_name, "calls": calls}
            for index, calls in nlargest(MOST_CALLED, found.items(), key=lambda item: item[1])
        ]
        self._next = began + max(_PAUSE, int((clock.monotonic() - began) / _SHARE))
        if rows == self._told:
            return {}
        self._told = rows
        return {"called": rows, "calledFunctions": len(found)}


class Engines:
    """Both engines of a session on ``platform``. What is loaded may have been checked by the host alone (see
    ``Engine.vouches``); then the rest is made up for before the interpreter gets it."""

    def __init__(self, platform: Platform, steps: Engine | None, features: Features, limits: ResourceLimits) -> None:
        self._steps = steps if steps is not None else Interpreter()
        self._features = features
        self._limits = limits
        self._speed: Engine | None = None
        self._vouched: Module | None = None
        self.obstacle: str | None = None
        """Why no guest runs at full speed here, or None."""
        try:
            bridge = platform.webassembly()
            if bridge.suspends():
                self._speed = HostEngine(bridge, BREATH)
            else:
                # nobody could ask a guest to stop
                self.obstacle = "this browser cannot suspend WebAssembly: it lacks JSPI"
        except Unsupported as error:
            self.obstacle = error.message

    def validate(self, module: Module) -> None:
        """Raise Invalid for a module that is not valid."""
        self._vouched = None
        if self._speed is not None and self._speed.vouches(module, self._features):
            self._vouched = module
        else:
            validate_module(module, self._features)

    def make(self, way: str, module: Module, imports: Sequence[ExternalValue]) -> Guest:
        """An instance of a module that was validated. Raises what instantiation raises."""
        why = None
        if way == SPEED:
            why = self.obstacle
            if self._speed is not None:
                guest = self._at_speed(self._speed, module, imports)
                if guest.why is None:
                    return guest
                why = guest.why
        if self._vouched is module:
            validate_module(module, self._features)
            self._vouched = None
        instance = self._steps.instantiate(Store(self._limits, watch=True), module, imports)
        return Guest(instance, self._steps, why=why)

    def _at_speed(self, engine: Engine, module: Module, imports: Sequence[ExternalValue]) -> Guest:
        store = Store(self._limits, fuel=MOST if len(module.data) <= MOST_COUNTED else None, watch=True)
        counts = CallCounts()
        store.monitors.append(counts)
        store.reveal = True
        # the session gives up a guest by itself; this lets it be asked
        store.is_over = _never
        instance = engine.instantiate(store, module, imports)
        return Guest(instance, engine, counts, engine.fallback(module))


def _never() -> bool:
    return False
