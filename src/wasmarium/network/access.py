"""What one guest may use of the network, and has used."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable

from wasmarium.bridge.network import Network
from wasmarium.bridge.signal import Signal
from wasmarium.policy import Address, Answer, Decision, Policy


class Permit:
    """The answer to one question; None as long as a person thinks about it."""

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        self.granted: bool | None = None

    def refusal(self) -> OSError:
        """What the guest gets."""
        return OSError(errno.EACCES, str(self.decision))


class Access:
    """One guest's way to the network.

    ``network`` gives the bridge's when it is needed first, so that a guest which asks for nothing, or for
    nothing that it is granted, needs none.
    """

    def __init__(self, network: Callable[[], Network], policy: Policy) -> None:
        self.policy = policy
        self._make = network
        self._network: Network | None = None
        self._left = {name: getattr(policy, name) for name in ("requests", "sent_bytes", "received_bytes")}
        self._said: dict[tuple[str, str], bool] = {}
        self._told: set[str] = set()

    @property
    def network(self) -> Network:
        """The bridge's. Raises Unsupported where there is none."""
        if self._network is None:
            self._network = self._make()
        return self._network

    def ask_fetch(self, method: str, address: Address, signal: Signal) -> Permit:
        """Whether ``method`` may be used at ``address``; ``signal`` tells when a person has answered."""
        return self._ask(self.policy.weigh_fetch(method, address), f"{method} {address.origin}", signal)

    def ask_websocket(self, address: Address, signal: Signal) -> Permit:
        """Whether a WebSocket may be opened at ``address``."""
        return self._ask(self.policy.weigh_websocket(address), address.url, signal)

    def _ask(self, decision: Decision, kind: str, signal: Signal) -> Permit:
        key = decision.capability, kind
        permit = Permit(decision)
        if decision.granted or key in self._said or self.policy.ask is None:
            self._settle(permit, decision.granted or self._said.get(key, False), None)
            return permit
        answer = self.policy.ask(decision)
        if isinstance(answer, Answer):
            self._answered(permit, key, answer)
        else:
            self.network.spawn(self._wait(permit, key, answer, signal))
        return permit

    async def _wait(self, permit: Permit, key: tuple[str, str], answer: Awaitable[Answer], signal: Signal) -> None:
        try:
            self._answered(permit, key, await answer)
        except Exception as error:
            # whoever fails to answer has not said yes, and may be asked again
            self._settle(permit, False, None, f" (asking failed: {error!r})")
        finally:
            if permit.granted is None:
                self._settle(permit, False, None, " (nobody answered)")
            signal.notify()

    def _answered(self, permit: Permit, key: tuple[str, str], answer: Answer) -> None:
        if answer is not Answer.ONCE:
            self._said[key] = answer is Answer.ALWAYS
        self._settle(permit, answer is not Answer.NEVER, answer)

    def _settle(self, permit: Permit, granted: bool, answer: Answer | None, note: str = "") -> None:
        asked = permit.decision
        missing = "" if granted else asked.missing + note
        permit.decision = self.policy.tell(Decision(asked.capability, asked.subject, granted, missing, answer))
        permit.granted = granted

    def left(self, name: str, wanted: int) -> int:
        """How much of ``wanted`` is left of the budget ``name``; what was used is not counted here."""
        left = self._left[name]
        return wanted if left is None else min(wanted, left)

    def spend(self, name: str, amount: int) -> None:
        """Count. Raises OSError EDQUOT, having counted nothing, where less is left."""
        left = self._left[name]
        if left is None:
            return
        if amount > left:
            bound = getattr(self.policy, name)
            decision = Decision("network", name, False, f"{name} above {bound}")
            if name not in self._told:
                # once: a guest may try for ever
                self._told.add(name)
                self.policy.tell(decision)
            raise OSError(errno.EDQUOT, str(decision))
        self._left[name] = left - amount
