"""C programs that fetch, talk over a WebSocket, and use it as a socket; with and without the grant."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from wasmarium import Config, Engine, ExitTrap, Linker, Module, Policy, Store, WasiConfig

GUESTS = Path(__file__).with_name("guests")
ROOT = Path(__file__).resolve().parents[2]


def module(name: str) -> bytes:
    """The bytes of a program."""
    path = GUESTS / f"{name}.wasm"
    return path.read_bytes() if path.exists() else gzip.decompress(path.with_suffix(".wasm.gz").read_bytes())


def run(
    strategy: str, name: str, *arguments: str, policy: Policy, stdin: bytes = b"", sockets: tuple[str, ...] = ()
) -> tuple[int, str, str]:
    """Status, standard output and standard error of a program."""
    config = Config()
    config.strategy = strategy
    engine = Engine(config)
    linker = Linker(engine)
    linker.define_wasi()
    linker.define_wasmarium()
    stdout, stderr = bytearray(), bytearray()
    wasi = WasiConfig()
    wasi.argv = [name, *arguments]
    wasi.stdin_custom = io.BytesIO(stdin).read
    wasi.stdout_custom = stdout.extend
    wasi.stderr_custom = stderr.extend
    for url in sockets:
        wasi.preopen_websocket(url)
    status = 0
    with Store(engine) as store:
        store.set_policy(policy)
        store.set_wasi(wasi)
        instance = linker.instantiate(store, Module(engine, module(name)))
        start: Any = instance.exports(store)["_start"]
        try:
            start(store)
        except ExitTrap as ended:
            status = ended.code
    return status, stdout.decode(), stderr.decode()


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


def test_a_program_fetches_a_page(servers: Any, strategy: str) -> None:
    policy = Policy(fetch={servers.granted: ("GET",)})
    assert run(strategy, "get", f"{servers.granted}/hello", policy=policy)[:2] == (0, "hello")
    assert run(strategy, "get", f"{servers.granted}/big?n=50000", policy=policy)[:2] == (0, "x" * 50_000)
    assert run(strategy, "get", f"{servers.granted}/nope", policy=policy)[:2] == (3, "no such path")


def test_a_program_is_denied_a_page(servers: Any, strategy: str, key: str) -> None:
    for policy in (Policy(), Policy(fetch={servers.other: None}), Policy(websockets=["*"])):
        status, stdout, stderr = run(strategy, "get", f"{servers.granted}/hello?{key}", policy=policy)
        assert (status, stdout, stderr) == (1, "", "get: Permission denied\n")
    assert servers.hits(key) == []


def test_a_program_talks_over_a_websocket(servers: Any, strategy: str, key: str) -> None:
    url = f"{servers.ws}/echo?{key}"
    granted = Policy(websockets=[url])
    status, stdout, stderr = run(strategy, "echo", url, "one", "zwei", "три", policy=granted)
    assert (status, stdout, stderr) == (0, "one\nzwei\nтри\nclosed 1000\n", "")
    assert [hit["method"] for hit in servers.hits(key)] == ["handshake"]
    assert run(strategy, "echo", url, "one", policy=Policy()) == (1, "", "echo: open: Permission denied\n")
    assert len(servers.hits(key)) == 1


def test_a_program_for_sockets_talks_through_a_gateway(servers: Any, strategy: str) -> None:
    text = "a program that knows nothing of the web\n" * 20
    policy = Policy(websockets=[servers.gateway])
    found = run(strategy, "talk", policy=policy, stdin=text.encode(), sockets=(servers.gateway,))
    assert found == (0, text.upper(), "")


def test_a_program_for_sockets_is_denied(servers: Any, strategy: str, key: str) -> None:
    url = f"{servers.ws}/echo?{key}"
    status, stdout, stderr = run(strategy, "talk", policy=Policy(), stdin=b"x", sockets=(url,))
    assert (status, stdout) == (1, "")
    assert "Permission denied" in stderr
    assert servers.hits(key) == []


LONG = pytest.mark.long("Go's module has 2 MB to be validated")


@pytest.mark.parametrize("strategy", [pytest.param("interpreter", marks=LONG), "host"], indirect=True)
def test_a_program_in_go(servers: Any, strategy: str, key: str) -> None:
    page, url = f"{servers.granted}/hello?{key}", f"{servers.ws}/echo?{key}"
    policy = Policy(fetch={servers.granted: ("GET",)}, websockets=[url])
    found = run(strategy, "both", page, url, "one", "два", policy=policy)
    assert found == (0, "200 hello\necho one\necho два\n", "")
    assert [hit["server"] for hit in servers.hits(key)] == ["granted", "ws"]
    found = run(strategy, "both", page, url, "one", policy=Policy())
    assert found == (0, "open: Permission denied\n" * 2, "")
    assert len(servers.hits(key)) == 2


@pytest.mark.cpython("starts processes")
def test_the_command_line(servers: Any, key: str) -> None:
    def command(*arguments: str, stdin: bytes = b"") -> Any:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        line = [sys.executable, "-m", "wasmarium", "run", *arguments]
        return subprocess.run(line, input=stdin, capture_output=True, env=environment, timeout=120)

    get, talk = str(GUESTS / "get.wasm"), str(GUESTS / "talk.wasm")
    url = f"{servers.granted}/hello?{key}"
    denied = command(get, url)
    assert (denied.returncode, denied.stdout) == (1, b"")
    assert denied.stderr.decode().splitlines() == [
        f"wasmarium: denied fetch GET {url}: allow it with --allow-fetch {servers.granted}, or {servers.granted}=GET",
        "get: Permission denied",
    ]
    assert servers.hits(key) == []
    done = command("--allow-fetch", f"{servers.granted}=GET", get, url)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hello", b"[info] got it\n")
    done = command("--allow-ws", servers.gateway, talk, stdin=b"shout")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"SHOUT", b"")
    done = command("--allow-fetch", "*", "--max-received", "3", get, url)
    assert done.returncode == 1
    assert b"denied network received_bytes: raise --max-received" in done.stderr
