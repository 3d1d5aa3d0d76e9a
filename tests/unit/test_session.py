"""The session that drives a guest for the page: run, look, pause, step, stop, feed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from session_guests import TEXTS, guest
from wasmarium.bridge.fake import FakeClock, FakePlatform
from wasmarium.debug.calls import MOST_FRAMES
from wasmarium.debug.observation import GLOBALS_AT_ONCE
from wasmarium.debug.session import OUTPUT_PIECE, OUTPUT_ROOM, Session
from wasmarium.runtime.limits import ResourceLimits

Update = dict[str, Any]


class Driver:
    """A session with a fake clock, and everything it told."""

    def __init__(self, name: str = "", **limits: int) -> None:
        # Each look at the clock takes a millisecond, so that slices end soon.
        self.clock = FakeClock(step=1_000_000)
        self.session = Session(FakePlatform(clock=self.clock), limits=ResourceLimits(**limits))
        self.output = {"stdout": b"", "stderr": b""}
        self.told: Update = {}
        if name:
            assert "module" in self.session.load(guest(name))

    def start(self, **plan: Any) -> Driver:
        files = plan.pop("files", {})
        self.session.start(plan, files)
        return self

    def update(self) -> Update:
        update = self.session.update()
        # Whatever is told must survive the way to a page.
        assert json.loads(json.dumps(update)) == json.loads(json.dumps(update, allow_nan=False))
        for piece in update.get("output", ()):
            self.output[piece["stream"]] += base64.b64decode(piece["data"])
        self.told |= update
        return update

    def go(self, until: Callable[[], bool] | None = None, slices: int = 400) -> Update:
        """Advance until the guest cannot go on (or ``until``); gives the last update."""
        for _ in range(slices):
            pause = self.session.advance(0.01)
            update = self.update()
            if pause is None or (until is not None and until()):
                break
            self.clock.advance(int(pause * 1e9))
        while update.get("more"):
            update = self.update()
        return update


# ---- loading ----


def test_the_guests_are_what_their_texts_say() -> None:
    pytest.importorskip("wasmtime")
    from wasmtime import wat2wasm

    for name, text in TEXTS.items():
        assert _without_names(bytes(wat2wasm(text))) == _without_names(guest(name)), name


def _without_names(module: bytes) -> bytes:
    at = module.find(b"\x04name")
    return module if at < 0 else module[: module.rfind(b"\0", 0, at)]


def test_a_module_is_summed_up() -> None:
    data = guest("calls")
    found = Driver().session.load(data)["module"]
    assert json.dumps(found)
    assert (found["name"], found["size"], found["command"]) == ("calls", len(data), False)
    # The sections cover the file but for the preamble and their own heads.
    assert [row["name"] for row in found["sections"]] == [
        "type", "function", "table", "export", "element", "code", "name",
    ]  # fmt: skip
    last = found["sections"][-1]
    assert last["offset"] + last["size"] == len(data)
    assert found["functions"][1]["name"] == "inner"
    assert found["functions"][1]["type"] == "i32 → i32"
    assert {"name": "all", "params": ["i32", "i64", "f32", "f64"], "results": ["i32", "i64", "f32", "f64"]} in found[
        "callable"
    ]
    assert "multi-value" in found["features"]


def test_imports_say_whether_the_session_has_them() -> None:
    assert [row["provided"] for row in Driver().session.load(guest("echo"))["module"]["imports"]] == [True] * 3
    assert [row["provided"] for row in Driver().session.load(guest("stranger"))["module"]["imports"]] == [False]


PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452")


@pytest.mark.parametrize(
    ("data", "code", "place"),
    [
        (PNG, "malformed", {"offset": 0}),
        (b"", "malformed", {"offset": 0}),
        (guest("echo")[:200], "malformed", {}),
        # i32.add with only one operand: the body is `local.get 0, i32.add`
        (
            bytes.fromhex("0061736d0100000001060160017f017f030201000a070105002000 6a0b".replace(" ", "")),
            "invalid",
            {"function": 0, "instruction": 1, "mnemonic": "i32.add", "offset": 27},
        ),
    ],
    ids=["png", "empty", "truncated", "type error"],
)
def test_what_is_no_module_gives_one_located_diagnostic(data: bytes, code: str, place: dict[str, Any]) -> None:
    session = Driver().session
    found = session.load(data)
    assert list(found) == ["diagnostic"]
    assert found["diagnostic"]["code"] == code
    assert found["diagnostic"]["message"]
    assert found["diagnostic"]["offset"] is not None
    assert found["diagnostic"].items() >= place.items()
    # And the session goes on as if nothing had been.
    assert "module" in session.load(guest("echo"))


def test_text_is_read_and_its_errors_have_lines() -> None:
    session = Driver().session
    assert session.load(TEXTS["endless"].encode())["module"]["name"] == "endless"
    wrong = session.load(b"(module\n  (func (result i32)\n    i64.const 1))")["diagnostic"]
    assert (wrong["code"], wrong["line"]) == ("invalid", 3)
    broken = session.load(b"(module\n  (fnuc))")["diagnostic"]
    assert (broken["code"], broken["line"], broken["column"]) == ("malformed", 2, 4)


# ---- running to an end ----


def test_a_command_gets_arguments_and_gives_output_in_order() -> None:
    driver = Driver("sleeper").start()
    assert driver.session.advance(0.01) == pytest.approx(0.05, abs=0.01)
    assert driver.update()["state"] == "sleeping"
    driver.clock.advance(60_000_000)
    assert driver.go()["state"] == "exited"
    assert driver.told["exitCode"] == 0
    assert driver.output == {"stdout": b"out\n", "stderr": b"err\n"}


def test_values_go_in_and_come_out_as_people_write_them() -> None:
    driver = Driver("calls").start(invoke="all", args=["-1", "0xffffffffffffffff", "0.1", "nan"])
    assert driver.go()["results"] == [
        {"type": "i32", "text": "-1"},
        {"type": "i64", "text": "-1"},
        {"type": "f32", "text": "0.1"},
        {"type": "f64", "text": "nan"},
    ]
    assert driver.told["state"] == "finished"


@pytest.mark.parametrize(
    ("invoke", "args"),
    [("all", ["1"]), ("outer", ["x"]), ("outer", ["4294967296"]), ("nothing", []), (None, [])],
)
def test_what_cannot_be_called_is_a_problem_and_no_crash(invoke: str | None, args: list[str]) -> None:
    update = Driver("calls").start(invoke=invoke, args=args).go()
    assert update["state"] == "failed"
    assert update["problem"]["code"] == "error"


def test_a_missing_import_is_told_with_its_place() -> None:
    update = Driver("stranger").start().go()
    assert update["state"] == "failed"
    assert update["problem"]["code"] == "unlinkable"
    assert "magic" in update["problem"]["message"]
    assert update["problem"]["section"] == "import"


def test_a_trap_tells_its_code_and_every_call() -> None:
    driver = Driver("calls").start(invoke="outer", args=["0"])
    update = driver.go()
    assert update["state"] == "trapped"
    trap = update["trap"]
    assert trap["code"] == "INTEGER_DIVISION_BY_ZERO"
    assert [(row["name"], row["instruction"], row["mnemonic"]) for row in trap["frames"]] == [
        ("inner", 2, "i32.div_u"),
        ("outer", 1, "call"),
    ]
    # Offsets are those in the file: the byte there is the instruction's opcode.
    assert [guest("calls")[row["offset"]] for row in trap["frames"]] == [0x6E, 0x10]
    driver.session.watch({"frame": 1})
    listing = driver.update()["listing"]
    assert listing["name"] == "outer"
    assert listing["lines"][1]["text"] == "call $inner"


def test_a_deep_backtrace_is_told_in_part() -> None:
    driver = Driver("calls").start(invoke="deep", args=["5000"])
    trap = driver.go()["trap"]
    assert len(trap["frames"]) <= MOST_FRAMES
    # The engine itself keeps the innermost ones only; what is told and what is left out are those.
    assert trap["frames"][0]["mnemonic"] == "unreachable"


def test_files_go_in_and_come_out() -> None:
    driver = Driver("files").start(files={"in.txt": b"some text"})
    update = driver.go()
    assert update["exitCode"] == 0
    assert update["files"] == [("in.txt", 9), ("sub/out.txt", 9)]
    assert driver.session.read_file("sub/out.txt") == b"some text"
    assert driver.session.read_file("sub/none.txt") is None
    assert driver.session.read_file("../in.txt") is None


@pytest.mark.parametrize("path", ["../x", "a//b", "", "a/.."])
def test_a_file_that_cannot_be_laid_out_is_a_problem(path: str) -> None:
    update = Driver("files").start(files={path: b""}).go()
    assert update["problem"]["code"] == "error"


# ---- standard input ----


def test_input_is_waited_for_without_holding_anyone() -> None:
    driver = Driver("echo").start()
    assert driver.session.advance(0.01) is None
    assert driver.update()["state"] == "waiting"
    driver.session.feed(b"one\n")
    driver.go()
    driver.session.feed(b"two")
    assert driver.go()["state"] == "waiting"
    assert driver.output["stdout"] == b"one\ntwo"
    assert len(driver.told["frames"]) == driver.told["depth"] == 1
    driver.session.end_input()
    assert driver.go()["exitCode"] == 7


def test_input_given_as_text_ends_by_itself() -> None:
    driver = Driver("echo").start(stdin="é\n")
    assert driver.go()["exitCode"] == 7
    assert driver.output["stdout"] == "é\n".encode()


# ---- guests that never end ----


@pytest.mark.shared("guests")
def test_a_program_of_go_for_javascript(shared: Path) -> None:
    """It is called again and again, and sleeps in between."""
    folder = shared / "guests" / "go-js"
    driver = Driver()
    loaded = driver.session.load((folder / "main.wasm").read_bytes())
    assert loaded["module"]["command"] is True
    assert all(item["provided"] for item in loaded["module"]["imports"])
    driver.start(name="main.wasm", args=["/data"], env=[["A", "1"]], stdin="ab\ncd\n")
    driver.go(slices=100_000)
    assert driver.output == {"stdout": (folder / "expected_node.txt").read_bytes(), "stderr": b""}
    assert (driver.told["state"], driver.told["exitCode"], driver.told["files"]) == ("exited", 5, [])


@pytest.mark.shared("guests")
def test_a_program_of_go_is_stopped_anywhere(shared: Path) -> None:
    driver = Driver()
    driver.session.load((shared / "guests" / "go-js" / "main.wasm").read_bytes())
    driver.start(stdin="")
    driver.go(slices=5)
    assert driver.session.live
    driver.session.stop()
    assert driver.update()["state"] == "stopped"
    assert driver.session.advance(0.01) is None


def test_an_endless_guest_runs_in_slices_and_stops() -> None:
    driver = Driver("endless").start()
    for _ in range(3):
        before = driver.clock.monotonic()
        assert driver.session.advance(0.01) == 0.0
        assert driver.clock.monotonic() - before < 5_000_000_000
    first = driver.update()
    assert first["state"] == "running"
    assert first["instructions"] > 0
    driver.session.stop()
    assert driver.session.advance(0.01) is None
    last = driver.update()
    assert last["state"] == "stopped"
    assert last["instructions"] == first["instructions"]
    assert last["frames"] == []


def test_a_clock_that_stands_still_does_not_hold_a_slice_for_ever() -> None:
    session = Session(FakePlatform(clock=FakeClock(step=0)))
    session.load(guest("endless"))
    session.start({})
    assert session.advance(0.001) == 0.0


def test_an_endless_start_function_can_be_stopped_too() -> None:
    driver = Driver("stuck").start()
    assert driver.session.advance(0.01) == 0.0
    driver.session.stop()
    assert driver.update()["state"] == "stopped"


def test_a_flood_of_output_takes_bounded_room() -> None:
    driver = Driver("flood").start()
    skipped = 0
    for _ in range(10):
        driver.session.advance(0.01)
    sizes = []
    driver.session.stop()
    while True:
        update = driver.update()
        skipped += update.get("skipped", 0)
        sizes.append(sum(len(base64.b64decode(piece["data"])) for piece in update.get("output", ())))
        if not update.get("more"):
            break
        # How it ended comes after all that it printed.
        assert "ended" not in update
    assert update["ended"]
    assert max(sizes) <= OUTPUT_PIECE
    assert sum(sizes) <= OUTPUT_ROOM
    assert skipped > 0
    assert (sum(sizes) + skipped) % 4096 == 0


# ---- pausing and stepping ----


def test_pause_shows_where_it_stands_and_resume_goes_on() -> None:
    driver = Driver("endless").start()
    driver.session.advance(0.01)
    driver.session.pause()
    assert driver.session.advance(0.01) is None
    paused = driver.update()
    assert paused["state"] == "paused"
    assert paused["frames"][0]["name"] == "main"
    assert paused["listing"]["name"] == "main"
    lines = paused["listing"]["lines"]
    assert lines[0]["text"].startswith("loop")
    assert [guest("endless")[line["offset"]] for line in lines[-2:]] == [0x0B, 0x0B]
    assert [line["instruction"] for line in lines] == list(range(paused["listing"]["length"]))
    driver.session.resume()
    assert driver.session.advance(0.01) == 0.0
    assert driver.update()["instructions"] > paused["instructions"]


def test_steps_go_through_a_call_instruction_by_instruction() -> None:
    driver = Driver("calls").start(invoke="outer", args=["7"], paused=True)
    seen = []
    for _ in range(30):
        driver.update()
        if driver.told["state"] != "paused":
            break
        top = driver.told["frames"][0]
        seen.append((top["name"], top["mnemonic"], [value["text"] for value in top["operands"]]))
        driver.session.step()
    assert seen == [
        ("outer", "local.get", []),
        ("outer", "call", ["7"]),
        ("inner", "i32.const", []),
        ("inner", "local.get", ["100"]),
        ("inner", "i32.div_u", ["100", "7"]),
        ("inner", "end", ["14"]),
        ("outer", "local.set", ["14"]),
        ("outer", "local.get", []),
        ("outer", "i32.const", ["14"]),
        ("outer", "i32.add", ["14", "1"]),
        ("outer", "end", ["15"]),
    ]
    assert driver.told["results"] == [{"type": "i32", "text": "15"}]


def test_locals_have_names_and_types() -> None:
    driver = Driver("calls").start(invoke="outer", args=["7"], paused=True)
    assert driver.update()["frames"][0]["locals"] == [
        {"name": "given", "type": "i32", "text": "7"},
        {"name": "found", "type": "i32", "text": "0"},
    ]


EVERY_TYPE = b"""(module
  (func $g (param i32) (result i64) (i64.const -1))
  (func $f (export "f") (result f64) (local funcref)
    (f64.const 1.5) (f32.const 0.1) (v128.const i64x2 1 2) (local.get 0)
    (block (param funcref) (result i64) (drop) (i64.const 5) (call $g (i32.const -7)) (i64.add))
    (drop) (drop) (drop) (drop) (f64.const 0)))"""


def test_operands_have_their_types() -> None:
    driver = Driver()
    driver.session.load(EVERY_TYPE)
    driver.start(invoke="f", paused=True)
    seen: dict[str, list[list[tuple[str, str]]]] = {}
    while driver.update()["state"] == "paused":
        for frame in driver.told["frames"]:
            shown = [(value["type"], value["text"]) for value in frame["operands"]]
            seen.setdefault(f"{frame['name']} {frame['mnemonic']}", []).append(shown)
        driver.session.step()
    below = [("f64", "1.5"), ("f32", "0.1"), ("v128", f"0x{(2 << 64) + 1:032x}")]
    assert seen["f i64.const"] == [below]
    # once at the call itself, then below it while the other function runs
    outer = [*below, ("i64", "5")]
    assert seen["f call"] == [[*outer, ("i32", "-7")], outer, outer]
    assert seen["f i64.add"] == [[*outer, ("i64", "-1")]]
    assert seen["g end"] == [[("i64", "-1")]]


def test_step_out_ends_behind_the_call() -> None:
    driver = Driver("calls").start(invoke="outer", args=["7"], paused=True)
    for _ in range(3):
        driver.session.step()
    assert driver.update()["frames"][0]["name"] == "inner"
    driver.session.step_out()
    driver.go()
    assert driver.told["state"] == "paused"
    top = driver.told["frames"][0]
    assert (top["name"], top["mnemonic"], top["operands"][0]["text"]) == ("outer", "local.set", "14")
    driver.session.step_out()
    assert driver.go()["state"] == "finished"


def test_step_over_a_wait_stands_still_behind_it() -> None:
    driver = Driver("echo").start()
    assert driver.go()["state"] == "waiting"
    driver.session.pause()
    assert driver.update()["state"] == "paused"
    driver.session.step()
    assert driver.go()["state"] == "waiting"
    driver.session.feed(b"x")
    assert driver.go()["state"] == "paused"
    assert driver.update()["depth"] == 1


def test_a_paused_guest_takes_no_time() -> None:
    driver = Driver("sleeper").start()
    driver.session.advance(0.01)
    driver.session.pause()
    driver.clock.advance(10**12)
    assert driver.session.advance(0.01) is None
    assert driver.update()["state"] == "paused"
    assert driver.update()["seconds"] < 1


def test_what_cannot_be_controlled_any_more_is_left_alone() -> None:
    driver = Driver("calls").start(invoke="outer", args=["1"])
    driver.go()
    for act in (Session.pause, Session.step, Session.step_out, Session.resume, Session.stop, Session.end_input):
        act(driver.session)
        assert driver.session.advance(0.01) is None
        assert driver.update()["state"] == "finished"


# ---- looking ----


def test_only_what_changed_is_told() -> None:
    driver = Driver("endless").start(paused=True)
    first = driver.update()
    assert first["memories"] == [{"index": 0, "name": "pages", "size": 131072, "limit": 262144, "written": []}]
    assert first["globals"][0] | {"text": "0"} == first["globals"][0]
    assert first["globals"][0]["name"] == "count"
    quiet = driver.update()
    assert not quiet.keys() & {"memories", "globals", "tables", "entries", "windows", "frames", "listing"}
    driver.session.resume()
    driver.session.advance(0.01)
    busy = driver.update()
    # It writes to every 4 KiB cell, so all of them are one run.
    assert busy["memories"][0]["written"] == [0, 32]
    assert int(busy["globals"][0]["text"]) > 0


def test_many_globals_are_told_bit_by_bit_and_whole_when_the_guest_stands() -> None:
    count = 3 * GLOBALS_AT_ONCE
    text = "".join(f"(global (mut i32) (i32.const {i}))" for i in range(count))
    setters = "".join(f"(global.set {i} (i32.add (global.get {i}) (i32.const 1)))" for i in range(count))
    driver = Driver()
    driver.session.load(f'(module {text} (func (export "_start") (loop {setters} (br 0))))'.encode())
    driver.start()
    values = dict.fromkeys(range(count), -1)
    for _ in range(4):
        driver.session.advance(0.01)
        changed = driver.update()["globals"]
        assert len(changed) <= GLOBALS_AT_ONCE
        values |= {row["index"]: int(row["text"]) for row in changed}
    assert all(values[i] > i for i in range(count))
    driver.session.pause()
    values |= {row["index"]: int(row["text"]) for row in driver.update()["globals"]}
    turns = {values[i] - i for i in range(count)}
    assert max(turns) - min(turns) <= 1


def test_at_full_speed_where_there_is_none_it_is_interpreted_and_told() -> None:
    driver = Driver("calls").start(invoke="outer", args=["7"], engine="speed")
    driver.go()
    assert driver.told["results"] == [{"type": "i32", "text": "15"}]
    assert driver.told["engine"] == "steps"
    assert "host engine runs in Pyodide" in driver.told["fallback"]
    assert "called" not in driver.told
    other = Driver("calls").start(invoke="outer", args=["7"])
    other.go()
    assert (other.told["engine"], "fallback" in other.told) == ("steps", False)


def test_memory_is_told_as_far_as_it_is_looked_at() -> None:
    driver = Driver("endless").start(paused=True)
    driver.session.watch({"memory": {"index": 0, "address": 131064, "length": 4096}})
    window = driver.update()["windows"][0]
    assert (window["address"], base64.b64decode(window["data"])) == (131064, bytes(8))
    assert "windows" not in driver.update()
    driver.session.watch({"memory": {"index": 0, "address": 4096, "length": 4}})
    assert driver.update()["windows"][0]["address"] == 4096
    driver.session.resume()
    driver.session.advance(0.01)
    # Cell 1 was written by the counts that leave 1 divided by 32.
    written = int.from_bytes(base64.b64decode(driver.update()["windows"][0]["data"]), "little")
    assert written % 32 == 1


@pytest.mark.parametrize(
    "look",
    [
        {"memory": {"index": 9, "address": 0, "length": 16}, "table": {"index": 9, "first": 0, "count": 1}},
        {"memory": {"index": 0, "address": 1 << 60, "length": 1 << 60}},
        {"memory": {"index": 0, "address": -5, "length": -5}, "frame": 99},
        {"memory": None, "table": None, "frame": None},
    ],
)
def test_looking_where_nothing_is_harms_nobody(look: dict[str, Any]) -> None:
    driver = Driver("endless").start(paused=True)
    driver.session.watch(look)
    assert driver.update()["state"] == "paused"


def test_table_entries_are_names_and_types() -> None:
    driver = Driver("calls").start(invoke="change", paused=True)
    driver.session.watch({"table": {"index": 0, "first": 0, "count": 10}})
    first = driver.update()
    assert first["tables"][0] == {"index": 0, "name": "table", "type": "funcref", "size": 3, "limit": None}
    assert first["entries"][0]["entries"] == [
        {"name": "double", "type": "i32 → i32", "function": 0},
        {"name": "outer", "type": "i32 → i32", "function": 2},
        None,
    ]
    driver.session.resume()
    assert driver.go()["entries"][0]["entries"][2]["name"] == "double"


def test_a_new_run_starts_from_scratch() -> None:
    driver = Driver("endless").start()
    driver.session.advance(0.01)
    driver.update()
    driver.start(paused=True)
    update = driver.update()
    assert update["instructions"] == 0
    assert update["globals"][0]["text"] == "0"
    assert "trap" not in update


def test_a_memory_beyond_the_limits_is_a_problem() -> None:
    driver = Driver("endless", memory_bytes=65536).start()
    update = driver.update()
    assert update["state"] == "failed"
    assert update["problem"]["code"] == "exhausted"
