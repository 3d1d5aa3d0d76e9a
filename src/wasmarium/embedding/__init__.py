"""The public API, in the shape of wasmtime-py: one entity per file, the same names and behaviour.

What is beyond wasmtime's API is said where it stands: ``Func.call_async`` and the other ``…_async``,
indexing a :class:`Memory`, ``WasiConfig.stdin_custom``, and all about :class:`Policy`.
"""

from __future__ import annotations

from wasmarium.embedding.abilities import capabilities, open_storage
from wasmarium.embedding.caller import Caller
from wasmarium.embedding.config import Config
from wasmarium.embedding.engine import Engine
from wasmarium.embedding.external_type import ExportType, ImportType
from wasmarium.embedding.function import Func
from wasmarium.embedding.function_type import FuncType
from wasmarium.embedding.global_type import GlobalType
from wasmarium.embedding.global_variable import Global
from wasmarium.embedding.gojs import run_gojs, run_gojs_async
from wasmarium.embedding.instance import Instance, InstanceExports
from wasmarium.embedding.instance_pre import InstancePre
from wasmarium.embedding.limits import Limits
from wasmarium.embedding.linker import Linker
from wasmarium.embedding.loading import wat2wasm
from wasmarium.embedding.managed import Managed
from wasmarium.embedding.memory import Memory
from wasmarium.embedding.memory_type import MemoryType
from wasmarium.embedding.module import Module
from wasmarium.embedding.shared_memory import SharedMemory
from wasmarium.embedding.store import Store, StoreContext, Storelike
from wasmarium.embedding.table import Table
from wasmarium.embedding.table_type import TableType
from wasmarium.embedding.tag import Tag
from wasmarium.embedding.tag_type import TagType
from wasmarium.embedding.value import Val
from wasmarium.embedding.value_type import ValType
from wasmarium.embedding.wasi_config import DirPerms, FilePerms, WasiConfig
from wasmarium.errors import Frame, Trap, TrapCode
from wasmarium.errors import GuestExit as ExitTrap
from wasmarium.errors import WasmError as WasmtimeError
from wasmarium.policy import Policy

__all__ = [
    "Caller",
    "Config",
    "DirPerms",
    "Engine",
    "ExitTrap",
    "ExportType",
    "FilePerms",
    "Frame",
    "Func",
    "FuncType",
    "Global",
    "GlobalType",
    "ImportType",
    "Instance",
    "InstanceExports",
    "InstancePre",
    "Limits",
    "Linker",
    "Managed",
    "Memory",
    "MemoryType",
    "Module",
    "Policy",
    "SharedMemory",
    "Store",
    "StoreContext",
    "Storelike",
    "Table",
    "TableType",
    "Tag",
    "TagType",
    "Trap",
    "TrapCode",
    "Val",
    "ValType",
    "WasiConfig",
    "WasmtimeError",
    "capabilities",
    "open_storage",
    "run_gojs",
    "run_gojs_async",
    "wat2wasm",
]
