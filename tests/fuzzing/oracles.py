"""What others say: wasm-tools (a program) and wasmtime (in this process, for verdicts much quicker)."""

from __future__ import annotations

import subprocess
from functools import cache

import wasmtime

from wasm_tools import WASM_TOOLS
from wasmarium.features import ALL, Features

WASM_TOOLS_NAMES = {
    "mvp": "floats,gc-types",
    "mutable-globals": "mutable-global",
    "sign-extension": "sign-extension",
    "saturating-float-to-int": "saturating-float-to-int",
    "multi-value": "multi-value",
    "reference-types": "reference-types,call-indirect-overlong",
    "bulk-memory": "bulk-memory,bulk-memory-opt",
}
"""wasm-tools' names of features, where they are not ours."""

IN_PROCESS = ALL - {"legacy-exceptions"}
"""The features that :func:`wasmtime_verdict` has on: all of ours that wasmtime knows."""

_SECONDS = 60


def feature_argument(features: Features) -> str:
    """``features`` as wasm-tools wants to have them."""
    return ",".join(["-all", *(WASM_TOOLS_NAMES.get(name, name) for name in sorted(features))])


def wasm_tools(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the program with ``data`` on its standard input."""
    return subprocess.run([WASM_TOOLS, *arguments], input=data, capture_output=True, timeout=_SECONDS, check=False)


def complaint(error: bytes) -> str:
    """What the program says is wrong, on one line."""
    return " ".join(error.decode("utf-8", "replace").split()).removeprefix("error: ")[:400]


def wasm_tools_verdict(data: bytes, features: Features) -> str:
    """ "" for a valid module, else what is wrong with it."""
    done = wasm_tools("validate", f"--features={feature_argument(features)}", data=data)
    return complaint(done.stderr) or "refused" if done.returncode else ""


def configuration() -> wasmtime.Config:
    """wasmtime with all of :data:`IN_PROCESS`, fuel, and as deterministic as it can be."""
    config = wasmtime.Config()
    for name in (
        "threads tail_call simd relaxed_simd relaxed_simd_deterministic bulk_memory reference_types multi_value "
        "multi_memory memory64 function_references gc exceptions wide_arithmetic custom_page_sizes"
    ).split():
        setattr(config, f"wasm_{name}", True)
    config.consume_fuel = True
    config.shared_memory = True
    config.parallel_compilation = False
    # Memories that take no more of the address space than they need: the process has a limit.
    config.memory_reservation = 0
    config.memory_guard_size = 0
    config.memory_reservation_for_growth = 0
    config.signals_based_traps = False
    return config


@cache
def engine() -> wasmtime.Engine:
    """wasmtime's engine, made once."""
    return wasmtime.Engine(configuration())


def wasmtime_verdict(data: bytes) -> str:
    """As :func:`wasm_tools_verdict` with :data:`IN_PROCESS`, a thousand times as quick."""
    try:
        wasmtime.Module.validate(engine(), data)
    except wasmtime.WasmtimeError as error:
        return str(error)
    return ""


def wasm_tools_parse(text: bytes) -> tuple[bytes, str]:
    """The module that a text is, or b"" and what is wrong with it."""
    done = wasm_tools("parse", "-", data=text)
    return (b"", complaint(done.stderr) or "refused") if done.returncode else (done.stdout, "")


def wat2wasm(text: bytes) -> tuple[bytes, str]:
    """As :func:`wasm_tools_parse`, in this process."""
    try:
        return bytes(wasmtime.wat2wasm(text)), ""
    except wasmtime.WasmtimeError as error:
        return b"", str(error)
