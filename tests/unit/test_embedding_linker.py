"""Modules, linkers and instances. What takes `api` holds for wasmtime-py too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import guest_modules as guests
import wasmarium


@pytest.fixture
def engine(api) -> Any:
    config = api.Config()
    config.wasm_exceptions = True
    return api.Engine(config)


def i32(api: Any) -> Any:
    return api.ValType.i32()


# ---- modules --------------------------------------------------------------------------------------------------------


def test_module_says_what_it_needs_and_offers(api, engine) -> None:
    module = api.Module(engine, guests.CONSUMER.wasm)
    assert [(item.module, item.name) for item in module.imports] == [
        ("p", name) for name in ("memory", "table", "constant", "variable", "double", "tag")
    ]
    kinds = [type(item.type).__name__ for item in module.imports]
    assert kinds == ["MemoryType", "TableType", "GlobalType", "GlobalType", "FuncType", "TagType"]
    assert [item.name for item in module.exports] == ["triple", "quadruple", "bump"]
    assert module.exports[0].type.params == [i32(api)]


def test_module_from_bytearray_and_file(api, engine, tmp_path: Path) -> None:
    assert api.Module(engine, bytearray(guests.CALCULATOR.wasm)).exports[0].name == "add"
    path = tmp_path / "calculator.wasm"
    path.write_bytes(guests.CALCULATOR.wasm)
    for given in (path, str(path), bytes(path)):
        assert api.Module.from_file(engine, given).exports[1].name == "div"
    with pytest.raises(FileNotFoundError):
        api.Module.from_file(engine, tmp_path / "missing.wasm")


@pytest.mark.parametrize(
    "broken",
    [b"", b"\0asm", guests.CALCULATOR.wasm[:40], guests.ILL_TYPED.wasm, b"\x89PNG\r\n\x1a\n\0\0", b"\0\0\0\0\0\0\0\0"],
)
def test_what_is_no_valid_module_is_refused(api, engine, broken) -> None:
    with pytest.raises(api.WasmtimeError):
        api.Module(engine, broken)
    with pytest.raises(api.WasmtimeError):
        api.Module.validate(engine, broken)


def test_validate_is_silent_about_valid_modules(api, engine) -> None:
    assert api.Module.validate(engine, guests.CALCULATOR.wasm) is None
    with pytest.raises(TypeError, match="expected wasm bytes"):
        api.Module.validate(engine, "text")


@pytest.mark.parametrize("wrong", [5, None, ""])
def test_other_things_than_bytes_are_type_errors(api, engine, wrong) -> None:
    with pytest.raises(TypeError, match="expected wasm bytes"):
        api.Module(engine, wrong)
    with pytest.raises(TypeError, match="expected an Engine"):
        api.Module("no engine", guests.CALCULATOR.wasm)


def test_error_of_a_module_names_the_place() -> None:
    with pytest.raises(wasmarium.WasmtimeError, match="type mismatch") as caught:
        wasmarium.Module(wasmarium.Engine(), guests.ILL_TYPED.wasm)
    assert caught.value.kind == "invalid"
    assert (caught.value.location.section, caught.value.location.function) == ("code", 0)
    assert caught.value.location.offset == 0x25


def test_text_will_do(api, engine) -> None:
    store = api.Store(engine)
    for text in (guests.CALCULATOR.text, guests.CALCULATOR.text.encode(), " ;; a comment first\n(module)"):
        module = api.Module(engine, text)
    exported = api.Instance(store, api.Module(engine, guests.CALCULATOR.text), []).exports(store)
    assert exported["add"](store, 1, 2) == 3
    assert module.exports == []


def test_text_becomes_bytes(api) -> None:
    assert api.wat2wasm("(module)") == bytearray(b"\0asm\1\0\0\0")
    assert api.wat2wasm(b"(module)") == bytearray(b"\0asm\1\0\0\0")
    assert isinstance(api.wat2wasm("(module)"), bytearray)
    for broken in ("(module", "(module (func (bad)))", b"\xff\xfe", "nonsense"):
        with pytest.raises(api.WasmtimeError):
            api.wat2wasm(broken)


def test_errors_in_text_have_line_and_column() -> None:
    with pytest.raises(wasmarium.WasmtimeError, match="unknown operator") as caught:
        wasmarium.wat2wasm("(module\n  (func\n    bad))")
    assert (caught.value.location.line, caught.value.location.column) == (3, 5)
    with pytest.raises(wasmarium.WasmtimeError, match="type mismatch") as caught:
        wasmarium.Module(wasmarium.Engine(), "(module\n  (func (result i32)\n    i64.const 0\n    i32.eqz))")
    assert (caught.value.location.line, caught.value.location.column) == (4, 5)


def test_module_survives_serialization(api, engine, tmp_path: Path) -> None:
    frozen = api.Module(engine, guests.CALCULATOR.wasm).serialize()
    assert isinstance(frozen, bytearray)
    path = tmp_path / "frozen"
    path.write_bytes(frozen)
    for thawed in (api.Module.deserialize(engine, frozen), api.Module.deserialize_file(engine, str(path))):
        store = api.Store(engine)
        assert api.Instance(store, thawed, []).exports(store)["add"](store, 1, 2) == 3
    with pytest.raises(api.WasmtimeError):
        api.Module.deserialize(engine, b"something else")
    with pytest.raises(TypeError, match="expected bytes"):
        api.Module.deserialize(engine, "text")


def test_serialized_module_need_not_be_trusted() -> None:
    engine = wasmarium.Engine()
    frozen = wasmarium.Module(engine, guests.ILL_TYPED.wasm.replace(b"\x42\0", b"\x41\0")).serialize()
    with pytest.raises(wasmarium.WasmtimeError, match="type mismatch"):
        wasmarium.Module.deserialize(engine, frozen.replace(b"\x41\0\x0b", b"\x42\0\x0b"))


def test_features_can_be_switched_off(api) -> None:
    config = api.Config()
    config.wasm_multi_value = False
    with pytest.raises(api.WasmtimeError):
        api.Module(api.Engine(config), guests.CALLBACKS.wasm)
    api.Module(api.Engine(), guests.CALLBACKS.wasm)


def test_closed_module_is_refused(api, engine) -> None:
    with api.Module(engine, guests.CALCULATOR.wasm) as module:
        assert module.exports
    with pytest.raises(ValueError, match="already closed"):
        module.exports  # noqa: B018
    with pytest.raises(ValueError, match="already closed"):
        api.Linker(engine).instantiate(api.Store(engine), module)
    module.close()


# ---- instances ------------------------------------------------------------------------------------------------------


def test_start_function_runs(api, engine) -> None:
    store = api.Store(engine)
    seen = []
    hello = api.Func(store, api.FuncType([], []), lambda: seen.append("hello"))
    instance = api.Instance(store, api.Module(engine, guests.STARTED.wasm), [hello])
    assert (seen, instance.exports(store)["ran"].value(store)) == (["hello"], 1)


def test_trap_while_starting(api, engine) -> None:
    store = api.Store(engine)
    with pytest.raises(api.Trap, match="unreachable"):
        api.Instance(store, api.Module(engine, guests.START_TRAPS.wasm), [])


def test_exception_while_starting_is_the_same_object(api, engine) -> None:
    store = api.Store(engine)
    raised = KeyError("from the host")

    def fail() -> None:
        raise raised

    linker = api.Linker(engine)
    linker.define_func("env", "hello", api.FuncType([], []), fail)
    with pytest.raises(KeyError) as caught:
        linker.instantiate(store, api.Module(engine, guests.STARTED.wasm))
    assert caught.value is raised


def test_imports_of_an_instance_are_checked(api, engine) -> None:
    store = api.Store(engine)
    module = api.Module(engine, guests.STARTED.wasm)
    other = api.Func(store, api.FuncType([i32(api)], []), lambda number: None)
    memory = api.Memory(store, api.MemoryType(api.Limits(1, None)))
    with pytest.raises(api.WasmtimeError, match="expected 1 imports, found 0"):
        api.Instance(store, module, [])
    for wrong in (other, memory):
        with pytest.raises(api.WasmtimeError, match="incompatible import type for `env::hello`"):
            api.Instance(store, module, [wrong])
    with pytest.raises(TypeError, match="expected a Func, Global, Memory, SharedMemory, Tag, or Table"):
        api.Instance(store, module, [1])


def test_exports_are_made_once(api, engine) -> None:
    store = api.Store(engine)
    instance = api.Instance(store, api.Module(engine, guests.CALCULATOR.wasm), [])
    assert instance.exports(store) is instance.exports(store)


# ---- linkers --------------------------------------------------------------------------------------------------------


def test_linker_finds_imports_by_name(api, engine) -> None:
    store = api.Store(engine)
    linker = api.Linker(engine)
    provider = linker.instantiate(store, api.Module(engine, guests.PROVIDER.wasm))
    linker.define_instance(store, "p", provider)
    consumer = linker.instantiate(store, api.Module(engine, guests.CONSUMER.wasm)).exports(store)
    assert consumer["quadruple"](store, 5) == 20
    consumer["bump"](store)
    assert provider.exports(store)["variable"].value(store) == 10
    assert linker.get(store, "p", "variable").value(store) == 10
    assert linker.get(store, "p", "double")(store, 4) == 8


def test_linker_function_serves_every_store(api, engine) -> None:
    linker = api.Linker(engine)
    linker.define_func("env", "f", api.FuncType([i32(api)], [i32(api)]), lambda number: number * 10)
    module = api.Module(engine, guests.WANTS_FUNCTION.wasm)
    for _ in range(2):
        store = api.Store(engine)
        assert linker.instantiate(store, module).exports(store)["call"](store) == 10


def test_missing_imports_are_named(api, engine) -> None:
    with pytest.raises(api.WasmtimeError, match="unknown import: `env::f` has not been defined"):
        api.Linker(engine).instantiate(api.Store(engine), api.Module(engine, guests.WANTS_FUNCTION.wasm))
    with pytest.raises(api.WasmtimeError, match="item not defined in linker"):
        api.Linker(engine).get(api.Store(engine), "env", "f")


def test_names_are_defined_once_unless_shadowing_is_allowed(api, engine) -> None:
    linker = api.Linker(engine)
    signature = api.FuncType([i32(api)], [i32(api)])
    linker.define_func("env", "f", signature, lambda number: 1)
    with pytest.raises(api.WasmtimeError, match="import of `env::f` defined twice"):
        linker.define_func("env", "f", signature, lambda number: 2)
    linker.allow_shadowing = True
    linker.define_func("env", "f", signature, lambda number: 3)
    store = api.Store(engine)
    exported = linker.instantiate(store, api.Module(engine, guests.WANTS_FUNCTION.wasm)).exports(store)
    assert exported["call"](store) == 3


def test_linker_takes_only_what_can_be_imported(api, engine) -> None:
    linker = api.Linker(engine)
    with pytest.raises(TypeError, match="expected a Func, Global"):
        linker.define(api.Store(engine), "a", "b", 3)
    with pytest.raises(TypeError, match="expected a FuncType"):
        linker.define_func("a", "b", 3, print)
    with pytest.raises(TypeError, match="expected an `Instance`"):
        linker.define_instance(api.Store(engine), "a", 3)
    with pytest.raises(TypeError, match="expected a `Module`"):
        linker.define_module(api.Store(engine), "a", 3)


def test_unknown_imports_as_traps(api, engine) -> None:
    linker = api.Linker(engine)
    module = api.Module(engine, guests.WANTS_FUNCTION.wasm)
    linker.define_unknown_imports_as_traps(module)
    store = api.Store(engine)
    exported = linker.instantiate(store, module).exports(store)
    with pytest.raises(api.WasmtimeError, match="unknown import: `env::f` has not been defined"):
        exported["call"](store)
    # only functions can trap
    linker = api.Linker(engine)
    wants = api.Module(engine, guests.WANTS.wasm)
    linker.define_unknown_imports_as_traps(wants)
    with pytest.raises(api.WasmtimeError, match="unknown import: `env::m`"):
        linker.instantiate(store, wants)


def test_unknown_imports_as_default_values(api, engine) -> None:
    linker = api.Linker(engine)
    store = api.Store(engine)
    module = api.Module(engine, guests.WANTS.wasm)
    linker.define_unknown_imports_as_default_values(store, module)
    exported = linker.instantiate(store, module).exports(store)
    assert exported["call"](store) == [0, None]
    assert exported["m"].size(store) == 2
    assert linker.get(store, "env", "g").value(store) == 0.0
    assert linker.get(store, "env", "t").size(store) == 3


def test_command_gets_a_fresh_instance_for_every_call(api, engine) -> None:
    linker = api.Linker(engine)
    store = api.Store(engine)
    linker.define_module(store, "command", api.Module(engine, guests.COMMAND.wasm))
    following = linker.get(store, "command", "next")
    assert [following(store), following(store)] == [1, 1]
    linker.get_default(store, "command")(store)
    with pytest.raises(api.WasmtimeError, match="item not defined"):
        linker.get(store, "command", "memory")


def test_reactor_keeps_one_instance(api, engine) -> None:
    linker = api.Linker(engine)
    store = api.Store(engine)
    linker.define_module(store, "reactor", api.Module(engine, guests.REACTOR.wasm))
    following = linker.get(store, "reactor", "next")
    assert [following(store), following(store)] == [101, 102]
    assert linker.get(store, "reactor", "memory").size(store) == 1
    with pytest.raises(api.WasmtimeError, match="defined twice"):
        linker.define_module(store, "reactor", api.Module(engine, guests.REACTOR.wasm))


def test_default_function(api, engine) -> None:
    linker = api.Linker(engine)
    store = api.Store(engine)
    linker.define_module(store, "default", api.Module(engine, guests.DEFAULT.wasm))
    assert linker.get_default(store, "default")(store) == 5
    # a module without one does nothing
    assert linker.get_default(store, "nobody")(store) is None


def test_imports_can_be_looked_up_in_advance(api, engine) -> None:
    linker = api.Linker(engine)
    module = api.Module(engine, guests.WANTS_FUNCTION.wasm)
    with pytest.raises(api.WasmtimeError, match="unknown import"):
        linker.instantiate_pre(module)
    linker.define_func("env", "f", api.FuncType([i32(api)], [i32(api)]), lambda number: number + 1)
    pre = linker.instantiate_pre(module)
    assert pre.module.exports[0].name == "call"
    for _ in range(2):
        store = api.Store(engine)
        assert pre.instantiate(store).exports(store)["call"](store) == 2


def test_imports_looked_up_in_advance_are_matched_then(api, engine) -> None:
    linker = api.Linker(engine)
    linker.define_func("env", "f", api.FuncType([], []), lambda: None)
    with pytest.raises(api.WasmtimeError, match="incompatible import type"):
        linker.instantiate_pre(api.Module(engine, guests.WANTS_FUNCTION.wasm))


def test_host_function_is_named_in_the_backtrace() -> None:
    engine = wasmarium.Engine()
    linker = wasmarium.Linker(engine)

    def fail(number: int) -> int:
        raise wasmarium.Trap("enough")

    kind = wasmarium.FuncType([wasmarium.ValType.i32()], [wasmarium.ValType.i32()])
    linker.define_func("env", "f", kind, fail)
    store = wasmarium.Store(engine)
    exported = linker.instantiate(store, wasmarium.Module(engine, guests.WANTS_FUNCTION.wasm)).exports(store)
    with pytest.raises(wasmarium.Trap) as caught:
        exported["call"](store)
    assert [frame.display_name for frame in caught.value.frames] == ["env.f", "call"]
