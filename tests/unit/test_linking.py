"""Linking and instantiation (specification, sections 4.7.1 and 4.7.2): imports, constants, segments, start."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest

import guest_modules as guests
from wasmarium.binary.decoder import decode_module
from wasmarium.engines.base import Finished, Raised
from wasmarium.engines.interpreter import Interpreter
from wasmarium.errors import Exhausted, Trap, TrapCode, Unlinkable
from wasmarium.instructions.numeric import f32_bits
from wasmarium.runtime.function import HostFunction
from wasmarium.runtime.globals import GlobalInstance
from wasmarium.runtime.heap import I31
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.linking import instantiate, start_function
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.store import Store
from wasmarium.runtime.table import TableInstance
from wasmarium.types import (
    EXTERNREF,
    FUNCREF,
    I32,
    I64,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    define_function,
)
from wasmarium.validation import validate_module


def call(function: Any, *arguments: Any) -> Any:
    outcome = Interpreter().start(function, arguments).run()
    if isinstance(outcome, Raised):
        raise outcome.error
    assert isinstance(outcome, Finished)
    return outcome.values


def make(guest: guests.Guest, *imports: Any, store: Store | None = None) -> ModuleInstance:
    module = decode_module(guest.wasm)
    validate_module(module)
    return instantiate(store or Store(), module, imports, call)


def host(parameters: tuple[Any, ...] = (), results: tuple[Any, ...] = (), code: Any = None) -> HostFunction:
    defined = define_function(FunctionType(parameters, results))
    return HostFunction(defined, code or (lambda instance, arguments: ()), "host")


@pytest.fixture
def provider() -> ModuleInstance:
    return make(guests.PROVIDER)


def offered(provider: ModuleInstance) -> list[Any]:
    return [provider.exports[name] for name in ("memory", "table", "constant", "variable", "double", "tag")]


# ---- sharing --------------------------------------------------------------------------------------------------------


def test_imports_are_the_very_objects_that_were_exported(provider) -> None:
    consumer = make(guests.CONSUMER, *offered(provider), store=provider.store)
    assert consumer.memories[0] is provider.memories[0]
    assert consumer.tables[0] is provider.tables[0]
    assert consumer.tags[0] is provider.tags[0]
    assert consumer.functions[0] is provider.functions[0]
    call(consumer.exports["bump"])
    assert provider.exports["variable"].value == 10


def test_calls_cross_instances_directly_and_through_tables(provider) -> None:
    consumer = make(guests.CONSUMER, *offered(provider), store=provider.store)
    assert call(consumer.exports["quadruple"], 5) == (20,)
    # the consumer's own function stands in the provider's table now
    assert call(provider.exports["call"], 1, 5) == (15,)
    assert call(provider.exports["peek"], 3) == (ord("s"),)


def test_index_spaces_hold_imports_first(provider) -> None:
    consumer = make(guests.CONSUMER, *offered(provider), store=provider.store)
    assert consumer.exports["triple"] is consumer.functions[1]
    assert [function.type.parameters for function in consumer.functions] == [(I32,), (I32,), (I32,), ()]


# ---- matching -------------------------------------------------------------------------------------------------------

UNBOUNDED = ResourceLimits()


def memory(minimum: int, maximum: int | None = None, **more: Any) -> MemoryInstance:
    return MemoryInstance(MemoryType(Limits(minimum, maximum), **more), UNBOUNDED)


def table(minimum: int, maximum: int | None = None, element: Any = FUNCREF) -> TableInstance:
    return TableInstance(TableType(element, Limits(minimum, maximum)), None, UNBOUNDED)


@pytest.mark.parametrize(
    ("position", "wrong", "expected", "found"),
    [
        (0, memory(0), "(memory 1)", "(memory 0)"),
        (0, memory(1, address=I64), "(memory 1)", "(memory i64 1)"),
        (0, host(), "(memory 1)", "(func)"),
        (1, table(1), "(table 2 funcref)", "(table 1 funcref)"),
        (1, table(2, None, EXTERNREF), "(table 2 funcref)", "(table 2 externref)"),
        (2, GlobalInstance(GlobalType(I32, True), 0), "(global i32)", "(global (mut i32))"),
        (2, GlobalInstance(GlobalType(I64, False), 0), "(global i32)", "(global i64)"),
        (3, GlobalInstance(GlobalType(I64, False), 0), "(global (mut i64))", "(global i64)"),
        (4, host((I32,)), "(func (param i32) (result i32))", "(func (param i32))"),
        (4, host((I64,), (I32,)), "(func (param i32) (result i32))", "(func (param i64) (result i32))"),
        (5, memory(1), "(tag (param i32))", "(memory 1)"),
    ],
)
def test_incompatible_import_names_both_types_and_the_place(provider, position, wrong, expected, found) -> None:
    imports = offered(provider)
    imports[position] = wrong
    with pytest.raises(Unlinkable, match=r"^incompatible import type") as caught:
        make(guests.CONSUMER, *imports)
    name = decode_module(guests.CONSUMER.wasm).imports[position].name
    assert f"`p::{name}`" in caught.value.message
    assert f"expected {expected}, found {found}" in caught.value.message
    assert caught.value.location.section == "import"
    assert caught.value.location.offset == decode_module(guests.CONSUMER.wasm).imports[position].offset


def test_what_grew_is_matched_with_its_present_size(provider) -> None:
    small = memory(0, 4)
    small.grow(1)
    imports = offered(provider)
    imports[0] = small
    assert make(guests.CONSUMER, *imports).memories[0] is small


def test_number_of_imports_is_checked(provider) -> None:
    with pytest.raises(Unlinkable, match="expected 6 imports, found 5"):
        make(guests.CONSUMER, *offered(provider)[:-1])
    with pytest.raises(Unlinkable, match="expected 0 imports, found 1"):
        make(guests.CALCULATOR, host())


def test_nothing_is_made_when_imports_do_not_match() -> None:
    store = Store()
    with pytest.raises(Unlinkable):
        make(guests.STARTED, host((I32,)), store=store)
    assert store.instances == []


# ---- constant expressions -------------------------------------------------------------------------------------------


@pytest.fixture
def constants() -> dict[str, Any]:
    instance = make(guests.CONSTANTS, GlobalInstance(GlobalType(I32, False), 100))
    found = {name: item.value for name, item in instance.exports.items() if isinstance(item, GlobalInstance)}
    return {**found, "instance": instance}


def test_numbers(constants) -> None:
    assert constants["sum"] == 299
    assert constants["wide"] == 2**64 - 1
    assert constants["f32"] == struct.unpack("<f", struct.pack("<f", 0.1))[0]
    assert math.copysign(1, constants["f64"]) == -1
    assert constants["v128"] == 1 + (128 << 120)


def test_nan_keeps_its_payload(constants) -> None:
    assert math.isnan(constants["f32 nan"])
    assert f32_bits(constants["f32 nan"]) == 0x7FA00001


def test_references(constants) -> None:
    function = constants["instance"].exports["f"]
    assert constants["func"] is function
    assert constants["null"] is None
    assert constants["instance"].exports["table"].elements == [function, function]


def test_heap_objects(constants) -> None:
    assert constants["i31"] == I31(0x7FFFFFFF)
    assert constants["again"] is constants["i31"]
    assert constants["extern"] is constants["i31"]
    # a packed field holds what fits
    assert constants["pair"].fields == [5, 0xFF, constants["instance"].exports["f"]]
    assert constants["default pair"].fields == [0, 0, None]
    assert constants["bytes"].elements == [1, 0xFF, 0]
    assert constants["numbers"].elements == [2**64 - 1] * 2
    assert constants["zeros"].elements == [0] * 4
    assert constants["numbers"].type is constants["zeros"].type


def test_a_huge_constant_traps_instead_of_filling_the_host() -> None:
    with pytest.raises(Trap) as caught:
        make(guests.HUGE_CONSTANT)
    assert caught.value.code is TrapCode.ALLOCATION_TOO_LARGE


# ---- segments -------------------------------------------------------------------------------------------------------


def test_data_that_does_not_fit_traps_and_what_came_before_stays(provider) -> None:
    with pytest.raises(Trap, match="out of bounds memory access") as caught:
        make(guests.TOO_FAR, provider.exports["memory"], provider.exports["table"], store=provider.store)
    assert caught.value.code is TrapCode.MEMORY_OUT_OF_BOUNDS
    assert provider.memories[0].read(0, 4) == b"kept"
    assert provider.memories[0].read(65535, 1) == b"\0"
    # a function of the failed instance can be called from the table it got into
    left = provider.tables[0].elements[2]
    assert call(left) == ()


def test_elements_come_before_data(provider) -> None:
    with pytest.raises(Trap, match="out of bounds table access") as caught:
        make(guests.TABLE_TOO_FAR, provider.exports["memory"], provider.exports["table"], store=provider.store)
    assert caught.value.code is TrapCode.TABLE_OUT_OF_BOUNDS
    assert provider.tables[0].elements[2] is not None
    assert provider.memories[0].read(0, 5) == bytes(5)


def test_passive_segments_wait_and_active_ones_are_dropped() -> None:
    instance = make(guests.SEGMENTS)
    assert instance.memories[0].read(0, 6) == b"active"
    call(instance.exports["init"])
    assert instance.memories[0].read(16, 7) == b"passive"
    with pytest.raises(Trap, match="out of bounds memory access"):
        call(instance.exports["init active"])
    call(instance.exports["init table"])
    assert instance.tables[0].elements[2:] == [instance.functions[0]] * 2
    with pytest.raises(Trap, match="out of bounds table access"):
        call(instance.exports["init declared"])


# ---- start ----------------------------------------------------------------------------------------------------------


def test_start_function_runs_last() -> None:
    seen = []
    instance = make(guests.STARTED, host(code=lambda instance, arguments: seen.append(instance) or ()))
    assert seen == [instance]
    assert instance.exports["ran"].value == 1


def test_start_function_can_be_left_to_the_caller() -> None:
    module = decode_module(guests.STARTED.wasm)
    instance = instantiate(Store(), module, [host()], None)
    assert instance.exports["ran"].value == 0
    call(start_function(instance))
    assert instance.exports["ran"].value == 1
    assert start_function(make(guests.CALCULATOR)) is None


def test_trap_of_the_start_function_comes_out() -> None:
    with pytest.raises(Trap) as caught:
        make(guests.START_TRAPS)
    assert caught.value.code is TrapCode.UNREACHABLE


# ---- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "limits",
    [
        ResourceLimits(memory_bytes=65535),
        ResourceLimits(table_elements=2),
        ResourceLimits(instances=0),
        ResourceLimits(memories=0),
        ResourceLimits(tables=0),
    ],
)
def test_limits_of_the_store_hold(limits) -> None:
    store = Store(limits)
    with pytest.raises(Exhausted):
        make(guests.PROVIDER, store=store)


def test_imported_memories_are_not_counted_again(provider) -> None:
    limits = provider.store.limits
    limits.memories = limits.tables = 1
    make(guests.CONSUMER, *offered(provider), store=provider.store)


def test_watched_store_makes_watched_memories() -> None:
    instance = make(guests.SEGMENTS, store=Store(watch=True))
    assert instance.memories[0].written[0] == 1
    assert instance.memories[0].written[1] == 0
