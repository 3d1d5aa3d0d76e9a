"""A guest that does what a test says: every import of ``wasmarium`` and of WASI is exported again."""

from __future__ import annotations

from functools import cache
from typing import Any

from wasmarium import Config, Engine, Linker, Module, Policy, Store, Trap, WasiConfig
from wasmarium.hostcalls import MODULE
from wasmarium.hostcalls.signatures import SIGNATURES, function_type
from wasmarium.types import I64
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.preview1 import signatures as preview1

NONBLOCK, BODY = 1, 2
READ, WRITE, OPEN = 1, 2, 4
FOREVER = -1
OUT = 64
"""Where results go: 16 words from here."""

WASI = tuple(
    "fd_read fd_write fd_close fd_fdstat_get fd_fdstat_set_flags fd_prestat_get poll_oneoff sock_recv sock_send "
    "sock_shutdown clock_time_get".split()
)


@cache
def wat() -> str:
    """The guest as text."""
    lines = ["(module"]
    functions = [(MODULE, name, function_type(name)) for name in SIGNATURES]
    functions += [(preview1.PREVIEW1, name, preview1.function_type(name)) for name in WASI]
    for module, name, kind in functions:
        parameters = " ".join(each.name for each in kind.parameters)
        lines.append(f'(import "{module}" "{name}" (func ${name} (param {parameters}) (result i32)))')
    lines.append('(memory (export "memory") 20 20)')
    for _, name, kind in functions:
        parameters = " ".join(each.name for each in kind.parameters)
        gets = " ".join(f"(local.get {at})" for at in range(len(kind.parameters)))
        lines.append(f'(func (export "{name}") (param {parameters}) (result i32) (call ${name} {gets}))')
    return "\n".join([*lines, ")"])


class Guest:
    """Texts and buffers are laid out from 1024 on, anew for every call."""

    def __init__(
        self, strategy: str, policy: Policy | None = None, wasi: WasiConfig | None = None, platform: Any = None
    ) -> None:
        config = Config()
        config.strategy = strategy
        config.epoch_interruption = policy is not None and policy.wall_time is not None
        engine = Engine(config, platform=platform)
        self.store = Store(engine)
        if policy is not None:
            self.store.set_policy(policy)
        self.store.set_wasi(wasi if wasi is not None else WasiConfig())
        linker = Linker(engine)
        linker.define_wasi()
        linker.define_wasmarium()
        self.exports = linker.instantiate(self.store, Module(engine, wat())).exports(self.store)
        self.memory: Any = self.exports["memory"]
        self._at = 1024

    def lay(self, arguments: tuple[Any, ...]) -> list[int]:
        """Arguments as numbers: a text or bytes become a pointer and a length."""
        laid: list[int] = []
        for argument in arguments:
            if isinstance(argument, int):
                laid.append(argument)
                continue
            content = argument.encode() if isinstance(argument, str) else argument
            self.memory.write(self.store, content, self._at)
            laid += [self._at, len(content)]
            self._at += len(content) + 16 & ~15
        return laid

    def call(self, name: str, *arguments: Any) -> str:
        """Call; the error number by name, or ``trap``."""
        self._at = 1024
        laid = self.lay(arguments)
        kinds = (function_type if name in SIGNATURES else preview1.function_type)(name).parameters
        assert len(laid) == len(kinds), name
        signed = []
        for value, kind in zip(laid, kinds, strict=True):
            bits = 64 if kind is I64 else 32
            value &= (1 << bits) - 1
            signed.append(value - (1 << bits) if value >> (bits - 1) else value)
        function: Any = self.exports[name]
        try:
            return Errno(function(self.store, *signed)).name
        except Trap:
            return "trap"

    async def call_async(self, name: str, *arguments: Any) -> str:
        """The same, letting the event loop run meanwhile."""
        self._at = 1024
        function: Any = self.exports[name]
        return Errno(await function.call_async(self.store, *self.lay(arguments))).name

    def ok(self, name: str, *arguments: Any) -> None:
        """Call what must succeed."""
        assert (name, self.call(name, *arguments)) == (name, "SUCCESS")

    def word(self, at: int = 0) -> int:
        """Result number ``at``."""
        return int.from_bytes(self.get(OUT + 4 * at, 4), "little")

    def get(self, address: int, count: int) -> bytes:
        """Memory."""
        return bytes(self.memory.read(self.store, address, address + count))

    def put(self, address: int, content: bytes) -> None:
        """Write memory."""
        self.memory.write(self.store, content, address)

    # ---- whole ways ----

    def open(self, method: str, url: str, headers: str = "", flags: int = 0) -> int:
        """A handle of a request."""
        self.ok("http_open", method, url, headers, flags, OUT)
        return self.word()

    def status(self, request: int) -> int:
        """Its status, waited for."""
        self.ok("http_response", request, 0, OUT)
        return self.word()

    def body(self, request: int, piece: int = 65_536) -> bytes:
        """Its body, waited for."""
        content = b""
        while True:
            self.ok("http_read", request, 65_536, piece, 0, OUT)
            if not self.word():
                return content
            content += self.get(65_536, self.word())

    def fetch(self, url: str, method: str = "GET", headers: str = "") -> tuple[int, bytes]:
        """Status and body."""
        request = self.open(method, url, headers)
        found = self.status(request), self.body(request)
        self.ok("close", request)
        return found

    def connect(self, url: str, protocols: str = "") -> int:
        """A handle of an open WebSocket."""
        self.ok("ws_open", url, protocols, OUT)
        socket = self.word()
        self.ok("ws_connect", socket, 0)
        return socket

    def receive(self, socket: int, room: int = 65_536) -> tuple[int, bytes, int]:
        """Kind, content, and how much is left of it."""
        self.ok("ws_receive", socket, 65_536, room, 0, OUT, OUT + 4, OUT + 8)
        kind, done, left = (self.word(at) for at in range(3))
        return kind, self.get(65_536, done), left
