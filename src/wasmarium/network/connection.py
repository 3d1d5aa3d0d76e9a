"""A guest's WebSocket."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from wasmarium.bridge.network import LARGEST_MESSAGE, NO_CLOSE_CODE, NORMAL_CLOSE, Message, Socket
from wasmarium.bridge.signal import Signal
from wasmarium.network.access import Access
from wasmarium.network.fetch import TOKEN
from wasmarium.policy import Address
from wasmarium.policy.address import WEBSOCKET

MOST_PROTOCOLS = 16
LONGEST_REASON = 123
"""Bytes of a close reason (RFC 6455, section 5.5)."""

__all__ = ["LARGEST_MESSAGE", "Connection", "check_websocket"]


def check_websocket(url: str, protocols: Sequence[str]) -> Address:
    """The address, where both can be asked for. Raises OSError EINVAL where not (RFC 6455, section 4.1)."""
    try:
        address = Address.parse(url, WEBSOCKET)
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from None
    if len(protocols) > MOST_PROTOCOLS or len(set(protocols)) < len(protocols):
        raise OSError(errno.EINVAL, "protocols are few, and each is named once")
    for protocol in protocols:
        if not TOKEN.fullmatch(protocol):
            raise OSError(errno.EINVAL, f"{protocol!r} is no name of a protocol")
    return address


class Connection:
    """A WebSocket that is being opened, is open, or has ended; ``error`` is what it failed with.

    Nothing here waits; ``signal`` tells when to look again.
    """

    def __init__(self, access: Access, url: str, protocols: Sequence[str] = ()) -> None:
        """Raises OSError EINVAL for what is no address or protocol, EACCES where the policy says no at once."""
        address = check_websocket(url, protocols)
        self.signal = Signal()
        self.error: OSError | None = None
        self._access = access
        self._address = address
        self._protocols = tuple(protocols)
        self._socket: Socket | None = None
        self._permit = access.ask_websocket(address, self.signal)
        if self._permit.granted is False:
            raise self._permit.refusal()
        self.settle()

    def settle(self) -> None:
        """Begin to connect once that is granted."""
        with self.signal.lock:
            if self._socket is not None or self.error is not None or self._permit.granted is None:
                return
            try:
                if not self._permit.granted:
                    raise self._permit.refusal()
                self._access.spend("requests", 1)
                self._socket = self._access.network.socket(self._address.url, self._protocols, self.signal)
            except OSError as error:
                self.error = error

    @property
    def connected(self) -> bool:
        """Whether connecting has ended, well or not."""
        self.settle()
        return self.error is not None or (self._socket is not None and self._socket.connected)

    def check(self) -> None:
        """Raises what connecting failed with."""
        if self.error is not None:
            raise self.error
        if self._socket is not None and self._socket.error is not None:
            raise self._socket.error

    @property
    def closed(self) -> bool:
        """Whether it has ended, well or not."""
        return self.error is not None or (self._socket is not None and self._socket.closed)

    @property
    def protocol(self) -> str:
        """The one that the peer chose; empty for none."""
        return "" if self._socket is None else self._socket.protocol

    @property
    def close_code(self) -> int:
        """Why it was closed (RFC 6455, section 7.4); 1005 while it is not, and where nobody said."""
        return NO_CLOSE_CODE if self._socket is None else self._socket.close_code

    @property
    def close_reason(self) -> str:
        """What the peer said when it closed."""
        return "" if self._socket is None else self._socket.close_reason

    @property
    def writable(self) -> bool:
        """Whether ``send`` takes a message, or raises."""
        self.settle()
        return self.error is not None or (self._socket is not None and self._socket.writable)

    def send(self, content: bytes, text: bool = False) -> None:
        """Send one message, when ``writable``. Raises OSError (EILSEQ: text that is no UTF-8)."""
        if text:
            try:
                content.decode()
            except UnicodeDecodeError:
                raise OSError(errno.EILSEQ, "text that is not UTF-8") from None
        if self.error is not None:
            raise self.error
        if self._socket is None:
            raise OSError(errno.ENOTCONN, "the WebSocket is not open yet")
        if not self._socket.open:
            # says what is wrong, and spends nothing
            self._socket.send(Message(content, text))
        self._access.spend("sent_bytes", len(content))
        self._socket.send(Message(content, text))

    @property
    def readable(self) -> bool:
        """Whether ``receive`` gives a message, or the end, or raises."""
        self.settle()
        return self.error is not None or (self._socket is not None and self._socket.readable)

    def receive(self) -> Message | None:
        """The next message, when ``readable``; None at the end. Raises OSError."""
        if self.error is not None:
            raise self.error
        assert self._socket is not None
        message = self._socket.receive()
        if message is not None:
            try:
                self._access.spend("received_bytes", len(message.content))
            except OSError as error:
                self.error = error
                self._socket.close()
                raise
        return message

    def close(self, code: int = NORMAL_CLOSE, reason: str = "") -> None:
        """Begin to close. Raises OSError EINVAL for a code or reason that cannot be sent."""
        if code != NORMAL_CLOSE and not 3000 <= code <= 4999:
            raise OSError(errno.EINVAL, f"{code} is not a guest's to send: 1000, or 3000 to 4999")
        if len(reason.encode()) > LONGEST_REASON:
            raise OSError(errno.EINVAL, f"a reason of more than {LONGEST_REASON} bytes")
        if self._socket is not None:
            self._socket.close(code, reason)
        elif self.error is None:
            self.error = OSError(errno.ECANCELED, "closed before it was open")
