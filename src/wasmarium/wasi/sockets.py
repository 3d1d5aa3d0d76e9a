"""A WebSocket as a socket of a guest: the stream of bytes that a gateway such as websockify makes of TCP.

What is sent goes out as one binary message a call; what comes in is one stream, wherever its messages
begin and end. It is connected when the guest first uses it. A WebSocket cannot be closed one way only, so
shutting down one way is between the guest and us: the peer learns of it when both are shut, or at close.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from wasmarium.bridge.base import InputStream, Waiting
from wasmarium.bridge.signal import Watch
from wasmarium.network import Access, Connection
from wasmarium.wasi.descriptor import Descriptor, Readiness
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import FileType, fail
from wasmarium.wasi.rights import FdFlags, Rights

T = TypeVar("T")

RIGHTS = (
    Rights.FD_READ
    | Rights.FD_WRITE
    | Rights.FD_FDSTAT_SET_FLAGS
    | Rights.FD_FILESTAT_GET
    | Rights.POLL_FD_READWRITE
    | Rights.SOCK_SHUTDOWN
)


class SocketDescriptor(Descriptor):
    """See the module. ``flags`` may have NONBLOCK."""

    def __init__(self, access: Access, url: str, protocols: tuple[str, ...] = ()) -> None:
        self._access = access
        self._url = url
        self._protocols = protocols
        self._made: Connection | None = None
        self._rest = b""
        self._failure: OSError | None = None
        self._ended = False
        self._reads = True
        self._writes = True

    @property
    def kind(self) -> FileType:
        return FileType.SOCKET_STREAM

    @property
    def rights(self) -> tuple[Rights, Rights]:
        return RIGHTS, Rights(0)

    @property
    def _connection(self) -> Connection:
        if self._made is None:
            self._made = Connection(self._access, self._url, self._protocols)
        return self._made

    def set_flags(self, flags: FdFlags) -> None:
        if flags & ~FdFlags.NONBLOCK:
            fail(Errno.INVAL)
        self.flags = flags

    # ---- receiving ----

    def _fill(self, wanted: int) -> bool:
        """Whether ``wanted`` bytes are there, or all that will come."""
        connection = self._connection
        while self._reads and len(self._rest) < wanted and not self._over and connection.readable:
            try:
                message = connection.receive()
            except OSError as error:
                self._failure = error
                break
            if message is None:
                self._ended = True
            else:
                # an empty message is no end
                self._rest += message.content
        return len(self._rest) >= wanted or self._over

    def _has_input(self) -> bool:
        return self._fill(1)

    @property
    def _over(self) -> bool:
        return self._ended or not self._reads or self._failure is not None

    def _take(self, count: int, peek: bool) -> bytes:
        if not self._rest and self._failure is not None and self._reads:
            raise self._failure
        piece = self._rest[:count]
        if not peek:
            self._rest = self._rest[len(piece) :]
        return piece

    def read(self, count: int) -> bytes | Awaitable[bytes]:
        return self.receive(count, peek=False, wait_all=False)

    def receive(self, count: int, peek: bool, wait_all: bool) -> bytes | Awaitable[bytes]:
        if not count:
            return b""
        wanted = count if wait_all and FdFlags.NONBLOCK not in self.flags else 1
        return self._when(lambda: self._fill(wanted), lambda: self._take(count, peek))

    # ---- sending ----

    def _may_write(self) -> bool:
        return not self._writes or self._connection.writable

    def write(self, content: bytes) -> int | Awaitable[int]:
        return self.send(content)

    def send(self, content: bytes) -> int | Awaitable[int]:
        def finish() -> int:
            if not self._writes:
                fail(Errno.PIPE)
            if content:
                self._connection.send(content)
            return len(content)

        return self._when(self._may_write, finish)

    # ---- both ----

    def _when(self, ready: Callable[[], bool], result: Callable[[], T]) -> T | Awaitable[T]:
        """``result`` as soon as ``ready``; AGAIN instead of waiting where the guest asked for that."""
        if ready():
            return result()
        if FdFlags.NONBLOCK not in self.flags:
            return self._connection.signal.wait(ready, result)
        turn = self.turn()
        if turn is None:
            fail(Errno.AGAIN)

        def after() -> T:
            return result() if ready() else fail(Errno.AGAIN)

        async def later() -> T:
            await turn
            return after()

        return Waiting(later, after)

    def turn(self) -> Awaitable[None] | None:
        """See ``Network.turn``; None before there is anything to arrive."""
        return None if self._made is None else self._access.network.turn()

    def shutdown(self, reading: bool, writing: bool) -> None:
        if not reading and not writing:
            fail(Errno.INVAL)
        self._reads = self._reads and not reading
        self._writes = self._writes and not writing
        if not self._reads:
            self._rest = b""
        if not self._reads and not self._writes and self._made is not None:
            self._made.close()

    def poll_read(self) -> Readiness | InputStream:
        if self._has_input():
            return Readiness(len(self._rest), hangup=not self._rest)
        return Watch(self._connection.signal, self._has_input)

    def poll_write(self) -> Readiness | InputStream:
        if self._may_write():
            connection = self._connection
            return Readiness(hangup=not self._writes or connection.closed)
        return Watch(self._connection.signal, self._may_write)

    def close(self) -> None:
        if self._made is not None:
            self._made.close()
