"""The host engine needs a WebAssembly of JavaScript: these tests run inside Pyodide."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from engines_host.stores import new_store
from engines_host.workers import nobody_has_jspi
from wasmarium import Instance, Module

INSIDE = sys.platform == "emscripten"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not INSIDE and "engines_host" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason="the host engine runs in Pyodide only"))


class Host:
    """A store whose guests run on the host."""

    def __init__(self, platform: Any = None) -> None:
        self.store = new_store(platform=platform)
        self.engine = self.store.engine

    def instance(self, wat: str, *imports: Any) -> Instance:
        made = Instance(self.store, Module(self.engine, wat), imports)
        assert made.fallback is None
        return made

    def export(self, wat: str, *imports: Any, name: str = "f") -> Any:
        return self.instance(wat, *imports).exports(self.store)[name]

    def call(self, wat: str, *arguments: Any) -> Any:
        return self.export(wat)(self.store, *arguments)


@pytest.fixture
def without_jspi() -> Iterator[None]:
    with nobody_has_jspi():
        yield


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    with made.store:
        yield made


@pytest.fixture
def new_host() -> type[Host]:
    return Host
