"""The modules of the drop-in: ``wasmtime`` itself and ``wasmtime.loader``."""

from __future__ import annotations

import sys
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType

import wasmarium.embedding
from wasmarium.dropin.loader import WasmFinder

MISSING = {
    "component": "wasmarium has no component model yet: wasmtime.component cannot be used",
    "bindgen": "wasmarium has no component model yet: wasmtime.bindgen cannot be used",
    "_bindings": "wasmarium is Python: there is no C API behind it",
    "_ffi": "wasmarium is Python: there is no C API behind it",
}
"""What wasmtime-py has besides, and why it is not here."""


class _Made(Loader):
    """Fills modules that have no file."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__.endswith(".loader"):
            _fill_loader(module)
        else:
            _fill(module)


def specification(name: str) -> ModuleSpec | None:
    """How to make the module ``name``, or None. ImportError for those that are left out."""
    _, _, inner = name.partition(".")
    if inner in ("", "loader"):
        return ModuleSpec(name, _Made(), origin=__file__, is_package=not inner)
    why = MISSING.get(inner.partition(".")[0])
    if why is not None:
        raise ImportError(why, name=name)
    return None


def _fill(module: ModuleType) -> None:
    names = [name for name in wasmarium.embedding.__all__ if name != "capabilities"]
    module.__doc__ = wasmarium.embedding.__doc__
    module.__dict__.update({name: getattr(wasmarium.embedding, name) for name in names})
    module.__dict__["__all__"] = names

    def missing(name: str) -> object:
        raise AttributeError(
            MISSING.get(name) or f"module 'wasmtime', which is wasmarium here, has no attribute {name!r}"
        )

    module.__dict__["__getattr__"] = missing


def _fill_loader(module: ModuleType) -> None:
    module.__doc__ = WasmFinder.__doc__
    finder = next((each for each in sys.meta_path if isinstance(each, WasmFinder)), None)
    if finder is None:
        finder = WasmFinder()
        # last: a file in Python of the same name goes first
        sys.meta_path.append(finder)
    module.__dict__.update(store=finder.store, linker=finder.linker)
