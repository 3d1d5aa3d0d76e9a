"""What a guest is granted. Without a word it gets its standard streams, the arguments it was started
with, clocks and randomness; no files, no environment, no network.

A policy is plain data. Every question asked of it is a decision, and every decision is told to
``audit``, with the grant that was missing where the answer is no.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace

from wasmarium.policy.address import Address, parse_origin, parse_pattern

ANY = "*"
"""In place of an origin or of an address: every one."""


class Answer(enum.Enum):
    """What a person says when asked: this once, from now on, or no (which is kept as well)."""

    ONCE = "once"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Decision:
    """One question and its answer. ``missing`` names the grant that would have made it a yes;
    ``answer`` is what a person said, or None where nobody was asked."""

    capability: str
    subject: str
    granted: bool
    missing: str = ""
    answer: Answer | None = None

    def __str__(self) -> str:
        asked = f"{self.capability} {self.subject}".rstrip()
        said = f" (answer: {self.answer.value})" if self.answer else ""
        return f"granted {asked}{said}" if self.granted else f"denied {asked}: needs {self.missing}{said}"


Ask = Callable[[Decision], "Answer | Awaitable[Answer]"]
"""A page's way to ask the person about a denial; a guest that asked for it waits meanwhile."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Grants to one guest.

    ``environment`` names the variables it may see, or None for all it is given. ``directories`` maps
    a preopened path of the guest to whether it may write there, or is None for all it is given.

    ``fetch`` maps origins (``https://api.example``, or ``*`` for every one) to the methods that may be
    used there, None being all. ``websockets`` are addresses (``wss://host/path``), each with ``*`` at its end for
    all that begin so, or ``*`` alone. What both may use together is bounded by ``requests`` (redirects and WebSockets
    count), ``sent_bytes`` and ``received_bytes`` (of bodies and messages); None is no bound.

    ``memory`` bounds each memory (bytes), ``fuel`` the instructions, ``wall_time`` the time from the
    guest's start (nanoseconds); None is no bound.

    ``ask`` is asked before a fetch or a WebSocket is denied. Raises ValueError for an origin or address
    that is none, and for a bound below 0; TypeError for what is of another kind.
    """

    stdio: bool = True
    arguments: bool = True
    clocks: bool = True
    randomness: bool = True
    environment: frozenset[str] | None = frozenset()
    directories: Mapping[str, bool] | None = field(default_factory=dict)
    fetch: Mapping[str, Iterable[str] | None] = field(default_factory=dict)
    websockets: Iterable[str] = ()
    requests: int | None = None
    sent_bytes: int | None = None
    received_bytes: int | None = None
    memory: int | None = None
    fuel: int | None = None
    wall_time: int | None = None
    ask: Ask | None = None
    audit: Callable[[Decision], object] | None = None

    def __post_init__(self) -> None:
        for name, kinds in (("environment", (Set, list, tuple)), ("directories", Mapping), ("fetch", Mapping)):
            given = getattr(self, name)
            if not isinstance(given, kinds) and (given is not None or name == "fetch"):
                raise TypeError(f"{name} is {given!r}, which is none of what it can be: see help(Policy)")
        for given in (self.websockets, *self.fetch.values()):
            # a string is an iterable too, of its letters
            if isinstance(given, str):
                raise TypeError(f"{given!r} stands where a collection is expected: write [{given!r}]")
        if self.environment is not None:
            object.__setattr__(self, "environment", frozenset(self.environment))
        origins = {
            origin if origin == ANY else parse_origin(origin): None if methods is None else frozenset(methods)
            for origin, methods in self.fetch.items()
        }
        object.__setattr__(self, "fetch", origins)
        patterns = frozenset(each if each == ANY else parse_pattern(each) for each in self.websockets)
        object.__setattr__(self, "websockets", patterns)
        for name in BOUNDS:
            bound = getattr(self, name)
            if bound is not None and (not isinstance(bound, int) or isinstance(bound, bool)):
                raise TypeError(f"{name} is {bound!r}, which is no whole number")
            if bound is not None and bound < 0:
                raise ValueError(f"{name} is {bound}, less than nothing")

    def decide(self, capability: str, subject: str = "") -> Decision:
        """Answer, and tell ``audit``. Raises ValueError for a capability that does not exist."""
        if capability in SWITCHES:
            granted = bool(getattr(self, capability))
            missing = capability
        elif capability == "environment":
            granted = self.environment is None or subject in self.environment
            missing = f"environment {subject}"
        elif capability in ("directory:read", "directory:write"):
            writes = capability == "directory:write"
            granted = (
                self.directories is None
                or self.directories.get(subject, False)
                or (not writes and subject in self.directories)
            )
            missing = f"directory {subject} for {'writing' if writes else 'reading'}"
        else:
            raise ValueError(f"no capability is called {capability!r}")
        return self.tell(Decision(capability, subject, granted, "" if granted else missing))

    def allows(self, capability: str, subject: str = "") -> bool:
        """Whether ``capability`` is granted for ``subject``."""
        return self.decide(capability, subject).granted

    def tell(self, decision: Decision) -> Decision:
        """Hand ``decision`` to ``audit``, and give it back."""
        if self.audit is not None:
            self.audit(decision)
        return decision

    def weigh_fetch(self, method: str, address: Address) -> Decision:
        """Whether ``method`` may be used at ``address``; the audit is not told yet, as someone may be asked."""
        granted = any(
            origin in (ANY, address.origin) and (methods is None or method in methods)
            for origin, methods in self.fetch.items()
        )
        missing = "" if granted else f"fetch {address.origin} for {method}"
        return Decision("fetch", f"{method} {address.url}", granted, missing)

    def weigh_websocket(self, address: Address) -> Decision:
        """Whether a WebSocket may be opened at ``address``; see :meth:`weigh_fetch`."""
        granted = any(
            address.url.startswith(pattern[:-1]) if pattern.endswith(ANY) else address.url == pattern
            for pattern in self.websockets
        )
        return Decision("websocket", address.url, granted, "" if granted else f"websocket {address.url}")

    @property
    def fetches_anything(self) -> bool:
        """Whether every method may be used everywhere, so that a redirect leads nowhere forbidden."""
        return ANY in self.fetch and self.fetch[ANY] is None

    @classmethod
    def everything_given(cls, audit: Callable[[Decision], object] | None = None) -> Policy:
        """Whatever the host hands in reaches the guest: for an API whose caller names each
        directory and variable anyway. The network still has to be granted."""
        return cls(environment=None, directories=None, audit=audit)

    def but(self, **changes: object) -> Policy:
        """The same policy with other values for some fields."""
        return replace(self, **changes)  # type: ignore[arg-type]


SWITCHES = ("stdio", "arguments", "clocks", "randomness")
"""What is granted as a whole or not at all."""

BOUNDS = ("requests", "sent_bytes", "received_bytes", "memory", "fuel", "wall_time")
"""Fields that bound what a guest uses."""
