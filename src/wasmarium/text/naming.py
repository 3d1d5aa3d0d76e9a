"""Identifiers for what a module's name section names: valid, unique, and as near to the name as can be.

A name becomes ``$name``, or ``$"name"`` where it has characters that an identifier without quotes
cannot have. Names that are empty or taken already get an identifier of their own (or none), and
``(@name "...")`` beside it says what the name section says.
"""

from __future__ import annotations

from collections.abc import Mapping

from wasmarium.module import Module
from wasmarium.text.immediates import show_value_types
from wasmarium.text.lexer import IDENTIFIER_NAME
from wasmarium.types import FunctionType, SubType

_BYTES = {code: chr(code) if 0x20 <= code < 0x7F else f"\\{code:02x}" for code in range(256)}
_BYTES |= {ord('"'): '\\"', ord("\\"): "\\\\", ord("\n"): "\\n", ord("\t"): "\\t"}
_SPECIAL = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def show_bytes(data: bytes) -> str:
    """A string literal for bytes."""
    return f'"{data.decode("latin-1").translate(_BYTES)}"'


def show_text(text: str) -> str:
    """A string literal for a name."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    shown = [_SPECIAL.get(c) or (c if c.isprintable() else f"\\u{{{ord(c):x}}}") for c in text]
    return f'"{"".join(shown)}"'


def show_identifier(name: str) -> str:
    """An identifier for a name that is not empty."""
    return f"${name}" if IDENTIFIER_NAME.fullmatch(name) else f"${show_text(name)}"


class Identifiers:
    """Identifiers of one index space of ``count`` members; names beyond it are left out."""

    __slots__ = ("_annotations", "_identifiers")

    def __init__(self, names: Mapping[int, str], count: int) -> None:
        self._identifiers: dict[int, str] = {}
        self._annotations: dict[int, str] = {}
        taken = set(names.values())
        given = set()
        for index in sorted(names):
            if index >= count:
                break
            name = names[index]
            if not name or name in given:
                self._annotations[index] = f"(@name {show_text(name)})"
                if not name:
                    continue
                number = index
                while f"{name}_{number}" in taken:
                    number += count
                name = f"{name}_{number}"
                taken.add(name)
            given.add(name)
            self._identifiers[index] = show_identifier(name)

    def __contains__(self, index: int) -> bool:
        return index in self._identifiers or index in self._annotations

    def index(self, index: int) -> str:
        """How to refer to a member."""
        return self._identifiers.get(index) or str(index)

    def binding(self, index: int) -> str:
        """What stands behind the keyword where a member is defined, "" when it has no name."""
        if not self._annotations:
            return self._identifiers.get(index, "")
        return " ".join(filter(None, (self._identifiers.get(index), self._annotations.get(index))))


class ModuleNamer:
    """The names of a module, as :class:`wasmarium.text.immediates.Namer` asks for them."""

    def __init__(self, module: Module) -> None:
        names = module.names
        self.subtypes: list[SubType] = [subtype for group in module.types for subtype in group.subtypes]
        self.spaces = {
            "func": Identifiers(names.functions, len(module.all_functions)),
            "type": Identifiers(names.types, len(self.subtypes)),
            "table": Identifiers(names.tables, len(module.all_tables)),
            "memory": Identifiers(names.memories, len(module.all_memories)),
            "global": Identifiers(names.globals, len(module.all_globals)),
            "tag": Identifiers(names.tags, len(module.all_tags)),
            "elem": Identifiers(names.elements, len(module.elements)),
            "data": Identifiers(names.data, len(module.datas)),
            "local": Identifiers({}, 0),
        }
        self.fields: dict[int, Identifiers] = {}
        for index, fields in names.fields.items():
            composite = self.subtypes[index].composite if index < len(self.subtypes) else None
            if composite is not None and composite.kind == "struct":
                self.fields[index] = Identifiers(fields, len(composite.fields))  # type: ignore[union-attr]
        # The labels of the blocks that are open, and for each name where it stands among them.
        self.labels: list[str] = []
        self.label_depths: dict[str, list[int]] = {}

    def index(self, keyword: str, index: int) -> str:
        """``$name`` or the number."""
        return self.spaces[keyword].index(index)

    def field(self, type_index: int, index: int) -> str:
        """A field of a struct."""
        fields = self.fields.get(type_index)
        return fields.index(index) if fields is not None else str(index)

    def label(self, index: int) -> str:
        """A label; one that has no name, or that another one hides, shows its block's number."""
        depth = len(self.labels) - 1 - index
        if depth < -1:
            return str(index)
        name = self.labels[depth] if depth >= 0 else ""
        if name and self.label_depths[name][-1] == depth:
            return name
        return f"{index} (;@{depth + 1};)"

    def push_label(self, name: str) -> None:
        """A block begins; ``name`` is its identifier or ""."""
        if name:
            self.label_depths.setdefault(name, []).append(len(self.labels))
        self.labels.append(name)

    def pop_label(self) -> None:
        """The innermost block ends."""
        name = self.labels.pop()
        if name:
            self.label_depths[name].pop()

    def function_type(self, index: int) -> FunctionType | None:
        """The function type that a type index means, None when there is none."""
        composite = self.subtypes[index].composite if index < len(self.subtypes) else None
        return composite if isinstance(composite, FunctionType) else None

    def block_type(self, index: int) -> str:
        """A type use with its parameters and results spelled out."""
        shown = [f"(type {self.index('type', index)})"]
        function = self.function_type(index)
        if function is not None:
            shown.append(show_value_types("param", function.parameters, self))
            shown.append(show_value_types("result", function.results, self))
        return " ".join(filter(None, shown))
