"""Pyodide in a worker of a page, without JSPI from its first line on: its guests wait in workers of that worker."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from pathlib import Path

import pytest

import wasmarium
from engines_host.workers import run

# Another Pyodide, with the package of this one.
WORKER = """
onmessage = async ({ data }) => {
  try {
    delete WebAssembly.Suspending;
    delete WebAssembly.promising;
    const { loadPyodide } = await import(`${data.origin}/pyodide.mjs`);
    const python = await loadPyodide({ indexURL: `${data.origin}/` });
    python.unpackArchive(data.archive, "zip", { extractDir: "/package" });
    python.runPython("import sys; sys.path.insert(0, '/package')");
    postMessage(await python.runPythonAsync(data.program));
  } catch (error) {
    postMessage(String(error.message));
  }
};
"""
PROGRAM = """
import asyncio, json
from pyodide.ffi import can_run_sync
from wasmarium import *

wat = '''(module (import "" "g" (func $g (param i32) (result i32))) (func (export "spin") (loop (br 0)))
  (func (export "f") (param i32) (result i32) (i32.add (call $g (local.get 0)) (call $g (i32.const 100)))))'''
one = ValType.i32()
config = Config()
config.epoch_interruption = True
store = Store(Engine(config))
store.set_epoch_deadline(1)
calls = 0

async def g(x):
    await asyncio.sleep(0.002)
    return 2 * x

imports = [Func(store, FuncType([one], [one]), g)]
at_once = Instance(store, Module(store.engine, wat), imports).fallback
instance = await Instance.instantiate_async(store, Module(store.engine, wat), imports)
exports = instance.exports(store)
found = [capabilities().waiting, can_run_sync(), instance.fallback, at_once]
found.append(await asyncio.gather(*(exports["f"].call_async(store, i) for i in range(4))))
store.engine.increment_epoch_after(0.05)
try:
    exports["spin"](store)
except Trap as trap:
    found.append(trap.trap_code.name)
json.dumps(found)
"""


def test_guests_wait() -> None:
    import js
    from pyodide.ffi import create_proxy, to_js

    if not hasattr(js, "document"):
        pytest.skip("needs a page: on Node test_without_jspi.py takes JSPI away")
    archive = io.BytesIO()
    package = Path(wasmarium.__file__).parent
    with zipfile.ZipFile(archive, "w") as zipped:
        for file in package.rglob("*"):
            if file.suffix in (".py", ".js"):
                zipped.write(file, f"wasmarium/{file.relative_to(package).as_posix()}")
    options = to_js({"type": "module"}, dict_converter=js.Object.fromEntries)
    blob = js.Blob.new(to_js([WORKER]), to_js({"type": "text/javascript"}, dict_converter=js.Object.fromEntries))
    worker = js.Worker.new(js.URL.createObjectURL(blob), options)

    async def answer() -> str:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        proxy = create_proxy(lambda event: future.set_result(event.data))
        worker.onmessage = proxy
        message = {"origin": js.location.origin, "archive": archive.getvalue(), "program": PROGRAM}
        worker.postMessage(to_js(message, dict_converter=js.Object.fromEntries))
        try:
            return await asyncio.wait_for(future, 120)
        finally:
            worker.terminate()
            proxy.destroy()

    said = run(answer())
    assert said.startswith("["), said
    waiting, blocks, fallback, at_once, results, code = json.loads(said)
    assert (waiting, blocks, fallback) == ("worker", False, None)
    assert "instantiate_async" in at_once
    assert results == [200 + 2 * i for i in range(4)]
    assert code == "INTERRUPT"
