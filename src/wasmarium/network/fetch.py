"""One request, whose redirects are followed by hand, each looked at like the request itself."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable

from wasmarium.bridge.network import Exchange, Request, Response
from wasmarium.bridge.signal import Signal
from wasmarium.network.access import Access
from wasmarium.policy import Address

MOST_REDIRECTS = 20
"""As in the fetch standard."""

MOST_HEADERS = 128
"""Of a request."""

KEPT_BODY = 1 << 20
"""Bytes of a request's body that can be sent again after a redirect that asks for it (307, 308)."""

TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}")
"""A method, the name of a header, that of a WebSocket's protocol (RFC 9110, section 5.6.2)."""

_VALUE = re.compile(r"[\t\x20-\x7e]{0,8192}")
_FORBIDDEN_METHODS = frozenset({"CONNECT", "TRACE", "TRACK"})
_FORBIDDEN_HEADERS = frozenset(
    "accept-charset accept-encoding access-control-request-headers access-control-request-method "
    "access-control-request-private-network connection content-length cookie cookie2 date dnt expect host keep-alive "
    "origin referer set-cookie te trailer transfer-encoding upgrade user-agent via".split()
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def _refuse(why: str) -> OSError:
    return OSError(errno.EINVAL, why)


def check_request(method: str, headers: Iterable[tuple[str, str]]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Method and headers as they go out. Raises OSError EINVAL for what no page may send either (fetch
    standard, sections 2.2.1 and 2.2.2): the names that frame a message are the bridge's own."""
    if not TOKEN.fullmatch(method) or method.upper() in _FORBIDDEN_METHODS:
        raise _refuse(f"{method!r} is no method that can be used")
    checked = []
    for name, value in headers:
        lower = name.lower()
        if not TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise _refuse(f"{name!r}: {value!r} is no header")
        if lower in _FORBIDDEN_HEADERS or lower.startswith(("proxy-", "sec-")):
            raise _refuse(f"the header {name!r} is not the guest's to set")
        checked.append((lower, value.strip(" \t")))
    if len(checked) > MOST_HEADERS:
        raise _refuse(f"more than {MOST_HEADERS} headers")
    return method.upper(), tuple(checked)


class Fetch:
    """A request under way; ``error`` is what it failed with.

    Nothing here waits. :meth:`settle` goes on as far as it gets, and ``signal`` tells when to try again.
    """

    def __init__(
        self,
        access: Access,
        method: str,
        url: str,
        headers: Iterable[tuple[str, str]] = (),
        streams: bool = False,
    ) -> None:
        """With ``streams`` the request has a body, which :meth:`send` and :meth:`finish` give. Raises
        OSError EINVAL for what is no request, EACCES where the policy says no at once."""
        self._method, self._headers = check_request(method, headers)
        if streams and self._method in ("GET", "HEAD"):
            raise _refuse(f"{self._method} has no body")
        try:
            self._address = Address.parse(url)
        except ValueError as error:
            raise _refuse(str(error)) from None
        self.signal = Signal()
        self.error: OSError | None = None
        self._access = access
        self._exchange: Exchange | None = None
        self._streams = streams
        self._kept: bytearray | None = bytearray()
        self._finished = not streams
        self._redirects = 0
        self._permit = access.ask_fetch(self._method, self._address, self.signal)
        if self._permit.granted is False:
            raise self._permit.refusal()
        self.settle()

    # ---- where it stands ----

    def settle(self) -> None:
        """Go on as far as can be without waiting."""
        with self.signal.lock:
            try:
                while self.error is None and self._step():
                    pass
            except OSError as error:
                self._fail(error)

    def _step(self) -> bool:
        """One step; whether there may be another."""
        if self._exchange is None:
            if self._permit.granted is None:
                return False
            if not self._permit.granted:
                raise self._permit.refusal()
            self._begin()
            return True
        response = self._exchange.response
        if response is None:
            if self._exchange.error is not None:
                raise self._exchange.error
            return False
        target = response.header("location") if response.status in _REDIRECTS else None
        if target is None:
            return False
        self._redirect(response.status, target)
        return True

    def _begin(self) -> None:
        self._access.spend("requests", 1)
        anywhere = self._access.policy.fetches_anything and self._access.policy.requests is None
        request = Request(self._method, self._address.url, self._headers, self._streams, anywhere)
        self._exchange = self._access.network.exchange(request, self.signal)
        if self._streams and self._redirects:
            if self._kept:
                self._exchange.send(bytes(self._kept))
            self._exchange.finish()

    def _redirect(self, status: int, target: str) -> None:
        assert self._exchange is not None
        self._redirects += 1
        if self._redirects > MOST_REDIRECTS:
            raise OSError(errno.ELOOP, f"more than {MOST_REDIRECTS} redirects")
        try:
            address = self._address.join(target)
        except ValueError as error:
            raise OSError(errno.EPROTO, f"a redirect to {error}") from None
        if (status == 303 and self._method != "HEAD") or (status in (301, 302) and self._method == "POST"):
            self._method, self._streams = "GET", False
            self._headers = tuple(pair for pair in self._headers if not pair[0].startswith("content-"))
        elif self._streams and (self._kept is None or not self._finished):
            raise OSError(errno.EPROTO, "a redirect wants the request's body again, which is not kept")
        if address.origin != self._address.origin:
            self._headers = tuple(pair for pair in self._headers if pair[0] != "authorization")
        self._exchange.abort()
        self._exchange, self._address = None, address
        self._permit = self._access.ask_fetch(self._method, address, self.signal)

    def _fail(self, error: OSError) -> None:
        self.error = error
        if self._exchange is not None:
            self._exchange.abort()

    @property
    def response(self) -> Response | None:
        """What came back, when all redirects are behind. Raises what the request failed with."""
        self.settle()
        if self.error is not None:
            raise self.error
        return None if self._exchange is None else self._exchange.response

    @property
    def responded(self) -> bool:
        """Whether ``response`` is there, or raises."""
        self.settle()
        return self.error is not None or (self._exchange is not None and self._exchange.response is not None)

    @property
    def url(self) -> str:
        """The address that answered, or that was asked last."""
        response = None if self._exchange is None else self._exchange.response
        return response.url if response is not None and response.url else self._address.url

    # ---- the request's body ----

    @property
    def writable(self) -> bool:
        """Whether ``send`` takes more, or raises."""
        self.settle()
        if self.error is not None or self._finished or not self._streams:
            return True
        return self._exchange is not None and self._exchange.writable

    def send(self, content: bytes) -> None:
        """More of the body, to be called when ``writable``. Raises OSError."""
        self.settle()
        if self._finished:
            raise OSError(errno.EPIPE, "the request's body has ended")
        if self.error is not None:
            raise self.error
        self._access.spend("sent_bytes", len(content))
        if self._kept is not None:
            self._kept += content
            if len(self._kept) > KEPT_BODY:
                self._kept = None
        # a redirect may have done away with the body
        if self._streams and self._exchange is not None and content:
            self._exchange.send(content)

    def finish(self) -> None:
        """The body is whole."""
        self._finished = True
        self.settle()
        if self._streams and self._exchange is not None:
            self._exchange.finish()
        self.settle()

    # ---- the response's body ----

    @property
    def readable(self) -> bool:
        """Whether ``read`` gives something, or the end, or raises."""
        if not self.responded:
            return False
        return self.error is not None or (self._exchange is not None and self._exchange.readable)

    def read(self, count: int) -> bytes:
        """At most ``count`` bytes; empty at the end. To be called when ``readable``. Raises OSError."""
        if self.error is not None:
            raise self.error
        assert self._exchange is not None
        if self._exchange.at_end:
            return self._exchange.read(count)
        room = self._access.left("received_bytes", count)
        if count and not room:
            try:
                self._access.spend("received_bytes", 1)
            except OSError as error:
                self._fail(error)
                raise
        piece = self._exchange.read(room)
        self._access.spend("received_bytes", len(piece))
        return piece

    def abort(self) -> None:
        """Give it up. Harmless when it is over."""
        self._fail(self.error or OSError(errno.ECANCELED, "aborted"))
