"""What a guest is granted. Without a word it gets its standard streams, the arguments it was started
with, clocks and randomness; no files, no environment, no network.

A policy is plain data. Every question asked of it is a decision, and every decision is told to
``audit``, with the grant that was missing where the answer is no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Decision:
    """One question and its answer. ``missing`` names the grant that would have made it a yes."""

    capability: str
    subject: str
    granted: bool
    missing: str = ""

    def __str__(self) -> str:
        asked = f"{self.capability} {self.subject}".rstrip()
        return f"granted {asked}" if self.granted else f"denied {asked}: needs {self.missing}"


@dataclass(frozen=True, slots=True)
class Policy:
    """Grants to one guest.

    ``environment`` names the variables it may see, or None for all it is given. ``directories`` maps
    a preopened path of the guest to whether it may write there, or is None for all it is given.
    """

    stdio: bool = True
    arguments: bool = True
    clocks: bool = True
    randomness: bool = True
    environment: frozenset[str] | None = frozenset()
    directories: Mapping[str, bool] | None = field(default_factory=dict)
    audit: Callable[[Decision], object] | None = None

    def decide(self, capability: str, subject: str = "") -> Decision:
        """Answer, and tell ``audit``. Raises ValueError for a capability that does not exist."""
        if capability in ("stdio", "arguments", "clocks", "randomness"):
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
        decision = Decision(capability, subject, granted, "" if granted else missing)
        if self.audit is not None:
            self.audit(decision)
        return decision

    def allows(self, capability: str, subject: str = "") -> bool:
        """Whether ``capability`` is granted for ``subject``."""
        return self.decide(capability, subject).granted

    @classmethod
    def everything_given(cls, audit: Callable[[Decision], object] | None = None) -> Policy:
        """Whatever the host hands in reaches the guest: for an API whose caller names each
        directory and variable anyway."""
        return cls(environment=None, directories=None, audit=audit)
