"""Modules that ask for too much: each is taken or refused with one error of ours, in bounded time and memory.

What decoding alone has to bear is in ``test_binary_hostile``, texts are in ``test_text_hostile``.
"""

from __future__ import annotations

import pytest

from hostile import NOTHING, PREAMBLE, body, bounded, module, s, section, u, vector
from wasmarium.binary.decoder import decode_module
from wasmarium.engines.base import Finished, OutOfFuel, Raised
from wasmarium.engines.interpreter import Interpreter, machine
from wasmarium.errors import Exhausted, Invalid, Malformed, Trap, TrapCode, Unsupported, WasmError
from wasmarium.features import ALL
from wasmarium.module import Module
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.limits import ResourceLimits
from wasmarium.runtime.linking import instantiate
from wasmarium.runtime.store import Store
from wasmarium.validation import validate_module

SECONDS = 15.0
"""Everything here takes about one on CPython; inside Pyodide and on a busy machine it is more."""

END, DROP, I32 = b"\x0b", b"\x1a", b"\x7f"
ONE = b"\x41\x01"
LOCAL = b"\1\2\x7f"  # two locals of i32
# i = i + 1; again while i < 200: enough for the engine to compile what is around it
AGAIN = b"\x20\0\x41\1\x6a\x22\0\x41\xc8\1\x48\x0d\0"
MILLION = 1_000_000
WIDE = b"\x5f" + u(10_000) + b"\x7f\0" * 10_000


def load(data: bytes) -> Module:
    decoded = decode_module(data, ALL)
    validate_module(decoded, ALL)
    return decoded


def make(data: bytes, limits: ResourceLimits | None = None, fuel: int | None = 300_000) -> machine.Machine:
    """The start of a call of "f"."""
    instance = instantiate(Store(limits, fuel), load(data), [], lambda function: None)
    function = instance.exports["f"]
    assert isinstance(function, FunctionInstance)
    execution = Interpreter().start(function, ())
    assert isinstance(execution, machine.Machine)
    return execution


def trap_of(outcome: object) -> TrapCode | None:
    assert isinstance(outcome, Raised)
    assert isinstance(outcome.error, Trap)
    return outcome.error.code


# ---- valid, whatever the size ----


def nested(opening: bytes, depth: int) -> bytes:
    return body(opening * depth + END * depth + END)


VALID = {
    "blocks in blocks": module(nested(b"\x02\x40", 5_000)),
    "ifs in ifs": module(nested(ONE + b"\x04\x40", 5_000)),
    "loops in loops": module(nested(b"\x03\x40", 15_000)),
    "handlers in handlers": module(nested(b"\x1f\x40\0", 5_000)),
    "a handler of many clauses": module(body(b"\x1f\x40" + u(5_000) + b"\x02\0" * 5_000 + END + END)),
    "a branch table": module(body(b"\x41\0\x0e" + u(100_000) + b"\0" * 100_001 + END)),
    "50,000 locals in each of many functions": module(*[body(END, b"\1" + u(50_000) + I32)] * 2000),
    "a high stack": module(body(ONE * 50_000 + DROP * 50_000 + END)),
    "blocks of one instruction": module(body(b"\x41\0\x0d\0" * 10_000 + END)),
    "a thousand operands, again and again": module(
        body(ONE * 1000 + b"\x02\1" * 2000 + END * 2000 + DROP * 1000 + END),
        types=(NOTHING, b"\x60" + u(1000) + I32 * 1000 + u(1000) + I32 * 1000),
    ),
    "branches with a thousand operands": module(
        body(ONE * 1000 + b"\x02\1" + b"\x41\0\x0d\0" * 2000 + END + DROP * 1000 + END),
        types=(NOTHING, b"\x60" + u(1000) + I32 * 1000 + u(1000) + I32 * 1000),
    ),
    "code out of reach": module(body(b"\0" + b"\x6a" * 10_000 + DROP + END)),
    "casts": module(body(b"\x02\x63\x6e\xd0\x6e" + b"\xfb\x18\3\0\x6e\x6e" * 3_000 + END + DROP + END)),
    "references": module(body(b"\xd2\0\x1a" * 5_000 + END)),
    "globals of globals": PREAMBLE
    + section(6, vector([b"\x7f\0\x41\0\x0b", *(b"\x7f\0\x23" + u(i) + END for i in range(5_000))])),
    "a long constant": PREAMBLE + section(6, b"\1\x7f\0\x41\0" + b"\x41\1\x6a" * 5_000 + END),
    "a constant with a high stack": PREAMBLE + section(6, b"\1\x7f\0" + b"\x41\0" * 5_000 + b"\x6a" * 4_999 + END),
    "many element expressions": PREAMBLE + section(9, b"\1\5\x70" + u(5_000) + b"\xd0\x70\x0b" * 5_000),
    "a big data segment": PREAMBLE + section(11, b"\1\1" + u(20 * MILLION) + bytes(20 * MILLION)),
    "a group of many types": PREAMBLE + section(1, b"\1\x4e" + vector([NOTHING] * 5_000)),
    "a group that refers all over itself": PREAMBLE
    + section(1, b"\1\x4e" + vector([b"\x5f\1\x63" + s(i * 7919 % 5_000) + b"\0" for i in range(5_000)])),
    "the same big group twice": PREAMBLE
    + section(
        1,
        b"\2"
        + b"".join(
            b"\x4e" + vector([b"\x5f\1\x63" + s(base + (i + 1) % 3_000) + b"\0" for i in range(3_000)])
            for base in (0, 3_000)
        ),
    ),
    "types that go deep": PREAMBLE
    + section(1, vector([b"\x5f\0", *(b"\x5f\1\x63" + s(i) + b"\0" for i in range(5_000))])),
    # Compared field by field all the way down, these would take 2^2500 steps.
    "subtypes whose fields are subtypes": PREAMBLE
    + section(
        1,
        vector(
            [b"\x50\0\x5f\0", b"\x50\1\0\x5f\0"]
            + [
                part
                for i in range(0, 5_000, 2)
                for part in (
                    b"\x50\0\x5f\2" + (b"\x63" + s(i) + b"\0") * 2,
                    b"\x50\1" + u(i + 2) + b"\x5f\2" + (b"\x63" + s(i + 1) + b"\0") * 2,
                )
            ]
        ),
    ),
    "wide structs below one another": PREAMBLE + section(1, vector([b"\x50\0" + WIDE, *[b"\x50\1\0" + WIDE] * 3])),
}


@pytest.mark.parametrize("name", VALID)
def test_big_but_valid(name: str) -> None:
    data = VALID[name]
    with bounded(SECONDS, 20 + 300 * len(data) / 1e6):
        load(data)


@pytest.mark.cpython("as large as they come; the same, smaller, runs everywhere")
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(module(nested(b"\x02\x40", 200_000)), id="200,000 blocks"),
        pytest.param(module(body(b"\x41\0\x0e" + u(MILLION) + b"\0" * (MILLION + 1) + END)), id="a million labels"),
        pytest.param(module(body(b"\x41\1\x1a" * 1_700_000 + END)), id="a body of five megabytes"),
        pytest.param(module(body(ONE * 900_000 + DROP * 900_000 + END)), id="900,000 operands"),
        pytest.param(module(*[body(END)] * 300_000), id="300,000 functions"),
    ],
)
def test_as_large_as_they_come(data: bytes) -> None:
    with bounded(SECONDS):
        execution = make(data, fuel=5000)
        outcome = execution.run()
    assert isinstance(outcome, Finished | OutOfFuel)


@pytest.mark.cpython("as large as they come; the same, smaller, runs everywhere")
def test_a_million_blocks_in_blocks_are_valid() -> None:
    data = module(nested(b"\x02\x40", MILLION))
    with bounded(SECONDS):
        load(data)


# ---- refused ----

REFUSED = {
    "too many locals": (module(body(END, b"\1" + u(50_001) + I32)), Invalid, "too many locals"),
    "2^32 locals": (module(body(END, b"\2" + (u(2**31) + I32) * 2)), Malformed, "too many locals"),
    "too high a stack": (
        module(
            body(b"\x10\1" * 1001 + END),
            body(ONE * 1000 + END),
            types=(NOTHING, b"\x60\0" + u(1000) + I32 * 1000),
            functions=(0, 1),
        ),
        Invalid,
        "operand stack too deep",
    ),
    "too many parameters": (PREAMBLE + section(1, b"\1\x60" + u(1001) + I32 * 1001 + b"\0"), Invalid, "too many"),
    "too deep a chain of supertypes": (
        PREAMBLE + section(1, vector([b"\x50\0\x5f\0", *(b"\x50\1" + u(i) + b"\x5f\0" for i in range(5_000))])),
        Invalid,
        "more than 63 super types",
    ),
    "too large a memory": (PREAMBLE + section(5, b"\1\0" + u(65537)), Invalid, "memory size"),
    "more functions than there are bytes": (PREAMBLE + section(3, u(2**32 - 1)), Malformed, "length out of bounds"),
    "more labels than there are bytes": (module(body(b"\x41\0\x0e" + u(2**32 - 1) + END)), Malformed, "length"),
    "more clauses than there are bytes": (module(body(b"\x1f\x40" + u(2**32 - 1) + END)), Malformed, "length"),
    "a number without end": (module(body(b"\x41" + b"\x80" * 100_000 + END)), Malformed, "too long"),
    "blocks that stay open": (module(body(b"\x02\x40" * 50_000 + END)), Malformed, "END opcode expected"),
    "ends of nothing": (module(body(END * 50_000)), Malformed, "end"),
    "a branch too far out": (module(body(b"\x0c" + u(2**32 - 1) + END)), Invalid, "unknown label"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    data, kind, message = REFUSED[name]
    with bounded(SECONDS, 60), pytest.raises(WasmError, match=message) as caught:
        load(data)
    assert type(caught.value) is kind
    assert caught.value.location.offset is not None
    assert len(str(caught.value)) < 400


# ---- what an instance would need ----


def declares(number: int, *entries: bytes) -> bytes:
    return PREAMBLE + section(number, vector(entries))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(declares(5, b"\0" + u(65536)), id="a memory of 4 GiB"),
        pytest.param(declares(5, b"\4" + u(1 << 47)), id="a memory of 2^63 bytes"),
        pytest.param(declares(5, *[b"\0" + u(8)] * 10_000), id="many memories"),
        pytest.param(declares(5, *[b"\0" + u(0)] * 10_001), id="too many memories"),
        pytest.param(declares(4, b"\x70\0" + u(2**32 - 1)), id="a table of 2^32 - 1"),
        pytest.param(declares(4, b"\x70\4" + u(2**64 - 1)), id="a table of 2^64 - 1"),
        pytest.param(declares(4, *[b"\x70\0" + u(100_000)] * 10_000), id="many tables"),
    ],
)
def test_too_much_to_instantiate(data: bytes) -> None:
    decoded = load(data)
    limits = ResourceLimits(memory_bytes=1 << 24, total_bytes=1 << 25)
    with bounded(SECONDS, 45), pytest.raises(Exhausted):
        instantiate(Store(limits), decoded, [], None)


def test_arrays_of_constants_without_bounds() -> None:
    content = b"\x6a\0\x41\0\x41" + s(2**31 - 1) + b"\xfb\x06\0\x0b"
    data = PREAMBLE + section(1, b"\1\x5e\x7f\1") + section(6, vector([content] * 1000))
    with bounded(SECONDS, 20), pytest.raises(Trap) as caught:
        instantiate(Store(), load(data), [], None)
    assert caught.value.code is TrapCode.ALLOCATION_TOO_LARGE


# ---- running ----

GROWS = {
    "memory.grow without end": module(body(b"\x03\x40\x41\1\x40\0\x1a\x0c\0\x0b\x0b"), memories=b"\1\0\0"),
    "memory.grow by everything": module(body(b"\x03\x40\x41\x80\x80\x04\x40\0\x1a\x0c\0\x0b\x0b"), memories=b"\1\0\0"),
    "table.grow without end": module(
        body(b"\x03\x40\xd0\x70\x41\xe4\0\xfc\x0f\0\x1a\x0c\0\x0b\x0b"), tables=b"\1\x70\0\0"
    ),
    "table.grow by 2^32 - 1": module(
        body(b"\x03\x40\xd0\x70\x41\x7f\xfc\x0f\0\x1a\x0c\0\x0b\x0b"), tables=b"\1\x70\0\0"
    ),
}


@pytest.mark.parametrize("name", GROWS)
def test_growing_ends(name: str) -> None:
    limits = ResourceLimits(memory_bytes=1 << 24, table_elements=MILLION, total_bytes=1 << 24)
    with bounded(SECONDS, 45):
        execution = make(GROWS[name], limits, fuel=20_000)
        outcome = execution.run()
    assert isinstance(outcome, OutOfFuel)
    assert limits.taken <= limits.total_bytes


def test_arrays_that_keep_one_another_end() -> None:
    # a = array.new(a, 100,000), for ever
    data = module(
        body(b"\x03\x40\x20\0\x41\xa0\x8d\6\xfb\x06\1\x21\0\x0c\0\x0b\x0b", b"\1\1\x63\1"),
        types=(NOTHING, b"\x5e\x63\1\1"),
    )
    limits = ResourceLimits(total_bytes=1 << 25)
    with bounded(SECONDS, 45):
        assert trap_of(make(data, limits).run()) is TrapCode.ALLOCATION_TOO_LARGE


RUNS = {
    "a recursion without end": (module(body(b"\x10\0\x0b")), TrapCode.STACK_OVERFLOW),
    "a recursion with 49,000 locals": (
        module(body(b"\x10\0\x0b", b"\1" + u(49_000) + I32)),
        TrapCode.STACK_OVERFLOW,
    ),
    "a throw through 5,000 handlers": (
        module(body(b"\x1f\x40\0" * 5_000 + b"\x08\0" + END * 5_000 + END), tags=b"\1\0\0"),
        None,
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_running_ends(name: str) -> None:
    data, code = RUNS[name]
    with bounded(SECONDS, 200):
        outcome = make(data, fuel=None).run()
    if code is not None:
        assert trap_of(outcome) is code
    else:
        assert isinstance(outcome, Raised)


ENDLESS = {
    "a loop": module(body(b"\x03\x40\x0c\0\x0b\x0b")),
    "tail calls": module(body(b"\x12\0\x0b")),
    "throws that are caught": module(body(b"\x03\x40\x1f\x40\1\2\0\x08\0\x0b\x0c\0\x0b\x0b"), tags=b"\1\0\0"),
    "structs": module(
        body(b"\x03\x40\xfb\1\1\x1a\x0c\0\x0b\x0b"),
        types=(NOTHING, b"\x5f\1\x7f\1"),
    ),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_fuel_ends_what_has_no_end(name: str) -> None:
    with bounded(SECONDS, 10):
        execution = make(ENDLESS[name], fuel=20_000)
        outcome = execution.run()
    assert isinstance(outcome, OutOfFuel)
    assert 19_000 < execution.executed <= 20_000


def test_a_start_function_without_end_stops_when_its_fuel_is_used_up() -> None:
    decoded = load(module(body(b"\x03\x40\x0c\0\x0b\x0b"), start=b"\0"))
    outcomes = []
    instantiate(Store(fuel=5000), decoded, [], lambda start: outcomes.append(Interpreter().start(start, ()).run()))
    assert outcomes == [OutOfFuel()]


HOT = {
    "a long body": b"\x20\1\x41\1\x6a\x21\1" * 5000,
    "a chain of operators": b"\x20\1" + b"\x41\1\x6a" * 5000 + b"\x21\1",
    "a high stack": b"\x20\1" * 5000 + b"\x6a" * 4999 + b"\x21\1",
    "reads that wait while their variable is set": b"\x23\0" * 1000 + b"\x41\0\x24\0" * 1000 + DROP * 1000,
    "locals that wait while they are set": b"\x20\1" * 1000 + b"\x41\0\x21\1" * 1000 + DROP * 1000,
    "a branch table": b"\x02\x40\x41\0\x0e" + u(50_000) + b"\0" * 50_001 + END,
    "choices of choices": b"\x41\1" + b"\x41\2\x41\3\x1b" * 3000 + DROP,
}


@pytest.mark.parametrize("name", HOT)
def test_compiling_stays_linear(name: str) -> None:
    data = module(body(b"\x03\x40" + HOT[name] + AGAIN + END + END, LOCAL), globals=b"\1\x7f\1\x41\0\x0b")
    with bounded(SECONDS):
        outcome = make(data, fuel=None).run()
    assert isinstance(outcome, Finished)


def test_names_that_claim_too_much_are_left_out() -> None:
    huge = section(0, b"\4name\1" + u(100_000) + u(2**32 - 1) + bytes(99_000))
    data = module(body(b"\0\x0b"), customs=huge)
    with bounded(SECONDS, 30):
        outcome = make(data).run()
    assert trap_of(outcome) is TrapCode.UNREACHABLE
    assert isinstance(outcome, Raised)
    assert "  0: f, instruction 0 unreachable" in str(outcome.error)


def test_limits_are_told_apart_from_faults() -> None:
    data = PREAMBLE + section(1, u(1_000_001) + b"\x4e\0" * 1_000_001)
    with bounded(SECONDS, 10), pytest.raises(Unsupported, match="too many types"):
        load(data)
