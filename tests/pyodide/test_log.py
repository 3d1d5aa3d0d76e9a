"""A guest's log on the console of a browser; in Node on standard error, as its console is standard output."""

from __future__ import annotations

import sys
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "emscripten", reason="the console is JavaScript's")


def test_levels_and_groups(capfd: Any, monkeypatch: Any) -> None:
    import js
    from pyodide.ffi import create_proxy

    from wasmarium.bridge import platform
    from wasmarium.bridge.browser.network import on_node

    said: list[tuple[str, ...]] = []
    methods = ("debug", "info", "warn", "error", "group", "groupEnd")
    before = {method: getattr(js.console, method) for method in methods}
    proxies = {method: create_proxy(lambda *words, method=method: said.append((method, *words))) for method in methods}
    try:
        for method, proxy in proxies.items():
            setattr(js.console, method, proxy)
        log = platform().log()
        for level in ("trace", "debug", "info", "warning", "error"):
            log.write(level, f"100 % {level}")
        log.begin_group("inner")
        log.end_group()
    finally:
        for method, function in before.items():
            setattr(js.console, method, function)
        for proxy in proxies.values():
            proxy.destroy()
    if on_node():
        assert said == []
        assert "[warning] 100 % warning\n" in capfd.readouterr().err
        return
    assert said == [
        ("debug", "%s", "100 % trace"),
        ("debug", "%s", "100 % debug"),
        ("info", "%s", "100 % info"),
        ("warn", "%s", "100 % warning"),
        ("error", "%s", "100 % error"),
        ("group", "%s", "inner"),
        ("groupEnd",),
    ]
