"""Programs in C++ and Zig: standard streams, files, exit status, on both engines."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from wasmarium import Config, Engine, ExitTrap, Linker, Module, Store, WasiConfig

PROGRAMS = Path(__file__).with_name("languages")


@pytest.fixture(params=["interpreter", "host"])
def strategy(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "host" and sys.platform != "emscripten":
        pytest.skip("the host engine runs in Pyodide only")
    return name


class Run:
    """A program that has run; ``files`` is what its directory holds then."""

    def __init__(self, strategy: str, name: str, *arguments: str, stdin: bytes = b"", **files: bytes) -> None:
        config = Config()
        config.strategy = strategy
        engine = Engine(config)
        linker = Linker(engine)
        linker.define_wasi()
        stdout, stderr = bytearray(), bytearray()
        wasi = WasiConfig()
        wasi.argv = [name, *arguments]
        wasi.stdin_custom = io.BytesIO(stdin).read
        wasi.stdout_custom, wasi.stderr_custom = stdout.extend, stderr.extend
        volume = wasi.preopen_memory(files, ".")
        self.status = 0
        with Store(engine) as store:
            store.set_wasi(wasi)
            module = Module.from_file(engine, str(PROGRAMS / f"{name}.wasm"))
            start: Any = linker.instantiate(store, module).exports(store)["_start"]
            try:
                start(store)
            except ExitTrap as ended:
                self.status = ended.code
        self.stdout, self.stderr, self.files = stdout.decode(), stderr.decode(), volume.tree()


# what the same source prints as a program of this machine
COUNTS = "4 the\n2 dog\n1 and\n1 cat\n1 end\n1 runs\n"


def test_cpp(strategy: str) -> None:
    run = Run(strategy, "words", "a", "out", stdin=b"The dog runs\n", a=b"the cat and the Dog\nthe end\n")
    assert (run.status, run.stderr) == (0, "")
    assert run.stdout == f"{COUNTS}6 words\n"
    assert run.files["out"] == COUNTS.encode()


def test_cpp_that_fails(strategy: str) -> None:
    run = Run(strategy, "words", "nothing", "out")
    assert (run.status, run.stdout, run.stderr) == (2, "", "nothing: cannot be read\n")
    assert run.files == {}


def test_zig(strategy: str) -> None:
    run = Run(strategy, "primes", "1000", "primes.txt")
    primes = [n for n in range(2, 1000) if all(n % d for d in range(2, n))]
    text = "".join(f"{prime}\n" for prime in primes).encode()
    assert (run.status, run.stderr) == (0, "")
    assert run.stdout == f"{len(primes)} primes below 1000, {len(text)} bytes\n"
    assert run.files == {"primes.txt": text}


def test_zig_that_fails(strategy: str) -> None:
    run = Run(strategy, "primes", "x", "primes.txt")
    assert (run.status, run.stdout) == (1, "")
    assert run.stderr == "error: InvalidCharacter\n"
