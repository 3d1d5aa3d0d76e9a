"""wasmarium under the name of wasmtime, for packages that were written for wasmtime-py."""

from __future__ import annotations

from wasmarium.dropin.installation import DropIn, install_as_wasmtime

__all__ = ["DropIn", "install_as_wasmtime"]
