"""Stores for these tests, and a guest that does what it must not."""

from __future__ import annotations

from typing import Any

from wasmarium import Config, Engine, Store


def new_store(fuel: int | None = None, platform: Any = None, **settings: Any) -> Store:
    """A store with an engine of its own, the host engine if ``settings`` do not say otherwise. With ``fuel`` its
    guests pay."""
    config = Config()
    config.consume_fuel = fuel is not None
    for name, value in {"strategy": "host", **settings}.items():
        setattr(config, name, value)
    store = Store(Engine(config, platform=platform))
    if fuel is not None:
        store.set_fuel(fuel)
    return store


def hostile(more: str = "") -> str:
    """A guest; ``more`` stands before everything else that it has."""
    return f"""(module $m {more} (memory $m i64 1)
      (func (export "fine") (result i32) (i32.const 42))
      (func $spin (export "spin") (loop (br 0)))
      (func $recurse (export "recurse") (param i64 i64 i64) (result i64)
        (i64.add (call $recurse (local.get 2) (local.get 0) (local.get 1)) (local.get 0)))
      (func (export "grow") (result i64) (local i64)
        (loop (result i64) (local.set 0 (memory.grow (i64.const 100)))
          (br_if 0 (i64.ne (local.get 0) (i64.const -1))) (memory.size)))
      (func (export "grow for ever") (loop (drop (memory.grow (i64.const 1))) (br 0)))
      (func (export "fill") (memory.fill (i64.const 0) (i32.const 1) (i64.const 10000000000))))"""
