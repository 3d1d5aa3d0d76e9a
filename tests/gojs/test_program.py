"""Programs that Go compiled for JavaScript: a real one, and hostile ones that only pretend."""

from __future__ import annotations

from pathlib import Path

import pytest

from wasmarium import Engine, ExitTrap, Linker, Module, Store, Trap, WasiConfig, WasmtimeError, run_gojs
from wasmarium.gojs import SIGNATURES, heap


def run(source: str | bytes, config: WasiConfig, most: int | None = None) -> int:
    """Run a program to its end; its exit status. ``most`` is how many bytes it may take in all."""
    engine = Engine()
    linker = Linker(engine)
    linker.define_gojs()
    with Store(engine) as store:
        store.set_wasi(config)
        if most is not None:
            store._runtime.limits.total_bytes = most
        instance = linker.instantiate(store, Module(engine, source))
        with pytest.raises(ExitTrap) as ended:
            run_gojs(store, instance)
        return ended.value.code


@pytest.mark.shared("guests")
def test_a_real_program(shared: Path, tmp_path: Path) -> None:
    """Arguments, environment, standard streams, files, goroutines and timers, a panic, and an exit status; as Node.js
    with Go's own support file printed it."""
    folder = shared / "guests" / "go-js"
    (tmp_path / "in").write_bytes(b"ab\ncd\n")
    (tmp_path / "data").mkdir()
    printed = bytearray()
    config = WasiConfig()
    config.argv = ["main.wasm", "/data"]
    config.env = [("A", "1")]
    config.stdin_file = str(tmp_path / "in")
    config.stdout_custom = printed.extend
    config.preopen_dir(str(tmp_path / "data"), "/data")
    assert run((folder / "main.wasm").read_bytes(), config) == 5
    assert printed.decode() == (folder / "expected_node.txt").read_text()
    assert list((tmp_path / "data").iterdir()) == []


def hostile(body: str, data: str = "") -> str:
    """A program whose ``run`` does ``body``: it calls $name for an import, with a stack pointer."""
    imports = "".join(
        f'(import "gojs" "{name}" (func ${name.rpartition(".")[2].removeprefix("js.")} (param i32)))'
        for name in SIGNATURES
    )
    return f"""(module {imports} (memory (export "mem") 1) {data}
      (func (export "run") (param i32 i32) {body}) (func (export "resume")) (func (export "getsp") (result i32)
        (i32.const 0)))"""


@pytest.mark.parametrize("address", [-8, 65_536, 65_530])
@pytest.mark.parametrize("name", sorted({*SIGNATURES} - {"debug", "runtime.resetMemoryDataView"}))
def test_a_stack_pointer_beyond_the_memory(name: str, address: int) -> None:
    with pytest.raises(Trap, match="out of bounds memory access"):
        run(hostile(f"(call ${name.rpartition('.')[2].removeprefix('js.')} (i32.const {address}))"), WasiConfig())


def word(number: int) -> str:
    """Eight bytes."""
    return "".join(f"\\{byte:02x}" for byte in (number & (1 << 64) - 1).to_bytes(8, "little"))


def words(*numbers: int) -> str:
    """Data at address 8."""
    return f'(data (i32.const 8) "{"".join(map(word, numbers))}")'


def reference(number: int) -> int:
    """How Go writes a reference to an object."""
    return number | 0x7FF8_0001 << 32


GLOBAL = reference(5)


@pytest.mark.parametrize(
    ("call", "data"),
    [
        # lengths of strings and slices, of which nothing is taken before they are checked
        ("stringVal", words(0, 1 << 40)),
        ("stringVal", words(-1, 2)),
        ("valueGet", words(GLOBAL, 0, 1 << 62)),
        ("valueCall", words(GLOBAL, 0, 0, 0, 1 << 60)),
        ("getRandomData", words(0, 1 << 33)),
    ],
)
def test_lengths_beyond_the_memory(call: str, data: str) -> None:
    with pytest.raises(Trap, match="out of bounds memory access"):
        run(hostile(f"(call ${call} (i32.const 0))", data), WasiConfig())


def test_a_reference_that_is_none_is_undefined() -> None:
    with pytest.raises(Trap, match="undefined is no object"):
        run(hostile("(call $valueGet (i32.const 0))", words(reference(99), 0, 0)), WasiConfig())


def test_references_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strings that are all different, and never given back."""
    body = """(local $i i32) (loop (i32.store (i32.const 100) (local.get $i)) (call $stringVal (i32.const 0))
        (local.set $i (i32.add (local.get $i) (i32.const 1))) (br 0))"""
    monkeypatch.setattr(heap, "MOST_REFERENCES", 1000)
    with pytest.raises(WasmtimeError, match="more than 1000 values"):
        run(hostile(body, words(100, 4)), WasiConfig())


ARRAY = """
    ;; Uint8Array, by its name at 512; what the calls leave lies behind their arguments
    (i64.store (i32.const 8) (i64.const 0x7ff8000100000005)) (i64.store (i32.const 16) (i64.const 512))
    (i64.store (i32.const 24) (i64.const 10)) (call $valueGet (i32.const 0))
    (i64.store (i32.const 208) (i64.load (i32.const 32)))
    (i64.store (i32.const 216) (i64.const 600)) (i64.store (i32.const 224) (i64.const 1))
    (f64.store (i32.const 600) (f64.const 100000000))"""


def test_arrays_are_bounded_together() -> None:
    """A program that makes arrays of 100 MB for ever, and one that gives each back before the next."""
    make = '(call $valueNew (i32.const 200)) (i64.store (i32.const 408) (i64.load (i32.const 240)))'
    give_back = "(call $finalizeRef (i32.const 400))"
    data = '(data (i32.const 512) "Uint8Array")'
    with pytest.raises(WasmtimeError, match="more than 300000000 bytes"):
        run(hostile(f"{ARRAY} (loop {make} (br 0))", data), WasiConfig(), 300_000_000)
    body = f"""(local $i i32) {ARRAY} (loop {make} {give_back} (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if 0 (i32.lt_u (local.get $i) (i32.const 20))))"""
    with pytest.raises(WasmtimeError, match="waits for nothing"):
        run(hostile(body, data), WasiConfig(), 300_000_000)


def test_properties_are_bounded() -> None:
    """Ever new names, on the global object."""
    body = """(local $i i32) (loop (i32.store (i32.const 100) (local.get $i)) (call $valueSet (i32.const 0))
        (local.set $i (i32.add (local.get $i) (i32.const 1))) (br 0))"""
    with pytest.raises(WasmtimeError, match="more than 1000000 bytes"):
        run(hostile(body, words(GLOBAL, 100, 4, 0)), WasiConfig(), 1_000_000)


def test_waiting_for_nothing_is_told() -> None:
    """Go's own runtime ends such a program; one that does not is stopped."""
    with pytest.raises(WasmtimeError, match="waits for nothing"):
        run(hostile(""), WasiConfig())


def test_a_module_that_is_no_program() -> None:
    engine = Engine()
    store = Store(engine)
    store.set_wasi(WasiConfig())
    instance = Linker(engine).instantiate(store, Module(engine, '(module (memory (export "mem") 1))'))
    with pytest.raises(WasmtimeError, match="exports no function run"):
        run_gojs(store, instance)
    instance = Linker(engine).instantiate(store, Module(engine, "(module)"))
    with pytest.raises(WasmtimeError, match="exports no memory"):
        run_gojs(store, instance)


def test_arguments_that_are_too_long() -> None:
    config = WasiConfig()
    config.argv = ["x" * 10_000]
    with pytest.raises(WasmtimeError, match="8 KiB"):
        run(hostile(""), config)
