"""Sessions whose guests run at the full speed of the host, behind glass all the same."""

from __future__ import annotations

import asyncio
import base64
import json
import weakref
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from session_guests import TEXTS, guest
from wasmarium.debug.session import Session

Update = dict[str, Any]


class Driver:
    """A session of this platform, and everything it told; the event loop runs between two slices, as in a page."""

    def __init__(self, name: str | bytes) -> None:
        self.session = Session()
        self.output = {"stdout": b"", "stderr": b""}
        self.told: Update = {}
        found = self.session.load(name if isinstance(name, bytes) else guest(name))
        assert "module" in found, found

    def start(self, **plan: Any) -> Driver:
        files = plan.pop("files", {})
        self.session.start({"engine": "speed", **plan}, files)
        return self

    def update(self) -> Update:
        update: Update = json.loads(json.dumps(self.session.update(), allow_nan=False))
        for piece in update.get("output", ()):
            self.output[piece["stream"]] += base64.b64decode(piece["data"])
        self.told |= update
        return update

    async def go(self, until: Callable[[], bool] = lambda: False, seconds: float = 60) -> Update:
        """Advance until the guest cannot go on, or ``until``; gives the last update."""
        end = perf_counter() + seconds
        while True:
            pause = self.session.advance(0.012)
            update = self.update()
            if pause is None or until() or perf_counter() > end:
                break
            await asyncio.sleep(pause)
        while update.get("more"):
            update = self.update()
        return update


def run(awaitable: Awaitable[Any]) -> Any:
    from pyodide.ffi import run_sync

    return run_sync(awaitable)


def go(driver: Driver, until: Callable[[], bool] = lambda: False) -> Update:
    return run(driver.go(until))


def test_values_go_in_and_come_out() -> None:
    driver = Driver("calls").start(invoke="all", args=["-1", "0xffffffffffffffff", "0.1", "nan"])
    go(driver)
    assert (driver.told["engine"], driver.told["state"]) == ("speed", "finished")
    assert [value["text"] for value in driver.told["results"]] == ["-1", "-1", "0.1", "nan"]
    assert "fallback" not in driver.told


def test_input_is_waited_for() -> None:
    driver = Driver("echo").start()
    assert go(driver)["state"] == "waiting"
    driver.session.feed(b"one\n")
    assert go(driver)["state"] == "waiting"
    assert driver.output["stdout"] == b"one\n"
    driver.session.end_input()
    assert (go(driver)["state"], driver.told["exitCode"]) == ("exited", 7)


def test_a_guest_sleeps_and_prints() -> None:
    driver = Driver("sleeper").start()
    seen = []

    def watch() -> bool:
        seen.append(driver.told["state"])
        return False

    assert go(driver, watch)["exitCode"] == 0
    assert "sleeping" in seen
    assert driver.output == {"stdout": b"out\n", "stderr": b"err\n"}
    # the 50 ms are not the guest's own
    assert driver.told["seconds"] < 0.05


def test_files_go_in_and_come_out() -> None:
    driver = Driver("files").start(files={"in.txt": b"some text"})
    assert go(driver)["files"] == [["in.txt", 9], ["sub/out.txt", 9]]
    assert driver.session.read_file("sub/out.txt") == b"some text"


def test_the_same_instructions_are_counted() -> None:
    counted = []
    for engine in ("steps", "speed"):
        driver = Driver("calls").start(invoke="outer", args=["7"], engine=engine)
        go(driver)
        assert driver.told["engine"] == engine
        counted.append(driver.told["instructions"])
    assert counted[0] == counted[1] > 0


def test_a_trap_tells_its_code_and_every_call() -> None:
    driver = Driver("calls").start(invoke="outer", args=["0"])
    assert go(driver)["state"] == "trapped"
    trap = driver.told["trap"]
    assert trap["code"] == "INTEGER_DIVISION_BY_ZERO"
    assert [(row["name"], row["instruction"], row["mnemonic"]) for row in trap["frames"]] == [
        ("inner", 2, "i32.div_u"),
        ("outer", 1, "call"),
    ]
    assert [guest("calls")[row["offset"]] for row in trap["frames"]] == [0x6E, 0x10]
    assert driver.told["listing"]["name"] == "inner"


def test_running_out_of_stack_is_a_trap() -> None:
    driver = Driver(b'(module (func $down (export "_start") (call $down)))').start()
    assert go(driver)["state"] == "trapped"
    assert driver.told["trap"]["code"] == "STACK_OVERFLOW"


# ---- guests that never end ----


def test_an_endless_guest_runs_on_while_it_is_looked_at() -> None:
    driver = Driver("endless").start()
    counts: list[int] = []

    def enough() -> bool:
        counts.extend(int(row["text"]) for row in driver.told.pop("globals", ()))
        return len(counts) >= 5 and "called" in driver.told

    last = go(driver, enough)
    assert last["state"] == "running"
    assert counts == sorted(set(counts))
    assert driver.told["memories"][0]["written"] == [0, 32]
    assert driver.told["instructions"] > counts[-1]
    assert [(row["name"], row["calls"]) for row in driver.told["called"]] == [("main", 1)]
    driver.session.stop()
    assert driver.update()["state"] == "stopped"
    assert driver.session.advance(0.01) is None
    # and what it left can still be looked at
    driver.session.watch({"memory": {"index": 0, "address": 4096, "length": 4}})
    assert driver.update()["windows"][0]["address"] == 4096


def test_a_paused_guest_stands_still_and_shows_what_it_has() -> None:
    driver = Driver("endless").start()
    go(driver, lambda: driver.told["instructions"] > 0)
    driver.session.pause()
    assert driver.session.advance(0.01) is None
    run(asyncio.sleep(0.05))
    paused = driver.update()
    assert paused["state"] == "paused"
    run(asyncio.sleep(0.05))
    driver.session.watch({"memory": {"index": 0, "address": 0, "length": 16}})
    after = driver.update()
    assert "windows" in after
    assert (after["instructions"], after["seconds"]) == (paused["instructions"], paused["seconds"])
    # stepping is not for it
    driver.session.step()
    driver.session.step_out()
    assert driver.update()["state"] == "paused"
    driver.session.resume()
    go(driver, lambda: driver.told["instructions"] > after["instructions"])
    driver.session.stop()


def test_it_can_be_paused_before_it_begins() -> None:
    driver = Driver("calls").start(invoke="outer", args=["7"], paused=True)
    first = driver.update()
    assert (first["state"], first["instructions"]) == ("paused", 0)
    assert first["tables"][0]["name"] == "table"
    driver.session.resume()
    assert go(driver)["results"] == [{"type": "i32", "text": "15"}]


def test_an_endless_start_function_is_stopped_too() -> None:
    driver = Driver("stuck").start()
    go(driver, lambda: driver.told["seconds"] > 0.02)
    driver.session.stop()
    assert driver.update()["state"] == "stopped"


def test_what_was_stopped_prints_no_more() -> None:
    driver = Driver("flood").start()
    go(driver, lambda: bool(driver.output["stdout"]))
    # at once behind a slice: the guest has been told to go on, and has not yet
    driver.session.advance(0.01)
    driver.session.stop()
    while driver.update().get("more"):
        pass
    run(asyncio.sleep(0.1))
    assert "output" not in driver.update()


def test_many_that_are_stopped_leave_nothing_behind() -> None:
    """Each has a memory of its own, for which the host reserves gigabytes of addresses."""
    import gc

    driver = Driver("endless")
    made = []
    for _ in range(150):
        driver.start()
        go(driver, lambda: driver.told["state"] == "running")
        assert driver.told["state"] == "running", driver.told
        made.append(weakref.ref(driver.session._guest.instance))
        driver.session.stop()
        driver.update()
        run(asyncio.sleep(0))
    run(asyncio.sleep(0.02))
    driver.start(paused=True)
    gc.collect()
    assert [reference for reference in made if reference() is not None] == []


def test_waiting_guests_can_be_stopped_and_followed_by_others() -> None:
    driver = Driver("echo")
    for _ in range(20):
        driver.start()
        assert go(driver)["state"] == "waiting"
        driver.session.stop()
        assert driver.update()["state"] == "stopped"
    driver.start(stdin="x")
    assert go(driver)["exitCode"] == 7


# ---- looking ----

HIDDEN = """(module $hidden
  (memory 1) (global $secret (mut i64) (i64.const -5)) (global i32 (i32.const 3))
  (table $ops 3 funcref) (elem (i32.const 0) $one $two) (data (i32.const 8) "glass")
  (func $one) (func $two (result i32) (i32.const 2))
  (func (export "_start") (global.set $secret (i64.const 7)) (call $one) (call $one) (drop (call $two))))"""


def test_what_is_not_exported_is_seen_all_the_same() -> None:
    driver = Driver(HIDDEN.encode())
    driver.session.watch(
        {"memory": {"index": 0, "address": 8, "length": 5}, "table": {"index": 0, "first": 0, "count": 3}}
    )
    driver.start(paused=True)
    first = driver.update()
    assert base64.b64decode(first["windows"][0]["data"]) == b"glass"
    assert [(row["name"], row["text"]) for row in first["globals"]] == [("secret", "-5"), (None, "3")]
    assert first["entries"][0]["entries"] == [
        {"name": "one", "type": "() → ()", "function": 0},
        {"name": "two", "type": "() → i32", "function": 1},
        None,
    ]
    driver.session.resume()
    last = go(driver)
    assert [(row["name"], row["text"]) for row in last["globals"]] == [("secret", "7")]
    assert [(row["name"], row["calls"]) for row in driver.told["called"]] == [("one", 2), ("two", 1), ("_start", 1)]


# ---- where it cannot be ----


def test_what_the_host_cannot_run_is_interpreted_and_told() -> None:
    waits = b"""(module (memory 1 1 shared) (func (export "_start")
      (drop (memory.atomic.notify (i32.const 0) (i32.const 1)))))"""
    driver = Driver(waits).start()
    go(driver)
    assert (driver.told["engine"], driver.told["state"]) == ("steps", "exited")
    assert "memory.atomic.notify" in driver.told["fallback"]


@pytest.fixture
def without_jspi() -> Iterator[None]:
    from js import Object, Reflect, WebAssembly

    description = Object.getOwnPropertyDescriptor(WebAssembly, "Suspending")
    Reflect.deleteProperty(WebAssembly, "Suspending")
    yield
    Object.defineProperty(WebAssembly, "Suspending", description)


def test_what_could_not_be_stopped_is_interpreted(without_jspi: None) -> None:
    driver = Driver("endless").start()
    go(driver, lambda: driver.told["instructions"] > 0)
    assert driver.told["engine"] == "steps"
    assert "JSPI" in driver.told["fallback"]
    driver.session.stop()
    assert driver.update()["state"] == "stopped"


@pytest.mark.shared("guests")
def test_a_program_of_go_for_javascript(shared: Path) -> None:
    folder = shared / "guests" / "go-js"
    driver = Driver((folder / "main.wasm").read_bytes())
    driver.start(name="main.wasm", args=["/data"], env=[["A", "1"]], stdin="ab\ncd\n")
    go(driver)
    assert driver.told["engine"] == "speed"
    assert driver.output == {"stdout": (folder / "expected_node.txt").read_bytes(), "stderr": b""}
    assert (driver.told["state"], driver.told["exitCode"], driver.told["files"]) == ("exited", 5, [])


@pytest.mark.shared("guests")
def test_a_program_of_go_waits_for_input(shared: Path) -> None:
    driver = Driver((shared / "guests" / "go-js" / "main.wasm").read_bytes()).start(args=["/data"])
    go(driver, lambda: driver.told["state"] == "waiting")
    assert b"args [/data]" in driver.output["stdout"]
    assert driver.told["state"] == "waiting"
    # so large a module is not slowed down for a count
    assert driver.told["instructions"] is None
    driver.session.feed(b"ab\n")
    go(driver, lambda: b"AB" in driver.output["stdout"])
    driver.session.end_input()
    assert (go(driver)["state"], driver.told["exitCode"]) == ("exited", 5)


def test_texts_are_run_too() -> None:
    driver = Driver(TEXTS["calls"].encode()).start(invoke="outer", args=["7"])
    go(driver)
    assert driver.told["results"] == [{"type": "i32", "text": "15"}]
