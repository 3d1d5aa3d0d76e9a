"""Memories, tables, globals, tags, types, values. What takes `api` holds for wasmtime-py too."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

import guest_modules as guests
import wasmarium


def values(api: Any, store: Any = None) -> tuple[Any, Any]:
    store = store or api.Store()
    function = api.Func(store, api.FuncType([api.ValType.i32()], [api.ValType.i64()]), lambda number: number)
    module = api.Module(store.engine, guests.VALUES.wasm)
    return store, api.Instance(store, module, [function]).exports(store)


def with_addresses(api: Any) -> Any:
    """A store whose memories have addresses in Python on every platform."""
    config = api.Config()
    if api is wasmarium:
        config.strategy = "interpreter"
    return api.Store(api.Engine(config))


# ---- exports --------------------------------------------------------------------------------------------------------


def test_exports_are_a_mapping_in_order(api) -> None:
    _, exported = values(api)
    names = list(exported)
    assert names[:6] == ["mem", "tab", "ext", "g", "c", "null"]
    assert len(exported) == len(names) == len(exported.by_index)
    assert exported.by_index[0] is exported["mem"]
    assert exported.get("no such thing") is None
    assert "mem" in exported
    with pytest.raises(KeyError):
        exported["no such thing"]
    kinds = [type(exported[name]).__name__ for name in ("mem", "tab", "g", "i32")]
    assert kinds == ["Memory", "Table", "Global", "Func"]


def test_exports_by_position() -> None:
    _, exported = values(wasmarium)
    assert exported[0] is exported["mem"]


# ---- memory ---------------------------------------------------------------------------------------------------------


def test_memory_size_and_type(api) -> None:
    store, exported = values(api)
    memory = exported["mem"]
    assert (memory.size(store), memory.data_len(store)) == (1, 65536)
    assert (memory.page_size(store), memory.page_size_log2(store)) == (65536, 16)
    found = memory.type(store)
    assert (found.limits, found.is_64, found.is_shared) == (api.Limits(1, 3), False, False)


def test_memory_grows_up_to_its_maximum(api) -> None:
    store, exported = values(api)
    memory = exported["mem"]
    assert memory.grow(store, 1) == 1
    assert memory.grow(store, 1) == 2
    assert memory.grow(store, 0) == 3
    with pytest.raises(api.WasmtimeError, match="failed to grow memory by `1`"):
        memory.grow(store, 1)
    with pytest.raises(api.WasmtimeError, match="cannot grow by negative amount"):
        memory.grow(store, -1)
    assert memory.data_len(store) == 3 * 65536


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0, 4, b"abcd"),
        (2, 3, b"c"),
        (None, 2, b"ab"),
        (-2, None, b"yz"),
        (65534, 99999, b"yz"),
        (4, 2, b""),
        (99999, None, b""),
    ],
)
def test_memory_reads_like_a_slice(api, start, stop, expected) -> None:
    store, exported = values(api)
    memory = exported["mem"]
    assert memory.write(store, b"abcd", 0) == 4
    assert memory.write(store, bytearray(b"yz"), -2) == 2
    found = memory.read(store, start, stop)
    assert (type(found), found) == (bytearray, expected)


def test_memory_reads_everything_by_default(api) -> None:
    store, exported = values(api)
    assert len(exported["mem"].read(store)) == 65536


@pytest.mark.parametrize(("content", "start"), [(b"abc", 65534), (b"a", 65536), (b"abc", -2), (b"a", 10**9)])
def test_memory_refuses_writes_that_do_not_fit(api, content, start) -> None:
    store, exported = values(api)
    memory = exported["mem"]
    with pytest.raises(IndexError, match="index out of range"):
        memory.write(store, content, start)
    assert memory.read(store) == bytes(65536)


def test_memory_write_takes_what_bytearray_takes(api) -> None:
    store, exported = values(api)
    memory = exported["mem"]
    assert memory.write(store, [1, 2, 3]) == 3
    assert memory.write(store, memoryview(b"xyz"), 3) == 3
    assert memory.write(store, b"", 0) == 0
    assert memory.read(store, 0, 6) == b"\1\2\3xyz"
    with pytest.raises(TypeError):
        memory.write(store, "text", 0)


def test_guest_and_host_see_the_same_bytes(api) -> None:
    store, exported = values(api)
    exported["mem"].write(store, b"\x78\x56\x34\x12", 100)
    assert exported["load"](store, 100) == 0x12345678


def test_raw_pointer(api) -> None:
    store, exported = values(api, with_addresses(api))
    memory = exported["mem"]
    pointer = memory.data_ptr(store)
    pointer[5] = 77
    assert memory.read(store, 5, 6) == b"M"
    assert ctypes.cast(pointer, ctypes.c_void_p).value
    array = memory.get_buffer_ptr(store, 4, 4)
    assert bytes(array) == b"\0M\0\0"
    array[0] = 1
    assert memory.read(store, 4, 6) == b"\1M"
    assert len(memory.get_buffer_ptr(store)) == 65536


def test_raw_pointers_do_not_keep_a_memory_from_growing() -> None:
    store, exported = values(wasmarium, with_addresses(wasmarium))
    memory = exported["mem"]
    held = memory.data_ptr(store), memory.get_buffer_ptr(store)
    assert memory.grow(store, 1) == 1
    memory.data_ptr(store)[65536] = 9
    assert memory[65536] == 9
    del held


def test_raw_pointer_of_an_empty_memory_and_ranges_outside() -> None:
    store = with_addresses(wasmarium)
    memory = wasmarium.Memory(store, wasmarium.MemoryType(wasmarium.Limits(0, None)))
    assert not memory.data_ptr(store)
    assert len(memory.get_buffer_ptr(store)) == 0
    for size, offset in ((1, 0), (0, 1), (-1, 0)):
        with pytest.raises(IndexError):
            memory.get_buffer_ptr(store, size, offset)


def test_memory_can_be_indexed() -> None:
    store, exported = values(wasmarium)
    memory = exported["mem"]
    memory[0:3] = b"abc"
    memory[-1] = 255
    assert (memory[0], memory[-1], bytes(memory[0:3]), bytes(memory[2:0:-1])) == (97, 255, b"abc", b"cb")
    assert len(memory) == 65536
    memory[0:6:2] = b"xyz"
    assert memory.read(store, 0, 6) == b"xby\0z\0"
    with pytest.raises(ValueError, match="as many bytes"):
        memory[0:3] = b"too long"
    with pytest.raises(IndexError):
        memory[65536]
    # the length never changes but by growing
    assert len(memory) == 65536


def test_empty_memory_is_still_true() -> None:
    store = wasmarium.Store()
    assert wasmarium.Memory(store, wasmarium.MemoryType(wasmarium.Limits(0, None)))


def test_writes_by_the_host_are_seen_by_a_watcher() -> None:
    _, exported = values(wasmarium)
    memory = exported["mem"]
    written = memory._external.watch()
    memory[4096] = 1
    memory[8192:8194] = b"ab"
    memory[-1] = 3
    assert [page for page, mark in enumerate(written) if mark] == [1, 2, 15]


# ---- tables ---------------------------------------------------------------------------------------------------------


def test_table_of_functions(api) -> None:
    store, exported = values(api)
    table = exported["tab"]
    assert table.size(store) == 2
    assert isinstance(table.get(store, 0), api.Func)
    table.set(store, 1, exported["i32"])
    assert table.get(store, 1)(store, 5) == 5
    table.set(store, 0, None)
    assert table.get(store, 0) == None  # noqa: E711  # a Val that equals None
    assert table.get(store, 0) is not None
    assert table.get(store, 2) is None
    found = table.type(store)
    assert (found.limits, str(found.element)) == (api.Limits(2, 10), "funcref")


def test_table_refuses(api) -> None:
    store, exported = values(api)
    table = exported["tab"]
    with pytest.raises(api.WasmtimeError, match="out of bounds table access"):
        table.set(store, 2, None)
    with pytest.raises(TypeError, match="don't know how to convert"):
        table.set(store, 0, 5)


def test_table_grows_up_to_its_maximum(api) -> None:
    store, exported = values(api)
    table = exported["tab"]
    assert table.grow(store, 8, exported["none"]) == 2
    assert table.get(store, 9)(store) is None
    with pytest.raises(api.WasmtimeError, match="failed to grow table by `1`"):
        table.grow(store, 1, None)


def test_table_of_anything(api) -> None:
    store = api.Store()
    table = api.Table(store, api.TableType(api.ValType.externref(), api.Limits(2, None)), "first")
    thing = {"a": 1}
    table.set(store, 1, thing)
    assert table.get(store, 0) == "first"
    assert table.get(store, 1) is thing


# ---- globals --------------------------------------------------------------------------------------------------------


def test_globals(api) -> None:
    store, exported = values(api)
    variable, constant = exported["g"], exported["c"]
    assert (variable.value(store), constant.value(store)) == (-1, -2)
    variable.set_value(store, 2**31)
    assert variable.value(store) == -(2**31)
    with pytest.raises(api.WasmtimeError, match="immutable global cannot be set"):
        constant.set_value(store, 1)
    with pytest.raises(TypeError):
        variable.set_value(store, 1.0)
    assert (str(variable.type(store).content), variable.type(store).mutable) == ("i32", True)
    assert exported["null"].value(store) == None  # noqa: E711  # a Val that equals None


def test_globals_of_the_host(api) -> None:
    store = api.Store()
    made = api.Global(store, api.GlobalType(api.ValType.f32(), True), 0.1)
    assert made.value(store) == 0.10000000149011612
    with pytest.raises(TypeError):
        api.Global(store, api.GlobalType(api.ValType.i32(), True), "x")
    with pytest.raises(TypeError):
        api.Global(store, "no type", 1)


# ---- tags -----------------------------------------------------------------------------------------------------------


def test_tags(api) -> None:
    config = api.Config()
    config.wasm_exceptions = True
    store = api.Store(api.Engine(config))
    kind = api.TagType(api.FuncType([api.ValType.i32()], []))
    tag = api.Tag(store, kind)
    other = api.Tag(store, api.TagType(api.FuncType([api.ValType.i32()], [])))
    assert tag.eq(store, tag)
    assert not tag.eq(store, other)
    assert [str(each) for each in tag.type(store).functype.params] == ["i32"]


# ---- types ----------------------------------------------------------------------------------------------------------


def test_value_types(api) -> None:
    kinds = api.ValType
    assert kinds.i32() == kinds.i32()
    assert kinds.i32() != kinds.i64()
    assert kinds.i32() != "i32"
    assert [str(kind()) for kind in (kinds.i32, kinds.i64, kinds.f32, kinds.f64, kinds.funcref)] == [
        "i32",
        "i64",
        "f32",
        "f64",
        "funcref",
    ]
    with pytest.raises(api.WasmtimeError, match="cannot construct directly"):
        kinds()


def test_function_types(api) -> None:
    i32, f64 = api.ValType.i32(), api.ValType.f64()
    found = api.FuncType([i32, f64], [f64])
    assert (found.params, found.results) == ([i32, f64], [f64])
    with pytest.raises(TypeError, match="expected ValType"):
        api.FuncType([1], [])


def test_limits(api) -> None:
    assert api.Limits(1, 2) == api.Limits(1, 2)
    assert api.Limits(1, None) != api.Limits(1, 2)
    assert (api.Limits(1, None).min, api.Limits(1, None).max) == (1, None)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ((1 << 32, None), "minimum size too large"),
        ((1, 1 << 32), "maximum size too large"),
        ((5, 2), "maximum page size cannot be smaller"),
        ((1 << 17, None), "too large for this memory type's index type"),
    ],
)
def test_impossible_memory_types(api, limits, message) -> None:
    with pytest.raises(api.WasmtimeError, match=message):
        api.MemoryType(api.Limits(*limits))


def test_memory_types(api) -> None:
    wide = api.MemoryType(api.Limits(1, 1 << 40), is_64=True)
    assert (wide.is_64, wide.limits.max, wide.page_size) == (True, 1 << 40, 65536)
    shared = api.MemoryType(api.Limits(1, 2), shared=True)
    assert shared.is_shared
    bytewise = api.MemoryType(api.Limits(100, None), page_size_log2=0)
    assert (bytewise.page_size, bytewise.page_size_log2) == (1, 0)
    with pytest.raises(TypeError, match="expected Limits"):
        api.MemoryType(3)


def test_table_types(api) -> None:
    found = api.TableType(api.ValType.funcref(), api.Limits(1, 2))
    assert (str(found.element), found.limits) == ("funcref", api.Limits(1, 2))
    with pytest.raises(TypeError):
        api.TableType(api.ValType.funcref(), 1)


def test_shared_memory() -> None:
    engine = wasmarium.Engine()
    memory = wasmarium.SharedMemory(engine, wasmarium.MemoryType(wasmarium.Limits(1, 2), shared=True))
    memory.data_ptr()[3] = 5
    assert (memory.size(), memory.data_len(), memory.grow(1), memory.size()) == (1, 65536, 1, 2)
    assert memory.type().is_shared
    with pytest.raises(wasmarium.WasmtimeError):
        wasmarium.SharedMemory(engine, wasmarium.MemoryType(wasmarium.Limits(1, 2)))


# ---- values ---------------------------------------------------------------------------------------------------------


def test_vals(api) -> None:
    val = api.Val
    assert val.i32(2**32 + 1).value == 1
    assert val.i64(2**63).value == -(2**63)
    assert val.f32(0.1).value == 0.10000000149011612
    assert val.i32(3) == 3
    assert val.i32(3) == val.i32(3)
    assert val.i32(3) != val.i64(3)
    assert (val.i32(1).as_i32(), val.i32(1).as_i64(), val.f64(1.5).as_f64()) == (1, None, 1.5)
    assert val.externref("x").as_externref() == "x"
    assert val.funcref(None).value is None
    assert str(val.ref_null(api.ValType.funcref()).type) == "funcref"
    with pytest.raises(api.WasmtimeError, match="Invalid reference type"):
        val.ref_null(api.ValType.i32())
    with pytest.raises(TypeError, match="expected a float"):
        val.f32(1)
    with pytest.raises(TypeError, match="expected an integer"):
        val.i32(1.0)
