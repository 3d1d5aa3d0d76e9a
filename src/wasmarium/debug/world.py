"""The world of a session's guest: WASI preview 1 with files in memory, and the import module ``wasmarium``, whose
network asks before anything leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wasmarium.bridge import Clock, InputStream, Random
from wasmarium.debug.network import SessionNetwork
from wasmarium.debug.waiting import Output
from wasmarium.errors import WasmError
from wasmarium.gojs import MODULE as GOJS
from wasmarium.gojs import SIGNATURES as GOJS_SIGNATURES
from wasmarium.gojs import World as GoWorld
from wasmarium.gojs import host_functions as gojs_functions
from wasmarium.hostcalls import MODULE as HOSTCALLS
from wasmarium.hostcalls import host_functions as hostcall_functions
from wasmarium.hostcalls.signatures import SIGNATURES as HOSTCALL_SIGNATURES
from wasmarium.module import Import, Module
from wasmarium.policy import Policy
from wasmarium.runtime.instance import ExternalValue
from wasmarium.runtime.linking import unknown_import
from wasmarium.types import FunctionImport
from wasmarium.wasi.errno import WasiError
from wasmarium.wasi.filesystem.base import Directory, FileType, OpenMode
from wasmarium.wasi.filesystem.memory import MemoryFileSystem
from wasmarium.wasi.preview1.context import Preopen, Wasi
from wasmarium.wasi.preview1.linking import host_functions, implementations
from wasmarium.wasi.preview1.signatures import MODULES

DATA = "/data"
"""The one directory that the guest may use."""

MOST_FILES = 200
"""Files that are listed after a run."""

_PROVIDED = {(module, name) for module in MODULES for name in implementations(module)} | {
    (module, name)
    for module, names in ((HOSTCALLS, HOSTCALL_SIGNATURES), (GOJS, GOJS_SIGNATURES))
    for name in names
}


def wants_gojs(module: Module) -> bool:
    """Whether it is a program of Go's for JavaScript."""
    return any(item.module == GOJS for item in module.imports)


def provides(item: Import) -> bool:
    """Whether a session has what ``item`` asks for (its type is compared when it is started)."""
    return isinstance(item.type, FunctionImport) and (item.module, item.name) in _PROVIDED


class World:
    """What one run of the guest is given. Raises WasmError for files that cannot be laid out."""

    def __init__(
        self,
        clock: Clock,
        random: Random,
        stdin: InputStream,
        output: Output,
        arguments: Iterable[str],
        environment: Iterable[tuple[str, str]],
        files: Mapping[str, bytes],
        network: SessionNetwork,
    ) -> None:
        self._network = network
        self.go: GoWorld | None = None
        """What a program of Go's for JavaScript sees, once it has asked for it."""
        self._volume = MemoryFileSystem(now=clock.realtime)
        try:
            for path, content in files.items():
                self._put(path, content)
            self._wasi = Wasi(
                clock=clock,
                random=random,
                arguments=arguments,
                environment=environment,
                stdin=stdin,
                stdout=output.stream("stdout", stdin.terminal),
                stderr=output.stream("stderr", stdin.terminal),
                preopens=[Preopen(DATA, self._volume.root())],
                policy=Policy.everything_given(),
            )
        except (WasiError, ValueError) as error:
            raise WasmError(f"the guest's surroundings cannot be made: {error}") from None

    def _put(self, path: str, content: bytes) -> None:
        *folders, name = _parts(path)
        directory = self._volume.root()
        for folder in folders:
            if all(entry.name != folder for entry in directory.entries()):
                directory.make_directory(folder)
            directory = directory.open_directory(folder)
        file = directory.open_file(name, OpenMode(write=True, create=True, truncate=True))
        file.write_at(0, content)
        file.close()

    def imports(self, module: Module) -> list[ExternalValue]:
        """What ``module`` imports, in its order. Raises Unlinkable for what is not there."""
        functions = {name: host_functions(self._wasi, name) for name in MODULES}
        functions[HOSTCALLS] = hostcall_functions(self._network.outside)
        if wants_gojs(module):
            self.go = GoWorld(self._wasi, self._network.outside.access)
            functions[GOJS] = gojs_functions(self.go)
        found: list[ExternalValue] = []
        for item in module.imports:
            if not provides(item):
                raise unknown_import(module, item)
            found.append(functions[item.module][item.name])
        return found

    def files(self) -> list[tuple[str, int]]:
        """The files below ``/data``, by path, with their sizes."""
        found: list[tuple[str, int]] = []
        _walk(self._volume.root(), "", found)
        return found

    def read_file(self, path: str) -> bytes | None:
        """The content of a file below ``/data``; None when there is none."""
        try:
            *folders, name = _parts(path)
            directory = self._volume.root()
            for folder in folders:
                directory = directory.open_directory(folder)
            file = directory.open_file(name, OpenMode())
            return file.read_at(0, file.stat().size)
        except (WasiError, ValueError):
            return None


def _parts(path: str) -> list[str]:
    parts = path.strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{path!r} is not the path of a file")
    return parts


def _walk(directory: Directory, prefix: str, found: list[tuple[str, int]]) -> None:
    for entry in sorted(directory.entries(), key=lambda entry: entry.name):
        if len(found) >= MOST_FILES:
            return
        if entry.kind is FileType.DIRECTORY:
            _walk(directory.open_directory(entry.name), f"{prefix}{entry.name}/", found)
        elif entry.kind is FileType.REGULAR_FILE:
            found.append((prefix + entry.name, directory.stat_at(entry.name).size))
