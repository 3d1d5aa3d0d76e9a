"""Who validates: our own validator, or for big modules the host, which is many times as quick."""

from __future__ import annotations

from typing import Any

import pytest

from wasmarium import Config, Engine, Instance, Module, Store, WasmtimeError
from wasmarium.embedding import loading
from wasmarium.engines.host import engine as host_engine
from wasmarium.engines.host.engine import BIG, HostEngine
from wasmarium.errors import Invalid, Unsupported

FINE = "i32.const 7"
WRONG = "i64.const 7"


def source(body: str, size: int = BIG) -> bytes:
    """A binary of about ``size`` bytes."""
    from wasmarium import wat2wasm

    return bytes(wat2wasm(f'(module (memory 9) (data "{"x" * size}") (func (export "f") (result i32) {body}))'))


@pytest.fixture
def validated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the modules that our own validator has looked at."""
    seen: list[int] = []
    ours = loading.validate_module

    def watched(module: Any, features: Any) -> None:
        seen.append(len(module.data))
        ours(module, features)

    for place in (loading, host_engine):
        monkeypatch.setattr(place, "validate_module", watched)
    return seen


def test_a_big_module_is_validated_by_the_host(host: Any, validated: list[int]) -> None:
    exports = Instance(host.store, Module(host.engine, source(FINE)), []).exports(host.store)
    call: Any = exports["f"]
    assert call(host.store) == 7
    assert validated == []


def test_a_small_one_by_us(host: Any, validated: list[int]) -> None:
    Module(host.engine, source(FINE, 100))
    assert len(validated) == 1


@pytest.mark.parametrize("size", [100, BIG])
def test_what_is_invalid_is_told_with_its_place(host: Any, size: int) -> None:
    with pytest.raises(Invalid, match="type mismatch") as caught:
        Module(host.engine, source(WRONG, size))
    where = caught.value.location
    assert (where.section, where.function, where.mnemonic) == ("code", 0, "end")


def test_asking_whether_it_is_valid_asks_us(host: Any, validated: list[int]) -> None:
    Module.validate(host.engine, source(FINE))
    assert len(validated) == 1


def test_features_that_are_switched_off_are_refused_whatever_the_host_has(validated: list[int]) -> None:
    config = Config()
    config.strategy = "host"
    config.wasm_simd = config.wasm_relaxed_simd = False
    with pytest.raises(WasmtimeError, match="simd"):
        Module(Engine(config), source("(i32x4.extract_lane 0 (v128.const i32x4 7 7 7 7))"))


def test_what_is_interpreted_after_all_is_validated_by_us(
    host: Any, validated: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interpreter does not check what a validator has."""

    def refuse(*arguments: Any) -> Any:
        raise Unsupported("not today")

    module = Module(host.engine, source(FINE))
    monkeypatch.setattr(HostEngine, "compiled", refuse)
    instance: Any = Instance(host.store, module, [])
    assert instance.fallback == "not today"
    assert len(validated) == 1
    assert instance.exports(host.store)["f"](host.store) == 7
    # once is enough
    Instance(Store(host.engine), module, [])
    assert len(validated) == 1
