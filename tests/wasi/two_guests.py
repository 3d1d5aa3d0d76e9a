"""The same WASI calls made twice: to wasmtime (the oracle) and to our host functions.

A guest here is driven from outside: raw arguments, raw memory. wasmtime gets a module that imports
every function and exports each again with its memory; ours are called directly.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from wasmarium.bridge.fake import FakeClock, FakeRandom
from wasmarium.bridge.streams import BytesInput, CaptureOutput
from wasmarium.errors import GuestExit, Trap
from wasmarium.policy import Policy
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.types import I32, I64, Limits, MemoryType
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import Directory
from wasmarium.wasi.preview1 import Preopen, Wasi, host_functions
from wasmarium.wasi.preview1.signatures import PREVIEW1, SIGNATURES, function_type

PAGES = 2


class StubInstance:
    """All that a host function looks at in its caller."""

    def __init__(self, memory: MemoryInstance) -> None:
        self.exports = {"memory": memory}


class OurGuest:
    """Calls our host functions."""

    def __init__(
        self,
        directories: Mapping[str, Directory] | None = None,
        arguments: tuple[str, ...] = ("program", "first"),
        environment: tuple[tuple[str, str], ...] = (("A", "1"),),
        stdin: bytes = b"input",
        policy: Policy | None = None,
        module: str = PREVIEW1,
        wasi: Wasi | None = None,
    ) -> None:
        self.memory = MemoryInstance(MemoryType(Limits(PAGES, PAGES), I32, False, 16), ResourceLimits())
        self.clock = FakeClock(step=1000)
        self.stdout, self.stderr = CaptureOutput(), CaptureOutput()
        self.wasi = wasi or Wasi(
            clock=self.clock,
            random=FakeRandom(),
            arguments=arguments,
            environment=environment,
            stdin=BytesInput(stdin),
            stdout=self.stdout,
            stderr=self.stderr,
            preopens=[Preopen(name, directory) for name, directory in (directories or {}).items()],
            policy=policy if policy is not None else Policy.everything_given(),
        )
        self.functions = host_functions(self.wasi, module)
        self.instance: Any = StubInstance(self.memory)

    def raw(self, name: str, *arguments: int) -> Any:
        """What the host function gives."""
        kinds = function_type(name).parameters
        assert len(arguments) == len(kinds), name
        wide = [a & ((1 << (64 if kind is I64 else 32)) - 1) for a, kind in zip(arguments, kinds, strict=True)]
        return self.functions[name].code(self.instance, wide)

    def call(self, name: str, *arguments: int) -> str:
        """The error number by name, ``trap``, or ``exit N``."""
        try:
            return Errno(self.raw(name, *arguments)[0]).name
        except Trap:
            return "trap"
        except GuestExit as error:
            return f"exit {error.code}"

    def put(self, address: int, content: bytes) -> None:
        """Write the guest's memory."""
        self.memory.data[address : address + len(content)] = content

    def get(self, address: int, count: int) -> bytes:
        """Read the guest's memory."""
        return bytes(self.memory.data[address : address + count])


def oracle_module() -> str:
    """A module in text form that passes every call on."""
    lines = ["(module"]
    shapes = []
    for name in SIGNATURES:
        kind = function_type(name)
        parameters = " ".join(t.name for t in kind.parameters)
        result = "(result i32)" if kind.results else ""
        shapes.append((name, kind, parameters, result))
        lines.append(f'(import "{PREVIEW1}" "{name}" (func ${name} (param {parameters}) {result}))')
    lines.append(f'(memory (export "memory") {PAGES} {PAGES})')
    for name, kind, parameters, result in shapes:
        gets = " ".join(f"(local.get {i})" for i in range(len(kind.parameters)))
        lines.append(f'(func (export "{name}") (param {parameters}) {result} (call ${name} {gets}))')
    return "\n".join([*lines, ")"])


@cache
def oracle() -> Any:
    """wasmtime's engine, linker and module, which many guests share."""
    import wasmtime

    engine = wasmtime.Engine()
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    return engine, linker, wasmtime.Module(engine, oracle_module())


class OracleGuest:
    """Calls wasmtime's."""

    def __init__(self, host: Mapping[str, Path], stdin: Path, stdout: Path) -> None:
        import wasmtime

        self.wasmtime = wasmtime
        engine, linker, module = oracle()
        self.store = wasmtime.Store(engine)
        config = wasmtime.WasiConfig()
        config.argv = ["program", "first"]
        config.env = [("A", "1")]
        stdin.write_bytes(b"input")
        config.stdin_file = str(stdin)
        config.stdout_file = str(stdout)
        for name, path in host.items():
            config.preopen_dir(str(path), name)
        self.store.set_wasi(config)
        self.exports = linker.instantiate(self.store, module).exports(self.store)
        self.memory: Any = self.exports["memory"]

    def call(self, name: str, *arguments: int) -> str:
        """As OurGuest.call."""
        kinds = function_type(name).parameters
        signed = []
        for argument, kind in zip(arguments, kinds, strict=True):
            bits = 64 if kind is I64 else 32
            argument &= (1 << bits) - 1
            signed.append(argument - (1 << bits) if argument >> (bits - 1) else argument)
        function: Any = self.exports[name]
        try:
            return Errno(function(self.store, *signed)).name
        except self.wasmtime.ExitTrap as error:
            return f"exit {error.code}"
        except (self.wasmtime.Trap, self.wasmtime.WasmtimeError):
            return "trap"

    def put(self, address: int, content: bytes) -> None:
        """As OurGuest.put."""
        self.memory.write(self.store, content, address)

    def get(self, address: int, count: int) -> bytes:
        """As OurGuest.get."""
        return bytes(self.memory.read(self.store, address, address + count))
