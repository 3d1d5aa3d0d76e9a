"""Every diagnostic of validation, one factory each.

A factory takes the place first and gives the exception to raise. Types come as strings, the way
``Context.name`` writes them. Messages begin with the words of the
specification's test suite, then say what was expected and what was found.
"""

from __future__ import annotations

from collections.abc import Iterable

from wasmarium.errors import Invalid, Location, Malformed


def _types(types: Iterable[str]) -> str:
    return f"[{' '.join(types)}]"


def _who(where: Location) -> str:
    return f"{where.mnemonic} " if where.mnemonic else ""


# ---- index spaces ----


def unknown(where: Location, space: str, index: int) -> Invalid:
    """``space``: "type", "function", "local", "label", "data segment" and so on."""
    return Invalid(f"unknown {space} {index}", where)


def undeclared_function(where: Location, index: int) -> Invalid:
    return Invalid(f"undeclared function reference: function {index} is in no element segment, export or global", where)


def wrong_kind_of_type(where: Location, index: int, expected: str, found: str) -> Invalid:
    article = "an" if expected[0] in "aeiou" else "a"
    return Invalid(
        f"type mismatch: type {index} is expected to be {article} {expected} type, found a {found} type", where
    )


# ---- operands ----


def type_mismatch(where: Location, expected: str, found: str) -> Invalid:
    return Invalid(f"type mismatch: {_who(where)}expected {expected}, found {found}", where)


def operands_left(where: Location, expected: Iterable[str], found: Iterable[str]) -> Invalid:
    return Invalid(
        f"type mismatch: at the end of the block expected {_types(expected)},"
        f" found more values on the stack: {_types(found)}",
        where,
    )


def types_mismatch(where: Location, what: str, expected: Iterable[str], found: Iterable[str]) -> Invalid:
    return Invalid(f"type mismatch: {what} expected {_types(expected)}, found {_types(found)}", where)


def if_without_else(where: Location, parameters: Iterable[str], results: Iterable[str]) -> Invalid:
    return Invalid(
        "type mismatch: an if without else must have results like its parameters,"
        f" expected {_types(parameters)}, found {_types(results)}",
        where,
    )


def select_arity(where: Location, count: int) -> Invalid:
    return Invalid(f"invalid result arity: select expected 1 type, found {count}", where)


def too_many_operands(where: Location, limit: int) -> Invalid:
    return Invalid(f"operand stack too deep: more than {limit} values", where)


# ---- locals ----


def uninitialized_local(where: Location, index: int, value: str) -> Invalid:
    return Invalid(f"uninitialized local {index}: a local of type {value} must be set before it is read", where)


def too_many_locals(where: Location, count: int, limit: int) -> Invalid:
    return Invalid(f"too many locals: {count}, at most {limit} are supported", where)


# ---- labels ----


def br_table_arity(where: Location, expected: int, found: int, label: int) -> Invalid:
    return Invalid(
        f"type mismatch: the labels of br_table must have as many types as its default:"
        f" expected {expected}, found {found} for label {label}",
        where,
    )


def label_without_reference(where: Location, types: Iterable[str]) -> Invalid:
    return Invalid(
        f"type mismatch: {_who(where)}expected a label whose last type is a reference, found {_types(types)}",
        where,
    )


def rethrow_label(where: Location, label: int, found: str) -> Invalid:
    return Invalid(f"invalid rethrow label {label}: expected a catch, found {found}", where)


def misplaced(where: Location, expected: str, found: str) -> Malformed:
    """A structure instruction (else, catch, delegate) that does not stand in its block."""
    return Malformed(f"unexpected token: {_who(where)}belongs to {expected}, found {found}", where)


# ---- memories ----


def alignment(where: Location, align: int, width: int) -> Invalid:
    return Invalid(f"alignment must not be larger than natural: expected at most {width} bytes, found 2^{align}", where)


def atomic_alignment(where: Location, align: int, width: int) -> Invalid:
    return Invalid(f"atomic alignment must be natural: expected {width} bytes, found 2^{align}", where)


def offset_range(where: Location, offset: int) -> Invalid:
    return Invalid(f"offset out of range: expected less than 2^32, found {offset}", where)


def lane_index(where: Location, lane: int, lanes: int) -> Invalid:
    return Invalid(f"invalid lane index: expected less than {lanes}, found {lane}", where)


def data_count_required(where: Location) -> Malformed:
    return Malformed(f"data count section required by {where.mnemonic}", where)


# ---- aggregates ----


def immutable(where: Location, what: str, index: int) -> Invalid:
    """``what``: "global", "array" or "field"."""
    return Invalid(f"immutable {what}: {_who(where)}cannot change {what} {index}", where)


def packed_access(where: Location, packed: bool, storage: str) -> Invalid:
    wish = "with sign (_s or _u)" if packed else "without sign"
    return Invalid(f"type mismatch: {_who(where)}expected an access {wish}, the field is {storage}", where)


def array_types(where: Location, target: str, source: str) -> Invalid:
    return Invalid(f"array types do not match: expected elements of {target}, found {source}", where)


def array_not_numeric(where: Location, found: str) -> Invalid:
    return Invalid(f"array type is not numeric or vector: its elements are {found}", where)


def not_defaultable(where: Location, what: str, found: str) -> Invalid:
    return Invalid(f"type mismatch: {what} expected a type with a default value, found {found}", where)


# ---- constant expressions ----


def not_constant(where: Location, which: str = "") -> Invalid:
    subject = f"{where.mnemonic} {which}".rstrip()
    return Invalid(f"constant expression required: {subject} is not constant", where)


# ---- structure of bodies ----


def end_expected(where: Location) -> Malformed:
    return Malformed("END opcode expected: the body ends while a block is open", where)


def body_too_long(where: Location, count: int) -> Malformed:
    return Malformed(f"section size mismatch: {count} bytes behind the end of the body", where)


# ---- definitions ----


def supertype_mismatch(where: Location, sub: int, sup: int, why: str) -> Invalid:
    return Invalid(f"sub type {sub} does not match super type {sup}: {why}", where)


def too_many_supertypes(where: Location, index: int, count: int) -> Invalid:
    return Invalid(f"sub type {index} has {count} super types, at most one is allowed", where)


def too_deep_supertypes(where: Location, index: int, limit: int) -> Invalid:
    return Invalid(f"sub type {index}: more than {limit} super types above it", where)


def too_many_types(where: Location, what: str, count: int, limit: int) -> Invalid:
    return Invalid(f"too many {what}: {count}, at most {limit} are supported", where)


def limits_order(where: Location, minimum: int, maximum: int) -> Invalid:
    return Invalid(f"size minimum must not be greater than maximum: minimum {minimum}, maximum {maximum}", where)


def memory_size(where: Location, pages: int, limit: int, page_size: int) -> Invalid:
    total = " (4GiB)" if limit * page_size == 1 << 32 else ""
    return Invalid(f"memory size must be at most {limit} pages{total}, found {pages}", where)


def table_size(where: Location, size: int, limit: int) -> Invalid:
    return Invalid(f"table size must be at most {limit} elements, found {size}", where)


def page_size(where: Location, size_log2: int) -> Invalid:
    return Invalid(f"invalid custom page size: expected 1 or 65536 bytes, found 2^{size_log2}", where)


def shared_without_maximum(where: Location) -> Invalid:
    return Invalid("shared memory must have maximum", where)


def tag_results(where: Location, results: Iterable[str]) -> Invalid:
    return Invalid(f"non-empty tag result type: {_types(results)}", where)


def several(where: Location, what: str, feature: str) -> Invalid:
    """``what``: "memories" or "tables", of which the second needs ``feature``."""
    return Invalid(f"multiple {what} need the feature {feature!r}, which is switched off", where)


def feature_needed(where: Location, what: str, feature: str) -> Invalid:
    return Invalid(f"{what} needs the feature {feature!r}, which is switched off", where)


def duplicate_export(where: Location, name: str) -> Invalid:
    return Invalid(f"duplicate export name {name!r}", where)


def start_function(where: Location, index: int, parameters: Iterable[str], results: Iterable[str]) -> Invalid:
    found = f"{_types(parameters)} -> {_types(results)}"
    return Invalid(f"start function {index}: expected [] -> [], found {found}", where)


def segment_type(where: Location, expected: str, found: str) -> Invalid:
    return Invalid(f"type mismatch: the elements of the table are {expected}, those of the segment {found}", where)
