"""What ``wasmarium run`` grants and bounds: its options, and the policy that they make."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TextIO

from wasmarium.cli.complaint import Complaint
from wasmarium.policy import Answer, Decision, Policy
from wasmarium.policy.address import parse_origin, parse_pattern

WITH_VALUE = (
    *("--allow-fetch", "--allow-ws", "--max-memory", "--max-requests", "--max-sent", "--max-received"),
    *("--fuel", "--timeout", "--deny"),
)

DENIABLE = {"clock": "clocks", "random": "randomness", "args": "arguments", "stdio": "stdio"}
"""Word of the command line -> field of the policy."""

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    network = parser.add_argument_group("network (nothing unless granted)")
    network.add_argument(
        "--allow-fetch",
        action="append",
        default=[],
        type=_fetch,
        metavar="ORIGIN[=METHODS]",
        help="let the program ask a server by HTTP: https://api.example, or https://api.example=GET,HEAD for these "
        "methods only, or * for any server; redirects are checked too; may be repeated",
    )
    network.add_argument(
        "--allow-ws",
        action="append",
        default=[],
        type=_websocket,
        metavar="URL",
        help="let the program use a WebSocket, wss://host/path (with * at its end: all that begin so); without a * the "
        "program also finds it as an open socket, behind the directories: descriptor 3 where there are none; may be "
        "repeated",
    )
    network.add_argument("--max-requests", type=_count, metavar="N", help="requests and WebSockets in all")
    network.add_argument("--max-sent", type=_size, metavar="SIZE", help="bytes sent in all, such as 64K or 10M")
    network.add_argument("--max-received", type=_size, metavar="SIZE", help="bytes received in all")
    network.add_argument("--ask", action="store_true", help="ask here before denying, where this is a terminal")
    network.add_argument("--audit", action="store_true", help="tell every decision on standard error, not only denials")
    bounds = parser.add_argument_group("bounds")
    bounds.add_argument("--fuel", type=_count, metavar="N", help="trap after N instructions")
    bounds.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="trap after this time")
    bounds.add_argument(
        "--max-memory", type=_size, metavar="SIZE", help="the most that a memory may grow to, such as 64M"
    )
    bounds.add_argument(
        "--deny",
        type=_denied,
        default=frozenset(),
        metavar="LIST",
        help=f"withhold what a program has otherwise: any of {', '.join(DENIABLE)}, with commas",
    )


def policy(arguments: argparse.Namespace) -> Policy:
    """The policy that the options make. Raises Complaint."""
    if arguments.ask and not sys.stdin.isatty():
        raise Complaint("--ask: standard input is no terminal, so nobody can answer")
    fetch: dict[str, frozenset[str] | None] = {}
    for origin, methods in arguments.allow_fetch:
        before = fetch.get(origin, frozenset())
        fetch[origin] = None if methods is None or before is None else before | methods
    return Policy(
        # each is named by an option of its own
        environment=None,
        directories=None,
        fetch=fetch,
        websockets=arguments.allow_ws,
        requests=arguments.max_requests,
        sent_bytes=arguments.max_sent,
        received_bytes=arguments.max_received,
        memory=arguments.max_memory,
        fuel=arguments.fuel,
        wall_time=arguments.timeout,
        ask=_ask if arguments.ask else None,
        audit=_audit(arguments.audit, sys.stderr),
        **{DENIABLE[word]: False for word in arguments.deny},
    )


def sockets(arguments: argparse.Namespace) -> list[str]:
    """The WebSockets that become open sockets."""
    return [url for url in arguments.allow_ws if not url.endswith("*")]


def advice(decision: Decision) -> str:
    """What on the command line would have changed a denial."""
    if decision.capability == "fetch":
        method, _, url = decision.subject.partition(" ")
        origin = "/".join(url.split("/", 3)[:3])
        return f"allow it with --allow-fetch {origin}, or {origin}={method}"
    if decision.capability == "websocket":
        return f"allow it with --allow-ws {decision.subject}"
    if decision.capability == "network":
        return f"raise --max-{decision.subject.removesuffix('_bytes')}"
    word = next((word for word, name in DENIABLE.items() if name == decision.capability), None)
    return f"take {word} out of --deny" if word else f"it needs {decision.missing}"


def _audit(everything: bool, stream: TextIO) -> Callable[[Decision], None]:
    told: set[tuple[str, str]] = set()

    def audit(decision: Decision) -> None:
        if decision.granted:
            if everything:
                print(f"wasmarium: {decision}", file=stream)
            return
        key = decision.capability, decision.subject
        if everything or key not in told:
            # once: a guest may try for ever
            told.add(key)
            subject = f"{decision.capability} {decision.subject}".rstrip()
            print(f"wasmarium: denied {subject}: {advice(decision)}", file=stream)

    return audit


def _ask(decision: Decision) -> Answer:
    words = {answer.value: answer for answer in Answer}
    print(f"wasmarium: the program wants {decision.capability} {decision.subject}", file=sys.stderr)
    while True:
        print(f"  {' / '.join(words)}? ", end="", file=sys.stderr, flush=True)
        said = sys.stdin.readline()
        if not said:
            return Answer.NEVER
        found = [answer for word, answer in words.items() if word.startswith(said.strip().lower())]
        if len(found) == 1:
            return found[0]


def _fetch(text: str) -> tuple[str, frozenset[str] | None]:
    origin, equals, methods = text.partition("=")
    try:
        checked = origin if origin == "*" else parse_origin(origin)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not equals:
        return checked, None
    names = frozenset(name.strip().upper() for name in methods.split(","))
    if not all(name.isalpha() for name in names):
        raise argparse.ArgumentTypeError(f"{methods!r} are no methods such as GET,POST")
    return checked, names


def _websocket(text: str) -> str:
    try:
        return text if text == "*" else parse_pattern(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number such as 1000000")
    return int(text)


def _size(text: str) -> int:
    number, unit = (text[:-1], text[-1:].upper()) if text[-1:].isalpha() else (text, "")
    if not number.isdecimal() or unit not in _UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 65536, 64K, 10M or 1G")
    return int(number) * _UNITS[unit]


def _seconds(text: str) -> int:
    try:
        seconds = float(text)
        if not 0 <= seconds < 1e9:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time in seconds such as 2.5") from None
    return int(seconds * 1e9)


def _denied(text: str) -> frozenset[str]:
    words = frozenset(word.strip() for word in text.split(","))
    if unknown := sorted(words - DENIABLE.keys()):
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(DENIABLE)}")
    return words
