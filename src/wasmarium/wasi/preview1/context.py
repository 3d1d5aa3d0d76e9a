"""What one guest was given: its arguments, environment, descriptors, clocks, randomness, policy."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass

from wasmarium.bridge.base import Clock, InputStream, OutputStream, Random
from wasmarium.bridge.streams import NullInput, NullOutput
from wasmarium.policy import Policy
from wasmarium.wasi.descriptor import DescriptorTable, DirectoryDescriptor, InputDescriptor, OutputDescriptor
from wasmarium.wasi.errno import Errno
from wasmarium.wasi.filesystem.base import Directory, fail
from wasmarium.wasi.filesystem.restricted import READ_ONLY, RestrictedDirectory
from wasmarium.wasi.sockets import SocketDescriptor


@dataclass(frozen=True, slots=True)
class Preopen:
    """A directory that the guest finds open at the start, under the path ``name``."""

    name: str
    directory: Directory


class Wasi:
    """One guest's system.

    Everything is handed in; nothing is taken from the host unasked. ``policy`` decides what of it
    reaches the guest: an environment variable or a directory that it does not grant is left out, a
    clock or randomness that it does not grant answers NOTCAPABLE.

    Strings become UTF-8; ``arguments`` start with the program's name. Raises ValueError for an
    argument or variable that holds a zero character, which the guest could not see past.

    Descriptors are numbered in order: the three standard streams, the ``preopens`` that are granted,
    the ``sockets``.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        random: Random,
        arguments: Iterable[str] = (),
        environment: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        stdin: InputStream | None = None,
        stdout: OutputStream | None = None,
        stderr: OutputStream | None = None,
        preopens: Iterable[Preopen] = (),
        sockets: Iterable[SocketDescriptor] = (),
        policy: Policy | None = None,
    ) -> None:
        self.policy = policy if policy is not None else Policy()
        self.clock = clock
        self.random = random
        pairs = environment.items() if isinstance(environment, Mapping) else environment
        given = [text.encode("utf-8", "surrogateescape") for text in arguments]
        self.arguments = given if given and self.policy.allows("arguments") else []
        self.environment = [
            f"{name}={value}".encode("utf-8", "surrogateescape")
            for name, value in pairs
            if self.policy.allows("environment", name)
        ]
        for text in (*self.arguments, *self.environment):
            if b"\0" in text:
                raise ValueError(f"a zero character in {text!r}")
        self.descriptors = DescriptorTable()
        self._streams = [stream for stream in (stdin, stdout, stderr) if stream is not None]
        streams = self.policy.allows("stdio")
        self.descriptors.add(InputDescriptor(stdin if stdin is not None and streams else NullInput()))
        for stream in (stdout, stderr):
            self.descriptors.add(OutputDescriptor(stream if stream is not None and streams else NullOutput()))
        for preopen in preopens:
            self._preopen(preopen)
        # behind the directories: C libraries look for those from 3 on, and stop at what is none
        self._sockets = list(sockets)
        for socket in self._sockets:
            self.descriptors.add(socket)
        self._decided: dict[str, bool] = {}

    def _preopen(self, preopen: Preopen) -> None:
        directory = preopen.directory
        if not self.policy.allows("directory:read", preopen.name):
            directory.close()
            return
        if not self.policy.allows("directory:write", preopen.name):
            directory = RestrictedDirectory(directory, READ_ONLY)
        self.descriptors.add(DirectoryDescriptor(directory, preopen.name))

    def need(self, capability: str) -> None:
        """NOTCAPABLE unless the policy grants ``capability``; it is asked once only."""
        granted = self._decided.get(capability)
        if granted is None:
            granted = self._decided[capability] = self.policy.allows(capability)
        if not granted:
            fail(Errno.NOTCAPABLE)

    def turn(self) -> Awaitable[None] | None:
        """What a poll that does not wait must wait for, lest nothing ever arrives (``Network.turn``)."""
        return self._sockets[0].turn() if self._sockets else None

    def close(self) -> None:
        """Close every descriptor and the standard streams, when the guest has ended."""
        self.descriptors.close_all()
        for stream in self._streams:
            stream.close()
