"""A network that is not there, for tests and replay: answers are laid out before, nothing waits unless told to."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wasmarium.bridge.network import NORMAL_CLOSE, Exchange, Message, Network, Request, Response, Socket
from wasmarium.bridge.signal import Signal


@dataclass(frozen=True, slots=True)
class FakeAnswer:
    """What a request gets. With ``held`` nothing comes before :meth:`FakeExchange.release`; ``error`` fails it."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    held: bool = False
    error: int | None = None


class FakeExchange(Exchange):
    """``request`` is what was asked for, ``sent`` its body."""

    def __init__(self, request: Request, answer: FakeAnswer, signal: Signal) -> None:
        super().__init__(signal, request.streams)
        self.request = request
        self.aborted = False
        self._answer = answer
        self._released = not answer.held
        self._go_on()

    @property
    def sent(self) -> bytes:
        """What was sent of the request's body."""
        return b"".join(self._outgoing)

    def finish(self) -> None:
        super().finish()
        self._go_on()

    def release(self) -> None:
        """Let the answer come."""
        self._released = True
        self._go_on()

    def _go_on(self) -> None:
        if not self._released or not self._sent_all or self.ended:
            return
        if self._answer.error is not None:
            self.end(OSError(self._answer.error, "as the test wanted it"))
            return
        self.respond(Response(self._answer.status, tuple(self._answer.headers.items())))
        self.feed(self._answer.body)
        # unlike end(), leaves what was sent to be looked at
        self.ended = True

    def abort(self) -> None:
        self.aborted = True
        self.end(OSError(errno.ECANCELED, "aborted"))


class FakeSocket(Socket):
    """Answers each message with what ``answer`` makes of it."""

    def __init__(self, url: str, answer: Callable[[Message], Sequence[Message]], signal: Signal) -> None:
        super().__init__(signal)
        self.url = url
        self.sent: list[Message] = []
        self.full = False
        self._answer = answer

    @property
    def writable(self) -> bool:
        return not self.full and self.connected

    def send(self, message: Message) -> None:
        self._may_send()
        self.sent.append(message)
        for each in self._answer(message):
            self.arrived(each)

    def close(self, code: int = NORMAL_CLOSE, reason: str = "") -> None:
        self.ended(code, reason)


class FakeNetwork(Network):
    """``answers`` maps ``"METHOD url"`` to what comes back, ``sockets`` the addresses of WebSockets to what
    answers a message; everything else is refused. ``exchanges`` and ``opened`` tell what was asked for."""

    def __init__(
        self,
        answers: Mapping[str, FakeAnswer] | None = None,
        sockets: Mapping[str, Callable[[Message], Sequence[Message]]] | None = None,
    ) -> None:
        self._answers = dict(answers or {})
        self._sockets = dict(sockets or {})
        self.exchanges: list[FakeExchange] = []
        self.opened: list[FakeSocket] = []

    def exchange(self, request: Request, signal: Signal) -> FakeExchange:
        answer = self._answers.get(f"{request.method} {request.url}", FakeAnswer(error=errno.ECONNREFUSED))
        made = FakeExchange(request, answer, signal)
        self.exchanges.append(made)
        return made

    def socket(self, url: str, protocols: Sequence[str], signal: Signal) -> FakeSocket:
        answer = self._sockets.get(url)
        made = FakeSocket(url, answer or (lambda message: ()), signal)
        self.opened.append(made)
        if answer is None:
            made.ended(1006, error=OSError(errno.ECONNREFUSED, "nobody is there"))
        else:
            made.opened(protocols[0] if protocols else "")
        return made

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(work)
        else:
            self._task = asyncio.ensure_future(work)
