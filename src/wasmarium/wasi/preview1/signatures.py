"""Every function of preview 1: one row each, from which the host functions are made.

A row names the parameters by their witx types. All are 32 bits wide (unsigned at this level) but
those of 64: ``filesize``, ``filedelta``, ``timestamp``, ``rights``, ``dircookie``. Results go
through pointers (``out``), the function itself gives the error number; ``proc_exit`` gives nothing.
A string is a pointer and a length.
"""

from __future__ import annotations

from functools import cache

from wasmarium.types import I32, I64, DefinedType, FunctionType, define_function

PREVIEW1 = "wasi_snapshot_preview1"
UNSTABLE = "wasi_unstable"
MODULES = (PREVIEW1, UNSTABLE)
"""The import modules that preview 1 answers for."""

_ROWS = """
args_get                  argv:out argv_buf:out
args_sizes_get            count:out size:out
environ_get               environ:out environ_buf:out
environ_sizes_get         count:out size:out
clock_res_get             id:clockid resolution:out
clock_time_get            id:clockid precision:timestamp time:out
fd_advise                 fd:fd offset:filesize length:filesize advice:advice
fd_allocate               fd:fd offset:filesize length:filesize
fd_close                  fd:fd
fd_datasync               fd:fd
fd_fdstat_get             fd:fd stat:out
fd_fdstat_set_flags       fd:fd flags:fdflags
fd_fdstat_set_rights      fd:fd base:rights inheriting:rights
fd_filestat_get           fd:fd stat:out
fd_filestat_set_size      fd:fd size:filesize
fd_filestat_set_times     fd:fd accessed:timestamp modified:timestamp flags:fstflags
fd_pread                  fd:fd vectors:pointer count:size offset:filesize done:out
fd_prestat_get            fd:fd prestat:out
fd_prestat_dir_name       fd:fd path:out length:size
fd_pwrite                 fd:fd vectors:pointer count:size offset:filesize done:out
fd_read                   fd:fd vectors:pointer count:size done:out
fd_readdir                fd:fd buffer:out length:size cookie:dircookie used:out
fd_renumber               fd:fd to:fd
fd_seek                   fd:fd offset:filedelta whence:whence place:out
fd_sync                   fd:fd
fd_tell                   fd:fd place:out
fd_write                  fd:fd vectors:pointer count:size done:out
path_create_directory     fd:fd path:pointer path_length:size
path_filestat_get         fd:fd lookup:lookupflags path:pointer path_length:size stat:out
path_filestat_set_times   fd:fd lookup:lookupflags path:pointer path_length:size accessed:timestamp modified:timestamp flags:fstflags
path_link                 fd:fd lookup:lookupflags path:pointer path_length:size new_fd:fd new_path:pointer new_path_length:size
path_open                 fd:fd lookup:lookupflags path:pointer path_length:size oflags:oflags base:rights inheriting:rights flags:fdflags opened:out
path_readlink             fd:fd path:pointer path_length:size buffer:out length:size used:out
path_remove_directory     fd:fd path:pointer path_length:size
path_rename               fd:fd path:pointer path_length:size new_fd:fd new_path:pointer new_path_length:size
path_symlink              target:pointer target_length:size fd:fd path:pointer path_length:size
path_unlink_file          fd:fd path:pointer path_length:size
poll_oneoff               subscriptions:pointer events:out count:size done:out
proc_exit                 code:exitcode
proc_raise                signal:signal
random_get                buffer:out length:size
sched_yield
sock_accept               fd:fd flags:fdflags opened:out
sock_recv                 fd:fd vectors:pointer count:size flags:riflags done:out out_flags:out
sock_send                 fd:fd vectors:pointer count:size flags:siflags done:out
sock_shutdown             fd:fd how:sdflags
"""  # noqa: E501

_WIDE = frozenset({"filesize", "filedelta", "timestamp", "rights", "dircookie"})


def read_rows(rows: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """A table of functions from its text: a line each, its name and then ``parameter:kind``."""
    table = {}
    for row in rows.strip().splitlines():
        name, *parameters = row.split()
        pairs = (parameter.partition(":") for parameter in parameters)
        table[name] = tuple((parameter, kind) for parameter, _, kind in pairs)
    return table


SIGNATURES: dict[str, tuple[tuple[str, str], ...]] = read_rows(_ROWS)
"""Name -> (parameter, witx type) pairs."""

ABSENT_IN_UNSTABLE = frozenset({"sock_accept"})


@cache
def function_type(name: str) -> FunctionType:
    """The WebAssembly type of a function."""
    parameters = tuple(I64 if kind in _WIDE else I32 for _, kind in SIGNATURES[name])
    return FunctionType(parameters, () if name == "proc_exit" else (I32,))


@cache
def defined_type(name: str) -> DefinedType:
    """The same as a defined type."""
    return define_function(function_type(name))
