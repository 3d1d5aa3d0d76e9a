"""What this platform can do."""

from __future__ import annotations

from dataclasses import dataclass, field

from wasmarium import bridge
from wasmarium.bridge.storage import Storage
from wasmarium.errors import Unsupported


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What :func:`capabilities` found.

    ``engines`` are the strategies that can be chosen. ``host_features`` says for every proposal by name
    whether the host's WebAssembly has it (empty without one), ``host_missing`` why there is no host engine.
    ``waiting`` is how a guest of the host engine waits for an async function: it is suspended (``jspi``), it holds a
    worker of its own (``worker``), or those that import such a function are interpreted (``interpreter``); so
    ``await func.call_async(…)`` works everywhere. ``waiting_reason`` says why it is that one, and WASMARIUM_WAITING in
    the environment chooses another; ``suspends``: the host engine can do it, in one of its two ways.
    ``shared_memory``: the platform has SharedArrayBuffer, so that threads may share a memory. ``blocks``: a plain call
    may wait for async functions right now; where it may not, ``await func.call_async(…)`` does.
    """

    platform: str
    engines: tuple[str, ...]
    suspends: bool
    shared_memory: bool
    blocks: bool
    host_features: dict[str, bool] = field(default_factory=dict)
    host_missing: str | None = None
    waiting: str = "interpreter"
    waiting_reason: str = "the interpreter can suspend a guest anywhere"


def capabilities(*, platform: bridge.Platform | None = None) -> Capabilities:
    """Look at what the platform can do.

    >>> from wasmarium import capabilities
    >>> "interpreter" in capabilities().engines
    True
    """
    found = platform if platform is not None else bridge.platform()
    try:
        host = found.webassembly()
    except Unsupported as error:
        blocks = found.name == "native"
        return Capabilities(found.name, ("interpreter",), False, False, blocks, {}, error.message)
    from wasmarium.engines.host.detect import features

    way, why = host.blocking()
    return Capabilities(
        found.name,
        ("interpreter", "host"),
        way != "interpreter",
        host.has_shared_memory(),
        host.can_block(),
        features(host),
        None,
        way,
        why,
    )


async def open_storage(name: str, *, platform: bridge.Platform | None = None) -> Storage:
    """Files that are still there next time: a folder called ``name`` in the browser's own storage of this site
    (the origin private file system), on CPython in the user's data folder. Give its ``path`` to a guest, and save::

        storage = await open_storage("notes")
        wasi.preopen_dir(storage.path, "/")
        ...
        await storage.save()

    WasmtimeError where nothing can be kept, and for a name of anything but letters, digits, _ and -.
    """
    found = platform if platform is not None else bridge.platform()
    return await found.storage(name)
