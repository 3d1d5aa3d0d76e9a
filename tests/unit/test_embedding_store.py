"""Stores, engines, configurations: fuel, epochs, limits. What takes `api` holds for wasmtime-py too."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import guest_modules as guests
import wasmarium


def loops(api: Any, **options: Any) -> tuple[Any, Any]:
    config = api.Config()
    for name, value in options.items():
        setattr(config, name, value)
    store = api.Store(api.Engine(config))
    module = api.Module(store.engine, guests.LOOPS.wasm)
    return store, api.Instance(store, module, []).exports(store)


# ---- fuel -----------------------------------------------------------------------------------------------------------


def test_store_starts_without_fuel(api) -> None:
    store, exported = loops(api, consume_fuel=True)
    assert store.get_fuel() == 0
    with pytest.raises(api.Trap, match="all fuel consumed") as caught:
        exported["four"](store)
    assert caught.value.trap_code is api.TrapCode.OUT_OF_FUEL


def test_instructions_cost_fuel(api) -> None:
    store, exported = loops(api, consume_fuel=True)
    store.set_fuel(1000)
    exported["four"](store)
    # nop and drop are free, as wasmtime counts; entering the function is not
    assert store.get_fuel() == 998
    store.set_fuel(50)
    assert store.get_fuel() == 50


def test_endless_loop_runs_out_of_fuel(api) -> None:
    store, exported = loops(api, consume_fuel=True)
    store.set_fuel(10_000)
    with pytest.raises(api.Trap) as caught:
        exported["forever"](store)
    assert caught.value.trap_code is api.TrapCode.OUT_OF_FUEL
    assert caught.value.frames[0].func_index == 0
    assert store.get_fuel() == 0
    # more fuel, and the store goes on
    store.set_fuel(1000)
    assert exported["count"](store, 10) == 7
    assert exported["n"].value(store) > 1000


def test_same_run_costs_the_same_fuel(api) -> None:
    store, exported = loops(api, consume_fuel=True)
    left = []
    for _ in range(2):
        store.set_fuel(100_000)
        exported["count"](store, 1000)
        left.append(store.get_fuel())
    assert left[0] == left[1]


def test_fuel_needs_the_switch(api) -> None:
    store, _ = loops(api)
    with pytest.raises(api.WasmtimeError, match="fuel is not configured in this store"):
        store.get_fuel()
    with pytest.raises(api.WasmtimeError, match="fuel is not configured in this store"):
        store.set_fuel(1)


def test_fuel_counts_like_wasmtime_does() -> None:
    wasmtime = pytest.importorskip("wasmtime")
    spent = []
    for module in (wasmarium, wasmtime):
        store, exported = loops(module, consume_fuel=True)
        store.set_fuel(1_000_000)
        exported["count"](store, 100)
        spent.append(1_000_000 - store.get_fuel())
    assert spent[0] == spent[1]


# ---- epochs ---------------------------------------------------------------------------------------------------------


def test_deadline_must_be_set(api) -> None:
    store, exported = loops(api, epoch_interruption=True)
    with pytest.raises(api.Trap) as caught:
        exported["nothing"](store)
    assert caught.value.trap_code is api.TrapCode.INTERRUPT


@pytest.mark.cpython("starts a thread")
def test_another_thread_interrupts_an_endless_loop(api) -> None:
    store, exported = loops(api, epoch_interruption=True)
    store.set_epoch_deadline(1)
    exported["nothing"](store)
    timer = threading.Timer(0.1, store.engine.increment_epoch)
    timer.start()
    with pytest.raises(api.Trap, match="interrupt") as caught:
        exported["forever"](store)
    timer.join()
    assert caught.value.trap_code is api.TrapCode.INTERRUPT
    assert caught.value.frames[0].func_index == 0
    store.set_epoch_deadline(1)
    assert exported["count"](store, 3) == 7


def test_deadline_counts_from_now(api) -> None:
    store, exported = loops(api, epoch_interruption=True)
    for _ in range(5):
        store.engine.increment_epoch()
    store.set_epoch_deadline(2)
    store.engine.increment_epoch()
    exported["nothing"](store)
    store.engine.increment_epoch()
    with pytest.raises(api.Trap):
        exported["nothing"](store)


def test_epochs_are_ignored_without_the_switch(api) -> None:
    store, exported = loops(api)
    store.engine.increment_epoch()
    assert exported["count"](store, 3) == 7


# ---- limits ---------------------------------------------------------------------------------------------------------


def test_memory_limit(api) -> None:
    store = api.Store()
    store.set_limits(memory_size=2 * 65536)
    with pytest.raises(api.WasmtimeError):
        api.Memory(store, api.MemoryType(api.Limits(3, None)))
    memory = api.Memory(store, api.MemoryType(api.Limits(1, None)))
    assert memory.grow(store, 1) == 1
    with pytest.raises(api.WasmtimeError, match="failed to grow memory by `1`"):
        memory.grow(store, 1)


def test_table_limit(api) -> None:
    store = api.Store()
    store.set_limits(table_elements=5)
    kind = api.ValType.externref()
    with pytest.raises(api.WasmtimeError):
        api.Table(store, api.TableType(kind, api.Limits(6, None)), None)
    table = api.Table(store, api.TableType(kind, api.Limits(5, None)), None)
    with pytest.raises(api.WasmtimeError, match="failed to grow table by `1`"):
        table.grow(store, 1, None)


def test_instance_limit(api) -> None:
    store = api.Store()
    store.set_limits(instances=1)
    module = api.Module(store.engine, guests.CALCULATOR.wasm)
    api.Instance(store, module, [])
    with pytest.raises(api.WasmtimeError):
        api.Instance(store, module, [])


def test_negative_limits_are_none(api) -> None:
    store = api.Store()
    store.set_limits()
    memory = api.Memory(store, api.MemoryType(api.Limits(1, None)))
    assert memory.grow(store, 10) == 1


# ---- data, closing --------------------------------------------------------------------------------------------------


def test_store_keeps_data(api) -> None:
    data = {"any": "thing"}
    assert api.Store(api.Engine(), data).data() is data
    assert api.Store().data() is None


def test_closed_store_is_refused(api) -> None:
    store = api.Store()
    with store:
        store.gc()
    with pytest.raises(ValueError, match="already closed"):
        store.data()
    store.close()


def test_wrong_arguments_are_type_errors(api) -> None:
    with pytest.raises(TypeError, match="expected an Engine"):
        api.Store("no engine")
    with pytest.raises(TypeError, match="expected Config"):
        api.Engine("no config")


# ---- configurations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wrong"), [("wasm_simd", 1), ("consume_fuel", "yes"), ("max_wasm_stack", 1.5), ("debug_info", None)]
)
def test_settings_check_their_type(api, name, wrong) -> None:
    with pytest.raises(TypeError, match=r"expected an? "):
        setattr(api.Config(), name, wrong)


@pytest.mark.parametrize("name", ["strategy", "cranelift_opt_level", "profiler"])
def test_settings_know_their_words(api, name) -> None:
    with pytest.raises(api.WasmtimeError, match="unknown"):
        setattr(api.Config(), name, "no such word")


def test_settings_of_wasmtime_are_all_there(api) -> None:
    config = api.Config()
    for name in (
        "wasm_threads wasm_tail_call wasm_reference_types wasm_simd wasm_bulk_memory wasm_multi_value wasm_multi_memory"
        " wasm_memory64 wasm_relaxed_simd wasm_exceptions wasm_function_references wasm_gc wasm_wide_arithmetic"
        " wasm_custom_page_sizes debug_info parallel_compilation cranelift_debug_verifier memory_init_cow"
    ).split():
        setattr(config, name, True)
    config.cranelift_opt_level = "speed_and_size"
    config.max_wasm_stack = 1 << 20
    api.Engine(config)


def test_settings_can_be_read() -> None:
    config = wasmarium.Config()
    assert (config.wasm_simd, config.wasm_threads, config.consume_fuel, config.strategy) == (True, True, False, "auto")
    config.wasm_simd = False
    assert config.wasm_simd is False
    assert wasmarium.Config().wasm_simd is True


def test_engine_keeps_what_its_configuration_said() -> None:
    config = wasmarium.Config()
    config.consume_fuel = True
    engine = wasmarium.Engine(config)
    config.consume_fuel = False
    assert wasmarium.Store(engine).get_fuel() == 0
    assert not engine.is_pulley()
