"""What the folder of a script says about it: the official suite keeps proposals in folders of their own."""

from __future__ import annotations

from pathlib import PurePath

from wasmarium.features import BY_NAME, DEFAULT, Features

# The tests of threads are those of the first release with atomics added: what came later and makes
# more modules valid is to be off for them.
_AFTER_THREADS = frozenset({"multi-memory", "reference-types", "function-references", "gc", "memory64"})


def features_of(path: PurePath, more: Features = frozenset()) -> Features:
    """What is on for the script at ``path``: DEFAULT, ``more``, and what the folders ``proposals/NAME``
    and ``legacy`` are about. A proposal that wasmarium does not know switches nothing on."""
    folders = path.parts[:-1]
    features = DEFAULT
    if folders[-2:-1] == ("proposals",):
        features |= BY_NAME.keys() & {folders[-1]}
        if folders[-1] == "threads":
            features -= _AFTER_THREADS
    elif folders[-1:] == ("legacy",):
        features |= {"legacy-exceptions"}
    return features | more
