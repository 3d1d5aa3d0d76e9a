"""wasmarium under the name of wasmtime: what is found under it, what is refused, and that it can be undone."""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import guest_modules as guests
import wasmarium
from wasmarium import WasmtimeError, install_as_wasmtime
from wasmarium.bridge import platform
from wasmarium.dropin import DropIn

INSIDE = sys.platform == "emscripten"


@pytest.fixture
def clean() -> Iterator[None]:
    """No wasmtime imported before, and afterwards what was there."""
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "wasmtime"}
    finders = list(sys.meta_path)
    for name in before:
        del sys.modules[name]
    yield
    for finder in list(sys.meta_path):
        if isinstance(finder, DropIn):
            finder.remove()
    sys.meta_path[:] = finders
    for name in [name for name in sys.modules if name.partition(".")[0] == "wasmtime"]:
        del sys.modules[name]
    sys.modules.update(before)


@pytest.fixture
def dropin(clean: None) -> DropIn:
    # where the tests run on CPython, the real one is installed
    return install_as_wasmtime("46.0.1", force=True)


def wasmtime() -> Any:
    return importlib.import_module("wasmtime")


# ---- what is found --------------------------------------------------------------------------------------------------


def test_the_names_are_ours(dropin: DropIn) -> None:
    module = wasmtime()
    names = set(wasmarium.__all__) - {"DropIn", "install_as_wasmtime", "capabilities"}
    assert set(module.__all__) == names
    assert all(getattr(module, name) is getattr(wasmarium, name) for name in names)
    store = module.Store()
    made = module.Instance(
        store,
        module.Module(store.engine, guests.STARTED.wasm),
        [module.Func(store, module.FuncType([], []), lambda: None)],
    )
    assert made.exports(store)["ran"].value(store) == 1


@pytest.mark.parametrize("version", ["46.0.1", "14.0", "50.0.1.dev3"])
def test_the_version_is_told(version: str, clean: None) -> None:
    assert install_as_wasmtime(version, force=True).version == version
    assert importlib.metadata.version("wasmtime") == version
    assert importlib.metadata.metadata("wasmtime")["Name"] == "wasmtime"
    found = [each.version for each in importlib.metadata.distributions() if each.name == "wasmtime"]
    # the real one may be behind it
    assert found[0] == version
    assert found.count(version) == 1 or version == "46.0.1"


@pytest.mark.parametrize("version", ["", "new", "v1", None, 46])
def test_what_is_no_version_is_refused(version: Any, clean: None) -> None:
    with pytest.raises(WasmtimeError, match="is no version"):
        install_as_wasmtime(version)
    assert not any(isinstance(finder, DropIn) for finder in sys.meta_path)


def test_a_second_call_changes_the_version_only(dropin: DropIn) -> None:
    assert install_as_wasmtime("46.0.1") is dropin
    # its own stand-in is not taken for the real one
    again = install_as_wasmtime("47.0", force=not INSIDE)
    assert importlib.metadata.version("wasmtime") == "47.0"
    assert [finder for finder in sys.meta_path if isinstance(finder, DropIn)] == [again]


def test_it_can_be_removed(dropin: DropIn) -> None:
    module = wasmtime()
    dropin.remove()
    dropin.remove()
    assert "wasmtime" not in sys.modules
    assert not any(isinstance(finder, DropIn) for finder in sys.meta_path)
    if INSIDE:
        with pytest.raises(ModuleNotFoundError):
            wasmtime()
        with pytest.raises(importlib.metadata.PackageNotFoundError):
            importlib.metadata.version("wasmtime")
    assert module.Store().get_fuel


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("import wasmtime.component", "no component model"),
        ("from wasmtime import component", "no component model"),
        ("from wasmtime.component import Linker", "no component model"),
        ("from wasmtime import _ffi", "no C API"),
        ("import wasmtime._bindings", "no C API"),
        ("from wasmtime import Gadget", "Gadget"),
        ("import wasmtime.gadgets", "wasmtime.gadgets"),
    ],
)
def test_what_is_missing_is_named(statement: str, why: str, dropin: DropIn) -> None:
    with pytest.raises(ImportError, match=why):
        exec(statement, {})


def test_an_unknown_attribute_is_named(dropin: DropIn) -> None:
    with pytest.raises(AttributeError, match="'wasmtime', which is wasmarium here, has no attribute 'Gadget'"):
        wasmtime().Gadget  # noqa: B018
    with pytest.raises(AttributeError, match="no component model"):
        wasmtime().component  # noqa: B018


# ---- what is never hidden -------------------------------------------------------------------------------------------


@pytest.fixture
def folder(clean: None, tmp_path: Path) -> Iterator[Path]:
    """A folder where Python looks for modules, and no wasmtime installed (on CPython one is, for other tests)."""
    before = sys.path[:]
    sys.path[:] = [str(tmp_path), *(each for each in before if INSIDE or not each.endswith("site-packages"))]
    importlib.invalidate_caches()
    yield tmp_path
    sys.path[:] = before
    importlib.invalidate_caches()


def test_a_real_one_is_not_hidden_silently(folder: Path) -> None:
    install_as_wasmtime().remove()
    (folder / "wasmtime.py").write_text("real = True\n")
    with pytest.raises(WasmtimeError, match=r"a module named wasmtime is there already: .*force=True"):
        install_as_wasmtime()
    (folder / "wasmtime-44.0.0.dist-info").mkdir()
    (folder / "wasmtime-44.0.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: wasmtime\nVersion: 44.0.0\n"
    )
    with pytest.raises(WasmtimeError, match=r"wasmtime 44\.0\.0 is installed here: uninstall it, or"):
        install_as_wasmtime()
    assert wasmtime().real
    with pytest.raises(WasmtimeError, match="imported already"):
        install_as_wasmtime()
    hidden = install_as_wasmtime("46.0.1", force=True)
    assert wasmtime().Engine is wasmarium.Engine
    assert importlib.metadata.version("wasmtime") == "46.0.1"
    hidden.remove()
    assert wasmtime().real
    assert importlib.metadata.version("wasmtime") == "44.0.0"


# ---- wasmtime.loader ------------------------------------------------------------------------------------------------


def test_modules_are_imported_like_pythons(dropin: DropIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "wasmarium_host.py").write_text("def triple(x): return 3 * x\nseen = 5\n")
    (tmp_path / "wasmarium_sum.wasm").write_bytes(
        wasmarium.wat2wasm(
            '(module (memory (export "memory") 1) (func (export "add") (param i32 i32) (result i32)'
            " (i32.add (local.get 0) (local.get 1))))"
        )
    )
    (tmp_path / "wasmarium_user.wat").write_text("""(module
      (import "wasmarium_host" "triple" (func $triple (param i32) (result i32)))
      (import "wasmarium_sum" "add" (func $add (param i32 i32) (result i32)))
      (import "wasmarium_sum" "memory" (memory 1))
      (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
      (func (export "run") (result i32)
        (i32.store (i32.const 4) (call $add (call $triple (i32.const 10)) (i32.const 12)))
        (i32.load (i32.const 4))))""")
    loader: Any = importlib.import_module("wasmtime.loader")
    names = ("wasmarium_host", "wasmarium_sum", "wasmarium_user", "wasmarium_bad", "wasmarium_worse")
    try:
        user: Any = importlib.import_module("wasmarium_user")
        assert user.run() == 42
        assert sys.modules["wasmarium_sum"].memory.read(loader.store, 4, 8) == b"\x2a\0\0\0"
        (tmp_path / "wasmarium_bad.wat").write_text('(module (import "wasmarium_host" "gone" (func)))')
        with pytest.raises(WasmtimeError, match=r"imports wasmarium_host\.gone, which does not exist"):
            importlib.import_module("wasmarium_bad")
        (tmp_path / "wasmarium_worse.wat").write_text('(module (import "wasmarium_host" "seen" (memory 1)))')
        with pytest.raises(WasmtimeError, match=r"wasmarium_host\.seen is no MemoryType"):
            importlib.import_module("wasmarium_worse")
    finally:
        for name in names:
            sys.modules.pop(name, None)


# ---- threads, where there are none ----------------------------------------------------------------------------------


@pytest.fixture
def no_threads(clean: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    install_as_wasmtime(force=True)


def threads_of(code: str, **names: Any) -> dict[str, Any]:
    """A module of a package."""
    exec(code, names)
    return names


def test_a_thread_of_a_package_runs_when_it_is_joined(no_threads: None) -> None:
    log: list[Any] = []
    names = threads_of("import wasmtime\ndef work(): log.append(wasmtime.Engine)", log=log)
    thread = threading.Thread(target=names["work"])
    thread.start()
    assert (log, thread.is_alive()) == ([], True)
    thread.join(timeout=1)
    thread.join()
    assert (log, thread.is_alive()) == ([wasmarium.Engine], False)
    with pytest.raises(RuntimeError):
        thread.start()


@pytest.mark.parametrize("how", ["closure", "method", "arguments"])
def test_a_thread_that_holds_something_of_wasmtime_is_helped(how: str, no_threads: None) -> None:
    engine, log = wasmarium.Engine(), []
    made = {
        "closure": threading.Thread(
            target=threads_of("def make(e):\n return lambda: log.append(e)", log=log)["make"](engine)
        ),
        "method": threading.Thread(target=engine.increment_epoch),
        "arguments": threading.Thread(target=log.append, kwargs={}, args=(engine,)),
    }[how]
    made.start()
    made.join()
    assert log == [engine] or (how == "method" and engine._epoch == 1)


def test_what_a_late_thread_raises_goes_to_the_hook(no_threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    names = threads_of("from wasmtime import Store\ndef work(): raise KeyError('lost')")
    thread = threading.Thread(target=names["work"])
    thread.start()
    thread.join()
    assert [(each.exc_type, each.thread) for each in told] == [(KeyError, thread)]


def test_a_thread_that_nobody_joins_is_told_of(no_threads: None) -> None:
    work = threads_of("import wasmtime\ndef work(): pass")["work"]
    threading.Thread(target=work, name="watchdog").start()
    with pytest.warns(RuntimeWarning, match="no threads here: watchdog would have run when joined, but was not"):
        gc.collect()


def test_a_timer_that_interrupts_guests_needs_no_thread(no_threads: None) -> None:
    config = wasmarium.Config()
    config.epoch_interruption = True
    engine = wasmarium.Engine(config)
    store = wasmarium.Store(engine)
    module = wasmarium.Module(engine, guests.LOOPS.wasm)
    exports: Any = wasmarium.Instance(store, module, []).exports(store)
    for _ in range(2):
        store.set_epoch_deadline(1)
        timer = threading.Timer(0.02, engine.increment_epoch)
        timer.start()
        with pytest.raises(wasmarium.Trap) as caught:
            exports["forever"](store)
        assert caught.value.trap_code is wasmarium.TrapCode.INTERRUPT
    store.set_epoch_deadline(1)
    timer = threading.Timer(0, engine.increment_epoch)
    timer.start()
    timer.cancel()
    timer.join()
    assert exports["count"](store, 5) == 7


def test_other_threads_fail_as_before(no_threads: None) -> None:
    with pytest.raises(RuntimeError, match="can't start new thread"):
        threading.Thread(target=importlib.invalidate_caches).start()
    with pytest.raises(RuntimeError, match="can't start new thread"):
        threading.Timer(1, importlib.invalidate_caches).start()
    install_as_wasmtime().remove()
    names = threads_of("import wasmarium\ndef work(): pass")
    with pytest.raises(RuntimeError, match="can't start new thread"):
        threading.Thread(target=names["work"]).start()


# ---- micropip -------------------------------------------------------------------------------------------------------


def wheel(folder: Path, requirement: str) -> str:
    """A package that needs wasmtime, as micropip is told of it."""
    file = folder / "needs_wasmtime-1.0-py3-none-any.whl"
    info = "needs_wasmtime-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("needs_wasmtime.py", "import wasmtime\nwasm = wasmtime.wat2wasm('(module)')\n")
        archive.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: needs-wasmtime\nVersion: 1.0\nRequires-Dist: {requirement}\n",
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return f"emfs:{file}"


@pytest.mark.skipif(not INSIDE, reason="micropip is Pyodide's installer")
def test_micropip_takes_it_for_installed(dropin: DropIn, tmp_path: Path) -> None:
    import micropip

    assert micropip.list_mock_packages() == ["wasmtime"]
    with pytest.raises(ValueError, match=r"wasmtime==46\.0\.1 is already installed"):
        platform().block_on(micropip.install(wheel(tmp_path, "wasmtime>=99")))
    platform().block_on(micropip.install(wheel(tmp_path, "wasmtime<48,>=44")))
    try:
        assert importlib.import_module("needs_wasmtime").wasm == b"\0asm\1\0\0\0"
    finally:
        micropip.uninstall("needs-wasmtime")
        sys.modules.pop("needs_wasmtime", None)
    dropin.remove()
    assert micropip.list_mock_packages() == []
