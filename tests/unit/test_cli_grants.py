"""What `wasmarium run` grants, withholds and bounds; what it says of a denial."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from wasmarium.cli import main

WASI = "wasi_snapshot_preview1"
GUEST = f"""(module
  (import "{WASI}" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "{WASI}" "random_get" (func $random (param i32 i32) (result i32)))
  (import "{WASI}" "args_sizes_get" (func $args (param i32 i32) (result i32)))
  (import "{WASI}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "{WASI}" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasmarium" "http_open" (func $http (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasmarium" "ws_open" (func $ws (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1 100)
  (data (i32.const 100) "POSThttp://127.0.0.1:1/xws://127.0.0.1:1/ynew")
  (data (i32.const 200) "\\d0\\00\\00\\00\\03\\00\\00\\00out")
  (func (export "clock") (result i32) (call $clock (i32.const 0) (i64.const 0) (i32.const 0)))
  (func (export "random") (result i32) (call $random (i32.const 0) (i32.const 8)))
  (func (export "args") (result i32) (drop (call $args (i32.const 0) (i32.const 4))) (i32.load (i32.const 0)))
  (func (export "write") (result i32) (call $write (i32.const 1) (i32.const 200) (i32.const 1) (i32.const 0)))
  (func (export "create") (result i32)
    (call $open (i32.const 3) (i32.const 0) (i32.const 142) (i32.const 3) (i32.const 1)
                (i64.const 66) (i64.const 66) (i32.const 0) (i32.const 0)))
  (func (export "fetch") (result i32) (local $n i32)
    (loop $again
      (local.set $n (call $http (i32.const 100) (i32.const 4) (i32.const 104) (i32.const 20)
                                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
      (i32.store (i32.const 40) (i32.add (i32.load (i32.const 40)) (i32.const 1)))
      (br_if $again (i32.lt_u (i32.load (i32.const 40)) (i32.const 3))))
    (local.get $n))
  (func (export "websocket") (result i32)
    (call $ws (i32.const 124) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "forever") (loop (br 0))))"""
ACCES, NOTCAPABLE, PERM = "2\n", "76\n", "63\n"


@pytest.fixture
def call(tmp_path: Path, capsys: Any) -> Any:
    """Runs an export with options; status, output and errors."""
    path = tmp_path / "guest.wat"
    path.write_text(GUEST)

    def run(name: str, *options: str, arguments: tuple[str, ...] = ()) -> tuple[int, str, str]:
        status = main(["run", *options, "--invoke", name, str(path), *arguments])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


def test_what_is_denied_answers_so_and_is_told(call: Any) -> None:
    assert call("clock") == (0, "0\n", "")
    assert call("clock", "--deny", "random") == (0, "0\n", "")
    assert call("clock", "--deny", "clock,random") == (
        0,
        NOTCAPABLE,
        "wasmarium: denied clocks: take clock out of --deny\n",
    )
    assert call("random", "--deny=random")[1] == NOTCAPABLE
    assert call("args", "--deny", "args")[1] == "0\n"
    assert call("args")[1] == "1\n"


def test_a_denied_request_says_which_option_would_allow_it_and_once(call: Any) -> None:
    status, out, err = call("fetch")
    assert (status, out) == (0, ACCES)
    assert err == (
        "wasmarium: denied fetch POST http://127.0.0.1:1/x: "
        "allow it with --allow-fetch http://127.0.0.1:1, or http://127.0.0.1:1=POST\n"
    )
    assert call("fetch", "--allow-fetch", "http://127.0.0.1:1=GET")[1] == ACCES
    assert call("fetch", "--allow-fetch", "http://127.0.0.1")[1] == ACCES
    status, out, err = call("websocket", "--allow-ws", "ws://127.0.0.1:1/z")
    assert (out, err) == (
        ACCES,
        "wasmarium: denied websocket ws://127.0.0.1:1/y: allow it with --allow-ws ws://127.0.0.1:1/y\n",
    )


def test_an_audit_tells_everything(call: Any) -> None:
    err = call("clock", "--audit")[2].splitlines()
    assert "wasmarium: granted clocks" in err
    assert call("fetch", "--audit")[2].count("denied fetch POST") == 3


def test_directories(call: Any, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    assert call("create", "--dir-readonly", str(place)) == (0, PERM, "")
    assert call("create", "--dir-overlay", f"{place}::/")[1] == "0\n"
    assert list(place.iterdir()) == []
    assert call("create", "--dir", str(place))[1] == "0\n"
    assert [each.name for each in place.iterdir()] == ["new"]
    for option in ("--dir", "--dir-readonly", "--dir-overlay"):
        assert call("create", option, "nowhere") == (1, "", f"{option} nowhere: no such directory\n")


def test_memory_is_bounded(call: Any) -> None:
    assert call("grow", "--max-memory", "256K", arguments=("3",))[1] == "1\n"
    assert call("grow", "--max-memory", "256K", arguments=("4",))[1] == "-1\n"
    status, _, err = call("grow", "--max-memory", "65535", arguments=("0",))
    assert status == 1
    assert "memory" in err


def test_time_is_bounded(call: Any) -> None:
    begun = time.monotonic()
    status, _, err = call("forever", "--timeout", "0.2")
    assert status == 134
    assert err.startswith("trap: ")
    assert 0.2 <= time.monotonic() - begun < 20
    assert call("forever", "--fuel", "5000")[0] == 134


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--allow-fetch", "example.org"], "'example.org' is no plain address such as https://host"),
        (["--allow-fetch", "https://a/b"], "leave '/b' out"),
        (["--allow-fetch", "https://a=GET,!"], "are no methods such as GET,POST"),
        (["--allow-ws", "https://a"], "does not begin with ws:// or wss://"),
        (["--allow-ws", "ws://a*"], "leaves the host open: write ws://host/*"),
        (["--deny", "clocks"], "'clocks' is none of clock, random, args, stdio"),
        (["--max-memory", "lots"], "is no size such as 65536, 64K, 10M or 1G"),
        (["--timeout", "-1"], "is no time in seconds such as 2.5"),
        (["--fuel", "-1"], "is no number such as 1000000"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(call: Any, options: list[str], says: str) -> None:
    status, out, err = call("clock", *options)
    assert (status, out) == (2, "")
    assert says in err


class Terminal:
    """Standard input with a person behind it."""

    def __init__(self, *lines: str) -> None:
        self.lines = [f"{line}\n" for line in lines]

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self.lines.pop(0) if self.lines else ""


def test_a_person_at_the_terminal_is_asked(call: Any, monkeypatch: Any) -> None:
    for lines in (("what?", "", "never"), ("n",), ()):
        monkeypatch.setattr("sys.stdin", Terminal(*lines))
        status, out, err = call("fetch", "--ask")
        assert (status, out) == (0, ACCES)
        assert err.count("wasmarium: the program wants fetch POST http://127.0.0.1:1/x\n") == 1
        assert err.count("once / always / never? ") == max(len(lines), 1)
    monkeypatch.setattr("sys.stdin", Terminal("o", "o", "al"))
    _, out, err = call("websocket", "--ask")
    assert out == "0\n"
    assert err.count("wants websocket") == 1


def test_nobody_to_ask(call: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Terminal, "isatty", lambda self: False)
    monkeypatch.setattr("sys.stdin", Terminal())
    assert call("fetch", "--ask") == (1, "", "--ask: standard input is no terminal, so nobody can answer\n")
