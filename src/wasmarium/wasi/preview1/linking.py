"""Host functions for linking: the rows of ``signatures`` with what implements them.

An implementation is a function of the same name in the file of its concern. It takes the guest's
:class:`Wasi`, the memory and the arguments; returns None for success or :class:`Wait`; raises
WasiError or OSError to fail. A row that nothing implements answers NOSYS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from wasmarium.errors import Trap
from wasmarium.runtime.function import Carried, Direct, HostCode, HostFunction, Pending
from wasmarium.runtime.guest_memory import GuestMemory
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.values import Value
from wasmarium.wasi.errno import Errno, WasiError, errno_of
from wasmarium.wasi.preview1 import arguments, clocks, descriptors, paths, poll, process, sockets, unstable
from wasmarium.wasi.preview1.context import Wasi
from wasmarium.wasi.preview1.quick import carried
from wasmarium.wasi.preview1.signatures import ABSENT_IN_UNSTABLE, PREVIEW1, SIGNATURES, UNSTABLE, defined_type
from wasmarium.wasi.preview1.waiting import Wait, pending

Implementation = Callable[..., "Wait | None"]

MAY_WAIT = frozenset({"fd_pread", "fd_read", "fd_write", "poll_oneoff", "sock_accept", "sock_recv", "sock_send"})
"""Functions that give a Pending where what they ask for is not there yet."""

_CONCERNS = (arguments, clocks, descriptors, paths, poll, process, sockets)


@cache
def implementations(module: str) -> dict[str, Implementation]:
    """What implements each function of ``module``, by name."""
    found: dict[str, Implementation] = {}
    for name in SIGNATURES:
        if module == UNSTABLE and name in ABSENT_IN_UNSTABLE:
            continue
        sources = (unstable, *_CONCERNS) if module == UNSTABLE else _CONCERNS
        found[name] = next((getattr(source, name) for source in sources if hasattr(source, name)), _missing)
    return found


def host_functions(wasi: Wasi, module: str = PREVIEW1) -> dict[str, HostFunction]:
    """Every function of ``module`` (one of ``MODULES``) for one guest, by name."""
    quick = carried(wasi) if module == PREVIEW1 else {}
    return {
        name: HostFunction(
            defined_type(name),
            host_code(wasi, implementation),
            name,
            host_direct(wasi, implementation, quick.get(name)),
            waits=name in MAY_WAIT,
        )
        for name, implementation in implementations(module).items()
    }


def _missing(wasi: Wasi, memory: GuestMemory, *arguments: int) -> None:
    raise WasiError(Errno.NOSYS)


def _memory(instance: ModuleInstance | None) -> GuestMemory:
    exported = None if instance is None else instance.exports.get("memory")
    if not isinstance(exported, MemoryInstance):
        raise Trap("missing required memory export")
    return GuestMemory(exported)


def host_code(context: Any, implementation: Implementation) -> HostCode:
    """The code of a host function that gives an error number: ``implementation`` gets ``context``, the
    caller's memory and the arguments."""

    def code(instance: ModuleInstance | None, arguments: Sequence[Value]) -> Sequence[Value] | Pending:
        memory = _memory(instance)
        try:
            wait = implementation(context, memory, *arguments)
        except WasiError as error:
            return (error.errno.value,)
        except OSError as error:
            return (errno_of(error).value,)
        return _SUCCESS if wait is None else pending(wait)

    return code


def host_direct(context: Any, implementation: Implementation, quick: Carried | None = None) -> Direct:
    """The same as :func:`host_code`, the quick way; ``quick`` is a still quicker one."""

    def bind(caller: Callable[[], ModuleInstance | None]) -> Callable[..., Any]:
        memory: GuestMemory | None = None

        def call(*arguments: int) -> int | Pending:
            nonlocal memory
            if memory is None:
                memory = _memory(caller())
            try:
                wait = implementation(context, memory, *arguments)
            except WasiError as error:
                return error.errno.value
            except OSError as error:
                return errno_of(error).value
            return 0 if wait is None else pending(wait)

        return call

    return Direct(bind(_nobody), finish_direct, bind, quick)


def finish_direct(given: Any) -> Sequence[Value] | Pending:
    """What :func:`host_direct` gives, as results."""
    return given if isinstance(given, Pending) else (given,)


def _nobody() -> None:
    return None


_SUCCESS = (Errno.SUCCESS.value,)
