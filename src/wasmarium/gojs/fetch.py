"""The global ``fetch`` and what belongs to it, as Go's net/http uses them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from wasmarium.bridge.network import Response
from wasmarium.errors import Unsupported
from wasmarium.gojs.callbacks import Callbacks
from wasmarium.gojs.values import (
    UNDEFINED,
    Array,
    Bytes,
    Function,
    Promise,
    Thing,
    Value,
    argument,
    error,
    text_of,
    throw,
)
from wasmarium.network import Access, Fetch
from wasmarium.policy import Address

PIECE = 64 << 10
"""Bytes of a body that are given at once."""


class Headers(Thing):
    """Headers: pairs in the order in which they were given."""

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self.pairs = list(pairs)
        super().__init__(
            {
                "append": Function(self._append),
                "set": Function(self._set),
                "get": Function(self._get),
                "entries": Function(self._entries),
            }
        )

    def _append(self, this: Value, arguments: Sequence[Value]) -> Value:
        self.pairs.append((text_of(argument(arguments, 0)), text_of(argument(arguments, 1))))
        return UNDEFINED

    def _set(self, this: Value, arguments: Sequence[Value]) -> Value:
        name = text_of(argument(arguments, 0)).lower()
        self.pairs = [pair for pair in self.pairs if pair[0].lower() != name]
        return self._append(this, arguments)

    def _get(self, this: Value, arguments: Sequence[Value]) -> Value:
        name = text_of(argument(arguments, 0)).lower()
        found = [value for each, value in self.pairs if each.lower() == name]
        return ", ".join(found) if found else None

    def _entries(self, this: Value, arguments: Sequence[Value]) -> Thing:
        left = iter(list(self.pairs))

        def following(this: Value, arguments: Sequence[Value]) -> Thing:
            pair = next(left, None)
            return Thing({"done": pair is None, "value": UNDEFINED if pair is None else Array(pair)})

        return Thing({"next": Function(following)})


class Fetching:
    """What a program may fetch, which ``access`` decides."""

    def __init__(self, access: Access, callbacks: Callbacks) -> None:
        self._access = access
        self._callbacks = callbacks

    def globals(self) -> dict[str, Value]:
        """``fetch``, ``Headers`` and ``AbortController``."""
        return {
            "fetch": Function(self.fetch),
            "Headers": Function(_with_new, lambda arguments: Headers()),
            "AbortController": Function(_with_new, lambda arguments: _controller()),
        }

    def fetch(self, this: Value, arguments: Sequence[Value]) -> Promise:
        """Begin a request: a promise of its response."""
        promise = Promise(self._callbacks.later)
        given = argument(arguments, 1)
        options = given if isinstance(given, Thing) else Thing()
        headers, body, signal = options.get("headers"), options.get("body"), options.get("signal")
        method, url = options.get("method"), text_of(argument(arguments, 0))
        try:
            request = Fetch(
                self._access,
                "GET" if method is UNDEFINED else text_of(method),
                url,
                headers.pairs if isinstance(headers, Headers) else (),
                isinstance(body, Bytes),
            )
        except (OSError, Unsupported) as problem:
            promise.settle(_failure(problem), failed=True)
            return promise
        if isinstance(signal, Signal):
            signal.aborts.append(request.abort)
        first = Address.parse(url)
        content = memoryview(bytes(body.data)) if isinstance(body, Bytes) else memoryview(b"")
        self._send(request, first, content, promise)
        return promise

    def _send(self, request: Fetch, first: Address, content: memoryview, promise: Promise) -> None:
        """Send what is left of the body, and then wait for the response."""

        def go_on() -> None:
            rest = content
            while rest and request.writable:
                request.send(bytes(rest[:PIECE]))
                rest = rest[PIECE:]
            if rest:
                self._send(request, first, rest, promise)
                return
            request.finish()
            self._when(request, lambda: request.responded, answer, promise)

        def answer() -> None:
            response = request.response
            assert response is not None
            promise.settle(self._response(request, request.url != first.url, response))

        self._when(request, lambda: request.writable, go_on, promise)

    def _when(self, request: Fetch, over: Callable[[], bool], then: Callable[[], object], promise: Promise) -> None:
        """``then``, as soon as ``over``; what it raises fails the promise."""

        def done(result: Any, failed: BaseException | None) -> None:
            try:
                if failed is not None:
                    raise failed
                then()
            except (OSError, Unsupported) as problem:
                promise.settle(_failure(problem), failed=True)

        if over():
            done(None, None)
        else:
            self._callbacks.when_done(request.signal.when(over), done)

    def _response(self, request: Fetch, redirected: bool, response: Response) -> Thing:
        def read(this: Value, arguments: Sequence[Value]) -> Promise:
            promise = Promise(self._callbacks.later)

            def take() -> None:
                content = request.read(PIECE)
                value = Bytes(bytearray(content)) if content else UNDEFINED
                promise.settle(Thing({"done": not content, "value": value}))

            self._when(request, lambda: request.readable, take, promise)
            return promise

        def cancel(this: Value, arguments: Sequence[Value]) -> Promise:
            request.abort()
            promise = Promise(self._callbacks.later)
            promise.settle(UNDEFINED)
            return promise

        reader = Thing({"read": Function(read), "cancel": Function(cancel)})
        return Thing(
            {
                "status": response.status,
                "statusText": HTTPStatus(response.status).phrase if response.status in _STATUSES else "",
                "ok": 200 <= response.status < 300,
                "redirected": redirected,
                "url": request.url,
                "headers": Headers(response.headers),
                "body": Thing({"getReader": Function(lambda this, arguments: reader)}),
            }
        )


_STATUSES = frozenset(status.value for status in HTTPStatus)


class Signal(Thing):
    """What an AbortController gives to the requests that it may abort."""

    def __init__(self) -> None:
        super().__init__()
        self.aborts: list[Callable[[], object]] = []


def _controller() -> Thing:
    signal = Signal()

    def abort(this: Value, arguments: Sequence[Value]) -> Value:
        aborts, signal.aborts = signal.aborts, []
        for each in aborts:
            each()
        return UNDEFINED

    return Thing({"signal": signal, "abort": Function(abort)})


def _failure(problem: OSError | Unsupported) -> Thing:
    text = problem.message if isinstance(problem, Unsupported) else problem.strerror or str(problem)
    return error("TypeError", f"fetch: {text}")


def _with_new(this: Value, arguments: Sequence[Value]) -> Value:
    raise throw("TypeError", "it has to be made with new")
