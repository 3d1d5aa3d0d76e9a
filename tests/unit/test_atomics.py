"""Atomic accesses, wait and notify in the interpreter (threads proposal)."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from binary_bytes import module, section
from wasmarium.binary.decoder import decode_module
from wasmarium.engines.base import Finished, Outcome, Raised, Suspended
from wasmarium.engines.interpreter import Interpreter
from wasmarium.engines.interpreter.blocks import HEAT
from wasmarium.errors import Trap, TrapCode
from wasmarium.features import ALL
from wasmarium.instructions.immediates import MemoryArgument
from wasmarium.instructions.table import BY_MNEMONIC, INSTRUCTIONS
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.linking import instantiate
from wasmarium.runtime.store import Store
from wasmarium.validation import validate_module

PAGE = 65536
ATOMIC = [row for row in INSTRUCTIONS if row.kind == "atomic"]
MODIFYING = [row for row in ATOMIC if ".rmw" in row.mnemonic]
inside_a_loop = pytest.mark.cpython("Pyodide's event loop runs already")


def guest(mnemonic: str, offset: int = 0, shared: bool = True, watch: bool = False) -> ModuleInstance:
    """Memory "m" of one page, and "f", which is the instruction with its operands as parameters."""
    row = BY_MNEMONIC[mnemonic][0]
    parameters = b"\x7f" + bytes(parameter.code or 0 for parameter in row.parameters)
    results = bytes(result.code or 0 for result in row.results)
    body = b"".join(bytes([0x20, i]) for i in range(len(parameters))) + row.encoded
    out = bytearray()
    row.immediates[0].write(MemoryArgument(row.width.bit_length() - 1, offset, 0), out)
    body += bytes(out) + b"\x0b"
    wasm = module(
        section(1, bytes([1, 0x60, len(parameters)]) + parameters + bytes([len(results)]) + results),
        section(3, "01 00"),
        section(5, "01 03 01 01" if shared else "01 00 01"),
        section(7, "02 01 6d 02 00 01 66 00 00"),
        section(10, bytes([1, len(body) + 1, 0]) + body),
    )
    decoded = decode_module(wasm, ALL)
    validate_module(decoded, ALL)
    return instantiate(Store(watch=watch), decoded, [], lambda function: None)


def start(instance: ModuleInstance, *arguments: int) -> tuple[Any, Outcome]:
    execution = Interpreter().start(instance.exports["f"], arguments)
    return execution, execution.run()


def call(instance: ModuleInstance, *arguments: int) -> Sequence[int]:
    _, outcome = start(instance, *arguments)
    if isinstance(outcome, Raised):
        raise outcome.error
    assert isinstance(outcome, Finished)
    return outcome.values


def code_of(instance: ModuleInstance, *arguments: int) -> TrapCode | None:
    with pytest.raises(Trap) as raised:
        call(instance, *arguments)
    assert raised.value.frames[0].function_index == 0
    assert raised.value.frames[0].mnemonic is not None
    return raised.value.code


@pytest.mark.parametrize("row", ATOMIC, ids=str)
@pytest.mark.parametrize("offset", [0, 3])
def test_what_is_not_aligned_or_not_inside_traps_and_changes_nothing(row: Any, offset: int) -> None:
    instance = guest(row.mnemonic, offset, watch=True)
    memory = instance.exports["m"]
    operands = [0] * len(row.parameters)
    for _ in range(2):
        for address in range(8, 16):
            if (address + offset) % row.width:
                assert code_of(instance, address, *operands) is TrapCode.HEAP_MISALIGNED
        for place in (PAGE, PAGE + 8, 2**32 - 8):
            assert code_of(instance, place - offset, *operands) is TrapCode.MEMORY_OUT_OF_BOUNDS
    assert memory.data == bytes(PAGE)
    assert not any(memory.written)


@pytest.mark.parametrize("row", [row for row in ATOMIC if ".load" in row.mnemonic], ids=str)
def test_loads(row: Any) -> None:
    instance = guest(row.mnemonic, 8)
    instance.exports["m"].data[24:32] = bytes.fromhex("f1f2f3f4f5f6f7f8")
    for _ in range(HEAT + 2):
        assert call(instance, 16) == (int.from_bytes(bytes.fromhex("f1f2f3f4f5f6f7f8")[: row.width], "little"),)


@pytest.mark.parametrize("row", [row for row in ATOMIC if ".store" in row.mnemonic], ids=str)
def test_stores_wrap(row: Any) -> None:
    instance = guest(row.mnemonic, 8, watch=True)
    memory = instance.exports["m"]
    value = 0x1122334455667788 if row.parameters[0].name == "i64" else 0x55667788
    for _ in range(HEAT + 2):
        memory.data[:] = b"\xaa" * PAGE
        memory.written[:] = bytes(len(memory.written))
        assert call(instance, 4096 * 3, value) == ()
        assert memory.data[4096 * 3 + 8 :][:8] == value.to_bytes(8, "little")[: row.width].ljust(8, b"\xaa")
        assert [i for i, mark in enumerate(memory.written) if mark] == [3]


COMPUTE: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "xchg": lambda a, b: b,
}


@pytest.mark.parametrize("row", [row for row in MODIFYING if "cmpxchg" not in row.mnemonic], ids=str)
def test_read_modify_write_gives_what_was_there(row: Any) -> None:
    instance = guest(row.mnemonic, 16, watch=True)
    memory = instance.exports["m"]
    compute = COMPUTE[row.mnemonic.rpartition(".")[2].removesuffix("_u")]
    mask = (1 << 8 * row.width) - 1
    bits = 64 if row.parameters[0].name == "i64" else 32
    for before in (0, 1, mask, 0x8877665544332211 & mask):
        for operand in (1, (1 << bits) - 1, 0xF0E1D2C3B4A59687 % (1 << bits)):
            memory.data[:64] = b"\xaa" * 64
            memory.data[32 : 32 + row.width] = before.to_bytes(row.width, "little")
            assert call(instance, 16, operand) == (before,)
            after = (compute(before, operand) & mask).to_bytes(row.width, "little")
            assert memory.data[:64] == b"\xaa" * 32 + after + b"\xaa" * (32 - row.width)
    assert [i for i, mark in enumerate(memory.written) if mark] == [0]


@pytest.mark.parametrize("row", [row for row in MODIFYING if "cmpxchg" in row.mnemonic], ids=str)
def test_compare_exchange_wraps_both_operands(row: Any) -> None:
    instance = guest(row.mnemonic, watch=True)
    memory = instance.exports["m"]
    bits = 64 if row.parameters[0].name == "i64" else 32
    excess = ((1 << bits) - 1) ^ ((1 << 8 * row.width) - 1)
    before = 0x8877665544332211 & (1 << 8 * row.width) - 1
    memory.data[8 : 8 + row.width] = before.to_bytes(row.width, "little")
    assert call(instance, 8, before ^ 1, 5) == (before,)
    assert not any(memory.written)
    assert memory.data[8 : 8 + row.width] == before.to_bytes(row.width, "little")
    assert call(instance, 8, before | excess, 5 | excess) == (before,)
    assert memory.data[8:16] == (5).to_bytes(row.width, "little").ljust(8, b"\0")
    assert any(memory.written)


def test_fence_does_nothing() -> None:
    wasm = module(
        section(1, "01 60 00 00"),
        section(3, "01 00"),
        section(7, "01 01 66 00 00"),
        section(10, "01 05 00 fe 03 00 0b"),
    )
    decoded = decode_module(wasm, ALL)
    validate_module(decoded, ALL)
    assert call(instantiate(Store(), decoded, [], lambda function: None)) == ()


# ---- wait and notify ----------------------------------------------------------------------------------------------

WAITS = pytest.mark.parametrize("wait", ["memory.atomic.wait32", "memory.atomic.wait64"])
ENDLESS = 2**64 - 1
WOKEN, NOT_EQUAL, TIMED_OUT = 0, 1, 2


@WAITS
def test_wait_on_memory_that_is_not_shared_traps(wait: str) -> None:
    instance = guest(wait, shared=False)
    for expected in (0, 1):
        assert code_of(instance, 0, expected, 0) is TrapCode.ATOMIC_WAIT_NON_SHARED_MEMORY


def test_notify_finds_nobody() -> None:
    for shared in (False, True):
        assert call(guest("memory.atomic.notify", shared=shared), 0, 2**32 - 1) == (0,)


@WAITS
def test_wait_returns_at_once_when_the_value_differs_or_there_is_no_time(wait: str) -> None:
    instance = guest(wait)
    assert call(instance, 8, 1, ENDLESS) == (NOT_EQUAL,)
    assert call(instance, 8, 0, 0) == (TIMED_OUT,)


@inside_a_loop
@WAITS
def test_wait_without_end_traps_where_nobody_could_notify(wait: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # other tests may have left threads behind: servers, the network's own
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert code_of(guest(wait), 0, 0, ENDLESS) is TrapCode.ATOMIC_WAIT_WITHOUT_END


@inside_a_loop
@WAITS
def test_wait_times_out_after_its_time_and_not_before(wait: str) -> None:
    execution, outcome = start(guest(wait), 0, 0, 20_000_000)
    assert isinstance(outcome, Suspended)
    assert execution.frames()[0].frame.mnemonic == wait

    async def answer() -> Any:
        return await outcome.pending.awaitable

    before = time.monotonic()
    execution.resume(outcome.pending.finish(asyncio.run(answer())))
    assert time.monotonic() - before >= 0.02
    assert execution.run() == Finished((TIMED_OUT,))


def notifying(instance: ModuleInstance) -> ModuleInstance:
    """A guest that notifies in the memory of ``instance``."""
    other = guest("memory.atomic.notify")
    other.memories[0] = instance.exports["m"]
    return other


@inside_a_loop
@WAITS
def test_notify_wakes_those_who_wait_there_in_their_order(wait: str) -> None:
    instance = guest(wait)
    notify = notifying(instance)
    ended: list[int] = []

    async def waiting(number: int, address: int) -> int:
        execution, outcome = start(instance, address, 0, ENDLESS)
        assert isinstance(outcome, Suspended)
        execution.resume(outcome.pending.finish(await outcome.pending.awaitable))
        ended.append(number)
        outcome = execution.run()
        assert isinstance(outcome, Finished)
        return outcome.values[0]  # type: ignore[no-any-return]

    async def scene() -> None:
        tasks = [asyncio.ensure_future(waiting(i, address)) for i, address in enumerate((8, 8, 16, 8, 8))]
        await asyncio.sleep(0)
        assert call(notify, 24, 9) == (0,)
        assert call(notify, 8, 0) == (0,)
        assert call(notify, 8, 1) == (1,)
        await asyncio.sleep(0.01)
        assert ended == [0]
        # given up: it counts no more
        tasks[1].cancel()
        await asyncio.sleep(0.01)
        assert call(notify, 8, 2**32 - 1) == (2,)
        assert call(notify, 8, 2**32 - 1) == (0,)
        assert call(notify, 16, 2**32 - 1) == (1,)
        cancelled = tasks.pop(1)
        assert cancelled.cancelled()
        assert await asyncio.gather(*tasks) == [WOKEN] * 4

    asyncio.run(scene())
    assert ended[0] == 0
    assert sorted(ended) == [0, 2, 3, 4]


@inside_a_loop
def test_a_notification_before_the_answer_is_awaited_is_not_lost() -> None:
    instance = guest("memory.atomic.wait32")
    execution, outcome = start(instance, 0, 0, 10**12)
    assert isinstance(outcome, Suspended)
    assert call(notifying(instance), 0, 1) == (1,)

    async def answer() -> Any:
        return await outcome.pending.awaitable

    execution.resume(outcome.pending.finish(asyncio.run(answer())))
    assert execution.run() == Finished((WOKEN,))


def test_a_call_that_was_dropped_waits_no_more() -> None:
    instance = guest("memory.atomic.wait32")
    held = start(instance, 0, 0, 10**12)
    assert isinstance(held[1], Suspended)
    del held
    gc.collect()
    assert call(notifying(instance), 0, 1) == (0,)


def test_the_present_value_is_compared_at_the_width_of_the_wait() -> None:
    instance = guest("memory.atomic.wait32", 4)
    instance.exports["m"].data[:16] = bytes.fromhex("00000000 05000000 ffffffff 00000000")
    assert call(instance, 0, 5, 0) == (TIMED_OUT,)
    assert call(instance, 4, 2**32 - 1, 0) == (TIMED_OUT,)
    assert call(instance, 4, 5, 0) == (NOT_EQUAL,)
