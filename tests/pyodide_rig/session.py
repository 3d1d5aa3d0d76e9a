"""A Pyodide in Node or in a browser with the checkout's wheel, tests and shared data in it."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import io
import json
import os
import shutil
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from pytest_pyodide.config import get_global_config
from pytest_pyodide.fixture import _get_runner_cls
from pytest_pyodide.server import DefaultHandler

from shared_data import shared_root

# what Node has, and the bridge uses, but the driver leaves out of the world it makes
NODE_GLOBALS = ("performance", "crypto", "SharedArrayBuffer", "Atomics", "WebSocket", "ReadableStream")

# A browser that looks for nothing outside this machine, also as root and with a small /dev/shm.
CHROMIUM_FLAGS = [
    "--js-flags=--expose-gc",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# One test file may take this long inside Pyodide, in seconds.
FILE_TIMEOUT = 600


class _Handler(DefaultHandler):  # type: ignore[misc]
    """Serves pytest-pyodide's page and Pyodide itself, and below /ship/ what a session needs."""

    def __init__(self, *args: Any, ship: str, **kwargs: Any) -> None:
        self.ship = ship
        super().__init__(*args, **kwargs)

    def translate_path(self, path: str) -> str:
        if path.startswith("/ship/"):
            return str(Path(self.ship, path.removeprefix("/ship/")))
        return str(super().translate_path(path))

    def end_headers(self) -> None:
        # a page has shared memory, and can send it to workers, only where nothing of another origin gets in unasked
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *args: object) -> None:
        pass


class PyodideSession:
    """Starts Pyodide on construction; `close` ends everything that was started."""

    def __init__(self, config: pytest.Config, runtime: str) -> None:
        self._root = config.rootpath
        self._offered = 0
        self._closers = contextlib.ExitStack()
        try:
            self._start(config, runtime)
        except BaseException:
            self.close()
            raise

    def _start(self, config: pytest.Config, runtime: str) -> None:
        dist = Path(config.option.dist_dir).resolve()
        if not (dist / "pyodide.mjs").exists():
            raise pytest.UsageError(f"no Pyodide in {dist}: run `npm run build -- tests`")
        self._ship = tempfile.mkdtemp(prefix="wasmarium-ship-")
        self._closers.callback(shutil.rmtree, self._ship, ignore_errors=True)
        handler = functools.partial(_Handler, ship=self._ship, directory=str(dist))
        # in a thread: a forked server would hold Playwright's pipes open and keep the run from ending
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        self._closers.callback(thread.join)
        self._closers.callback(server.server_close)
        self._closers.callback(server.shutdown)

        runner_name = config.option.runner.lower()
        browsers = self._browsers(runtime) if runner_name == "playwright" and runtime != "node" else None
        get_global_config().set_flags("chrome", CHROMIUM_FLAGS)
        get_global_config().add_node_extra_globals(NODE_GLOBALS)
        runner = _get_runner_cls(runtime, runner_name, False)
        runner.script_timeout = FILE_TIMEOUT
        self._runner = runner(
            server_port=server.server_address[1],
            server_hostname="127.0.0.1",
            load_pyodide=True,
            browsers=browsers,
            dist_dir=dist,
        )
        self._closers.callback(self._runner.quit)
        if runtime == "node":
            # Its terminal gives up after a minute of its own, whatever the script may take.
            self._runner.p.timeout = FILE_TIMEOUT
        self._install()

    def _browsers(self, runtime: str) -> dict[str, Any]:
        from playwright.sync_api import sync_playwright

        playwright = self._closers.enter_context(sync_playwright())
        browser = {"chrome": playwright.chromium, "firefox": playwright.firefox}[runtime].launch(
            args=CHROMIUM_FLAGS if runtime == "chrome" else [],
            executable_path=os.environ.get({"chrome": "CHROMIUM", "firefox": "FIREFOX"}[runtime]),
            # Playwright's own way is for a Firefox of its own; this is that for any (and works up to 1.63)
            channel="moz-firefox" if runtime == "firefox" else None,
        )
        self._closers.callback(browser.close)
        return {runtime: browser}

    def _install(self) -> None:
        """Puts the wheel and the test tree into Pyodide."""
        wheels = sorted((self._root / "dist").glob("*.whl"))
        if len(wheels) != 1:
            raise pytest.UsageError(f"dist/ must hold one wheel, not {len(wheels)}: run `npm run build -- wheel`")
        shutil.copy(wheels[0], self._ship)
        tests = self._root / "tests"
        files = [file for file in tests.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
        wanted = [file for file in files if file.relative_to(tests).parts[0] != "web"]
        self.unpack(self._root, [self._root / "pyproject.toml", *wanted], "/repo")
        self._runner.run_async(
            "import micropip, os, sys\n"
            "await micropip.install(['pytest', 'hypothesis'])\n"
            f"await micropip.install('{self._runner.base_url}/ship/{wheels[0].name}')\n"
            "os.chdir('/repo')\n"
            "os.environ['WASMARIUM_SHARED'] = '/shared'\n"
            f"os.environ['WASMARIUM_TESTS'] = {os.environ.get('WASMARIUM_TESTS', '')!r}\n"
            f"os.environ['WASMARIUM_WAITING'] = {os.environ.get('WASMARIUM_WAITING', '')!r}\n"
            "sys.path[:0] = ['/repo/tests']\n"
            "sys.dont_write_bytecode = True\n"
        )

    def _offer(self, data: bytes, suffix: str) -> str:
        """Returns an address of the data; never the same twice, as a browser keeps what it fetched."""
        self._offered += 1
        name = f"{self._offered}{suffix}"
        Path(self._ship, name).write_bytes(data)
        return f"{self._runner.base_url}/ship/{name}"

    def unpack(self, base: Path, files: Iterable[Path], into: str) -> None:
        """Copies files into Pyodide, below `into` as they lie below `base`."""
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:
            for file in files:
                archive.write(file, str(file.relative_to(base)))
        address = self._offer(data.getvalue(), ".zip")
        self._runner.run_js(
            f"const got = await fetch('{address}');\n"
            f"pyodide.FS.mkdirTree('{into}');\n"
            f"pyodide.unpackArchive(await got.arrayBuffer(), 'zip', {{extractDir: '{into}'}});"
        )

    def ship_shared(self, folder: str) -> None:
        """Copies one folder of the shared test data to /shared, if there is one."""
        root = shared_root()
        self.unpack(root, [file for file in (root / folder).rglob("*") if file.is_file()], "/shared")

    def start_servers(self) -> None:
        """Starts the servers that network tests talk to, and tells the tests where they are."""
        from network.servers import Servers

        servers = Servers()
        self._closers.callback(servers.close)
        addresses = json.dumps(servers.addresses)
        self._runner.run_async(f"import os\nos.environ['WASMARIUM_SERVERS'] = {addresses!r}\n")

    def offer_packages(self) -> None:
        """Lays out the packages that were fetched as an index for micropip, and tells the tests where it is."""
        from dependents.packages import store, write_index

        wheels = sorted(store().glob("*.whl"))
        if wheels:
            write_index(wheels, Path(self._ship, "index"))
            address = f"{self._runner.base_url}/ship/index/{{package_name}}/"
            self._runner.run_async(f"import os\nos.environ['WASMARIUM_INDEX'] = {address!r}\n")

    def run(self, arguments: list[str]) -> tuple[list[dict[str, Any]], str]:
        """Runs one pytest session inside; returns its reports, serialised, and what it printed."""
        address = self._offer(json.dumps(arguments).encode(), ".json")
        packed: str = self._runner.run_async(
            "from js import fetch\n"
            "from pyodide_rig.inside import run\n"
            f"got = await fetch('{address}')\n"
            "run(await got.text())\n"
        )
        reports, printed = json.loads(zlib.decompress(base64.b64decode(packed)))
        return reports, printed

    def close(self) -> None:
        self._closers.close()
