"""Where ``wasi_unstable`` differs: the order of whence, and the layouts of two structures."""

from __future__ import annotations

from functools import partial

from wasmarium.wasi.preview1 import descriptors, paths, poll
from wasmarium.wasi.preview1.abi import UNSTABLE_LAYOUT

fd_filestat_get = partial(descriptors.fd_filestat_get, layout=UNSTABLE_LAYOUT)
fd_seek = partial(descriptors.fd_seek, layout=UNSTABLE_LAYOUT)
path_filestat_get = partial(paths.path_filestat_get, layout=UNSTABLE_LAYOUT)
poll_oneoff = partial(poll.poll_oneoff, layout=UNSTABLE_LAYOUT)
