"""What the simple numeric instructions compute (specification, sections 4.3.2 to 4.3.4).

Each is written once, as the text of a Python expression over its operands ``{0}``, ``{1}``, … and
the names in :data:`NAMES`. The text is what engines put into the code they generate; the function
that :func:`function` gives is made from the same text. Values are as in ``runtime.values``:
integers unsigned, f32 as a float already rounded.

Comparisons stand in :data:`COMPARISONS` as conditions; as instructions they give 1 or 0.

Operands may be repeated in an expression: whoever inserts text for an operand that is more than a
name must give it a name first. Expressions evaluate their operands from left to right.
An expression that can trap is a single call, so that an engine can tell from its position in the
source which instruction it was.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

from wasmarium.errors import TrapCode, trap

M32 = 0xFFFFFFFF
M64 = 0xFFFFFFFFFFFFFFFF

# ---- integers ----


def _signed(bits: int, name: str) -> tuple[Callable[[int, int], int], Callable[[int, int], int]]:
    sign, mask = 1 << (bits - 1), (1 << bits) - 1

    def divide(a: int, b: int) -> int:
        a, b = (a ^ sign) - sign, (b ^ sign) - sign
        if b == 0:
            raise trap(TrapCode.INTEGER_DIVISION_BY_ZERO)
        quotient = abs(a) // abs(b)
        if (a < 0) != (b < 0):
            quotient = -quotient
        elif quotient == sign:
            raise trap(TrapCode.INTEGER_OVERFLOW)
        return quotient & mask

    def remainder(a: int, b: int) -> int:
        a, b = (a ^ sign) - sign, (b ^ sign) - sign
        if b == 0:
            raise trap(TrapCode.INTEGER_DIVISION_BY_ZERO)
        result = abs(a) % abs(b)
        return (-result if a < 0 else result) & mask

    divide.__name__, remainder.__name__ = f"{name}_div_s", f"{name}_rem_s"
    return divide, remainder


i32_div_s, i32_rem_s = _signed(32, "i32")
i64_div_s, i64_rem_s = _signed(64, "i64")


def div_u(a: int, b: int) -> int:
    """Unsigned quotient."""
    if b == 0:
        raise trap(TrapCode.INTEGER_DIVISION_BY_ZERO)
    return a // b


def rem_u(a: int, b: int) -> int:
    """Unsigned remainder."""
    if b == 0:
        raise trap(TrapCode.INTEGER_DIVISION_BY_ZERO)
    return a % b


# ---- floats ----

_FLOAT = memoryview(bytearray(4)).cast("f")
_FLOAT_BITS = memoryview(_FLOAT.obj).cast("I")
_DOUBLE = memoryview(bytearray(8)).cast("d")
_DOUBLE_BITS = memoryview(_DOUBLE.obj).cast("Q")


def round32(value: float, cell: Any = _FLOAT) -> float:
    """The f32 nearest to a double; too large gives infinity; a NaN keeps its upper payload bits."""
    cell[0] = value
    return cell[0]  # type: ignore[no-any-return]


def f64_bits(value: float) -> int:
    """The 64 bits of a double."""
    _DOUBLE[0] = value
    return _DOUBLE_BITS[0]


def f64_from_bits(bits: int) -> float:
    """The double that has these bits."""
    _DOUBLE_BITS[0] = bits
    return _DOUBLE[0]


def f32_bits(value: float) -> int:
    """The 32 bits of an f32 value."""
    if value == value:
        _FLOAT[0] = value
        return _FLOAT_BITS[0]
    # By bits: a conversion between float and double would make a signalling NaN quiet.
    bits = f64_bits(value)
    return bits >> 32 & 0x80000000 | 0x7F800000 | bits >> 29 & 0x7FFFFF


def f32_from_bits(bits: int) -> float:
    """The f32 value that has these bits."""
    if bits & 0x7F800000 == 0x7F800000 and bits & 0x7FFFFF:
        return f64_from_bits((bits & 0x80000000) << 32 | 0x7FF << 52 | (bits & 0x7FFFFF) << 29)
    _FLOAT_BITS[0] = bits
    return _FLOAT[0]


def quiet(value: float) -> float:
    """The same number; a signalling NaN becomes quiet, as every arithmetic result is."""
    return value * 1.0


def divide_by_zero(a: float, b: float) -> float:
    """a / b where b is a zero."""
    if a != a:
        return a * 1.0
    if a == 0:
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def square_root(value: float) -> float:
    """The square root; NaN of a negative number."""
    if value >= 0:
        return math.sqrt(value)
    return value * 1.0 if value != value else math.nan


def minimum(a: float, b: float) -> float:
    """The lesser; NaN if either is; -0 is less than +0."""
    if a < b:
        return a
    if b < a:
        return b
    if a == b:
        return a if math.copysign(1.0, a) < 0 else b
    return a + b


def maximum(a: float, b: float) -> float:
    """The greater; NaN if either is; +0 is greater than -0."""
    if a > b:
        return a
    if b > a:
        return b
    if a == b:
        return b if math.copysign(1.0, a) < 0 else a
    return a + b


def _rounding(to_integer: Callable[[float], int]) -> Callable[[float], float]:
    def rounded(value: float) -> float:
        # From 2^52 on every double is an integer; infinities and NaN fail the comparison as well.
        if -4503599627370496.0 < value < 4503599627370496.0:
            return math.copysign(float(to_integer(value)), value)
        return value * 1.0

    return rounded


ceiling = _rounding(math.ceil)
floor = _rounding(math.floor)
truncate = _rounding(math.trunc)
nearest = _rounding(round)


def f32_from_integer(value: int) -> float:
    """The f32 nearest to an integer, rounded once."""
    excess = abs(value).bit_length() - 53
    if excess > 0:
        # Keep what a double holds and one sticky bit, so that the second rounding sees a tie only
        # where there is one.
        magnitude = abs(value)
        kept = magnitude >> excess
        if magnitude & ((1 << excess) - 1):
            kept |= 1
        value = (kept << excess) * (1 if value > 0 else -1)
    return round32(float(value))


def _truncation(bits: int, signed: bool) -> tuple[Callable[[float], int], Callable[[float], int]]:
    low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
    mask = (1 << bits) - 1

    def trapping(value: float) -> int:
        if value != value:
            raise trap(TrapCode.BAD_CONVERSION_TO_INTEGER)
        if -math.inf < value < math.inf:
            result = int(value)
            if low <= result < high:
                return result & mask
        raise trap(TrapCode.INTEGER_OVERFLOW)

    def saturating(value: float) -> int:
        if value != value:
            return 0
        if value >= high:
            return (high - 1) & mask
        if value <= low:
            return low & mask
        return int(value) & mask

    return trapping, saturating


trunc_i32_s, trunc_sat_i32_s = _truncation(32, True)
trunc_i32_u, trunc_sat_i32_u = _truncation(32, False)
trunc_i64_s, trunc_sat_i64_s = _truncation(64, True)
trunc_i64_u, trunc_sat_i64_u = _truncation(64, False)


# ---- 128 bits in halves (wide arithmetic proposal): low half first ----


def _halves(value: int) -> tuple[int, int]:
    return value & M64, value >> 64 & M64


def add128(a: int, b: int, c: int, d: int) -> tuple[int, int]:
    """(b:a) + (d:c)."""
    return _halves((b << 64 | a) + (d << 64 | c))


def sub128(a: int, b: int, c: int, d: int) -> tuple[int, int]:
    """(b:a) - (d:c)."""
    return _halves((b << 64 | a) - (d << 64 | c))


def mul_wide_s(a: int, b: int) -> tuple[int, int]:
    """The whole product of two signed numbers."""
    sign = 1 << 63
    return _halves(((a ^ sign) - sign) * ((b ^ sign) - sign))


def mul_wide_u(a: int, b: int) -> tuple[int, int]:
    """The whole product of two unsigned numbers."""
    return _halves(a * b)


# ---- the expressions ----

COMPARISONS: dict[str, str] = {}
EXPRESSIONS: dict[str, str] = {}
TRAPPING: frozenset[str] = frozenset(
    f"{type_}.{name}"
    for type_ in ("i32", "i64")
    for name in (
        *("div_s", "div_u", "rem_s", "rem_u"),
        *("trunc_f32_s", "trunc_f32_u", "trunc_f64_s", "trunc_f64_u"),
    )
)
"""The simple instructions that can trap."""


def _integers(type_: str, bits: int) -> None:
    mask, sign = hex((1 << bits) - 1), hex(1 << (bits - 1))
    shift = f"({{1}} & {bits - 1})"
    signed = f"(({{0}} ^ {sign}) - {sign})"
    COMPARISONS[f"{type_}.eqz"] = "not {0}"
    for name, operator in (("eq", "=="), ("ne", "!=")):
        COMPARISONS[f"{type_}.{name}"] = f"{{0}} {operator} {{1}}"
    for name, operator in (("lt", "<"), ("gt", ">"), ("le", "<="), ("ge", ">=")):
        COMPARISONS[f"{type_}.{name}_u"] = f"{{0}} {operator} {{1}}"
        COMPARISONS[f"{type_}.{name}_s"] = f"({{0}} ^ {sign}) {operator} ({{1}} ^ {sign})"
    EXPRESSIONS.update(
        {
            f"{type_}.{name}": f"({expression})"
            for name, expression in {
                "clz": f"{bits} - ({{0}}).bit_length()",
                "ctz": f"({{0}} & -{{0}}).bit_length() - 1 if {{0}} else {bits}",
                "popcnt": "({0}).bit_count()",
                "add": f"{{0}} + {{1}} & {mask}",
                "sub": f"{{0}} - {{1}} & {mask}",
                "mul": f"{{0}} * {{1}} & {mask}",
                "and": "{0} & {1}",
                "or": "{0} | {1}",
                "xor": "{0} ^ {1}",
                "shl": f"{{0}} << {shift} & {mask}",
                "shr_u": f"{{0}} >> {shift}",
                "shr_s": f"{signed} >> {shift} & {mask}",
                # x * (2^N + 1) is x written twice, one above the other.
                "rotl": f"{{0}} * {hex((1 << bits) + 1)} >> {bits} - {shift} & {mask}",
                "rotr": f"{{0}} * {hex((1 << bits) + 1)} >> {shift} & {mask}",
                "extend8_s": f"(({{0}} & 0xFF) ^ 0x80) - 0x80 & {mask}",
                "extend16_s": f"(({{0}} & 0xFFFF) ^ 0x8000) - 0x8000 & {mask}",
            }.items()
        }
    )
    for name in ("div_u", "rem_u"):
        EXPRESSIONS[f"{type_}.{name}"] = f"{name}({{0}}, {{1}})"
    for name in ("div_s", "rem_s"):
        EXPRESSIONS[f"{type_}.{name}"] = f"{type_}_{name}({{0}}, {{1}})"
    for source in ("f32", "f64"):
        for sign_ in ("s", "u"):
            EXPRESSIONS[f"{type_}.trunc_{source}_{sign_}"] = f"trunc_{type_}_{sign_}({{0}})"
            EXPRESSIONS[f"{type_}.trunc_sat_{source}_{sign_}"] = f"trunc_sat_{type_}_{sign_}({{0}})"


def _floats(type_: str) -> None:
    rounded = "round32({})" if type_ == "f32" else "({})"
    for name, operator in (("eq", "=="), ("ne", "!="), ("lt", "<"), ("gt", ">"), ("le", "<="), ("ge", ">=")):
        COMPARISONS[f"{type_}.{name}"] = f"{{0}} {operator} {{1}}"
    for name, operator in (("add", "+"), ("sub", "-"), ("mul", "*")):
        EXPRESSIONS[f"{type_}.{name}"] = rounded.format(f"{{0}} {operator} {{1}}")
    EXPRESSIONS[f"{type_}.div"] = rounded.format("{0} / {1} if {1} else divide_by_zero({0}, {1})")
    EXPRESSIONS[f"{type_}.sqrt"] = rounded.format("square_root({0})")
    for name, function_ in (("ceil", "ceiling"), ("floor", "floor"), ("trunc", "truncate")):
        EXPRESSIONS[f"{type_}.{name}"] = f"{function_}({{0}})"
    EXPRESSIONS[f"{type_}.nearest"] = "nearest({0})"
    EXPRESSIONS[f"{type_}.min"] = "minimum({0}, {1})"
    EXPRESSIONS[f"{type_}.max"] = "maximum({0}, {1})"
    # These three work on bits, not on numbers, and so do Python's: NaNs pass unchanged.
    EXPRESSIONS[f"{type_}.abs"] = "abs({0})"
    EXPRESSIONS[f"{type_}.neg"] = "(-{0})"
    EXPRESSIONS[f"{type_}.copysign"] = "copysign({0}, {1})"


_integers("i32", 32)
_integers("i64", 64)
_floats("f32")
_floats("f64")
EXPRESSIONS.update(
    {
        "i32.wrap_i64": "({0} & 0xFFFFFFFF)",
        "i64.extend_i32_s": "(({0} ^ 0x80000000) - 0x80000000 & 0xFFFFFFFFFFFFFFFF)",
        "i64.extend_i32_u": "{0}",
        "i64.extend32_s": "((({0} & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000 & 0xFFFFFFFFFFFFFFFF)",
        "f32.convert_i32_s": "round32(({0} ^ 0x80000000) - 0x80000000)",
        "f32.convert_i32_u": "round32({0})",
        "f32.convert_i64_s": "f32_from_integer(({0} ^ 0x8000000000000000) - 0x8000000000000000)",
        "f32.convert_i64_u": "f32_from_integer({0})",
        "f64.convert_i32_s": "float(({0} ^ 0x80000000) - 0x80000000)",
        "f64.convert_i32_u": "float({0})",
        "f64.convert_i64_s": "float(({0} ^ 0x8000000000000000) - 0x8000000000000000)",
        "f64.convert_i64_u": "float({0})",
        "f32.demote_f64": "round32({0})",
        "f64.promote_f32": "quiet({0})",
        "i32.reinterpret_f32": "f32_bits({0})",
        "i64.reinterpret_f64": "f64_bits({0})",
        "f32.reinterpret_i32": "f32_from_bits({0})",
        "f64.reinterpret_i64": "f64_from_bits({0})",
        "i64.add128": "add128({0}, {1}, {2}, {3})",
        "i64.sub128": "sub128({0}, {1}, {2}, {3})",
        "i64.mul_wide_s": "mul_wide_s({0}, {1})",
        "i64.mul_wide_u": "mul_wide_u({0}, {1})",
    }
)
EXPRESSIONS.update({name: f"(1 if {condition} else 0)" for name, condition in COMPARISONS.items()})

NAMES: dict[str, Any] = {
    name: globals()[name]
    for name in (
        *("div_u", "rem_u", "i32_div_s", "i32_rem_s", "i64_div_s", "i64_rem_s"),
        *("round32", "divide_by_zero", "square_root", "minimum", "maximum", "quiet"),
        *("ceiling", "floor", "truncate", "nearest", "f32_from_integer"),
        *("add128", "sub128", "mul_wide_s", "mul_wide_u"),
        *("f32_bits", "f64_bits", "f32_from_bits", "f64_from_bits"),
        *(f"{verb}_{type_}_{sign}" for verb in ("trunc", "trunc_sat") for type_ in ("i32", "i64") for sign in "su"),
    )
}
NAMES["copysign"] = math.copysign
"""What the expressions mention besides their operands and Python's builtins."""

_FUNCTIONS: dict[str, Callable[..., Any]] = {}


def function(mnemonic: str) -> Callable[..., Any]:
    """The simple instruction as a Python function of its operands; KeyError if there is none."""
    found = _FUNCTIONS.get(mnemonic)
    if found is None:
        expression = EXPRESSIONS[mnemonic]
        operands = [name for i, name in enumerate("abcd") if f"{{{i}}}" in expression]
        source = f"lambda {', '.join(operands)}: {expression.format(*operands)}"
        found = _FUNCTIONS[mnemonic] = eval(source, NAMES)
    return found


_unpack_f32 = struct.Struct("<f").unpack_from
_pack_f32 = struct.Struct("<f").pack_into


def f32_from_bytes(data: Any, offset: int) -> float:
    """An f32 in memory. Raises struct.error or OverflowError when it is not all inside."""
    value: float = _unpack_f32(data, offset)[0]
    if value == value:
        return value
    return f32_from_bits(int.from_bytes(data[offset : offset + 4], "little"))


def f32_to_bytes(data: Any, offset: int, value: float) -> None:
    """Store an f32; raises like :func:`f32_from_bytes`, with nothing stored."""
    if value == value:
        _pack_f32(data, offset, value)
    else:
        _pack_f32(data, offset, 0.0)
        data[offset : offset + 4] = f32_bits(value).to_bytes(4, "little")
