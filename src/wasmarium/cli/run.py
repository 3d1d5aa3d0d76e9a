"""``wasmarium run``: run a program, or call one function of a module."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wasmarium.cli import grants
from wasmarium.cli.complaint import Complaint, located, read
from wasmarium.cli.output import write
from wasmarium.embedding import Config, Engine, Func, Instance, Linker, Module, Store, ValType, WasiConfig
from wasmarium.embedding.gojs import run_gojs, wants_gojs
from wasmarium.errors import GuestException, GuestExit, Trap, WasmError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

TRAPPED = 134
"""The exit status when the guest traps: what wasmtime gives, and a shell for a program that aborts."""

SHOWN_FRAMES = 32
"""Frames of a backtrace that are printed; a stack overflow has thousands."""

DESCRIPTION = """
Run a WASI program. Exit code, standard input, standard output and standard error are the program's own.
Options before FILE are for wasmarium; everything behind FILE is for the program. A program can touch only
what it is given: no variables of the environment, no files and no network, unless you say so. What it was denied is
told on standard error, with the option that would have allowed it.
"""

EXAMPLES = """
examples:
  wasmarium run hello.wasm one two                the program sees hello.wasm, one, two
  wasmarium run --env LANG=C --env HOME prog.wasm one variable with a value, one as it is here
  wasmarium run --dir . prog.wasm notes.txt       the program finds this directory as "."
  wasmarium run --dir ./in::/data prog.wasm /data/a
  wasmarium run --dir-overlay . prog.wasm         it writes, and nothing is written
  wasmarium run --fuel 1000000 prog.wasm          give up after a million instructions
  wasmarium run --timeout 5 --max-memory 64M prog.wasm
  wasmarium run --allow-fetch https://api.example prog.wasm
  wasmarium run --allow-ws ws://localhost:8000/ client.wasm
  wasmarium run --deny clock,random prog.wasm     the same in every run
  wasmarium run --invoke add sum.wasm 2 3         call the export "add", print what it returns

When the program traps, a message and a backtrace go to standard error and the status is 134.
"""

_DIRECTORIES = ("--dir", "--dir-readonly", "--dir-overlay")
_WITH_VALUE = ("--env", *_DIRECTORIES, "--invoke", "--engine", *grants.WITH_VALUE)


def configure(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "run",
        help="run a WASI program, or call a function of a module",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        usage="wasmarium run [options] FILE [ARGS ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="K=V",
        help="give the program a variable (K alone: with the value it has here); may be repeated",
    )
    parser.add_argument(
        "--dir",
        action="append",
        default=[],
        metavar="HOST[::GUEST]",
        help="let the program use the directory HOST, which it finds as GUEST (or as HOST); may be repeated",
    )
    parser.add_argument(
        "--dir-readonly", action="append", default=[], metavar="HOST[::GUEST]", help="the same, to read only"
    )
    parser.add_argument(
        "--dir-overlay",
        action="append",
        default=[],
        metavar="HOST[::GUEST]",
        help="the same, but what the program changes is forgotten when it ends",
    )
    parser.add_argument("--invoke", metavar="NAME", help="call this export instead; ARGS are its arguments")
    parser.add_argument(
        "--engine",
        choices=("auto", "interpreter", "host"),
        help="what executes: the interpreter, or in Pyodide the WebAssembly of the browser or of Node; auto (which "
        "is what happens unless you or WASMARIUM_ENGINE say otherwise) is the fastest there is",
    )
    grants.configure(parser)
    parser.add_argument("file", metavar="FILE", help="a module, .wasm or .wat")
    parser.set_defaults(execute=execute)


def split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """A command line up to FILE, and what is behind it: the guest's arguments, whatever they look
    like."""
    position = 1
    while position < len(argv):
        word = argv[position]
        if word == "--":
            position += 1
            break
        if not word.startswith("-") or word == "-":
            break
        position += 2 if word in _WITH_VALUE else 1
    return list(argv[: position + 1]), list(argv[position + 1 :])


def execute(arguments: argparse.Namespace) -> int:
    """Run the program; its exit status."""
    path = arguments.file
    policy = grants.policy(arguments)
    config = Config()
    config.consume_fuel = policy.fuel is not None
    config.epoch_interruption = policy.wall_time is not None
    if arguments.engine is not None:
        config.strategy = arguments.engine
    try:
        engine = Engine(config)
        module = Module(engine, read(path))
        with Store(engine) as store:
            store.set_policy(policy)
            store.set_wasi(_world(arguments))
            linker = Linker(engine)
            linker.define_wasi()
            linker.define_wasmarium()
            linker.define_gojs()
            return _run(path, store, linker, module, arguments)
    except GuestExit as ended:
        # The system keeps eight bits; what is cut off must not turn a failure into a success.
        return ended.code if ended.code < 256 else ended.code & 0xFF or 1
    except Trap as trap:
        write(_trap_text(trap), sys.stderr)
        return TRAPPED
    except GuestException as error:
        write(f"trap: {error}", sys.stderr)
        return TRAPPED
    except WasmError as error:
        raise located(path, error) from None


def _world(arguments: argparse.Namespace) -> WasiConfig:
    wasi = WasiConfig()
    wasi.argv = [os.path.basename(arguments.file), *(() if arguments.invoke else arguments.guest)]
    for item in arguments.env:
        name, equals, value = item.partition("=")
        if equals:
            wasi.env = [(name, value)]
        elif name in os.environ:
            wasi.env = [(name, os.environ[name])]
    for option in _DIRECTORIES:
        for item in getattr(arguments, option.removeprefix("--").replace("-", "_")):
            host, _, guest = item.partition("::")
            if not os.path.isdir(host):
                raise Complaint(f"{option} {host}: no such directory")
            if option == "--dir-overlay":
                wasi.preopen_overlay(host, guest or host)
            else:
                wasi.preopen_dir(host, guest or host, fs_mutable=option == "--dir")
    for url in grants.sockets(arguments):
        wasi.preopen_websocket(url)
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    return wasi


def _run(path: str, store: Store, linker: Linker, module: Module, arguments: argparse.Namespace) -> int:
    instance = linker.instantiate(store, module)
    if arguments.engine == "host" and instance.fallback is not None:
        write(f"wasmarium: {path} runs on the interpreter: {instance.fallback}", sys.stderr)
    if arguments.invoke is None and wants_gojs(module):
        run_gojs(store, instance)
    if arguments.invoke is None:
        start = _function(path, store, instance, "_start")
        start(store)
        return 0
    if "_initialize" in instance.exports(store):
        _function(path, store, instance, "_initialize")(store)
    function = _function(path, store, instance, arguments.invoke)
    results = function(store, *_values(store, function, arguments.invoke, arguments.guest))
    for result in results if isinstance(results, list) else () if results is None else (results,):
        write(str(result), sys.stdout)
    return 0


def _function(path: str, store: Store, instance: Instance, name: str) -> Func:
    exports = instance.exports(store)
    found = exports.get(name)
    if isinstance(found, Func):
        return found
    names = [export for export, item in exports.items() if isinstance(item, Func)]
    offers = f"it exports the functions {', '.join(names)}" if names else "it exports no functions"
    advice = "; call one with --invoke NAME" if names and name == "_start" else ""
    raise Complaint(f"{path}: no function {name}: {offers}{advice}")


def _values(store: Store, function: Func, name: str, texts: Sequence[str]) -> list[Any]:
    types = function.type(store).params
    if len(texts) != len(types):
        wanted = " ".join(map(str, types)) or "none"
        raise Complaint(f"{name} takes {len(types)} arguments ({wanted}), {len(texts)} are given")
    return [_value(name, position, kind, text) for position, (kind, text) in enumerate(zip(types, texts, strict=True))]


def _value(name: str, position: int, kind: ValType, text: str) -> Any:
    try:
        if kind in (ValType.i32(), ValType.i64()):
            bits = 32 if kind == ValType.i32() else 64
            number = int(text, 0)
            if not -(1 << (bits - 1)) <= number < 1 << bits:
                raise ValueError
            return number
        if kind in (ValType.f32(), ValType.f64()):
            return float.fromhex(text) if "0x" in text.lower() else float(text)
    except ValueError:
        raise Complaint(f"{name}: argument {position + 1} is {text!r}, which is no {kind}") from None
    raise Complaint(f"{name}: argument {position + 1} is a {kind}, which the command line cannot give")


def _trap_text(trap: Trap) -> str:
    lines = [f"trap: {trap.message}"]
    if trap.frames:
        lines.append("wasm backtrace:")
        lines += [f"  {i}: {frame}" for i, frame in enumerate(trap.frames[:SHOWN_FRAMES])]
        if len(trap.frames) > SHOWN_FRAMES:
            lines.append(f"  … and {len(trap.frames) - SHOWN_FRAMES} more")
    return "\n".join(lines)
