"""Our verdict about a module, what it costs, and whether others agree."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from fuzzing.case import Finding, Report
from fuzzing.differences import explained
from fuzzing.oracles import IN_PROCESS, wasm_tools_verdict, wasmtime_verdict
from text.facts import facts
from wasmarium.binary.decoder import decode_module
from wasmarium.binary.encoder import encode_module
from wasmarium.errors import Invalid, Malformed, Unsupported, WasmError
from wasmarium.features import ALL, Features
from wasmarium.module import Module
from wasmarium.text.parser import parse_module
from wasmarium.text.printer import print_module
from wasmarium.validation import validate_module

SECONDS_PER_MEGABYTE = 3.0
SECONDS = 2.0
"""How long a verdict may take, of CPU: this, and that for every megabyte. Generous, as machines are not alike."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``error`` is None for a valid module. ``module`` is there when it could be decoded."""

    error: WasmError | None
    module: Module | None
    seconds: float


def judge(data: bytes, features: Features) -> Verdict:
    """Decode and validate. Lets through whatever is not a WasmError."""
    began = time.process_time()
    module = None
    error: WasmError | None = None
    try:
        module = decode_module(data, features)
        validate_module(module, features)
    except WasmError as problem:
        error = problem
    return Verdict(error, module, time.process_time() - began)


def check_error(error: WasmError, data: bytes) -> list[Finding]:
    """That an error is of a kind that a module can cause, and says where."""
    findings = []
    if type(error) not in (Malformed, Invalid, Unsupported):
        findings.append(Finding(f"error of type {type(error).__name__}", str(error)))
    offset = error.location.offset
    if offset is None or not 0 <= offset <= len(data):
        findings.append(Finding("error without a place", f"{error!r} at {error.location}"))
    if not error.message or len(str(error)) > 2000:
        findings.append(Finding("error with a message of no use", str(error)[:3000]))
    return findings


def check_verdict(data: bytes, verdict: Verdict, features: Features) -> list[Finding]:
    """That wasm-tools says the same."""
    mine = "" if verdict.error is None else str(verdict.error)
    if features == ALL and bool(wasmtime_verdict(data)) == bool(mine):
        # Where that has no legacy exceptions it can only refuse more.
        return []
    other = wasm_tools_verdict(data, features)
    if bool(other) == bool(mine) or explained("verdict", mine, other, data, features):
        return []
    kind = "accepted, but wasm-tools refuses it" if other else "refused, but wasm-tools accepts it"
    return [Finding(f"{kind}: {stem(other or mine)}", f"ours: {mine or 'valid'}\nwasm-tools: {other or 'valid'}")]


def stem(message: str) -> str:
    """A message without what varies: numbers and places."""
    message = message.partition(" (at ")[0].partition("Caused by:")[2] or message.partition(" (at ")[0]
    return "".join("#" if char.isdigit() else char for char in message).strip()[:80]


def differing(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    """Where two modules' facts differ, "" where they do not."""
    for key, mine in ours.items():
        other = theirs[key]
        if mine != other:
            if isinstance(mine, list) and isinstance(other, list) and len(mine) == len(other):
                index = next(i for i in range(len(mine)) if mine[i] != other[i])
                return f"{key}: entry {index}: {mine[index]!r:.300} and {other[index]!r:.300}"
            return f"{key}: {mine!r:.300} and {other!r:.300}"
    return ""


def check_encoding(module: Module, features: Features) -> list[Finding]:
    """That what is encoded means the same, and is encoded the same again."""
    encoded = encode_module(module)
    second = decode_module(encoded, features)
    if difference := differing(facts(module), facts(second)):
        return [Finding("encoding changes the module", difference)]
    if encode_module(second) != encoded:
        return [Finding("encoding is not stable")]
    return []


def check_printing(module: Module) -> list[Finding]:
    """That what is printed parses to the same module; names, which may be of what does not exist, left out."""
    text = print_module(module)
    try:
        again = decode_module(parse_module(text, features=ALL), ALL)
    except WasmError as error:
        return [Finding("what is printed cannot be parsed", f"{error}\n{_line(text, error)}")]
    if difference := differing({**facts(module), "names": None}, {**facts(again), "names": None}):
        return [Finding("printing and parsing changes the module", difference)]
    return []


def _line(text: str, error: WasmError) -> str:
    lines, line = text.splitlines(), error.location.line
    return lines[line - 1][:300] if line is not None and line <= len(lines) else ""


def check_module(data: bytes, features: Features = ALL, *, text: bool = True) -> Report:
    """All of this about one module. Exceptions that are not ours come out: they are findings too."""
    verdict = judge(data, features)
    findings: list[Finding] = []
    allowed = SECONDS + SECONDS_PER_MEGABYTE * len(data) / 1e6
    if verdict.seconds > allowed:
        findings.append(Finding("slow verdict", f"{verdict.seconds:.1f} s for {len(data)} bytes"))
    if verdict.error is not None:
        findings += check_error(verdict.error, data)
    findings += check_verdict(data, verdict, features)
    counts = {"valid" if verdict.error is None else verdict.error.kind: 1}
    if verdict.module is not None and verdict.error is None:
        findings += check_encoding(verdict.module, features)
        if text:
            findings += check_printing(verdict.module)
    return Report(tuple(findings), tuple(counts.items()))


assert IN_PROCESS < ALL
