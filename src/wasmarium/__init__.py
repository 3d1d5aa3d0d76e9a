"""WebAssembly in pure Python, for Pyodide and CPython, with everything a guest does in sight.

The names are those of wasmtime-py. A first program::

    from wasmarium import Engine, ExitTrap, Linker, Module, Store, WasiConfig

    engine = Engine()
    linker = Linker(engine)
    linker.define_wasi()

    wasi = WasiConfig()
    wasi.argv = ["hello"]
    wasi.inherit_stdout()
    store = Store(engine)
    store.set_wasi(wasi)

    instance = linker.instantiate(store, Module.from_file(engine, "hello.wasm"))
    try:
        instance.exports(store)["_start"](store)
    except ExitTrap as ended:
        print("exit code", ended.code)

``help(wasmarium.Module)`` goes on from here; ``help`` of most other names shows an example too.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wasmarium.dropin import DropIn, install_as_wasmtime
    from wasmarium.embedding import (
        Caller,
        Config,
        DirPerms,
        Engine,
        ExitTrap,
        ExportType,
        FilePerms,
        Frame,
        Func,
        FuncType,
        Global,
        GlobalType,
        ImportType,
        Instance,
        InstanceExports,
        InstancePre,
        Limits,
        Linker,
        Managed,
        Memory,
        MemoryType,
        Module,
        Policy,
        SharedMemory,
        Store,
        StoreContext,
        Storelike,
        Table,
        TableType,
        Tag,
        TagType,
        Trap,
        TrapCode,
        Val,
        ValType,
        WasiConfig,
        WasmtimeError,
        capabilities,
        open_storage,
        run_gojs,
        run_gojs_async,
        wat2wasm,
    )

__all__ = [
    "Caller",
    "Config",
    "DirPerms",
    "DropIn",
    "Engine",
    "ExitTrap",
    "ExportType",
    "FilePerms",
    "Frame",
    "Func",
    "FuncType",
    "Global",
    "GlobalType",
    "ImportType",
    "Instance",
    "InstanceExports",
    "InstancePre",
    "Limits",
    "Linker",
    "Managed",
    "Memory",
    "MemoryType",
    "Module",
    "Policy",
    "SharedMemory",
    "Store",
    "StoreContext",
    "Storelike",
    "Table",
    "TableType",
    "Tag",
    "TagType",
    "Trap",
    "TrapCode",
    "Val",
    "ValType",
    "WasiConfig",
    "WasmtimeError",
    "capabilities",
    "install_as_wasmtime",
    "open_storage",
    "run_gojs",
    "run_gojs_async",
    "wat2wasm",
]


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: a page that only wants the decoder does not wait for the rest.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "wasmarium.dropin" if name in ("DropIn", "install_as_wasmtime") else "wasmarium.embedding"
    value = getattr(_import_module(room), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
