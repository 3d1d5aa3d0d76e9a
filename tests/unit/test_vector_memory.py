"""Vectors between memory and the operand stack, in the interpreter: one instruction alone, and in compiled blocks."""

from __future__ import annotations

import subprocess
import sys
from random import Random
from typing import Any

import pytest

from binary_bytes import module, section
from wasmarium.binary.decoder import decode_module
from wasmarium.engines.base import Finished, Raised
from wasmarium.engines.interpreter import Interpreter
from wasmarium.engines.interpreter.blocks import HEAT
from wasmarium.errors import Trap, TrapCode
from wasmarium.instructions.immediates import MemoryArgument
from wasmarium.instructions.table import BY_MNEMONIC
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.linking import instantiate
from wasmarium.runtime.memory import WATCH_SHIFT
from wasmarium.runtime.store import Store
from wasmarium.validation import validate_module

PAGE = 65536
NUMBERS = bytes(range(0xF8, 0x100)) + bytes(range(1, 9))
"""Bytes that are negative, then bytes that are not."""


def code(mnemonic: str, *immediates: Any) -> bytes:
    row = BY_MNEMONIC[mnemonic][0]
    out = bytearray(row.encoded)
    for kind, value in zip(row.immediates, immediates, strict=True):
        kind.write(value, out)
    return bytes(out)


def guest(body: bytes, store: Store | None = None) -> ModuleInstance:
    """Memory "m" of one page, and "f": [i32] -> [v128], whose body this is; parameter 0 is the address."""
    wasm = module(
        section(1, "01 60 01 7f 01 7b"),
        section(3, "01 00"),
        section(5, "01 00 01"),
        section(7, "02 01 6d 02 00 01 66 00 00"),
        section(10, bytes([1, len(body) + 2, 0]) + body + b"\x0b"),
    )
    decoded = decode_module(wasm)
    validate_module(decoded)
    return instantiate(store or Store(), decoded, [], lambda function: None)


def call(instance: ModuleInstance, address: int) -> Any:
    outcome = Interpreter().start(instance.exports["f"], [address]).run()
    if isinstance(outcome, Raised):
        raise outcome.error
    assert isinstance(outcome, Finished)
    return outcome.values[0]


def both(instance: ModuleInstance, address: int) -> Any:
    """What a call gives, the first time and when the block is compiled."""
    results = {call(instance, address) for _ in range(HEAT + 2)}
    assert len(results) == 1
    return results.pop()


def traps(instance: ModuleInstance, address: int) -> bool:
    """Whether a call is out of bounds; if so, it says where."""
    outcome = Interpreter().start(instance.exports["f"], [address]).run()
    if isinstance(outcome, Finished):
        return False
    assert isinstance(outcome, Raised)
    assert isinstance(outcome.error, Trap)
    assert outcome.error.code is TrapCode.MEMORY_OUT_OF_BOUNDS
    assert (outcome.error.frames[0].mnemonic or "").startswith("v128.")
    return True


ADDRESS = code("local.get", 0)
LOADS = {
    "v128.load": NUMBERS,
    "v128.load8x8_s": b"".join(bytes([byte, 0xFF]) for byte in NUMBERS[:8]),
    "v128.load8x8_u": b"".join(bytes([byte, 0]) for byte in NUMBERS[:8]),
    "v128.load16x4_s": b"".join(NUMBERS[i : i + 2] + b"\xff\xff" for i in range(0, 8, 2)),
    "v128.load16x4_u": b"".join(NUMBERS[i : i + 2] + b"\0\0" for i in range(0, 8, 2)),
    "v128.load32x2_s": b"".join(NUMBERS[i : i + 4] + b"\xff" * 4 for i in range(0, 8, 4)),
    "v128.load32x2_u": b"".join(NUMBERS[i : i + 4] + b"\0" * 4 for i in range(0, 8, 4)),
    "v128.load8_splat": NUMBERS[:1] * 16,
    "v128.load16_splat": NUMBERS[:2] * 8,
    "v128.load32_splat": NUMBERS[:4] * 4,
    "v128.load64_splat": NUMBERS[:8] * 2,
    "v128.load32_zero": NUMBERS[:4] + bytes(12),
    "v128.load64_zero": NUMBERS[:8] + bytes(8),
}


@pytest.mark.parametrize("offset", [0, 5])
@pytest.mark.parametrize("mnemonic", LOADS)
def test_loads(mnemonic: str, offset: int) -> None:
    instance = guest(ADDRESS + code(mnemonic, MemoryArgument(0, offset, 0)))
    data = instance.exports["m"].data
    data[37 + offset : 53 + offset] = NUMBERS
    assert both(instance, 37).to_bytes(16, "little") == LOADS[mnemonic]
    last = PAGE - BY_MNEMONIC[mnemonic][0].width - offset
    data[last + offset :] = NUMBERS[: PAGE - last - offset]
    assert call(instance, last).to_bytes(16, "little") == LOADS[mnemonic]
    assert [traps(instance, address) for address in (last, last + 1, PAGE, 2**32 - 1)] == [False, True, True, True]


def test_extending_loads_keep_the_sign_of_each_lane() -> None:
    for mnemonic, width in (("v128.load8x8_s", 1), ("v128.load16x4_s", 2), ("v128.load32x2_s", 4)):
        instance = guest(ADDRESS + code(mnemonic, MemoryArgument(0, 0, 0)))
        instance.exports["m"].data[:8] = b"".join(
            (-1 if i % 2 else 1).to_bytes(width, "little", signed=True) for i in range(8 // width)
        )
        lanes = [(-1 if i % 2 else 1).to_bytes(2 * width, "little", signed=True) for i in range(8 // width)]
        assert both(instance, 0).to_bytes(16, "little") == b"".join(lanes)


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_a_lane_is_loaded_and_the_others_stay(width: int) -> None:
    for lane in range(16 // width):
        vector = bytes(range(0x20, 0x30))
        body = ADDRESS + code("v128.const", int.from_bytes(vector, "little"))
        instance = guest(body + code(f"v128.load{8 * width}_lane", MemoryArgument(0, 3, 0), lane))
        instance.exports["m"].data[43 : 43 + width] = NUMBERS[:width]
        expected = vector[: lane * width] + NUMBERS[:width] + vector[(lane + 1) * width :]
        assert both(instance, 40).to_bytes(16, "little") == expected
        last = PAGE - width - 3
        assert [traps(instance, address) for address in (last, last + 1, 2**32 - 1)] == [False, True, True]


STORES = {"v128.store": (NUMBERS, ())} | {
    f"v128.store{8 * width}_lane": (NUMBERS[lane * width : (lane + 1) * width], (lane,))
    for width, lane in ((1, 9), (2, 5), (4, 2), (8, 1))
}


@pytest.mark.parametrize("watch", [False, True])
@pytest.mark.parametrize("offset", [0, 6])
@pytest.mark.parametrize("mnemonic", STORES)
def test_stores(mnemonic: str, offset: int, watch: bool) -> None:
    content, lane = STORES[mnemonic]
    vector = code("v128.const", int.from_bytes(NUMBERS, "little"))
    store = code(mnemonic, MemoryArgument(0, offset, 0), *lane)
    instance = guest(ADDRESS + vector + store + vector, Store(watch=watch))
    memory = instance.exports["m"]
    assert (memory.written is not None) is watch

    def stored_at(address: int) -> None:
        place = address + offset
        memory.data[:] = b"\xaa" * PAGE
        if watch:
            memory.written[:] = bytes(len(memory.written))
        call(instance, address)
        expected = bytearray(b"\xaa" * PAGE)
        expected[place : place + len(content)] = content
        assert memory.data == expected
        if watch:
            marked = {i for i, mark in enumerate(memory.written) if mark}
            assert marked == {place >> WATCH_SHIFT, place + len(content) - 1 >> WATCH_SHIFT}

    last = PAGE - len(content) - offset
    for _ in range(HEAT // 2):
        for address in (40, 4096 - 1 - offset, last):
            stored_at(address)
        memory.data[:] = bytes(PAGE)
        assert all(traps(instance, address) for address in (last + 1, PAGE - offset, 2**32 - 1))
        assert memory.data == bytes(PAGE)


def test_operands_are_evaluated_in_order_in_compiled_blocks() -> None:
    """Loads feed operations that mention their operands more than once, or in another order."""
    at = [ADDRESS + code("v128.load", MemoryArgument(0, 16 * i, 0)) for i in range(3)]
    body = at[0] + at[1] + at[2] + code("v128.bitselect")
    body += at[1] + code("i8x16.sub") + ADDRESS + code("i32.const", 3) + code("i32.add") + code("i16x8.shl")
    instance = guest(body)
    content = Random(7).randbytes(48)
    instance.exports["m"].data[:48] = content
    instance.exports["m"].data[PAGE - 48 :] = content
    a, b, c = (content[i : i + 16] for i in (0, 16, 32))
    chosen = [x & m | y & ~m & 0xFF for x, y, m in zip(a, b, c, strict=True)]
    difference = bytes((x - y) & 0xFF for x, y in zip(chosen, b, strict=True))
    for address in (0, PAGE - 48):
        count = (address + 3) % 16
        lanes = [int.from_bytes(difference[i : i + 2], "little") << count & 0xFFFF for i in range(0, 16, 2)]
        assert both(instance, address).to_bytes(16, "little") == b"".join(lane.to_bytes(2, "little") for lane in lanes)
    assert traps(instance, PAGE - 47)


@pytest.mark.parametrize(
    ("test", "results"), [("v128.any_true", (0, 1, 1)), ("i8x16.all_true", (0, 0, 1)), ("i64x2.all_true", (0, 0, 1))]
)
def test_tests_of_vectors_as_conditions(test: str, results: tuple[int, ...]) -> None:
    one, other = code("v128.const", 1), code("v128.const", 0)
    body = ADDRESS + code("v128.load", MemoryArgument(0, 0, 0)) + code(test)
    # if (result v128) … else … end
    instance = guest(body + b"\x04\x7b" + one + b"\x05" + other + b"\x0b")
    negated = guest(body + code("i32.eqz") + b"\x04\x7b" + one + b"\x05" + other + b"\x0b")
    for content, result in zip((bytes(16), bytes(15) + b"\1", b"\1" * 16), results, strict=True):
        instance.exports["m"].data[:16] = negated.exports["m"].data[:16] = content
        assert both(instance, 0) == result
        assert both(negated, 0) == 1 - result


@pytest.mark.cpython("starts a fresh Python")
def test_only_modules_with_vectors_load_their_semantics() -> None:
    script = """if True:
        import sys
        from wasmarium.binary.decoder import decode_module
        from wasmarium.engines.interpreter import Interpreter
        from wasmarium.runtime.linking import instantiate
        from wasmarium.runtime.store import Store
        for code in sys.argv[1:]:
            instance = instantiate(Store(), decode_module(bytes.fromhex(code)), [], lambda f: None)
            Interpreter().start(instance.exports["f"], [0]).run()
            print(any(".simd" in name for name in sys.modules))
    """
    head = "0061736d01000000 01 06 01 60 01 7f 01 7f 03 02 01 00 07 05 01 01 66 00 00"
    scalar, vectors = "0a 06 01 04 00 20 00 0b", "0a 0a 01 08 00 20 00 fd 0f fd 53 0b"
    run = subprocess.run(
        [sys.executable, "-c", script, head + scalar, head + vectors],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
    )
    assert run.stdout.split() == ["False", "True"]
