"""Runs the command line on an instruction table that differs from the real one. Arguments: those of ``wasmarium``.

Every opcode is another one, and there is one instruction more. Whatever reads the table never notices; whatever
has an opcode, an immediate or a signature of its own goes wrong. Used by ``unit/test_single_table.py``.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

TABLE = "wasmarium.instructions.table"
NEW = "i32.between"
"""Takes three numbers and a lane index: is the first from the second to the third? Plus the lane index."""


def moved(opcode: int) -> int:
    """The opcode that stands for ``opcode``: a bijection of single bytes (the prefixes keep their place) and of the
    twelve bits behind a prefix."""
    if opcode < 0x100:
        return (opcode * 7 + 113) % 0xFB
    return opcode & ~0xFFF | ((opcode & 0xFFF) * 5 + 1) % 0x1000


class _Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> object:
        source = self.get_source(fullname)
        assert source is not None
        row = f'_row(0xEE, "{NEW}", "i32 i32 i32 -> i32", imm.LANE, lanes=9)\n'
        for old, new in (
            ("Instruction(opcode, ", "Instruction(_moved(opcode), "),
            ("BY_OPCODE: ", f"{row}BY_OPCODE: "),
        ):
            assert source.count(old) == 1, old
            source = source.replace(old, new)
        _, future, rest = source.partition("from __future__ import annotations\n")
        return compile(f"{future}from moved_table import moved as _moved\n{rest}", self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != TABLE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _Loader(fullname, spec.origin)
        return spec


def main() -> int:
    sys.meta_path.insert(0, _Finder())
    from wasmarium.cli import main as command
    from wasmarium.instructions import numeric

    numeric.EXPRESSIONS[NEW] = "(1 if {1} <= {0} <= {2} else 0) + {x0}"
    return command()


if __name__ == "__main__":
    sys.exit(main())
