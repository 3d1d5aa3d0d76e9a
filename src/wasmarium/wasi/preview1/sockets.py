"""sock_*. A descriptor that is no socket answers NOTSOCK."""

from __future__ import annotations

from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.wasi.descriptor import Descriptor
from wasmarium.wasi.preview1.abi import RiFlags, SdFlags, check_out, flags, store, total, vectors
from wasmarium.wasi.preview1.context import Wasi
from wasmarium.wasi.preview1.waiting import Wait, then
from wasmarium.wasi.rights import FdFlags


def sock_accept(wasi: Wasi, memory: GuestMemory, fd: int, fdflags: int, opened: int) -> Wait | None:
    """Accept a connection."""
    asked = flags(FdFlags, fdflags)
    listener = wasi.descriptors[fd]
    check_out(memory, opened, 4)

    def finish(connection: Descriptor) -> None:
        store(memory, opened, wasi.descriptors.add(connection), 4)

    return then(listener.accept(asked), finish)


def sock_recv(
    wasi: Wasi, memory: GuestMemory, fd: int, pointer: int, count: int, riflags: int, done: int, out_flags: int
) -> Wait | None:
    """Receive from a socket."""
    asked = flags(RiFlags, riflags)
    pieces = vectors(memory, pointer, count)
    descriptor = wasi.descriptors[fd]
    check_out(memory, done, 4)
    check_out(memory, out_flags, 2)

    def finish(content: bytes) -> None:
        memory.scatter(pieces, content)
        store(memory, done, len(content), 4)
        store(memory, out_flags, 0, 2)

    peek, wait_all = RiFlags.RECV_PEEK in asked, RiFlags.RECV_WAITALL in asked
    return then(descriptor.receive(total(pieces), peek, wait_all), finish)


def sock_send(
    wasi: Wasi, memory: GuestMemory, fd: int, pointer: int, count: int, siflags: int, done: int
) -> Wait | None:
    """Send to a socket. No flags are defined, so ``siflags`` means nothing."""
    content = memory.gather(vectors(memory, pointer, count))
    descriptor = wasi.descriptors[fd]
    check_out(memory, done, 4)

    def finish(sent: int) -> None:
        store(memory, done, sent, 4)

    return then(descriptor.send(content), finish)


def sock_shutdown(wasi: Wasi, memory: GuestMemory, fd: int, how: int) -> None:
    """Close one or both ways of a socket."""
    asked = flags(SdFlags, how)
    wasi.descriptors[fd].shutdown(SdFlags.RD in asked, SdFlags.WR in asked)
