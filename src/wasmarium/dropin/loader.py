"""Modules of WebAssembly as modules of Python."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from wasmarium.embedding import Func, FuncType, Global, Linker, Memory, Module, SharedMemory, Store, Table, Tag
from wasmarium.errors import WasmError
from wasmarium.wasi.preview1 import MODULES

SUFFIXES = (".wasm", ".wat")


class WasmFinder(MetaPathFinder, Loader):
    """Lets ``import name`` find ``name.wasm`` or ``name.wat`` beside Python's own modules.

    Functions of the module are called without a store; its memories, tables and globals take ``store``.
    What it imports comes from Python modules of that name, functions as they are. All modules live in one
    ``store``; WASI is there, give it a world with ``store.set_wasi``.
    """

    def __init__(self) -> None:
        self.store = Store()
        self.linker = Linker(self.store.engine)
        self.linker.define_wasi()
        self.linker.allow_shadowing = True

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Look for the file where Python looks for its own."""
        last = fullname.rpartition(".")[2]
        for folder in sys.path if path is None else path:
            for suffix in SUFFIXES:
                file = Path(folder, last + suffix)
                if file.is_file():
                    return importlib.util.spec_from_file_location(fullname, file, loader=self)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As Python makes them."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Instantiate, and put the exports into ``module``."""
        assert module.__spec__ is not None
        code = Module.from_file(self.store.engine, str(module.__spec__.origin))
        for wanted in code.imports:
            if wanted.module in MODULES:
                continue
            item = getattr(importlib.import_module(wanted.module), wanted.name, None)
            if item is None:
                raise WasmError(f"{module.__name__} imports {wanted.module}.{wanted.name}, which does not exist")
            if isinstance(wanted.type, FuncType) and not isinstance(item, Func):
                # the other way round: an export that was imported from Python
                bound = isinstance(item, functools.partial) and isinstance(item.func, Func)
                item = item.func if bound else Func(self.store, wanted.type, item)
            if not isinstance(item, Func | Global | Memory | SharedMemory | Table | Tag):
                raise WasmError(f"{wanted.module}.{wanted.name} is no {wanted.type}, which {module.__name__} imports")
            self.linker.define(self.store, wanted.module, wanted.name, item)
        exports = self.linker.instantiate(self.store, code).exports(self.store)
        for name, item in exports.items():
            module.__dict__[name] = functools.partial(item, self.store) if isinstance(item, Func) else item
