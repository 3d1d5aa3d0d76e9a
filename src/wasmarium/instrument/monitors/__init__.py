"""Monitors: what guests did, as objects to be asked. Attach one to a store before its instances are made."""

from __future__ import annotations

from wasmarium.instrument.monitors.base import Area, Monitor, Watched
from wasmarium.instrument.monitors.counts import CallCounts
from wasmarium.instrument.monitors.coverage import Coverage
from wasmarium.instrument.monitors.trace import CallTrace

__all__ = ["Area", "CallCounts", "CallTrace", "Coverage", "Monitor", "Watched"]
