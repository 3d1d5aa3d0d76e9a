"""A whole process without JSPI: Node, where it was taken away before Pyodide came."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.cpython("starts a process")

ROOT = Path(__file__).resolve().parents[2]
RUNNER = """
delete WebAssembly.Suspending;
delete WebAssembly.promising;
const { at } = await import(process.argv[2]);
const { loadPyodide } = await import(at("node_modules", "pyodide", "pyodide.mjs"));
const python = await loadPyodide();
python.FS.mkdirTree("/src");
python.FS.mount(python.FS.filesystems.NODEFS, { root: at("src") }, "/src");
for (const name of Object.keys(process.env))
  if (name.startsWith("WASMARIUM_")) python.runPython(`import os; os.environ["${name}"] = "${process.env[name]}"`);
python.runPython("import sys; sys.path.insert(0, '/src'); sys.dont_write_bytecode = True");
console.log(await python.runPythonAsync(process.argv[3]));
// and now it ends by itself
"""
BEGINNING = """
import asyncio, json
from pyodide.ffi import can_run_sync
from wasmarium import *

assert not can_run_sync()
wat = '''(module (import "" "g" (func $g (param i32) (result i32))) (func (export "spin") (loop (br 0)))
  (func (export "f") (param i32) (result i32) (i32.add (call $g (local.get 0)) (i32.const 1))))'''
store = Store()
async def g(x):
    await asyncio.sleep(0.005)
    return 2 * x
instance = Instance(store, Module(store.engine, wat), [Func(store, FuncType([ValType.i32()], [ValType.i32()]), g)])
exports = instance.exports(store)
"""


def node() -> str:
    newer = ROOT / ".cache" / "node" / "node_modules" / ".bin" / "node"
    return str(newer) if newer.exists() else shutil.which("node") or ""


def run(program: str, tmp_path: Path, **environment: str) -> Any:
    script = tmp_path / "runner.mjs"
    script.write_text(RUNNER, encoding="utf-8")
    paths = (ROOT / "scripts" / "lib" / "paths.mjs").as_uri()
    ended = subprocess.run(
        [node(), str(script), paths, BEGINNING + program],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return json.loads(ended.stdout)


def test_a_guest_waits_in_a_worker_and_the_process_ends(tmp_path: Path) -> None:
    program = """
found = capabilities()
results = await asyncio.gather(*(exports["f"].call_async(store, i) for i in range(3)))
json.dumps([found.waiting, found.suspends, found.blocks, instance.fallback, results])
"""
    assert run(program, tmp_path) == ["worker", True, False, None, [1, 3, 5]]


def test_a_worker_that_is_busy_does_not_keep_the_process(tmp_path: Path) -> None:
    program = """
task = asyncio.ensure_future(exports["spin"].call_async(store))
await asyncio.sleep(0.05)
task.cancel()
json.dumps([instance.fallback, task.done()])
"""
    assert run(program, tmp_path) == [None, False]


def test_the_interpreter_is_what_is_left(tmp_path: Path) -> None:
    program = """
found = capabilities()
json.dumps([found.waiting, found.suspends, instance.fallback, await exports["f"].call_async(store, 4)])
"""
    waiting, suspends, fallback, result = run(program, tmp_path, WASMARIUM_WAITING="interpreter")
    assert (waiting, suspends, result) == ("interpreter", False, 9)
    assert "workers are not to be used" in fallback
