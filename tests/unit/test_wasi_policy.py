"""The policy: default deny, an event for every decision, and what a denial looks like to the guest."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from wasi.two_guests import OurGuest
from wasmarium.policy import Decision, Policy
from wasmarium.wasi.filesystem import MemoryFileSystem, host_directory

OUT, PATH = 512, 1024


def count_of(guest: OurGuest, kind: str) -> int:
    assert guest.call(f"{kind}_sizes_get", OUT, OUT + 4) == "SUCCESS"
    return int(struct.unpack("<L", guest.get(OUT, 4))[0])


def test_without_a_word_there_are_no_files_and_no_environment() -> None:
    log: list[Decision] = []
    guest = OurGuest(
        {"/": MemoryFileSystem({"f": ""}).root()},
        arguments=("program", "x"),
        environment=(("SECRET", "1"),),
        policy=Policy(audit=log.append),
    )
    assert count_of(guest, "args") == 2
    assert count_of(guest, "environ") == 0
    assert guest.call("fd_prestat_get", 3, OUT) == "BADF"
    guest.put(PATH, b"f")
    assert guest.call("path_open", 3, 0, PATH, 1, 0, 2, 0, 0, OUT) == "BADF"
    assert guest.call("clock_time_get", 0, 0, OUT) == "SUCCESS"
    assert guest.call("random_get", 0, 8) == "SUCCESS"
    denied = [str(decision) for decision in log if not decision.granted]
    assert denied == [
        "denied environment SECRET: needs environment SECRET",
        "denied directory:read /: needs directory / for reading",
    ]


def test_every_grant_is_an_event_once() -> None:
    log: list[Decision] = []
    guest = OurGuest(policy=Policy(audit=log.append, environment=frozenset({"A"})))
    for _ in range(3):
        guest.call("clock_time_get", 0, 0, OUT)
        guest.call("random_get", 0, 8)
    assert [(d.capability, d.subject, d.granted) for d in log] == [
        ("arguments", "", True),
        ("environment", "A", True),
        ("stdio", "", True),
        ("clocks", "", True),
        ("randomness", "", True),
    ]
    assert str(log[1]) == "granted environment A"


def test_each_default_can_be_withheld() -> None:
    log: list[Decision] = []
    policy = Policy(stdio=False, arguments=False, clocks=False, randomness=False, audit=log.append)
    guest = OurGuest(policy=policy, stdin=b"typed")
    assert count_of(guest, "args") == 0
    assert guest.call("clock_time_get", 0, 0, OUT) == "NOTCAPABLE"
    assert guest.call("clock_res_get", 1, OUT) == "NOTCAPABLE"
    before = guest.get(0, 8)
    assert guest.call("random_get", 0, 8) == "NOTCAPABLE"
    assert guest.get(0, 8) == before
    guest.put(PATH, struct.pack("<LL", 2048, 5))
    assert guest.call("fd_write", 1, PATH, 1, OUT) == "SUCCESS"
    assert not guest.stdout.content
    assert guest.call("fd_read", 0, PATH, 1, OUT) == "SUCCESS"
    assert guest.get(OUT, 4) == bytes(4)
    assert all(not d.granted and d.missing for d in log if d.capability != "environment")


def test_a_directory_is_granted_by_its_name_for_reading_or_writing(tmp_path: Path) -> None:
    for name in ("r", "w", "n"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text("x")
    given = {f"/{name}": host_directory(tmp_path / name) for name in ("r", "w", "n")}
    guest = OurGuest(given, policy=Policy(directories={"/r": False, "/w": True}))
    guest.put(PATH, b"fg")
    assert guest.call("path_open", 3, 0, PATH, 1, 0, 2, 0, 0, OUT) == "SUCCESS"
    assert guest.call("path_open", 3, 0, PATH, 1, 0, 66, 0, 0, OUT) == "PERM"
    assert guest.call("path_unlink_file", 3, PATH, 1) == "PERM"
    assert guest.call("path_open", 4, 0, PATH + 1, 1, 1, 66, 0, 0, OUT) == "SUCCESS"
    assert guest.call("fd_prestat_get", 5, OUT) == "BADF"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["f", "f", "f", "g"]
    guest.wasi.close()


def test_an_unknown_capability_is_a_mistake_of_the_host() -> None:
    with pytest.raises(ValueError, match="no capability is called 'flying'"):
        Policy().decide("flying")
