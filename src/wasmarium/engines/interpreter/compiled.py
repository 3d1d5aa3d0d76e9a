"""Compiling a block that runs often to one Python function.

The text of each instruction is the same as for single steps (``operations``); here it is nested into
expressions, so that operands need no slots while the block runs. A symbolic stack holds what has
been pushed and not yet evaluated (:class:`Pending`). The order of effects stays the guest's:

* before anything that changes the store or may trap is executed as a statement, everything pending
  that reads the store or may trap is evaluated, lowest first;
* before a local is set, whatever pending reads it is evaluated;
* locals are written when the guest writes them, so they are right at every trap.

At the end of the block all operands that remain are in their slots again. Each piece that may trap
begins a source line, and ``Block.lines`` gives the instruction for every line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import Any

from wasmarium.engines.interpreter.blocks import Block, Code, landing
from wasmarium.engines.interpreter.operations import NAMES, PURE, WRITES, Operation
from wasmarium.engines.interpreter.plan import RETURN, Jump
from wasmarium.runtime.function import WasmFunction

_DEEPEST = 30
"""Operations nested in one expression; Python's own parser allows about three times as many."""

_MARK = re.compile("\x01(\\d+)\x02")


@dataclass(frozen=True, slots=True)
class Pending:
    """An operand that is text so far. ``atom``: a name or number, which costs nothing to repeat.
    ``locals``: the locals it reads. ``depth``: operations nested in it."""

    text: str
    atom: bool
    effect: int = PURE
    traps: bool = False
    locals: frozenset[int] = frozenset()
    depth: int = 0
    condition: str | None = None


def compile_block(block: Block) -> None:
    """Replace ``block.run`` by compiled code."""
    code = block.code
    if code.names is None:
        code.names = dict(NAMES)
    writer = _Writer(block, code.names)
    writer.write()
    lines: list[int] = [0]
    source: list[str] = []
    for statement in writer.statements:
        pieces = _MARK.split(statement)
        # A statement begins with its own mark: pieces are "", pc, text, pc, text, …
        for i in range(1, len(pieces), 2):
            source.append((" " if i == 1 else "  ") + pieces[i + 1])
            lines.append(int(pieces[i]))
    text = "def run(r, m):\n" + "\n".join(source) + "\n"
    name = f"<wasm function {code.function.index}, block {block.pc}>"
    exec(compile(text, name, "exec"), code.names)
    run = code.names.pop("run")
    # Line 1 is the definition.
    block.lines = [0, *lines]
    block.compiled = run.__code__
    block.run = run


class _Writer:
    """Writes the statements of one block."""

    def __init__(self, block: Block, names: dict[str, Any]) -> None:
        self.block = block
        self.code: Code = block.code
        self.plan = block.code.plan
        self.names = names
        self.statements: list[str] = []
        self.stack: list[Pending] = []
        self.pc = block.pc
        self.temporaries = 0
        self.cached: set[int] = set()
        rows, immediates = self.plan.rows, self.plan.immediates
        reads: dict[int, int] = {}
        for pc in block.pcs:
            if rows[pc].mnemonic == "local.get":
                index = immediates[pc][0]
                reads[index] = reads.get(index, 0) + 1
        self.repeated = {index for index, count in reads.items() if count > 1}
        self.floor = 0
        """The slot of the lowest entry of ``stack``."""

    def write(self) -> None:
        plan, block = self.plan, self.block
        self.floor = plan.slots[block.pc]
        end = block.last if block.falls else block.last - 1
        for pc in range(block.pc, end + 1):
            self.pc = pc
            row = plan.rows[pc]
            if row.kind == "control":
                continue
            if row.mnemonic == "drop":
                dropped = self.pop()
                if dropped.traps:
                    self.emit(f"({dropped.text})")
            elif row.mnemonic.startswith("local."):
                self.local(row.mnemonic, plan.immediates[pc][0])
            else:
                self.operate(plan.operation(pc))
        self.pc = block.last
        if block.falls:
            self.flush()
            self.emit(f"return {self.name(self.code.block(block.last + 1))}")
        else:
            self.finish(plan.rows[block.last].mnemonic)

    # ---- the symbolic stack ----

    def pop(self) -> Pending:
        if self.stack:
            return self.stack.pop()
        self.floor -= 1
        return Pending(f"r[{self.floor}]", True)

    def emit(self, text: str) -> None:
        self.statements.append(f"\x01{self.pc}\x02{text}")

    def evaluate(self, pending: Pending) -> Pending:
        """Give a pending operand a name, now."""
        name = f"t{self.temporaries}"
        self.temporaries += 1
        self.emit(f"{name} = ({pending.text})")
        return Pending(name, True)

    def settle(self) -> None:
        """Evaluate whatever pending reads the store or may trap."""
        for i, pending in enumerate(self.stack):
            if pending.effect or pending.traps:
                self.stack[i] = self.evaluate(pending)

    def flush(self) -> None:
        """Put all operands into their slots."""
        for i, pending in enumerate(self.stack):
            slot = f"r[{self.floor + i}]"
            if pending.text != slot:
                self.emit(f"{slot} = ({pending.text})")
        self.floor += len(self.stack)
        self.stack.clear()

    # ---- instructions ----

    def local(self, mnemonic: str, index: int) -> None:
        if mnemonic == "local.get":
            if index in self.repeated and index not in self.cached:
                self.emit(f"l{index} = r[{index}]")
                self.cached.add(index)
            text = f"l{index}" if index in self.cached else f"r[{index}]"
            self.stack.append(Pending(text, True, locals=frozenset((index,))))
            return
        value = self.pop()
        readers = [i for i, pending in enumerate(self.stack) if index in pending.locals]
        for i in range(readers[-1] + 1 if readers else 0):
            # What may trap does so in the guest's order, whichever of it reads the local.
            if i in readers or self.stack[i].traps:
                self.stack[i] = self.evaluate(self.stack[i])
        if value.traps:
            self.settle()
        target = f"r[{index}] = "
        if index in self.repeated:
            target += f"l{index} = "
            self.cached.add(index)
        if mnemonic == "local.tee" and not value.atom:
            value = self.evaluate(value)
        self.emit(f"{target}({value.text})")
        if mnemonic == "local.tee":
            # What it was is dearer to repeat than what it is now, and may read the local itself.
            self.stack.append(
                Pending(f"l{index}" if index in self.cached else f"r[{index}]", True, locals=frozenset((index,)))
            )

    def operate(self, found: Operation) -> None:
        operands = self.pop_all(found.pops)
        text = found.text
        if found.pushes != 1 or found.effect == WRITES:
            self.settle()
        if not found.ordered:
            operands = self.named(operands, lambda pending: pending.traps)
        counts = [text.count(f"{{{i}}}") for i in range(found.pops)]
        operands = self.named(
            operands, lambda pending: not pending.atom, [i for i, count in enumerate(counts) if count != 1]
        )
        operands = self.named(operands, lambda pending: pending.depth >= _DEEPEST)
        arguments = {f"x{i}": self.argument(value) for i, value in enumerate(found.arguments)}
        texts = [pending.text for pending in operands]
        result = text.format(*texts, **arguments)
        if not found.pushes:
            self.emit(result)
            return
        if found.pushes > 1 or found.effect == WRITES:
            names = [f"t{self.temporaries + i}" for i in range(found.pushes)]
            self.temporaries += found.pushes
            self.emit(f"{', '.join(names)} = ({result})")
            self.stack += [Pending(name, True) for name in names]
            return
        if found.traps:
            result = f"\x01{self.pc}\x02{result}"
        read: frozenset[int] = frozenset()
        for pending in operands:
            read |= pending.locals
        condition = None
        if found.condition is not None:
            inner = operands[0].condition
            if found.condition == "not {0}" and inner is not None:
                condition = f"not ({inner})"
                result = f"(1 if {condition} else 0)"
            else:
                condition = found.condition.format(*texts)
        self.stack.append(
            Pending(
                result,
                not found.pops and not found.effect,
                max([found.effect, *(pending.effect for pending in operands)]),
                found.traps or any(pending.traps for pending in operands),
                read,
                1 + max([0, *(pending.depth for pending in operands)]),
                condition,
            )
        )

    def named(self, operands: list[Pending], which: Any, indices: list[int] | None = None) -> list[Pending]:
        """Evaluate the operands for which ``which`` holds, and for order's sake all that may trap
        before the last of them."""
        chosen = [i for i, pending in enumerate(operands) if (indices is None or i in indices) and which(pending)]
        if not chosen:
            return operands
        self.settle()
        operands = list(operands)
        for i in range(chosen[-1] + 1):
            if i in chosen or operands[i].traps:
                operands[i] = self.evaluate(operands[i])
        return operands

    def argument(self, value: Any) -> str:
        """The text for a number or an object of the instance."""
        if value is None or (type(value) is int and value >= 0):
            return repr(value)
        if type(value) is float and isfinite(value):
            return f"({value!r})"
        return self.name(value)

    def name(self, value: Any) -> str:
        name = f"o{id(value):x}"
        # The namespace keeps the object, so that its id stays its own.
        self.names[name] = value
        return name

    # ---- the end ----

    def finish(self, mnemonic: str) -> None:
        plan, code, block = self.plan, self.code, self.block
        jumps = plan.jumps.get(block.last, ())
        following = block.last + 1
        match mnemonic:
            case "br" | "else" | "catch" | "catch_all":
                self.flush()
                self.jump(jumps[0])
            case "br_if" | "if":
                condition = self.pop()
                test = condition.condition or condition.text
                self.flush()
                other = f"return {self.name(code.block(following))}"
                if mnemonic == "br_if":
                    self.emit(f"if ({test}):")
                    self.jump(jumps[0], indent=True)
                    self.emit(other)
                else:
                    self.emit(f"if ({test}): {other}")
                    self.jump(jumps[0])
            case "return" | "end":
                self.leave()
            case "call" | "call_indirect" | "call_ref" | "return_call" | "return_call_indirect" | "return_call_ref":
                self.call(mnemonic)
            case _:
                self.flush()
                if block.leave is not None:
                    self.emit("return None")
                else:
                    self.emit(f"return {self.name(block.next)}(r)")

    def jump(self, jump: Jump, indent: bool = False) -> None:
        pad = " " if indent else ""
        if jump.target != RETURN and jump.arity and jump.source != jump.destination:
            source, destination, arity = jump.source, jump.destination, jump.arity
            if arity == 1:
                self.emit(f"{pad}r[{destination}] = r[{source}]")
            else:
                self.emit(f"{pad}r[{destination}:{destination + arity}] = r[{source}:{source + arity}]")
        self.emit(f"{pad}return {self.name(landing(self.code, jump))}")

    def leave(self) -> None:
        """Return to the caller; without one, the machine ends the call."""
        arity = self.plan.results
        values = self.pop_all(arity)
        for left in self.stack:
            # A return may leave operands behind; those that trap do so first.
            if left.traps:
                self.emit(f"({left.text})")
        slot = self.plan.slots[self.block.last] - arity
        self.emit(f"v = [{', '.join(value.text for value in values)}]")
        self.emit("if m.callers:")
        self.emit(" r, m.entered, s = m.callers.pop()")
        if arity == 1:
            self.emit(" (r[s],) = v")
        elif arity:
            self.emit(f" r[s : s + {arity}] = v")
        self.emit(f" m.values -= {self.code.weight}")
        self.emit(" m.r = r")
        self.emit(" return None")
        if arity:
            self.emit(f"r[{slot}:{slot + arity}] = v")
        self.emit("return None")

    def call(self, mnemonic: str) -> None:
        """Enter another function of a guest; whatever is not plain is left to ``Block.leave``."""
        plan, block, code = self.plan, self.block, self.code
        instance = code.function.instance
        immediates = plan.immediates[block.last]
        tail = mnemonic.startswith("return_")
        index, found = None, ""
        if mnemonic.endswith("call"):
            function = instance.functions[immediates[0]]
            if not isinstance(function, WasmFunction):
                self.flush()
                self.emit("return None")
                return
            arguments = self.pop_all(len(function.type.parameters))
            callee = f"{self.name(function)}.compiled"
        else:
            expected = instance.types[immediates[0]]
            index = self.pop()
            arguments = self.pop_all(len(expected.function.parameters))
            found = "i"
            if mnemonic.endswith("call_indirect"):
                found = f"indirect_callee({self.name(instance.tables[immediates[1]])}, i, {self.name(expected)})"
            callee = "f.compiled if f.__class__ is WasmFunction else None"
        self.flush()
        slot, end = self.floor, self.floor + len(arguments)
        self.emit(f"a = [{', '.join(argument.text for argument in arguments)}]")
        if index is not None:
            self.emit(f"i = ({index.text})")
            self.emit(f"f = {found}")
        self.emit(f"c = {callee}")
        weight = f"c.weight - {code.weight}" if tail else "c.weight"
        self.emit(f"if c is not None and m.values + {weight} <= m.most_values:")
        self.emit(f" m.values += {weight}")
        if not tail:
            self.emit(f" m.callers.append((r, {self.name(code.block(block.last + 1))}, {slot}))")
        self.emit(" m.r = a + c.fresh")
        self.emit(" m.entered = c.entry")
        self.emit(" return None")
        if arguments:
            self.emit(f"r[{slot}:{end}] = a")
        if index is not None:
            self.emit(f"r[{end}] = i")
        self.emit("return None")

    def pop_all(self, count: int) -> list[Pending]:
        values = [self.pop() for _ in range(count)]
        values.reverse()
        return values
