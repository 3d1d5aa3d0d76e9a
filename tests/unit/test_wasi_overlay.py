"""A directory whose changes stay in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wasi.two_guests import OurGuest
from wasmarium import WasiConfig, WasmtimeError
from wasmarium.wasi.errno import Errno, WasiError
from wasmarium.wasi.filesystem import MemoryFileSystem, OverlayFileSystem, host_directory
from wasmarium.wasi.filesystem.base import OpenMode

WRITE = OpenMode(write=True)


@pytest.fixture
def lower(tmp_path: Path) -> Path:
    root = tmp_path / "lower"
    (root / "d" / "e").mkdir(parents=True)
    (root / "f").write_bytes(b"first")
    (root / "d" / "g").write_bytes(b"x" * 5000)
    (root / "d" / "e" / "h").write_bytes(b"deep")
    return root


def overlay(lower: Path, **more: Any) -> OverlayFileSystem:
    return OverlayFileSystem(lambda: host_directory(lower), **more)


def snapshot(root: Path) -> dict[str, Any]:
    return {
        str(path.relative_to(root)): (path.read_bytes() if path.is_file() else None, path.stat().st_mtime_ns)
        for path in sorted(root.rglob("*"))
    }


def test_everything_is_there_and_nothing_below_changes(lower: Path) -> None:
    before = snapshot(lower)
    volume = overlay(lower)
    root = volume.root()
    assert volume.tree() == {"f": b"first", "d": {"g": b"x" * 5000, "e": {"h": b"deep"}}}
    file = root.open_file("f", WRITE)
    assert file.read_at(0, 100) == b"first"
    assert file.write_at(1, b"IRS") == 3
    assert file.stat().size == 5
    file.close()
    root.open_file("new", OpenMode(write=True, create=True)).append(b"new")
    inner = root.open_directory("d")
    inner.open_file("g", OpenMode(write=True, truncate=True)).write_at(0, b"short")
    inner.rename("e", root, "moved")
    inner.make_directory("e")
    root.open_directory("moved").open_file("h", WRITE).append(b"er")
    assert volume.tree() == {
        "f": b"fIRSt",
        "new": b"new",
        "d": {"g": b"short", "e": {}},
        "moved": {"h": b"deeper"},
    }
    inner.remove_file("g")
    with pytest.raises(WasiError) as caught:
        root.remove_directory("d")
    assert caught.value.errno is Errno.NOTEMPTY
    inner.remove_directory("e")
    root.remove_directory("d")
    assert volume.tree() == {"f": b"fIRSt", "new": b"new", "moved": {"h": b"deeper"}}
    assert snapshot(lower) == before


def test_what_is_removed_stays_removed(lower: Path) -> None:
    volume = overlay(lower)
    root = volume.root()
    root.remove_file("f")
    with pytest.raises(WasiError):
        root.stat_at("f")
    assert [entry.name for entry in root.entries()] == ["d"]
    root.open_file("f", OpenMode(write=True, create=True, exclusive=True)).append(b"second")
    assert volume.tree()["f"] == b"second"
    assert (lower / "f").read_bytes() == b"first"


def test_reading_copies_nothing(lower: Path) -> None:
    (lower / "big").write_bytes(bytes(1 << 20))
    volume = overlay(lower, capacity=100_000)
    file = volume.root().open_file("big", WRITE)
    assert file.stat().size == 1 << 20
    assert file.read_at((1 << 20) - 5, 100) == bytes(5)
    used = volume.used
    with pytest.raises(WasiError) as caught:
        file.write_at(0, b"x")
    assert caught.value.errno is Errno.NOSPC
    assert volume.used == used
    file.set_size(0)
    file.write_at(0, b"x")
    assert volume.tree()["big"] == b"x"


def test_what_is_given_back_counts_no_more(lower: Path) -> None:
    volume = overlay(lower)
    root = volume.root()
    root.entries()
    listed = volume.used
    for _ in range(3):
        file = root.open_file("f", WRITE)
        file.append(b"y" * 1000)
        file.close()
        root.remove_file("f")
        assert volume.used < listed
        root.open_file("f", OpenMode(write=True, create=True)).close()


def test_a_directory_with_too_many_names(lower: Path) -> None:
    for number in range(50):
        (lower / "d" / str(number)).touch()
    volume = overlay(lower, capacity=10_000)
    inner = volume.root().open_directory("d")
    used = volume.used
    with pytest.raises(WasiError) as caught:
        inner.entries()
    assert caught.value.errno is Errno.NOSPC
    assert volume.used == used


def test_links_below_are_links_here(lower: Path) -> None:
    (lower / "out").symlink_to("/etc/passwd")
    (lower / "in").symlink_to("d/g")
    guest = OurGuest({"/": overlay(lower).root()})
    guest.put(1024, b"inoutd/../../x")
    assert guest.call("path_open", 3, 1, 1024, 2, 0, 2, 0, 0, 512) == "SUCCESS"
    assert guest.call("path_open", 3, 1, 1026, 3, 0, 2, 0, 0, 512) == "PERM"
    assert guest.call("path_open", 3, 1, 1029, 9, 0, 2, 0, 0, 512) == "PERM"


def test_it_works_over_memory_too() -> None:
    below = MemoryFileSystem({"a": b"1"})
    volume = OverlayFileSystem(below.root)
    volume.root().open_file("a", WRITE).append(b"2")
    assert (volume.tree(), below.tree()) == ({"a": b"12"}, {"a": b"1"})


def test_a_missing_directory_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(WasmtimeError, match="failed to add preopen dir"):
        WasiConfig().preopen_overlay(tmp_path / "nope", "/")
