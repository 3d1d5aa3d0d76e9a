"""Addresses of the network, read so that nobody can read them otherwise.

A policy is only as good as its reading of an address: where it sees one host and whoever connects sees
another, a grant for one is a way to the other. So only what every reader agrees on is an address here
(a part of RFC 3986): no user names, backslashes, spaces, dots as path segments or characters beyond
ASCII. What connects is given the address as written by :attr:`Address.url`, never the guest's own text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin

LONGEST_ADDRESS = 8192
"""Characters."""

HTTP = ("http", "https")
WEBSOCKET = ("ws", "wss")

_DEFAULT_PORT = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_ADDRESS = re.compile(
    r"(?P<scheme>[A-Za-z]+)://"
    r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?"
    r"(?P<query>\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
    r"(?:#[!-~]*)?"
)


@dataclass(frozen=True, slots=True)
class Address:
    """``port`` is there even where it is the scheme's own; ``path`` begins with a slash and holds the
    query. A fragment is forgotten: it never leaves the one who asks."""

    scheme: str
    host: str
    port: int
    path: str = "/"

    @property
    def origin(self) -> str:
        """Scheme, host, and the port unless it is the scheme's own."""
        port = "" if self.port == _DEFAULT_PORT[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"

    @property
    def url(self) -> str:
        """The whole address."""
        return self.origin + self.path

    @classmethod
    def parse(cls, text: str, schemes: tuple[str, ...] = HTTP) -> Address:
        """Read an address with one of ``schemes``. Raises ValueError, whose text says why it is none."""
        if len(text) > LONGEST_ADDRESS:
            raise ValueError(f"an address of more than {LONGEST_ADDRESS} characters")
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no plain address such as {schemes[-1]}://host:8080/path?query")
        scheme = found["scheme"].lower()
        if scheme not in schemes:
            raise ValueError(f"{text!r} does not begin with {' or '.join(f'{each}://' for each in schemes)}")
        port = int(found["port"]) if found["port"] else _DEFAULT_PORT[scheme]
        if not 0 < port < 65_536:
            raise ValueError(f"{text!r} has a port that cannot be")
        path = found["path"] or "/"
        if any(segment in (".", "..") for segment in re.sub("%2e", ".", path, flags=re.I).split("/")):
            raise ValueError(f"{text!r} has dots for a path segment")
        return cls(scheme, found["host"].lower(), port, path + (found["query"] or ""))

    def join(self, reference: str) -> Address:
        """Where ``reference``, which may be relative, leads from here. Raises ValueError."""
        return Address.parse(urljoin(self.url, reference), HTTP if self.scheme in HTTP else WEBSOCKET)


def parse_origin(text: str) -> str:
    """The origin that ``text`` names, as :attr:`Address.origin` gives it. Raises ValueError."""
    address = Address.parse(text)
    if address.path != "/":
        raise ValueError(f"{text!r} is more than an origin: leave {address.path!r} out")
    return address.origin


def parse_pattern(text: str) -> str:
    """The addresses that ``text`` names: one of a WebSocket, or with ``*`` at its end all that begin
    so (at the host's end at least). Raises ValueError."""
    if text.endswith("*"):
        # with a letter in place of the star, so that the rest is read as it stands
        return Address.parse(text[:-1] + "x", WEBSOCKET).url[:-1] + "*" if "/" in text[6:] else _no_host(text)
    return Address.parse(text, WEBSOCKET).url


def _no_host(text: str) -> str:
    raise ValueError(f"{text!r} leaves the host open: write ws://host/*")
