"""The globals that programs of Go see: files, paths, numbers, bytes."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any

import pytest

from wasmarium.bridge.fake import FakePlatform
from wasmarium.errors import Denied
from wasmarium.gojs import World
from wasmarium.gojs.values import UNDEFINED, Array, Bytes, Function, Thing, Thrown, text_of
from wasmarium.policy import Policy
from wasmarium.wasi.filesystem import MemoryFileSystem
from wasmarium.wasi.preview1 import Preopen, Wasi


def world(*names: str, policy: Policy | None = None) -> World:
    platform = FakePlatform()
    policy = Policy(directories=None) if policy is None else policy
    preopens = [Preopen(name, MemoryFileSystem().root()) for name in names]
    return World(Wasi(clock=platform.clock, random=platform.random, preopens=preopens, policy=policy))


def until_done(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run what need not wait for anything."""
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    return done.value.value


def call(world: World, name: str, *arguments: Any) -> Any:
    """Call a function of fs and wait for its callback: the result, or the code of the error."""
    outcome: list[Any] = []
    function = world.globals.get("fs").get(name)
    assert isinstance(function, Function)
    function.code(UNDEFINED, [*arguments, Function(lambda this, given: outcome.extend(given))])
    assert outcome == [], "a callback never comes before its function has returned"
    turn = until_done(world.callbacks.next())
    assert callable(turn)
    turn()
    problem, result = outcome
    return result if problem is None else problem.get("code")


def constants(world: World) -> Mapping[str, int]:
    found: Mapping[str, int] = world.globals.get("fs").get("constants").properties
    return found


def test_a_file_from_its_making_to_its_end() -> None:
    go = world("/data")
    flags = constants(go)
    fd = call(go, "open", "/data/a.txt", flags["O_RDWR"] | flags["O_CREAT"] | flags["O_EXCL"], 0o644)
    assert call(go, "write", fd, Bytes(bytearray(b"-hello-")), 1, 5, None) == 5
    buffer = Bytes(bytearray(8))
    assert call(go, "read", fd, buffer, 2, 3, 1) == 3
    assert bytes(buffer.data) == b"\0\0ell\0\0\0"
    assert call(go, "fstat", fd).get("size") == 5
    assert call(go, "ftruncate", fd, 2) is UNDEFINED
    assert call(go, "close", fd) is UNDEFINED
    assert call(go, "close", fd) == "EBADF"
    assert call(go, "open", "/data/a.txt", flags["O_CREAT"] | flags["O_EXCL"] | 1, 0) == "EEXIST"
    assert call(go, "stat", "/data/a.txt").get("mode") == 0o100644
    assert call(go, "rename", "/data/a.txt", "/data/b.txt") is UNDEFINED
    assert call(go, "readdir", "/data").items == ["b.txt"]
    assert call(go, "unlink", "/data/b.txt") is UNDEFINED
    assert call(go, "lstat", "/data/b.txt") == "ENOENT"


def test_appending() -> None:
    go = world("/")
    flags = constants(go)
    for content in (b"one", b"two"):
        fd = call(go, "open", "/log", flags["O_WRONLY"] | flags["O_CREAT"] | flags["O_APPEND"], 0)
        call(go, "write", fd, Bytes(bytearray(content)), 0, 3, None)
        assert call(go, "read", fd, Bytes(bytearray(3)), 0, 3, 0) == "EBADF"
        call(go, "close", fd)
    fd = call(go, "open", "/log", 0, 0)
    buffer = Bytes(bytearray(9))
    assert call(go, "read", fd, buffer, 0, 9, None) == 6
    assert bytes(buffer.data[:6]) == b"onetwo"


@pytest.mark.parametrize("path", ["/other/x", "/data/../../etc/passwd", "/database/x", "../etc/x"])
def test_what_was_not_given_is_not_there(path: str) -> None:
    go = world("/data")
    assert call(go, "stat", path) == "ENOENT"
    assert call(go, "open", path, constants(go)["O_CREAT"] | 1, 0) == "ENOENT"


def test_what_lies_above_can_be_looked_at() -> None:
    go = world("/home/me/in", "/home/me/out")
    assert call(go, "stat", "/").get("isDirectory").code(UNDEFINED, []) is True
    assert call(go, "readdir", "/home/me").items == ["in", "out"]
    assert call(go, "readdir", "/").items == ["home"]
    assert call(go, "mkdir", "/home/you", 0) == "ENOENT"
    assert call(go, "fstat", call(go, "open", "/home", 0, 0)).get("isDirectory").code(UNDEFINED, []) is True


def test_the_longest_directory_that_fits_counts() -> None:
    go = world("/a", "/a/b")
    call(go, "mkdir", "/a/b/c", 0)
    assert call(go, "readdir", "/a/b").items == ["c"]
    assert call(go, "readdir", "/a").items == []


def test_links_stay_inside() -> None:
    go = world("/a")
    assert call(go, "symlink", "../../etc", "/a/up") is UNDEFINED
    assert call(go, "readlink", "/a/up") == "../../etc"
    assert call(go, "stat", "/a/up") == "EPERM"
    assert call(go, "symlink", "/etc", "/a/absolute") == "EPERM"


def test_only_what_is_read_may_be_asked_of_a_read_only_directory() -> None:
    go = world("/a", policy=Policy(directories={"/a": False}))
    assert call(go, "mkdir", "/a/b", 0) in ("EPERM", "EROFS", "EACCES")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("read", (0, Bytes(bytearray(4)), 5, 1, None)),
        ("read", (0, Bytes(bytearray(4)), -1, 1, None)),
        ("write", (1, Bytes(bytearray(4)), 0, 5, None)),
        ("write", (1, "text", 0, 1, None)),
        ("open", (Thing(), 0, 0)),
        ("utimes", ("/a/x", "yesterday", 0)),
        ("truncate", ("/a", -1)),
    ],
)
def test_arguments_that_make_no_sense(name: str, arguments: tuple[Any, ...]) -> None:
    assert call(world("/a"), name, *arguments) in ("EINVAL", "EISDIR")


def test_fewer_arguments_than_there_should_be() -> None:
    go = world("/a")
    for name, function in go.globals.get("fs").properties.items():
        if isinstance(function, Function) and name != "writeSync":
            assert call(go, name) is not None


def test_paths() -> None:
    go = world("/a")
    call(go, "mkdir", "/a/b", 0)
    process, resolve = go.globals.get("process"), go.globals.get("path").get("resolve")
    process.get("chdir").code(process, ["a/./b"])
    assert process.get("cwd").code(process, []) == "/a/b"
    assert resolve.code(UNDEFINED, ["x", "..", "y"]) == "/a/b/y"
    assert resolve.code(UNDEFINED, ["x", "/z"]) == "/z"
    with pytest.raises(Thrown) as thrown:
        process.get("chdir").code(process, ["nowhere"])
    assert thrown.value.value.get("code") == "ENOENT"


def test_what_the_policy_withholds() -> None:
    go = world(policy=Policy(clocks=False, randomness=False))
    for use in (go.monotonic, go.realtime, lambda: go.random(1)):
        with pytest.raises(Denied):
            use()


# what Node.js 20 prints for String(x)
@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (-0.5, "-0.5"),
        (1e21, "1e+21"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e-6, "0.000001"),
        (1.5e-6, "0.0000015"),
        (1e-7, "1e-7"),
        (1.25e300, "1.25e+300"),
        (float("inf"), "Infinity"),
        (float("nan"), "NaN"),
    ],
)
def test_numbers_as_text(number: float, text: str) -> None:
    assert text_of(number) == text


def test_what_is_an_instance_of_what() -> None:
    go = world()
    make = {name: go.globals.get(name) for name in ("Object", "Array", "Uint8Array", "Error", "Date")}
    made = {name: function.construct([]) for name, function in make.items()}
    for name, value in made.items():
        assert go.is_instance(value, make["Object"])
        assert [other for other in made if other != "Object" and go.is_instance(value, make[other])] == (
            [] if name == "Object" else [name]
        )
    assert not go.is_instance("text", make["Object"])
    with pytest.raises(Thrown, match="Invalid typed array length"):
        make["Uint8Array"].construct([1 << 40])
    assert make["Uint8Array"].construct([Array([1, 257])]).data == b"\1\1"


def test_arrays_within_themselves_have_no_text() -> None:
    endless = Array()
    endless.items.append(endless)
    with pytest.raises(Thrown, match="within 50 others"):
        text_of(endless)
    wide = Array(["x" * 1_000_000] * 100)
    with pytest.raises(Thrown, match="string length"):
        text_of(wide)
