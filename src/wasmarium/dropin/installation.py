"""``import wasmtime`` gives wasmarium: what that takes, and how it is undone.

Python finds the modules through a finder at the front of ``sys.meta_path``, which also tells
``importlib.metadata`` of a distribution ``wasmtime``; so version checks are content. In Pyodide
micropip is told too, so that it does not fetch the real one, which cannot run there.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, DistributionFinder, PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from types import ModuleType

from wasmarium.bridge.packages import announce, withdraw
from wasmarium.dropin import modules
from wasmarium.dropin.late_threads import LateThreads
from wasmarium.errors import WasmError

NAME = "wasmtime"


class DropIn(MetaPathFinder):
    """What stands in for wasmtime, until :meth:`remove`. ``version`` is the one it claims to be."""

    def __init__(self, version: str) -> None:
        self.version = version
        self._announced = False
        self._threads: LateThreads | None = None

    # ---- what Python asks ----

    def find_spec(
        self, fullname: str, path: object | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The modules of the drop-in. ImportError, with a reason, for those of wasmtime that it lacks."""
        if fullname.partition(".")[0] != NAME:
            return None
        return modules.specification(fullname)

    def find_distributions(self, context: DistributionFinder.Context | None = None) -> Iterable[Distribution]:
        """The distribution ``wasmtime``, for ``importlib.metadata``."""
        # what micropip was told it tells Python itself
        wanted = NAME if context is None or context.name is None else context.name
        return [_Metadata(self.version)] if wanted.lower() == NAME and not self._announced else []

    # ---- coming and going ----

    def _install(self, threads: bool) -> None:
        for name in _loaded():
            del sys.modules[name]
        sys.meta_path.insert(0, self)
        # here and now, so that nothing else comes first
        importlib.import_module(NAME)
        self._announced = announce(NAME, self.version)
        importlib.invalidate_caches()
        if threads:
            self._threads = LateThreads()
            self._threads.install()

    def remove(self) -> None:
        """Undo it. What was imported from the drop-in goes on working."""
        if self not in sys.meta_path:
            return
        sys.meta_path.remove(self)
        for name in _loaded():
            del sys.modules[name]
        if self._announced:
            withdraw(NAME)
            self._announced = False
        if self._threads is not None:
            self._threads.remove()
        importlib.invalidate_caches()


class _Metadata(Distribution):
    def __init__(self, version: str) -> None:
        self._version = version

    def read_text(self, filename: str) -> str | None:
        texts = {
            "METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {self._version}\nSummary: this is wasmarium\n",
            "INSTALLER": "wasmarium\n",
            "top_level.txt": f"{NAME}\n",
        }
        return texts.get(filename)

    def locate_file(self, path: object) -> Path:
        return Path(__file__).parent / str(path)


def install_as_wasmtime(version: str = "46.0.1", *, force: bool = False, threads: bool = True) -> DropIn:
    """Let ``import wasmtime`` give wasmarium, in this process, from now on.

    ``version`` is what ``importlib.metadata`` and micropip are told; packages that depend on wasmtime
    ask for ranges, and 46.0.1 is in most of them. In Pyodide::

        import micropip, wasmarium
        wasmarium.install_as_wasmtime()
        await micropip.install("a-package-that-needs-wasmtime")

    Where a real wasmtime is installed, or was imported already, that is a WasmtimeError, unless
    ``force`` says that it shall be hidden. ``threads``: where the platform has none (Pyodide), a thread that
    has to do with wasmtime runs once somebody joins it, instead of failing; so it cannot watch over a guest
    meanwhile, but for ``threading.Timer(seconds, engine.increment_epoch)``, which does what it says.
    What comes back can be removed again; a second call with the same version changes nothing.
    """
    if not isinstance(version, str) or not re.fullmatch(r"\d+(\.\d+)*\S*", version):
        raise WasmError(f"{version!r} is no version; one is '46.0.1'")
    for present in [each for each in sys.meta_path if isinstance(each, DropIn)]:
        if present.version == version:
            return present
        present.remove()
    if not force:
        _check_free()
    made = DropIn(version)
    made._install(threads)
    return made


def _check_free() -> None:
    what_to_do = "uninstall it, or hide it in this process with install_as_wasmtime(force=True)"
    if NAME in sys.modules:
        raise WasmError(f"another wasmtime was imported already: call install_as_wasmtime before, or {what_to_do}")
    try:
        found: str | None = installed_version(NAME)
    except PackageNotFoundError:
        found = None
    if found is not None:
        raise WasmError(f"wasmtime {found} is installed here: {what_to_do}")
    if importlib.util.find_spec(NAME) is not None:
        raise WasmError(f"a module named wasmtime is there already: {what_to_do}")


def _loaded() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == NAME]
