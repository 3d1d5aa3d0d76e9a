"""The network as a guest is granted it: between the policy above and the bridge below.

``access`` asks the policy, and the person behind it, and counts what is used; ``fetch`` is a request that
looks at every redirect; ``connection`` is a WebSocket. Nothing leaves before it was granted. Failures are
OSErrors: EACCES what is not granted, EDQUOT what is used up, EINVAL what is no request at all, else what
the bridge says.
"""

from __future__ import annotations

from wasmarium.network.access import Access
from wasmarium.network.connection import Connection, check_websocket
from wasmarium.network.fetch import Fetch

__all__ = ["Access", "Connection", "Fetch", "check_websocket"]
