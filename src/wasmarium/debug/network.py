"""The network of a session's guest: nothing leaves before the person in front of the page has said yes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from wasmarium.bridge.base import Platform
from wasmarium.bridge.log import LineLog
from wasmarium.bridge.signal import Signal
from wasmarium.debug.values import Plain
from wasmarium.debug.waiting import SessionClock
from wasmarium.hostcalls import Outside
from wasmarium.network import Access
from wasmarium.policy import Answer, Decision, Policy

MOST_QUESTIONS = 20
"""Open at once; beyond them the answer is no."""

MOST_REQUESTS = 1000
"""Of one run."""


class Questions:
    """What the guest wants and nobody has answered. ``changed`` says whether there is something new to tell."""

    def __init__(self) -> None:
        self._open: dict[int, Decision] = {}
        self._answers: dict[int, Answer] = {}
        self._numbers = count(1)
        self._signal = Signal()
        self.changed = False

    async def ask(self, decision: Decision) -> Answer:
        """The answer, when it is there."""
        if len(self._open) >= MOST_QUESTIONS:
            return Answer.NEVER
        number = next(self._numbers)
        self._open[number] = decision
        self.changed = True
        await self._signal.when(lambda: number in self._answers)
        return self._answers.pop(number)

    def answer(self, number: int, answer: Answer) -> None:
        """Somebody has answered. A question that is not open (any more) is passed over."""
        if self._open.pop(number, None) is not None:
            self._answers[number] = answer
            self.changed = True
            self._signal.notify()

    def close(self) -> None:
        """Nobody will answer what is open."""
        for number in list(self._open):
            self.answer(number, Answer.NEVER)

    def plain(self) -> list[Plain]:
        """What is open, in the order of asking."""
        self.changed = False
        return [
            {"id": number, "capability": decision.capability, "subject": decision.subject}
            for number, decision in self._open.items()
        ]


class SessionNetwork:
    """What one run of a guest has of the network. ``say`` shows a line to the person."""

    def __init__(self, platform: Platform, clock: SessionClock, say: Callable[[str], object]) -> None:
        self.questions = Questions()
        self._say = say
        policy = Policy(ask=self.questions.ask, audit=self._told, requests=MOST_REQUESTS)
        access = Access(platform.network, policy)
        self.outside = Outside(access=access, clock=clock, log=LineLog(say))

    def _told(self, decision: Decision) -> None:
        if decision.capability in ("fetch", "websocket", "network"):
            self._say(f"[{'granted' if decision.granted else 'denied'}] {decision.capability} {decision.subject}\n")

    def close(self) -> None:
        """The run is over: give up what is under way."""
        self.questions.close()
        self.outside.close()
