"""What changed in an instance since the last look: memories, tables, globals.

Only what is looked at is copied, and only when it changed: an update costs what the guest did, not
what it has.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wasmarium.debug.values import Plain, plain_function, value_text
from wasmarium.runtime.function import FunctionInstance
from wasmarium.runtime.instance import ModuleInstance
from wasmarium.runtime.memory import MemoryInstance
from wasmarium.runtime.values import Value

LONGEST_WINDOW = 64 << 10
"""Bytes of memory that one look may ask for."""

MOST_ENTRIES = 2000
"""Table entries that one look may ask for, and globals that are shown at all."""

GLOBALS_AT_ONCE = 200
"""Globals that are looked at in one update of a guest that runs; each may have to be fetched from the host."""

_RUNS = re.compile(b"\x01+")
_UNSEEN = object()


@dataclass(frozen=True, slots=True)
class MemoryLook:
    """``length`` bytes of memory ``index`` from ``address`` on."""

    index: int
    address: int
    length: int


@dataclass(frozen=True, slots=True)
class TableLook:
    """``count`` entries of table ``index`` from ``first`` on."""

    index: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Look:
    """What someone looks at; ``frame`` counts from the innermost, 0."""

    memory: MemoryLook | None = None
    table: TableLook | None = None
    frame: int = 0

    @staticmethod
    def of(plain: Mapping[str, Any]) -> Look:
        """From plain data. Numbers out of range are brought into it."""
        memory, table = plain.get("memory"), plain.get("table")
        return Look(
            MemoryLook(int(memory["index"]), max(0, int(memory["address"])), _within(memory["length"], LONGEST_WINDOW))
            if memory
            else None,
            TableLook(int(table["index"]), max(0, int(table["first"])), _within(table["count"], MOST_ENTRIES))
            if table
            else None,
            max(0, int(plain.get("frame") or 0)),
        )


def _within(value: Any, most: int) -> int:
    return max(0, min(int(value), most))


class Observer:
    """Remembers what was told of ``instance``."""

    def __init__(self, instance: ModuleInstance) -> None:
        self._instance = instance
        self._names = instance.module.names
        self._sizes: list[int] = [-1] * len(instance.memories)
        self._table_sizes: list[int] = [-1] * len(instance.tables)
        self._globals: list[Value] = [_UNSEEN] * min(len(instance.globals), MOST_ENTRIES)
        self._next_global = 0
        self._window: tuple[MemoryLook, bytes] | None = None
        self._entries: tuple[TableLook, list[Value]] | None = None
        for memory in instance.memories:
            memory.watch()

    def changes(self, look: Look, whole: bool = True) -> Plain:
        """What is new; a key is absent where nothing is. Without ``whole`` some of what is new may come later."""
        found: Plain = {}
        memories = [row for i, memory in enumerate(self._instance.memories) if (row := self._memory(i, memory))]
        if memories:
            found["memories"] = memories
        tables = [row for i in range(len(self._instance.tables)) if (row := self._table(i))]
        if tables:
            found["tables"] = tables
        changed = [row for i in self._globals_at_hand(whole) if (row := self._global(i))]
        if changed:
            found["globals"] = changed
        if look.memory is not None and (window := self._memory_window(look.memory)):
            found["windows"] = [window]
        if look.table is not None and (entries := self._table_window(look.table)):
            found["entries"] = [entries]
        return found

    def _memory(self, index: int, memory: MemoryInstance) -> Plain | None:
        written = memory.written
        assert written is not None
        runs: list[int] = []
        if 1 in written:
            for run in _RUNS.finditer(written):
                runs += (run.start(), run.end() - run.start())
            written[:] = bytes(len(written))
        size = len(memory.data)
        if not runs and size == self._sizes[index]:
            return None
        self._sizes[index] = size
        declared = memory.declared
        maximum = declared.limits.maximum
        return {
            "index": index,
            "name": self._names.memories.get(index) or self._exported_as("memory", index),
            "size": size,
            "limit": None if maximum is None else maximum * declared.page_size,
            "written": runs,
        }

    def _memory_window(self, look: MemoryLook) -> Plain | None:
        if look.index >= len(self._instance.memories):
            return None
        data = self._instance.memories[look.index].data
        content = bytes(data[look.address : look.address + look.length])
        if self._window == (look, content):
            return None
        self._window = (look, content)
        return {
            "memory": look.index,
            "address": look.address,
            "data": base64.b64encode(content).decode("ascii"),
        }

    def _table(self, index: int) -> Plain | None:
        table = self._instance.tables[index]
        size = len(table.elements)
        if size == self._table_sizes[index]:
            return None
        self._table_sizes[index] = size
        return {
            "index": index,
            "name": self._names.tables.get(index) or self._exported_as("table", index),
            "type": table.declared.element.name,
            "size": size,
            "limit": table.declared.limits.maximum,
        }

    def _table_window(self, look: TableLook) -> Plain | None:
        if look.index >= len(self._instance.tables):
            return None
        table = self._instance.tables[look.index]
        entries = table.elements[look.first : look.first + look.count]
        before = self._entries
        # References are compared as objects: two equal strings are two externrefs.
        if (
            before is not None
            and before[0] == look
            and len(before[1]) == len(entries)
            and all(old is new for old, new in zip(before[1], entries, strict=True))
        ):
            return None
        self._entries = (look, entries)
        return {"table": look.index, "first": look.first, "entries": [_entry(value) for value in entries]}

    def _globals_at_hand(self, whole: bool) -> Iterable[int]:
        """Those to look at now: all of them, or the next ones in turn."""
        count = len(self._globals)
        if whole or count <= GLOBALS_AT_ONCE:
            return range(count)
        first, self._next_global = self._next_global, (self._next_global + GLOBALS_AT_ONCE) % count
        return [(first + i) % count for i in range(GLOBALS_AT_ONCE)]

    def _global(self, index: int) -> Plain | None:
        found = self._instance.globals[index]
        if not found.type.mutable and self._globals[index] is not _UNSEEN:
            return None
        value, before = found.value, self._globals[index]
        # The first test is for NaN, which differs from itself.
        if value is before or (value == before and type(value) is type(before)):
            return None
        self._globals[index] = value
        return {
            "index": index,
            "name": self._names.globals.get(index) or self._exported_as("global", index),
            "type": found.type.content.name,
            "mutable": found.type.mutable,
            "text": value_text(found.type.content, value),
        }

    def _exported_as(self, kind: str, index: int) -> str | None:
        for export in self._instance.module.exports:
            if export.kind == kind and export.index == index:
                return export.name
        return None


def _entry(value: Value) -> Plain | None:
    if value is None:
        return None
    if isinstance(value, FunctionInstance):
        return plain_function(value)
    return {"name": f"a {value.__class__.__name__}", "type": "", "function": None}
