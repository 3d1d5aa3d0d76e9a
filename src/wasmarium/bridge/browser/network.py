"""fetch and WebSocket of the browser, or of Node.

Differences that no bridge can hide: a browser does not say where a redirect leads, so one that is not to
be followed blindly fails (Node does say); a request's body is sent when it is whole, as browsers stream
only over HTTP/2 (Node streams); a WebSocket cannot be told to wait, so a guest that lets more than
``LARGEST_MESSAGE`` bytes pile up loses it.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Coroutine, Sequence
from typing import Any

import js
from pyodide.ffi import JsException, create_proxy, to_js

from wasmarium.bridge.base import Waiting
from wasmarium.bridge.network import (
    ABNORMAL_CLOSE,
    HIGH_WATER,
    LARGEST_MESSAGE,
    NORMAL_CLOSE,
    Exchange,
    Message,
    Network,
    Request,
    Response,
    Socket,
)
from wasmarium.bridge.signal import Signal
from wasmarium.errors import Unsupported

TOO_BIG = 1009
"""The close code for a message that is too big (RFC 6455, section 7.4.1)."""

DRAIN_SECONDS = 0.005
"""Between two looks at what a WebSocket has not sent yet: no event tells."""


def on_node() -> bool:
    """Whether this Pyodide lives in Node, not in a browser."""
    # bundlers bring a `process` of their own into pages, which has no version of Node
    return bool(getattr(getattr(getattr(js, "process", None), "versions", None), "node", None))


class BrowserNetwork(Network):
    """Shares the guest's thread: what arrives, arrives while the guest is suspended."""

    def __init__(self) -> None:
        if not hasattr(js, "fetch"):
            raise Unsupported("this JavaScript has no fetch")
        self._tasks: set[asyncio.Future[None]] = set()

    def exchange(self, request: Request, signal: Signal) -> BrowserExchange:
        made = BrowserExchange(request, signal)
        self.spawn(made.run())
        return made

    def socket(self, url: str, protocols: Sequence[str], signal: Signal) -> BrowserSocket:
        if not hasattr(js, "WebSocket"):
            raise Unsupported("this JavaScript has no WebSocket: Node has it from version 22")
        return BrowserSocket(url, protocols, signal, self)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        # the loop itself keeps no hold of it
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def turn(self) -> Waiting[None]:
        async def later() -> None:
            await asyncio.sleep(0)

        # who cannot wait goes on without a turn
        return Waiting(later, lambda: None)


class BrowserExchange(Exchange):
    """One fetch."""

    def __init__(self, request: Request, signal: Signal) -> None:
        super().__init__(signal, request.streams)
        self._request = request
        self._js: Any = js
        self._controller = self._js.AbortController.new()
        self._pull: Any = None

    def abort(self) -> None:
        self.end(OSError(errno.ECANCELED, "aborted"))
        self._controller.abort()

    async def run(self) -> None:
        """The pump."""
        try:
            options = await self._options()
            if self.ended:
                return
            response = await self._js.fetch(
                self._request.url, to_js(options, dict_converter=self._js.Object.fromEntries)
            )
            if response.type == "opaqueredirect":
                self.end(OSError(errno.EACCES, "a browser does not say where a redirect leads: ask there directly"))
                return
            headers = tuple((name, value) for name, value in response.headers)
            self.respond(Response(response.status, headers, response.url if response.redirected else ""))
            if response.body:
                await self._read(response.body.getReader())
            self.end()
        except JsException as error:
            self.end(_failure(error))
        finally:
            self.end(OSError(errno.ECANCELED, "given up"))
            if self._pull is not None:
                self._pull.destroy()

    async def _options(self) -> dict[str, Any]:
        request = self._request
        options: dict[str, Any] = {
            "method": request.method,
            "headers": [list(pair) for pair in request.headers],
            "redirect": "follow" if request.redirects_anywhere else "manual",
            # the guest is not the person who looks at the page
            "credentials": "omit",
            "referrerPolicy": "no-referrer",
            "cache": "no-store",
            "signal": self._controller.signal,
        }
        if not request.streams:
            return options
        if on_node() and hasattr(self._js, "ReadableStream"):
            self._pull = create_proxy(self._give)
            source = to_js({"pull": self._pull}, dict_converter=self._js.Object.fromEntries)
            return {**options, "body": self._js.ReadableStream.new(source), "duplex": "half"}
        body = bytearray()
        while True:
            await self.signal.when(self.has_outgoing)
            if not (piece := self.take_outgoing()):
                return {**options, "body": to_js(bytes(body))}
            body += piece
            if len(body) > LARGEST_MESSAGE:
                self.end(OSError(errno.EMSGSIZE, "a browser holds a request's body in memory, and this one is large"))

    async def _give(self, controller: Any) -> None:
        await self.signal.when(self.has_outgoing)
        if piece := self.take_outgoing():
            controller.enqueue(to_js(piece))
        else:
            controller.close()

    async def _read(self, reader: Any) -> None:
        while not (piece := await reader.read()).done:
            self.feed(piece.value.to_bytes())
            await self.signal.when(lambda: self.roomy)
            if self.ended:
                await reader.cancel()
                return


class BrowserSocket(Socket):
    """One WebSocket."""

    def __init__(self, url: str, protocols: Sequence[str], signal: Signal, network: BrowserNetwork) -> None:
        super().__init__(signal)
        self._js: Any = js
        self._network = network
        self._watched = False
        self._proxies = [create_proxy(handler) for handler in (self._opened, self._message, self._close)]
        self._wire: Any = None
        try:
            self._wire = self._js.WebSocket.new(url, to_js(list(protocols)))
        except JsException as error:
            # a page that came by https may not use ws://, for example
            self.ended(ABNORMAL_CLOSE, error=OSError(errno.EPERM, f"the browser says: {error.message}"))
            self._forget()
            return
        self._wire.binaryType = "arraybuffer"
        self._wire.onopen, self._wire.onmessage, self._wire.onclose = self._proxies

    @property
    def writable(self) -> bool:
        return self.connected and (self.closed or self._wire.bufferedAmount < HIGH_WATER)

    def send(self, message: Message) -> None:
        self._may_send()
        self._wire.send(message.content.decode() if message.text else to_js(message.content))
        if not self.writable and not self._watched:
            self._watched = True
            self._network.spawn(self._watch())

    async def _watch(self) -> None:
        while not self.writable:
            await asyncio.sleep(DRAIN_SECONDS)
        self._watched = False
        self.signal.notify()

    def close(self, code: int = NORMAL_CLOSE, reason: str = "") -> None:
        if self._wire is not None:
            self._wire.close(code, reason)

    def _opened(self, event: Any) -> None:
        self.opened(self._wire.protocol)

    def _message(self, event: Any) -> None:
        data = event.data
        message = Message(data.encode(), True) if isinstance(data, str) else Message(data.to_bytes(), False)
        if self.inbox_size + len(message.content) > LARGEST_MESSAGE:
            self._wire.onmessage = None
            self._wire.close()
            self.ended(TOO_BIG, error=OSError(errno.ENOBUFS, "messages piled up that the guest did not take"))
        else:
            self.arrived(message)

    def _close(self, event: Any) -> None:
        error: OSError | None = None
        if not self.open:
            error = OSError(errno.ECONNREFUSED, "no WebSocket answered")
        elif event.code == ABNORMAL_CLOSE:
            error = OSError(errno.ECONNRESET, "the connection broke")
        self.ended(event.code, event.reason, error)
        self._wire.onopen = self._wire.onmessage = self._wire.onclose = None
        self._forget()

    def _forget(self) -> None:
        # not now: one of them may be running
        asyncio.get_running_loop().call_soon(_destroy, self._proxies)
        self._proxies = []


def _destroy(proxies: list[Any]) -> None:
    for proxy in proxies:
        proxy.destroy()


def _failure(error: JsException) -> OSError:
    # Node tells the reason; a browser hides it from pages
    code = getattr(getattr(error, "cause", None), "code", None)
    number = getattr(errno, str(code), errno.ECONNREFUSED)
    advice = "" if on_node() else " (nobody answered, or the server does not let this page ask: CORS)"
    return OSError(number, f"{error.message}{advice}")
