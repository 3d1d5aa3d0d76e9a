"""Random calls of WASI on sockets, over a network that is not there: an error number or a trap, nothing else."""

from __future__ import annotations

import random
import struct

import pytest

from wasi.two_guests import OurGuest
from wasmarium.bridge.fake import FakeClock, FakePlatform
from wasmarium.bridge.fake_network import FakeNetwork
from wasmarium.bridge.network import Message
from wasmarium.errors import Trap, Unsupported
from wasmarium.network import Access
from wasmarium.policy import Policy
from wasmarium.runtime.function import Pending
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.preview1 import Wasi
from wasmarium.wasi.preview1.signatures import SIGNATURES
from wasmarium.wasi.sockets import SocketDescriptor

ECHO, GONE, CHATTY = "ws://echo/", "ws://gone/", "ws://chatty/"
WORDS = [0, 1, 2, 3, 4, 5, 6, 8, 16, 256, 260, 1000, 4096, 131_064, 131_072, 1 << 31, 0xFFFF_FFF8]
LONGS = [0, 1, 1 << 31, 1 << 62, (1 << 64) - 1]
CALLS = sorted(name for name in SIGNATURES if name.startswith(("fd_", "sock_", "poll_")))


def guest(policy: Policy) -> OurGuest:
    chatter = [Message(b"a" * 3000, False), Message(b"", True), Message("ü".encode(), True)]
    network = FakeNetwork(sockets={ECHO: lambda message: [message], CHATTY: lambda message: chatter})
    access = Access(lambda: network, policy)
    platform = FakePlatform()
    made = Wasi(
        clock=FakeClock(step=1000),
        random=platform.random,
        sockets=[SocketDescriptor(access, url) for url in (ECHO, GONE, CHATTY)],
        policy=policy,
    )
    return OurGuest(wasi=made)


@pytest.mark.parametrize("seed", range(20))
def test_random_calls(seed: int) -> None:
    draw = random.Random(seed)
    budget = draw.choice([None, 0, 10, 5000])
    one = guest(Policy(websockets=["*"] if seed % 5 else [ECHO], received_bytes=budget, sent_bytes=budget))
    seen = set()
    for _ in range(400):
        name = draw.choice(CALLS)
        laid = []
        for parameter, kind in SIGNATURES[name]:
            if parameter == "fd":
                laid.append(draw.choice([3, 3, 4, 5, 5, 0, 99]))
            elif kind in ("filesize", "filedelta", "timestamp", "rights", "dircookie"):
                laid.append(draw.choice(LONGS))
            elif parameter == "vectors":
                laid.append(256)
            elif parameter == "subscriptions":
                laid.append(512)
            else:
                laid.append(draw.choice(WORDS[:8] if draw.random() < 0.7 else WORDS))
        pieces = [(draw.choice([4096, 8192, 131_000]), draw.choice([0, 1, 50, 5000])) for _ in range(4)]
        one.put(256, b"".join(struct.pack("<LL", *piece) for piece in pieces))
        kinds = [(draw.choice([0, 1, 2, 3]), draw.choice([3, 4, 5, 99])) for _ in range(4)]
        one.put(512, b"".join(struct.pack("<QB7xL4xQQH6x", 1, kind, fd, 0, 0, 0) for kind, fd in kinds))
        try:
            result = one.raw(name, *laid)
        except (Trap, Unsupported):
            # the guest's mistakes trap; a poll that nothing can end is refused by the fake clock
            continue
        if isinstance(result, Pending):
            # it would wait; this world has nobody to wake it
            continue
        seen.add(Errno(result[0]))
        assert len(one.wasi.descriptors) <= 6
    assert {Errno.SUCCESS, Errno.BADF} <= seen
    one.wasi.close()
