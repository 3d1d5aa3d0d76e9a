"""The file system in memory: bounds, links, times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wasmarium.wasi.errno import Errno, WasiError
from wasmarium.wasi.filesystem import Directory, File, FileType, MemoryFileSystem, paths, read_only
from wasmarium.wasi.filesystem.base import OpenMode
from wasmarium.wasi.filesystem.memory import NAME_COST, NODE_COST

CREATE = OpenMode(write=True, create=True)


def failing(action: Callable[[], object]) -> Errno:
    with pytest.raises(WasiError) as caught:
        action()
    return caught.value.errno


def create(directory: Directory, name: str, content: bytes = b"") -> File:
    file = directory.open_file(name, CREATE)
    file.write_at(0, content)
    return file


def test_a_tree_is_laid_out() -> None:
    volume = MemoryFileSystem({"text": "é", "bytes": b"\0\1", "d": {"e": {"f": "x"}}, "empty": {}})
    root = volume.root()
    assert [(entry.name, entry.kind) for entry in root.entries()] == [
        ("text", FileType.REGULAR_FILE),
        ("bytes", FileType.REGULAR_FILE),
        ("d", FileType.DIRECTORY),
        ("empty", FileType.DIRECTORY),
    ]
    file = paths.open_node(root, "d/e/f", False, OpenMode())
    assert isinstance(file, File)
    assert file.read_at(0, 10) == b"x"
    assert root.stat_at("text").size == 2


def test_content_beyond_the_capacity_is_refused_and_nothing_changes() -> None:
    volume = MemoryFileSystem(capacity=10_000)
    root = volume.root()
    file = create(root, "f", b"x" * 5000)
    room = volume.capacity - volume.used
    for action in (
        lambda: file.write_at(5000, b"y" * (room + 1)),
        lambda: file.write_at(1 << 60, b"y"),
        lambda: file.append(b"y" * (room + 1)),
        lambda: file.set_size(1 << 62),
        lambda: file.allocate(0, 1 << 62),
        lambda: file.set_size(5001 + room),
    ):
        assert failing(action) is Errno.NOSPC
    assert file.stat().size == 5000
    assert file.read_at(0, 6000) == b"x" * 5000
    assert file.append(b"y" * room) == room
    assert volume.used == volume.capacity


@pytest.mark.parametrize("kind", ["files", "directories", "symbolic links", "hard links", "long targets"])
def test_names_alone_cannot_exhaust_the_host(kind: str) -> None:
    volume = MemoryFileSystem({"f": ""}, capacity=1 << 20)
    root = volume.root()
    make: Callable[[int], object] = {
        "files": lambda i: create(root, f"n{i}").close(),
        "directories": lambda i: root.make_directory(f"n{i}"),
        "symbolic links": lambda i: root.make_link(f"n{i}", "f"),
        "hard links": lambda i: root.link("f", root, f"n{i}"),
        "long targets": lambda i: root.make_link(f"n{i}", "x" * 4096),
    }[kind]
    made = 0
    with pytest.raises(WasiError) as caught:
        while made < 1 << 20:
            make(made)
            made += 1
    assert caught.value.errno is Errno.NOSPC
    assert 0 < made <= (1 << 20) // NAME_COST


def test_everything_taken_is_given_back() -> None:
    volume = MemoryFileSystem()
    root = volume.root()
    empty = volume.used
    file = create(root, "f", b"x" * 1000)
    root.link("f", root, "g")
    root.make_link("l", "target")
    root.make_directory("d")
    inner = root.open_directory("d")
    root.rename("g", inner, "h")
    assert volume.used == empty + 1000 + 6 + 3 * NODE_COST + 4 * NAME_COST
    for name in ("f", "l"):
        root.remove_file(name)
    inner.remove_file("h")
    inner.close()
    root.remove_directory("d")
    # still open
    assert volume.used == empty + 1000 + NODE_COST
    file.set_size(10)
    file.write_at(10, b"y" * 20)
    assert volume.used == empty + 30 + NODE_COST
    file.close()
    file.close()
    assert volume.used == empty


def test_replacing_by_rename_gives_back_what_was_replaced() -> None:
    volume = MemoryFileSystem({"a": "x" * 100, "b": "y" * 200})
    root = volume.root()
    before = volume.used
    root.rename("a", root, "b")
    assert volume.used == before - 200 - NODE_COST - NAME_COST
    assert [entry.name for entry in root.entries()] == ["b"]


def test_hard_links_are_one_file() -> None:
    root = MemoryFileSystem({"f": "x"}).root()
    root.link("f", root, "g")
    assert root.stat_at("f").inode == root.stat_at("g").inode
    assert root.stat_at("g").links == 2
    create(root, "g", b"changed").close()
    assert root.open_file("f", OpenMode()).read_at(0, 10) == b"changed"
    # two names of one file: nothing happens, as POSIX asks
    root.rename("f", root, "g")
    assert root.stat_at("f").links == 2
    root.remove_file("f")
    assert root.stat_at("g").links == 1
    assert failing(lambda: root.link("g", root, "g")) is Errno.EXIST
    root.make_directory("d")
    assert failing(lambda: root.link("d", root, "e")) is Errno.PERM


def test_no_link_or_move_between_volumes() -> None:
    one, two = MemoryFileSystem({"f": "x"}).root(), MemoryFileSystem().root()
    assert failing(lambda: one.link("f", two, "g")) is Errno.XDEV
    assert failing(lambda: one.rename("f", two, "g")) is Errno.XDEV


def test_nothing_can_be_made_in_a_removed_directory() -> None:
    root = MemoryFileSystem({"d": {}, "f": "x"}).root()
    gone = root.open_directory("d")
    root.remove_directory("d")
    assert failing(lambda: create(gone, "f")) is Errno.NOENT
    assert failing(lambda: gone.make_directory("f")) is Errno.NOENT
    assert failing(lambda: root.rename("f", gone, "f")) is Errno.NOENT
    assert gone.entries() == []


def test_times_come_from_the_given_clock() -> None:
    now = [100]
    volume = MemoryFileSystem({"f": "x"}, now=lambda: now[0])
    root = volume.root()
    file = root.open_file("f", OpenMode(write=True))
    now[0] = 200
    file.read_at(0, 1)
    assert (file.stat().accessed, file.stat().modified, file.stat().changed) == (200, 100, 100)
    now[0] = 300
    file.append(b"y")
    assert (file.stat().accessed, file.stat().modified, file.stat().changed) == (200, 300, 300)
    now[0] = 400
    file.set_times(None, 7)
    assert (file.stat().accessed, file.stat().modified, file.stat().changed) == (200, 7, 400)
    now[0] = 500
    root.make_directory("d")
    assert (root.stat().modified, root.stat_at("d").modified) == (500, 500)


def test_read_only_means_that_nothing_changes() -> None:
    volume = MemoryFileSystem({"f": "content", "d": {"g": "x"}})
    root = read_only(volume.root())
    file = paths.open_node(root, "d/../f", True, OpenMode())
    assert isinstance(file, File)
    assert file.read_at(0, 10) == b"content"
    inner = paths.open_node(root, "d", True, OpenMode(), directory=True)
    assert isinstance(inner, Directory)
    used = volume.used
    for action in (
        lambda: paths.open_node(root, "f", True, OpenMode(write=True)),
        lambda: paths.open_node(root, "new", True, CREATE),
        lambda: paths.open_node(root, "f", True, OpenMode(truncate=True)),
        lambda: paths.open_node(inner, "g", True, OpenMode(write=True)),
        lambda: paths.make_directory(root, "new"),
        lambda: paths.make_link(inner, "new", "f"),
        lambda: paths.link(root, "f", root, "new"),
        lambda: paths.rename(root, "f", root, "new"),
        lambda: paths.remove_file(inner, "g"),
        lambda: paths.remove_directory(root, "d"),
        lambda: paths.set_times(root, "f", True, 1, 1),
        lambda: inner.set_times(1, 1),
        lambda: file.set_times(1, 1),
        lambda: file.set_size(0),
        lambda: file.allocate(0, 100),
        lambda: paths.link(root, "f", volume.root(), "new"),
    ):
        assert failing(action) in (Errno.PERM, Errno.XDEV)
    assert volume.used == used
    assert volume.root().stat_at("f").size == 7


def test_a_tree_may_be_deeper_than_python_calls() -> None:
    volume = MemoryFileSystem()
    directory = volume.root()
    for _ in range(5000):
        directory.make_directory("d")
        directory = directory.open_directory("d")
    found: Any = volume.tree()
    depth = 0
    while found:
        found, depth = found["d"], depth + 1
    assert depth == 5000
