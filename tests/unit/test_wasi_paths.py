"""Paths: a guest reaches everything below its directory and nothing else, whatever it writes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest

from wasmarium.wasi.errno import Errno, WasiError, errno_of
from wasmarium.wasi.filesystem import Directory, File, FileType, MemoryFileSystem, host_directory, paths
from wasmarium.wasi.filesystem.base import OpenMode, Stat
from wasmarium.wasi.filesystem.host import PathDirectory
from wasmarium.wasi.filesystem.memory import MemoryDirectory, Tree

TREE: Tree = {"f": "hello", "d": {"g": "below", "e": {}}}
LINKS = {
    "to-f": "f",
    "to-d": "d",
    "to-g": "d/g",
    "dangling": "nothing",
    "self": "self",
    "ping": "pong",
    "pong": "ping",
    "absolute": "/etc/passwd",
    "root": "/",
    "up": "..",
    "up-and-back": "../outside",
    "deep-up": "d/../../outside",
    "slash": "f/",
    "d/back": "../f",
    "d/out": "../../secret",
}
READ, WRITE = OpenMode(), OpenMode(write=True)
CREATE = OpenMode(write=True, create=True)


def lay_out(folder: Path) -> None:
    (folder / "d" / "e").mkdir(parents=True)
    (folder / "f").write_text("hello")
    (folder / "d" / "g").write_text("below")
    for name, target in LINKS.items():
        os.symlink(target, folder / name)


@pytest.fixture(params=["memory", "host", "host by path"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Directory]:
    """The same tree in every kind of file system, with a secret beside it."""
    directory: Directory
    if request.param == "memory":
        directory = MemoryFileSystem(TREE).root()
        for name, target in LINKS.items():
            *above, last = name.split("/")
            (directory.open_directory(above[0]) if above else directory).make_link(last, target)
    else:
        (tmp_path / "secret").write_text("secret")
        inside = tmp_path / "inside"
        lay_out(inside)
        directory = host_directory(inside) if request.param == "host" else PathDirectory(str(inside))
    yield directory
    directory.close()


def failing(action: Callable[[], object]) -> Errno:
    try:
        action()
    except WasiError as error:
        return error.errno
    except OSError as error:
        return errno_of(error)
    return Errno.SUCCESS


def read(base: Directory, path: str) -> bytes:
    node = paths.open_node(base, path, True, READ)
    assert isinstance(node, File)
    try:
        return node.read_at(0, 100)
    finally:
        node.close()


ESCAPES = [
    "..",
    "../",
    "../secret",
    "d/../..",
    "d/../../secret",
    "d/e/../../../secret",
    "./../secret",
    "d//..//..//secret",
    "/",
    "//",
    "/etc/passwd",
    "/f",
    "absolute",
    "root",
    "root/etc/passwd",
    "up/secret",
    "up/inside/f",
    "up-and-back",
    "deep-up",
    "d/out",
    "to-d/out",
    "to-d/../../secret",
    "d/back/../..",
]
"""Each leads outside, on the way or at its end."""


@pytest.mark.parametrize("path", ESCAPES)
def test_nothing_outside_can_be_opened_looked_at_or_made(base: Directory, path: str) -> None:
    wanted = Errno.NOTDIR if path == "d/back/../.." else Errno.PERM
    assert failing(lambda: paths.open_node(base, path, True, READ)) is wanted
    assert failing(lambda: paths.open_node(base, path, True, CREATE)) is wanted
    assert failing(lambda: paths.open_node(base, path, True, READ, directory=True)) is wanted
    assert failing(lambda: paths.stat(base, path, True)) is wanted
    assert failing(lambda: paths.set_times(base, path, True, 1, 1)) is wanted


@pytest.mark.parametrize("path", [p for p in ESCAPES if p not in ("absolute", "root", "up-and-back", "deep-up")])
def test_nothing_outside_can_be_changed_by_name(base: Directory, path: str) -> None:
    ends_in_link = path in ("d/out", "to-d/out")
    refused = (Errno.PERM, Errno.NOTDIR)
    for action in (
        lambda: paths.make_directory(base, path + "/x"),
        lambda: paths.make_link(base, path + "/x", "f"),
        lambda: paths.link(base, "f", base, path + "/x"),
        lambda: paths.rename(base, "f", base, path + "/x"),
        lambda: paths.rename(base, path + "/f", base, "x"),
        lambda: paths.remove_file(base, path + "/secret"),
        lambda: paths.remove_directory(base, path + "/d"),
        lambda: paths.read_link(base, path + "/x"),
    ):
        assert failing(action) in refused, path
    if not ends_in_link:
        assert failing(lambda: paths.remove_file(base, path)) in refused
        assert failing(lambda: paths.rename(base, path, base, "x")) in refused
        assert failing(lambda: paths.rename(base, "f", base, path)) in refused
    assert read(base, "f") == b"hello"


def test_a_link_outside_may_be_removed_and_renamed_itself(base: Directory) -> None:
    paths.rename(base, "absolute", base, "moved")
    assert paths.stat(base, "moved", False).kind is FileType.SYMBOLIC_LINK
    # where it leads is nobody's business
    assert failing(lambda: paths.read_link(base, "moved")) is Errno.PERM
    paths.remove_file(base, "moved")
    assert failing(lambda: paths.stat(base, "moved", False)) is Errno.NOENT


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("f", b"hello"),
        ("./f", b"hello"),
        ("d/../f", b"hello"),
        ("d/e/../../f", b"hello"),
        ("d//g", b"below"),
        ("to-f", b"hello"),
        ("to-g", b"below"),
        ("to-d/g", b"below"),
        ("to-d/../f", b"hello"),
        ("d/back", b"hello"),
        ("to-d/back", b"hello"),
        ("d/e/../../to-d/./e/../g", b"below"),
    ],
)
def test_everything_inside_is_reached(base: Directory, path: str, content: bytes) -> None:
    assert read(base, path) == content


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("", Errno.NOENT),
        ("nothing", Errno.NOENT),
        ("nothing/", Errno.NOENT),
        ("nothing/..", Errno.NOENT),
        ("nothing/f", Errno.NOENT),
        ("dangling", Errno.NOENT),
        ("dangling/x", Errno.NOENT),
        ("f/", Errno.NOTDIR),
        ("f/.", Errno.NOTDIR),
        ("f/..", Errno.NOTDIR),
        ("f/x", Errno.NOTDIR),
        ("to-f/x", Errno.NOTDIR),
        ("slash", Errno.NOTDIR),
        ("self", Errno.LOOP),
        ("ping", Errno.LOOP),
        ("self/x", Errno.LOOP),
        ("f\0", Errno.INVAL),
        ("d\0/g", Errno.INVAL),
        ("x" * 256, Errno.NAMETOOLONG),
        ("é" * 128, Errno.NAMETOOLONG),
        ("d/" * 2100, Errno.NAMETOOLONG),
    ],
)
def test_what_is_not_there_says_why(base: Directory, path: str, wanted: Errno) -> None:
    assert failing(lambda: paths.open_node(base, path, True, READ)) is wanted
    assert failing(lambda: paths.stat(base, path, True)) is wanted


def test_without_following_the_link_itself_is_meant(base: Directory) -> None:
    assert paths.stat(base, "to-d", False).kind is FileType.SYMBOLIC_LINK
    assert paths.stat(base, "to-d/", False).kind is FileType.DIRECTORY
    assert paths.stat(base, "to-d", True).kind is FileType.DIRECTORY
    assert paths.stat(base, "absolute", False).kind is FileType.SYMBOLIC_LINK
    assert failing(lambda: paths.open_node(base, "to-f", False, READ)) is Errno.LOOP
    assert failing(lambda: paths.open_node(base, "absolute", False, CREATE)) is Errno.LOOP
    assert paths.read_link(base, "d/back") == "../f"
    assert failing(lambda: paths.read_link(base, "f")) is Errno.INVAL


def test_creating_through_a_dangling_link_creates_its_target(base: Directory) -> None:
    node = paths.open_node(base, "dangling", True, CREATE)
    assert isinstance(node, File)
    node.write_at(0, b"new")
    node.close()
    assert read(base, "nothing") == b"new"
    exclusive = OpenMode(write=True, create=True, exclusive=True)
    assert failing(lambda: paths.open_node(base, "dangling", True, exclusive)) is Errno.EXIST


@pytest.mark.parametrize("target", ["/", "/etc/passwd", "//x"])
def test_no_link_to_an_absolute_path_can_be_made(base: Directory, target: str) -> None:
    assert failing(lambda: paths.make_link(base, "x", target)) is Errno.PERM


def test_directories_are_not_files(base: Directory) -> None:
    assert failing(lambda: paths.open_node(base, "d", True, WRITE)) is Errno.ISDIR
    assert failing(lambda: paths.open_node(base, "d", True, CREATE)) is Errno.ISDIR
    assert failing(lambda: paths.open_node(base, "d/", True, CREATE)) is Errno.ISDIR
    assert failing(lambda: paths.open_node(base, "new/", True, CREATE)) is Errno.ISDIR
    assert failing(lambda: paths.open_node(base, "f", True, READ, directory=True)) is Errno.NOTDIR
    assert failing(lambda: paths.open_node(base, "d", True, CREATE, directory=True)) is Errno.INVAL
    assert failing(lambda: paths.remove_file(base, "d")) is Errno.ISDIR
    assert failing(lambda: paths.remove_directory(base, "f")) is Errno.NOTDIR
    assert failing(lambda: paths.remove_directory(base, "d")) is Errno.NOTEMPTY
    assert failing(lambda: paths.remove_directory(base, ".")) is Errno.INVAL
    assert failing(lambda: paths.make_directory(base, "d")) is Errno.EXIST
    assert failing(lambda: paths.make_directory(base, ".")) is Errno.EXIST
    assert failing(lambda: paths.link(base, "d", base, "x")) in (Errno.PERM, Errno.NOTSUP)


def test_renaming(base: Directory) -> None:
    assert failing(lambda: paths.rename(base, "f", base, "d")) is Errno.ISDIR
    assert failing(lambda: paths.rename(base, "d/e", base, "f")) is Errno.NOTDIR
    assert failing(lambda: paths.rename(base, "d", base, "d/e/x")) is Errno.INVAL
    assert failing(lambda: paths.rename(base, "d/e", base, "d")) in (Errno.NOTEMPTY, Errno.INVAL)
    assert failing(lambda: paths.rename(base, "f", base, "x/")) is Errno.NOTDIR
    paths.rename(base, "f", base, "f")
    paths.rename(base, "f", base, "d/g")
    assert read(base, "d/g") == b"hello"
    paths.rename(base, "d/", base, "moved/")
    assert read(base, "moved/g") == b"hello"
    assert failing(lambda: paths.stat(base, "d", True)) is Errno.NOENT


def test_a_name_that_was_replaced_and_removed_is_free_again(base: Directory) -> None:
    for path in ("a", "b"):
        paths.make_directory(base, path)
    paths.rename(base, "a", base, "b")
    paths.remove_directory(base, "b")
    paths.make_directory(base, "a")
    paths.make_directory(base, "b")
    paths.rename(base, "f", base, "d/g")
    paths.remove_file(base, "d/g")
    paths.open_node(base, "d/g", True, OpenMode(write=True, create=True, exclusive=True)).close()


class Swapping(Directory):
    """A directory in which another process swaps things: what was seen as a directory or a file is
    a link to the outside when it is opened."""

    def __init__(self, inner: Directory, swap: Callable[[], None]) -> None:
        self.inner = inner
        self.swap = swap

    def stat_at(self, name: str) -> Stat:
        found = self.inner.stat_at(name)
        self.swap()
        return found

    def open_directory(self, name: str) -> Directory:
        return self.inner.open_directory(name)

    def open_file(self, name: str, mode: OpenMode) -> File:
        return self.inner.open_file(name, mode)

    def set_times_at(self, name: str, accessed: int | None, modified: int | None) -> None:
        self.inner.set_times_at(name, accessed, modified)


@pytest.mark.parametrize("victim", ["d", "f"])
def test_a_swap_between_looking_and_opening_leads_nowhere(tmp_path: Path, victim: str) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    lay_out(inside)
    outside.mkdir()
    (outside / "g").write_text("secret")

    def swap() -> None:
        if not os.path.islink(inside / victim):
            os.rename(inside / victim, tmp_path / "away")
            os.symlink(outside if victim == "d" else outside / "g", inside / victim)

    base = host_directory(inside)
    path = "d/g" if victim == "d" else "f"
    answer = failing(lambda: paths.open_node(Swapping(base, swap), path, True, READ))
    assert answer in (Errno.NOTDIR, Errno.LOOP)
    before = (outside / "g").stat().st_mtime_ns
    failing(lambda: paths.set_times(base, path, False, 1, 1))
    assert (outside / "g").stat().st_mtime_ns == before
    base.close()


@pytest.mark.cpython("Emscripten remembers open directories by their path")
def test_an_open_directory_that_is_moved_stays_the_same_directory(tmp_path: Path) -> None:
    lay_out(tmp_path / "inside")
    base = host_directory(tmp_path / "inside")
    opened = paths.open_node(base, "d", True, READ, directory=True)
    assert isinstance(opened, Directory)
    os.rename(tmp_path / "inside" / "d", tmp_path / "moved")
    assert read(opened, "g") == b"below"
    assert failing(lambda: paths.open_node(opened, "../f", True, READ)) is Errno.PERM
    opened.close()
    base.close()


def try_everything(base: Directory, path: str) -> None:
    for action in (
        lambda: paths.open_node(base, path, True, READ).close(),
        lambda: paths.open_node(base, path, True, WRITE).close(),
        lambda: paths.open_node(base, path, True, READ, directory=True).close(),
        lambda: paths.stat(base, path, True),
        lambda: paths.rename(base, path, base, path),
        lambda: paths.link(base, path, base, path),
        lambda: paths.make_directory(base, path),
    ):
        failing(action)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd") or sys.platform == "emscripten", reason="counts /proc/self/fd")
def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    lay_out(tmp_path / "inside")
    before = len(os.listdir("/proc/self/fd"))
    base = host_directory(tmp_path / "inside")
    for path in (*ESCAPES, "d/e", "d/e/nothing", "to-d/g", "d/e/../../to-d/e", "self", "x" * 300):
        try_everything(base, path)
    base.close()
    assert len(os.listdir("/proc/self/fd")) == before


class Walked(MemoryDirectory):
    """A directory in which every path is walked."""

    def stat_path(self, path: str) -> None:
        return None

    def open_path(self, path: str) -> None:
        return None


NAMES = ("f", "d", "e", "to_f", "to_d", "gone", "..", ".", "", "n" * 256, "\N{GREEK SMALL LETTER LAMDA}" * 200, "a\0b")


@pytest.mark.parametrize("first", range(len(NAMES)))
def test_what_is_told_at_once_is_what_a_walk_finds(first: int) -> None:
    volume = MemoryFileSystem({"f": b"1", "d": {"f": b"22", "e": {"f": b"333"}}}, now=lambda: 0)
    volume.root().make_link("to_f", "f")
    volume.root().make_link("to_d", "d/e")
    for rest in ((), *product(NAMES, repeat=1), *product(NAMES, repeat=2)):
        path = "/".join((NAMES[first], *rest))
        quick, walked = (
            [_found(root, path, follow) for follow in (False, True)]
            for root in (volume.root(), Walked(volume, volume.root_inode))
        )
        assert quick == walked, path


def _found(root: Directory, path: str, follow: bool) -> list[object]:
    found: list[object] = []
    try:
        found.append(paths.stat(root, path, follow))
    except WasiError as error:
        found.append(error.errno)
    try:
        node = paths.open_node(root, path, follow, READ)
    except WasiError as error:
        found.append(error.errno)
    else:
        found += (node.kind, node.stat())
        node.close()
    return found
