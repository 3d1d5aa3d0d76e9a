"""Running WASI programs: through the public API over a directory of the host, or through the pieces
below it over a file system in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wasmarium import Engine, ExitTrap, Linker, Module, Store, Trap, WasiConfig
from wasmarium.binary.decoder import decode_module
from wasmarium.bridge import platform
from wasmarium.bridge.streams import BytesInput, CaptureOutput
from wasmarium.engines.base import Raised, Suspended
from wasmarium.engines.interpreter import Interpreter
from wasmarium.policy import Policy
from wasmarium.runtime.linking import instantiate
from wasmarium.runtime.store import Store as RuntimeStore
from wasmarium.validation import validate_module
from wasmarium.wasi.filesystem import MemoryFileSystem
from wasmarium.wasi.preview1 import MODULES, Preopen, Wasi, host_functions


@dataclass
class Task:
    """A program and what it is given. ``directory`` becomes the guest's ``name``."""

    program: Path
    arguments: list[str] = field(default_factory=list)
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    directory: Path | None = None
    name: str = "/"


@dataclass
class Ended:
    """How a program ended and what it wrote."""

    code: int | None = None
    trap: str | None = None
    stdout: bytes = b""
    stderr: bytes = b""


def run_on_host(task: Task, scratch: Path) -> Ended:
    """Run over ``task.directory`` itself."""
    stdout, stderr = bytearray(), bytearray()
    engine = Engine()
    linker = Linker(engine)
    linker.define_wasi()
    config = WasiConfig()
    config.argv = [task.program.name, *task.arguments]
    config.env = list(task.env.items())
    (scratch / "stdin").write_bytes(task.stdin)
    config.stdin_file = str(scratch / "stdin")
    config.stdout_custom = stdout.extend
    config.stderr_custom = stderr.extend
    if task.directory is not None:
        config.preopen_dir(str(task.directory), task.name)
    ended = Ended()
    with Store(engine) as store:
        store.set_wasi(config)
        instance = linker.instantiate(store, Module.from_file(engine, str(task.program)))
        start: Any = instance.exports(store)["_start"]
        try:
            start(store)
            ended.code = 0
        except ExitTrap as error:
            ended.code = error.code
        except Trap as error:
            ended.trap = error.trap_code.name if error.trap_code else str(error)
    ended.stdout, ended.stderr = bytes(stdout), bytes(stderr)
    return ended


def tree(folder: Path) -> dict[str, Any]:
    """The content of a folder as MemoryFileSystem takes it."""
    return {path.name: tree(path) if path.is_dir() else path.read_bytes() for path in sorted(folder.iterdir())}


def run_in_memory(task: Task) -> Ended:
    """Run over a copy of ``task.directory`` in memory."""
    here = platform()
    stdout, stderr = CaptureOutput(), CaptureOutput()
    volume = MemoryFileSystem(tree(task.directory) if task.directory is not None else None, now=here.clock.realtime)
    wasi = Wasi(
        clock=here.clock,
        random=here.random,
        arguments=[task.program.name, *task.arguments],
        environment=task.env,
        stdin=BytesInput(task.stdin),
        stdout=stdout,
        stderr=stderr,
        preopens=[Preopen(task.name, volume.root())] if task.directory is not None else [],
        policy=Policy.everything_given(),
    )
    module = decode_module(task.program.read_bytes())
    validate_module(module)
    functions = {name: host_functions(wasi, name) for name in MODULES}
    imports = [functions[item.module][item.name] for item in module.imports]
    instance = instantiate(RuntimeStore(), module, imports, None)
    start: Any = instance.exports["_start"]
    execution = Interpreter().start(start, ())
    while isinstance(outcome := execution.run(), Suspended):
        execution.resume(outcome.pending.finish(here.block_on(outcome.pending.awaitable)))
    ended = Ended(stdout=bytes(stdout.content), stderr=bytes(stderr.content))
    error = outcome.error if isinstance(outcome, Raised) else None
    if isinstance(error, Trap):
        ended.trap = error.code.name if error.code else str(error)
    elif isinstance(error, ExitTrap):
        ended.code = error.code
    elif error is not None:
        raise error
    else:
        ended.code = 0
    wasi.close()
    assert not len(wasi.descriptors)
    return ended
