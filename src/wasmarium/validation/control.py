"""Rules of control instructions: blocks, branches, calls, exceptions (specification, section 3.4.8).

They work on the stacks of the machine themselves; what an instruction has as a plain type is returned.
"""

from __future__ import annotations

from wasmarium.instructions.immediates import CastArgument, Catch
from wasmarium.instructions.table import Instruction
from wasmarium.types import (
    EXN,
    EXNREF,
    FUNCREF,
    I32,
    ReferenceType,
    ValueType,
    matches_value,
    reference,
)
from wasmarium.validation import diagnostics
from wasmarium.validation.aggregates import non_null
from wasmarium.validation.context import Signature, Types, look
from wasmarium.validation.machine import NOTHING, Machine, Rule, matches

BlockType = ValueType | int | None


def unreachable(machine: Machine, row: Instruction) -> Signature:
    machine.unreachable()
    return NOTHING


def nop(machine: Machine, row: Instruction, reserved: int = 0) -> Signature:
    return NOTHING


# ---- blocks ----


def block(machine: Machine, row: Instruction, kind: BlockType) -> Signature:
    machine.open(row.mnemonic, machine.block_type(kind))
    return NOTHING


def if_(machine: Machine, row: Instruction, kind: BlockType) -> Signature:
    signature = machine.block_type(kind)
    machine.expect(I32)
    machine.open("if", signature)
    return NOTHING


def _next_part(machine: Machine, row: Instruction, after: tuple[str, ...], parameters: Types | None) -> None:
    """End one part of a block and open the next one, which begins with ``parameters`` on the stack
    (None: those of the block)."""
    opened = machine.frames[-1].opcode
    if opened not in after:
        raise diagnostics.misplaced(machine.here(), " or ".join(after), opened)
    frame = machine.close()
    machine.open(row.mnemonic, ([], frame.results))
    if parameters is None:
        # A loop is never cut in parts, so the parameters that a frame holds serve nobody but an if.
        parameters = frame.parameters
    machine.stack.extend(parameters)


def else_(machine: Machine, row: Instruction) -> Signature:
    _next_part(machine, row, ("if",), None)
    return NOTHING


def end(machine: Machine, row: Instruction) -> Signature:
    frame = machine.frames[-1]
    if frame.opcode == "if" and frame.parameters != frame.results:
        _check_missing_else(machine, frame.parameters, frame.results)
    machine.close()
    machine.stack.extend(frame.results)
    return NOTHING


def _check_missing_else(machine: Machine, parameters: Types, results: Types) -> None:
    if len(parameters) != len(results) or not all(map(matches, parameters, results)):
        names = machine.context.names
        raise diagnostics.if_without_else(machine.here(), names(parameters), names(results))


# ---- branches ----


def br(machine: Machine, row: Instruction, depth: int) -> Signature:
    machine.expect_all(machine.label(depth))
    machine.unreachable()
    return NOTHING


def br_if(machine: Machine, row: Instruction, depth: int) -> Signature:
    label = machine.label(depth)
    machine.expect(I32)
    machine.check_all(label)
    return NOTHING


def br_table(machine: Machine, row: Instruction, depths: tuple[int, ...]) -> Signature:
    machine.expect(I32)
    default = machine.label(depths[-1])
    checked: Types | None = None
    # A table names few labels many times; each is checked once, the default last.
    for depth in dict.fromkeys(depths):
        label = machine.label(depth)
        if len(label) != len(default):
            raise diagnostics.br_table_arity(machine.here(), len(default), len(label), depth)
        if label != checked:
            machine.look_at_all(label)
            checked = label
    machine.unreachable()
    return NOTHING


def return_(machine: Machine, row: Instruction) -> Signature:
    machine.expect_all(machine.frames[0].results)
    machine.unreachable()
    return NOTHING


def _branch_with_reference(machine: Machine, depth: int) -> tuple[Types, ReferenceType]:
    """A label whose last type is a reference: the types before it, and it."""
    label = machine.label(depth)
    last = label[-1] if label else None
    if not isinstance(last, ReferenceType):
        raise diagnostics.label_without_reference(machine.here(), machine.context.names(label))
    return label[:-1], last


def br_on_null(machine: Machine, row: Instruction, depth: int) -> Signature:
    label = machine.label(depth)
    value = machine.expect_reference()
    machine.check_all(label)
    return [], [non_null(value)]


def br_on_non_null(machine: Machine, row: Instruction, depth: int) -> Signature:
    others, last = _branch_with_reference(machine, depth)
    value = machine.expect_reference()
    if not matches(non_null(value), last):
        raise machine.mismatch(last, value)
    machine.check_all(others)
    return NOTHING


def br_on_cast(machine: Machine, row: Instruction, argument: CastArgument) -> Signature:
    context = machine.context
    source = context.close_reference(argument.source, machine.here)
    target = context.close_reference(argument.target, machine.here)
    others, last = _branch_with_reference(machine, argument.label)
    if not matches_value(target, source):
        raise diagnostics.type_mismatch(
            machine.here(), f"a target that matches {context.name(source)}", context.name(target)
        )
    # What is left of the operand's type when the cast fails: null went with a nullable target.
    rest = non_null(source) if target.nullable else source
    taken, passed = (target, rest) if row.mnemonic == "br_on_cast" else (rest, target)
    if not matches_value(taken, last):
        raise diagnostics.type_mismatch(machine.here(), f"a label that takes {context.name(taken)}", context.name(last))
    machine.expect(source)
    machine.check_all(others)
    return [], [passed]


# ---- calls ----


def call(machine: Machine, row: Instruction, index: int) -> Signature:
    return machine.context.function(index, machine.here)


def _indirect(machine: Machine, index: int, table: int) -> Signature:
    kind = look(machine.context.tables, "table", table, machine.here)
    if not matches_value(kind.element, FUNCREF):
        raise diagnostics.type_mismatch(
            machine.here(), "a table of functions", f"one of {machine.context.name(kind.element)}"
        )
    parameters, results = machine.context.function_type(index, machine.here)
    return [*parameters, kind.address], results


def call_indirect(machine: Machine, row: Instruction, index: int, table: int) -> Signature:
    return _indirect(machine, index, table)


def _by_reference(machine: Machine, index: int) -> Signature:
    parameters, results = machine.context.function_type(index, machine.here)
    return [*parameters, reference(True, machine.context.types[index])], results


def call_ref(machine: Machine, row: Instruction, index: int) -> Signature:
    return _by_reference(machine, index)


def _tail(machine: Machine, signature: Signature) -> Signature:
    parameters, results = signature
    expected = machine.frames[0].results
    if len(results) != len(expected) or not all(map(matches_value, results, expected)):
        names = machine.context.names
        raise diagnostics.types_mismatch(machine.here(), "the caller's results:", names(expected), names(results))
    machine.expect_all(parameters)
    machine.unreachable()
    return NOTHING


def return_call(machine: Machine, row: Instruction, index: int) -> Signature:
    return _tail(machine, call(machine, row, index))


def return_call_indirect(machine: Machine, row: Instruction, index: int, table: int) -> Signature:
    return _tail(machine, _indirect(machine, index, table))


def return_call_ref(machine: Machine, row: Instruction, index: int) -> Signature:
    return _tail(machine, _by_reference(machine, index))


# ---- exceptions ----


def throw(machine: Machine, row: Instruction, tag: int) -> Signature:
    machine.expect_all(look(machine.context.tags, "tag", tag, machine.here))
    machine.unreachable()
    return NOTHING


def throw_ref(machine: Machine, row: Instruction) -> Signature:
    machine.expect(EXNREF)
    machine.unreachable()
    return NOTHING


def try_table(machine: Machine, row: Instruction, kind: BlockType, catches: tuple[Catch, ...]) -> Signature:
    signature = machine.block_type(kind)
    exception = reference(False, EXN)
    for clause in catches:
        carried = [] if clause.tag is None else look(machine.context.tags, "tag", clause.tag, machine.here)
        if clause.kind.endswith("_ref"):
            carried = [*carried, exception]
        label = machine.label(clause.label)
        if len(carried) != len(label) or not all(map(matches_value, carried, label)):
            what, names = f"label {clause.label} of {clause.kind}", machine.context.names
            raise diagnostics.types_mismatch(machine.here(), what, names(label), names(carried))
    machine.open(row.mnemonic, signature)
    return NOTHING


# ---- the exceptions of before 3.0 ----


def catch(machine: Machine, row: Instruction, tag: int) -> Signature:
    _next_part(machine, row, ("try", "catch"), look(machine.context.tags, "tag", tag, machine.here))
    return NOTHING


def catch_all(machine: Machine, row: Instruction) -> Signature:
    _next_part(machine, row, ("try", "catch"), [])
    return NOTHING


def delegate(machine: Machine, row: Instruction, depth: int) -> Signature:
    opened = machine.frames[-1].opcode
    if opened != "try":
        raise diagnostics.misplaced(machine.here(), "try", opened)
    frame = machine.close()
    # Labels are counted from outside the try; the function itself is the last of them.
    machine.label(depth)
    machine.stack.extend(frame.results)
    return NOTHING


def rethrow(machine: Machine, row: Instruction, depth: int) -> Signature:
    machine.label(depth)
    opened = machine.frames[-1 - depth].opcode
    if opened not in ("catch", "catch_all"):
        raise diagnostics.rethrow_label(machine.here(), depth, opened)
    machine.unreachable()
    return NOTHING


RULES: dict[str, Rule] = {
    "unreachable": unreachable,
    "nop": nop,
    "atomic.fence": nop,
    "block": block,
    "loop": block,
    "try": block,
    "if": if_,
    "else": else_,
    "end": end,
    "br": br,
    "br_if": br_if,
    "br_table": br_table,
    "return": return_,
    "br_on_null": br_on_null,
    "br_on_non_null": br_on_non_null,
    "br_on_cast": br_on_cast,
    "br_on_cast_fail": br_on_cast,
    "call": call,
    "call_indirect": call_indirect,
    "call_ref": call_ref,
    "return_call": return_call,
    "return_call_indirect": return_call_indirect,
    "return_call_ref": return_call_ref,
    "throw": throw,
    "throw_ref": throw_ref,
    "try_table": try_table,
    "catch": catch,
    "catch_all": catch_all,
    "delegate": delegate,
    "rethrow": rethrow,
}
