"""What each guest of the benchmark is given to do. The scripts of a case print something that tells whether they were
right; ``start`` does next to nothing, ``compute`` no input or output, ``files`` little else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Files = Sequence[tuple[str, bytes]]


class Case(NamedTuple):
    """One run: arguments, the files in ``/w`` at the start, and standard input."""

    arguments: list[str]
    files: Files = ()
    stdin: bytes = b""


PYTHON_COMPUTE = """
import hashlib, json
total = sum(i * i % 7 for i in range(2_000_000))
digest = b""
for i in range(20_000):
    digest = hashlib.sha256(digest + b"x").digest()
print(total, digest.hex(), len(json.dumps(list(range(100_000)))))
"""
PYTHON_FILES = """
import os
for i in range(400):
    with open(f"/w/{i}.txt", "w") as file:
        file.write("line\\n" * 200)
total = 0
for turn in range(3):
    for name in sorted(os.listdir("/w")):
        total += os.stat(f"/w/{name}").st_size
        with open(f"/w/{name}") as file:
            total += sum(1 for line in file)
for i in range(0, 400, 2):
    os.remove(f"/w/{i}.txt")
print(total, len(os.listdir("/w")))
"""

MICROPYTHON_COMPUTE = """
import json
total = 0
for i in range(1_500_000):
    total += i * i % 7
words = {}
for i in range(50_000):
    key = "k" + str(i % 977)
    words[key] = words.get(key, 0) + len(json.dumps([i, {"a": key}]))
print(total, sum(words.values()))
"""
MICROPYTHON_FILES = """
import os
text = "line\\n" * 200
for i in range(400):
    with open("/w/%d.txt" % i, "w") as file:
        file.write(text)
total = 0
for turn in range(3):
    for name in sorted(os.listdir("/w")):
        total += os.stat("/w/" + name)[6]
        with open("/w/" + name) as file:
            while file.readline():
                total += 1
for i in range(0, 400, 2):
    os.remove("/w/%d.txt" % i)
print(total, len(os.listdir("/w")))
"""
"""This MicroPython is easily confused: where its garbage collector runs at a bad moment, it traps (on wasmtime too)."""

QUICKJS_COMPUTE = """
let total = 0;
for (let i = 0; i < 3000000; i++) total = (total + i * i % 7) | 0;
const words = new Map();
for (let i = 0; i < 100000; i++) {
  const key = "k" + i % 977;
  words.set(key, (words.get(key) ?? 0) + JSON.stringify([i, { a: key }]).length);
}
print(total, [...words.values()].reduce((a, b) => a + b));
"""
QUICKJS_FILES = """
for (let i = 0; i < 400; i++) {
  const file = std.open(`/w/${i}.txt`, "w");
  file.puts("line\\n".repeat(200));
  file.close();
}
let total = 0;
for (let turn = 0; turn < 3; turn++) {
  const [names] = os.readdir("/w");
  for (const name of names.filter((name) => name.endsWith(".txt")).sort()) {
    total += os.stat(`/w/${name}`)[0].size;
    const file = std.open(`/w/${name}`, "r");
    while (file.getline() !== null) total++;
    file.close();
  }
}
for (let i = 0; i < 400; i += 2) os.remove(`/w/${i}.txt`);
print(total, os.readdir("/w")[0].filter((name) => name.endsWith(".txt")).length);
"""


def _component(number: int) -> str:
    return f"""
type P{number} = {{ title: string; count?: number; on: boolean }};
export const C{number}: FC<P{number}> = ({{ title, count = {number}, on }}) => {{
  const list = [...Array(count).keys()].map((each) => each ** 2).filter((each) => each % 3 === {number % 3});
  if (!on) return <></>;
  return <section className="c{number}" title={{title ?? "none"}}>{{list.map((each) => <b key={{each}}>{{each}}</b>)}}</section>;
}};
"""  # noqa: E501


def _modules(count: int) -> Files:
    """An entry and as many modules, of which each takes something from the next."""
    chain = [f'import {{ v as next }} from "./m{i + 1}";\nexport const v: number = next + {i};\n' for i in range(count)]
    files = {f"m{i}.ts": text for i, text in enumerate(chain)}
    files[f"m{count}.ts"] = "export const v: number = 1;\n"
    files["entry.ts"] = 'import { v } from "./m0";\nconsole.log(v);\n'
    return [(name, text.encode()) for name, text in files.items()]


CASES: dict[str, dict[str, Case]] = {
    "CPython": {
        "start": Case(["python", "-c", "print('hello')"]),
        "compute": Case(["python", "-c", PYTHON_COMPUTE]),
        "files": Case(["python", "-c", PYTHON_FILES]),
    },
    "QuickJS": {
        "start": Case(["qjs", "-e", "print('hello')"]),
        "compute": Case(["qjs", "-e", QUICKJS_COMPUTE]),
        "files": Case(["qjs", "--std", "-e", QUICKJS_FILES]),
    },
    "MicroPython": {
        "start": Case(["micropython", "-c", "print('hello')"]),
        "compute": Case(["micropython", "-c", MICROPYTHON_COMPUTE]),
        "files": Case(["micropython", "-c", MICROPYTHON_FILES]),
    },
    "esbuild": {
        "start": Case(["esbuild", "--version"]),
        "compute": Case(
            ["esbuild", "--loader=tsx", "--minify"], (), "".join(_component(i) for i in range(2000)).encode()
        ),
        "files": Case(["esbuild", "--bundle", "--minify", "/w/entry.ts"], _modules(200)),
    },
}
