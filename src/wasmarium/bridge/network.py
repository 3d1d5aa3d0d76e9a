"""The network as a guest may come to use it: one HTTP exchange, one WebSocket.

An implementation pumps bytes between the wire and the buffers here, on its own thread or event loop; a
guest looks at the buffers and, where they are empty (or full), waits for ``signal``. So the same object
serves a guest that asks without waiting, one that is suspended, and one that holds a thread. Buffers are
bounded: who pumps waits for room.

Failures are OSErrors whose number says what it was (ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT, EPROTO, …).
Nothing here knows grants: ``wasmarium.network`` decides before it asks, and never lets an exchange follow
a redirect by itself where the next address is not known to be granted.
"""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from wasmarium.bridge.signal import Signal

HIGH_WATER = 256 << 10
"""Bytes that one buffer holds before whoever fills it has to wait."""

LARGEST_MESSAGE = 16 << 20
"""Bytes of one WebSocket message, and of what a browser, which cannot be told to wait, may pile up."""

CONNECT_SECONDS = 30.0
"""After which a connection that nobody answers has failed."""

NORMAL_CLOSE = 1000
ABNORMAL_CLOSE = 1006
NO_CLOSE_CODE = 1005


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. With ``streams`` the body follows through ``send``; ``redirects_anywhere`` says
    that a redirect may be followed without being looked at."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    streams: bool = False
    redirects_anywhere: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """``status`` and headers (names in small letters) of what came back; ``url`` says from where, if a redirect was
    followed without being looked at."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    url: str = ""

    def header(self, name: str) -> str | None:
        """The first value of a header (its name in small letters)."""
        return next((value for each, value in self.headers if each == name), None)


class Exchange(ABC):
    """A request that is under way, and its response."""

    def __init__(self, signal: Signal, streams: bool = False) -> None:
        self.signal = signal
        self.response: Response | None = None
        self.error: OSError | None = None
        self.ended = False
        """Whether the whole response has come, or will never come."""
        self._body = bytearray()
        self._outgoing: deque[bytes] = deque()
        self._outgoing_size = 0
        self._sent_all = not streams

    # ---- for the guest ----

    @property
    def writable(self) -> bool:
        """Whether ``send`` takes more (or fails) without piling up."""
        return self._outgoing_size < HIGH_WATER or self.ended

    def send(self, content: bytes) -> None:
        """More of the request's body. Raises OSError (EPIPE behind its end)."""
        if self.error is not None:
            raise self.error
        if self._sent_all:
            raise OSError(errno.EPIPE, "the request's body has ended")
        with self.signal.lock:
            self._outgoing.append(content)
            self._outgoing_size += len(content)
        self.signal.notify()

    def finish(self) -> None:
        """The request's body is whole."""
        self._sent_all = True
        self.signal.notify()

    @property
    def readable(self) -> bool:
        """Whether ``read`` gives something, or the end, or fails."""
        return bool(self._body) or self.ended

    @property
    def at_end(self) -> bool:
        """Whether nothing is left to read, and nothing will come."""
        return self.ended and not self._body

    def read(self, count: int) -> bytes:
        """At most ``count`` bytes of what has come of the response's body. Raises OSError."""
        with self.signal.lock:
            piece = bytes(self._body[:count])
            del self._body[:count]
        if piece:
            self.signal.notify()
        elif self.error is not None and count:
            raise self.error
        return piece

    @abstractmethod
    def abort(self) -> None:
        """Give it up; nothing more is sent or kept."""

    # ---- for the pump ----

    def respond(self, response: Response) -> None:
        """The head of the response has come."""
        self.response = response
        self.signal.notify()

    def feed(self, content: bytes) -> None:
        """More of the response's body has come."""
        with self.signal.lock:
            self._body += content
        self.signal.notify()

    def end(self, error: OSError | None = None) -> None:
        """The response is whole, or has failed. Later calls change nothing."""
        with self.signal.lock:
            if not self.ended:
                self.ended, self.error = True, error
                self._outgoing.clear()
                self._outgoing_size = 0
        self.signal.notify()

    @property
    def roomy(self) -> bool:
        """Whether more of the response may be fed."""
        return len(self._body) < HIGH_WATER or self.ended

    def has_outgoing(self) -> bool:
        """Whether ``take_outgoing`` gives something, or the end."""
        return bool(self._outgoing) or self._sent_all or self.ended

    def take_outgoing(self) -> bytes:
        """The next piece of the request's body; empty at its end."""
        with self.signal.lock:
            piece = self._outgoing.popleft() if self._outgoing else b""
            self._outgoing_size -= len(piece)
        self.signal.notify()
        return piece


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a WebSocket; text is UTF-8."""

    content: bytes
    text: bool


class Socket(ABC):
    """A WebSocket: connecting, then open, then ``closed`` (or failed: ``error``)."""

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        self.open = False
        self.closed = False
        self.error: OSError | None = None
        self.protocol = ""
        self.close_code = NO_CLOSE_CODE
        self.close_reason = ""
        self._inbox: deque[Message] = deque()
        self._inbox_size = 0

    # ---- for the guest ----

    @property
    def connected(self) -> bool:
        """Whether connecting has ended, well or not."""
        return self.open or self.closed

    @property
    @abstractmethod
    def writable(self) -> bool:
        """Whether ``send`` takes a message (or fails) without piling up."""

    @abstractmethod
    def send(self, message: Message) -> None:
        """Send. Raises OSError (ENOTCONN before it is open, EPIPE when it is closed)."""

    @property
    def readable(self) -> bool:
        """Whether ``receive`` gives a message, or the end, or fails."""
        return bool(self._inbox) or self.closed

    def receive(self) -> Message | None:
        """The next message; None when the peer has closed and all is read. Raises OSError."""
        with self.signal.lock:
            message = self._inbox.popleft() if self._inbox else None
            if message is not None:
                self._inbox_size -= len(message.content)
        if message is not None:
            self.signal.notify()
        elif self.error is not None:
            raise self.error
        return message

    @abstractmethod
    def close(self, code: int = NORMAL_CLOSE, reason: str = "") -> None:
        """Begin to close; what was sent before still goes out. ``code`` is 1000 or 3000 to 4999."""

    def _may_send(self) -> None:
        if self.error is not None:
            raise self.error
        if self.closed:
            raise OSError(errno.EPIPE, "the WebSocket is closed")
        if not self.open:
            raise OSError(errno.ENOTCONN, "the WebSocket is not open yet")

    # ---- for the pump ----

    def opened(self, protocol: str) -> None:
        """The peer has agreed."""
        self.protocol = protocol
        self.open = True
        self.signal.notify()

    def arrived(self, message: Message) -> None:
        """A message has come."""
        with self.signal.lock:
            self._inbox.append(message)
            self._inbox_size += len(message.content)
        self.signal.notify()

    def ended(self, code: int, reason: str = "", error: OSError | None = None) -> None:
        """It is closed, or has failed. Later calls change nothing."""
        with self.signal.lock:
            if not self.closed:
                self.closed, self.open, self.error = True, False, error
                self.close_code, self.close_reason = code, reason
        self.signal.notify()

    @property
    def inbox_size(self) -> int:
        """Bytes that have come and nobody has taken."""
        return self._inbox_size

    @property
    def roomy(self) -> bool:
        """Whether more may arrive."""
        return self._inbox_size < HIGH_WATER or self.closed


class Network(ABC):
    """Makes exchanges and WebSockets."""

    @abstractmethod
    def exchange(self, request: Request, signal: Signal) -> Exchange:
        """Begin a request. Raises Unsupported where there is no network."""

    @abstractmethod
    def socket(self, url: str, protocols: Sequence[str], signal: Signal) -> Socket:
        """Begin to open a WebSocket. Raises Unsupported where there is no network."""

    @abstractmethod
    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` beside the guest, to its end."""

    def turn(self) -> Awaitable[None] | None:
        """What a guest that asks again and again must wait for, lest nothing ever arrives: where the
        network shares the guest's thread, one turn of the event loop. None where it does not."""
        return None
