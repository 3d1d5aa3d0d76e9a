"""A program from its start to its end: ``run``, and then ``resume`` for everything that happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from wasmarium.errors import Crash, WasmError
from wasmarium.gojs.values import UNDEFINED, Thing
from wasmarium.gojs.world import World
from wasmarium.runtime.guest_memory import GuestMemory

ARGUMENTS_AT = 4096
"""Where Go finds its arguments and its environment, and up to where they may reach (cmd/link's wasmMinDataAddr)."""
ARGUMENTS_END = 4096 + 8192

Call = Callable[..., Awaitable[object]]
"""Calls an export by name, with i32 arguments, to its end."""


class Program:
    """One run of one instance in ``world``, whose memory is ``memory``."""

    def __init__(self, world: World, memory: GuestMemory, call: Call) -> None:
        self._world = world
        self._memory = memory
        self._call = call

    async def run(self) -> None:
        """Run to the end. Raises GuestExit with the program's status, and what else ends a guest.

        Raises WasmError where arguments and environment are too long for it.
        """
        world = self._world
        try:
            await self._call("run", *self._place_arguments())
            while world.ended is None:
                turn = await world.callbacks.next()
                if turn is None:
                    # Nothing will ever wake it: Go finds that out itself, and says so.
                    await self._resume(Thing({"id": 0, "this": UNDEFINED}))
                    raise Crash("the program of Go waits for nothing")
                if isinstance(turn, int):
                    while world.callbacks.rings(turn):
                        await self._call("resume")
                    continue
                world.pending = None
                turn()
                # read again: the turn has set it
                event: Thing | None = world.pending
                if event is not None:
                    await self._resume(event)
        finally:
            world.callbacks.close()

    async def _resume(self, event: Thing) -> None:
        self._world.go.set("_pendingEvent", event)
        await self._call("resume")

    def _place_arguments(self) -> tuple[int, int]:
        """Write arguments and environment where Go expects them; their number and the address of the list."""
        world, memory = self._world, self._memory
        arguments = world.wasi.arguments or [b"js"]
        at = ARGUMENTS_AT
        pointers: list[int] = []
        size = 0
        for text in (*arguments, *world.wasi.environment):
            size += len(text) + 16
        if ARGUMENTS_AT + size + 8 * (len(arguments) + len(world.wasi.environment) + 2) > ARGUMENTS_END:
            raise WasmError("arguments and environment are too long for a program of Go: together at most 8 KiB")
        for group in (arguments, world.wasi.environment):
            for text in group:
                memory.write(at, text + b"\0")
                pointers.append(at)
                at = (at + len(text) + 8) & ~7
            pointers.append(0)
        for position, pointer in enumerate(pointers):
            memory.write_unsigned(at + 8 * position, pointer, 8)
        return len(arguments), at
