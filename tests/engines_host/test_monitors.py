"""What guests on the host do can be seen: pages that they write to, code that they reach, functions that they call."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from engines_host.stores import new_store
from wasmarium import (
    Instance,
    Limits,
    Linker,
    Memory,
    MemoryType,
    Module,
    Store,
    Trap,
    WasmtimeError,
)
from wasmarium.instrument.monitors import CallCounts, CallTrace, Coverage

PROGRAM = """(module $m
  (func $even (export "even") (param i32) (result i32)
    (if (result i32) (local.get 0) (then (call $odd (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 1))))
  (func $odd (param i32) (result i32)
    (if (result i32) (local.get 0) (then (call $even (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0))))
  (func $never (export "never") (unreachable))
  (func (export "many") (param i32) (loop (drop (call $odd (i32.const 0)))
    (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"""


def watched(*monitors: Any, wat: str = PROGRAM, watch: bool = False, fuel: bool = False) -> tuple[Store, Any]:
    store = new_store(1 << 40 if fuel else None)
    store._runtime.watch = watch
    for monitor in monitors:
        store.attach(monitor)
    instance = Instance(store, Module(store.engine, wat), [])
    assert instance.fallback is None
    return store, instance.exports(store)


def test_call_counts() -> None:
    counts = CallCounts()
    store, found = watched(counts)
    assert counts.by_index() == {}
    assert found["even"](store, 7) == 0
    assert counts.by_index() == {0: 4, 1: 4}
    found["even"](store, 0)
    with pytest.raises(Trap):
        found["never"](store)
    assert counts.by_name() == {"even": 5, "odd": 4, "never": 1}
    counts.clear()
    assert counts.by_index() == {}
    found["many"](store, 1000)
    assert counts.by_name() == {"odd": 1000, "many": 1}


def test_functions_of_one_name_count_together() -> None:
    counts = CallCounts()
    wat = """(module (func (export "f")) (func $f) (func (export "g") (call $f) (call $f) (call 0)))"""
    store, found = watched(counts, wat=wat)
    found["g"](store)
    found["f"](store)
    assert counts.by_name() == {"f": 4, "g": 1}


def test_trace() -> None:
    trace = CallTrace(keep=10_000)
    store, found = watched(trace)
    found["even"](store, 3)
    assert trace.names() == ["even", "odd", "even", "odd"]
    found["many"](store, 9_000)
    found["even"](store, 0)
    assert trace.calls() == [0, 1, 0, 1, 3, *[1] * 9_000, 0]
    found["many"](store, 9_000)
    assert trace.calls() == [*[1] * 998, 0, 3, *[1] * 9_000]
    assert trace.total == 4 + 1 + 9_000 + 1 + 9_001


def test_a_trace_that_nobody_has_any_more() -> None:
    trace = CallTrace()
    store, found = watched(trace)
    store._runtime.monitors.clear()
    del trace
    gc.collect()
    found["many"](store, 20_000)


def test_coverage() -> None:
    coverage = Coverage()
    store, found = watched(coverage)
    assert coverage.reached() == []
    found["even"](store, 0)
    even, odd, never, many = coverage.functions()
    assert [row.name for row in (even, odd, never, many)] == ["even", "odd", "never", "many"]
    assert (even.reached, odd.reached, never.reached, many.reached) == (2, 0, 0, 0)
    # before the if, its two ways, and what follows each of the calls, where there is something
    assert even.blocks == odd.blocks == 3
    found["even"](store, 1)
    assert coverage.functions()[0].missing == ()
    data, reached = store and bytes(coverage.instances[0].module.data), coverage.reached()
    # a block begins with an instruction of the original: local.get, i32.const
    assert {data[offset] for offset in reached} <= {0x20, 0x41}
    coverage.clear()
    assert coverage.reached() == []


def test_all_at_once_in_two_instances() -> None:
    store = new_store(10_000, epoch_interruption=True)
    store.set_epoch_deadline(1)
    coverage, counts, trace = Coverage(), CallCounts(), CallTrace()
    for monitor in (coverage, counts, trace):
        store.attach(monitor)
    store._runtime.watch = True
    store._runtime.limits.call_depth = 100
    linker = Linker(store.engine)
    one = Module(store.engine, PROGRAM)
    linker.define_instance(store, "one", linker.instantiate(store, one))
    two = Module(
        store.engine,
        """(module (import "one" "even" (func $even (param i32) (result i32))) (global $g (mut i32) (i32.const 5))
          (memory (export "m") 3) (func $f (export "f") (result i32)
            (i32.store (i32.const 70000) (i32.const 1)) (call $even (global.get $g))))""",
    )
    second = linker.instantiate(store, two)
    third = linker.instantiate(store, one)
    assert second.fallback is third.fallback is None
    f: Any = second.exports(store)["f"]
    memory: Any = second.exports(store)["m"]
    assert f(store) == 0
    assert [counts.by_index(i) for i in range(3)] == [{0: 3, 1: 3}, {1: 1}, {}]
    assert trace.names(0) == ["even", "odd"] * 3
    assert trace.names(1) == ["f"]
    assert len(coverage.reached(0)) == 5
    assert memory._external.written.index(1) == 70000 >> 12
    # entry, three instructions of the store, global.get and call; then 6 times: entry, local.get, if; and so on
    assert 10_000 - store.get_fuel() == 6 + 6 * 3 + 5 * 4 + 1


STORES = {
    "i32.store": ("(i32.store offset=4094 (local.get 0) (i32.const 1))", [(0, [0, 1]), (2, [1]), (4097, [1, 2])]),
    "i32.store8": ("(i32.store8 offset=4095 (local.get 0) (i32.const 0))", [(0, [0]), (1, [1]), (65535, [16])]),
    "i64.store": ("(i64.store (local.get 0) (i64.const 1))", [(0, [0]), (4089, [0, 1])]),
    "f64.store": ("(f64.store offset=0 (local.get 0) (f64.const 1))", [(8191, [1, 2])]),
    "v128.store": ("(v128.store (local.get 0) (v128.const i64x2 1 2))", [(4081, [0, 1])]),
    "lane": ("(v128.store32_lane 1 (local.get 0) (v128.const i64x2 1 2))", [(4093, [0, 1])]),
    "atomic": ("(drop (i32.atomic.rmw.add (local.get 0) (i32.const 2)))", [(4096, [1])]),
    "fill": ("(memory.fill (local.get 0) (i32.const 1) (i32.const 4096))", [(0, [0]), (1, [0, 1]), (4095, [0, 1])]),
    "fill nothing": ("(memory.fill (local.get 0) (i32.const 1) (i32.const 0))", [(131072, [])]),
    "copy": ("(memory.copy (local.get 0) (i32.const 0) (i32.const 10000))", [(4095, [0, 1, 2, 3])]),
    "init": ("(memory.init $d (local.get 0) (i32.const 0) (i32.const 3))", [(4094, [0, 1])]),
    "out of bounds": ("(i64.store (local.get 0) (i64.const 1))", [(131065, []), (0xFFFFFFFF, [])]),
    "no write": ("(drop (i32.load (local.get 0)))", [(0, [])]),
}


@pytest.mark.parametrize("fuel", [False, True])
@pytest.mark.parametrize("name", STORES)
def test_written_pages_are_those_of_the_interpreter(name: str, fuel: bool) -> None:
    body, cases = STORES[name]
    wat = f"""(module (memory (export "m") 2 2 shared) (data $d "abc") (func (export "f") (param i32) {body}))"""
    if name != "atomic":
        wat = wat.replace(" 2 shared", "")
    looks = []
    for strategy in ("host", "interpreter"):
        store = new_store(1000 if fuel else None, strategy=strategy, wasm_threads=True)
        store._runtime.watch = True
        instance = Instance(store, Module(store.engine, wat), [])
        assert instance.fallback is None
        found: Any = instance.exports(store)
        memory = found["m"]._memory if name == "atomic" else found["m"]._external
        seen = []
        for address, pages in cases:
            try:
                found["f"](store, address)
            except Trap:
                assert pages == []
            written = memory.written
            assert [page for page, byte in enumerate(written) if byte] == pages
            written[:] = bytes(len(written))
            assert not any(memory.written)
            seen.append(bytes(memory.data[:65536]))
        looks.append((seen, len(written)))
    assert looks[0] == looks[1]


def test_what_python_writes_is_noted_too() -> None:
    store, found = watched(wat='(module (memory (export "m") 1))', watch=True)
    memory = found["m"]
    memory.write(store, b"abc", 4095)
    memory[8192] = 7
    assert list(memory._external.written) == [1, 1, 1, *[0] * 13]
    memory.grow(store, 1)
    assert len(memory._external.written) == 32


def test_monitors_need_the_host_engine() -> None:
    with pytest.raises(WasmtimeError, match="host engine"):
        new_store(strategy="interpreter").attach(Coverage())


def test_memories_that_others_can_look_at() -> None:
    import js

    store = new_store(10_000)
    store.watch_memories(share=True)
    given = Memory(store, MemoryType(Limits(1, None)))
    module = Module(
        store.engine,
        """(module (import "" "" (memory $given 1)) (memory $own (export "own") 1)
          (data (memory $own) (i32.const 5) "abc")
          (func (export "f") (result i32)
            (i32.store $given (i32.const 8) (i32.load $own (i32.const 5)))
            (drop (memory.grow $own (i32.const 2))) (memory.size $own)))""",
    )
    instance = Instance(store, module, [given])
    assert instance.fallback is None
    found: Any = instance.exports(store)
    own: Any = found["own"]
    handles = [memory._external.handle for memory in (given, own)]
    before = own.host_buffer(store)
    assert found["f"](store) == 3
    for handle in handles:
        assert handle.buffer.constructor.name == "SharedArrayBuffer"
    # what a page was given before sees what is written now
    own.write(store, b"xyz", 10)
    assert bytes(js.Uint8Array.new(before).slice(5, 13).to_bytes()) == b"abc\0\0xyz"
    whole = own.read(store, 0, 3 * 65536)
    assert (len(whole), bytes(whole[5:8])) == (3 * 65536, b"abc")
    own.write(store, bytes(whole[8:]) + b"12345678", 0)
    assert own.read(store, 3 * 65536 - 8, 3 * 65536) == b"12345678"
    assert given.read(store, 8, 11) == b"abc"
    assert own.data_len(store) == 3 * 65536
    assert given.written(store) == [(0, 4096)]
    assert own.written(store) == [(0, 3 * 65536)]
    assert own.written(store) == []


def test_shared_buffers_need_the_host_engine() -> None:
    store = new_store(strategy="interpreter")
    with pytest.raises(WasmtimeError, match="host engine"):
        store.watch_memories(share=True)
    memory = Memory(store, MemoryType(Limits(1, None)))
    with pytest.raises(WasmtimeError, match="interpreter"):
        memory.host_buffer(store)
    with pytest.raises(WasmtimeError, match="watch_memories"):
        memory.written(store)


def test_who_waits_is_not_shared() -> None:
    store = new_store(wasm_threads=True)
    store.watch_memories(share=True)
    wat = """(module (memory 1) (func (export "f")
      (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))"""
    instance = Instance(store, Module(store.engine, wat), [])
    assert "waits" in (instance.fallback or "")
    with pytest.raises(Trap, match="shared"):
        instance.exports(store)["f"](store)
