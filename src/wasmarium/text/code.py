"""Instructions of the text format to bytes (specification, section 6.5), plain and folded.

One loop reads both forms. What is open stands on a stack of its own, so that nesting costs no
Python recursion: a frame says in which state a construct is, and the state says what may come next
(``_ALLOWED``). A folded instruction waits on the stack, encoded, until its operands are written.

Instructions whose one immediate is one token (``local.get $x``, ``i32.const 5``) are remembered by
that token, since programs repeat them all the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

from wasmarium.features import Features
from wasmarium.instructions import immediates as imm
from wasmarium.instructions.table import BY_MNEMONIC, INSTRUCTIONS, Instruction
from wasmarium.text.immediates import InstructionReader, form_of, parse_variant
from wasmarium.types import FunctionType

# What may come next: clauses of the construct only, folded instructions too, or plain ones as well.
_CLAUSE, _FOLDED, _ANY = range(3)

_ALLOWED = {
    # folded constructs
    "operands": _FOLDED,
    "body": _ANY,
    "condition": _FOLDED,
    "then": _ANY,
    "after then": _CLAUSE,
    "else": _ANY,
    "try": _CLAUSE,
    "do": _ANY,
    "after do": _CLAUSE,
    "catch": _ANY,
    "after catch": _CLAUSE,
    "catch_all": _ANY,
    "closed": _CLAUSE,
    "delegated": _CLAUSE,
    # plain constructs
    "plain block": _ANY,
    "plain if": _ANY,
    "plain else": _ANY,
    "plain try": _ANY,
    "plain catch": _ANY,
    "plain catch_all": _ANY,
}
# The state of a folded construct once a clause of it has been closed.
_AFTER = {"then": "after then", "else": "closed", "do": "after do", "catch": "after catch", "catch_all": "closed"}
# The states in which a parenthesis closes a whole construct that ends in ``end``.
_ENDING = frozenset(("body", "after then", "after do", "after catch", "closed"))
# States in which each clause or delimiter can come.
_CLAUSES = {
    "else": ("after then", "plain if"),
    "do": ("try",),
    "catch": ("after do", "after catch", "plain try", "plain catch"),
    "catch_all": ("after do", "after catch", "plain try", "plain catch"),
    "delegate": ("after do", "plain try"),
}
_DELIMITERS = frozenset(("else", "end", "catch", "catch_all", "delegate"))
_SINGLE = frozenset((imm.LOCAL, imm.GLOBAL, imm.FUNCTION, imm.I32_CONST, imm.I64_CONST, imm.F32_CONST, imm.F64_CONST))
_ACCESS = (imm.MEMORY_ARGUMENT,)
_ENCODED = {row: row.encoded for row in INSTRUCTIONS}


class _Frame(NamedTuple):
    """A construct that is open.

    ``code`` is what is held back and ``token`` the one it comes from; ``label`` is the identifier,
    ``name`` what the name section calls it.
    """

    state: str
    code: bytes | Callable[[], bytes] = b""
    token: int = 0
    label: str | None = None
    name: str | None = None


class _Words(NamedTuple):
    """Mnemonics by how they are read: no immediate, one of one token, a block, anything else."""

    bare: Mapping[str, bytes]
    single: Mapping[str, Instruction]
    blocks: Mapping[str, Instruction]
    others: Mapping[str, tuple[Instruction, ...]]


@lru_cache(maxsize=8)
def _words(features: Features) -> _Words:
    words = _Words({}, {}, {}, {})
    for mnemonic, all_rows in BY_MNEMONIC.items():
        rows = tuple(row for row in all_rows if row.feature in features)
        if not rows or mnemonic in _DELIMITERS:
            continue
        row = rows[0]
        if imm.BLOCK_TYPE in row.immediates:
            words.blocks[mnemonic] = row  # type: ignore[index]
        elif len(rows) == 1 and not row.immediates:
            words.bare[mnemonic] = row.encoded  # type: ignore[index]
        elif len(rows) == 1 and len(row.immediates) == 1 and row.immediates[0] in _SINGLE:
            words.single[mnemonic] = row  # type: ignore[index]
        else:
            words.others[mnemonic] = rows  # type: ignore[index]
    return words


class CodeReader(InstructionReader):
    """A reader of instructions, which it writes to ``out`` as it goes.

    ``offsets`` and ``marks`` say for every instruction in ``out`` where it begins and which token it
    comes from; ``uses_data`` whether any instruction refers to a data segment.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.out = bytearray()
        self.offsets: list[int] = []
        self.marks: list[int] = []
        self.label_names: dict[int, str] = {}
        self.uses_data = False
        self._blocks = 0
        self._frames: list[_Frame] = []
        self._words = _words(self.features)
        self._known: dict[str, dict[str, bytes]] = {mnemonic: {} for mnemonic in self._words.single}
        self._accesses: dict[tuple[str, str], bytes] = {}
        self._of_locals = [m for m, row in self._words.single.items() if row.immediates == (imm.LOCAL,)]

    def begin(self) -> None:
        """Start with nothing written and no label."""
        self.out = bytearray()
        self.offsets, self.marks = [], []
        self.label_names = {}
        self._blocks = 0

    def forget_locals(self) -> None:
        """The locals are not the same as before."""
        for mnemonic in self._of_locals:
            self._known[mnemonic].clear()

    def instructions(self, stop: int) -> None:
        """The instructions up to token ``stop``, and an ``end`` behind them."""
        texts, out, offsets, marks = self.texts, self.out, self.offsets, self.marks
        bare, known, frames = self._words.bare, self._known, self._frames
        allowed = _ANY
        position = self.position
        while position < stop:
            token = texts[position]
            if token == ")":
                self.position = position
                allowed = self._close()
                position += 1
                continue
            folded = token == "("
            if folded:
                position += 1
                token = texts[position]
            elif allowed != _ANY:
                raise self.unexpected(position)
            if allowed == _CLAUSE:
                self.position = position
                allowed = self._clause(token)
                position = self.position
                continue
            code: bytes | Callable[[], bytes] | None = bare.get(token)
            if code is not None:
                after = position + 1
            else:
                memory = known.get(token)
                self.position = position
                if memory is not None:
                    code = memory.get(texts[position + 1])
                    if code is None:
                        code = self._single(token, memory)
                    after = position + 2
                else:
                    code = self._other(token, folded)
                    if code is None:
                        allowed = _ALLOWED[frames[-1].state] if frames else _ANY
                        position = self.position
                        continue
                    after = self.position
            if folded:
                if texts[after] != ")":
                    frames.append(_Frame("operands", code, position))
                    allowed = _FOLDED
                    position = after
                    continue
                after += 1
            offsets.append(len(out))
            marks.append(position)
            out += code if code.__class__ is bytes else code()  # type: ignore[operator]
            position = after
        self.position = position
        if frames:
            raise self.unexpected()
        self._emit(BY_MNEMONIC["end"][0].encoded, stop)

    # ---- writing ----

    def _emit(self, code: bytes | Callable[[], bytes], index: int) -> None:
        self.offsets.append(len(self.out))
        self.marks.append(index)
        self.out += code if isinstance(code, bytes) else code()

    def _encode(self, row: Instruction, values: tuple[Any, ...]) -> bytes:
        if values and isinstance(values[0], FunctionType):
            values = (self.types.index_of(values[0]), *values[1:])
        out = bytearray(_ENCODED[row])
        for kind, value in zip(row.immediates, values, strict=True):
            kind.write(value, out)
        return bytes(out)

    def _held(self, row: Instruction, values: tuple[Any, ...]) -> bytes | Callable[[], bytes]:
        """The code of an instruction, or how to make it once the types before it are numbered."""
        if values and isinstance(values[0], FunctionType):
            return partial(self._encode, row, values)
        return self._encode(row, values)

    def _open(self, frame: _Frame, state: str) -> None:
        """The construct whose head is ``frame`` begins, in ``state``."""
        self._emit(frame.code, frame.token)
        if frame.name is not None:
            self.label_names[self._blocks] = frame.name
        self._blocks += 1
        self.push_label(frame.label)
        self._frames.append(_Frame(state, label=frame.label))

    # ---- one instruction ----

    def _single(self, mnemonic: str, memory: dict[str, bytes]) -> bytes:
        row = self._words.single[mnemonic]
        self.position += 1
        token = self.texts[self.position]
        code = self._encode(row, form_of(row.immediates).parse(self, row))
        # What an identifier of a label means depends on where it is.
        if row.immediates[0] is not imm.LABEL or token[0] != "$":
            memory[token] = code
        return code

    def _access(self, row: Instruction) -> bytes:
        """A load or store; those with nothing but an offset are remembered."""
        token, following = self.texts[self.position : self.position + 2]
        key = None
        if token.startswith("offset=") and not following.startswith("align="):
            key = row.mnemonic, token
            code = self._accesses.get(key)
            if code is not None:
                self.position += 1
                return code
        code = self._encode(row, form_of(row.immediates).parse(self, row))
        if key is not None:
            self._accesses[key] = code
        return code

    def _other(self, token: str, folded: bool) -> bytes | Callable[[], bytes] | None:
        """The code of the instruction ``token``; None when a construct was opened or went on."""
        rows = self._words.others.get(token)
        if rows is not None:
            self.position += 1
            if len(rows) == 1:
                (row,) = rows
                if row.immediates == _ACCESS:
                    return self._access(row)
                values = form_of(row.immediates).parse(self, row)
            else:
                row, values = parse_variant(rows, self)
            if imm.DATA in row.immediates:
                self.uses_data = True
            return self._held(row, values)
        if token in self._words.blocks:
            self._block(self._words.blocks[token], folded)
        elif folded and token == "then" and self._frames and self._frames[-1].state == "condition":
            self._open(self._frames.pop(), "then")
            self.position += 1
        elif not folded and token in _DELIMITERS:
            self._delimiter(token)
        else:
            if token in BY_MNEMONIC and token not in _DELIMITERS:
                self.need(BY_MNEMONIC[token][-1].feature)
            raise self.unexpected()
        return None

    def _block(self, row: Instruction, folded: bool) -> None:
        start = self.position
        self.position += 1
        label = self.identifier()
        name = self.name_annotation() if self.name_annotations else None
        code = self._held(row, form_of(row.immediates).parse(self, row))
        head = _Frame("condition", code, start, label, label if name is None else name)
        if folded:
            if row.mnemonic == "if":
                self._frames.append(head)
            else:
                self._open(head, "try" if row.mnemonic == "try" else "body")
        else:
            self._open(head, f"plain {row.mnemonic}" if row.mnemonic in ("if", "try") else "plain block")

    def _delimiter(self, token: str) -> None:
        """``end``, or what separates the parts of a plain construct."""
        frame = self._frames[-1] if self._frames else None
        if frame is None or not frame.state.startswith("plain"):
            raise self.unexpected()
        if token == "end":
            self._emit(BY_MNEMONIC[token][0].encoded, self.position)
            self._leave()
            self.position += 1
        elif frame.state in _CLAUSES.get(token, ()):
            self._part(token, f"plain {token}", frame.label)
        else:
            raise self.unexpected()
        if token in ("end", "else"):
            at = self.position
            label = self.identifier()
            if label is not None and label != frame.label:
                raise self.error(f"mismatching label {self.texts[at]}", at)

    def _part(self, token: str, state: str, label: str | None) -> None:
        """The delimiter ``token`` is written, the innermost frame goes into ``state``."""
        row = BY_MNEMONIC[token][0]
        self.need(row.feature)
        start = self.position
        self.position += 1
        if token == "delegate":
            # Its label counts from outside the block that it ends.
            self._leave()
        else:
            self._frames[-1] = _Frame(state, label=label)
        self._emit(self._encode(row, form_of(row.immediates).parse(self, row)), start)

    def _leave(self) -> None:
        self._frames.pop()
        self.pop_label()

    # ---- folded constructs ----

    def _close(self) -> int:
        """A parenthesis closes the innermost frame; what may come next."""
        frames = self._frames
        if not frames:
            raise self.unexpected()
        state = frames[-1].state
        if state == "operands":
            frame = frames.pop()
            self._emit(frame.code, frame.token)
        elif state in _AFTER:
            frames[-1] = _Frame(_AFTER[state], label=frames[-1].label)
        elif state in _ENDING:
            self._emit(BY_MNEMONIC["end"][0].encoded, self.position)
            self._leave()
        elif state == "delegated":
            frames.pop()
        else:
            raise self.unexpected()
        return _ALLOWED[frames[-1].state] if frames else _ANY

    def _clause(self, token: str) -> int:
        """A clause of the innermost construct begins; what may come in it."""
        frame = self._frames[-1]
        if token == ")" or frame.state not in _CLAUSES.get(token, ()):
            raise self.unexpected()
        if token == "do":
            self._frames[-1] = _Frame("do", label=frame.label)
            self.position += 1
        else:
            self._part(token, token, frame.label)
            if token == "delegate":
                self._frames.append(_Frame("delegated"))
                self.expect(")")
        return _ALLOWED[self._frames[-1].state]
