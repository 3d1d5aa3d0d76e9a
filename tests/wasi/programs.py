"""Running WASI programs over a directory of the host, over one in memory, or over both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wasmarium import Config, Engine, ExitTrap, Linker, Module, Store, Trap, WasiConfig


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


def run(task: Task, storage: str, engine_name: str, scratch: Path) -> Ended:
    """Run over ``task.directory`` itself (``host``), over a copy of it in memory (``memory``), or over it with the
    changes in memory (``overlay``)."""
    stdout, stderr = bytearray(), bytearray()
    settings = Config()
    settings.strategy = engine_name
    engine = Engine(settings)
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
        if storage == "host":
            config.preopen_dir(str(task.directory), task.name)
        elif storage == "memory":
            config.preopen_memory(tree(task.directory), task.name)
        else:
            config.preopen_overlay(str(task.directory), task.name)
    before = tree(task.directory) if task.directory is not None else {}
    ended = Ended()
    with Store(engine) as store:
        store.set_wasi(config)
        instance = linker.instantiate(store, Module.from_file(engine, str(task.program)))
        assert engine.strategy == engine_name
        assert instance.fallback is None
        start: Any = instance.exports(store)["_start"]
        try:
            start(store)
            ended.code = 0
        except ExitTrap as error:
            ended.code = error.code
        except Trap as error:
            ended.trap = error.trap_code.name if error.trap_code else str(error)
        wasi = store._wasi
    assert wasi is not None
    assert not len(wasi.descriptors)
    if task.directory is not None and storage != "host":
        assert tree(task.directory) == before
    ended.stdout, ended.stderr = bytes(stdout), bytes(stderr)
    return ended


def tree(folder: Path) -> dict[str, Any]:
    """The content of a folder as MemoryFileSystem takes it."""
    return {path.name: tree(path) if path.is_dir() else path.read_bytes() for path in sorted(folder.iterdir())}
