"""Imports of Go's programs, for which JavaScript carries frames and what is in them: as on the interpreter, and as
where nothing is carried, with good operands and bad."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest

from wasmarium import Config, Engine, ExitTrap, Linker, Memory, Module, Store, Trap, WasiConfig, WasmtimeError, run_gojs
from wasmarium.gojs import SIGNATURES, World, heap, host_functions
from wasmarium.runtime.memory import MemoryInstance

SIZE = 65_536
SHORT = {name.rpartition(".")[2]: name for name in SIGNATURES}
TEXTS = (
    *(b"Uint8Array", b"Object", b"Array", b"fs", b"toString", b"length", b"process", b"cwd", b"constants", b"O_RDWR"),
    *(b"_makeFuncWrapper", b"_pendingEvent", b"args", b"message", b"x", b"exit", b"path", b"resolve", b"argv0"),
    *(
        b"\xff\xfe",
        b"a\x80b",
        "ü€😀".encode(),
        "ü€😀".encode()[:-1],
        b"\xed\xa0\x80",
        b"",
        b"a rather longer name than most",
    ),
)
AT = 2000


def guest(more: str = "") -> str:
    """Exports every import under the last part of its name."""
    imports = "".join(f'(import "gojs" "{name}" (func $i{short} (param i32)))' for short, name in SHORT.items())
    functions = "".join(f'(func (export "{short}") (param i32) (call $i{short} (local.get 0)))' for short in SHORT)
    return f'(module {imports} (memory (export "mem") 1) {functions} {more})'


def reference(number: int, kind: int = 1) -> int:
    """How Go writes a reference."""
    return number | (0x7FF8_0000 | kind) << 32


UNDEFINED, NULL, GLOBAL, GO = 0, reference(2, 0), reference(5), reference(6)


class Program:
    """A guest whose imports are called one by one. ``way``: interpreter, host, or plain, which is the host without
    carrying."""

    def __init__(self, way: str, more: str = "", **streams: Any) -> None:
        config = Config()
        config.strategy = "interpreter" if way == "interpreter" else "host"
        engine = Engine(config)
        linker = Linker(engine)
        linker.define_gojs()
        self.store = Store(engine)
        wasi = WasiConfig()
        for name, value in streams.items():
            setattr(wasi, name, value)
        self.store.set_wasi(wasi)
        self.instance = linker.instantiate(self.store, Module(engine, guest(more)))
        assert self.instance.fallback is None
        self.exports = self.instance.exports(self.store)
        memory = self.exports["mem"]
        assert isinstance(memory, Memory)
        self.memory = memory
        if way == "plain":
            self.bare.watch()
        self.places: dict[bytes, int] = {}
        at = AT
        for text in TEXTS:
            self.memory.write(self.store, text, at)
            self.places[text] = at
            at += len(text) + 1
        self.new_world()

    @property
    def bare(self) -> MemoryInstance:
        memory = self.instance._instance.exports["mem"]
        assert isinstance(memory, MemoryInstance)
        return memory

    def new_world(self) -> None:
        assert self.store._wasi is not None
        self.world = World(self.store._wasi, None, self.store._runtime.limits)
        self.store._run_gojs(host_functions(self.world))

    def put(self, address: int, *words: int) -> None:
        for word in words:
            if 0 <= address <= SIZE - 8:
                self.memory.write(self.store, (word & (1 << 64) - 1).to_bytes(8, "little"), address)
            address += 8

    def __call__(self, name: str, *operands: int, sp: int = 1000) -> str:
        """Call an import with these words above ``sp``; what it traps with."""
        self.put(sp + 8, *operands)
        function: Any = self.exports[name]
        try:
            function(self.store, sp)
        except Trap as trap:
            return trap.message
        except ExitTrap as ended:
            return f"exit {ended.code}"
        return ""

    def word(self, address: int) -> int:
        return int.from_bytes(self.memory.read(self.store, address, address + 8), "little")

    def content(self) -> bytes:
        return bytes(self.memory.read(self.store, 0, SIZE))

    def text(self, text: bytes) -> tuple[int, int]:
        return self.places[text], len(text)

    def get(self, owner: int, name: bytes) -> int:
        """A property."""
        assert self("valueGet", owner, *self.text(name)) == ""
        return self.word(1032)

    def new_bytes(self, length: int) -> int:
        """A Uint8Array of ``length`` bytes."""
        self.put(800, length if length == 0 else as_number(length))
        assert self("valueNew", self.get(GLOBAL, b"Uint8Array"), 800, 1, 1) == ""
        assert self.word(1048) & 0xFF == 1
        return self.word(1040)


def as_number(number: float) -> int:
    """How Go writes a number."""
    return int.from_bytes(struct.pack("<d", number), "little")


WAYS = ("interpreter", "plain", "host")
NUMBERS = (1.0, 2.5, -1.0, 1e300, float("inf"), float("-inf"), 100.0)
ODD = (
    *(
        0x7FF8_0000_0000_0000,
        0x7FF0_0000_0000_0001,
        0x7FF0_0000_0000_0005,
        0xFFF8_0000_0000_0005,
        0x7FFF_FFFF_FFFF_FFFF,
    ),
    *(1 << 63, (1 << 64) - 1, 5, reference(99_999), reference(0xFFFF_FFFF)),
)
POINTERS = (0, 1, SIZE, SIZE - 1, SIZE - 8, SIZE + 1, 1 << 32, (1 << 32) - 1, 1 << 52, 1 << 63, (1 << 64) - 1)
LENGTHS = (
    0,
    1,
    2,
    3,
    8,
    24,
    25,
    255,
    8192,
    65_280,
    65_281,
    SIZE,
    SIZE + 1,
    1 << 29,
    1 << 32,
    (1 << 61) + 1,
    (1 << 64) - 1,
)
STACKS = (
    1000,
    1000,
    1000,
    1000,
    1000,
    1004,
    1001,
    0,
    SIZE - 64,
    SIZE - 40,
    SIZE - 24,
    SIZE - 16,
    SIZE - 8,
    SIZE,
    0xFFFF_FFF8,
)
UNLIKE = {"nanotime1", "walltime", "getRandomData", "wasmWrite", "scheduleTimeoutEvent"}
"""What gives something else each time, or would be told at length."""


def operand(chance: random.Random, program: Program, known: list[int]) -> tuple[int, ...]:
    """One word or two, as hostile as can be."""
    kind = chance.randrange(10)
    if kind < 3:
        return (chance.choice(known),)
    if kind < 6:
        return program.text(chance.choice(TEXTS))
    if kind == 6:
        return chance.choice(POINTERS), chance.choice(LENGTHS)
    if kind == 7:
        return chance.choice((AT, 3000, *POINTERS)), chance.choice(LENGTHS), chance.choice(LENGTHS)
    return (chance.choice((*ODD, *map(as_number, NUMBERS), *range(8))),)


@pytest.mark.parametrize("seed", range(10))
def test_any_operands(seed: int) -> None:
    """What is in the memory after each call, and what it traps with, is the same on all ways."""
    chance = random.Random(seed)
    programs = [Program(way) for way in WAYS]
    names = sorted({*SHORT} - UNLIKE)
    known = [UNDEFINED, NULL, GLOBAL, GO]
    for program in programs:
        made = [program.get(GLOBAL, name) for name in (b"Uint8Array", b"Object", b"Array", b"fs", b"process", b"path")]
        made += [program.new_bytes(length) for length in (0, 5, 30)]
    known += made
    for _ in range(250):
        name, sp = chance.choice(names), chance.choice(STACKS)
        words = [word for _ in range(4) for word in operand(chance, programs[0], known)]
        for program in programs:
            program.put(3000, *known[:8])
        done = [program(name, *words[:7], sp=sp) for program in programs]
        contents = [program.content() for program in programs]
        assert done[0] == done[1] == done[2], (name, sp, words)
        assert contents[0] == contents[1] == contents[2], (name, sp, words)
        found = programs[0].word(sp + 40) if sp == 1000 else 0
        if found >> 32 in (0x7FF8_0001, 0x7FF8_0002, 0x7FF8_0004):
            known.append(found)


USUAL = {
    "valueGet": (GLOBAL, "text"),
    "valueSet": (GLOBAL, "text", GO),
    "valueDelete": (GLOBAL, "text"),
    "stringVal": ("text",),
    "valueCall": (GLOBAL, "text", AT, 0, 0),
}


@pytest.mark.parametrize("name", USUAL)
def test_texts(name: str) -> None:
    """Also such as are no UTF-8."""
    programs = [Program(way) for way in WAYS]
    for text in TEXTS:
        seen = []
        for program in programs:
            words = [word for each in USUAL[name] for word in (program.text(text) if each == "text" else (each,))]
            seen.append((program(name, *words), program(name, *words), program.content()))
        assert seen[0] == seen[1] == seen[2], text


@pytest.mark.parametrize("length", [0, 5, 24, 25, 65_280, 65_281, 200_000])
def test_bytes_of_any_length_there_and_back(length: int) -> None:
    """Those that have no room in the area too, and beside a shorter and a longer array."""
    for way in WAYS:
        program = Program(way, '(func (export "grow") (drop (memory.grow (i32.const 15))))')
        program.exports["grow"](program.store)  # type: ignore[operator]
        content = bytes(i * 7 % 251 for i in range(length))
        program.memory.write(program.store, content, 10_000)
        for size in {length, length // 2, length + 3}:
            array = program.new_bytes(size)
            least = min(size, length)
            assert program("copyBytesToJS", array, 10_000, length, length) == ""
            assert (program.word(1040), program.word(1048) & 0xFF) == (least, 1)
            program.memory.write(program.store, b"\xaa" * (length + 8), 300_000)
            assert program("copyBytesToGo", 300_000, length, length, array) == ""
            assert (program.word(1040), program.word(1048) & 0xFF) == (least, 1)
            expected = content[:least] + b"\xaa" * (length + 8 - least)
            assert bytes(program.memory.read(program.store, 300_000, 300_000 + length + 8)) == expected
            assert program("valueLoadString", array, 500_000, length, length) == ""
            loaded = program.memory.read(program.store, 500_000, 500_000 + size)
            assert bytes(loaded) == (content + bytes(3))[:size] if size <= length else bytes(size)


def test_at_the_very_end_of_the_memory() -> None:
    """A frame, a text and a buffer that end where the memory ends are inside; one byte further is not."""
    for way in WAYS:
        program = Program(way)
        program.memory.write(program.store, b"argv0", SIZE - 5)
        process = program.get(GLOBAL, b"process")
        assert program("valueGet", process, SIZE - 5, 5) == ""
        wasmarium = program.word(1032)
        assert program("valueGet", process, SIZE - 5, 6) == "out of bounds memory access"
        assert program("valuePrepareString", wasmarium, sp=SIZE - 32) == ""
        prepared, length = program.word(SIZE - 16), program.word(SIZE - 8)
        assert length == 9
        assert program("valuePrepareString", wasmarium, sp=SIZE - 31) == "out of bounds memory access"
        assert program("valueLoadString", prepared, SIZE - 9, 9) == ""
        assert program.content()[-9:] == b"wasmarium"
        assert program("valueLoadString", prepared, SIZE - 8, 9) == "out of bounds memory access"
        assert program("finalizeRef", wasmarium, sp=SIZE - 16) == ""
        assert program("finalizeRef", wasmarium, sp=SIZE - 12) == ""
        assert program("finalizeRef", wasmarium, sp=SIZE - 11) == "out of bounds memory access"


def test_numbers_that_are_none() -> None:
    """A length that a program gives to an object, and what it puts into an array of bytes."""
    for way in WAYS:
        program = Program(way)
        for number, expected in ((float("nan"), 0), (float("inf"), 0), (-7.9, -7), (1e300, 0), (2.5, 2)):
            assert program("valueSet", GLOBAL, *program.text(b"length"), as_number(number)) == ""
            assert program("valueLength", GLOBAL) == ""
            assert program.word(1016) == expected & (1 << 64) - 1
            array = program.new_bytes(1)
            assert program("valueSetIndex", array, 0, as_number(number)) == ""
            assert program("valueIndex", array, 0) == ""


def test_a_stream_that_calls_the_guest_and_makes_its_memory_larger() -> None:
    """Within a valueCall: its result still lands where it belongs."""
    told: list[bytes] = []
    program: Program

    def stdout(content: bytes) -> None:
        told.append(bytes(content))
        if len(told) < 4:
            program.exports["grow"](program.store)  # type: ignore[operator]
            assert program("valueCall", *call, sp=1000 + 100 * len(told)) == ""

    program = Program("host", '(func (export "grow") (drop (memory.grow (i32.const 1))))', stdout_custom=stdout)
    program.memory.write(program.store, b"writeSync", 700)
    program.memory.write(program.store, b"some text", 720)
    fs = program.get(GLOBAL, b"fs")
    assert program("stringVal", 720, 9) == ""
    program.put(740, as_number(1), program.word(1024))
    call = (fs, 700, 9, 740, 2, 2)
    for _ in range(2):
        assert program("valueCall", *call) == ""
    assert told == [b"some text"] * 5
    for sp in (1000, 1100, 1200, 1300):
        assert (program.word(sp + 56), program.word(sp + 64) & 0xFF) == (as_number(9), 1)
    assert program.memory.size(program.store) == 4


def test_a_function_of_go() -> None:
    """Called, it leaves an event; Go itself is not called."""
    seen = []
    for way in WAYS:
        program = Program(way)
        program.put(800, as_number(7))
        assert program("valueCall", GO, *program.text(b"_makeFuncWrapper"), 800, 1, 1) == ""
        function = program.word(1056)
        assert function >> 32 == 0x7FF8_0004
        program.put(800, as_number(1.5), GLOBAL, NULL)
        assert program("valueInvoke", function, 800, 3, 3) == ""
        assert (program.word(1040), program.word(1048) & 0xFF) == (UNDEFINED, 1)
        arguments = program.get(program.get(GO, b"_pendingEvent"), b"args")
        assert program("valueLength", arguments) == ""
        assert program.word(1016) == 3
        found = []
        for index in range(4):
            assert program("valueIndex", arguments, index) == ""
            found.append(program.word(1024))
        assert found == [as_number(1.5), GLOBAL, NULL, UNDEFINED]
        seen.append(program.content())
    assert seen[0] == seen[1] == seen[2]


def test_what_a_call_throws_and_what_comes_out_of_the_guest() -> None:
    error = ZeroDivisionError("a stream's own")

    def stdout(content: bytes) -> None:
        raise error

    for way in WAYS:
        program = Program(way, stdout_custom=stdout)
        program.memory.write(program.store, b"writeSync", 700)
        fs = program.get(GLOBAL, b"fs")
        program.put(740, as_number(1), as_number(5))
        assert program("valueCall", fs, 700, 9, 740, 2, 2) == ""
        assert program.word(1064) & 0xFF == 0
        assert program("stringVal", 700, 9) == ""
        program.put(748, program.word(1024))
        for _ in range(2):
            with pytest.raises(ZeroDivisionError) as raised:
                program("valueCall", fs, 700, 9, 740, 2, 2)
            assert raised.value is error
        assert program("valueGet", NULL, *program.text(b"x")) == "syscall/js.valueGet: TypeError: null is no object"
        assert program("wasmExit", 3) == "exit 3"


def test_another_program() -> None:
    """A store may run one after the other; calls reach the world of the one that runs."""
    program = Program("host")
    assert program("valueSet", GLOBAL, *program.text(b"x"), GO) == ""
    assert program.get(GLOBAL, b"x") == GO
    program.new_world()
    assert program.get(GLOBAL, b"x") == UNDEFINED
    program.store._run_gojs(None)
    for _ in range(2):
        with pytest.raises(WasmtimeError, match="no program of Go is running"):
            program("valueGet", GLOBAL, *program.text(b"x"))
    program.new_world()
    assert program.get(GO, b"x") == UNDEFINED


def test_a_memory_that_is_watched() -> None:
    """Who asks which pages were written hears of the results, whenever it began to ask."""
    program = Program("host")
    array = program.new_bytes(10)
    written = program.bare.watch()
    for place in (30_000, 50_000):
        program.put(1008, place, 10, 10, array)
        program.bare.written[:] = bytes(len(written))  # type: ignore[index]
        assert program("copyBytesToGo") == ""
        assert [page for page, byte in enumerate(program.bare.written or b"") if byte] == [0, place >> 12]


def test_references_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "MOST_REFERENCES", 100)
    program = Program("host")
    with pytest.raises(WasmtimeError, match="more than 100 values"):
        for number in range(200):
            program.put(900, number)
            program("stringVal", 900, 8)


def test_the_quick_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first call Python does not reach into the memory for any piece."""
    config = Config()
    config.strategy = "host"
    engine = Engine(config)
    linker = Linker(engine)
    linker.define_gojs()
    more = """(func (export "run") (param i32 i32) (local $i i32)
        (loop (call $ivalueGet (i32.const 0)) (br_if 0 (i32.lt_u
          (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 50)))) (call $iwasmExit (i32.const 200)))
      (func (export "resume")) (data (i32.const 8) "\\05\\00\\00\\00\\01\\00\\f8\\7f") (data (i32.const 24) "\\02")"""
    with Store(engine) as store:
        store.set_wasi(WasiConfig())
        instance = linker.instantiate(store, Module(engine, guest(more)))
        memory = instance._instance.exports["mem"]
        read: list[int] = []
        before = type(memory).read
        monkeypatch.setattr(type(memory), "read", lambda self, *given: read.append(1) or before(self, *given))
        with pytest.raises(ExitTrap):
            run_gojs(store, instance)
        assert 0 < len(read) < 10
