"""HTTP and WebSocket on CPython, by aiohttp (the extra ``native``), on a thread of their own."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any

import aiohttp
from yarl import URL

from wasmarium.bridge.network import (
    ABNORMAL_CLOSE,
    CONNECT_SECONDS,
    HIGH_WATER,
    LARGEST_MESSAGE,
    NO_CLOSE_CODE,
    NORMAL_CLOSE,
    Exchange,
    Message,
    Network,
    Request,
    Response,
    Socket,
)
from wasmarium.bridge.signal import Signal

STOP_SECONDS = 5.0
CLOSE_SECONDS = 2.0
"""How long a peer has to answer when a WebSocket is closed."""


class NativeNetwork(Network):
    """Its thread begins with the first request and ends with the object."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: set[Future[None]] = set()

    def exchange(self, request: Request, signal: Signal) -> NativeExchange:
        made = NativeExchange(request, signal)
        made.task = self.start(made.run())
        return made

    def socket(self, url: str, protocols: Sequence[str], signal: Signal) -> NativeSocket:
        made = NativeSocket(signal)
        made.task = self.start(made.run(url, protocols))
        return made

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.start(work)

    def start(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        """Run ``work`` on the thread of the network. Does not wait for that thread, which may wait for
        the caller: for the lock of a signal."""
        begun = asyncio.run_coroutine_threadsafe(work, self._started())
        self._running.add(begun)
        begun.add_done_callback(self._running.discard)
        return begun

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # nothing that runs there may hold the network, or it would never end
            thread = threading.Thread(
                target=_serve, args=(self._loop, self._running), name="wasmarium-network", daemon=True
            )
            thread.start()
            weakref.finalize(self, _stop, self._loop, thread)
        return self._loop


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    if threading.current_thread() is not thread:
        # whatever is open is closed, not dropped
        thread.join(STOP_SECONDS)


def _serve(loop: asyncio.AbstractEventLoop, running: set[Future[None]]) -> None:
    # ``running`` is held here: a loop alone would let go of what waits for a guest that is gone
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    finally:
        loop.close()


def _session(*middlewares: aiohttp.ClientMiddlewareType) -> aiohttp.ClientSession:
    # the guest's own: neither cookies nor proxies of whoever runs it
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        middlewares=middlewares,
        skip_auto_headers=("User-Agent", "Content-Type"),
    )


class NativeExchange(Exchange):
    """A request in a session of its own."""

    task: Future[None]

    def __init__(self, request: Request, signal: Signal) -> None:
        super().__init__(signal, request.streams)
        self._request = request

    def abort(self) -> None:
        self.end(OSError(errno.ECANCELED, "aborted"))
        self.task.cancel()

    async def run(self) -> None:
        """The pump."""
        request = self._request
        try:
            async with (
                _session() as session,
                session.request(
                    request.method,
                    URL(request.url, encoded=True),
                    headers=list(request.headers),
                    data=self._pieces() if request.streams else None,
                    allow_redirects=False,
                ) as response,
            ):
                headers = tuple((name.lower(), value) for name, value in response.headers.items())
                self.respond(Response(response.status, headers))
                async for piece in response.content.iter_any():
                    self.feed(piece)
                    await self.signal.when(lambda: self.roomy)
            self.end()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            self.end(_failure(error))
        finally:
            self.end(OSError(errno.ECANCELED, "the network was given up"))

    async def _pieces(self) -> AsyncIterator[bytes]:
        while True:
            await self.signal.when(self.has_outgoing)
            if not (piece := self.take_outgoing()):
                return
            yield piece


class NativeSocket(Socket):
    """A WebSocket in a session of its own."""

    task: Future[None]

    def __init__(self, signal: Signal) -> None:
        super().__init__(signal)
        self._outbox: deque[Message] = deque()
        self._outbox_size = 0
        self._closing: tuple[int, str] | None = None
        self._said = ""

    @property
    def writable(self) -> bool:
        return self.connected and (self._outbox_size < HIGH_WATER or self.closed)

    def send(self, message: Message) -> None:
        self._may_send()
        if self._closing is not None:
            raise OSError(errno.EPIPE, "the WebSocket is closing")
        with self.signal.lock:
            self._outbox.append(message)
            self._outbox_size += len(message.content)
        self.signal.notify()

    def close(self, code: int = NORMAL_CLOSE, reason: str = "") -> None:
        if self._closing is None:
            self._closing = code, reason
        if not self.connected:
            self.ended(ABNORMAL_CLOSE, error=OSError(errno.ECANCELED, "closed before it was open"))
            self.task.cancel()
        self.signal.notify()

    async def run(self, url: str, protocols: Sequence[str]) -> None:
        """The pump."""
        try:
            async with (
                _session(_no_redirects()) as session,
                asyncio.timeout(CONNECT_SECONDS) as limit,
                session.ws_connect(
                    URL(url, encoded=True),
                    protocols=protocols,
                    max_msg_size=LARGEST_MESSAGE,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                ) as wire,
            ):
                limit.reschedule(None)
                self.opened(wire.protocol or "")
                writer = asyncio.create_task(self._write(wire))
                try:
                    await self._read(wire)
                    if self._closing is not None:
                        # it waits for the peer's answer, which has the code
                        await writer
                    self._end(wire)
                finally:
                    writer.cancel()
                    await asyncio.gather(writer, return_exceptions=True)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            self.ended(ABNORMAL_CLOSE, error=_failure(error))
        finally:
            self.ended(ABNORMAL_CLOSE, error=OSError(errno.ECANCELED, "the network was given up"))

    async def _read(self, wire: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            message = await wire.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                self.arrived(Message(message.data.encode(), True))
            elif message.type is aiohttp.WSMsgType.BINARY:
                self.arrived(Message(message.data, False))
            elif message.type is aiohttp.WSMsgType.ERROR:
                # the peer broke the rules, or sent too much
                self.ended(wire.close_code or ABNORMAL_CLOSE, error=OSError(errno.EPROTO, str(message.data)))
                return
            else:
                if message.type is aiohttp.WSMsgType.CLOSE:
                    self._said = message.extra or ""
                return
            # who closes does not wait until the guest has read everything
            await self.signal.when(lambda: self.roomy or self._closing is not None)

    def _end(self, wire: aiohttp.ClientWebSocketResponse) -> None:
        code = wire.close_code or NO_CLOSE_CODE
        lost = OSError(errno.ECONNRESET, "the connection broke") if code == ABNORMAL_CLOSE else None
        self.ended(code, self._said, lost)

    async def _write(self, wire: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await self.signal.when(lambda: bool(self._outbox) or self._closing is not None)
            with self.signal.lock:
                message = self._outbox.popleft() if self._outbox else None
            if message is None:
                assert self._closing is not None
                code, reason = self._closing
                await wire.close(code=code, message=reason.encode())
                return
            if message.text:
                await wire.send_str(message.content.decode())
            else:
                await wire.send_bytes(message.content)
            # only now: what the wire has not taken yet counts as piled up
            with self.signal.lock:
                self._outbox_size -= len(message.content)
            self.signal.notify()


def _no_redirects() -> aiohttp.ClientMiddlewareType:
    """aiohttp follows redirects of a handshake; a browser does not, and nobody would look at where they lead."""
    asked = False

    async def only_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        nonlocal asked
        if asked:
            raise OSError(errno.EPROTO, "the server answers with a redirect, not with a WebSocket")
        asked = True
        return await handler(request)

    return only_once


def _failure(error: Exception) -> OSError:
    if isinstance(error, TimeoutError):
        return OSError(errno.ETIMEDOUT, "nobody answered in time")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return OSError(errno.EHOSTUNREACH, str(error))
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return OSError(errno.ECONNRESET, "the server hung up")
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return OSError(error.errno, str(error))
    return OSError(errno.EPROTO, str(error))
