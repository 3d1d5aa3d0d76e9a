"""A dozen calls at once into one worker, which wait, raise, call one another and are given up as it happens: each still
gives what it must, and none stands still."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable

import pytest

from engines_host.workers import I32, Away, run
from wasmarium.errors import Unsupported

pytestmark = pytest.mark.usefixtures("without_jspi")

WAT = """(module (import "" "g" (func $g (param i32) (result i32))) (memory (export "m") 1 10)
  (func (export "twice") (param i32) (result i32)
    (i32.add (call $g (local.get 0)) (call $g (i32.add (local.get 0) (i32.const 1)))))
  (func (export "busy") (param i32) (result i32) (local i32)
    (loop (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br_if 0 (i32.lt_u (local.get 1) (local.get 0))))
    (call $g (local.get 1))))"""
NESTED = 4


class Boom(Exception):
    """What host functions raise."""


class Round:
    """One store."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.interrupted = bool(seed % 2)
        self.away = Away(epoch_interruption=self.interrupted)
        self.store = self.away.store
        if self.interrupted:
            self.store.set_epoch_deadline(1 << 40)
        self.exports = self.away.exports(WAT, self.away.function([I32], [I32], self.host))
        self.depth = 0
        self.seen: Counter[str] = Counter()

    def host(self, x: int) -> int | Awaitable[int]:
        kind = self.chance.random()
        if kind < 0.3:
            return x
        if kind < 0.5:
            return self.later(x)
        if kind < 0.6:
            raise Boom
        if kind < 0.75 and self.depth < NESTED:
            self.depth += 1
            try:
                self.exports["busy"](self.store, 5)
            # in a plain call nothing waits
            except (Boom, Unsupported):
                pass
            finally:
                self.depth -= 1
            return x
        if kind < 0.9 and self.depth < NESTED:
            return self.nested(x)
        self.exports["m"].grow(self.store, 0)
        return x

    async def later(self, x: int) -> int:
        await asyncio.sleep(self.chance.choice([0, 0, 0.001, 0.003]))
        if self.chance.random() < 0.1:
            raise Boom
        return x

    async def nested(self, x: int) -> int:
        self.depth += 1
        try:
            await self.exports["twice"].call_async(self.store, x)
        except Boom:
            pass
        finally:
            self.depth -= 1
        return x

    async def call(self, number: int) -> None:
        await asyncio.sleep(self.chance.random() * 0.004)
        try:
            async with asyncio.timeout(self.chance.choice([None, None, 0.002, 0.01])):
                if self.chance.random() < 0.6:
                    assert await self.exports["twice"].call_async(self.store, number) == 2 * number + 1
                else:
                    count = self.chance.choice([3, 1000, 1_000_000])
                    assert await self.exports["busy"].call_async(self.store, count) == count
            self.seen["ended"] += 1
        except Boom:
            self.seen["raised"] += 1
        except TimeoutError:
            self.seen["given up"] += 1

    async def all_of_them(self) -> None:
        await asyncio.wait_for(asyncio.gather(*map(self.call, range(12))), 60)


@pytest.mark.parametrize("seed", range(8))
def test_round(seed: int) -> None:
    each = Round(seed)
    run(each.all_of_them())
    assert each.seen.total() == 12
    # and then there is nobody left in the worker
    run(asyncio.sleep(0.05))
    worker = each.away.worker
    worker.look()
    worker.settle()
    assert (worker.turn, worker.ended, worker.runs) == (True, None, [])
