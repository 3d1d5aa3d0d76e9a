"""The servers: started here on CPython, by the rig where the tests run inside Pyodide."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from network.guest import Guest

INSIDE = sys.platform == "emscripten"
VARIABLE = "WASMARIUM_SERVERS"


class Place:
    """Where the servers are, and what they have seen."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self.granted = addresses["granted"]
        self.other = addresses["other"]
        self.ws = addresses["ws"]
        self.gateway = addresses["gateway"]

    def hits(self, key: str) -> list[dict[str, Any]]:
        """What arrived with ``key`` in its address, at any server."""
        return [hit for hit in json.loads(self._get(f"{self.granted}/log")) if key in hit["path"]]

    def _get(self, url: str) -> bytes:
        if not INSIDE:
            with urllib.request.urlopen(url) as answer:
                content: bytes = answer.read()
                return content
        from pyodide.ffi import run_sync
        from pyodide.http import pyfetch

        async def get() -> bytes:
            found: bytes = await (await pyfetch(url, cache="no-store")).bytes()
            return found

        return run_sync(get())  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def servers() -> Iterator[Place]:
    """The servers, on this machine."""
    if VARIABLE in os.environ:
        yield Place(json.loads(os.environ[VARIABLE]))
        return
    from network.servers import Servers

    started = Servers()
    yield Place(started.addresses)
    started.close()


@pytest.fixture(params=["interpreter", "host"])
def strategy(request: pytest.FixtureRequest) -> str:
    """An engine; the host engine where there is one."""
    name: str = request.param
    if name == "host" and not INSIDE:
        pytest.skip("the host engine runs in Pyodide only")
    return name


@pytest.fixture
def new_guest(strategy: str) -> Iterator[Callable[..., Guest]]:
    """Makes guests of ``strategy``, which end with the test."""
    made: list[Guest] = []

    def make(*arguments: Any, **named: Any) -> Guest:
        made.append(Guest(strategy, *arguments, **named))
        return made[-1]

    yield make
    for guest in made:
        guest.store.close()
